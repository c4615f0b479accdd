"""A simulated framed gate board: it plays any profile on a pseudo terminal, in front of the physical gate.

It answers what the profile can ask, with fields set as the profile's signals say. Orders of the lane (`unlock_entry` …) move the
doors, and so do those of a barrier, which closes by itself after the time that was set; `lamp_red_on` … light lamps. Other orders
are acknowledged and remembered. Alone: `python -m drivers.sim.framed_board --pty PATH --profile NAME`, then
type `in 2`, `out`, `back`, `emergency on` … on standard input; what changes is printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from drivers.gate.framed_barrier import wired
from drivers.gate.framed_model import (
    BARRIER_SIGNALS,
    LAMP_ORDERS,
    Announced,
    Barrier,
    Blank,
    Field,
    FramedProfile,
    Framing,
    Question,
    Signal,
)
from drivers.gate.framed_profile import load_profile
from drivers.gate.framed_protocol import encode_frame, frame_splitter, unescaped
from drivers.sim.alone import serve, typed_lines
from drivers.sim.gate_unit import describe
from drivers.sim.mantrap import Mantrap
from drivers.sim.pace import LoopPace, Pace
from drivers.sim.pty import FaultLink, PtyPort
from egate.model.lane import Door

FACTORY_WAIT_S = 8.0  # of a barrier, until somebody sets another
_DOORS = {door.value: door for door in Door}


def encode_answer(profile: FramedProfile, name: str, address: int, sequence: int, signals: Mapping[str, int]) -> bytes:
    """A frame of the kind `name`; `signals` are numbers, 0 and 1 for off and on."""
    framing, kind = profile.answer, profile.answers[name]
    assert framing is not None  # a profile with kinds of answer has [answer]
    payload = bytearray(_payload_bytes(profile, framing, name))
    payload[: len(framing.start)] = framing.start
    for word, field in kind.fields.items():
        carried = {key: signal for key, signal in profile.signals.items() if (signal.answer, signal.field) == (name, word)}
        value = _field_value(field, [(signal, signals.get(key, 0)) for key, signal in carried.items()])
        payload[field.at : field.at + field.number.size_bytes] = field.number.encode(value)
    for at, value in (*kind.marks, (framing.address_at, address), (framing.sequence_at, sequence)):
        if at is not None:
            payload[at] = value
    if isinstance(framing.length, Announced):
        whole = len(payload) + framing.checksum.size_bytes + len(framing.end)
        size = framing.length.number.size_bytes
        payload[framing.length.at : framing.length.at + size] = framing.length.number.encode(whole - framing.length.adds)
    return encode_frame(framing, bytes(payload[len(framing.start) :]))


def read_body(question: Question, content: bytes) -> dict[Blank, int] | None:
    """The blanks of a question in what stands between start mark and check, None when it is another question."""
    found: dict[Blank, int] = {}
    for part in question.body:
        if isinstance(part, bytes):
            if content[: len(part)] != part:
                return None
            content = content[len(part) :]
            continue
        number = question.time.number if part is Blank.TIME and question.time else None
        size = number.size_bytes if number else 1
        if len(content) < size:
            return None
        found[part] = number.decode(content, 0) if number else content[0]
        content = content[size:]
    return None if content else found


class FramedBoard:
    """The electronics, no I/O: bytes in, answers out. `act` carries out an order for so many seconds."""

    def __init__(
        self, profile: FramedProfile, address: int, signals: Callable[[], Mapping[str, int]], act: Callable[[str, float], None]
    ) -> None:
        self.orders: list[tuple[str, float]] = []
        self.refusing = False
        self.silent = False
        self._profile = profile
        self._address = address
        self._signals = signals
        self._act = act
        self._splitter = frame_splitter(profile.command)

    def receive(self, data: bytes) -> list[bytes]:
        """Carry out what came; returns the answers."""
        return [answer for frame in self._splitter.receive(data) if (answer := self._obey(frame)) and not self.silent]

    def reset(self) -> None:
        """Power was off: half a frame is forgotten."""
        self._splitter.reset()

    def _obey(self, frame: bytes) -> bytes:
        framing = self._profile.command
        plain = unescaped(framing, frame)
        content = plain[len(framing.start) : len(plain) - len(framing.end) - framing.checksum.size_bytes]
        for is_order, questions in ((True, self._profile.orders), (False, self._profile.polls)):
            for name, question in questions.items():
                blanks = read_body(_short_length(framing, question), _short_content(framing, content))
                if blanks is not None and blanks.get(Blank.ADDRESS, self._address) == self._address:
                    return self._answer(question, blanks, name if is_order else "")
        return b""

    def _answer(self, question: Question, blanks: Mapping[Blank, int], order: str) -> bytes:
        kind = question.answer
        if order and self.refusing and question.refusal:
            kind = question.refusal
        elif order:
            seconds = blanks.get(Blank.TIME, 0) * question.time.unit_ms / 1000 if question.time else 0.0
            self.orders.append((order, seconds))
            self._act(order, seconds)
        if not kind:
            return b""
        return encode_answer(self._profile, kind, self._address, blanks.get(Blank.SEQUENCE, 0), self._signals())


class SimulatedFramedBoard:
    """The whole unit: `mantrap` is the physical side, `board` the electronic one, `port` the cable."""

    def __init__(
        self,
        path: Path,
        pace: Pace,
        profile: FramedProfile,
        address: int = 1,
        *,
        faults: FaultLink | None = None,
    ) -> None:
        self.mantrap = Mantrap(pace)
        self.wrong_board = False
        self.fault = False
        self.waits_s = FACTORY_WAIT_S
        """After which time a barrier closes by itself."""
        self.lit: set[str] = set()
        """Names of lamps that are lit, and `buzzer` while it sounds."""
        self._barrier = profile.barrier
        self.board = FramedBoard(profile, address, self._signals, self._act)
        self.port = PtyPort(path, pace, profile.line.baud, faults)
        self.port.on_bytes = self._receive
        self.port.on_plug = self.board.reset

    def plug(self) -> None:
        """Connect the cable."""
        self.port.plug()

    def unplug(self) -> None:
        """Pull the cable; people, doors and running leases go on."""
        self.port.unplug()

    async def close(self) -> None:
        """Pull the cable and stop the model."""
        self.port.unplug()
        await self.mantrap.close()

    def _signals(self) -> dict[str, int]:
        gate = self.mantrap
        signals = {"persons": gate.persons, "emergency": gate.emergency_on, "tamper": gate.tampered}
        for door in Door:
            leaf = gate.leaf(door)
            signals |= {f"{door.value}_closed": leaf.closed, f"{door.value}_locked": leaf.locked or leaf.stuck_contact}
        if self._barrier is not None:
            place = self._barrier.door.value
            # Fire opens a barrier, and its board says one state at a time.
            states = {name: signals[f"{place}_{name}"] and not gate.emergency_on for name in BARRIER_SIGNALS}
            signals |= states | {f"{place}_{name}": state for name, state in states.items()}
        return {**signals, "identity": not self.wrong_board, "fault": self.fault}

    def _act(self, order: str, seconds: float) -> None:
        verb, _, door = order.partition("_")
        if verb == "unlock" and door in _DOORS:
            self.mantrap.release(_DOORS[door], seconds)
        elif verb == "lock" and door in _DOORS:
            self.mantrap.engage(_DOORS[door])
        elif order in LAMP_ORDERS:
            name, _, state = order.rpartition("_")
            (self.lit.add if state == "on" else self.lit.discard)(name)
        elif self._barrier is not None:
            self._act_barrier(self._barrier, order, seconds)

    def _act_barrier(self, barrier: Barrier, order: str, seconds: float) -> None:
        if order == barrier.limit:
            self.waits_s = seconds
        elif order in (barrier.left, barrier.right):
            self.mantrap.release(barrier.door, self.waits_s)
        elif order == barrier.close:
            self.mantrap.engage(barrier.door)

    def _receive(self, data: bytes) -> None:
        for answer in self.board.receive(data):
            self.port.write(answer)


def _payload_bytes(profile: FramedProfile, framing: Framing, name: str) -> int:
    """How long the frame is before its check."""
    if isinstance(framing.length, int):
        return framing.length - len(framing.end) - framing.checksum.size_bytes
    kind = profile.answers[name]
    ends = [at + 1 for at in (framing.address_at, framing.sequence_at) if at is not None]
    ends += [at + 1 for at, _ in kind.marks] + [field.at + field.number.size_bytes for field in kind.fields.values()]
    if isinstance(framing.length, Announced):
        ends.append(framing.length.at + framing.length.number.size_bytes)
    return max(len(framing.start), *ends)


def _field_value(field: Field, carried: list[tuple[Signal, int]]) -> int:
    """A value of the field with which its signals are as wanted; what is on comes last, so it wins."""
    value: int = next(iter(field.words), 0)
    for signal, wanted in sorted(carried, key=lambda pair: bool(pair[1]) ^ pair[0].inverted):
        on = bool(wanted) ^ signal.inverted
        if signal.bit is not None:
            value = (value & ~(1 << signal.bit)) | (int(on) << signal.bit)
        elif signal.values:
            fits = (value in signal.values) == on
            value = value if fits else signal.values[0] if on else _other_value(field, signal)
        else:
            value = wanted
    return value


def _other_value(field: Field, signal: Signal) -> int:
    """A value with which the signal is off."""
    candidates: tuple[int, ...] = (*field.words, *range(256))
    return next(value for value in candidates if value not in signal.values)


def _short_length(framing: Framing, question: Question) -> Question:
    """The question without its announced length, which the splitter has looked at."""
    if not isinstance(framing.length, Announced):
        return question
    body = tuple(part for part in question.body if part is not Blank.LENGTH)
    return Question(body, question.answer, question.refusal, question.time)


def _short_content(framing: Framing, content: bytes) -> bytes:
    if not isinstance(framing.length, Announced):
        return content
    at = framing.length.at - len(framing.start)
    return content[:at] + content[at + framing.length.number.size_bytes :]


async def obey(unit: SimulatedFramedBoard, line: str) -> str:
    """Carry out one typed line; returns what to print."""
    gate = unit.mantrap
    match line.split():
        case ["in", *count]:
            await gate.walk_in(int(count[0]) if count else 1)
        case ["out"]:
            await gate.walk_out_exit()
        case ["back"]:
            await gate.walk_back()
        case ["emergency", ("on" | "off") as state]:
            gate.emergency(state == "on")
        case ["tamper", ("on" | "off") as state]:
            gate.tamper(state == "on")
        case []:
            pass
        case _:
            return "words: in [N] · out · back · emergency on|off · tamper on|off"
    return describe(gate)


async def _run_alone(arguments: argparse.Namespace) -> None:
    """Serve one cable until standard input ends or somebody interrupts."""
    unit = SimulatedFramedBoard(
        arguments.pty, LoopPace(), wired(load_profile(arguments.profile), arguments.wiring), arguments.address
    )
    unit.mantrap.on_change(lambda: print(describe(unit.mantrap), flush=True))  # noqa: T201 - a program for the keyboard
    unit.plug()
    try:
        async for line in typed_lines():
            print(await obey(unit, line), flush=True)  # noqa: T201 - a program for the keyboard
    finally:
        await unit.close()


def main() -> int:
    """Entry point of `python -m drivers.sim.framed_board`."""
    parser = argparse.ArgumentParser(
        prog="drivers.sim.framed_board", description="simulated framed gate board on a pseudo terminal"
    )
    parser.add_argument("--pty", type=Path, required=True, help="stable name to make")
    parser.add_argument("--profile", required=True, help="name of a shipped profile, or file of one's own")
    parser.add_argument("--address", type=int, default=1)
    parser.add_argument("--wiring", default="", help="which door a barrier is, and whither it opens: exit=right")
    arguments = parser.parse_args()
    return serve("gate board", lambda: _run_alone(arguments))


if __name__ == "__main__":
    sys.exit(main())
