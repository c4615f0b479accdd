"""Names as a machine readable zone would print them (Doc 9303-3 §6.A), so that a list and a document can be compared.

States differ in how they write letters that A–Z lacks (Ü as UE or U), so a name has two forms: the recommended transliteration
and the one that drops the marks. Names in other scripts have no form here; transliterating those belongs to part 6.
"""

from __future__ import annotations

import unicodedata

MAXIMUM_NAME_CHARACTERS = 300
"""Longer than any name; a list entry beyond it is cut."""

_LETTERS = {
    "Æ": "AE",
    "Œ": "OE",
    "ß": "SS",
    "ẞ": "SS",
    "Þ": "TH",
    "Ð": "D",
    "Đ": "D",
    "Ł": "L",
    "Ħ": "H",
    "Ĳ": "IJ",
    "Ŋ": "N",
    "Ŧ": "T",
}
"""Letters that have one transliteration and no decomposition."""

_MARKED = {"Ä": "AE", "Ö": "OE", "Ü": "UE", "Å": "AA", "Ø": "OE"}
"""Letters whose recommended transliteration differs from dropping the mark."""

_WITHOUT_MARK = {"Ø": "O"}
_DROPPED = "'’`´.·"
_LONG = str.maketrans({**_LETTERS, **_MARKED})
_SHORT = str.maketrans({**_LETTERS, **_WITHOUT_MARK})


def name_forms(name: str) -> frozenset[str]:
    """The forms of a name, words parted by one space; empty when no letter of it is in reach of A–Z."""
    # ß has no upper case of one letter, so it is replaced before the name is put into upper case.
    text = unicodedata.normalize("NFC", name[:MAXIMUM_NAME_CHARACTERS]).replace("ß", "SS").upper()
    return frozenset(form for table in (_LONG, _SHORT) if (form := _plain(text.translate(table))))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    kept = (character for character in decomposed if character not in _DROPPED and not unicodedata.combining(character))
    letters = "".join(character if "A" <= character <= "Z" else " " if not character.isalpha() else "" for character in kept)
    return " ".join(letters.split())
