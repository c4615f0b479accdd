"""Characters that optical reading confuses, corrected only where the type of the field leaves one reading.

Sources: ICAO Doc 9303-3 §4.3 (which fields hold letters, digits or both), 9303-4 to -7 (positions). Rule: a position that holds
digits only turns a confused letter into its digit, a position that holds letters only does the opposite; document numbers and
optional data hold both and are never touched, and check digits are never used to guess. Every field that was changed is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egate.model.document import DocumentFormat

_TO_DIGIT = str.maketrans("OQDIZSGB", "00012568")
_TO_LETTER = str.maketrans("012568", "OIZSGB")
_ONE_LETTER_STATE = ("0<<", "D<<")
"""Germany is the only State whose code has one letter, so a zero alone is its D and no O."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Positions of one kind: the field they belong to, line, first position, and the position after the last."""

    name: str
    line: int
    start: int
    end: int
    digits: bool


def _digits(name: str, line: int, start: int, end: int) -> _Span:
    return _Span(name, line, start, end, digits=True)


def _letters(name: str, line: int, start: int, end: int) -> _Span:
    return _Span(name, line, start, end, digits=False)


_HEAD = (_letters("document_code", 0, 0, 2), _letters("issuing_state", 0, 2, 5))
_SECOND_LINE = (
    _digits("document_number", 1, 9, 10),
    _letters("nationality", 1, 10, 13),
    _digits("date_of_birth", 1, 13, 20),
    _digits("date_of_expiry", 1, 21, 28),
)
_SPANS: Mapping[DocumentFormat, tuple[_Span, ...]] = {
    DocumentFormat.TD1: (
        *_HEAD,
        _digits("document_number", 0, 14, 15),
        _digits("date_of_birth", 1, 0, 7),
        _digits("date_of_expiry", 1, 8, 15),
        _letters("nationality", 1, 15, 18),
        _digits("composite", 1, 29, 30),
        _letters("names", 2, 0, 30),
    ),
    DocumentFormat.TD2: (*_HEAD, _letters("names", 0, 5, 36), *_SECOND_LINE, _digits("composite", 1, 35, 36)),
    DocumentFormat.TD3: (
        *_HEAD,
        _letters("names", 0, 5, 44),
        *_SECOND_LINE,
        _digits("optional_data", 1, 42, 43),
        _digits("composite", 1, 43, 44),
    ),
    DocumentFormat.MRV_A: (*_HEAD, _letters("names", 0, 5, 44), *_SECOND_LINE),
    DocumentFormat.MRV_B: (*_HEAD, _letters("names", 0, 5, 36), *_SECOND_LINE),
}
"""The positions of one type, in each form."""


def correct_confusions(lines: tuple[str, ...], shape: DocumentFormat) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines with certain confusions corrected, and the names of the fields that were changed, each once."""
    corrected, changed = list(lines), dict[str, None]()
    for span in _SPANS[shape]:
        before = corrected[span.line][span.start : span.end]
        after = before.translate(_TO_DIGIT) if span.digits else _as_letters(before)
        if after != before:
            corrected[span.line] = corrected[span.line][: span.start] + after + corrected[span.line][span.end :]
            changed[span.name] = None
    return tuple(corrected), tuple(changed)


def _as_letters(text: str) -> str:
    zero, germany = _ONE_LETTER_STATE
    return germany if text == zero else text.translate(_TO_LETTER)
