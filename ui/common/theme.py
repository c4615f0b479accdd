"""Fonts and the look that Qt has no say in: the same on every machine, because the fonts are ours."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtGui import QColor, QFont, QFontDatabase, QFontMetrics
from PyQt6.QtWidgets import QApplication

FONT_DIRECTORY = Path(__file__).resolve().parent / "fonts"

FAMILIES = ("Noto Sans", "Noto Sans Arabic")
"""In the order in which a glyph is looked for."""

_STEP_PX = 1
"""How finely a long text shrinks."""


def dress(application: QApplication) -> None:
    """Load the shipped fonts and make them the application's."""
    for path in sorted(FONT_DIRECTORY.glob("*.ttf")):
        QFontDatabase.addApplicationFont(str(path))
    application.setStyle("Fusion")
    application.setFont(font(18))


def font(size_px: float, *, bold: bool = False) -> QFont:
    """One of our fonts at a size in pixels."""
    face = QFont()
    face.setFamilies(list(FAMILIES))
    face.setPixelSize(max(1, round(size_px)))
    face.setBold(bold)
    face.setStyleStrategy(QFont.StyleStrategy.PreferAntialias)
    face.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return face


def tint(colour: str, alpha: float = 1.0) -> QColor:
    """A `#RRGGBB` colour with an opacity of 0…1."""
    tinted = QColor(colour)
    tinted.setAlphaF(alpha)
    return tinted


def fit(text: str, width: int, height: int, sizes_px: tuple[float, float], *, bold: bool = False, wrapped: bool = True) -> QFont:
    """The largest font between two sizes (largest, least) with which a text fits a box; the least when none does."""
    size, least = sizes_px
    while size > least and not fits(text, width, height, font(size, bold=bold), wrapped=wrapped):
        size -= _STEP_PX
    return font(max(size, least), bold=bold)


def fits(text: str, width: int, height: int, face: QFont, *, wrapped: bool = True) -> bool:
    """Whether a text, on one line or wrapped between words, fits a box of this size in pixels."""
    metrics = QFontMetrics(face)
    pieces = text.split() if wrapped else [text]
    longest = max((metrics.horizontalAdvance(piece) for piece in pieces), default=0)
    return longest <= width and (not wrapped or wrapped_height(text, width, face) <= height)


def wrapped_height(text: str, width: int, face: QFont) -> int:
    """How high a text becomes when it is wrapped at a width, in pixels."""
    flags = 0x1000  # Qt.TextFlag.TextWordWrap as the plain number that this overload wants
    return QFontMetrics(face).boundingRect(0, 0, width, 100_000, flags, text).height()
