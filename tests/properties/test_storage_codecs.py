"""Parsers of the record: every value comes back, and any bytes at all give a value or MalformedData."""

from __future__ import annotations

import math

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egate.model.crossing import RecordKind, StageTime
from egate.model.errors import MalformedData
from egate.storage import cbor
from egate.storage.cbor import CborValue
from egate.storage.header import Header, encode_header, parse_header
from egate.storage.vault import Vault, unseal
from egate.sync.messages import encode_envelope, encode_receipt, parse_envelope, parse_receipt, sign_envelope, sign_receipt
from tests.record_lane import sealing_key, signing_key

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="<"), max_size=96)
NUMBER = st.integers(0, 2**63 - 1)
LANE = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
HEADERS = st.builds(
    Header,
    lane=LANE,
    sequence=st.integers(1, 2**63 - 1),
    wall_ns=NUMBER,
    monotonic_ns=NUMBER,
    boot_id=TEXT,
    kind=st.sampled_from(RecordKind),
    transaction=TEXT,
    outcome=TEXT,
    because=st.lists(TEXT, max_size=5).map(tuple),
    checks=st.lists(TEXT, max_size=20).map(tuple),
    stages=st.lists(st.builds(StageTime, TEXT, NUMBER), max_size=15).map(tuple),
    versions=st.lists(st.tuples(TEXT, TEXT), max_size=8).map(tuple),
    operator=TEXT,
    key_id=st.binary(min_size=8, max_size=8),
    suite=NUMBER,
    previous=st.binary(min_size=32, max_size=32),
    sealed_hash=st.binary(min_size=32, max_size=32),
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats(allow_nan=False) | st.binary() | st.text()
KEYS = st.integers(-(2**64), 2**64 - 1) | st.text()
VALUES: st.SearchStrategy[CborValue] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20
)


def _depth(value: CborValue) -> int:
    match value:
        case list():
            return 1 + max(map(_depth, value), default=0)
        case dict():
            return 1 + max(map(_depth, value.values()), default=0)
        case _:
            return 0


@given(VALUES)
def test_cbor_values_come_back(value: CborValue) -> None:
    encoded = cbor.encode(value)
    if _depth(value) <= cbor.DEPTH_LIMIT:
        assert cbor.parse(encoded) == value
    else:
        with pytest.raises(MalformedData, match="deeply"):
            cbor.parse(encoded)


@given(st.binary(max_size=200))
def test_what_we_read_of_any_bytes_cbor2_reads_too(data: bytes) -> None:
    try:
        value = cbor.parse(data)
    except MalformedData:
        return
    theirs = cbor2.loads(data)
    assert theirs == value or "nan" in repr(value) or (isinstance(value, float) and math.isnan(value))


@settings(max_examples=50)
@given(HEADERS)
def test_headers_come_back(header: Header) -> None:
    assert parse_header(encode_header(header)) == header


@settings(max_examples=50)
@given(HEADERS, st.data())
def test_an_altered_header_is_another_header_or_none(header: Header, data: st.DataObject) -> None:
    encoded = bytearray(encode_header(header))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= data.draw(st.integers(1, 255))
    try:
        altered = parse_header(bytes(encoded))
    except MalformedData:
        return
    assert altered != header
    assert encode_header(altered) == bytes(encoded)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    for parse in (parse_header, parse_envelope, parse_receipt):
        try:
            parse(data)
        except MalformedData:
            continue


@given(LANE, NUMBER, st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=300)), min_size=1, max_size=6))
def test_envelopes_come_back(lane: str, first: int, rows: list[tuple[bytes, bytes]]) -> None:
    envelope = sign_envelope(lane, first, tuple(rows), signing_key("lane"))
    assert parse_envelope(encode_envelope(envelope)) == envelope


@given(LANE, NUMBER, st.binary(min_size=32, max_size=32), NUMBER)
def test_receipts_come_back(lane: str, sequence: int, held: bytes, signed_at_ns: int) -> None:
    receipt = sign_receipt(lane, sequence, held, signed_at_ns, signing_key("hub"))
    assert parse_receipt(encode_receipt(receipt)) == receipt


@settings(max_examples=40)
@given(st.binary(max_size=3000), st.binary(max_size=100), st.booleans())
def test_sealed_parts_open_again(personal: bytes, header: bytes, hybrid: bool) -> None:
    vault = Vault(sealing_key(hybrid).public_key())
    sealed = vault.seal(personal, header)
    assert unseal(sealed, header, vault.suite, sealing_key(hybrid)) == personal
    overhead = 1136 if hybrid else 48
    assert (len(sealed) - overhead) % 256 == 0
