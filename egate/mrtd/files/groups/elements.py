"""The grammar that DG11, DG12 and DG16 share: texts, names, lists and dates in data objects.

Source: ICAO Doc 9303-10 §4.7.11, §4.7.12, §4.7.16. Rule: the structure must be right, or the group is malformed; a value that is
not of its type (a date of letters, say) costs only itself: its tag is noted as unread, and the officer sees the rest. Issued
documents write dates as packed digits, leave values empty, and write Latin-1 where UTF-8 is asked; all of that is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from egate.model.errors import MalformedData
from egate.mrtd.files.tlv import encode_tlv, parse_one, parse_tlvs

MAX_ELEMENTS = 64
"""Data objects directly in a group; the standard names fewer than 20."""
MAX_REPEATED = 99
"""Entries of a repeated element, other names say: the largest number that two printed digits can hold."""
MAX_TEXT_BYTES = 8192
"""One text; the longest that documents carry, a personal summary, stays far below."""
MAX_PARTS = 64
"""Parts of a list that `<` separates."""
MAX_IMAGE_BYTES = 131_072
"""One image in DG5 to DG7, DG11 or DG12: the size of the largest portraits, doubled."""

TAG_LIST = 0x5C
_COUNT, _REPEATED = 0x02, 0xA0
_UNKNOWN = str.maketrans("<Xx ", "0000")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PersonName:
    """A name as a chip holds it in full: surname (or the whole name where it is not divided) and given names, with spaces."""

    surname: str = field(repr=False)
    given_names: str = field(repr=False, default="")


class Elements:
    """The data objects of one group by tag; each reader takes the first of a tag and notes what it could not read."""

    def __init__(self, content: bytes, doing: str) -> None:
        """Raises MalformedData when the objects do not fill `content` or are too many."""
        self._values: dict[int, list[bytes]] = {}
        self._unread: list[int] = []
        self._known = {TAG_LIST}
        items = parse_tlvs(content, doing)
        if len(items) > MAX_ELEMENTS:
            raise MalformedData(doing, "too many data objects")
        for item in items:
            nested = parse_tlvs(item.value, doing) if item.tag == _REPEATED else (item,)
            if len(nested) > MAX_REPEATED + 1:  # and the count before them
                raise MalformedData(doing, "too many entries of a repeated element")
            for entry in nested:
                if item.tag != _REPEATED or entry.tag != _COUNT:
                    self._values.setdefault(entry.tag, []).append(entry.value)

    def text(self, tag: int) -> str:
        """A text with spaces for `<`, none around it; empty when it is not there."""
        return self._read(tag, _parse_plain, "")

    def parts(self, tag: int) -> tuple[str, ...]:
        """The parts of a text that `<` separates, empty ones left out."""
        return self._read(tag, _parse_parts, ())

    def date(self, tag: int) -> str:
        """A date as YYYYMMDD with zeros for what is unknown; empty when it is not there."""
        return self._read(tag, parse_date, "")

    def time(self, tag: int) -> str:
        """A point in time as YYYYMMDDhhmmss, or YYYYMMDD where the chip says no more; empty when it is not there."""
        return self._read(tag, _parse_time, "")

    def name(self, tag: int) -> PersonName | None:
        """The first name with this tag."""
        return next(iter(self.names(tag)), None)

    def names(self, tag: int) -> tuple[PersonName, ...]:
        """Every name with this tag, empty ones left out."""
        self._known.add(tag)
        found = (parse_name(value) for value in self._values.get(tag, ()) if self._short_enough(tag, value))
        return tuple(name for name in found if name is not None)

    def image(self, tag: int) -> bytes:
        """The bytes of an encoded image; empty when it is not there."""
        return self._read(tag, _parse_image, b"")

    def unread(self) -> tuple[int, ...]:
        """Tags that were there and not of their type, then tags that nobody asked for; call it last."""
        return tuple(dict.fromkeys(self._unread + [tag for tag in self._values if tag not in self._known]))

    def _short_enough(self, tag: int, value: bytes) -> bool:
        if len(value) > MAX_TEXT_BYTES:
            self._unread.append(tag)
            return False
        return True

    def _read(self, tag: int, parse: Callable[[bytes], T], absent: T) -> T:
        self._known.add(tag)
        values = self._values.get(tag)
        if not values or not values[0]:
            return absent
        try:
            return parse(values[0])
        except ValueError:
            self._unread.append(tag)
            return absent


def parse_elements(data: bytes, tag: int, doing: str) -> Elements:
    """The elements of the group with this tag, the whole file; raises MalformedData."""
    return Elements(parse_one(data, tag, doing), doing)


def parse_text(value: bytes) -> str:
    """Text in UTF-8, or in Latin-1 where it is not, without filling around it and without characters that do not print.

    Raises ValueError for more than MAX_TEXT_BYTES.
    """
    if len(value) > MAX_TEXT_BYTES:
        raise ValueError("too long")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return "".join(letter if letter.isprintable() else " " for letter in text).strip(" <")


def _parse_plain(value: bytes) -> str:
    return parse_text(value).replace("<", " ")


def parse_name(value: bytes) -> PersonName | None:
    """A name: `<<` ends the surname, `<` separates its words; None for an empty one. Raises ValueError for a too long one."""
    surname, _, given = parse_text(value).partition("<<")
    words, given_words = _words(surname), _words(given)
    return PersonName(words, given_words) if words or given_words else None


def _words(text: str) -> str:
    return " ".join(text.replace("<", " ").split())


def _parse_parts(value: bytes) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in parse_text(value).split("<") if part.strip())
    if len(parts) > MAX_PARTS:
        raise ValueError("too many parts")
    return parts


def parse_date(value: bytes) -> str:
    """YYYYMMDD from eight characters or four bytes of packed digits, zeros for unknown parts; a bare year is a date too.

    Raises ValueError for anything else.
    """
    candidates = [value.hex()] if len(value) == 4 else []
    candidates.append(value.decode("ascii", "replace").translate(_UNKNOWN))
    for digits in candidates:
        whole = digits + "0000" if len(digits) == 4 else digits
        if len(whole) == 8 and whole.isascii() and whole.isdigit() and whole[4:6] <= "12" and whole[6:] <= "31":
            return whole
    raise ValueError("no date")


def _parse_time(value: bytes) -> str:
    digits = value.hex() if len(value) == 7 else value.decode("ascii", "replace")
    if len(digits) != 14:
        return parse_date(value)
    clock = digits[8:]
    if not (digits.isascii() and digits.isdigit()) or clock[:2] > "24" or clock[2:4] > "59" or clock[4:] > "60":
        raise ValueError("no time")
    return parse_date(digits[:8].encode("ascii")) + clock


def _parse_image(value: bytes) -> bytes:
    if len(value) > MAX_IMAGE_BYTES:
        raise ValueError("too large")
    return value


def encode_name(name: PersonName) -> bytes:
    """A name with `<` between its words and `<<` before the given names."""
    given = f"<<{name.given_names}" if name.given_names else ""
    return f"{name.surname}{given}".replace(" ", "<").encode()


def encode_parts(parts: Sequence[str]) -> bytes:
    """A list with `<` between its parts."""
    return "<".join(parts).encode()


def encode_date(digits: str, packed: bool = False) -> bytes:
    """A date or time, as characters or as packed digits; raises MalformedData for anything but an even number of digits."""
    if not digits.isascii() or (digits and not digits.isdigit()) or len(digits) % 2:
        raise MalformedData("encoding a date", "it is not made of digits")
    return bytes.fromhex(digits) if packed else digits.encode("ascii")


def encode_elements(tag: int, elements: Sequence[tuple[int, bytes | Sequence[bytes]]]) -> bytes:
    """A group with its list of tags; empty values are left out, a sequence becomes a counted repeated element."""
    present = [(inner, value) for inner, value in elements if value]
    objects = b"".join(_encode_element(inner, value) for inner, value in present)
    tags = b"".join(inner.to_bytes(2, "big") for inner, _ in present)
    return encode_tlv(tag, encode_tlv(TAG_LIST, tags) + objects)


def _encode_element(tag: int, value: bytes | Sequence[bytes]) -> bytes:
    if isinstance(value, bytes):
        return encode_tlv(tag, value)
    if len(value) > MAX_REPEATED:
        raise MalformedData("encoding a repeated element", "too many entries")
    return encode_tlv(_REPEATED, encode_tlv(_COUNT, bytes((len(value),))) + b"".join(encode_tlv(tag, entry) for entry in value))
