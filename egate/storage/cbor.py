"""The part of CBOR (RFC 8949) that our records use: numbers, texts, bytes, arrays, maps, and no tags.

Encoding goes through cbor2. Reading bytes from outside does not: a general reader builds dates, regular expressions and shared
references out of tags, which nobody who reads a record wants. This reader knows eight kinds of item, refuses every other one,
compares each length with what is left before it uses it, and raises `MalformedData` and nothing else.
"""

from __future__ import annotations

import struct
from typing import TypeAlias

import cbor2

from egate.model.errors import MalformedData

DEPTH_LIMIT = 8
"""Nested arrays and maps; our deepest value has four levels."""

ITEM_LIMIT = 100_000
"""Items in one value, so that a small message cannot unfold into a large structure."""

CborValue: TypeAlias = "int | float | bytes | str | bool | list[CborValue] | dict[int | str, CborValue] | None"

_DOING = "reading CBOR"
_FLOAT_FORMATS = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}
_SIMPLE: dict[int, bool | None] = {20: False, 21: True, 22: None}


def encode(value: CborValue) -> bytes:
    """Encode a value; maps keep their order, so a map whose keys ascend gives the deterministic form (RFC 8949 §4.2.1)."""
    return cbor2.dumps(value)


def parse(data: bytes) -> CborValue:
    """Read exactly one value; raises MalformedData for anything else."""
    reader = _Reader(data)
    value = reader.item(DEPTH_LIMIT)
    if reader.position != len(data):
        raise MalformedData(_DOING, f"{len(data) - reader.position} bytes follow the value")
    return value


class _Reader:
    """A position in the bytes; each method reads one thing and moves on."""

    __slots__ = ("_data", "_items", "position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._items = 0
        self.position = 0

    def _take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self._data):
            raise MalformedData(_DOING, f"{count} bytes announced, {len(self._data) - self.position} left")
        taken = self._data[self.position : end]
        self.position = end
        return taken

    def _argument(self, information: int) -> int:
        if information < 24:
            return information
        if information > 27:
            raise MalformedData(_DOING, "an indefinite or reserved length")
        return int.from_bytes(self._take(1 << (information - 24)), "big")

    def item(self, depth: int) -> CborValue:
        self._items += 1
        if self._items > ITEM_LIMIT:
            raise MalformedData(_DOING, "too many items")
        first = self._take(1)[0]
        major, information = first >> 5, first & 0x1F
        if major == 7:
            return self._simple(information)
        argument = self._argument(information)
        if major < 4:
            return self._scalar(major, argument)
        if major == 6:
            raise MalformedData(_DOING, "a tag")
        return self._container(major, argument, depth)

    def _scalar(self, major: int, argument: int) -> CborValue:
        if major == 0:
            return argument
        if major == 1:
            return -1 - argument
        data = self._take(argument)
        if major == 2:
            return data
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedData(_DOING, "a text that is not UTF-8") from None

    def _container(self, major: int, count: int, depth: int) -> CborValue:
        if depth == 0:
            raise MalformedData(_DOING, "nested too deeply")
        if count > len(self._data) - self.position:
            raise MalformedData(_DOING, f"{count} items announced, {len(self._data) - self.position} bytes left")
        if major == 4:
            return [self.item(depth - 1) for _ in range(count)]
        found: dict[int | str, CborValue] = {}
        for _ in range(count):
            key = self.item(0)
            if not isinstance(key, int | str) or isinstance(key, bool):
                raise MalformedData(_DOING, "a key that is neither number nor text")
            if key in found:
                raise MalformedData(_DOING, "a key that occurs twice")
            found[key] = self.item(depth - 1)
        return found

    def _simple(self, information: int) -> CborValue:
        if information in _SIMPLE:
            return _SIMPLE[information]
        if information not in _FLOAT_FORMATS:
            raise MalformedData(_DOING, "a simple value without meaning here")
        form, size = _FLOAT_FORMATS[information]
        value: float = struct.unpack(form, self._take(size))[0]
        return value
