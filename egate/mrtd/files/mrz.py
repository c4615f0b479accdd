"""The machine readable zone: parsing, check digits, dates, and encoding of passports.

Sources: ICAO Doc 9303-3 §4 (characters, check digits, dates), 9303-4 (TD3), 9303-5 (TD1), 9303-6 (TD2), 9303-7 (visas).
Rule: a zone whose shape fits is always parsed; what does not add up is listed in `failed_check_digits`, because a wrong digit is
a finding for `egate.checks` and must not by itself keep us from the chip. An O is read as 0 only in positions that the standard
reserves for digits; a space is read as the filler `<`, which some readers print for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from egate.model.document import DocumentFormat, Mrz, MrzInformation
from egate.model.errors import MalformedData

_DOING = "parsing the machine readable zone"
_WEIGHTS = (7, 3, 1)
_VALUES = {character: value for value, character in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}
_FORMATS = {
    (shape.line_count, shape.line_characters): shape for shape in (DocumentFormat.TD1, DocumentFormat.TD2, DocumentFormat.TD3)
}
_NUMBER_LENGTH = 9

DOCUMENT_NUMBER = "document_number"
DATE_OF_BIRTH = "date_of_birth"
DATE_OF_EXPIRY = "date_of_expiry"
OPTIONAL_DATA = "optional_data"
COMPOSITE = "composite"
"""The names that `Mrz.failed_check_digits` uses."""

_EXPIRY_PIVOT_YEAR = 70
"""Two-digit expiry years from here on belong to the 1900s: no readable document is valid beyond 2069."""

# Positions (line, start, end) that hold digits only, per format; visas share the lines of TD2 and TD3.
_SECOND_LINE_DIGITS = ((1, 9, 10), (1, 13, 20), (1, 21, 28))
_DIGITS: dict[DocumentFormat, tuple[tuple[int, int, int], ...]] = {
    DocumentFormat.TD1: ((0, 14, 15), (1, 0, 7), (1, 8, 15), (1, 29, 30)),
    DocumentFormat.TD2: (*_SECOND_LINE_DIGITS, (1, 35, 36)),
    DocumentFormat.TD3: (*_SECOND_LINE_DIGITS, (1, 42, 43), (1, 43, 44)),
}


@dataclass(frozen=True, slots=True)
class _Fields:
    """A zone cut into its parts before anything is judged. `checked` lists (field, text, check digit as printed)."""

    document_number: str = field(repr=False)
    birth: str = field(repr=False)
    sex: str
    expiry: str = field(repr=False)
    nationality: str
    names: str = field(repr=False)
    optional: str = field(repr=False)
    optional_2: str = field(repr=False)
    checked: tuple[tuple[str, str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Td3Fields:
    """What an issuer prints into the machine readable zone of a passport. Dates are YYMMDD; `sex` is M, F or <."""

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


def check_digit(text: str) -> int:
    """The check digit over `text` (Doc 9303-3 §4.9); raises MalformedData for a character outside A–Z, 0–9 and `<`."""
    try:
        return sum(_VALUES[character] * _WEIGHTS[index % 3] for index, character in enumerate(text)) % 10
    except KeyError:
        raise MalformedData(_DOING, "a character outside A-Z, 0-9 and <") from None


def parse_mrz(lines: Sequence[str]) -> Mrz:
    """Parse the two or three lines of a document; raises MalformedData when their number, length or characters do not fit."""
    clean = tuple(line.strip("\r\n").replace(" ", "<") for line in lines)
    shape = _FORMATS.get((len(clean), len(clean[0]))) if clean else None
    if shape is None or any(len(line) != shape.line_characters for line in clean):
        raise MalformedData(_DOING, "number or length of the lines fits no document format")
    if any(character not in _VALUES for line in clean for character in line):
        raise MalformedData(_DOING, "a character outside A-Z, 0-9 and <")
    clean = _correct_digits(clean, shape)
    cut = _CUTTERS[shape](clean)
    surname, _, given_names = cut.names.partition("<<")
    return Mrz(
        format=shape,
        lines=clean,
        document_code=clean[0][:2].rstrip("<"),
        issuing_state=clean[0][2:5].rstrip("<"),
        document_number=cut.document_number.rstrip("<"),
        surname=_words(surname),
        given_names=_words(given_names),
        nationality=cut.nationality.rstrip("<"),
        date_of_birth=cut.birth,
        sex=cut.sex,
        date_of_expiry=cut.expiry,
        optional_data=cut.optional.rstrip("<"),
        optional_data_2=cut.optional_2.rstrip("<"),
        failed_check_digits=tuple(name for name, text, digit in cut.checked if not _adds_up(name, text, digit)),
        information=MrzInformation(cut.document_number, cut.birth, cut.expiry),
    )


def _words(name: str) -> str:
    return " ".join(part for part in name.split("<") if part)


def _correct_digits(lines: tuple[str, ...], shape: DocumentFormat) -> tuple[str, ...]:
    """Read O as 0 in the positions that hold digits. In visas the last positions are optional data and stay as they are."""
    corrected = list(lines)
    visa = lines[0].startswith("V")
    for line, start, end in _DIGITS[shape]:
        if visa and start >= 28:
            continue
        text = corrected[line]
        corrected[line] = text[:start] + text[start:end].replace("O", "0") + text[end:]
    return tuple(corrected)


def _long_number(number: str, check: str, optional: str) -> tuple[str, str, str]:
    """Follow a document number that overflows into the optional data (Doc 9303-5 note j): number, check digit, optional rest.

    The overflow is marked by `<` in place of the check digit; the rest of the number and its check digit begin the optional
    data and end at the first filler.
    """
    rest, _, remaining = optional.partition("<")
    if check != "<" or len(rest) < 2 or number.endswith("<"):
        return number, check, optional
    return number + rest[:-1], rest[-1].replace("O", "0"), remaining


def _cut_td1(lines: tuple[str, ...]) -> _Fields:
    first, second, names = lines
    number, check, optional = _long_number(first[5:14], first[14], first[15:30])
    return _Fields(
        document_number=number,
        birth=second[0:6],
        sex=second[7],
        expiry=second[8:14],
        nationality=second[15:18],
        names=names,
        optional=optional,
        optional_2=second[18:29],
        checked=(
            (DOCUMENT_NUMBER, number, check),
            (DATE_OF_BIRTH, second[0:6], second[6]),
            (DATE_OF_EXPIRY, second[8:14], second[14]),
            (COMPOSITE, first[5:30] + second[0:7] + second[8:15] + second[18:29], second[29]),
        ),
    )


def _cut_td2(lines: tuple[str, ...]) -> _Fields:
    second = lines[1]
    if lines[0].startswith("V"):
        return _two_lines(lines, second[0:10], second[28:], ())
    number, check, optional = _long_number(second[0:9], second[9], second[28:35])
    return _two_lines(lines, number + check, optional, (_composite(second),))


def _cut_td3(lines: tuple[str, ...]) -> _Fields:
    second = lines[1]
    if lines[0].startswith("V"):
        return _two_lines(lines, second[0:10], second[28:], ())
    personal = (OPTIONAL_DATA, second[28:42], second[42])
    return _two_lines(lines, second[0:10], second[28:42], (personal, _composite(second)))


def _composite(second: str) -> tuple[str, str, str]:
    """What the last digit of a passport or card covers (Doc 9303-4 §4.2.2); visas have none (Doc 9303-7)."""
    return COMPOSITE, second[0:10] + second[13:20] + second[21:-1], second[-1]


def _two_lines(lines: tuple[str, ...], number: str, optional: str, further: tuple[tuple[str, str, str], ...]) -> _Fields:
    """The fields that TD2, TD3 and visas share; `number` comes with its check digit."""
    first, second = lines
    return _Fields(
        document_number=number[:-1],
        birth=second[13:19],
        sex=second[20],
        expiry=second[21:27],
        nationality=second[10:13],
        names=first[5:],
        optional=optional,
        optional_2="",
        checked=(
            (DOCUMENT_NUMBER, number[:-1], number[-1]),
            (DATE_OF_BIRTH, second[13:19], second[19]),
            (DATE_OF_EXPIRY, second[21:27], second[27]),
            *further,
        ),
    )


_CUTTERS = {DocumentFormat.TD1: _cut_td1, DocumentFormat.TD2: _cut_td2, DocumentFormat.TD3: _cut_td3}


def _adds_up(name: str, text: str, digit: str) -> bool:
    """Whether a printed check digit holds. The digit of an empty personal number may be a filler (Doc 9303-4 §4.2.2)."""
    if name == OPTIONAL_DATA and digit == "<":
        return not text.strip("<")
    return digit == str(check_digit(text))


def encode_td3(fields: Td3Fields) -> tuple[str, str]:
    """The two lines of a passport with their check digits (Doc 9303-4 §4.2).

    Names longer than their field are cut; raises MalformedData when another value does not fit or has a character that the
    standard does not print.
    """
    names = f"{fields.surname}<<{fields.given_names}".upper().replace(" ", "<").replace("-", "<").replace("'", "")
    first = _fill(fields.document_code, 2) + _fill(fields.issuing_state, 3) + _fill(names[:39], 39)
    number = _with_digit(_fill(fields.document_number, _NUMBER_LENGTH))
    birth = _with_digit(_fill(fields.date_of_birth, 6))
    expiry = _with_digit(_fill(fields.date_of_expiry, 6))
    optional = _with_digit(_fill(fields.optional_data, 14))
    second = number + _fill(fields.nationality, 3) + birth + _fill(fields.sex, 1) + expiry + optional
    check_digit(first)
    return first, second + str(check_digit(number + birth + expiry + optional))


def _fill(text: str, length: int) -> str:
    if len(text) > length:
        raise MalformedData("encoding a machine readable zone", "a value is longer than its field")
    return text.upper().replace(" ", "<").ljust(length, "<")


def _with_digit(text: str) -> str:
    return text + str(check_digit(text))


def birth_date(yymmdd: str, today: date) -> date | None:
    """The date of birth, in the latest century that does not lie after `today`; None when parts are unknown or impossible."""
    return _date_in_century(yymmdd, 2000, today) or _date_in_century(yymmdd, 1900, today)


def expiry_date(yymmdd: str) -> date | None:
    """The date of expiry; None when it is not a date."""
    if not (len(yymmdd) == 6 and yymmdd.isascii() and yymmdd.isdigit()):
        return None
    century = 1900 if int(yymmdd[:2]) >= _EXPIRY_PIVOT_YEAR else 2000
    return _date_in_century(yymmdd, century, date.max)


def _date_in_century(yymmdd: str, century: int, latest: date) -> date | None:
    if not (len(yymmdd) == 6 and yymmdd.isascii() and yymmdd.isdigit()):
        return None
    try:
        found = date(century + int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:6]))
    except ValueError:
        return None
    return found if found <= latest else None
