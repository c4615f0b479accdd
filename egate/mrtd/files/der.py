"""Object identifiers and integers in DER, as the small structures of chip files use them.

Source: ISO/IEC 8825-1 §8.3, §8.19. Rule: numbers that must be small are bounded before they are read; large integers of keys are
read as unsigned, because issued documents write them without the leading zero.
"""

from __future__ import annotations

from collections.abc import Sequence

from egate.model.errors import MalformedData
from egate.mrtd.files.tlv import Tlv, encode_tlv

MAX_NUMBER_BYTES = 8
"""Versions, parameter numbers and key numbers; longer ones come from no real chip."""
MAX_OID_BYTES = 64
"""Object identifiers of travel documents have less than twenty bytes."""

SEQUENCE, SET, INTEGER, OID, BITS, OCTETS = 0x30, 0x31, 0x02, 0x06, 0x03, 0x04
"""The universal tags that chip files use."""


def decode_oid(data: bytes) -> str:
    """The dotted form of an object identifier's content; raises MalformedData."""
    if not data or data[-1] & 0x80 or len(data) > MAX_OID_BYTES:
        raise MalformedData("reading an object identifier", "one that ends early or is too long")
    arcs: list[int] = []
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(str(arc) for arc in (first, arcs[0] - 40 * first, *arcs[1:]))


def encode_oid(dotted: str) -> bytes:
    """The content of an object identifier from its dotted form."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return b"".join(_base128(arc) for arc in (40 * first + second, *rest))


def _base128(arc: int) -> bytes:
    out = bytes((arc & 0x7F,))
    while arc := arc >> 7:
        out = bytes((arc & 0x7F | 0x80,)) + out
    return out


def part_oid(parts: Sequence[Tlv], index: int, doing: str) -> str:
    """The object identifier at a place of a sequence; raises MalformedData when there is none."""
    if index >= len(parts) or parts[index].tag != OID:
        raise MalformedData(doing, "an object identifier is missing")
    return decode_oid(parts[index].value)


def small_integer(parts: Sequence[Tlv], index: int, doing: str) -> int | None:
    """The small number at a place of a sequence, None when the sequence ends before it; raises MalformedData."""
    if index >= len(parts):
        return None
    value = parts[index].value
    if parts[index].tag != INTEGER or not value or len(value) > MAX_NUMBER_BYTES or value[0] & 0x80:
        raise MalformedData(doing, "a version or identifier that is no small number")
    return int.from_bytes(value, "big")


def unsigned(data: bytes) -> int:
    """Bytes as a number that is not negative."""
    return int.from_bytes(data, "big")


def encode_integer(value: int) -> bytes:
    """An INTEGER."""
    return encode_tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def encode_object_identifier(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER."""
    return encode_tlv(OID, encode_oid(dotted))


def encode_sequence(*parts: bytes) -> bytes:
    """A SEQUENCE of encoded parts."""
    return encode_tlv(SEQUENCE, b"".join(parts))
