"""Frames of a gate board after its profile: values to bytes and back, no I/O, no clock, no vendor.

Rules: what is read depends on the bytes alone, however they were cut (L8). There is no stuffing unless the profile says so, so
start and end marks may stand inside a payload: the length and the check decide, and a frame that is not sound costs one byte.
An answer for another address or with another sequence number is no answer to us (L7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.framing import CRC_OSDP_START, FrameSplitter, crc16_ccitt, zero_sum
from drivers.gate.contacts import door_state
from drivers.gate.framed_model import (
    BARRIER_SIGNALS,
    Announced,
    AnswerKind,
    Blank,
    Checksum,
    ChecksumKind,
    FramedProfile,
    Framing,
    Number,
    Question,
    Signal,
)
from egate.model.errors import DeviceError, MalformedData
from egate.model.lane import Door, DoorState, GateReport, Power

_CRC_MODBUS_POLYNOMIAL = 0xA001  # reflected 8005h
_CCITT_STARTS = {ChecksumKind.CRC_XMODEM: 0x0000, ChecksumKind.CRC_CCITT: 0xFFFF, ChecksumKind.CRC_AUG: CRC_OSDP_START}


@dataclass(frozen=True, slots=True)
class Answer:
    """One frame of the board: its kind, whose it is (None where frames do not say), and its fields as numbers."""

    kind: str
    address: int | None
    sequence: int | None
    values: Mapping[str, int]


def crc16_modbus(data: bytes) -> int:
    """CRC-16 with polynomial 8005h, reflected, start FFFFh (Modbus over serial line §6.2.2)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ _CRC_MODBUS_POLYNOMIAL if crc & 1 else crc >> 1
    return crc


def check_bytes(checksum: Checksum, frame: bytes) -> bytes:
    """The check value of a frame that ends where its check begins."""
    data = frame[checksum.begin :]
    kind = checksum.kind
    if kind is ChecksumKind.NONE:
        return b""
    if kind is ChecksumKind.XOR:
        value = 0
        for byte in data:
            value ^= byte
    elif kind is ChecksumKind.CRC_MODBUS:
        value = crc16_modbus(data)
    elif kind in _CCITT_STARTS:
        value = crc16_ccitt(data, _CCITT_STARTS[kind])
    elif kind is ChecksumKind.SUM_TO_ZERO:
        value = zero_sum(data)
    else:
        value = sum(data) & 0xFF
        value ^= 0xFF if kind is ChecksumKind.SUM_INVERTED else 0
    return value.to_bytes(checksum.size_bytes, checksum.order.value)


def encode_frame(framing: Framing, content: bytes) -> bytes:
    """A whole frame on the wire around `content` (what stands between start mark and check), its length already in it."""
    frame = framing.start + content
    inner = content + check_bytes(framing.checksum, frame)
    return framing.start + _escaped(framing, inner) + framing.end


def encode_question(
    profile: FramedProfile, question: Question, address: int = 0, *, lease_s: float = 0.0, sequence: int = 0
) -> bytes:
    """The bytes that ask `question`; the lease is rounded down to whole units, but is one unit at least."""
    framing = profile.command
    blanks = {Blank.ADDRESS: bytes((address & 0xFF,)), Blank.SEQUENCE: bytes((sequence & 0xFF,))}
    if question.time is not None:
        blanks[Blank.TIME] = question.time.number.encode(max(1, int(lease_s * 1000 + 1e-6) // question.time.unit_ms))
    if isinstance(framing.length, Announced):
        number = framing.length.number
        blanks[Blank.LENGTH] = bytes(number.size_bytes)
        blanks[Blank.LENGTH] = number.encode(max(0, len(encode_frame(framing, _filled(question, blanks))) - framing.length.adds))
    return encode_frame(framing, _filled(question, blanks))


def frame_splitter(framing: Framing) -> FrameSplitter:
    """Collects the frames of one direction."""
    return FrameSplitter(
        framing.start, lambda data: _measure(framing, data), lambda frame: _sound(framing, frame), framing.longest
    )


def hidden_frames(framing: Framing, heard: bytes) -> list[bytes]:
    """Every sound frame in what was heard, wherever it begins: also behind noise that announced a length which never came."""
    found, at = [], heard.find(framing.start)
    while at >= 0:
        piece = heard[at : at + framing.longest + 1]
        try:
            length = _measure(framing, piece)
        except MalformedData:
            length = None
        if length is not None and length <= len(piece) and _sound(framing, piece[:length]):
            found.append(piece[:length])
        at = heard.find(framing.start, at + 1)
    return found


def unescaped(framing: Framing, frame: bytes) -> bytes:
    """A sound frame without escape bytes."""
    if framing.escape is None:
        return frame
    inner, plain, escaped = frame[len(framing.start) : len(frame) - len(framing.end)], bytearray(), False
    for byte in inner:
        if escaped:
            plain.append(byte ^ framing.escape_xor)
        elif byte != framing.escape:
            plain.append(byte)
        escaped = byte == framing.escape and not escaped
    return framing.start + bytes(plain) + framing.end


def decode_answer(profile: FramedProfile, frame: bytes) -> Answer:
    """What the board says with a sound frame; raises MalformedData when the profile knows no such answer."""
    framing = profile.answer
    if framing is None:
        raise MalformedData("read the gate board's answer", "its profile knows no answers")
    plain = unescaped(framing, frame)
    end = len(plain) - len(framing.end) - framing.checksum.size_bytes
    for name, kind in profile.answers.items():
        if _is_kind(kind, plain[:end]):
            values = {word: field.number.decode(plain, field.at) for word, field in kind.fields.items()}
            return Answer(name, _byte_at(plain, framing.address_at), _byte_at(plain, framing.sequence_at), values)
    raise MalformedData("read the gate board's answer", "its profile knows no answer like this")


def in_words(profile: FramedProfile, answer: Answer) -> str:
    """An answer for the technician, with the words of the profile."""
    parts = []
    for name, field in profile.answers[answer.kind].fields.items():
        value = answer.values[name]
        word = field.words.get(value, "no word for this value" if field.words else "")
        parts.append(f"{name} {value}" + (f" ({word})" if word else ""))
    return f"{answer.kind}: " + (", ".join(parts) or "no fields")


def signal_value(signal: Signal, answers: Mapping[str, Answer]) -> int:
    """A signal as a number, 0 or 1 where it is on or off."""
    value = answers[signal.answer].values[signal.field]
    if signal.bit is not None:
        return (value >> signal.bit & 1) ^ signal.inverted
    if signal.values:
        return (value in signal.values) ^ signal.inverted
    return value


def gate_report(profile: FramedProfile, answers: Mapping[str, Answer], after_command: int) -> GateReport:
    """One sample as a report. A fault, or a value that the profile has no word for, makes every door a fault (I8)."""
    doors = [f"{door.value}_{state}" for door in profile.doors for state in BARRIER_SIGNALS]
    missing = [word for word in (*doors, *_count(profile), "emergency") if word not in profile.signals]
    if missing:
        raise DeviceError("read the gate board's contacts", f"its profile has no signal {', '.join(missing)}")
    signals = {word: signal_value(signal, answers) for word, signal in profile.signals.items()}
    trouble = bool(signals.get("fault", 0)) or strange_words(profile, answers) != ()
    power = Power.BATTERY if signals.get("on_battery") else Power.MAINS
    return GateReport(
        after_command=after_command,
        entry=_door(profile, Door.ENTRY, signals, trouble),
        exit=_door(profile, Door.EXIT, signals, trouble),
        persons=signals.get("persons", 0),
        emergency=bool(signals["emergency"]),
        tamper=bool(signals.get("tamper")),
        power=Power.LOW if signals.get("battery_low") else power,
        object_left=bool(signals.get("object_left")),
        intrusion=bool(signals.get("intrusion")),
        obstructed=bool(signals.get("obstructed")),
    )


def _count(profile: FramedProfile) -> tuple[str, ...]:
    """A man-trap counts who is inside; a barrier encloses nobody."""
    return ("persons",) if profile.barrier is None else ()


def strange_words(profile: FramedProfile, answers: Mapping[str, Answer]) -> tuple[str, ...]:
    """Fields that carry a signal and a value that the profile does not know."""
    strange = set()
    for signal in profile.signals.values():
        words = profile.answers[signal.answer].fields[signal.field].words
        if words and answers[signal.answer].values[signal.field] not in words:
            strange.add(f"{signal.answer}.{signal.field}")
    return tuple(sorted(strange))


def _door(profile: FramedProfile, door: Door, signals: Mapping[str, int], trouble: bool) -> DoorState:
    """What a door's contacts say; a door that the lane has not is LOCKED, as it never moves."""
    if door not in profile.doors:
        return DoorState.LOCKED
    if trouble:
        return DoorState.FAULT
    return door_state(bool(signals[f"{door.value}_closed"]), bool(signals[f"{door.value}_locked"]))


def _filled(question: Question, blanks: Mapping[Blank, bytes]) -> bytes:
    return b"".join(blanks[part] if isinstance(part, Blank) else part for part in question.body)


def _escaped(framing: Framing, inner: bytes) -> bytes:
    """The bytes between the marks as they stand on the wire."""
    if framing.escape is None:
        return inner
    special = {framing.start[0], framing.end[0], framing.escape}
    return b"".join(bytes((framing.escape, byte ^ framing.escape_xor)) if byte in special else bytes((byte,)) for byte in inner)


def _measure(framing: Framing, data: bytes) -> int | None:
    """Whole length of the frame at the front, None while too little arrived."""
    rule = framing.length
    if isinstance(rule, int):
        return rule
    if rule is None:
        stop = data.find(framing.end, len(framing.start))
        again = data.find(framing.start, len(framing.start), stop if stop >= 0 else len(data))
        if again >= 0 and framing.start != framing.end:
            raise MalformedData("cut a frame", "another start mark before the end mark")
        return None if stop < 0 else stop + len(framing.end)
    head = rule.at + rule.number.size_bytes
    if len(data) < head:
        return None
    length = rule.number.decode(data, rule.at) + rule.adds
    if not head + framing.checksum.size_bytes + len(framing.end) <= length <= rule.longest:
        raise MalformedData("cut a frame", "a length that no frame has")
    return length


def _sound(framing: Framing, frame: bytes) -> bool:
    """Whether marks and check value are right."""
    plain = unescaped(framing, frame)
    end = len(plain) - len(framing.end)
    begin = end - framing.checksum.size_bytes
    if begin < len(framing.start) or not plain.endswith(framing.end):
        return False
    return plain[begin:end] == check_bytes(framing.checksum, plain[:begin])


def _is_kind(kind: AnswerKind, payload: bytes) -> bool:
    """Whether the marks are there and the fields have room."""
    if any(at >= len(payload) or payload[at] != value for at, value in kind.marks):
        return False
    return all(field.at + field.number.size_bytes <= len(payload) for field in kind.fields.values())


def _byte_at(frame: bytes, at: int | None) -> int | None:
    return None if at is None or at >= len(frame) else Number().decode(frame, at)
