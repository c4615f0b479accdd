"""Modbus relay and input boards as a table, and how a lane is wired to them. No I/O, no clock.

The rule: a profile knows how to switch an output on *for a time that the board itself ends*, and how to switch it off. A lock
is never said a latched ON or a toggle (I3, I4), so a board that cannot time its outputs cannot carry a lock and is refused.
Lamps and buzzers are latched, and no terminal is both. A further make is a further entry of `PROFILES`.

Two lines of text describe a line of boards. Boards: `1:waveshare-relay-d 2:inputs-8`, each an address and a profile. Wiring,
where it differs from the usual: `exit_lock=1.3 emergency=!2.6`, each a name, a board's address, a number counted from 0, and
`!` for a contact that is active when its circuit is open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from drivers.gate.contacts import (
    CONTACTS_OF,
    COUNT_BITS,
    LOCK_OF,
    PERSON_SENSORS,
    USUAL_CONTACTS,
    USUAL_DEBOUNCE,
    Contact,
    Output,
    Point,
    Wiring,
    check_contacts,
    parse_wiring,
)
from drivers.gate.lamps import LAMPS
from drivers.gate.modbus_protocol import (
    COIL_OFF,
    COIL_ON,
    HIGHEST_ADDRESS,
    LOWEST_ADDRESS,
    FunctionCode,
    Question,
    parse_bits,
    parse_registers,
    read_coils,
    read_inputs,
    read_registers,
    write_coil,
    write_register,
    write_registers,
)
from egate.model.errors import DeviceError
from egate.model.lane import Door

MOST_BOARDS = 8  # on one line: each is asked in every turn, and all must be back within 1 s (L2)
LONGEST_LEASE_S = 10.0  # requirement I3
ROUNDING = 1e-6  # 2.3 s are 23 units, though 2.3 / 0.1 is a little less
GRACE_S = 0.05  # of a lease that may pass before the order is sent without costing a unit
FLASH_ON = 0x0200  # coil addresses of timed orders of Waveshare boards: 02nn, nn the output
DELAY = 0x0600  # high byte of a timed order of delay-register boards, the low byte counts seconds
OPEN_RELAY, CLOSE_RELAY = 0x0100, 0x0200  # a delay-register board's words for on and off
LOT_PERMISSION = 0x40  # 40h to enter, 41h to leave: 0 none, 1 to FFFEh passages, FFFFh free
LOT_PRESENCE = 0x42  # 42h and 43h: somebody is in the passage
LOT_MODE, LOT_ANTIPANIC, LOT_LOCKING_MODES = 0x3000, 2, (0, 1)  # normal, blocked
LOT_PASS_TIME = 0x3011  # after a permission
LONGEST_TEXT = 1000  # characters of a description
DOING = "configure the Modbus boards"


@dataclass(frozen=True, slots=True)
class Pulse:
    """How a board times an output: units of `unit_s`, at most `most_units`, and the two orders it knows.

    `time` is the order that sets the time beforehand, where the order that switches on does not say it.
    """

    unit_s: float
    most_units: int
    on_for: Callable[[int, int, int], Question]
    off: Callable[[int, int], Question]
    time: Callable[[int, int], Question] | None = None


@dataclass(frozen=True, slots=True)
class BoardProfile:
    """One make. `pulse` None: no output may carry a lock. `outputs_from` says which function and address shows the outputs.

    `latch` switches an output on or off until told otherwise: for lamps, never for locks; None: no output may carry a lamp. Where
    inputs are not discrete, `registers` are read one by one, and `meaning` makes inputs of their values. `pause_s` is a rest
    before each question.
    """

    name: str
    inputs: int
    outputs: int
    pulse: Pulse | None
    outputs_from: tuple[FunctionCode, int]
    latch: Callable[[int, int, bool], Question] | None
    source: str
    registers: tuple[int, ...] = ()
    meaning: Callable[[tuple[int, ...]], tuple[bool, ...]] | None = None
    pause_s: float = 0.0


def _flash_on(address: int, output: int, units: int) -> Question:
    return write_coil(address, FLASH_ON + output, units)


def _coil_off(address: int, output: int) -> Question:
    return write_coil(address, output, COIL_OFF)


def _delay(address: int, output: int, units: int) -> Question:
    return write_register(address, 1 + output, DELAY + units)


def _close_relay(address: int, output: int) -> Question:
    return write_register(address, 1 + output, CLOSE_RELAY)


def _latch_coil(address: int, output: int, on: bool) -> Question:
    return write_coil(address, output, COIL_ON if on else COIL_OFF)


def _latch_relay(address: int, output: int, on: bool) -> Question:
    return write_register(address, 1 + output, OPEN_RELAY if on else CLOSE_RELAY)


def _permit(address: int, output: int, units: int) -> Question:
    del units  # the time stands in another register
    return write_registers(address, LOT_PERMISSION + output, (1,))


def _forbid(address: int, output: int) -> Question:
    return write_registers(address, LOT_PERMISSION + output, (0,))


def _pass_time(address: int, units: int) -> Question:
    return write_registers(address, LOT_PASS_TIME, (units,))


def lot_inputs(values: tuple[int, ...]) -> tuple[bool, ...]:
    """Nobody in the passage, arm locked, antipanic. A permission of any kind, or an unknown mode, is no locked arm (I8)."""
    enter, leave, entering, leaving, mode = values
    free = not entering and not leaving
    return free, free and not enter and not leave and mode in LOT_LOCKING_MODES, mode == LOT_ANTIPANIC


WAVESHARE_PULSE = Pulse(0.1, 0x7FFF, _flash_on, _coil_off)
LOT_PULSE = Pulse(1.0, 0xFF, _permit, _forbid, _pass_time)
DELAY_PULSE = Pulse(1.0, 0xFF, _delay, _close_relay)
_COILS, _REGISTERS = (FunctionCode.READ_COILS, 0), (FunctionCode.READ_REGISTERS, 1)
_WAVESHARE = "waveshare.com/wiki/Modbus_RTU_Relay"
_DELAY_BOARDS = "public frames of R4D8B08 / N4D8B08 boards: 06, register 1 to n, 06ss on for ss seconds"
_STANDARD_COILS = "Modbus Application Protocol V1.1b3 §6.5: single coils from address 0, for lamps only"
_STANDARD = "Modbus Application Protocol V1.1b3 §6.2: discrete inputs from address 0"

PROFILES: Mapping[str, BoardProfile] = {
    profile.name: profile
    for profile in (
        BoardProfile("waveshare-relay-8", 0, 8, WAVESHARE_PULSE, _COILS, _latch_coil, f"{_WAVESHARE} (protocol V2)"),
        BoardProfile("waveshare-relay-16", 0, 16, WAVESHARE_PULSE, _COILS, _latch_coil, f"{_WAVESHARE}_16CH"),
        BoardProfile("waveshare-relay-d", 8, 8, WAVESHARE_PULSE, _COILS, _latch_coil, f"{_WAVESHARE}_(D)"),
        BoardProfile("waveshare-io-8", 8, 8, WAVESHARE_PULSE, _COILS, _latch_coil, "waveshare.com/wiki/Modbus_RTU_IO_8CH"),
        BoardProfile("delay-register-4", 0, 4, DELAY_PULSE, _REGISTERS, _latch_relay, _DELAY_BOARDS),
        BoardProfile("delay-register-8", 0, 8, DELAY_PULSE, _REGISTERS, _latch_relay, _DELAY_BOARDS),
        BoardProfile(
            "lot-turnstile",
            *(3, 2, LOT_PULSE, (FunctionCode.READ_REGISTERS, LOT_PERMISSION), None),
            "the maker's published program for its turnstiles (lotltd/TurnstileModbusSDK, uController.cpp)",
            (*(LOT_PERMISSION, LOT_PERMISSION + 1, LOT_PRESENCE, LOT_PRESENCE + 1), LOT_MODE),
            lot_inputs,
            0.005,
        ),
        BoardProfile("coils-8", 0, 8, None, _COILS, _latch_coil, _STANDARD_COILS),
        BoardProfile("inputs-8", 8, 0, None, _COILS, _latch_coil, _STANDARD),
        BoardProfile("inputs-16", 16, 0, None, _COILS, _latch_coil, _STANDARD),
    )
}


@dataclass(frozen=True, slots=True)
class Board:
    """One board on the line, and what is said to it."""

    address: int
    profile: BoardProfile

    @property
    def name(self) -> str:
        """As it is called in messages."""
        return f"board {self.address} ({self.profile.name})"

    def inputs_questions(self) -> tuple[Question, ...]:
        """Ask for all contacts."""
        if self.profile.meaning is not None:
            return tuple(read_registers(self.address, register, 1) for register in self.profile.registers)
        return (read_inputs(self.address, 0, self.profile.inputs),) if self.profile.inputs else ()

    def parse_inputs(self, frames: Sequence[bytes]) -> tuple[bool, ...]:
        """The contacts in the answers; raises MalformedData."""
        if self.profile.meaning is not None:
            return self.profile.meaning(tuple(parse_registers(frame, 1)[0] for frame in frames))
        return parse_bits(frames[0], self.profile.inputs)

    def outputs_questions(self) -> tuple[Question, ...]:
        """Ask which outputs are on; a board whose registers are read one by one is asked for each."""
        (function, start), count = self.profile.outputs_from, self.profile.outputs
        if self.profile.meaning is not None:
            return tuple(read_registers(self.address, start + output, 1) for output in range(count))
        ask = read_coils if function is FunctionCode.READ_COILS else read_registers
        return (ask(self.address, start, count),) if count else ()

    def parse_outputs(self, frames: Sequence[bytes]) -> tuple[bool, ...]:
        """Which outputs the answers say are on; raises MalformedData."""
        if self.profile.outputs_from[0] is FunctionCode.READ_COILS:
            return parse_bits(frames[0], self.profile.outputs)
        each = self.profile.outputs // len(frames)
        return tuple(value != 0 for frame in frames for value in parse_registers(frame, each))

    def time_question(self, lease_s: float) -> Question | None:
        """The order that sets the time of a later pulse, None where the pulse says it itself. The lease has been looked at."""
        pulse = self._pulse()
        return None if pulse.time is None else pulse.time(self.address, int(lease_s / pulse.unit_s + ROUNDING))

    def unlock_question(self, output: int, lease_s: float, spent_s: float = 0.0) -> Question:
        """Switch an output on for a time, in whole units and never longer than `lease_s` from when it was asked for.

        `spent_s` of it went by before the order was sent; `GRACE_S` of that does not count. Raises DeviceError for a lease
        beyond the limits (I3), and for one that is over.
        """
        doing, pulse = f"order a timed output of {self.name}", self._pulse()
        units = int(lease_s / pulse.unit_s + ROUNDING) if 0 < lease_s <= LONGEST_LEASE_S else 0
        if not 1 <= units <= pulse.most_units:
            raise DeviceError(doing, f"the time must be {pulse.unit_s:g} to {LONGEST_LEASE_S:g} s")
        rest = min(units, int((lease_s - max(spent_s - GRACE_S, 0.0)) / pulse.unit_s + ROUNDING))
        if rest < 1:
            raise DeviceError(doing, "the board did not acknowledge while the lease ran")
        return pulse.on_for(self.address, output, rest)

    def lock_question(self, output: int) -> Question:
        """Switch an output off and end its time."""
        return self._pulse().off(self.address, output)

    def lamp_question(self, output: int, on: bool) -> Question:
        """Switch an output that carries a lamp or a buzzer until told otherwise."""
        if self.profile.latch is None:
            raise DeviceError(f"switch a lamp of {self.name}", "its outputs are passages")
        return self.profile.latch(self.address, output, on)

    def _pulse(self) -> Pulse:
        if self.profile.pulse is None:
            raise DeviceError(f"order a timed output of {self.name}", "it has none")
        return self.profile.pulse


@dataclass(frozen=True, slots=True)
class Layout:
    """A checked line of boards: which output is which lock, lamp or buzzer, which input is which contact.

    `debounce` samples in a row are what a contact says; a door without a lock is a door that the lane does not have.
    """

    boards: tuple[Board, ...]
    locks: Mapping[Door, Point]
    contacts: Mapping[Contact, Point]
    lamps: Mapping[Output, Point] = field(default_factory=dict)
    debounce: int = USUAL_DEBOUNCE

    def board(self, address: int) -> Board:
        """The board at an address of this line."""
        return next(board for board in self.boards if board.address == address)


def board_profile(name: str) -> BoardProfile:
    """The profile of that name; raises DeviceError."""
    try:
        return PROFILES[name]
    except KeyError:
        raise DeviceError(DOING, f"there is no profile {name!r}; known: {', '.join(PROFILES)}") from None


def parse_layout(boards_text: str, wiring_text: str = "") -> Layout:
    """Read and check the two descriptions; raises DeviceError with a sentence that says what to change."""
    boards = _parse_boards(boards_text)
    wiring = parse_wiring(wiring_text, DOING)
    points = {**_usual_points(boards, wiring), **wiring.points}
    for name, point in points.items():
        _check_point(name, point, boards)
    locks = {door: points[lock.value] for door, lock in LOCK_OF.items() if lock.value in points}
    contacts = {contact: points[contact.value] for contact in Contact if contact.value in points}
    lamps = {output: points[output.value] for output in LAMPS if output.value in points}
    check_contacts(contacts, wiring.doors, DOING)
    _check_locks(frozenset(locks), wiring.doors)
    for places in ([*locks.values(), *lamps.values()], list(contacts.values())):
        if len({(point.address, point.index) for point in places}) != len(places):
            raise _refusal("two things are wired to the same place")
    return Layout(boards, locks, contacts, lamps, wiring.debounce)


def _parse_boards(text: str) -> tuple[Board, ...]:
    """Addresses and profiles."""
    boards: list[Board] = []
    for word in text[:LONGEST_TEXT].split():
        address, colon, name = word.partition(":")
        if not colon or not re.fullmatch("[0-9]{1,3}", address):
            raise _refusal(f"{word!r} is no board; write ADDRESS:PROFILE, for example 1:waveshare-relay-d")
        if not LOWEST_ADDRESS <= int(address) <= HIGHEST_ADDRESS:
            raise _refusal(f"address {address} is not from {LOWEST_ADDRESS} to {HIGHEST_ADDRESS}")
        boards.append(Board(int(address), board_profile(name)))
    if not 1 <= len(boards) <= MOST_BOARDS:
        raise _refusal(f"a line has 1 to {MOST_BOARDS} boards, not {len(boards)}")
    if len({board.address for board in boards}) != len(boards):
        raise _refusal("two boards have the same address")
    return tuple(boards)


def _usual_points(boards: tuple[Board, ...], wiring: Wiring) -> dict[str, Point]:
    """Locks on outputs 0 and 1 of the first board that times outputs, contacts from input 0 of the first that has enough.

    Left out is what belongs to a door that the lane has not, what counts persons otherwise than the wiring says, and a tamper
    contact whose place the wiring gives to another.
    """
    usual: dict[str, Point] = {}
    lock_board = next((board for board in boards if board.profile.pulse is not None), None)
    if lock_board is not None:
        usual |= {lock.value: Point(lock_board.address, index) for index, lock in enumerate(LOCK_OF.values())}
    contact_board = next((board for board in boards if board.profile.inputs >= len(USUAL_CONTACTS)), None)
    if contact_board is not None:
        usual |= {contact.value: Point(contact_board.address, index) for index, contact in enumerate(USUAL_CONTACTS)}
    unwanted = {name for door in set(Door) - wiring.doors for name in _names_of(door)}
    if any(sensor.value in wiring.points for sensor in PERSON_SENSORS):
        unwanted |= {contact.value for contact in COUNT_BITS}
    if any(_same_place(point, usual.get(Contact.TAMPER.value)) for point in wiring.points.values()):
        unwanted.add(Contact.TAMPER.value)
    return {name: point for name, point in usual.items() if name not in unwanted}


def _names_of(door: Door) -> tuple[str, ...]:
    """The names in a wiring that belong to one door."""
    return (LOCK_OF[door].value, *(contact.value for contact in CONTACTS_OF[door]))


def _same_place(point: Point, other: Point | None) -> bool:
    """Whether two points are one terminal."""
    return other is not None and (point.address, point.index) == (other.address, other.index)


def _check_locks(locks: frozenset[Door], doors: frozenset[Door]) -> None:
    """Every door that the lane has carries a lock, and no other."""
    for door, lock in LOCK_OF.items():
        if door in doors and door not in locks:
            raise _refusal(f"{lock.value} is wired to nothing; say {lock.value}=BOARD.NUMBER")
        if door in locks and door not in doors:
            raise _refusal(f"{lock.value} is wired, but the lane has no {door.value} door")


def _check_point(name: str, point: Point, boards: tuple[Board, ...]) -> None:
    """The board is there, has such an input or output, and times it where it carries a lock."""
    board = next((board for board in boards if board.address == point.address), None)
    if board is None:
        raise _refusal(f"{name} is on board {point.address}, which is not on this line")
    is_output = name in {output.value for output in Output}
    if is_output and point.inverted:
        raise _refusal(f"{name} cannot be inverted: it would be on while nobody asks for it")
    if name in {lock.value for lock in LOCK_OF.values()} and board.profile.pulse is None:
        raise _refusal(f"{name} is on {board.name}, which cannot end a pulse by itself; a lock must never be latched")
    if is_output and name not in {lock.value for lock in LOCK_OF.values()} and board.profile.latch is None:
        raise _refusal(f"{name} is on {board.name}, whose outputs are passages")
    if point.index >= (board.profile.outputs if is_output else board.profile.inputs):
        raise _refusal(f"{board.name} has no {'output' if is_output else 'input'} {point.index} for {name}")


def _refusal(problem: str) -> DeviceError:
    return DeviceError(DOING, problem)
