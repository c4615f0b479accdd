"""The clear header: one encoding, hashes that bind, limits that keep personal data out (record design §7.4)."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import cbor2
import pytest

from egate.model.crossing import RecordKind, StageTime
from egate.model.errors import MalformedData
from egate.storage.header import NO_PREVIOUS, Header, encode_header, encode_unsealed, header_hash, is_lane_name, parse_header

HEADER = Header(
    lane="UTO-A1",
    sequence=7,
    wall_ns=1_800_000_000_000_000_000,
    monotonic_ns=12_000_000_000,
    boot_id="0f6c3b2a",
    kind=RecordKind.CROSSING,
    transaction="t-7",
    outcome="REFER",
    because=("face_match:failed:below_threshold",),
    checks=("chip_genuine:not supported:no_key",),
    stages=(StageTime("document", 0), StageTime("decision", 2100)),
    versions=(("egate", "0.1.0"),),
    operator="officer-3",
    key_id=b"12345678",
    suite=1,
    previous=bytes(range(32)),
    sealed_hash=hashlib.sha256(b"sealed").digest(),
)


def test_parse_gives_back_what_was_encoded() -> None:
    assert parse_header(encode_header(HEADER)) == HEADER


def test_the_encoding_is_canonical_by_a_foreign_measure() -> None:
    encoded = encode_header(HEADER)
    assert cbor2.dumps(cbor2.loads(encoded), canonical=True) == encoded


def test_the_hash_is_the_leaf_hash_of_rfc_6962() -> None:
    encoded = encode_header(HEADER)
    assert header_hash(encoded) == hashlib.sha256(b"\x00" + encoded).digest()


def test_the_sealing_is_bound_to_everything_but_the_hash_of_the_sealed_part() -> None:
    assert encode_unsealed(HEADER) == encode_unsealed(replace(HEADER, sealed_hash=b""))
    assert encode_unsealed(HEADER) != encode_unsealed(replace(HEADER, outcome="ADMIT"))
    assert 9 not in cbor2.loads(encode_unsealed(HEADER))


def test_no_prefix_and_no_tail_is_a_header() -> None:
    encoded = encode_header(HEADER)
    for length in range(len(encoded)):
        with pytest.raises(MalformedData):
            parse_header(encoded[:length])
    with pytest.raises(MalformedData):
        parse_header(encoded + b"\x00")


def test_another_encoding_of_the_same_header_is_refused() -> None:
    fields = cbor2.loads(encode_header(HEADER))
    with pytest.raises(MalformedData, match="deterministic"):
        parse_header(cbor2.dumps(dict(reversed(fields.items()))))
    with pytest.raises(MalformedData):
        parse_header(cbor2.dumps(fields, indefinite_containers=True))


@pytest.mark.parametrize("key", range(1, 19))
def test_a_field_of_another_kind_is_refused(key: int) -> None:
    fields = cbor2.loads(encode_header(HEADER))
    for wrong in (None, True, -1, [[1]], [["a", "b", "c"]], {"a": 1}, 1 << 63, b"x", "ö"):
        with pytest.raises(MalformedData):
            parse_header(cbor2.dumps({**fields, key: wrong}))


def test_a_missing_or_further_field_is_refused() -> None:
    fields = cbor2.loads(encode_header(HEADER))
    changes: tuple[object, ...] = (
        {**fields, 19: 0},
        {key: value for key, value in fields.items() if key != 13},
        [],
        {**fields, 1: 2},
    )
    for changed in changes:
        with pytest.raises(MalformedData):
            parse_header(cbor2.dumps(changed))


@pytest.mark.parametrize(
    "wrong",
    [
        replace(HEADER, outcome="P<UTOERIKSSON<<ANNA<MARIA"),
        replace(HEADER, operator="Zoë"),
        replace(HEADER, because=("x" * 97,)),
        replace(HEADER, checks=("x",) * 65),
        replace(HEADER, stages=(StageTime("a", -1),)),
        replace(HEADER, lane="a.b"),
        replace(HEADER, sequence=0),
        replace(HEADER, wall_ns=1 << 63),
        replace(HEADER, key_id=b""),
        replace(HEADER, previous=b""),
        replace(HEADER, sealed_hash=b""),
    ],
)
def test_what_breaks_a_limit_is_not_encoded(wrong: Header) -> None:
    with pytest.raises(MalformedData):
        encode_header(wrong)


def test_a_header_beyond_the_size_limit_is_refused() -> None:
    large = replace(HEADER, because=("x" * 96,) * 64, checks=("x" * 96,) * 64, versions=(("x" * 96, "y" * 96),) * 64)
    with pytest.raises(MalformedData, match="longer"):
        encode_header(large)
    with pytest.raises(MalformedData, match="longer"):
        parse_header(bytes(16 * 1024 + 1))


def test_lane_names_are_subjects_and_file_names() -> None:
    assert all(map(is_lane_name, ("A", "UTO-A1", "lane_7", "x" * 64)))
    assert not any(map(is_lane_name, ("", "x" * 65, "a.b", "a/b", "..", "*", ">", "a b", "ü", "a\n")))
    assert len(NO_PREVIOUS) == 32
