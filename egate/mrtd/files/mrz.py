"""The machine readable zone: parsing and check digits.

Sources: ICAO Doc 9303-3 §4 (characters, check digits, dates), 9303-4 (TD3), 9303-5 (TD1), 9303-6 (TD2), 9303-7 (visas).
Rule: a zone whose shape fits is always parsed; what does not add up is listed in `failed_check_digits`, because a wrong digit is
a finding for `egate.checks` and must not by itself keep us from the chip. What was read optically is corrected where it is
certain (`mrz_correction`) and says so; what a chip stores is taken as it is. A space is read as the filler `<`, which some
readers print for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from egate.model.document import DocumentFormat, Mrz, MrzInformation
from egate.model.errors import MalformedData
from egate.mrtd.files.mrz_correction import correct_confusions

_DOING = "parsing the machine readable zone"
_WEIGHTS = (7, 3, 1)
_VALUES = {character: value for value, character in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}
_SHAPES = (DocumentFormat.TD1, DocumentFormat.TD2, DocumentFormat.TD3)
_VISAS = {DocumentFormat.TD3: DocumentFormat.MRV_A, DocumentFormat.TD2: DocumentFormat.MRV_B}
_NAME_PLACES = {DocumentFormat.TD1: (2, 0)}
"""Line and position where the name begins where that is not the sixth of the first line; it goes to the end of the line."""

DOCUMENT_NUMBER = "document_number"
DATE_OF_BIRTH = "date_of_birth"
DATE_OF_EXPIRY = "date_of_expiry"
OPTIONAL_DATA = "optional_data"
COMPOSITE = "composite"
"""The names that `Mrz.failed_check_digits` uses."""


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


def check_digit(text: str) -> int:
    """The check digit over `text` (Doc 9303-3 §4.9); raises MalformedData for a character outside A–Z, 0–9 and `<`."""
    try:
        return sum(_VALUES[character] * _WEIGHTS[index % 3] for index, character in enumerate(text)) % 10
    except KeyError:
        raise MalformedData(_DOING, "a character outside A-Z, 0-9 and <") from None


def parse_mrz(lines: Sequence[str]) -> Mrz:
    """Parse lines that were read optically; raises MalformedData when their number, length or characters do not fit."""
    clean = tuple(line.strip("\r\n").replace(" ", "<") for line in lines)
    shape = _form_of(clean)
    corrected, corrections = correct_confusions(clean, shape)
    return _parsed(corrected, shape, corrections)


def parse_stored_mrz(text: str) -> Mrz:
    """Parse a zone that a chip stores, without line ends and without correcting anything (DG1); raises as `parse_mrz`."""
    for shape in _SHAPES:
        if len(text) == shape.line_count * shape.line_characters:
            starts = range(0, len(text), shape.line_characters)
            lines = tuple(text[start : start + shape.line_characters] for start in starts)
            return _parsed(lines, _form_of(lines), ())
    raise MalformedData(_DOING, "the text has the length of no document format")


def _form_of(lines: tuple[str, ...]) -> DocumentFormat:
    """The form that lines and characters fit; a zone that begins with V is a visa's (Doc 9303-7)."""
    shape = next((shape for shape in _SHAPES if shape.line_count == len(lines) and shape.line_characters == len(lines[0])), None)
    if shape is None or any(len(line) != shape.line_characters for line in lines):
        raise MalformedData(_DOING, "number or length of the lines fits no document format")
    if any(character not in _VALUES for line in lines for character in line):
        raise MalformedData(_DOING, "a character outside A-Z, 0-9 and <")
    return _VISAS.get(shape, shape) if lines[0].startswith("V") else shape


def _parsed(lines: tuple[str, ...], shape: DocumentFormat, corrections: tuple[str, ...]) -> Mrz:
    cut = _CUTTERS[shape](lines)
    surname, _, given_names = cut.names.partition("<<")
    return Mrz(
        format=shape,
        lines=lines,
        document_code=lines[0][:2].rstrip("<"),
        issuing_state=lines[0][2:5].rstrip("<"),
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
        corrections=corrections,
    )


def is_name_truncated(mrz: Mrz) -> bool:
    """Whether the printed name fills its field to the last position, so that more may have been cut off (Doc 9303-3 §4.6)."""
    line, start = _NAME_PLACES.get(mrz.format, (0, 5))
    return not mrz.lines[line][start:].endswith("<")


def _words(name: str) -> str:
    return " ".join(part for part in name.split("<") if part)


def _long_number(number: str, check: str, optional: str) -> tuple[str, str, str]:
    """Follow a document number that overflows into the optional data (Doc 9303-5 note j): number, check digit, optional rest.

    The overflow is marked by `<` in place of the check digit; the rest of the number and its check digit begin the optional
    data and end at the first filler.
    """
    rest, _, remaining = optional.partition("<")
    if check != "<" or len(rest) < 2 or number.endswith("<"):
        return number, check, optional
    return number + rest[:-1], rest[-1], remaining


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


def _cut_visa(lines: tuple[str, ...]) -> _Fields:
    """Visas keep everything after the date of expiry for the issuer, and have no composite digit (Doc 9303-7)."""
    return _two_lines(lines, lines[1][0:10], lines[1][28:], ())


def _cut_td2(lines: tuple[str, ...]) -> _Fields:
    second = lines[1]
    number, check, optional = _long_number(second[0:9], second[9], second[28:35])
    return _two_lines(lines, number + check, optional, (_composite(second),))


def _cut_td3(lines: tuple[str, ...]) -> _Fields:
    second = lines[1]
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


_CUTTERS = {
    DocumentFormat.TD1: _cut_td1,
    DocumentFormat.TD2: _cut_td2,
    DocumentFormat.TD3: _cut_td3,
    DocumentFormat.MRV_A: _cut_visa,
    DocumentFormat.MRV_B: _cut_visa,
}


def _adds_up(name: str, text: str, digit: str) -> bool:
    """Whether a printed check digit holds. The digit of an empty personal number may be a filler (Doc 9303-4 §4.2.2)."""
    if name == OPTIONAL_DATA and digit == "<":
        return not text.strip("<")
    return digit == str(check_digit(text))
