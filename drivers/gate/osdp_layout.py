"""The OSDP units on one line as two lines of text, and which contact and lock of the lane hangs where. No I/O, no clock.

The rule: a wiring says the same in the same words whatever wire it describes (`drivers.gate.contacts`). Units:
`1:osdp 2:osdp 3:0e6a7e.2`, each an address and what may answer there: any make, or only the vendor and model of that name plate
(L13). Without both texts a lane has one unit with the usual wiring. A lock hangs on a timed output, and only there (I3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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
from drivers.gate.osdp_packet import BROADCAST_ADDRESS
from egate.model.errors import DeviceError
from egate.model.lane import Door

MOST_UNITS = 8  # on one line: each has its samples in turn, and all must be back within 1 s (L2)
MOST_POINTS = 64  # inputs or outputs of one unit
LONGEST_TEXT = 1000  # characters of a description
ANY_MAKE = "osdp"
DOING = "configure the OSDP units"
OWN_CONTACTS = tuple(contact for contact in USUAL_CONTACTS if contact is not Contact.TAMPER)
"""The usual contacts of a unit in the order of its inputs; its cabinet's contact comes with its local status."""


@dataclass(frozen=True, slots=True)
class UnitPlate:
    """One unit of a line. `vendor` (six hex digits) and `model`, where given, must be on its name plate (L13)."""

    address: int
    vendor: str | None = None
    model: int | None = None


@dataclass(frozen=True, slots=True)
class UnitLayout:
    """A checked line: its units, which output is which lock, which input is which contact, `debounce` samples in a row."""

    units: tuple[UnitPlate, ...]
    locks: Mapping[Door, Point]
    contacts: Mapping[Contact, Point]
    debounce: int = USUAL_DEBOUNCE

    def inputs_of(self, address: int) -> int:
        """How many inputs the unit must have."""
        return _needed(self.contacts.values(), address)

    def outputs_of(self, address: int) -> int:
        """How many outputs the unit must have."""
        return _needed(self.locks.values(), address)

    @property
    def needed(self) -> frozenset[int]:
        """The units without which there is no gate: those with a lock or a contact."""
        return frozenset(point.address for point in (*self.locks.values(), *self.contacts.values()))


def _needed(points: Iterable[Point], address: int) -> int:
    return max((point.index + 1 for point in points if point.address == address), default=0)


def one_unit(plate: UnitPlate) -> UnitLayout:
    """A line with one unit and the usual wiring."""
    return _layout((plate,), Wiring({}))


def parse_units(units_text: str, wiring_text: str = "") -> UnitLayout:
    """Read and check the two descriptions; raises DeviceError with a sentence that says what to change."""
    return _layout(_parse_plates(units_text), parse_wiring(wiring_text, DOING))


def _layout(units: tuple[UnitPlate, ...], wiring: Wiring) -> UnitLayout:
    points = {**_usual_points(units[0].address, wiring), **wiring.points}
    for name, point in points.items():
        _check_point(name, point, units)
    locks = {door: points[lock.value] for door, lock in LOCK_OF.items() if lock.value in points}
    contacts = {contact: points[contact.value] for contact in Contact if contact.value in points}
    check_contacts(contacts, wiring.doors, DOING)
    for door, lock in LOCK_OF.items():
        if door not in wiring.doors and door in locks:
            raise DeviceError(DOING, f"{lock.value} is wired, but the lane has no {door.value} door")
    for kind in (locks.values(), contacts.values()):
        if len({(point.address, point.index) for point in kind}) != len(kind):
            raise DeviceError(DOING, "two things are wired to the same place")
    return UnitLayout(units, locks, contacts, wiring.debounce)


def _parse_plates(text: str) -> tuple[UnitPlate, ...]:
    """Addresses and name plates."""
    if len(text) > LONGEST_TEXT:
        raise DeviceError(DOING, f"a description has at most {LONGEST_TEXT} characters")
    units: list[UnitPlate] = []
    for word in text.split():
        found = re.fullmatch(rf"([0-9]{{1,3}}):(?:{ANY_MAKE}|([0-9a-f]{{6}})\.([0-9]{{1,3}}))", word, re.ASCII)
        if found is None:
            raise DeviceError(DOING, f"{word!r} is no unit; write ADDRESS:{ANY_MAKE}, or ADDRESS:VENDOR.MODEL as 1:0e6a7e.2")
        if int(found[1]) >= BROADCAST_ADDRESS:
            raise DeviceError(DOING, f"address {found[1]} is not from 0 to {BROADCAST_ADDRESS - 1}")
        units.append(UnitPlate(int(found[1]), found[2], int(found[3]) if found[3] else None))
    if not 1 <= len(units) <= MOST_UNITS:
        raise DeviceError(DOING, f"a line has 1 to {MOST_UNITS} units, not {len(units)}")
    if len({unit.address for unit in units}) != len(units):
        raise DeviceError(DOING, "two units have the same address")
    return tuple(units)


def _usual_points(address: int, wiring: Wiring) -> dict[str, Point]:
    """Locks on outputs 0 and 1 of the first unit, contacts from its input 0; nothing of a door or count that the lane has not."""
    locks = {lock.value: Point(address, index) for index, lock in enumerate(LOCK_OF.values())}
    usual = locks | {contact.value: Point(address, index) for index, contact in enumerate(OWN_CONTACTS)}
    unwanted = {name for door in set(Door) - wiring.doors for name in _names_of(door)}
    if any(sensor.value in wiring.points for sensor in PERSON_SENSORS):
        unwanted |= {contact.value for contact in COUNT_BITS}
    return {name: point for name, point in usual.items() if name not in unwanted}


def _names_of(door: Door) -> tuple[str, ...]:
    """The names in a wiring that belong to one door."""
    return (LOCK_OF[door].value, *(contact.value for contact in CONTACTS_OF[door]))


def _check_point(name: str, point: Point, units: tuple[UnitPlate, ...]) -> None:
    """The unit is on the line, and what hangs there may."""
    if point.address not in {unit.address for unit in units}:
        raise DeviceError(DOING, f"{name} is on unit {point.address}, which is not on this line")
    if point.index >= MOST_POINTS:
        raise DeviceError(DOING, f"{name} is number {point.index}; a unit has at most {MOST_POINTS}")
    if name not in {output.value for output in Output}:
        return
    if name not in {lock.value for lock in LOCK_OF.values()}:
        raise DeviceError(DOING, f"{name} cannot be wired: an OSDP unit shows signals with its own lamps and buzzer")
    if point.inverted:
        raise DeviceError(DOING, f"{name} cannot be inverted: it would be on while nobody asks for it")
