"""Printing a machine readable zone in each of its forms, with its check digits.

Sources: ICAO Doc 9303-4 §4.2 (TD3), 9303-5 §4.2 and its note on long numbers (TD1), 9303-6 §4.2 (TD2), 9303-7 §4.2 (visas).
Rule: names that are too long are cut as an issuer cuts them; any other value that does not fit is refused, never shortened.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from egate.model.document import DocumentFormat
from egate.model.errors import MalformedData
from egate.mrtd.files.mrz import check_digit

_DOING = "encoding a machine readable zone"
_NUMBER_CHARACTERS = 9
_OPTIONAL_CHARACTERS = {
    DocumentFormat.TD1: 15,
    DocumentFormat.TD2: 7,
    DocumentFormat.TD3: 14,
    DocumentFormat.MRV_A: 16,
    DocumentFormat.MRV_B: 8,
}
_SECOND_OPTIONAL_CHARACTERS = 11
"""TD1 alone has a second field."""


@dataclass(frozen=True, slots=True)
class MrzFields:
    """What an issuer prints into the machine readable zone. Dates are YYMMDD; `sex` is M, F or <."""

    issuing_state: str
    document_number: str = field(repr=False)
    surname: str = field(repr=False)
    given_names: str = field(repr=False)
    nationality: str
    date_of_birth: str = field(repr=False)
    sex: str
    date_of_expiry: str = field(repr=False)
    optional_data: str = field(repr=False, default="")
    document_code: str = "P"


def encode_td3(fields: MrzFields) -> tuple[str, str]:
    """The two lines of a passport; raises as `encode_mrz`."""
    first, second = encode_mrz(DocumentFormat.TD3, fields)
    return first, second


def encode_mrz(shape: DocumentFormat, fields: MrzFields, optional_data_2: str = "") -> tuple[str, ...]:
    """The lines of a document of this form; raises MalformedData for a value that does not fit or has another character.

    A document number of more than nine characters overflows into the optional data of cards, as the standard provides.
    """
    if (shape in {DocumentFormat.MRV_A, DocumentFormat.MRV_B}) != fields.document_code.upper().startswith("V"):
        raise MalformedData(_DOING, "visas have a code that begins with V, and nothing else has")
    number, optional = _number(shape, fields)
    birth, expiry = _with_digit(_fill(fields.date_of_birth, 6)), _with_digit(_fill(fields.date_of_expiry, 6))
    sex, nationality = _fill(fields.sex, 1), _fill(fields.nationality, 3)
    head = _fill(fields.document_code, 2) + _fill(fields.issuing_state, 3)
    if shape is DocumentFormat.TD1:
        second_optional = _fill(optional_data_2, _SECOND_OPTIONAL_CHARACTERS)
        composite = number + optional + birth + expiry + second_optional
        second = birth + sex + expiry + nationality + second_optional + str(check_digit(composite))
        lines: tuple[str, ...] = (head + number + optional, second, _names(fields, shape.line_characters))
    else:
        second = number + nationality + birth + sex + expiry + optional
        lines = (head + _names(fields, shape.line_characters - 5), _closed(shape, second, number + birth + expiry + optional))
    check_digit("".join(lines))
    return lines


def _closed(shape: DocumentFormat, second: str, covered: str) -> str:
    """The second line with the digits that passports and cards have at its end and visas have not."""
    return second + str(check_digit(covered)) if shape in {DocumentFormat.TD2, DocumentFormat.TD3} else second


def _number(shape: DocumentFormat, fields: MrzFields) -> tuple[str, str]:
    """Document number with its digit, and the optional data, into which a long number of a card goes on."""
    size = _OPTIONAL_CHARACTERS[shape]
    number, optional = fields.document_number.upper(), fields.optional_data
    if len(number) > _NUMBER_CHARACTERS and shape in {DocumentFormat.TD1, DocumentFormat.TD2}:
        rest = number[_NUMBER_CHARACTERS:] + str(check_digit(number)) + "<"
        if optional:
            raise MalformedData(_DOING, "a long document number leaves no room for optional data")
        return number[:_NUMBER_CHARACTERS] + "<", _fill(rest[:size] if len(rest) == size + 1 else rest, size)
    filled = _fill(optional, size)
    return _with_digit(_fill(number, _NUMBER_CHARACTERS)), _with_digit(filled) if shape is DocumentFormat.TD3 else filled


def _names(fields: MrzFields, length: int) -> str:
    names = f"{fields.surname}<<{fields.given_names}".upper().replace(" ", "<").replace("-", "<").replace("'", "")
    return _fill(names[:length], length)


def _fill(text: str, length: int) -> str:
    if len(text) > length:
        raise MalformedData(_DOING, "a value is longer than its field")
    return text.upper().replace(" ", "<").ljust(length, "<")


def _with_digit(text: str) -> str:
    return text + str(check_digit(text))
