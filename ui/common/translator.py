"""Qt's own words in the language of the moment: a QTranslator that reads our gettext catalogues.

Qt asks for the few texts that it shows by itself (context menus, dialog buttons); they stand in the catalogue under
`qt.<text>`. What the catalogue lacks stays as Qt has it.
"""

from __future__ import annotations

from PyQt6.QtCore import QCoreApplication, QObject, Qt, QTranslator
from PyQt6.QtGui import QGuiApplication

from ui.common.i18n import Catalogue


class CatalogueTranslator(QTranslator):
    """Answers Qt from a catalogue."""

    def __init__(self, texts: Catalogue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._texts = texts

    def isEmpty(self) -> bool:  # noqa: N802 - Qt's name
        """Qt drops translators that say they are empty."""
        return False

    def translate(self, context: str | None, source_text: str | None, disambiguation: str | None = None, n: int = -1) -> str:
        """The text for Qt's source text, or that text itself when the catalogue has none."""
        del context, disambiguation, n
        key = f"qt.{(source_text or '').replace('&', '')}"
        return self._texts.text(key) if self._texts.known(key) else source_text or ""


def speak(texts: Catalogue, previous: QTranslator | None) -> QTranslator:
    """Let Qt speak a catalogue's language in its direction of writing; gives the translator to hand in next time."""
    if previous is not None:
        QCoreApplication.removeTranslator(previous)
    translator = CatalogueTranslator(texts, QCoreApplication.instance())
    QCoreApplication.installTranslator(translator)
    right_to_left = texts.language.right_to_left
    QGuiApplication.setLayoutDirection(Qt.LayoutDirection.RightToLeft if right_to_left else Qt.LayoutDirection.LeftToRight)
    return translator
