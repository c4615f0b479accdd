"""PN532 frames and the command dialogue, without a wire. Example frames: NXP UM0701-02 §6.2 and §7.2.2."""

from __future__ import annotations

import pytest

from drivers.reader.pn532_protocol import (
    ACK_FRAME,
    CHIP,
    HOST,
    LARGEST_PAYLOAD,
    NACK_FRAME,
    NACKS,
    STRAY_LIMIT,
    Command,
    Dialogue,
    Frame,
    FrameKind,
    Step,
    encode_frame,
    exchange,
    frame_splitter,
    parse_firmware,
    parse_frame,
    parse_target_a,
    parse_target_b,
)
from egate.model.errors import DeviceError, MalformedData

ACK = Frame(FrameKind.ACK)
ANSWER = Frame(FrameKind.DATA, bytes((CHIP, Command.GET_FIRMWARE_VERSION + 1)) + bytes.fromhex("32010607"))
BROKEN = Frame(FrameKind.BROKEN, ANSWER.payload[:-1] + b"\x01")
LATE = Frame(FrameKind.DATA, bytes((CHIP, Command.SAM_CONFIGURATION + 1)))
REQUEST = bytes.fromhex("0000ff02fed4022a00")


def test_the_manuals_frames() -> None:
    assert encode_frame(bytes.fromhex("d402")) == REQUEST
    raw = bytes.fromhex("0000ff06fad50332010607e800")
    (frame,) = frame_splitter().receive(raw)
    assert parse_frame(frame) == ANSWER
    assert parse_firmware(ANSWER.payload[2:]).chip == 0x32


@pytest.mark.parametrize("size", [1, 2, 16, 254, 255, 256, 257, 264, LARGEST_PAYLOAD])
def test_frames_around_the_border_of_normal_and_extended(size: int) -> None:
    payload = bytes((HOST,)) + bytes((index * 7) & 0xFF for index in range(size - 1))
    raw = encode_frame(payload)
    assert (raw[3:5] == b"\xff\xff") == (size > 255)
    for chunks in ([raw], [bytes((byte,)) for byte in raw], [b"\x55\x00\x00", raw[:4], raw[4:]]):
        splitter = frame_splitter()
        (frame,) = [found for chunk in chunks for found in splitter.receive(chunk)]
        assert parse_frame(frame) == Frame(FrameKind.DATA, payload)


@pytest.mark.parametrize("size", [0, LARGEST_PAYLOAD + 1])
def test_a_payload_that_does_not_fit_is_refused(size: int) -> None:
    with pytest.raises(DeviceError, match="do not fit"):
        encode_frame(bytes(size))


@pytest.mark.parametrize(
    ("raw", "kind"),
    [(ACK_FRAME, FrameKind.ACK), (NACK_FRAME, FrameKind.NACK), (bytes.fromhex("0000ff01ff7f8100"), FrameKind.DATA)],
)
def test_short_frames(raw: bytes, kind: FrameKind) -> None:
    (frame,) = frame_splitter().receive(raw)
    assert parse_frame(frame).kind is kind


@pytest.mark.parametrize(
    "broken",
    [
        "0000ff06fbd50332010607e800",  # LCS
        "0000ff06fad50332010607e900",  # DCS
        "0000ffffff0106f8",  # LCS of an extended frame
        "0000ffffff000000",  # extended and empty
        "0000ffffffffff02",  # longer than anything
    ],
)
def test_a_broken_frame_is_counted_and_the_next_one_found(broken: str) -> None:
    splitter = frame_splitter()
    assert splitter.receive(bytes.fromhex(broken) + ACK_FRAME)
    assert splitter.broken_frames >= 1


def test_acknowledged_and_answered() -> None:
    dialogue = exchange(Command.GET_FIRMWARE_VERSION, b"", 0.5)
    assert next(dialogue).send == REQUEST
    step = dialogue.send(ACK)
    assert (step.send, step.within_s) == (b"", 0.5)
    with pytest.raises(StopIteration) as end:
        dialogue.send(ANSWER)
    assert end.value.value == bytes.fromhex("32010607")


@pytest.mark.parametrize("first", [None, Frame(FrameKind.NACK)])
def test_a_command_without_acknowledgement_is_repeated_once(first: Frame | None) -> None:
    dialogue = exchange(Command.GET_FIRMWARE_VERSION, b"", 0.5)
    next(dialogue)
    assert dialogue.send(first).send == REQUEST
    with pytest.raises(DeviceError, match="switches select HSU"):
        dialogue.send(None)


def test_an_apdu_is_not_repeated_while_its_answer_may_come() -> None:
    """A chip that sees a command twice breaks its secure messaging."""
    dialogue = exchange(Command.IN_DATA_EXCHANGE, b"\x01\x00\xb0", 5)
    next(dialogue)
    assert dialogue.send(None).send == b"", "wait first"
    with pytest.raises(StopIteration) as end:
        dialogue.send(Frame(FrameKind.DATA, bytes((CHIP, Command.IN_DATA_EXCHANGE + 1, 0, 0x90, 0))))
    assert end.value.value == b"\x00\x90\x00"


PREVIOUS = Frame(FrameKind.DATA, bytes((CHIP, Command.IN_DATA_EXCHANGE + 1, 0, 0xAA, 0x90, 0)))
NEW = Frame(FrameKind.DATA, bytes((CHIP, Command.IN_DATA_EXCHANGE + 1, 0, 0xBB, 0x90, 0)))


def _unacknowledged() -> tuple[Dialogue[bytes], bytes]:
    """An APDU without acknowledgement and answer, up to the question what the last answer was."""
    dialogue = exchange(Command.IN_DATA_EXCHANGE, b"\x01\x00\xb0", 1.0, PREVIOUS.payload)
    request = next(dialogue).send
    assert dialogue.send(None) == Step(b"", 1.0)
    assert dialogue.send(None).send == NACK_FRAME
    return dialogue, request


def test_an_apdu_that_was_never_heard_is_repeated_once() -> None:
    """The last answer is still the one from before: the chip has not seen the command."""
    dialogue, request = _unacknowledged()
    assert dialogue.send(PREVIOUS).send == request
    assert dialogue.send(None) == Step(b"", 1.0)
    assert dialogue.send(None).send == NACK_FRAME
    with pytest.raises(DeviceError, match="switches select HSU"):
        dialogue.send(PREVIOUS)


@pytest.mark.parametrize("heard", [None, ACK, LATE, BROKEN])
def test_an_apdu_of_which_nobody_can_say_is_not_repeated(heard: Frame | None) -> None:
    dialogue, _ = _unacknowledged()
    with pytest.raises(TimeoutError):
        dialogue.send(heard)


def test_an_answer_whose_first_copy_was_lost_with_the_acknowledgement_is_taken() -> None:
    dialogue, _ = _unacknowledged()
    with pytest.raises(StopIteration) as end:
        dialogue.send(NEW)
    assert end.value.value == NEW.payload[2:]


@pytest.mark.parametrize(("heard", "taken"), [(NEW, True), (PREVIOUS, False), (None, False)])
def test_an_answer_that_never_came_is_asked_for_once(heard: Frame | None, taken: bool) -> None:
    """Rule 2: the answer from before is nobody's."""
    dialogue = exchange(Command.IN_DATA_EXCHANGE, b"\x01\x00\xb0", 1.0, PREVIOUS.payload)
    next(dialogue)
    dialogue.send(ACK)
    assert dialogue.send(None).send == NACK_FRAME
    with pytest.raises(StopIteration if taken else TimeoutError):
        dialogue.send(heard)


def test_the_answer_may_overtake_the_acknowledgement() -> None:
    dialogue = exchange(Command.GET_FIRMWARE_VERSION, b"", 0.5)
    next(dialogue)
    with pytest.raises(StopIteration):
        dialogue.send(ANSWER)


def test_a_broken_answer_is_asked_for_again() -> None:
    dialogue = exchange(Command.GET_FIRMWARE_VERSION, b"", 0.5)
    next(dialogue)
    dialogue.send(ACK)
    for _ in range(NACKS):
        assert dialogue.send(BROKEN).send == NACK_FRAME
    assert dialogue.send(BROKEN).send == b""
    with pytest.raises(StopIteration):
        dialogue.send(ANSWER)


def test_other_noise_is_not_asked_for_again() -> None:
    """The PN532 would repeat the answer to the command before."""
    dialogue = exchange(Command.GET_FIRMWARE_VERSION, b"", 0.5)
    next(dialogue)
    dialogue.send(ACK)
    assert dialogue.send(Frame(FrameKind.BROKEN, b"\xd5\x41")).send == b""


def test_late_answers_are_dropped() -> None:
    """L7."""
    dialogue = exchange(Command.GET_FIRMWARE_VERSION, b"", 0.5)
    next(dialogue)
    assert dialogue.send(LATE).send == b""
    dialogue.send(ACK)
    assert dialogue.send(LATE).send == b""
    with pytest.raises(StopIteration):
        dialogue.send(ANSWER)


def test_a_flood_of_late_answers_ends() -> None:
    dialogue = exchange(Command.GET_FIRMWARE_VERSION, b"", 0.5)
    next(dialogue)
    dialogue.send(ACK)
    for _ in range(2 * STRAY_LIMIT - 1):
        dialogue.send(LATE)
    with pytest.raises(TimeoutError):
        dialogue.send(LATE)


def test_silence_after_the_acknowledgement_is_a_time_out() -> None:
    dialogue = exchange(Command.IN_DATA_EXCHANGE, b"\x01\x00", 5)
    next(dialogue)
    dialogue.send(ACK)
    assert dialogue.send(None).send == NACK_FRAME
    with pytest.raises(TimeoutError):
        dialogue.send(None)


def test_an_error_frame_is_an_error() -> None:
    dialogue = exchange(Command.GET_FIRMWARE_VERSION, b"", 0.5)
    next(dialogue)
    dialogue.send(ACK)
    with pytest.raises(DeviceError, match="error frame"):
        dialogue.send(Frame(FrameKind.DATA, b"\x7f"))


def test_lists_of_chips() -> None:
    assert parse_target_a(b"\x00") is None
    assert parse_target_a(b"") is None
    found = parse_target_a(bytes.fromhex("0101000820040800000105788071" + "02"))
    assert found is not None
    assert (found.number, found.iso_dep) == (1, True)
    memory_card = parse_target_a(bytes.fromhex("0101000408040800000100"))
    assert memory_card is not None
    assert not memory_card.iso_dep
    assert parse_target_b(b"\x00") is None
    type_b = parse_target_b(bytes.fromhex("0101" + "50" + "00000001" + "00000000" + "008171" + "0100"))
    assert type_b is not None
    assert type_b.iso_dep


@pytest.mark.parametrize(
    ("parse", "data"), [(parse_target_a, b"\x01\x01"), (parse_target_b, b"\x01\x01"), (parse_firmware, b"\x32")]
)
def test_short_answers_are_malformed(parse: object, data: bytes) -> None:
    assert callable(parse)
    with pytest.raises(MalformedData):
        parse(data)
