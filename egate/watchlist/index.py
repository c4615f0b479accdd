"""The document index: keyed 64-bit hashes of (issuing State, number), sorted, in one segment that can be mapped from a file.

Rule: a document number never stands in a list in the clear, and the hash is keyed: all nine-digit numbers of one State can be
tried in minutes against an un-keyed hash. Hashing under a secret key is pseudonymisation, not anonymisation.

Segment: magic (4) ‖ prefix bits (1) ‖ reserved (3) ‖ count (8) ‖ prefix table, (2^bits + 1) × 4 ‖ hashes, count × 8; all big-
endian. The table gives for each leading bit pattern where its hashes begin, so a look-up touches two places and a few
neighbours. At 100 million entries a false hit of a 64-bit hash has a chance of 5·10⁻¹².
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from mmap import mmap

from egate.model.errors import MalformedData

MAXIMUM_ENTRIES = 1 << 28
"""Largest index: 268 million documents, four times the world's largest list; 2.2 GB."""

MAXIMUM_PREFIX_BITS = 22
"""Largest prefix table: 16 MB."""

ENTRIES_PER_PREFIX = 16
"""How many hashes share a prefix on average."""

MINIMUM_KEY_BYTES = 16
"""A shorter key could be guessed."""

_NOT_COMPARED = re.compile(r"[^A-Z0-9]+")
_MAGIC = b"EGDX"
_HEADER = struct.Struct(">4sB3xQ")
_BOUNDS = struct.Struct(">2I")
_DOING = "opening a document index"

_ONE_STATE = {"DEU": "D"}
"""States that print another code than ISO 3166's; lists may use either."""


def normalise_number(number: str) -> str:
    """A document number as compared: upper case, letters and digits only. O and 0 stay apart: the check digit tells them."""
    return _NOT_COMPARED.sub("", number.upper())


def normalise_state(state: str) -> str:
    """An issuing State as compared, without fillers."""
    code = state.upper().strip("< ")
    return _ONE_STATE.get(code, code)


def document_key(issuing_state: str, number: str, key: bytes) -> int:
    """The 64-bit keyed hash of a document; ValueError when the key is too short."""
    if len(key) < MINIMUM_KEY_BYTES:
        raise ValueError(f"the key of a document index has at least {MINIMUM_KEY_BYTES} bytes")
    text = f"{normalise_state(issuing_state)}\0{normalise_number(number)}"
    return int.from_bytes(blake2b(text.encode("ascii", "replace"), digest_size=8, key=key[:64]).digest(), "big")


def build_document_index(keys: Iterable[int]) -> bytes:
    """The segment of these hashes, in any order, repeats allowed."""
    ordered = sorted(set(keys))
    if len(ordered) > MAXIMUM_ENTRIES:
        raise MalformedData("building a document index", f"more than {MAXIMUM_ENTRIES} entries")
    bits = min(MAXIMUM_PREFIX_BITS, max(0, (len(ordered) // ENTRIES_PER_PREFIX).bit_length() - 1))
    starts = [0] * ((1 << bits) + 1)
    for key in ordered:
        starts[(key >> (64 - bits)) + 1] += 1
    for place in range(1, len(starts)):
        starts[place] += starts[place - 1]
    table = struct.pack(f">{len(starts)}I", *starts)
    return _HEADER.pack(_MAGIC, bits, len(ordered)) + table + struct.pack(f">{len(ordered)}Q", *ordered)


@dataclass(frozen=True, slots=True)
class DocumentIndex:
    """An opened segment; `data` may be bytes or a mapped file."""

    data: bytes | mmap = field(repr=False)
    count: int
    prefix_bits: int

    @staticmethod
    def from_bytes(data: bytes | mmap) -> DocumentIndex:
        """Open a segment; raises MalformedData when it is none or has another length than it says."""
        if len(data) < _HEADER.size:
            raise MalformedData(_DOING, "shorter than its header")
        magic, bits, count = _HEADER.unpack(data[: _HEADER.size])
        if magic != _MAGIC or bits > MAXIMUM_PREFIX_BITS or count > MAXIMUM_ENTRIES:
            raise MalformedData(_DOING, "not a document index")
        if len(data) != _HEADER.size + 4 * ((1 << bits) + 1) + 8 * count:
            raise MalformedData(_DOING, "its length is not what its header says")
        return DocumentIndex(data, count, bits)

    def __contains__(self, key: int) -> bool:
        """Whether a hash is in the list: prefix table, then binary search among its neighbours."""
        place = _HEADER.size + 4 * (key >> (64 - self.prefix_bits))
        low, high = _BOUNDS.unpack(self.data[place : place + 8])
        first = _HEADER.size + 4 * ((1 << self.prefix_bits) + 1)
        high = min(high, self.count)
        wanted = key.to_bytes(8, "big")
        while low < high:
            middle = (low + high) // 2
            at = first + 8 * middle
            found = self.data[at : at + 8]
            if found == wanted:
                return True
            low, high = (middle + 1, high) if found < wanted else (low, middle)
        return False
