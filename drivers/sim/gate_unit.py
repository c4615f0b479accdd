"""A simulated gate unit on a simulated cable: a mantrap behind an OSDP peripheral.

Alone: `python -m drivers.sim.gate_unit --pty PATH --key-file FILE`, then type `in 2`, `out`, `back`, `emergency on` … on
standard input; what changes is printed. In a program: make it, `plug()`, and let people walk.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from drivers.gate.contacts import CONTACTS_OF, PERSON_SENSORS, Contact
from drivers.gate.osdp_layout import UnitLayout, UnitPlate, one_unit, parse_units
from drivers.sim.alone import serve, typed_lines
from drivers.sim.mantrap import MOST_COUNTED, Mantrap
from drivers.sim.osdp_peripheral import Peripheral, PeripheralMode, PeripheralSettings
from drivers.sim.pace import LoopPace, Pace
from drivers.sim.pty import FaultLink, PtyPort
from egate.model.lane import Door, Lamp, Signal

DEFAULT_BAUD = 115_200
LEAST_INPUTS, LEAST_OUTPUTS = 8, 2  # terminals of one peripheral
LONGEST_GAP_S = 0.02  # between two bytes of one packet (IEC 60839-11-5 §5.6), in the wire's own time


class _Board:
    """One peripheral of the unit: which of its contacts and outputs belongs to what in the mantrap."""

    def __init__(self, address: int, layout: UnitLayout, unit: SimulatedGateUnit, pace: Pace) -> None:
        self._doors = {point.index: door for door, point in layout.locks.items() if point.address == address}
        self._places = {point.index: (contact, point) for contact, point in layout.contacts.items() if point.address == address}
        self._inputs = max(layout.inputs_of(address), LEAST_INPUTS)
        self._outputs = max(layout.outputs_of(address), LEAST_OUTPUTS)
        self._unit = unit
        self._pace = pace
        self.shown: tuple[Lamp, bool, float] = (Lamp.OFF, False, 0.0)
        self.sounds_until = 0.0

    def inputs(self) -> tuple[bool, ...]:
        """The contacts in the order of the terminals; one without a wire is not active."""
        return tuple(self._active(index) for index in range(self._inputs))

    def _active(self, index: int) -> bool:
        if index not in self._places:
            return False
        contact, point = self._places[index]
        return self._unit.contact(contact) != point.inverted

    def outputs(self) -> tuple[bool, ...]:
        """The lock outputs."""
        mantrap = self._unit.mantrap
        return tuple(index in self._doors and mantrap.released(self._doors[index]) for index in range(self._outputs))

    def tampered(self) -> bool:
        """The cabinet's contact."""
        return self._unit.mantrap.tampered

    def power_failed(self) -> bool:
        """Whether the unit runs without its mains."""
        return self._unit.power_failed

    def timed_on(self, output: int, seconds: float) -> None:
        """Release a door; the hard-wired interlock may not let the lock have its power."""
        if output in self._doors:
            self._unit.mantrap.release(self._doors[output], seconds)

    def off(self, output: int) -> None:
        """Lock a door."""
        if output in self._doors:
            self._unit.mantrap.engage(self._doors[output])

    def shine(self, lamp: Lamp, seconds: float, *, blinking: bool) -> None:
        """Light the lamps."""
        self.shown = (lamp, blinking, self._pace.monotonic() + seconds)

    def sound(self, seconds: float) -> None:
        """Sound the buzzer."""
        self.sounds_until = self._pace.monotonic() + seconds


@dataclass(frozen=True, slots=True)
class PeripheralLine:
    """Several peripherals on one line: the settings of all, what hangs where, and the keys of those that have their own."""

    settings: PeripheralSettings
    layout: UnitLayout
    keys: Mapping[int, bytes] = field(default_factory=dict, repr=False)

    def peripheral(self, number: int, address: int) -> PeripheralSettings:
        """The settings of one of them, with a serial number of its own."""
        settings = self.settings
        return replace(settings, address=address, serial=settings.serial + number, key=self.keys.get(address, settings.key))


class SimulatedGateUnit:
    """The whole unit, or several on one line. `mantrap` is the physical side, `peripherals` by address the electronic one.

    `silent` ones are dead on the line, `babbling` ones answer with noise. `port` is the cable.
    """

    def __init__(
        self,
        path: Path,
        pace: Pace,
        settings: PeripheralSettings | PeripheralLine,
        entropy: Callable[[int], bytes],
        *,
        baud: int | None = DEFAULT_BAUD,
        faults: FaultLink | None = None,
    ) -> None:
        self.mantrap = Mantrap(pace)
        self.power_failed = False
        self.silent: set[int] = set()
        self.babbling: set[int] = set()
        self._others: dict[Contact, bool] = {}
        self._pace = pace
        self._entropy = entropy
        self._heard_at = 0.0
        if isinstance(settings, PeripheralSettings):
            settings = PeripheralLine(settings, one_unit(UnitPlate(settings.address)))
        layout = settings.layout
        self._boards = {plate.address: _Board(plate.address, layout, self, pace) for plate in layout.units}
        self.peripherals = {
            address: Peripheral(settings.peripheral(number, address), board, entropy)
            for number, (address, board) in enumerate(self._boards.items())
        }
        self.port = PtyPort(path, pace, baud, faults)
        self.port.on_bytes = self._receive
        self.port.on_plug = self._power_up

    @property
    def peripheral(self) -> Peripheral:
        """The first peripheral."""
        return next(iter(self.peripherals.values()))

    def signal(self, address: int | None = None) -> Signal:
        """What the lamps and the buzzer of a peripheral (the first, unless another is named) say now."""
        board = self._boards[next(iter(self._boards)) if address is None else address]
        now, (lamp, blinking, until) = self._pace.monotonic(), board.shown
        lit = lamp is not Lamp.OFF and until > now
        return Signal(lamp if lit else Lamp.OFF, blinking=lit and blinking, buzzer=board.sounds_until > now)

    def contact(self, contact: Contact) -> bool:
        """Whether a contact is active: as the mantrap says, or as `set_contact` did."""
        mantrap = self.mantrap
        counted = min(mantrap.persons, MOST_COUNTED)
        known = {Contact.PERSONS_LOW: bool(counted & 1), Contact.PERSONS_HIGH: bool(counted & 2)}
        known |= {Contact.EMERGENCY: mantrap.emergency_on, Contact.TAMPER: mantrap.tampered}
        known |= {sensor: mantrap.persons > number for number, sensor in enumerate(PERSON_SENSORS)}
        for door, (closed, locked) in CONTACTS_OF.items():
            leaf = mantrap.leaf(door)
            known |= {closed: leaf.closed, locked: leaf.locked or leaf.stuck_contact}
        return self._others.get(contact, known.get(contact, False))

    def set_contact(self, contact: Contact, active: bool | None) -> None:
        """What a contact says from now on, whatever the mantrap does; None gives it back."""
        if active is None:
            self._others.pop(contact, None)
        else:
            self._others[contact] = active

    def exchange(self, address: int, mode: PeripheralMode, key: bytes) -> None:
        """Another peripheral hangs there from now on, set up in another way."""
        was = self.peripherals[address]
        settings = replace(was.settings, mode=mode, key=key)
        self.peripherals[address] = Peripheral(settings, self._boards[address], self._entropy)

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

    @property
    def both_unlocked_seen(self) -> bool:
        """Whether both doors were ever unlocked at once outside an emergency (must stay False, I1)."""
        return self.mantrap.both_unlocked_seen

    @property
    def latched_orders_seen(self) -> int:
        """How many latching orders came over the wire (must stay 0, I3)."""
        return sum(peripheral.latched_orders for peripheral in self.peripherals.values())

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

    def _power_up(self) -> None:
        for peripheral in self.peripherals.values():
            peripheral.reset()

    def _receive(self, data: bytes) -> None:
        """Everybody on the line hears everything; a pause between bytes ends what had begun."""
        now = asyncio.get_running_loop().time()
        paused, self._heard_at = now - self._heard_at > LONGEST_GAP_S, now
        for address, peripheral in self.peripherals.items():
            if paused:
                peripheral.idle()
            if address in self.silent:
                continue
            for reply in peripheral.receive(data):
                self.port.write(self._entropy(len(reply)) if address in self.babbling else reply)


def describe(mantrap: Mantrap) -> str:
    """One line for the person at the keyboard."""
    doors = []
    for door in Door:
        leaf = mantrap.leaf(door)
        doors.append(f"{door.value} {'closed' if leaf.closed else 'open'} {'locked' if leaf.locked else 'unlocked'}")
    extras = (" EMERGENCY" if mantrap.emergency_on else "") + (" TAMPER" if mantrap.tampered else "")
    return f"{' | '.join(doors)} | {mantrap.persons} inside{extras}"


class Walkable(Protocol):
    """What the keyboard can move: any simulated unit in front of a mantrap."""

    mantrap: Mantrap

    async def walk_in(self, persons: int = 1) -> bool:
        """People go in by the entry."""
        ...

    async def walk_out_exit(self, persons: int | None = None) -> bool:
        """People leave by the exit."""
        ...

    async def walk_back(self, persons: int | None = None) -> bool:
        """People leave by the entry."""
        ...

    def emergency(self, on: bool) -> None:
        """The fire contact."""
        ...

    def tamper(self, on: bool) -> None:
        """The cabinet's contact."""
        ...


async def obey(unit: Walkable, line: str) -> str:
    """Carry out one typed line; returns what to print."""
    words = line.split()
    match words:
        case ["in", *count]:
            return "went in" if await unit.walk_in(int(count[0]) if count else 1) else "the entry stayed locked"
        case ["out"]:
            return "went out" if await unit.walk_out_exit() else "the exit stayed locked"
        case ["back"]:
            return "went back" if await unit.walk_back() else "the entry stayed locked"
        case ["push", ("entry" | "exit") as name]:
            return "pushed" if await unit.mantrap.push(Door(name)) else f"the {name} stayed locked"
        case _:
            return _operate(unit, words)


def _operate(unit: Walkable, words: list[str]) -> str:
    """What hands do to contacts and sensors."""
    match words:
        case ["emergency", ("on" | "off") as state]:
            unit.emergency(state == "on")
        case ["tamper", ("on" | "off") as state]:
            unit.tamper(state == "on")
        case ["inside", ("0" | "1" | "2" | "3") as count]:
            unit.mantrap.count(int(count))
        case []:
            pass
        case _:
            return "words: in [N] · out · back · push entry|exit · inside N · emergency on|off · tamper on|off"
    return describe(unit.mantrap)


async def _run_alone(arguments: argparse.Namespace) -> None:
    """Serve one cable until standard input ends or somebody interrupts."""
    import os  # noqa: PLC0415 - the peripheral takes its entropy as an argument; only this entry point asks the system

    key = bytes.fromhex(arguments.key_file.read_text().strip())
    layout = parse_units(arguments.boards, arguments.wiring) if arguments.boards else None
    one = PeripheralSettings(key, arguments.address)
    settings = PeripheralLine(one, layout) if layout else one
    unit = SimulatedGateUnit(arguments.pty, LoopPace(), settings, os.urandom, baud=arguments.baud)
    unit.on_change(lambda: print(describe(unit.mantrap), flush=True))  # noqa: T201 - a program for the keyboard
    unit.plug()
    try:
        async for line in typed_lines():
            print(await obey(unit, line), flush=True)  # noqa: T201 - a program for the keyboard
    finally:
        await unit.close()


def main() -> int:
    """Entry point of `python -m drivers.sim.gate_unit`."""
    parser = argparse.ArgumentParser(prog="drivers.sim.gate_unit", description="simulated OSDP gate unit on a pseudo terminal")
    parser.add_argument("--pty", type=Path, required=True, help="stable name to make")
    parser.add_argument("--key-file", type=Path, required=True, help="file with the secure channel key, 32 hex digits")
    parser.add_argument("--address", type=int, default=1)
    parser.add_argument("--boards", default="", help="several units on the line, as in [devices.gate]")
    parser.add_argument("--wiring", default="", help="what hangs where, as in [devices.gate]")
    parser.add_argument("--baud", type=int, default=DEFAULT_BAUD)
    arguments = parser.parse_args()
    return serve("gate unit", lambda: _run_alone(arguments))


if __name__ == "__main__":
    sys.exit(main())
