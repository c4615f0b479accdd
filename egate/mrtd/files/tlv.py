"""BER-TLV data objects: the grammar of chip files and secure messaging.

Sources: ISO/IEC 7816-4 §5.2 and ISO/IEC 8825-1. Rule: lengths come from outside, so each is compared with what is there
before it is used; indefinite lengths, which chip files do not use, are refused. Values never show in a `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from egate.model.errors import MalformedData

MAX_TAG_BYTES = 3
"""Doc 9303 uses tags of one and two bytes; ISO/IEC 7816-4 allows three."""
MAX_LENGTH_BYTES = 3
"""Values up to 16 MiB: more than any file of a chip can hold."""
MAX_HEADER_BYTES = MAX_TAG_BYTES + 1 + MAX_LENGTH_BYTES
MAX_SIBLINGS = 4096
"""More data objects than any constructed object of a chip has; bounds the work that a hostile file causes."""

_FILLING = b"\x00\xff"


@dataclass(frozen=True, slots=True)
class Tlv:
    """One data object: tag (its bytes as one number, e.g. 0x7F61) and value."""

    tag: int
    value: bytes = field(repr=False)


def read_header(data: bytes, doing: str, start: int = 0) -> tuple[int, int, int]:
    """The tag, the length of the header in bytes and the length of the value in bytes of the object at `start`.

    The value itself need not be there, so that a file reader can learn a size from the first bytes; raises MalformedData.
    """
    try:
        tag = data[start]
        position = start + 1
        if tag & 0x1F == 0x1F:
            tag, position = _long_tag(data, tag, position, doing)
        length = data[position]
    except IndexError:
        raise MalformedData(doing, "the data end within a data object") from None
    position += 1
    if length < 0x80:
        return tag, position - start, length
    count = length & 0x7F
    if not 1 <= count <= MAX_LENGTH_BYTES:
        raise MalformedData(doing, "an indefinite or too long length")
    if position + count > len(data):
        raise MalformedData(doing, "the data end within a length")
    return tag, position + count - start, int.from_bytes(data[position : position + count], "big")


def _long_tag(data: bytes, tag: int, position: int, doing: str) -> tuple[int, int]:
    """A tag of several bytes whose first is `tag`, and where it ends; raises IndexError where the data end within it."""
    for _ in range(MAX_TAG_BYTES - 1):
        following = data[position]
        position += 1
        tag = tag << 8 | following
        if not following & 0x80:
            return tag, position
    raise MalformedData(doing, "a tag of too many bytes")


def _parse_at(data: bytes, position: int, doing: str) -> tuple[Tlv, int]:
    tag, header, length = read_header(data, doing, position)
    begin = position + header
    end = begin + length
    if end > len(data):
        raise MalformedData(doing, "a data object is longer than what holds it")
    return Tlv(tag, data[begin:end]), end


def parse_tlvs(data: bytes, doing: str) -> tuple[Tlv, ...]:
    """The data objects that fill `data` completely; raises MalformedData."""
    found: list[Tlv] = []
    position = 0
    while position < len(data):
        if len(found) == MAX_SIBLINGS:
            raise MalformedData(doing, "too many data objects")
        item, position = _parse_at(data, position, doing)
        found.append(item)
    return tuple(found)


def parse_padded_tlvs(data: bytes, doing: str) -> tuple[Tlv, ...]:
    """The data objects of a file that may be larger than its contents; raises MalformedData.

    Bytes 00 and FF before, between and after the objects count for nothing (ISO/IEC 7816-4 §5.2.2.1).
    """
    found: list[Tlv] = []
    position = 0
    while position < len(data):
        if data[position] in _FILLING:
            position += 1
            continue
        if len(found) == MAX_SIBLINGS:
            raise MalformedData(doing, "too many data objects")
        item, position = _parse_at(data, position, doing)
        found.append(item)
    return tuple(found)


def parse_one(data: bytes, tag: int, doing: str) -> bytes:
    """The value of the single object with this tag that fills `data`; raises MalformedData."""
    item, end = _parse_at(data, 0, doing)
    if item.tag != tag:
        raise MalformedData(doing, f"tag {item.tag:02X} instead of {tag:02X}")
    if end != len(data):
        raise MalformedData(doing, "bytes follow the data object")
    return item.value


def child(data: bytes, tag: int, doing: str) -> bytes:
    """The value of the first object with this tag among those that fill `data`; raises MalformedData when there is none."""
    for item in parse_tlvs(data, doing):
        if item.tag == tag:
            return item.value
    raise MalformedData(doing, f"no object with tag {tag:02X}")


def encode_tlv(tag: int, value: bytes) -> bytes:
    """One data object with the shortest definite length; raises MalformedData for a value beyond 16 MiB."""
    size = len(value)
    if size < 0x80:
        if 0 < tag < 0x100:
            return bytes((tag, size)) + value
        length = bytes((size,))
    else:
        count = (size.bit_length() + 7) // 8
        if count > MAX_LENGTH_BYTES:
            raise MalformedData("encoding a data object", "the value is too long")
        length = bytes((0x80 | count,)) + size.to_bytes(count, "big")
    return tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big") + length + value
