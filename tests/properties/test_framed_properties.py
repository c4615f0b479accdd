"""Framed gate boards: any cut gives the same frames, good frames are found behind noise, no file but the clear error.

L8, for every shipped profile and the example of the documentation, in both directions.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.gate.framed_model import FramedProfile, Framing
from drivers.gate.framed_profile import load_profile, parse_profile, shipped_profiles
from drivers.gate.framed_protocol import (
    decode_answer,
    encode_frame,
    encode_question,
    frame_splitter,
    hidden_frames,
    in_words,
    unescaped,
)
from drivers.sim.framed_board import FramedBoard, encode_answer
from egate.model.errors import DeviceError, MalformedData
from tests.unit.drivers.framed_boards import example, example_text
from tests.unit.drivers.test_framed_protocol import ESCAPED

PROFILES = [example(), *(load_profile(name) for name in shipped_profiles())]
TEXTS = [example_text(), *(path.read_text() for path in shipped_profiles().values())]


def _framings() -> list[Framing]:
    known = (framing for profile in PROFILES for framing in (profile.command, profile.answer) if framing)
    return [ESCAPED, *dict.fromkeys(known)]


def _good_frames(framing: Framing) -> list[bytes]:
    """Frames that the profiles make in this form."""
    frames = [encode_frame(ESCAPED, bytes((0x7E, 5, 0x7D)))] if framing is ESCAPED else []
    for profile in PROFILES:
        if profile.command == framing:
            questions = (*profile.orders.values(), *profile.polls.values())
            frames += [encode_question(profile, question, 1, lease_s=2.0, sequence=9) for question in questions]
        if profile.answer == framing:
            frames += [encode_answer(profile, name, 1, 9, {"persons": 2}) for name in profile.answers]
    return frames


@pytest.mark.parametrize("framing", _framings())
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_cut_gives_the_same(framing: Framing, data: st.DataObject) -> None:
    pieces = st.one_of(st.sampled_from(_good_frames(framing)), st.binary(max_size=30), st.just(framing.start))
    stream = b"".join(data.draw(st.lists(pieces, max_size=8)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    whole, cut, single = (frame_splitter(framing) for _ in range(3))
    expected = whole.receive(stream)
    edges = [0, *cuts, len(stream)]
    assert [frame for begin, end in itertools.pairwise(edges) for frame in cut.receive(stream[begin:end])] == expected
    assert [frame for byte in stream for frame in single.receive(bytes((byte,)))] == expected
    assert whole.broken_frames == cut.broken_frames == single.broken_frames


@pytest.mark.parametrize("framing", _framings())
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_next_good_frame_is_found_behind_noise(framing: Framing, data: st.DataObject) -> None:
    """As the driver does it: noise, a new question, then the frame; and at once where no noise looks like a start."""
    noise, frame = data.draw(st.binary(max_size=80)), data.draw(st.sampled_from(_good_frames(framing)))
    splitter = frame_splitter(framing)
    splitter.receive(noise)
    splitter.reset()
    assert splitter.receive(frame) == [frame]
    assert frame in hidden_frames(framing, noise + frame + noise[:3])
    quiet = bytes(byte for byte in noise if byte not in framing.start)
    assert frame_splitter(framing).receive(quiet + frame)[-1:] == [frame]


@settings(max_examples=60, deadline=None)
@given(content=st.binary(min_size=1, max_size=60), before=st.binary(max_size=20), after=st.binary(max_size=20))
def test_escaped_content_survives_the_wire(content: bytes, before: bytes, after: bytes) -> None:
    wire = encode_frame(ESCAPED, content)
    assert wire in frame_splitter(ESCAPED).receive(before.replace(b"\x7e", b"") + wire + after)
    assert unescaped(ESCAPED, wire) == b"\x7e" + content + bytes((sum(b"\x7e" + content) & 0xFF,)) + b"\x7f"


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_frame_is_read_or_malformed(data: st.DataObject) -> None:
    profile = data.draw(st.sampled_from(PROFILES))
    if profile.answer is None:
        return
    stream = profile.answer.start + data.draw(st.binary(max_size=40))
    for frame in (*frame_splitter(profile.answer).receive(stream), encode_frame(profile.answer, stream[1:])):
        with contextlib.suppress(MalformedData):
            assert in_words(profile, decode_answer(profile, frame))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_stream_breaks_the_simulated_board(data: st.DataObject) -> None:
    profile = data.draw(st.sampled_from(PROFILES))
    board = FramedBoard(profile, 1, dict, lambda order, seconds: None)
    pieces = st.one_of(st.sampled_from(_good_frames(profile.command)), st.binary(max_size=30))
    for chunk in data.draw(st.lists(pieces, max_size=6)):
        for answer in board.receive(chunk):
            assert profile.answer is not None
            assert frame_splitter(profile.answer).receive(answer) == [answer]


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_a_changed_file_is_a_profile_or_the_clear_error(data: st.DataObject) -> None:
    """Values replaced, keys renamed, lines lost or doubled, bytes flipped: never anything but DeviceError with the key."""
    text = data.draw(st.sampled_from(TEXTS))
    for _ in range(data.draw(st.integers(1, 3))):
        text = _changed(text, data)
    error = _error_of(text.encode(errors="surrogatepass"))
    assert error is None or (error.doing == "read the gate profile" and 5 < len(error.problem) < 3000)


def _error_of(data: bytes) -> DeviceError | None:
    try:
        parse_profile(data)
    except DeviceError as error:
        return error
    return None


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_million_random_chunks(profile: FramedProfile) -> None:
    """N9: nothing is raised, little is kept, and the next good frame is found."""
    seeded = random.Random(1)
    for framing in filter(None, (profile.command, profile.answer)):
        splitter, good = frame_splitter(framing), _good_frames(framing)
        for _ in range(100_000):
            splitter.receive(framing.start * seeded.randint(0, 2) + seeded.randbytes(seeded.randint(0, 24)))
        splitter.reset()
        assert splitter.receive(good[0]) == [good[0]]


VALUES = [
    '""',
    '"7E"',
    '"zz"',
    "-1",
    "0",
    "1",
    "255",
    "65536",
    "1e400",
    "nan",
    "true",
    "[]",
    "{}",
    '[{ at = 1, is = "00" }]',
    "1979-05-27",
]
VALUES += [
    '"until_end"',
    '"{time}"',
    '"{length}"',
    '"state.fault"',
    '{ 00 = "x" }',
    "{ at = 200, bytes = 2 }",
    '"' + "x" * 700 + '"',
]


def _changed(text: str, data: st.DataObject) -> str:
    lines = text.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    way = data.draw(st.sampled_from(["value", "inner", "key", "drop", "double", "noise"]))
    if way == "value" and " = " in lines[at]:
        lines[at] = lines[at].split(" = ", 1)[0] + " = " + data.draw(st.sampled_from(VALUES))
    elif way == "inner":
        lines[at] = re.sub(r"= [^,{}\[\]]+ ?(?=[,}])", f"= {data.draw(st.sampled_from(VALUES))} ", lines[at], count=1)
    elif way == "key":
        lines[at] = re.sub(r"\w+", data.draw(st.sampled_from(["at", "is", "x", "bytes", "end", "escape"])), lines[at], count=1)
    elif way == "drop":
        del lines[at]
    elif way == "double":
        lines.insert(data.draw(st.integers(0, len(lines))), lines[at])
    else:
        lines[at] += data.draw(st.text(max_size=4))
    return "\n".join(lines) or "x = 1"
