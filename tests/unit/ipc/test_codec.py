"""The codec: what it writes it reads, and everything else is MalformedData."""

from __future__ import annotations

import json

import pytest

from egate.ipc.codec import MAX_ITEMS, MAX_WISH_LINE_BYTES, decode_line, encode_line
from egate.ipc.messages import (
    CheckView,
    Heartbeat,
    Hello,
    LanguageWished,
    Role,
    TravellerHelpWished,
    TravellerStep,
    TravellerView,
)
from egate.model.errors import MalformedData
from tests.unit.ipc.samples import CASE, LANE, WISH


def test_a_line_says_version_kind_and_body() -> None:
    line = encode_line(TravellerView(7, 3, TravellerStep.GO))
    assert line.endswith(b"\n")
    assert json.loads(line) == {
        "v": 1,
        "kind": "traveller_view",
        "body": {
            "revision": 7,
            "passage": 3,
            "step": "go",
            "hint": "none",
            "camera_hint": "none",
            "progress": 0.0,
            "language": "en",
            "place": "anywhere",
            "challenge": "",
        },
    }


def test_a_check_result_travels_as_its_word() -> None:
    body = json.loads(encode_line(LANE))["body"]["case"]["checks"][0]
    assert body["result"] == "failed"
    assert body["name"] == "face_match"


@pytest.mark.parametrize("message", [LANE, WISH, Heartbeat(0), TravellerHelpWished(), Hello(Role.SYNC, "sync")])
def test_what_was_encoded_is_decoded(message: Heartbeat) -> None:
    assert decode_line(encode_line(message)) == message


def test_a_view_without_its_defaults_is_read() -> None:
    line = b'{"v":1,"kind":"traveller_view","body":{"revision":1,"passage":2,"step":"closed"}}'
    assert decode_line(line) == TravellerView(1, 2, TravellerStep.CLOSED)


def _changed(**changes: object) -> bytes:
    line = json.loads(encode_line(TravellerView(1, 2, TravellerStep.GO)))
    line["body"].update(changes)
    return json.dumps(line).encode()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"9" * 5000,
        b'{"v":1,"kind":"heartbeat"}',
        b'{"v":1,"kind":"heartbeat","body":{"sequence":1},"more":1}',
        b'{"v":2,"kind":"heartbeat","body":{"sequence":1}}',
        b'{"v":true,"kind":"heartbeat","body":{"sequence":1}}',
        b'{"v":1,"kind":"open_the_door","body":{}}',
        b'{"v":1,"kind":[],"body":{}}',
        b'{"v":1,"kind":"heartbeat","body":[1]}',
        b'{"v":1,"kind":"heartbeat","body":{}}',
        b'{"v":1,"kind":"heartbeat","body":{"sequence":1,"sequence":1}}',
        b'{"v":1,"kind":"heartbeat","body":{"sequence":true}}',
        b'{"v":1,"kind":"heartbeat","body":{"sequence":1.0}}',
        b'{"v":1,"kind":"heartbeat","body":{"sequence":9223372036854775808}}',
        b'{"v":1,"kind":"language_wished","body":{"language":"\\ud800"}}',
        _changed(step="open"),
        _changed(step=["go"]),
        _changed(progress="0.5"),
        _changed(progress=True),
        _changed(progress=10**400),
        _changed(reason="face"),
        _changed(language=None),
        _changed(progress=1).replace(b'"progress": 1', b'"progress": NaN'),
        _changed(progress=1).replace(b'"progress": 1', b'"progress": 1e999'),
    ],
)
def test_anything_else_is_malformed(line: bytes) -> None:
    with pytest.raises(MalformedData):
        decode_line(line)


def test_a_line_longer_than_the_limit_is_not_even_parsed() -> None:
    line = encode_line(LanguageWished("x" * MAX_WISH_LINE_BYTES))
    assert decode_line(line) == LanguageWished("x" * MAX_WISH_LINE_BYTES)
    with pytest.raises(MalformedData, match="too long"):
        decode_line(line, MAX_WISH_LINE_BYTES)


def test_a_list_longer_than_the_limit_is_malformed() -> None:
    line = json.loads(encode_line(LANE))
    line["body"]["devices_lost"] = ["x"] * (MAX_ITEMS + 1)
    with pytest.raises(MalformedData, match="list"):
        decode_line(json.dumps(line).encode())


def test_a_number_that_is_not_finite_is_not_sent() -> None:
    with pytest.raises(MalformedData, match="finite"):
        encode_line(TravellerView(1, 1, TravellerStep.GO, progress=float("nan")))


def test_errors_do_not_repeat_what_the_line_held() -> None:
    line = encode_line(LANE).replace(b'"face_match"', b'"ERIKSSON"')
    with pytest.raises(MalformedData) as caught:
        decode_line(line)
    assert "ERIKSSON" not in str(caught.value)


def test_personal_data_do_not_show_in_a_repr() -> None:
    assert "ERIKSSON" not in repr(CASE)
    assert isinstance(CASE.checks[0], CheckView)
