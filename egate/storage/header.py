"""The clear header of a record: who, when, how it ended, and the hashes that bind it; no personal data.

A header is a deterministic CBOR map with small numbers as keys. Its hash is SHA-256(0x00 ‖ header), which is the leaf hash of
RFC 6962 §2.1, so that a Merkle log can be laid over the same rows later. `previous` carries the hash of the header before,
32 zero bytes for the first. The sealed part is bound both ways: the header holds the hash of the ciphertext (never of the
plaintext: an erased record must leave nothing to guess from), and the sealing `info` holds the hash of the header without
that field. Texts are printable ASCII without `<` and have short limits, so a machine readable zone cannot slip in.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TypeVar

from egate.model.crossing import RecordKind, StageTime
from egate.model.errors import MalformedData
from egate.storage import cbor
from egate.storage.cbor import CborValue

HEADER_VERSION = 1
HEADER_LIMIT_BYTES = 16 * 1024
"""The largest header; a usual one has 400 to 1200 bytes."""

TEXT_LIMIT = 96
"""Characters in one text of a header, e.g. `chip_genuine:failed:no_key_agreement`."""

LIST_LIMIT = 64
"""Entries in one list of a header; there are 18 checks and 15 phases."""

NO_PREVIOUS = bytes(32)
"""`previous` of the first record of a lane."""

HASH_BYTES = 32
KEY_ID_BYTES = 8

_DOING = "reading a record header"
_LANE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TEXT = re.compile(r"[ -;=-~]*")
_SEALED_HASH_KEY = 9
_LARGEST_NUMBER = (1 << 63) - 1
_KINDS = {kind.value: kind for kind in RecordKind}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Header:
    """The clear part of one record.

    `wall_ns` counts since 1970 UTC, `monotonic_ns` since an arbitrary start that is the same within one `boot_id`; `suite` and
    `key_id` say how and to which key the personal part was sealed; hashes have 32 bytes.
    """

    lane: str
    sequence: int
    wall_ns: int
    monotonic_ns: int
    boot_id: str
    kind: RecordKind
    transaction: str
    outcome: str
    because: tuple[str, ...]
    checks: tuple[str, ...]
    stages: tuple[StageTime, ...]
    versions: tuple[tuple[str, str], ...]
    operator: str
    key_id: bytes
    suite: int
    previous: bytes
    sealed_hash: bytes = b""


def is_lane_name(name: str) -> bool:
    """Whether a lane may be called so: 1 to 64 letters, digits, `-` and `_` (it becomes part of a subject on the bus)."""
    return _LANE_NAME.fullmatch(name) is not None


def header_hash(encoded: bytes) -> bytes:
    """The hash that the next header, the receipts and later the Merkle tree refer to (RFC 6962 §2.1 leaf hash)."""
    return hashlib.sha256(b"\x00" + encoded).digest()


def encode_header(header: Header) -> bytes:
    """The deterministic bytes of a header; raises MalformedData when a field breaks its limit."""
    _check_limits(header)
    _refuse_unless(len(header.sealed_hash) == HASH_BYTES, "a hash of the wrong length")
    fields = _fields(header)
    encoded = cbor.encode({key: fields[key] for key in sorted(fields)})
    _refuse_unless(len(encoded) <= HEADER_LIMIT_BYTES, "longer than a header may be")
    return encoded


def encode_unsealed(header: Header) -> bytes:
    """The header without the hash of the sealed part: what the sealing is bound to. Raises MalformedData as above."""
    _check_limits(header)
    fields = _fields(header)
    del fields[_SEALED_HASH_KEY]
    return cbor.encode({key: fields[key] for key in sorted(fields)})


def parse_header(data: bytes) -> Header:
    """Read a header; raises MalformedData unless the bytes are exactly the deterministic encoding of one."""
    _refuse_unless(len(data) <= HEADER_LIMIT_BYTES, "longer than a header may be")
    fields = cbor.parse(data)
    if not isinstance(fields, dict) or set(fields) != set(range(1, 19)):
        raise MalformedData(_DOING, "not the fields of a header")
    _refuse_unless(_number(fields[1]) == HEADER_VERSION, "a version that this program does not know")
    header = _from_fields(fields)
    _refuse_unless(encode_header(header) == data, "not in deterministic form")
    return header


def _fields(header: Header) -> dict[int | str, CborValue]:
    """The numbered fields; 1 to 15 as the record design numbers them, 16 to 18 transaction, checks and previous."""
    return {
        1: HEADER_VERSION,
        2: header.lane,
        3: header.sequence,
        4: header.wall_ns,
        5: header.monotonic_ns,
        6: header.boot_id,
        7: header.kind.value,
        8: [[stage.stage, stage.at_ms] for stage in header.stages],
        _SEALED_HASH_KEY: header.sealed_hash,
        10: header.outcome,
        11: list(header.because),
        12: [[name, version] for name, version in header.versions],
        13: header.operator,
        14: header.key_id,
        15: header.suite,
        16: header.transaction,
        17: list(header.checks),
        18: header.previous,
    }


def _from_fields(fields: dict[int | str, CborValue]) -> Header:
    kind = _KINDS.get(_text(fields[7]))
    if kind is None:
        raise MalformedData(_DOING, "a kind of record that this program does not know")
    return Header(
        lane=_text(fields[2]),
        sequence=_number(fields[3]),
        wall_ns=_number(fields[4]),
        monotonic_ns=_number(fields[5]),
        boot_id=_text(fields[6]),
        kind=kind,
        stages=tuple(StageTime(_text(name), _number(at_ms)) for name, at_ms in map(_pair, _entries(fields[8]))),
        sealed_hash=_bytes(fields[_SEALED_HASH_KEY]),
        outcome=_text(fields[10]),
        because=tuple(map(_text, _entries(fields[11]))),
        versions=tuple((_text(name), _text(version)) for name, version in map(_pair, _entries(fields[12]))),
        operator=_text(fields[13]),
        key_id=_bytes(fields[14]),
        suite=_number(fields[15]),
        transaction=_text(fields[16]),
        checks=tuple(map(_text, _entries(fields[17]))),
        previous=_bytes(fields[18]),
    )


def _check_limits(header: Header) -> None:
    _refuse_unless(is_lane_name(header.lane), "a lane name with other characters than letters, digits, - and _")
    numbers = (header.wall_ns, header.monotonic_ns, header.suite, *(stage.at_ms for stage in header.stages))
    _refuse_unless(header.sequence > 0, "a sequence number below 1")
    _refuse_unless(all(0 <= number <= _LARGEST_NUMBER for number in (header.sequence, *numbers)), "a number out of range")
    for entries in (header.because, header.checks, header.versions, header.stages):
        _refuse_unless(len(entries) <= LIST_LIMIT, "a list with too many entries")
    pairs = [text for pair in header.versions for text in pair]
    texts = (header.boot_id, header.transaction, header.outcome, header.operator, *header.because, *header.checks, *pairs)
    for text in (*texts, *(stage.stage for stage in header.stages)):
        _refuse_unless(len(text) <= TEXT_LIMIT and _TEXT.fullmatch(text) is not None, "a text that may not stand in a header")
    _refuse_unless(len(header.previous) == HASH_BYTES, "a hash of the wrong length")
    _refuse_unless(len(header.key_id) == KEY_ID_BYTES, "a key identifier of the wrong length")


def _refuse_unless(condition: bool, problem: str) -> None:
    if not condition:
        raise MalformedData(_DOING, problem)


def _typed(value: CborValue, kind: type[_T]) -> _T:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise MalformedData(_DOING, f"a field that is no {kind.__name__}")
    return value


def _number(value: CborValue) -> int:
    return _typed(value, int)


def _text(value: CborValue) -> str:
    return _typed(value, str)


def _bytes(value: CborValue) -> bytes:
    return _typed(value, bytes)


def _entries(value: CborValue) -> list[CborValue]:
    entries = _typed(value, list)
    _refuse_unless(len(entries) <= LIST_LIMIT, "a list with too many entries")
    return entries


def _pair(value: CborValue) -> tuple[CborValue, CborValue]:
    entries = _typed(value, list)
    _refuse_unless(len(entries) == 2, "a pair without two halves")
    return entries[0], entries[1]
