"""NXP PN532 over its high-speed UART: frames and the command dialogue. No I/O.

Source: NXP UM0701-02 (PN532 user manual) §6.2 frames, §7 commands. A host frame is acknowledged, then answered. Rules:

1. An APDU is never repeated blindly, because a chip that sees a command twice breaks its secure messaging. Where its
   acknowledgement is missing, its answer is waited for all the same; then NACK makes the PN532 repeat its last answer. When that
   is still the answer from before, the command was never heard and is sent again, once. A new answer is taken; silence loses the
   chip.
2. A broken answer is asked for again with NACK, which costs the chip nothing, and so is, once, one that never came. A repeated
   answer that equals the one from before is nobody's: the PN532 has no other yet.
3. An answer to another command is late and is dropped (L7).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TypeVar

from drivers.framing import FrameSplitter, zero_sum
from egate.model.errors import DeviceError, MalformedData

FRAME_START = b"\x00\xff"
EXTENDED_MARK = b"\xff\xff"
HOST, CHIP = 0xD4, 0xD5  # frame identifiers: host to PN532, and back
LARGEST_NORMAL_PAYLOAD = 255
LARGEST_PAYLOAD = 265  # UM0701-02 §6.2.1.2: identifier and command, and 263 bytes
LARGEST_FRAME_BYTES = 2 + 5 + LARGEST_PAYLOAD + 1
LARGEST_EXCHANGE_BYTES = 262  # of an APDU in one InDataExchange; longer ones are chained
LARGEST_RESPONSE_BYTES = 65_538  # of an extended-length response with its status word

ACK_FRAME = bytes.fromhex("0000ff00ff00")
NACK_FRAME = bytes.fromhex("0000ffff0000")
ERROR_PAYLOAD = b"\x7f"
WAKE_UP = b"\x55\x55" + bytes(14)  # UM0701-02 §6.3.2.3: leave the low-battery mode

ACK_WITHIN_S = 0.1  # the PN532 acknowledges within 15 ms
REPEATED_ANSWER_WITHIN_S = 0.15  # after NACK: nothing but the cable takes time (265 bytes at 115,200 baud: 24 ms)
REPEATS = 1  # of a command that was not acknowledged
NACKS = 2  # for one broken answer
STRAY_LIMIT = 16  # late frames heard while waiting for one answer

ValueT = TypeVar("ValueT")


class Command(IntEnum):
    """Command codes (UM0701-02 §7); an answer carries the code plus one."""

    DIAGNOSE = 0x00
    GET_FIRMWARE_VERSION = 0x02
    GET_GENERAL_STATUS = 0x04
    READ_REGISTER = 0x06
    WRITE_REGISTER = 0x08
    SET_SERIAL_BAUD_RATE = 0x10
    SET_PARAMETERS = 0x12
    SAM_CONFIGURATION = 0x14
    POWER_DOWN = 0x16
    RF_CONFIGURATION = 0x32
    IN_DATA_EXCHANGE = 0x40
    IN_COMMUNICATE_THRU = 0x42
    IN_DESELECT = 0x44
    IN_LIST_PASSIVE_TARGET = 0x4A
    IN_RELEASE = 0x52
    IN_SELECT = 0x54


BAUD_CODES = {9600: 0, 19_200: 1, 38_400: 2, 57_600: 3, 115_200: 4, 230_400: 5, 460_800: 6, 921_600: 7}
"""Codes of SetSerialBaudRate by speed (UM0701-02 §7.2.9)."""


class FrameKind(Enum):
    """What a frame is; BROKEN stands for a whole one with a wrong data check."""

    ACK = "ack"
    NACK = "nack"
    DATA = "data"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `payload` starts with the frame identifier and is empty but for DATA."""

    kind: FrameKind
    payload: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """What a dialogue wants: these bytes sent (or none), then the next frame within that many seconds."""

    send: bytes = field(repr=False)
    within_s: float


Dialogue = Generator[Step, "Frame | None", ValueT]


@dataclass(frozen=True, slots=True)
class Firmware:
    """Answer to GetFirmwareVersion."""

    chip: int
    version: int
    revision: int


@dataclass(frozen=True, slots=True)
class Target:
    """A chip in the field: its logical number, whether it speaks ISO 14443-4, and its answer to select (type A)."""

    number: int
    iso_dep: bool
    ats: bytes = b""


def encode_frame(payload: bytes) -> bytes:
    """A frame around identifier, command and data: normal up to 255 bytes, extended beyond; raises DeviceError when too long."""
    size = len(payload)
    if not 1 <= size <= LARGEST_PAYLOAD:
        raise DeviceError("encode a PN532 frame", f"{size} bytes do not fit into one")
    if size <= LARGEST_NORMAL_PAYLOAD:
        head = bytes((size, zero_sum(bytes((size,)))))
    else:
        length = size.to_bytes(2, "big")
        head = EXTENDED_MARK + length + bytes((zero_sum(length),))
    return b"\x00" + FRAME_START + head + payload + bytes((zero_sum(payload), 0x00))


def frame_length(buffer: bytes) -> int | None:
    """Whole length of the frame at the front without its postamble; raises MalformedData."""
    if len(buffer) < 4:
        return None
    if buffer[2:4] in (b"\x00\xff", b"\xff\x00"):
        return 4
    if buffer[2:4] == EXTENDED_MARK:
        if len(buffer) < 7:
            return None
        if sum(buffer[4:7]) & 0xFF or buffer[4:6] == b"\x00\x00":
            raise MalformedData("read a PN532 frame", "the length check is wrong")
        return 7 + int.from_bytes(buffer[4:6], "big") + 1
    if (buffer[2] + buffer[3]) & 0xFF:
        raise MalformedData("read a PN532 frame", "the length check is wrong")
    return 4 + buffer[2] + 1


def _frame_holds(raw: bytes) -> bool:
    """Whether the data check is right."""
    return len(raw) == 4 or sum(_payload_and_check(raw)) & 0xFF == 0


def _payload_and_check(raw: bytes) -> bytes:
    return raw[7:] if raw[2:4] == EXTENDED_MARK else raw[4:]


def parse_frame(raw: bytes) -> Frame:
    """Read one whole, sound frame as `frame_splitter` cuts it."""
    if len(raw) == 4:
        return Frame(FrameKind.ACK if raw[2] == 0 else FrameKind.NACK)
    return Frame(FrameKind.DATA, _payload_and_check(raw)[:-1])


def parse_broken(raw: bytes) -> Frame:
    """What can be said of a whole frame whose data check is wrong."""
    return Frame(FrameKind.BROKEN, _payload_and_check(raw)[:-1])


def frame_splitter() -> FrameSplitter:
    """Cuts PN532 frames out of a byte stream; preambles, postambles and wake-up bytes fall away."""
    return FrameSplitter(FRAME_START, frame_length, _frame_holds, LARGEST_FRAME_BYTES)


def exchange(command: Command, data: bytes, within_s: float, previous: bytes = b"") -> Dialogue[bytes]:
    """One command: acknowledged, then answered within `within_s`; returns the answer's data.

    `previous` is the payload of the answer before, by which an answer that is repeated too early is known. Raises DeviceError
    when the PN532 is silent or calls the command wrong, TimeoutError when it acknowledged but did not answer in time.
    """
    request = encode_frame(bytes((HOST, command)) + data)
    for _ in range(1 + REPEATS):
        frame = yield from _acknowledgement(request, command)
        if frame is None and command is Command.IN_DATA_EXCHANGE:
            frame = yield from _unacknowledged_apdu(command, within_s, previous)
        if frame is not None:
            break
    else:
        raise DeviceError("ask the PN532", "it does not answer; check cable, power, and that its switches select HSU (UART)")
    if frame.kind is FrameKind.ACK:
        answer = yield from _data_frame(Step(b"", within_s), command)
        frame = answer if answer is not None else (yield from _repeated_answer(command, previous))
    return frame.payload[2:]


def _unacknowledged_apdu(command: Command, within_s: float, previous: bytes) -> Dialogue[Frame | None]:
    """The answer to an APDU whose acknowledgement is missing; None when it was never heard. Raises TimeoutError (rule 1)."""
    answer = yield from _data_frame(Step(b"", within_s), command)
    if answer is not None:
        return answer
    repeated = yield Step(NACK_FRAME, REPEATED_ANSWER_WITHIN_S)
    if repeated is None or repeated.kind is not FrameKind.DATA:
        raise TimeoutError
    if repeated.payload == previous:
        return None
    if not _answers(repeated, command):
        raise TimeoutError
    return repeated


def _repeated_answer(command: Command, previous: bytes) -> Dialogue[Frame]:
    """Ask once for an answer that never came; raises TimeoutError (rule 2)."""
    answer = yield from _data_frame(Step(NACK_FRAME, REPEATED_ANSWER_WITHIN_S), command)
    if answer is None or answer.payload == previous:
        raise TimeoutError
    return answer


def _acknowledgement(request: bytes, command: Command) -> Dialogue[Frame | None]:
    """Send a command; returns its acknowledgement, or the answer when that was heard first, or None."""
    step = Step(request, ACK_WITHIN_S)
    for _ in range(STRAY_LIMIT):
        frame = yield step
        if frame is None or frame.kind is FrameKind.NACK:
            return None
        if frame.kind is FrameKind.ACK or _answers(frame, command):
            return frame
        step = Step(b"", ACK_WITHIN_S)
    return None


def _data_frame(step: Step, command: Command) -> Dialogue[Frame | None]:
    """Wait for the answer to `command`; broken ones are asked for again."""
    nacks = 0
    for _ in range(STRAY_LIMIT):
        frame = yield step
        if frame is None or _answers(frame, command):
            return frame
        step = Step(b"", step.within_s)
        if frame.kind is FrameKind.BROKEN and _begins_as_answer(frame, command) and nacks < NACKS:
            nacks, step = nacks + 1, Step(NACK_FRAME, step.within_s)
    return None


def _answers(frame: Frame, command: Command) -> bool:
    """Whether the frame is the answer to the command; raises DeviceError for an error frame."""
    if frame.payload == ERROR_PAYLOAD:
        raise DeviceError("ask the PN532", "it does not know this command (error frame)")
    return frame.kind is FrameKind.DATA and _begins_as_answer(frame, command)


def _begins_as_answer(frame: Frame, command: Command) -> bool:
    return frame.payload[:2] == bytes((CHIP, command + 1))


def parse_firmware(data: bytes) -> Firmware:
    """Read the answer to GetFirmwareVersion; raises MalformedData."""
    if len(data) != 4:
        raise MalformedData("read the PN532's firmware version", "it is not 4 bytes long")
    return Firmware(chip=data[0], version=data[1], revision=data[2])


def parse_target_a(data: bytes) -> Target | None:
    """Read the answer to InListPassiveTarget, 106 kbit/s type A (UM0701-02 §7.3.5); None when there was no chip."""
    if not data or data[0] == 0:
        return None
    if len(data) < 6:
        raise MalformedData("read the list of chips", "it is too short")
    return Target(number=data[1], iso_dep=bool(data[4] & 0x20), ats=data[6 + data[5] :])


def parse_target_b(data: bytes) -> Target | None:
    """Read the answer to InListPassiveTarget, 106 kbit/s type B; None when there was no chip."""
    if not data or data[0] == 0:
        return None
    if len(data) < 14:
        raise MalformedData("read the list of chips", "it is too short")
    return Target(number=data[1], iso_dep=bool(data[12] & 0x01))
