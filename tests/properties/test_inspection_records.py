"""Foreign records: whatever arrives is a record or `MalformedData`, and what is a record satisfies the published schema."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from egate.app.lane_inspection import pack, unpack
from egate.inspection.export import encode_record, parse_record, published_schema
from egate.inspection.logging_profile import LoggingProfile
from egate.model.errors import MalformedData
from tests.unit.inspection.inspection_bench import case

SOUND = encode_record(case().record(LoggingProfile.STANDARD_OPTICAL), indent=None)
PACKED = pack(case().record(LoggingProfile.FULL))
VALIDATOR = Draft202012Validator(published_schema())

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=10
)


def parsed(data: bytes) -> bool:
    """Whether it is a record; any other error than MalformedData fails the test."""
    try:
        record = parse_record(data)
    except MalformedData:
        return False
    assert list(VALIDATOR.iter_errors(json.loads(encode_record(record)))) == []
    return True


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes(data: bytes) -> None:
    assert not parsed(data)


@given(VALUES)
@settings(max_examples=150, deadline=None)
def test_any_json(value: object) -> None:
    assert not parsed(json.dumps(value).encode())


@given(st.integers(0, len(SOUND) - 1), st.binary(max_size=4), st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_a_record_with_a_changed_place(place: int, by: bytes, gone: int) -> None:
    parsed(SOUND[:place] + by + SOUND[place + gone :])


@given(st.data(), VALUES)
@settings(max_examples=200, deadline=None)
def test_a_record_with_another_value_somewhere(data: Any, value: object) -> None:
    changed = json.loads(SOUND)
    holder: Any = changed
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = data.draw(st.sampled_from(keys))
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            holder[key] = value
            break
        holder = inner
    parsed(json.dumps(changed).encode())


@given(st.integers(0, len(PACKED) - 1), st.integers(0, 7))
@settings(max_examples=100, deadline=None)
def test_a_packed_record_with_a_changed_bit(place: int, bit: int) -> None:
    bent = bytearray(PACKED)
    bent[place] ^= 1 << bit
    try:
        unpack(bytes(bent))
    except MalformedData:
        return
    raise AssertionError("a packed record with a changed bit was taken")  # the check value of the deflated form tells
