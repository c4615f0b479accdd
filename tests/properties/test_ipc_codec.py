"""Every message that can be built survives its line; no line, however made, gets past the codec as anything else."""

from __future__ import annotations

import json
import typing

from hypothesis import given, settings
from hypothesis import strategies as st

from egate.ipc.codec import decode_line, encode_line
from egate.ipc.messages import Message, OfficerWish
from egate.ipc.wishes import signed_bytes
from egate.model.errors import MalformedData

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_PLAIN: dict[type, st.SearchStrategy[object]] = {
    str: _TEXT,
    int: st.integers(-(2**63) + 1, 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
}
for _kind, _strategy in _PLAIN.items():
    st.register_type_strategy(_kind, _strategy)

MESSAGES: st.SearchStrategy[Message] = st.one_of([st.from_type(kind) for kind in typing.get_args(Message)])

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(MESSAGES)
@settings(max_examples=300, deadline=None)
def test_a_message_survives_its_line(message: Message) -> None:
    line = encode_line(message)
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert decode_line(line) == message


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_bytes_are_a_message_or_malformed(data: bytes) -> None:
    try:
        decode_line(data)
    except MalformedData:
        return


@given(MESSAGES, st.data())
@settings(max_examples=300, deadline=None)
def test_a_changed_field_is_read_as_it_is_or_malformed(message: Message, data: st.DataObject) -> None:
    """Replace one field of a line by any JSON value: what is decoded then encodes to the same values."""
    line = json.loads(encode_line(message))
    if not line["body"]:
        return
    name = data.draw(st.sampled_from(sorted(line["body"])))
    line["body"][name] = data.draw(_JSON)
    try:
        decoded = decode_line(json.dumps(line).encode())
    except MalformedData:
        return
    assert json.loads(encode_line(decoded))["body"][name] == line["body"][name]


@given(MESSAGES, st.integers(0, 400), st.binary(min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_a_damaged_line_never_does_worse_than_malformed(message: Message, at: int, damage: bytes) -> None:
    line = encode_line(message)
    at %= len(line)
    try:
        decode_line(line[:at] + damage + line[at + len(damage) :])
    except MalformedData:
        return


@given(st.from_type(OfficerWish), st.from_type(OfficerWish))
@settings(max_examples=300, deadline=None)
def test_different_wishes_sign_different_bytes(one: OfficerWish, other: OfficerWish) -> None:
    def signed(wish: OfficerWish) -> tuple[object, ...]:
        return wish.lane, wish.action, wish.reason, wish.officer, wish.passage, wish.counter, wish.expires_ns

    try:
        same = signed_bytes(one) == signed_bytes(other)
    except ValueError:
        return  # a number or a name out of range has no signed form at all
    assert same == (signed(one) == signed(other))
