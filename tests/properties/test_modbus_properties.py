"""Modbus: any cut of any stream gives the same frames, noise never raises, good answers are found, nothing latches (L8, I3)."""

from __future__ import annotations

import contextlib
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.counters import DeviceCounters
from drivers.framing import FrameSplitter
from drivers.gate.contacts import Contact, SettledContacts
from drivers.gate.modbus_boards import PROFILES, Board, parse_layout
from drivers.gate.modbus_protocol import (
    LARGEST_FRAME_BYTES,
    AnswerFrames,
    Exchange,
    LineMemory,
    Question,
    crc_holds,
    read_coils,
    read_inputs,
    read_registers,
    with_crc,
    write_coil,
    write_coils,
    write_register,
)
from drivers.sim.modbus_board import question_length
from egate.model.errors import DeviceError
from egate.model.lane import DoorState

addresses, words = st.integers(1, 247), st.integers(0, 0xFFFF)
counts = st.integers(1, 100)
questions: st.SearchStrategy[Question] = st.one_of(
    st.builds(read_coils, addresses, words, counts),
    st.builds(read_inputs, addresses, words, counts),
    st.builds(read_registers, addresses, words, counts),
    st.builds(write_coil, addresses, words, words),
    st.builds(write_register, addresses, words, words),
    st.builds(write_coils, addresses, words, st.lists(st.booleans(), min_size=1, max_size=40).map(tuple)),
)
seeds = st.integers(0, 2**32)


def answer_to(question: Question, seed: int) -> bytes:
    """A sound answer with some data."""
    if not question.is_read:
        return with_crc(question.raw[:6])
    size = 2 * question.count if question.function == 3 else (question.count + 7) // 8
    return with_crc(question.raw[:2] + bytes((size,)) + random.Random(seed).randbytes(size))


def cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(at % (len(stream) + 1) for at in cuts), len(stream)]
    return [stream[begin:end] for begin, end in itertools.pairwise(edges)]


@settings(max_examples=250, deadline=None)
@given(
    question=questions,
    others=st.lists(
        st.one_of(st.binary(max_size=30), st.tuples(questions, seeds).map(lambda pair: answer_to(*pair))), max_size=4
    ),
    seed=seeds,
    echo=st.booleans(),
    cuts=st.lists(st.integers(0, 2000), max_size=12),
)
def test_any_cut_gives_the_same_frames(question: Question, others: list[bytes], seed: int, echo: bool, cuts: list[int]) -> None:
    stream = b"".join([question.raw if echo else b"", *others, answer_to(question, seed)])
    whole, pieces, single = AnswerFrames(question), AnswerFrames(question), AnswerFrames(question)
    expected = whole.receive(stream)
    assert [found for chunk in cut(stream, cuts) for found in pieces.receive(chunk)] == expected
    assert [found for byte in stream for found in single.receive(bytes((byte,)))] == expected
    assert whole.broken_frames == pieces.broken_frames == single.broken_frames
    assert whole.stray_bytes == pieces.stray_bytes == single.stray_bytes
    assert all(crc_holds(frame) for frame in expected)


@settings(max_examples=200, deadline=None)
@given(question=questions, seed=seeds, noise=st.binary(max_size=400))
def test_an_answer_is_found_behind_any_noise(question: Question, seed: int, noise: bytes) -> None:
    """The next good frame is found, whatever length the noise announced."""
    answer = answer_to(question, seed)
    assert answer in AnswerFrames(question).receive(noise + answer)


@settings(max_examples=150, deadline=None)
@given(question=questions, answers=st.lists(st.one_of(st.none(), st.binary(max_size=60)), max_size=20))
def test_no_answer_breaks_a_dialogue(question: Question, answers: list[bytes | None]) -> None:
    """It ends in our answer or in a DeviceError, with whatever is sound on the line."""
    exchange = Exchange(question, LineMemory(), DeviceCounters())
    dialogue = exchange.dialogue()
    next(dialogue)
    taken: bytes | None = None
    try:
        for answer in [*answers, *[None] * 3]:
            for frame in [None] if answer is None else exchange.frames.receive(answer):
                dialogue.send(frame)
    except StopIteration as finished:
        taken = finished.value
    except DeviceError:
        return
    assert taken is not None, "it never ended"
    assert taken[0] == question.address


@pytest.mark.parametrize("seed", range(2))
def test_a_flood_is_dropped(seed: int) -> None:
    """What is kept is bounded, and the answer behind it is found."""
    noise = random.Random(seed)
    question = read_inputs(1, 0, 8)
    frames = AnswerFrames(question)
    for _ in range(300):
        frames.receive(noise.randbytes(100))
    assert frames.stray_bytes > 28_000
    assert with_crc(b"\x01\x02\x01\x20") in frames.receive(with_crc(b"\x01\x02\x01\x20"))


@pytest.mark.slow
def test_a_million_chunks() -> None:
    """N9."""
    noise = random.Random(9)
    question = read_inputs(1, 0, 8)
    frames = AnswerFrames(question)
    for _ in range(1_000_000):
        frames.receive(noise.randbytes(noise.randint(1, 8)))
    assert with_crc(b"\x01\x02\x01\x20") in frames.receive(with_crc(b"\x01\x02\x01\x20"))


@settings(max_examples=100, deadline=None)
@given(stream=st.lists(st.one_of(st.binary(max_size=20), questions.map(lambda q: q.raw)), max_size=5).map(b"".join))
def test_the_simulated_line_takes_any_chunks(stream: bytes) -> None:
    def splitter() -> FrameSplitter:
        return FrameSplitter(b"", question_length, crc_holds, LARGEST_FRAME_BYTES)

    single = splitter()
    assert [found for byte in stream for found in single.receive(bytes((byte,)))] == splitter().receive(stream)


@settings(max_examples=150, deadline=None)
@given(lease_s=st.floats(allow_nan=True), spent_s=st.floats(0, 20), name=st.sampled_from(sorted(PROFILES)))
def test_a_pulse_is_never_longer_than_its_lease(lease_s: float, spent_s: float, name: str) -> None:
    """I3."""
    board = Board(1, PROFILES[name])
    try:
        raw = board.unlock_question(0, lease_s, spent_s).raw
    except DeviceError:
        return
    pulse = board.profile.pulse
    assert pulse is not None
    units = raw[5] if name.startswith("delay") else int.from_bytes(raw[4:6], "big")
    assert 0 < units * pulse.unit_s <= min(lease_s, 10.0) + 1e-5
    assert raw[4:6] != b"\xff\x00"


@settings(max_examples=150, deadline=None)
@given(boards=st.text(max_size=40), wiring=st.text(max_size=40))
def test_any_description_is_a_layout_or_a_sentence(boards: str, wiring: str) -> None:
    with contextlib.suppress(DeviceError):
        parse_layout(boards, wiring)
    with contextlib.suppress(DeviceError):
        parse_layout("1:waveshare-relay-d", wiring)


@settings(max_examples=150, deadline=None)
@given(samples=st.lists(st.tuples(st.lists(st.booleans(), min_size=8, max_size=8), st.integers(0, 2)), min_size=1, max_size=30))
def test_evidence_never_runs_ahead(samples: list[tuple[list[bool], int]]) -> None:
    """I2: what a report says of a contact was said by two samples in a row, both asked for after that command."""
    contacts = SettledContacts(parse_layout("1:waveshare-relay-d").contacts)
    number, past = 0, list[tuple[tuple[bool, ...], int]]()
    for inputs, more in samples:
        number += more
        past.append((tuple(inputs), number))
        contacts.sample(1, tuple(inputs), number)
        report = contacts.report()
        if report is None:
            continue
        if report.emergency and report.entry is report.exit is DoorState.FAULT:
            continue  # told before all contacts settled, or while one chatters: an emergency that proves no door
        persons = [report.persons & 1, report.persons >> 1]
        for index, contact in enumerate((Contact.PERSONS_LOW, Contact.PERSONS_HIGH)):
            place = 4 + index
            pairs = [(a, b) for a, b in itertools.pairwise(past) if a[0][place] == b[0][place] == bool(persons[index])]
            assert any(older[1] >= report.after_command for older, _ in pairs), contact
