"""The worker's protocol: whole, byte by byte, with a tail, and against nonsense (L8)."""

from __future__ import annotations

import struct

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egate.faces.messages import (
    MAX_MESSAGE_BYTES,
    Abandon,
    Answer,
    Capture,
    Captured,
    Compare,
    Compared,
    Deframer,
    Done,
    Ping,
    Prepare,
    Prepared,
    Progressed,
    Ready,
    Refused,
    Request,
    encode_answer,
    encode_request,
    parse_answer,
    parse_request,
)
from egate.model.errors import MalformedData
from egate.model.face import (
    BestFrame,
    CaptureHint,
    CaptureOutcome,
    CaptureProgress,
    CaptureState,
    Challenge,
    ChallengeKind,
    ComparisonScore,
    FaceProbe,
    ImageFormat,
    PadResult,
    QualityComponent,
    QualityScore,
)

numbers = st.integers(0, 2**40)
floats = st.floats(allow_nan=False, allow_infinity=False)
scores = st.builds(ComparisonScore, st.text(max_size=8), floats, floats, numbers, st.text(max_size=8))
components = st.lists(st.builds(QualityComponent, st.text(max_size=8), floats, st.integers(0, 100)), max_size=3).map(tuple)
qualities = st.builds(QualityScore, *[floats] * 6, hint=st.sampled_from(CaptureHint), pitch_deg=floats, components=components)
bytes_ = st.integers(0, 255)
challenges = st.builds(Challenge, st.sampled_from(ChallengeKind), st.tuples(bytes_, bytes_, bytes_))
progresses = st.builds(CaptureProgress, st.sampled_from(CaptureHint), floats, st.none() | challenges)
shares = st.floats(0, 1)
cues = st.lists(st.tuples(st.text(max_size=8), shares), max_size=3).map(tuple)
pads = st.builds(PadResult, st.none() | shares, cues, st.text(max_size=8))
probes = st.builds(FaceProbe, st.binary(max_size=20), qualities, numbers, st.none() | pads)
outcomes = st.builds(
    CaptureOutcome,
    st.sampled_from(CaptureState),
    st.none() | probes,
    st.lists(scores, max_size=2).map(tuple),
    st.binary(max_size=9),
    st.text(max_size=9),
    st.lists(st.builds(BestFrame, floats, floats), max_size=2).map(tuple),
)
texts = st.lists(st.text(max_size=5), max_size=3).map(tuple)
answers: st.SearchStrategy[Answer] = st.one_of(
    st.builds(Ready, texts, texts),
    st.builds(Prepared, numbers, st.binary(max_size=20), st.booleans()),
    st.builds(Progressed, numbers, progresses),
    st.builds(Captured, numbers, outcomes),
    st.builds(Compared, numbers, st.lists(scores, max_size=2).map(tuple)),
    st.builds(Done, numbers),
    st.builds(Refused, numbers, st.text(max_size=9), st.text(max_size=9), st.booleans()),
)
requests: st.SearchStrategy[Request] = st.one_of(
    st.builds(Prepare, numbers, st.binary(max_size=20), st.sampled_from(ImageFormat)),
    st.builds(Capture, numbers, numbers, floats, numbers, st.text(max_size=5)),
    st.builds(Compare, numbers, st.binary(max_size=9), st.binary(max_size=9)),
    st.builds(Abandon, numbers),
    st.builds(Ping, numbers),
)


@settings(max_examples=50)
@given(st.lists(answers, max_size=3))
def test_answers_survive_the_pipe_whole_byte_by_byte_and_with_a_tail(told: list[Answer]) -> None:
    stream = b"".join(map(encode_answer, told))
    tail = encode_answer(Done(1))[:-1]
    whole, slow = Deframer(), Deframer()
    assert [parse_answer(body) for body in whole.feed(stream + tail)] == told
    assert [parse_answer(body) for at in range(len(stream)) for body in slow.feed(stream[at : at + 1])] == told
    assert len(whole.feed(encode_answer(Done(1))[-1:])) == 1


@given(requests)
def test_requests_survive_the_pipe(request_: Request) -> None:
    (body,) = Deframer().feed(encode_request(request_))
    assert parse_request(body) == request_


@given(st.binary(max_size=60))
def test_nonsense_is_malformed_and_nothing_else(body: bytes) -> None:
    for parse in (parse_answer, parse_request):
        try:
            parse(body)
        except MalformedData:
            continue


@given(answers, st.data())
def test_a_flipped_bit_gives_a_message_or_malformed(answer: Answer, data: st.DataObject) -> None:
    body = bytearray(encode_answer(answer)[4:])
    at = data.draw(st.integers(0, len(body) * 8 - 1))
    body[at // 8] ^= 1 << at % 8
    try:
        parse_answer(bytes(body))
    except MalformedData:
        return


@pytest.mark.parametrize(
    "body",
    [
        cbor2.dumps(["done", -1]),
        cbor2.dumps(["done", True]),
        cbor2.dumps(["done", 1, 2]),
        cbor2.dumps(["progressed", 1, "none", float("nan"), None]),
        cbor2.dumps(["progressed", 1, "none", 0.5, ["light", 256, 0, 0]]),
        cbor2.dumps(["progressed", 1, "none", 0.5, ["strobe", 255, 0, 0]]),
        cbor2.dumps(["captured", 1, ["captured", None, [], "text", "", []]]),
        cbor2.dumps(["captured", 1, ["unheard", None, [], b"", "", []]]),
        cbor2.dumps(["captured", 1, ["captured", None, [], b"", "", [[0.5, 0.5]] * 17]]),
        cbor2.dumps({"done": 1}),
        cbor2.dumps([[[[[[[[1]]]]]]]]),
        bytes.fromhex("82 64 646f6e65 c2 41 01"),  # a big number as a tag
        bytes.fromhex("82 64 646f6e65 d823 61 28"),  # a regular expression
        bytes.fromhex("d81c 82 64 646f6e65 01"),  # a shared reference
        bytes.fromhex("9f 64 646f6e65 01 ff"),  # indefinite length
    ],
)
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_answer(body)


def test_lengths_are_compared_before_they_are_used() -> None:
    with pytest.raises(MalformedData, match="limit"):
        Deframer().feed(struct.pack(">I", MAX_MESSAGE_BYTES + 1))
    with pytest.raises(MalformedData):
        encode_request(Prepare(1, bytes(MAX_MESSAGE_BYTES), ImageFormat.JPEG))


def test_images_never_show_in_a_repr() -> None:
    secret = b"face bytes of somebody"
    for message in (Prepare(1, secret, ImageFormat.JPEG), Compare(1, secret, secret), Prepared(1, secret, has_face=True)):
        assert "somebody" not in repr(message)
