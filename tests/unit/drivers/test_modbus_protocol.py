"""Modbus RTU frames and dialogues: golden frames of the standard and of makers, answers that are not ours, echoes."""

from __future__ import annotations

import contextlib

import pytest

from drivers.counters import DeviceCounters
from drivers.gate.modbus_protocol import (
    REPEATS,
    WAIT,
    AnswerFrames,
    BoardSilent,
    Exchange,
    LineMemory,
    Question,
    crc16_modbus,
    crc_holds,
    parse_bits,
    parse_registers,
    read_coils,
    read_inputs,
    read_registers,
    with_crc,
    write_coil,
    write_coils,
    write_register,
    write_registers,
)
from egate.model.errors import DeviceError, MalformedData


def frame(text: str) -> bytes:
    return bytes.fromhex(text)


def exchange(
    question: Question, answers: list[bytes | None], line: LineMemory | None = None, counters: DeviceCounters | None = None
) -> tuple[bytes | None, list[bytes]]:
    """Play whole frames to one question; returns the answer, None when none was taken, and what was sent."""
    dialogue = Exchange(question, line or LineMemory(), counters or DeviceCounters()).dialogue()
    sent = [next(dialogue)]
    try:
        for answer in answers:
            sent.append(dialogue.send(answer))
    except StopIteration as finished:
        value: bytes = finished.value
        return value, sent
    return None, sent


def test_the_check_value_of_the_standard() -> None:
    """CRC-16/MODBUS of "123456789" is 4B37h in every catalogue of check values."""
    assert crc16_modbus(b"123456789") == 0x4B37


@pytest.mark.parametrize(
    ("question", "wire"),
    [
        # Waveshare's wiki of its Modbus RTU relays, and public programs that quote it
        (read_coils(1, 0, 8), "01 01 00 00 00 08 3D CC"),
        (read_inputs(1, 0, 8), "01 02 00 00 00 08 79 CC"),
        (write_coil(1, 0, 0xFF00), "01 05 00 00 FF 00 8C 3A"),
        (write_coil(1, 0, 0x0000), "01 05 00 00 00 00 CD CA"),
        (write_coil(1, 0x0200, 7), "01 05 02 00 00 07 8D B0"),
        (write_coil(1, 0x0201, 8), "01 05 02 01 00 08 9C 74"),
        # public frames of delay-register boards
        (write_register(1, 1, 0x060A), "01 06 00 01 06 0A 5B AD"),
        (write_register(1, 1, 0x0664), "01 06 00 01 06 64 DA 41"),
        (write_register(1, 1, 0x0200), "01 06 00 01 02 00 D9 6A"),
        # a public IO module's manual
        (read_registers(1, 0x0304, 4), "01 03 03 04 00 04 05 8C"),
        (write_registers(1, 0x0304, (0, 1000, 5000, 1)), "01 10 03 04 00 04 08 00 00 03 E8 13 88 00 01 67 3C"),
    ],
)
def test_golden_questions(question: Question, wire: str) -> None:
    assert question.raw == frame(wire)


@pytest.mark.parametrize(
    ("question", "data"),
    [
        # Modbus Application Protocol V1.1b3, the examples of §6.1 to §6.12 (function and data)
        (read_coils(1, 19, 19), "01 00 13 00 13"),
        (read_inputs(1, 196, 22), "02 00 C4 00 16"),
        (read_registers(1, 107, 3), "03 00 6B 00 03"),
        (write_coil(1, 172, 0xFF00), "05 00 AC FF 00"),
        (write_register(1, 1, 3), "06 00 01 00 03"),
        (
            write_coils(1, 19, (True, False, True, True, False, False, True, True, True, False)),
            "0F 00 13 00 0A 02 CD 01",
        ),
        (write_registers(1, 1, (10, 258)), "10 00 01 00 02 04 00 0A 01 02"),
    ],
)
def test_the_examples_of_the_standard(question: Question, data: str) -> None:
    assert question.raw[1:-2] == frame(data)


def test_golden_answers() -> None:
    """The standard's §6.1 and §6.3 examples, a maker's 06 answers, and a public IO module's registers."""
    bits = parse_bits(with_crc(frame("01 01 03 CD 6B 05")), 19)
    assert [index + 20 for index, bit in enumerate(bits) if bit] == [20, 22, 23, 26, 27, 28, 29, 31, 33, 34, 36, 38]
    assert parse_registers(with_crc(frame("01 03 06 02 2B 00 00 00 64")), 3) == (555, 0, 100)
    module = frame("01 03 08 00 00 03 E8 13 88 00 01 B0 9D")
    assert crc_holds(module)
    assert parse_registers(module, 4) == (0, 1000, 5000, 1)
    assert parse_bits(frame("01 02 01 20 A0 50"), 8) == (False, False, False, False, False, True, False, False)
    assert exchange(read_inputs(1, 0, 8), [frame("01 02 01 20 A0 50")])[0] == frame("01 02 01 20 A0 50")
    assert exchange(write_registers(1, 0x0304, (0, 1000, 5000, 1)), [frame("01 10 03 04 00 04 80 4F")])[0] is not None


@pytest.mark.parametrize(
    "ask",
    [
        lambda: read_coils(0, 0, 1),
        lambda: read_coils(248, 0, 1),
        lambda: read_coils(1, 0, 0),
        lambda: read_inputs(1, 0, 2001),
        lambda: read_registers(1, 0, 126),
        lambda: read_registers(1, 65_536, 1),
        lambda: write_coil(1, -1, 0),
        lambda: write_coils(1, 0, ()),
        lambda: write_registers(1, 0, (0,) * 124),
        lambda: write_registers(1, 0, (65_536,)),
    ],
)
def test_numbers_out_of_range_never_become_frames(ask: object) -> None:
    assert callable(ask)
    with pytest.raises(DeviceError):
        ask()


def test_too_short_answers_are_malformed() -> None:
    with pytest.raises(MalformedData):
        parse_bits(with_crc(b"\x01\x01\x01\x00"), 9)
    with pytest.raises(MalformedData):
        parse_registers(with_crc(b"\x01\x03\x02\x00\x00"), 2)


READ = read_inputs(1, 0, 8)
ANSWER = with_crc(frame("01 02 01 20"))
ORDER = write_coil(1, 0x0200, 30)


def test_silence_is_asked_again_and_then_told() -> None:
    counters = DeviceCounters()
    dialogue = Exchange(READ, LineMemory(), counters).dialogue()
    assert next(dialogue) == READ.raw
    for _ in range(REPEATS):
        assert dialogue.send(None) == READ.raw
    with pytest.raises(BoardSilent):
        dialogue.send(None)
    assert (counters.repeats, counters.unanswered) == (REPEATS, 1)


@pytest.mark.parametrize(
    ("wrong", "foreign", "stray"),
    [
        (with_crc(frame("02 02 01 20")), 1, 0),
        (with_crc(frame("01 01 01 20")), 0, 1),
        (with_crc(frame("01 02 02 20 00")), 0, 1),
        (with_crc(frame("01 05 02 00 00 07")), 0, 1),
        (with_crc(frame("02 82 02")), 1, 0),
        (with_crc(frame("01 81 02")), 0, 1),
    ],
)
def test_what_is_not_our_answer_is_dropped_and_counted(wrong: bytes, foreign: int, stray: int) -> None:
    """L7."""
    line = LineMemory()
    assert exchange(READ, [wrong, ANSWER], line) == (ANSWER, [READ.raw, WAIT])
    assert (line.foreign, line.stray) == (foreign, stray)


@pytest.mark.parametrize("other", ["01 05 02 00 00 1D", "01 05 02 01 00 1E", "01 05 02 00 FF 00", "01 06 02 00 00 1E"])
def test_an_order_is_acknowledged_in_its_own_words_only(other: str) -> None:
    """L7, I4: a late acknowledgement of another order, or of another meaning, is none."""
    line = LineMemory(echoes=False)
    assert exchange(ORDER, [with_crc(frame(other))], line)[0] is None
    assert line.stray == 1
    assert exchange(ORDER, [with_crc(frame(other)), ORDER.raw], line)[0] == ORDER.raw


def test_a_babbling_line_ends() -> None:
    with pytest.raises(BoardSilent):
        exchange(READ, [with_crc(frame("09 02 01 20"))] * 20)


def test_an_echo_is_learned_from_a_read_and_is_no_acknowledgement() -> None:
    line = LineMemory()
    assert exchange(READ, [READ.raw, ANSWER], line)[0] == ANSWER
    assert line.echoes is True
    assert exchange(ORDER, [ORDER.raw], line)[0] is None, "the only copy is our own voice"
    assert exchange(ORDER, [ORDER.raw, None, ORDER.raw], line)[0] is None, "and so it is when we ask again"
    assert exchange(ORDER, [ORDER.raw, ORDER.raw], line)[0] == ORDER.raw


def test_no_echo_is_learned_from_a_clean_read_only() -> None:
    line = LineMemory()
    exchange(READ, [ANSWER], line)
    assert line.echoes is False
    noisy = LineMemory()
    asked = Exchange(READ, noisy, DeviceCounters())
    dialogue = asked.dialogue()
    next(dialogue)
    (found,) = asked.frames.receive(b"\x55" + ANSWER)
    with contextlib.suppress(StopIteration):
        dialogue.send(found)
    assert noisy.echoes is None, "what was broken may have been the echo"


def test_an_echo_heard_later_counts_from_then_on() -> None:
    line = LineMemory(echoes=False)
    exchange(READ, [READ.raw, ANSWER], line)
    assert line.echoes is True


@pytest.mark.parametrize(
    ("code", "words"), [(1, "illegal function"), (2, "illegal address"), (3, "illegal value"), (4, "board failed"), (99, "99")]
)
def test_a_refusal_is_told_in_words(code: int, words: str) -> None:
    line, counters = LineMemory(), DeviceCounters()
    with pytest.raises(DeviceError, match=words) as refusal:
        exchange(READ, [with_crc(bytes((1, 0x82, code)))], line, counters)
    assert not isinstance(refusal.value, BoardSilent)
    assert (counters.refused, line.refusals) == (1, {code: 1})


def test_a_busy_board_is_asked_again() -> None:
    busy = with_crc(frame("01 82 06"))
    assert exchange(READ, [busy, ANSWER]) == (ANSWER, [READ.raw, READ.raw])
    with pytest.raises(BoardSilent):
        exchange(READ, [busy] * (1 + REPEATS))


@pytest.mark.parametrize("question", [READ, ORDER, write_coils(1, 0, (True,) * 9), write_registers(1, 0, (1, 2, 3))])
@pytest.mark.parametrize("gap", [b"", b"\x00", b"\xff\x01\x02\x07"])
def test_echo_then_answer_are_two_frames_however_they_arrive(question: Question, gap: bytes) -> None:
    """L8."""
    answer = ANSWER if question is READ else with_crc(question.raw[:6])
    stream = question.raw + gap + answer
    whole = AnswerFrames(question).receive(stream)
    assert whole == [question.raw, answer]
    frames = AnswerFrames(question)
    assert [found for byte in stream for found in frames.receive(bytes((byte,)))] == whole
