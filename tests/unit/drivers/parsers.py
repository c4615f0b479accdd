"""Every protocol parser of the drivers in one table: how it is made, good messages for it, and what reads what it gives out.

A parser takes bytes in whatever pieces and gives whole messages; `end` says what ends a half message (an idle gap, a question).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from drivers.gate.framed_model import FramedProfile
from drivers.gate.framed_profile import load_profile, shipped_profiles
from drivers.gate.framed_protocol import decode_answer
from drivers.gate.framed_protocol import frame_splitter as framed_splitter
from drivers.gate.modbus_protocol import AnswerFrames, read_inputs, with_crc, write_coil
from drivers.gate.osdp_packet import Packet, packet_splitter
from drivers.reader.boarding_pass.bcbp import parse_boarding_pass
from drivers.reader.boarding_pass.frames import PASS_PROFILES, PassFrames, PassProfile, encode_code
from drivers.reader.mrz_profiles import MRZ_PROFILES
from drivers.reader.mrz_protocol import MrzProfile, encode_lines, line_collector
from drivers.reader.pn532_protocol import ACK_FRAME, encode_frame, frame_splitter, parse_frame
from drivers.reader.vpcd_protocol import VpcdMessages, control_of, encode_message
from drivers.sim.framed_board import encode_answer
from egate.model.errors import MalformedData
from tests.unit.drivers.boarding_passes import PUBLISHED
from tests.unit.drivers.framed_boards import example

Message = Any
"""What comes out: bytes, lines; each protocol its own."""
ZONES = (
    ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"),
    ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"),
)


@dataclass(frozen=True, slots=True)
class Running:
    """One parser at work. `end` ends a half message; what that gives belongs to the result."""

    receive: Callable[[bytes], list[Message]]
    end: Callable[[], list[Message]]


@dataclass(frozen=True, slots=True)
class Parser:
    """One protocol. `good` are messages on the wire with what must come out; `read` may raise MalformedData and nothing else."""

    make: Callable[[], Running]
    good: tuple[tuple[bytes, Message], ...] = field(repr=False)
    read: Callable[[Message], object]
    strict: bool = False
    """Whether a stranger ends the connection (MalformedData) instead of being skipped."""


def _reset_only(splitter: Any) -> Running:
    """A parser whose half messages are forgotten."""

    def end() -> list[Message]:
        splitter.reset()
        return []

    return Running(splitter.receive, end)


def _osdp() -> Parser:
    chance = random.Random(76)
    packets = [
        Packet(
            chance.randrange(127), chance.randrange(4), chance.randrange(256), chance.randbytes(size), is_reply=True
        ).to_bytes()
        for size in (0, 1, 14, 60)
    ]
    return Parser(lambda: _reset_only(packet_splitter()), tuple((raw, raw) for raw in packets), Packet.from_bytes)


def _pn532() -> Parser:
    frames = [encode_frame(bytes((0xD5, 0x4B, *range(size)))) for size in (0, 3, 200)] + [encode_frame(bytes(262)), ACK_FRAME]
    return Parser(lambda: _reset_only(frame_splitter()), tuple((raw, raw[1:-1]) for raw in frames), parse_frame)


def _vpcd() -> Parser:
    payloads = (b"\x04", b"\x90\x00", bytes(20), bytes(300))
    return Parser(
        lambda: _reset_only(VpcdMessages()), tuple((encode_message(data), data) for data in payloads), control_of, strict=True
    )


def _modbus(name: str) -> Parser:
    question = read_inputs(3, 0, 20) if name == "read" else write_coil(3, 5, 0xFF00)
    answer = with_crc(question.raw[:2] + b"\x03\x55\xaa\x0f") if name == "read" else with_crc(question.raw[:6])
    good = (answer, with_crc(bytes((3, question.raw[1] | 0x80, 2))))
    return Parser(lambda: _reset_only(AnswerFrames(question)), tuple((raw, raw) for raw in good), question.answered_by)


def _framed(profile: FramedProfile) -> Parser:
    framing = profile.answer
    assert framing is not None
    good = [encode_answer(profile, name, 1, 9, {"persons": 2}) for name in profile.answers]
    return Parser(
        lambda: _reset_only(framed_splitter(framing)), tuple((raw, raw) for raw in good), lambda raw: decode_answer(profile, raw)
    )


def _mrz(profile: MrzProfile) -> Parser:
    def make() -> Running:
        collector = line_collector(profile)
        return Running(collector.receive, collector.silence)

    return Parser(make, tuple((encode_lines(lines, profile), lines) for lines in ZONES), repr)


def _boarding_pass(profile: PassProfile) -> Parser:
    def make() -> Running:
        frames = PassFrames(profile)
        return Running(frames.receive, frames.silence)

    texts = [text.encode() for text in PUBLISHED.values()]
    return Parser(make, tuple((encode_code(text, profile), text) for text in texts), parse_boarding_pass)


def parsers() -> dict[str, Parser]:
    """Every parser by name."""
    boards = {"example": example(), **{name: load_profile(name) for name in shipped_profiles()}}
    return {
        "osdp": _osdp(),
        "pn532": _pn532(),
        "vpcd": _vpcd(),
        **{f"modbus {name}": _modbus(name) for name in ("read", "write")},
        **{f"framed {name}": _framed(profile) for name, profile in boards.items() if profile.answer is not None},
        **{f"mrz {name}": _mrz(profile) for name, profile in MRZ_PROFILES.items()},
        **{f"boarding pass {name}": _boarding_pass(profile) for name, profile in PASS_PROFILES.items()},
    }


def segment(parser: Parser, chance: random.Random) -> list[bytes]:
    """A piece of a line's traffic between two silences: good, torn, hurt and meaningless, in random chunks."""
    stream = bytearray()
    for _ in range(chance.randint(1, 4)):
        raw = chance.choice(parser.good)[0]
        kind = chance.randrange(5)
        if kind == 0:
            stream += chance.randbytes(chance.randint(1, 40))
        elif kind == 1:
            stream += raw
        elif kind == 2:
            stream += raw[: chance.randrange(len(raw))]
        elif kind == 3:
            hurt = bytearray(raw)
            hurt[chance.randrange(len(hurt))] ^= 1 << chance.randrange(8)
            stream += hurt
        else:
            stream += raw[:2] * chance.randint(1, 6)
    chunks, at = [], 0
    while at < len(stream):
        size = chance.choice((1, 1, 2, 3, 5, 8, 13))
        chunks.append(bytes(stream[at : at + size]))
        at += size
    return chunks


def play(parser: Parser, chunks: list[bytes]) -> list[Message]:
    """What comes out of the chunks and the silence after them; of a stranger, whose connection ends, only why it does."""
    running = parser.make()
    found: list[Message] = []
    try:
        for chunk in chunks:
            found += running.receive(chunk)
    except MalformedData as refused:
        if not parser.strict:
            raise
        return [refused.problem]
    return found + running.end()


def soak(parser: Parser, chunks: int, seed: int) -> tuple[int, int]:
    """Play so many random chunks; how many there were, and how many messages came out of them.

    Each segment is played in its chunks and as a whole, on one parser that has seen everything before, and a good message after
    each silence must be found. Whatever else is raised fails.
    """
    chance = random.Random(seed)
    long_lived = parser.make()
    played = messages = 0
    while played < chunks:
        pieces = segment(parser, chance)
        played += len(pieces)
        found = play(parser, pieces)
        assert found == play(parser, [b"".join(pieces)]), f"seed {seed}, after {played} chunks: the cut changes the result"
        messages += len(found)
        for message in found:
            try:
                parser.read(message) if not isinstance(message, str) else None
            except MalformedData:
                continue
        raw, expected = chance.choice(parser.good)
        try:
            for piece in pieces:
                long_lived.receive(piece)
            long_lived.end()
            after = long_lived.receive(raw) + long_lived.end()
        except MalformedData:
            assert parser.strict
            long_lived = parser.make()
            after = long_lived.receive(raw) + long_lived.end()
        assert after == [expected], f"seed {seed}, after {played} chunks: the next good message is not found"
    return played, messages
