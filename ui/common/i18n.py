"""Texts of the screens by symbolic id, in the language of the moment. gettext catalogues, no Qt.

An id such as `kiosk.place.title` is never shown: a text that a catalogue lacks is taken from English, and a test holds every
catalogue complete. Numbers of gates and documents stay in Latin digits in every language.
"""

from __future__ import annotations

import gettext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LOCALE_DIRECTORY = Path(__file__).resolve().parent.parent / "locale"

FALLBACK = "en"
"""The language of a text that is not translated, and of a language that we do not have."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language that is shipped: its ISO 639-1 code, its own name, and whether it is written from right to left."""

    code: str
    name: str
    right_to_left: bool = False


LANGUAGES = (Language("en", "English"), Language("de", "Deutsch"), Language("ar", "العربية", right_to_left=True))
"""In the order in which the kiosk offers them."""


class Catalogue:
    """The texts of one domain (`kiosk`, `guard`) in one language."""

    def __init__(self, domain: str, language: Language) -> None:
        self.language = language
        self._domain = domain
        self._texts = _load(domain, language.code)

    def text(self, key: str, **values: object) -> str:
        """The text with this id, with `{name}` places filled."""
        found = self._texts.gettext(key)
        return found.format(**values) if values else found

    def counted(self, key: str, count: int) -> str:
        """The text for a number of things, in the plural form of the language; `{count}` is filled."""
        return self._texts.ngettext(key, f"{key}.many", count).format(count=count)

    def known(self, key: str) -> bool:
        """Whether the id has a text at all."""
        return self._texts.gettext(key) != key


def isolate(text: str) -> str:
    """A piece in Latin letters and digits that keeps its own order inside a text that is written from right to left."""
    return f"\u2066{text}\u2069" if text else ""


def language_of(code: str) -> Language:
    """The shipped language with this code, English for any other."""
    return next((language for language in LANGUAGES if language.code == code), LANGUAGES[0])


@cache
def catalogue(domain: str, code: str) -> Catalogue:
    """The catalogue of a domain in a language (English for a language that is not shipped), read once."""
    return Catalogue(domain, language_of(code))


def _load(domain: str, code: str) -> gettext.NullTranslations:
    texts = gettext.translation(domain, str(LOCALE_DIRECTORY), languages=[code])
    if code != FALLBACK:
        texts.add_fallback(gettext.translation(domain, str(LOCALE_DIRECTORY), languages=[FALLBACK]))
    return texts
