"""Which files the security object says there are, and what their hashes must be: a hint for reading, before any judgement.

Source: ICAO Doc 9303-10 §4.6.2 (LDS security object in a CMS SignedData). Rule: nothing here is verified; `egate.pki` does that.
The list only says what is worth asking for, and whether a file that two sessions brought together is worth keeping. A security
object that cannot be followed gives no list, and then everything is asked for. Issued objects use indefinite lengths here and
there (passports of the United States, RfidResearchGroup/proxmark3 #1145), which are read as "to the end".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData

MAX_LISTED = 16
"""There are sixteen data groups."""

_DOING = "following the security object"
_FILE, _SEQUENCE, _SET, _INTEGER, _OID, _OCTETS, _OCTETS_IN_PARTS, _EXPLICIT = 0x77, 0x30, 0x31, 0x02, 0x06, 0x04, 0x24, 0xA0
_HASHES = {
    bytes.fromhex("2b0e03021a"): "sha1",
    bytes.fromhex("608648016503040204"): "sha224",
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}


@dataclass(frozen=True, slots=True)
class SignedFiles:
    """The data groups that the security object lists, with their hashes; `algorithm` is empty when it is not known here."""

    algorithm: str
    hashes: Mapping[ElementaryFile, bytes] = field(repr=False)

    @property
    def files(self) -> frozenset[ElementaryFile]:
        """The data groups listed."""
        return frozenset(self.hashes)

    def contradicts(self, file: ElementaryFile, data: bytes) -> bool:
        """Whether the file is listed with another hash than `data` has."""
        listed = self.hashes.get(file)
        if listed is None or not self.algorithm:
            return False
        return not hmac.compare_digest(listed, hashlib.new(self.algorithm, data, usedforsecurity=False).digest())


def signed_files(security_object: bytes) -> SignedFiles | None:
    """The list in EF.SOD, tag included; None when it cannot be followed."""
    try:
        return _parse(security_object)
    except MalformedData:
        return None


def _parse(data: bytes) -> SignedFiles:
    """ContentInfo, SignedData, encapContentInfo, eContent, LDSSecurityObject: one step inwards for each line."""
    content_info = _inside(_inside(data, _FILE), _SEQUENCE)
    signed_data = _inside(_inside(content_info, _EXPLICIT, after=(_OID,)), _SEQUENCE)
    encapsulated = _inside(signed_data, _SEQUENCE, after=(_INTEGER, _SET))
    content = _inside(encapsulated, _EXPLICIT, after=(_OID,))
    body = _inside(_octets(content), _SEQUENCE)
    parts = [value for tag, value in _items(body) if tag == _SEQUENCE]
    if len(parts) < 2:
        raise MalformedData(_DOING, "no list of hashes")
    entries = [dict(_items(value)) for _, value in _items(parts[1])]
    if len(entries) > MAX_LISTED:
        raise MalformedData(_DOING, "more hashes than there are data groups")
    hashes = {_data_group(entry.get(_INTEGER, b"")): entry.get(_OCTETS, b"") for entry in entries}
    return SignedFiles(_HASHES.get(_inside(parts[0], _OID), ""), hashes)


def _data_group(number: bytes) -> ElementaryFile:
    value = int.from_bytes(number, "big")
    if len(number) != 1 or not 1 <= value <= MAX_LISTED:
        raise MalformedData(_DOING, "a number that no data group has")
    return ElementaryFile[f"DG{value}"]


def _octets(data: bytes) -> bytes:
    """An OCTET STRING, whole or in parts."""
    tag, value = next(_items(data), (0, b""))
    if tag == _OCTETS:
        return value
    if tag != _OCTETS_IN_PARTS:
        raise MalformedData(_DOING, "no octets where the content should be")
    return b"".join(part for inner, part in _items(value) if inner == _OCTETS)


def _inside(data: bytes, tag: int, after: tuple[int, ...] = ()) -> bytes:
    """The value of the object with this tag that follows objects with the tags `after`."""
    found = _items(data)
    for expected in (*after, tag):
        item = next(found, None)
        if item is None or item[0] != expected:
            raise MalformedData(_DOING, "an object out of place")
    return item[1] if item is not None else b""


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The objects in `data` up to its end or an end-of-contents mark; one of indefinite length takes all that is left."""
    position = 0
    while position < len(data):
        tag, begin, end = _header(data, position)
        if tag == 0:
            return
        yield tag, data[begin:end]
        position = end


def _header(data: bytes, position: int) -> tuple[int, int, int]:
    """Tag, begin and end of the value of the object at `position`."""
    if position + 2 > len(data):
        raise MalformedData(_DOING, "the data end within an object")
    tag, first = data[position], data[position + 1]
    begin = position + 2
    if first == 0x80:
        return tag, begin, len(data)
    if first > 0x80:
        count = first & 0x7F
        begin += count
        first = int.from_bytes(data[position + 2 : begin], "big")
        if count > 3 or begin > len(data):
            raise MalformedData(_DOING, "a length that is too long")
    if begin + first > len(data):
        raise MalformedData(_DOING, "an object longer than what holds it")
    return tag, begin, begin + first
