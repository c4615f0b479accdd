"""Frames after a profile: formulas with known values, marks inside payloads, escapes, reports."""

from __future__ import annotations

import dataclasses

import pytest

from drivers.gate.framed_model import ByteOrder, Checksum, ChecksumKind, Framing
from drivers.gate.framed_profile import load_profile
from drivers.gate.framed_protocol import (
    Answer,
    check_bytes,
    decode_answer,
    encode_frame,
    encode_question,
    frame_splitter,
    gate_report,
    in_words,
    signal_value,
    unescaped,
)
from drivers.sim.framed_board import encode_answer
from egate.model.errors import DeviceError, MalformedData
from egate.model.lane import DoorState
from tests.unit.drivers.framed_boards import example

ESCAPED = Framing(b"\x7e", b"\x7f", None, Checksum(ChecksumKind.SUM), escape=0x7D, escape_xor=0x20)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ChecksumKind.NONE, ""),
        (ChecksumKind.SUM, "DD"),
        (ChecksumKind.SUM_INVERTED, "22"),
        (ChecksumKind.SUM_TO_ZERO, "23"),
        (ChecksumKind.XOR, "31"),
        (ChecksumKind.CRC_MODBUS, "4B37"),
        (ChecksumKind.CRC_XMODEM, "31C3"),
        (ChecksumKind.CRC_CCITT, "29B1"),
        (ChecksumKind.CRC_AUG, "E5CC"),
    ],
)
def test_formulas_give_their_published_check_values(kind: ChecksumKind, value: str) -> None:
    """The check value of a CRC is that of the digits 1 to 9 (catalogue of parametrised CRC algorithms); sums by hand."""
    assert check_bytes(Checksum(kind), b"123456789").hex().upper() == value
    little = Checksum(kind, order=ByteOrder.LITTLE)
    assert check_bytes(little, b"123456789") == bytes.fromhex(value)[::-1]
    assert check_bytes(Checksum(kind, begin=2), b"xx123456789").hex().upper() == value


def speed_gate_status(**values: int) -> bytes:
    """A status frame of the 7E/7F board, built by hand."""
    frame = bytearray(18)
    frame[0], frame[2] = 0x7F, 1
    places = {"fault": 3, "gate": 4, "alarm": 5, "infrared": 12, "supply": 14}
    for name, value in values.items():
        frame[places[name]] = value
    frame[17] = ~sum(frame[:17]) & 0xFF
    return bytes(frame)


def test_marks_inside_a_payload_and_answers_in_two_pieces() -> None:
    """The board sends 16 + 2 bytes and escapes nothing."""
    profile = load_profile("speed-gate-7e")
    assert profile.answer is not None
    frames = [speed_gate_status(infrared=0x7F, alarm=0x7E, supply=0x7F), speed_gate_status(gate=4)]
    splitter = frame_splitter(profile.answer)
    assert splitter.receive(b"\x7f\x00" + frames[0][:16]) == []
    assert splitter.receive(frames[0][16:] + frames[1]) == frames
    answer = decode_answer(profile, frames[0])
    assert (answer.address, answer.values["infrared"], answer.values["alarm"]) == (1, 0x7F, 0x7E)


def test_a_fire_opening_is_an_emergency_and_has_a_word() -> None:
    """I5; and a state without a word is a fault of the one door there is (I8)."""
    profile = load_profile("speed-gate-7e")
    answer = decode_answer(profile, speed_gate_status(gate=4))
    assert signal_value(profile.signals["emergency"], {"status": answer}) == 1
    assert "gate 4 (fire opening)" in in_words(profile, answer)
    calm = decode_answer(profile, speed_gate_status(gate=9, fault=2))
    assert signal_value(profile.signals["emergency"], {"status": calm}) == 0
    assert signal_value(profile.signals["fault"], {"status": calm}) == 1
    assert "gate 9 (no word for this value)" in in_words(profile, calm)
    report = gate_report(profile, {"status": calm}, 0)
    assert (report.exit, report.entry) == (DoorState.FAULT, DoorState.LOCKED)
    silent = dataclasses.replace(profile, signals={})
    with pytest.raises(DeviceError, match="its profile has no signal exit_closed"):
        gate_report(silent, {"status": calm}, 0)


def test_escaped_frames() -> None:
    """Marks and escapes inside a payload never stand on the wire as such."""
    content = bytes((1, 0x7E, 0x7F, 0x7D, 2))
    wire = encode_frame(ESCAPED, content)
    assert wire[0] == 0x7E
    assert wire[-1] == 0x7F
    assert not {0x7E, 0x7F} & set(wire[1:-1])
    splitter = frame_splitter(ESCAPED)
    assert splitter.receive(b"\x7e\x01" + wire + b"\x00") == [wire]
    assert unescaped(ESCAPED, wire)[1:-2] == content


def test_a_lease_is_rounded_down_to_whole_units() -> None:
    """I3: a door is never unlocked longer than was asked."""
    profile = example()
    order = profile.orders["unlock_exit"]
    assert encode_question(profile, order, 1, lease_s=2.99)[6] == 29
    assert encode_question(profile, order, 1, lease_s=3.0)[6] == 30
    assert encode_question(profile, order, 1, lease_s=1000.0)[6] == 255


@pytest.mark.parametrize(
    ("contacts", "fault", "entry", "exit_"),
    [
        (0b001111, 0, DoorState.LOCKED, DoorState.LOCKED),
        (0b001101, 0, DoorState.CLOSED, DoorState.LOCKED),
        (0b001100, 0, DoorState.OPEN, DoorState.LOCKED),
        (0b001110, 0, DoorState.FAULT, DoorState.LOCKED),
        (0b000111, 0, DoorState.LOCKED, DoorState.CLOSED),
        (0b001111, 2, DoorState.FAULT, DoorState.FAULT),
        (0b001111, 77, DoorState.FAULT, DoorState.FAULT),
    ],
)
def test_contacts_become_door_states(contacts: int, fault: int, entry: DoorState, exit_: DoorState) -> None:
    """I8: a contradiction, a fault, and a value that nobody described."""
    values = {"board": 0x17, "contacts": contacts, "persons": 2, "fault": fault}
    report = gate_report(example(), {"state": Answer("state", 1, 1, values)}, 9)
    assert (report.entry, report.exit, report.persons, report.after_command) == (entry, exit_, 2, 9)
    assert not report.emergency
    assert not report.tamper


def test_a_value_without_a_word_is_a_fault_wherever_a_signal_depends_on_it() -> None:
    """I8: here the board's own kind, which is no signal of a door."""
    values = {"board": 0x18, "contacts": 0b001111, "persons": 0, "fault": 0}
    report = gate_report(example(), {"state": Answer("state", 1, 1, values)}, 0)
    assert (report.entry, report.exit) == (DoorState.FAULT, DoorState.FAULT)


def test_emergency_and_tamper_have_their_bits() -> None:
    values = {"board": 0x17, "contacts": 0b111111, "persons": 0, "fault": 0}
    report = gate_report(example(), {"state": Answer("state", 1, 1, values)}, 0)
    assert report.emergency
    assert report.tamper


def test_an_answer_that_the_profile_does_not_know() -> None:
    profile = load_profile("digicon-tx1500")
    with pytest.raises(MalformedData, match="knows no answer like this"):
        decode_answer(profile, bytes.fromhex("0202007777"))
    with pytest.raises(MalformedData, match="knows no answers"):
        decode_answer(load_profile("mach-power-ac"), b"\xeb")


def test_the_simulated_board_says_what_the_driver_reads() -> None:
    profile = example()
    wanted = {"entry_closed": 1, "exit_closed": 1, "exit_locked": 1, "persons": 3, "emergency": 1, "fault": 1, "identity": 0}
    answer = decode_answer(profile, encode_answer(profile, "state", 5, 200, wanted))
    assert (answer.address, answer.sequence) == (5, 200)
    for name in (*wanted, "tamper", "entry_locked"):
        assert signal_value(profile.signals[name], {"state": answer}) == wanted.get(name, 0)


def test_a_frame_of_no_known_length_is_cut_like_noise() -> None:
    """An announced length that no frame has costs one byte."""
    profile = example()
    assert profile.answer is not None
    good = encode_answer(profile, "done", 1, 1, {})
    splitter = frame_splitter(profile.answer)
    assert splitter.receive(b"\x5a\xff\x5a\x00" + good) == [good]
    assert splitter.broken_frames == 2
    short = dataclasses.replace(profile.answer, start=b"\x5a\xa5")
    assert frame_splitter(short).receive(good) == []
