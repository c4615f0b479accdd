"""Which gate boards answer on a port: Modbus boards, and framed boards of a shipped profile. Asked are reads and nothing else.

A Modbus board is found by any sound answer to a read of one coil, a refusal included; what it has is then asked for, and a
profile is proposed that has as much. Makes cannot be told apart for certain, so the technician compares the type plate. A framed
board is found by the answer to its profile's polls. No order is sent: nothing can unlock (T4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from drivers.gate.framed_model import FramedProfile
from drivers.gate.framed_profile import load_profile, shipped_profiles
from drivers.gate.framed_protocol import decode_answer, encode_question, frame_splitter, in_words
from drivers.gate.modbus_boards import LOT_MODE, LOT_PERMISSION, LOT_PRESENCE
from drivers.gate.modbus_protocol import (
    EXCEPTION_BIT,
    AnswerFrames,
    Question,
    crc_holds,
    read_coils,
    read_inputs,
    read_registers,
)
from drivers.link import SerialLink
from egate.model.errors import MalformedData
from egate.ports import Clock

MODBUS_BAUDS = (9600, 115_200, 19_200, 38_400)
"""Boards leave the factory with 9600."""
FIRST_ADDRESSES = range(1, 5)
"""Asked at every speed; once one answers, all up to `LAST_ADDRESS` are asked at that one."""
LAST_ADDRESS = 16
MODBUS_WITHIN_S = 0.06
FRAMED_ADDRESSES = (1, 2)
FRAMED_WITHIN_S = 0.12
WAVESHARE_VERSION = 0x8000  # a register that boards of that make have
SIZES = (16, 8, 4)


@dataclass(frozen=True, slots=True)
class FoundBoards:
    """What answers: `boards` as a lane's file describes them, or the `profile` and `address` of a framed board."""

    words: str
    baud: int
    boards: str = ""
    profile: str = ""
    address: int = 0


@dataclass(frozen=True, slots=True)
class _Has:
    """What a board answered for: inputs, coils and registers from 1, and whether it has what only one make has."""

    inputs: int
    coils: int
    registers: int
    waveshare: bool
    turnstile: bool


async def ask_modbus(link: SerialLink, clock: Clock) -> FoundBoards | int:
    """The boards on a line; the number of bytes heard when none answers."""
    heard = 0
    for baud in MODBUS_BAUDS:
        await link.set_baud(baud)
        for _ in range(2):
            before = heard
            for address in FIRST_ADDRESSES:
                answer, count = await _answer(link, clock, read_coils(address, 0, 1))
                heard += count
                if answer:
                    return await _all_boards(link, clock, baud, address)
            if heard == before:
                break  # else somebody is there, who may still have had the end of an earlier question in its ear
    return heard


async def _all_boards(link: SerialLink, clock: Clock, baud: int, first: int) -> FoundBoards:
    """Every board at the speed at which the first answered."""
    boards, words = [], []
    for address in range(min(FIRST_ADDRESSES[0], first), LAST_ADDRESS + 1):
        if not (await _answer(link, clock, read_coils(address, 0, 1)))[0]:
            continue
        has = await _what_it_has(link, clock, address)
        profile = likely_profile(has.inputs, has.coils, has.registers, waveshare=has.waveshare, turnstile=has.turnstile)
        words.append(f"{address} ({has.inputs} inputs, {has.coils or has.registers} outputs)")
        if profile:
            boards.append(f"{address}:{profile}")
    return FoundBoards(f"Modbus boards at {baud} baud: {', '.join(words)}", baud, boards=" ".join(boards))


async def _what_it_has(link: SerialLink, clock: Clock, address: int) -> _Has:
    """Inputs, coils and registers by how many can be read at once."""

    async def reads(question: Question) -> bool:
        answer = (await _answer(link, clock, question))[0]
        return bool(answer) and not answer[1] & EXCEPTION_BIT

    async def most(ask: Iterator[tuple[int, Question]]) -> int:
        for size, question in ask:
            if await reads(question):
                return size
        return 0

    inputs = await most((size, read_inputs(address, 0, size)) for size in SIZES)
    coils = await most((size, read_coils(address, 0, size)) for size in SIZES)
    registers = 0 if coils else await most((size, read_registers(address, 1, size)) for size in SIZES)
    waveshare = await reads(read_registers(address, WAVESHARE_VERSION, 1))
    turnstile = all([await reads(read_registers(address, register, 1)) for register in (LOT_PERMISSION, LOT_PRESENCE, LOT_MODE)])
    return _Has(inputs, coils, registers, waveshare, turnstile)


def likely_profile(inputs: int, coils: int, registers: int, *, waveshare: bool, turnstile: bool) -> str:
    """The board profile that has as much, empty when none has."""
    if turnstile and not coils and not inputs:
        return "lot-turnstile"
    if coils:
        if not waveshare:
            return "coils-8" if coils >= 8 else ""
        return "waveshare-relay-d" if inputs >= 8 else {16: "waveshare-relay-16", 8: "waveshare-relay-8"}.get(coils, "")
    if registers:
        return "delay-register-8" if registers >= 8 else "delay-register-4"
    return {16: "inputs-16", 8: "inputs-8"}.get(inputs, "")


async def _answer(link: SerialLink, clock: Clock, question: Question) -> tuple[bytes, int]:
    """The sound answer to a read, empty when none comes, and how many bytes were heard. Asked twice where noise came back."""
    heard = 0
    for _ in range(2):
        frames = AnswerFrames(question)
        link.discard_input()
        link.write(question.raw)
        until, before = clock.monotonic() + MODBUS_WITHIN_S, heard
        while (rest_s := until - clock.monotonic()) > 0 and (data := await link.read(rest_s)):
            heard += len(data)
            for frame in frames.receive(data):
                if _answers(question, frame):
                    return frame, heard
        if heard == before:
            break
    return b"", heard


def _answers(question: Question, frame: bytes) -> bool:
    """Whether a frame is the board's answer or refusal, and not our own echo."""
    if frame == question.raw or not crc_holds(frame) or frame[0] != question.address:
        return False
    return frame[1] == question.function | EXCEPTION_BIT or (frame[1] == question.function and question.answered_by(frame))


async def ask_framed(link: SerialLink, clock: Clock) -> FoundBoards | int:
    """A framed board of a shipped profile that has polls; the number of bytes heard when none answers."""
    heard = 0
    for name in shipped_profiles():
        profile = load_profile(name)
        if profile.answer is None or not profile.polls:
            continue
        await link.set_baud(profile.line.baud)
        for address in FRAMED_ADDRESSES:
            words, count = await _poll(link, clock, profile, address)
            heard += count
            if words:
                said = f"{profile.title} at address {address}, {profile.line.baud} baud; {words}"
                return FoundBoards(said, profile.line.baud, profile=name, address=address)
    return heard


async def _poll(link: SerialLink, clock: Clock, profile: FramedProfile, address: int) -> tuple[str, int]:
    """What a board says to the first poll, empty when it says nothing that the profile knows."""
    poll, framing, heard = next(iter(profile.polls.values())), profile.answer, 0
    assert framing is not None  # the caller looked
    splitter = frame_splitter(framing)
    question = encode_question(profile, poll, address, sequence=1)
    link.discard_input()
    link.write(question)
    until = clock.monotonic() + FRAMED_WITHIN_S
    while (rest_s := until - clock.monotonic()) > 0 and (data := await link.read(rest_s)):
        heard += len(data)
        for frame in splitter.receive(data):
            try:
                answer = decode_answer(profile, frame)
            except MalformedData:
                continue
            if frame != question and answer.kind == poll.answer and answer.address in (None, address):
                return in_words(profile, answer), heard
    return "", heard
