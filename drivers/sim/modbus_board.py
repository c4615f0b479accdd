"""Simulated Modbus boards on a simulated cable: relays and contacts of a mantrap, as several boards on one line.

Alone: `python -m drivers.sim.modbus_board --pty PATH --boards "1:waveshare-relay-d"`, then type `in 2`, `out`, `back`,
`emergency on` … as to the OSDP unit, or `contact on_battery on` for any other contact. In a program: make it, `plug()`, and let
people walk.

A board does what a real one does with what a careless master says: a coil written ON stays on. Such orders are counted, so that
a test can ask for none.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from drivers.framing import FrameSplitter
from drivers.gate.contacts import PERSON_SENSORS, Contact, Output
from drivers.gate.modbus_boards import (
    CLOSE_RELAY,
    DELAY,
    FLASH_ON,
    LOT_ANTIPANIC,
    LOT_MODE,
    LOT_PASS_TIME,
    LOT_PERMISSION,
    LOT_PRESENCE,
    OPEN_RELAY,
    WAVESHARE_PULSE,
    Board,
    Layout,
    Pulse,
    parse_layout,
)
from drivers.gate.modbus_protocol import (
    COIL_OFF,
    COIL_ON,
    CRC_SIZE,
    EXCEPTION_BIT,
    LARGEST_FRAME_BYTES,
    ExceptionCode,
    FunctionCode,
    crc_holds,
    pack_bits,
    with_crc,
)
from drivers.sim.alone import serve, typed_lines
from drivers.sim.gate_unit import describe, obey
from drivers.sim.mantrap import MOST_COUNTED, Mantrap
from drivers.sim.pace import LoopPace, Pace
from drivers.sim.pty import FaultLink, PtyPort
from egate.model.errors import MalformedData
from egate.model.lane import Door

DEFAULT_BAUD = 9600
SILENCE_S = 0.05  # of real time; a board forgets half a question after 3.5 signs of silence, which no test machine keeps
LATCHED_S = 86_400.0  # a relay that nobody switches off
TOGGLE_RELAY = 0x0300  # a word of delay-register boards
LOT_FREE = 0xFFFF  # a permission without end
VERSION_REGISTER, VERSION = 0x8000, 200  # of Waveshare boards: V2.00
FLIP = 0x5500  # a Waveshare board's word for a toggle
MOST_INPUTS_READ, MOST_WORDS_READ = 2000, 125
SHORT_QUESTIONS = {0x07: 4, 0x11: 4, 0x04: 8}
"""Functions that the boards do not know but must refuse: whole length of the question."""


class _Refused(Exception):
    """The board answers with an exception."""

    def __init__(self, code: ExceptionCode) -> None:
        super().__init__(code.name)
        self.code = code


def question_length(buffer: bytes) -> int | None:
    """Whole length of the question at the front, None while too little arrived; raises MalformedData for none."""
    if len(buffer) < 2:
        return None
    function = buffer[1]
    if function in SHORT_QUESTIONS:
        return SHORT_QUESTIONS[function]
    if function in (FunctionCode.WRITE_COILS, FunctionCode.WRITE_REGISTERS):
        return None if len(buffer) < 7 else 7 + buffer[6] + CRC_SIZE
    if function in frozenset(FunctionCode):
        return 8
    raise MalformedData("read a Modbus question", "it has an unknown function")


@dataclass(slots=True)
class Misbehaviour:
    """What a test may let a line do: answers of a board that are missing, refused, doubled, from elsewhere, or late; an echo."""

    silent: set[int] = field(default_factory=set)
    refuses: dict[int, ExceptionCode] = field(default_factory=dict)
    answers_as: dict[int, int] = field(default_factory=dict)
    doubled: bool = False
    echo: bool = False
    held_back: list[bytes] | None = None
    late_s: float = 0.0


class SimulatedBoard:
    """One board: its relays, what they belong to, and what it answers. `now` is the pace's time in seconds."""

    def __init__(self, board: Board, gate: _Wiring, now: Callable[[], float]) -> None:
        self.orders: list[tuple[int, int, int]] = []
        self.latched_orders = 0
        self.pass_time_s = 8
        self._board = board
        self._gate = gate
        self._now = now
        self._on_until = [float("-inf")] * board.profile.outputs

    def outputs(self) -> tuple[bool, ...]:
        """Which relays are on now."""
        return tuple(until > self._now() for until in self._on_until)

    def answer(self, frame: bytes) -> bytes:
        """The answer to one sound question with this board's address."""
        try:
            obey = self._carry_out if self._board.profile.meaning is None else self._turnstile
            return with_crc(frame[:2] + obey(frame[1], frame[2:-CRC_SIZE]))
        except _Refused as refusal:
            return with_crc(bytes((frame[0], frame[1] | EXCEPTION_BIT, refusal.code)))

    def _carry_out(self, function: int, data: bytes) -> bytes:
        """What follows address and function in the answer."""
        first, second = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        match function:
            case FunctionCode.READ_INPUTS:
                return self._bits(self._gate.inputs(self._board), first, second)
            case FunctionCode.READ_COILS if self._has_coils:
                return self._bits(self.outputs(), first, second)
            case FunctionCode.READ_REGISTERS if first == VERSION_REGISTER and self._board.profile.pulse is WAVESHARE_PULSE:
                return bytes((2,)) + VERSION.to_bytes(2, "big")
            case FunctionCode.READ_REGISTERS if not self._has_coils:
                return self._words(first, second)
            case FunctionCode.WRITE_COIL if self._has_coils:
                self._write_coil(first, second)
                return data
            case FunctionCode.WRITE_REGISTER if not self._has_coils:
                self._write_register(first, second)
                return data
            case FunctionCode.WRITE_COILS if self._has_coils:
                self._write_coils(first, second, data[5:])
                return data[:4]
            case _:
                raise _Refused(ExceptionCode.ILLEGAL_FUNCTION)

    def _turnstile(self, function: int, data: bytes) -> bytes:
        """A LOT turnstile: registers are read and written one by one, with functions 03 and 10."""
        register, count, words = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big"), data[5:]
        if function not in (FunctionCode.READ_REGISTERS, FunctionCode.WRITE_REGISTERS):
            raise _Refused(ExceptionCode.ILLEGAL_FUNCTION)
        if count != 1:
            raise _Refused(ExceptionCode.ILLEGAL_VALUE)
        if function == FunctionCode.READ_REGISTERS:
            return b"\x02" + self._turnstile_value(register).to_bytes(2, "big")
        value, output = int.from_bytes(words[:2], "big"), register - LOT_PERMISSION
        if output in range(self._board.profile.outputs):
            seconds = LATCHED_S if value == LOT_FREE else float(self.pass_time_s) if value else 0.0
            self._switch(output, seconds, (register, value), latched=value == LOT_FREE)
        elif register == LOT_PASS_TIME:
            self.pass_time_s = value
        else:
            raise _Refused(ExceptionCode.ILLEGAL_ADDRESS)
        return register.to_bytes(2, "big") + count.to_bytes(2, "big")

    def _turnstile_value(self, register: int) -> int:
        if register - LOT_PERMISSION in range(self._board.profile.outputs):
            return int(self.outputs()[register - LOT_PERMISSION])
        values = {LOT_MODE: self._gate.emergency * LOT_ANTIPANIC, LOT_PASS_TIME: self.pass_time_s}
        values |= {LOT_PRESENCE: self._gate.somebody, LOT_PRESENCE + 1: self._gate.somebody}
        if register not in values:
            raise _Refused(ExceptionCode.ILLEGAL_ADDRESS)
        return values[register]

    @property
    def _has_coils(self) -> bool:
        return self._board.profile.outputs_from[0] is FunctionCode.READ_COILS

    @staticmethod
    def _bits(states: tuple[bool, ...], start: int, count: int) -> bytes:
        if not 1 <= count <= MOST_INPUTS_READ:
            raise _Refused(ExceptionCode.ILLEGAL_VALUE)
        if start + count > len(states):
            raise _Refused(ExceptionCode.ILLEGAL_ADDRESS)
        packed = pack_bits(states[start : start + count])
        return bytes((len(packed),)) + packed

    def _words(self, start: int, count: int) -> bytes:
        """The relays of a delay-register board: registers from 1."""
        if not 1 <= count <= MOST_WORDS_READ:
            raise _Refused(ExceptionCode.ILLEGAL_VALUE)
        states = self.outputs()
        if start < 1 or start - 1 + count > len(states):
            raise _Refused(ExceptionCode.ILLEGAL_ADDRESS)
        words = b"".join(int(state).to_bytes(2, "big") for state in states[start - 1 : start - 1 + count])
        return bytes((len(words),)) + words

    def _write_coil(self, coil: int, value: int) -> None:
        """Waveshare: 00nn with FF00, 0000 or 5500; 02nn for a time in units of 100 ms."""
        output = coil & 0xFF
        if coil & 0xFF00 == FLASH_ON and self._timed is not None:
            if not 1 <= value <= self._timed.most_units:
                raise _Refused(ExceptionCode.ILLEGAL_VALUE)
            self._switch(output, value * self._timed.unit_s, (coil, value), latched=False)
        elif coil == output and value in (COIL_ON, COIL_OFF):
            self._switch(output, LATCHED_S if value else 0.0, (coil, value), latched=value == COIL_ON)
        elif coil == output and value == FLIP:
            on = output < len(self._on_until) and not self.outputs()[output]
            self._switch(output, LATCHED_S if on else 0.0, (coil, value), latched=True)
        else:
            raise _Refused(ExceptionCode.ILLEGAL_ADDRESS if coil > 0xFF else ExceptionCode.ILLEGAL_VALUE)

    def _write_coils(self, start: int, count: int, packed: bytes) -> None:
        if not 1 <= count <= len(packed) * 8 or start + count > len(self._on_until):
            raise _Refused(ExceptionCode.ILLEGAL_ADDRESS)
        for index in range(count):
            on = bool(packed[index // 8] >> (index % 8) & 1)
            self._write_coil(start + index, COIL_ON if on else COIL_OFF)

    def _write_register(self, register: int, value: int) -> None:
        """Delay-register boards: register 1 to n; 06ss on for ss seconds, 02 off, 01 and 03 latch."""
        output = register - 1
        if value & 0xFF00 == DELAY:
            self._switch(output, float(value & 0xFF), (register, value), latched=False)
        elif value == CLOSE_RELAY:
            self._switch(output, 0.0, (register, value), latched=False)
        elif value in (OPEN_RELAY, TOGGLE_RELAY):
            self._switch(output, LATCHED_S, (register, value), latched=True)
        else:
            raise _Refused(ExceptionCode.ILLEGAL_VALUE)

    @property
    def _timed(self) -> Pulse | None:
        return self._board.profile.pulse

    def _switch(self, output: int, seconds: float, words: tuple[int, int], *, latched: bool) -> None:
        """Move a relay, and the lock that hangs on it."""
        if not 0 <= output < len(self._on_until):
            raise _Refused(ExceptionCode.ILLEGAL_ADDRESS)
        self.orders.append((output, *words))
        self.latched_orders += latched and not self._gate.carries_lamp(self._board, output)
        self._on_until[output] = self._now() + seconds
        self._gate.switched(self._board, output, seconds)


class _Wiring:
    """Which contact and which relay belongs to what in the mantrap."""

    def __init__(self, mantrap: Mantrap, layout: Layout) -> None:
        self.further: set[Contact] = set()
        self._mantrap = mantrap
        self._layout = layout

    def inputs(self, board: Board) -> tuple[bool, ...]:
        """The inputs of one board as they stand on the wire: inverted where they are wired so, spare ones inactive."""
        states = [False] * board.profile.inputs
        active = self._active()
        for contact, point in self._layout.contacts.items():
            if point.address == board.address:
                states[point.index] = (active.get(contact, False) or contact in self.further) != point.inverted
        return tuple(states)

    def switched(self, board: Board, output: int, seconds: float) -> None:
        """A relay moved; 0 seconds is off."""
        for door, point in self._layout.locks.items():
            if (point.address, point.index) == (board.address, output):
                if seconds:
                    self._mantrap.release(door, seconds)
                else:
                    self._mantrap.engage(door)

    @property
    def emergency(self) -> bool:
        """Whether the fire contact is closed: a turnstile's antipanic."""
        return self._mantrap.emergency_on

    @property
    def somebody(self) -> bool:
        """Whether somebody stands in a passage: its door is not closed."""
        return any(not self._mantrap.leaf(door).closed for door in self._layout.locks)

    def carries_lamp(self, board: Board, output: int) -> bool:
        """Whether a lamp or a buzzer hangs on a relay, which may be latched."""
        return any((point.address, point.index) == (board.address, output) for point in self._layout.lamps.values())

    def _active(self) -> dict[Contact, bool]:
        """What the contacts of the mantrap say now."""
        entry, exit_ = self._mantrap.leaf(Door.ENTRY), self._mantrap.leaf(Door.EXIT)
        counted = min(self._mantrap.persons, MOST_COUNTED)
        return {
            Contact.ENTRY_CLOSED: entry.closed,
            Contact.ENTRY_LOCKED: entry.locked or entry.stuck_contact,
            Contact.EXIT_CLOSED: exit_.closed,
            Contact.EXIT_LOCKED: exit_.locked or exit_.stuck_contact,
            Contact.PERSONS_LOW: bool(counted & 1),
            Contact.PERSONS_HIGH: bool(counted & 2),
            Contact.EMERGENCY: self._mantrap.emergency_on,
            Contact.TAMPER: self._mantrap.tampered,
            **{sensor: self._mantrap.persons > place for place, sensor in enumerate(PERSON_SENSORS)},
        }


class SimulatedModbusGate:
    """All boards of a lane on one cable. `mantrap` is the physical side, `boards` the electronic one, `port` the cable."""

    def __init__(
        self, path: Path, pace: Pace, layout: Layout, *, baud: int | None = DEFAULT_BAUD, faults: FaultLink | None = None
    ) -> None:
        self.mantrap = Mantrap(pace)
        self._wiring, self._layout = _Wiring(self.mantrap, layout), layout
        self.boards = {board.address: SimulatedBoard(board, self._wiring, pace.monotonic) for board in layout.boards}
        self.misbehaviour = Misbehaviour()
        self.port = PtyPort(path, pace, baud, faults)
        self.port.on_bytes = self._receive
        self._splitter = FrameSplitter(b"", question_length, crc_holds, LARGEST_FRAME_BYTES)
        self.port.on_plug = self._splitter.reset
        self._heard_at = 0.0

    def plug(self) -> None:
        """Connect the cable."""
        self.port.plug()

    def unplug(self) -> None:
        """Pull the cable; people, doors and running pulses go on."""
        self.port.unplug()

    async def close(self) -> None:
        """Pull the cable and stop the model."""
        self.port.unplug()
        await self.mantrap.close()

    @property
    def both_unlocked_seen(self) -> bool:
        """Whether both doors were ever unlocked at once outside an emergency (must stay False, I1)."""
        return self.mantrap.both_unlocked_seen

    @property
    def latched_orders_seen(self) -> int:
        """How many latching or toggling orders came over the wire (must stay 0, I3, I4)."""
        return sum(board.latched_orders for board in self.boards.values())

    @property
    def interlock_refusals(self) -> int:
        """How often the hard-wired interlock had to say no (must stay 0: the lane's own interlock comes first)."""
        return self.mantrap.interlock_refusals

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every physical change."""
        self.mantrap.on_change(listener)

    async def walk_in(self, persons: int = 1) -> bool:
        """People go in by the entry; False when it never opened."""
        return await self.mantrap.walk_in(persons)

    async def walk_out_exit(self, persons: int | None = None) -> bool:
        """People leave by the exit; False when it never opened."""
        return await self.mantrap.walk_out_exit(persons)

    async def walk_back(self, persons: int | None = None) -> bool:
        """People leave by the entry; False when it never opened."""
        return await self.mantrap.walk_back(persons)

    def emergency(self, on: bool) -> None:
        """The fire contact."""
        self.mantrap.emergency(on)

    def tamper(self, on: bool) -> None:
        """The cabinet's contact."""
        self.mantrap.tamper(on)

    def switch_contact(self, contact: Contact, active: bool) -> None:
        """A contact that belongs to no door: battery, left object, second emergency button."""
        (self._wiring.further.add if active else self._wiring.further.discard)(contact)

    def lamps(self) -> frozenset[Output]:
        """The lamps that are lit, and the buzzer while it sounds."""
        points = self._layout.lamps.items()
        return frozenset(output for output, point in points if self.boards[point.address].outputs()[point.index])

    def release_held_back(self) -> None:
        """Send the answers that were held back, late."""
        held, self.misbehaviour.held_back = self.misbehaviour.held_back or [], None
        for answer in held:
            self.port.write(answer)

    def _receive(self, data: bytes) -> None:
        if self.misbehaviour.echo:
            self.port.write(data)
        heard_at, self._heard_at = self._heard_at, asyncio.get_running_loop().time()
        if self._heard_at - heard_at > SILENCE_S:
            self._splitter.reset()
        for frame in self._splitter.receive(data):
            self._answer(frame)

    def _answer(self, frame: bytes) -> None:
        """Let the board that is asked answer, or misbehave as it is told."""
        board, odd = self.boards.get(frame[0]), self.misbehaviour
        if board is None or frame[0] in odd.silent:
            return
        if frame[0] in odd.refuses:
            answer = with_crc(bytes((frame[0], frame[1] | EXCEPTION_BIT, odd.refuses[frame[0]])))
        else:
            answer = board.answer(frame)
        if frame[0] in odd.answers_as:
            answer = with_crc(bytes((odd.answers_as[frame[0]],)) + answer[1:-CRC_SIZE])
        if odd.held_back is not None:
            odd.held_back.append(answer)
            return
        for _ in range(1 + odd.doubled):
            asyncio.get_running_loop().call_later(odd.late_s, self._say, answer)

    def _say(self, answer: bytes) -> None:
        """Answer, unless the cable was pulled meanwhile."""
        if self.port.plugged:
            self.port.write(answer)


def _switch(unit: SimulatedModbusGate, line: str) -> str:
    """Carry out `contact NAME on|off`; empty for other lines."""
    words = line.split()
    if len(words) != 3 or words[0] != "contact" or words[2] not in ("on", "off"):
        return ""
    if words[1] not in {contact.value for contact in Contact}:
        return f"contacts: {', '.join(contact.value for contact in Contact)}"
    unit.switch_contact(Contact(words[1]), words[2] == "on")
    return f"{words[1]} {words[2]}"


async def _run_alone(arguments: argparse.Namespace) -> None:
    """Serve one cable until standard input ends or somebody interrupts."""
    layout = parse_layout(arguments.boards, arguments.wiring)
    unit = SimulatedModbusGate(arguments.pty, LoopPace(), layout, baud=arguments.baud)
    unit.on_change(lambda: print(describe(unit.mantrap), flush=True))  # noqa: T201 - a program for the keyboard
    unit.plug()
    try:
        async for line in typed_lines():
            print(_switch(unit, line) or await obey(unit, line), flush=True)  # noqa: T201 - a program for the keyboard
    finally:
        await unit.close()


def main() -> int:
    """Entry point of `python -m drivers.sim.modbus_board`."""
    parser = argparse.ArgumentParser(
        prog="drivers.sim.modbus_board", description="simulated Modbus relay and input boards on a pseudo terminal"
    )
    parser.add_argument("--pty", type=Path, required=True, help="stable name to make")
    parser.add_argument("--boards", default="1:waveshare-relay-d", help="boards on the line: ADDRESS:PROFILE …")
    parser.add_argument("--wiring", default="", help="where it differs from the usual: NAME=BOARD.NUMBER …")
    parser.add_argument("--baud", type=int, default=DEFAULT_BAUD)
    arguments = parser.parse_args()
    return serve("modbus boards", lambda: _run_alone(arguments))


if __name__ == "__main__":
    sys.exit(main())
