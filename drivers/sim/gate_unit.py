"""A simulated gate unit on a simulated cable: a mantrap behind an OSDP peripheral.

Alone: `python -m drivers.sim.gate_unit --pty PATH --key-file FILE`, then type `in 2`, `out`, `back`, `emergency on` … on
standard input; what changes is printed. In a program: make it, `plug()`, and let people walk.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from drivers.sim.alone import serve, typed_lines
from drivers.sim.mantrap import MOST_COUNTED, Mantrap
from drivers.sim.osdp_peripheral import Peripheral, PeripheralSettings
from drivers.sim.pace import LoopPace, Pace
from drivers.sim.pty import FaultLink, PtyPort
from egate.model.lane import Door

DEFAULT_BAUD = 115_200
OUTPUT_DOORS = (Door.ENTRY, Door.EXIT)


class _Wiring:
    """Which contact and which output of the peripheral belongs to what in the mantrap."""

    def __init__(self, mantrap: Mantrap) -> None:
        self._mantrap = mantrap

    def inputs(self) -> tuple[bool, ...]:
        """Entry closed, entry locked, exit closed, exit locked, counter low and high bit, emergency, one spare."""
        entry, exit_ = self._mantrap.leaf(Door.ENTRY), self._mantrap.leaf(Door.EXIT)
        counted = min(self._mantrap.persons, MOST_COUNTED)
        locked = [leaf.locked or leaf.stuck_contact for leaf in (entry, exit_)]
        counter = (bool(counted & 1), bool(counted & 2))
        return (entry.closed, locked[0], exit_.closed, locked[1], *counter, self._mantrap.emergency_on, False)

    def outputs(self) -> tuple[bool, ...]:
        """The two lock outputs."""
        return tuple(self._mantrap.released(door) for door in OUTPUT_DOORS)

    def tampered(self) -> bool:
        """The cabinet's contact."""
        return self._mantrap.tampered

    def timed_on(self, output: int, seconds: float) -> None:
        """Release a door; the hard-wired interlock may not let the lock have its power."""
        self._mantrap.release(OUTPUT_DOORS[output], seconds)

    def off(self, output: int) -> None:
        """Lock a door."""
        self._mantrap.engage(OUTPUT_DOORS[output])


class SimulatedGateUnit:
    """The whole unit. `mantrap` is the physical side, `peripheral` the electronic one, `port` the cable."""

    def __init__(
        self,
        path: Path,
        pace: Pace,
        settings: PeripheralSettings,
        entropy: Callable[[int], bytes],
        *,
        baud: int | None = DEFAULT_BAUD,
        faults: FaultLink | None = None,
    ) -> None:
        self.mantrap = Mantrap(pace)
        self.peripheral = Peripheral(settings, _Wiring(self.mantrap), entropy)
        self.port = PtyPort(path, pace, baud, faults)
        self.port.on_bytes = self._receive
        self.port.on_plug = self.peripheral.reset

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
        return self.peripheral.latched_orders

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

    def _receive(self, data: bytes) -> None:
        for reply in self.peripheral.receive(data):
            self.port.write(reply)


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
        case ["emergency", ("on" | "off") as state]:
            unit.emergency(state == "on")
        case ["tamper", ("on" | "off") as state]:
            unit.tamper(state == "on")
        case []:
            return describe(unit.mantrap)
        case _:
            return "words: in [N] · out · back · emergency on|off · tamper on|off"
    return describe(unit.mantrap)


async def _run_alone(arguments: argparse.Namespace) -> None:
    """Serve one cable until standard input ends or somebody interrupts."""
    import os  # noqa: PLC0415 - the peripheral takes its entropy as an argument; only this entry point asks the system

    key = bytes.fromhex(arguments.key_file.read_text().strip())
    unit = SimulatedGateUnit(
        arguments.pty, LoopPace(), PeripheralSettings(key, arguments.address), os.urandom, baud=arguments.baud
    )
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
    parser.add_argument("--baud", type=int, default=DEFAULT_BAUD)
    arguments = parser.parse_args()
    return serve("gate unit", lambda: _run_alone(arguments))


if __name__ == "__main__":
    sys.exit(main())
