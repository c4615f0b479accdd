"""The master's side of Modbus RTU: questions, answers, and cutting answers out of a byte stream. No I/O, no clock.

Source: Modbus Application Protocol V1.1b3 (functions 01, 02, 03, 05, 06, 0F, 10 and exceptions), Modbus over Serial Line V1.02
(CRC, addresses). Rules:

1. Frames are cut by the length that their function announces, never by silence on the line, which USB adapters do not keep (L8).
2. An answer counts only when it has the address, the function and the shape of the question, and for an order also its very
   words. Modbus has no sequence numbers, so everything else is dropped and counted: late, doubled, foreign (L7).
3. A two-wire adapter may let us hear ourselves. The acknowledgement of a single write has the same bytes as the write, so an
   echo would be taken for one: whether a line echoes is learned from reads, where the two differ, and an order on an
   echoing line needs both, its echo and its answer.

A dialogue yields bytes to send, or `WAIT` to hear more without sending; it receives one whole frame, or None when the time
for an answer was over.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeVar

from drivers.counters import DeviceCounters
from egate.model.errors import DeviceError, MalformedData

CRC_POLYNOMIAL_REFLECTED = 0xA001
CRC_START = 0xFFFF
CRC_SIZE = 2
EXCEPTION_BIT = 0x80  # in the function byte of an answer
EXCEPTION_SIZE = 5
ORDER_ANSWER_SIZE = 8  # address, function, two words, CRC
LARGEST_FRAME_BYTES = 256  # Modbus over Serial Line §2.5.1
BUFFER_LIMIT_BYTES = 1024  # noise kept while waiting for an answer; then all but the last frame's length is dropped
LOWEST_ADDRESS, HIGHEST_ADDRESS = 1, 247
MOST_BITS_READ, MOST_REGISTERS_READ = 2000, 125  # V1.1b3 §6.1, §6.3
MOST_BITS_WRITTEN, MOST_REGISTERS_WRITTEN = 1968, 123  # V1.1b3 §6.11, §6.12
COIL_ON, COIL_OFF = 0xFF00, 0x0000
REPEATS = 2  # of an unanswered question: three times 100 ms and the pauses between them are a loss in < 500 ms (L2)
STRAY_LIMIT = 8  # foreign or late frames heard while waiting for one answer
WAIT = b""

ValueT = TypeVar("ValueT")
Dialogue = Generator[bytes, "bytes | None", ValueT]


class FunctionCode(IntEnum):
    """What this master can ask (V1.1b3 §6)."""

    READ_COILS = 0x01
    READ_INPUTS = 0x02
    READ_REGISTERS = 0x03
    WRITE_COIL = 0x05
    WRITE_REGISTER = 0x06
    WRITE_COILS = 0x0F
    WRITE_REGISTERS = 0x10


FUNCTIONS = frozenset(FunctionCode)
READS = frozenset({FunctionCode.READ_COILS, FunctionCode.READ_INPUTS, FunctionCode.READ_REGISTERS})


class ExceptionCode(IntEnum):
    """Why a board refuses (V1.1b3 §7)."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_ADDRESS = 2
    ILLEGAL_VALUE = 3
    BOARD_FAILED = 4
    ACKNOWLEDGED_ONLY = 5
    BUSY = 6


class BoardSilent(DeviceError):
    """A board does not answer, or what it answers is not to be understood."""


def _crc_table() -> tuple[int, ...]:
    """The 256 remainders of one byte, least significant bit first."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ CRC_POLYNOMIAL_REFLECTED if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc16_modbus(data: bytes) -> int:
    """CRC-16/MODBUS: polynomial 8005h reflected, start FFFFh; low byte first on the wire."""
    crc = CRC_START
    for byte in data:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def with_crc(body: bytes) -> bytes:
    """The frame of address, function and data."""
    return body + crc16_modbus(body).to_bytes(CRC_SIZE, "little")


def crc_holds(raw: bytes) -> bool:
    """Whether the last two bytes are the CRC of the others."""
    return crc16_modbus(raw[:-CRC_SIZE]) == int.from_bytes(raw[-CRC_SIZE:], "little")


@dataclass(frozen=True, slots=True)
class Question:
    """One question to one board; `count` is how many bits or registers a read wants."""

    raw: bytes
    count: int = 0

    @property
    def address(self) -> int:
        """The board that is asked."""
        return self.raw[0]

    @property
    def function(self) -> int:
        """What is asked."""
        return self.raw[1]

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.function in READS

    def answered_by(self, frame: bytes) -> bool:
        """Whether a sound frame of this board and function has the shape of our answer; for an order its words."""
        if not self.is_read:
            return frame[:6] == self.raw[:6]
        size = 2 * self.count if self.function == FunctionCode.READ_REGISTERS else (self.count + 7) // 8
        return frame[2] == size


def _question(address: int, function: FunctionCode, words: tuple[int, ...], tail: bytes = b"", count: int = 0) -> Question:
    """Check the address and the words, and write the frame."""
    doing = f"ask Modbus board {address}"
    if not LOWEST_ADDRESS <= address <= HIGHEST_ADDRESS:
        raise DeviceError(doing, f"the address must be {LOWEST_ADDRESS} to {HIGHEST_ADDRESS}")
    if not all(0 <= word <= 0xFFFF for word in words):
        raise DeviceError(doing, "a number does not fit into a register")
    body = bytes((address, function)) + b"".join(word.to_bytes(2, "big") for word in words)
    return Question(with_crc(body + tail), count)


def _check_count(address: int, count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise DeviceError(f"ask Modbus board {address}", f"one question carries 1 to {most} of them")


def read_coils(address: int, start: int, count: int) -> Question:
    """Function 01: which outputs are on; raises DeviceError for numbers out of range, as all of these do."""
    _check_count(address, count, MOST_BITS_READ)
    return _question(address, FunctionCode.READ_COILS, (start, count), count=count)


def read_inputs(address: int, start: int, count: int) -> Question:
    """Function 02: which contacts are active."""
    _check_count(address, count, MOST_BITS_READ)
    return _question(address, FunctionCode.READ_INPUTS, (start, count), count=count)


def read_registers(address: int, start: int, count: int) -> Question:
    """Function 03: holding registers."""
    _check_count(address, count, MOST_REGISTERS_READ)
    return _question(address, FunctionCode.READ_REGISTERS, (start, count), count=count)


def write_coil(address: int, coil: int, value: int) -> Question:
    """Function 05 with the value as it goes onto the wire: makers use more than FF00h and 0000h (times, for example)."""
    return _question(address, FunctionCode.WRITE_COIL, (coil, value))


def write_register(address: int, register: int, value: int) -> Question:
    """Function 06."""
    return _question(address, FunctionCode.WRITE_REGISTER, (register, value))


def write_coils(address: int, start: int, states: tuple[bool, ...]) -> Question:
    """Function 0F, the first state in the lowest bit."""
    _check_count(address, len(states), MOST_BITS_WRITTEN)
    data = pack_bits(states)
    return _question(address, FunctionCode.WRITE_COILS, (start, len(states)), bytes((len(data),)) + data)


def write_registers(address: int, start: int, values: tuple[int, ...]) -> Question:
    """Function 10."""
    _check_count(address, len(values), MOST_REGISTERS_WRITTEN)
    if not all(0 <= value <= 0xFFFF for value in values):
        raise DeviceError(f"ask Modbus board {address}", "a number does not fit into a register")
    data = b"".join(value.to_bytes(2, "big") for value in values)
    return _question(address, FunctionCode.WRITE_REGISTERS, (start, len(values)), bytes((len(data),)) + data)


def pack_bits(states: tuple[bool, ...]) -> bytes:
    """Bits as Modbus packs them: the first in the lowest bit of the first byte."""
    packed = bytearray((len(states) + 7) // 8)
    for index, state in enumerate(states):
        packed[index // 8] |= state << (index % 8)
    return bytes(packed)


def parse_bits(frame: bytes, count: int) -> tuple[bool, ...]:
    """The bits of an answer to function 01 or 02; raises MalformedData when there are fewer than `count`."""
    data = frame[3:-CRC_SIZE]
    if len(data) * 8 < count:
        raise MalformedData("read a Modbus answer", f"it has no {count} bits")
    return tuple(bool(data[index // 8] >> (index % 8) & 1) for index in range(count))


def parse_registers(frame: bytes, count: int) -> tuple[int, ...]:
    """The registers of an answer to function 03; raises MalformedData when there are fewer than `count`."""
    data = frame[3:-CRC_SIZE]
    if len(data) < 2 * count:
        raise MalformedData("read a Modbus answer", f"it has no {count} registers")
    return tuple(int.from_bytes(data[index : index + 2], "big") for index in range(0, 2 * count, 2))


class AnswerFrames:
    """Cuts sound answers, and the echo of one question, out of what comes after it; counts what was broken.

    A Modbus frame has no start mark, so every byte may begin one. Each beginning is followed until its announced length is
    there; the first whole frame with a right CRC wins. Noise before an answer therefore never hides it, and one byte after
    the other gives the same as all at once.
    """

    def __init__(self, question: Question) -> None:
        self.broken_frames = 0
        self.stray_bytes = 0
        self._question = question
        self._buffer = bytearray()
        self._begun: dict[int, list[int]] = {}

    def receive(self, data: bytes) -> list[bytes]:
        """Add bytes from the wire; returns the frames that are whole now, in order."""
        found: list[bytes] = []
        for byte in data:
            self._buffer.append(byte)
            self._begin()
            frame = self._ended()
            if frame:
                found.append(frame)
            if len(self._buffer) > BUFFER_LIMIT_BYTES:
                self._forget(LARGEST_FRAME_BYTES)
        return found

    def reset(self) -> None:
        """Forget what arrived before a question is asked again (L7)."""
        self.stray_bytes += len(self._buffer)
        self._clear()

    def _begin(self) -> None:
        """Note where frames end whose length is known since the newest byte."""
        buffer, size = self._buffer, len(self._buffer)
        if size >= 2 and (length := _fixed_length(buffer[-1])):
            self._begun.setdefault(size - 2 + length, []).append(size - 2)
        if size >= 3 and buffer[-2] in READS and (length := 3 + buffer[-1] + CRC_SIZE) <= LARGEST_FRAME_BYTES:
            self._begun.setdefault(size - 3 + length, []).append(size - 3)

    def _ended(self) -> bytes:
        """The frame that ends with the newest byte; empty when there is none."""
        if self._buffer.endswith(self._question.raw):
            return self._cut(len(self._buffer) - len(self._question.raw))
        foreign = b""
        for start in self._begun.pop(len(self._buffer), ()):
            frame = bytes(self._buffer[start:])
            own = frame[0] == self._question.address and frame[1] & ~EXCEPTION_BIT == self._question.function
            if not crc_holds(frame):
                self.broken_frames += own
            elif own:
                return self._cut(start)
            else:
                foreign = frame
        return foreign  # told, but it ends nothing: it may stand inside of a longer one

    def _cut(self, start: int) -> bytes:
        """Take the frame out, and with it what stood before."""
        frame = bytes(self._buffer[start:])
        self.stray_bytes += start
        self._clear()
        return frame

    def _forget(self, keep: int) -> None:
        """Noise must not fill memory: the oldest bytes go."""
        gone = len(self._buffer) - keep
        self.stray_bytes += gone
        del self._buffer[:gone]
        moved = {end - gone: [start - gone for start in starts if start >= gone] for end, starts in self._begun.items()}
        self._begun = {end: starts for end, starts in moved.items() if starts}

    def _clear(self) -> None:
        self._buffer.clear()
        self._begun.clear()


def _fixed_length(function: int) -> int:
    """Whole length of an answer whose function byte says it all; 0 where it does not."""
    if function & EXCEPTION_BIT:
        return EXCEPTION_SIZE if function & ~EXCEPTION_BIT in FUNCTIONS else 0
    return ORDER_ANSWER_SIZE if function in FUNCTIONS - READS else 0


@dataclass(slots=True)
class LineMemory:
    """What is known and counted of one line: does it echo (None: not known yet), what was dropped, was an answer late."""

    echoes: bool | None = None
    late: bool = False
    echoes_heard: int = 0
    foreign: int = 0
    stray: int = 0
    refusals: dict[int, int] = field(default_factory=dict)


class Exchange:
    """One question and its answer. `frames` belongs to the question; the caller feeds it and hands over what it finds."""

    def __init__(self, question: Question, line: LineMemory, counters: DeviceCounters, repeats: int = REPEATS) -> None:
        self.question = question
        self.frames = AnswerFrames(question)
        self._line = line
        self._counters = counters
        self._repeats = repeats
        self._own_voice = False

    def dialogue(self) -> Dialogue[bytes]:
        """Send, repeat when nothing comes, and return the one answer that belongs to the question.

        Raises BoardSilent for silence, DeviceError for a refusal.
        """
        attempts, stray, outgoing = 0, 0, self.question.raw
        while attempts <= self._repeats and stray <= STRAY_LIMIT:
            frame = yield outgoing
            if frame is None:
                self._line.late = True
                self._own_voice = False
                attempts, outgoing = attempts + 1, self.question.raw
                self._counters.repeats += int(attempts <= self._repeats)
            elif self._is_answer(frame):
                if frame[1] & EXCEPTION_BIT and frame[2] == ExceptionCode.BUSY:
                    attempts, outgoing = attempts + 1, self.question.raw
                    self._own_voice = False
                    continue
                return self._judged(frame)
            else:
                stray, outgoing = stray + 1, WAIT
        self._counters.unanswered += 1
        raise BoardSilent(f"ask Modbus board {self.question.address}", "it does not answer")

    def _is_answer(self, frame: bytes) -> bool:
        """Whether the frame is our answer; what it is else is counted."""
        question, line = self.question, self._line
        if frame == question.raw and self._expects_echo():
            self._own_voice = True
            line.echoes = True
            line.echoes_heard += 1
            return False
        if frame[0] != question.address:
            line.foreign += 1
            return False
        refused = frame[1] == question.function | EXCEPTION_BIT
        if not refused and (frame[1] != question.function or not question.answered_by(frame)):
            line.stray += 1
            return False
        self._learn_silence()
        return True

    def _expects_echo(self) -> bool:
        """The first copy of our own words is the echo: always where an answer differs, else where the line is known to echo."""
        differs = self.question.is_read or len(self.question.raw) != ORDER_ANSWER_SIZE
        return not self._own_voice and (differs or self._line.echoes is True)

    def _learn_silence(self) -> None:
        """A read that was answered with nothing at all before the answer: this line has no echo. Once heard, it stays."""
        clean = not self.frames.stray_bytes and not self._own_voice
        if self._line.echoes is None and self.question.is_read and clean:
            self._line.echoes = False

    def _judged(self, frame: bytes) -> bytes:
        """The answer, or its refusal raised."""
        if not frame[1] & EXCEPTION_BIT:
            return frame
        code = frame[2]
        self._counters.refused += 1
        self._line.refusals[code] = self._line.refusals.get(code, 0) + 1
        raise DeviceError(f"ask Modbus board {self.question.address}", f"it refuses the question ({exception_words(code)})")


def exception_words(code: int) -> str:
    """An exception code in words."""
    try:
        return f"exception {code}: {ExceptionCode(code).name.lower().replace('_', ' ')}"
    except ValueError:
        return f"exception {code}"
