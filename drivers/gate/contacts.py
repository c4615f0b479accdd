"""What a gate's contacts mean, whatever wire they hang on: names, places, debounce, and one report. No I/O, no clock.

The rule: a contact is what `debounce` samples in a row say (two, unless configured), and its evidence is as old as the oldest of
them. So one bounce moves nothing and one late answer proves nothing (I2). A contact that chatters never becomes evidence; when
it chatters for longer than a moment it is news for the log, once, and every door of the lane is in `DoorState.FAULT` until it
has been steady for a while, so the lane holds for the officer (I8). Emergency contacts alone are never debounced: any one of
them counts at once, and its end has to be said by as many samples as everything else (I5).

Persons are counted in one of two ways: as a number of two bits (`persons_low`, `persons_high`), or by presence sensors
(`person_1` to `person_6`), each of which sees at most one person; their sum is the count. A light barrier in a door frame is
no count: it sees somebody pass, not who stays.

A wiring is one line of text: `exit_lock=1.3 emergency=!2.6 debounce=3 doors=entry`, each a name, the address of the unit that
has the contact, its number counted from 0, and `!` for one that is active when its circuit is open (normally closed).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState, GateReport, Power

USUAL_DEBOUNCE = 2  # samples in a row
MOST_DEBOUNCE = 10  # at 33 samples a second that is 0.3 s, a third of what a door's movement takes
CHATTER_WINDOW = 32  # samples, about one second
CHATTER_CHANGES = 8  # changes within the window: four full strokes a second, which no door, person or supply makes
STEADY_SAMPLES = 64  # without any change, about two seconds: chatter is over
UNPROVEN = 0  # older than every command
LONGEST_WIRING = 1000  # characters
MOST_PERSON_SENSORS = 6


class Contact(Enum):
    """What an input may mean; the values are the names in a wiring, the first eight in the usual order of inputs."""

    ENTRY_CLOSED = "entry_closed"
    ENTRY_LOCKED = "entry_locked"
    EXIT_CLOSED = "exit_closed"
    EXIT_LOCKED = "exit_locked"
    PERSONS_LOW = "persons_low"
    PERSONS_HIGH = "persons_high"
    EMERGENCY = "emergency"
    TAMPER = "tamper"
    EMERGENCY_2 = "emergency_2"
    ON_BATTERY = "on_battery"
    BATTERY_LOW = "battery_low"
    OBJECT_LEFT = "object_left"
    INTRUSION = "intrusion"
    OBSTRUCTED = "obstructed"
    PERSON_1 = "person_1"
    PERSON_2 = "person_2"
    PERSON_3 = "person_3"
    PERSON_4 = "person_4"
    PERSON_5 = "person_5"
    PERSON_6 = "person_6"


class Output(Enum):
    """What an output may switch; the values are the names in a wiring. Locks come first, and are only ever timed."""

    ENTRY_LOCK = "entry_lock"
    EXIT_LOCK = "exit_lock"
    LAMP_RED = "lamp_red"
    LAMP_AMBER = "lamp_amber"
    LAMP_GREEN = "lamp_green"
    BUZZER = "buzzer"


LOCK_OF = {Door.ENTRY: Output.ENTRY_LOCK, Door.EXIT: Output.EXIT_LOCK}
CONTACTS_OF = {
    Door.ENTRY: (Contact.ENTRY_CLOSED, Contact.ENTRY_LOCKED),
    Door.EXIT: (Contact.EXIT_CLOSED, Contact.EXIT_LOCKED),
}
"""Of each door the contact that says closed and the one that says locked."""
COUNT_BITS = (Contact.PERSONS_LOW, Contact.PERSONS_HIGH)
PERSON_SENSORS = tuple(Contact(f"person_{number}") for number in range(1, MOST_PERSON_SENSORS + 1))
EMERGENCIES = (Contact.EMERGENCY, Contact.EMERGENCY_2)
USUAL_CONTACTS = tuple(Contact)[:8]
BOTH_DOORS = frozenset(Door)
NAMES = (*(output.value for output in Output), *(contact.value for contact in Contact))


@dataclass(frozen=True, slots=True)
class Point:
    """One input or output of one unit; `inverted` contacts are active when their circuit is open."""

    address: int
    index: int
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a wiring's text says: places by name, how many samples in a row count, and which doors the lane has."""

    points: Mapping[str, Point]
    debounce: int = USUAL_DEBOUNCE
    doors: frozenset[Door] = BOTH_DOORS


def parse_wiring(text: str, doing: str = "read the wiring") -> Wiring:
    """Names and places; raises DeviceError with a sentence that says what to change."""
    points: dict[str, Point] = {}
    settings: dict[str, str] = {}
    if len(text) > LONGEST_WIRING:
        raise DeviceError(doing, f"a wiring has at most {LONGEST_WIRING} characters")
    for word in text.split():
        name, _, place = word.partition("=")
        if name in points or name in settings:
            raise DeviceError(doing, f"{name} is wired twice")
        if name in ("debounce", "doors"):
            settings[name] = place
            continue
        found = re.fullmatch(r"(!?)([0-9]{1,3})\.([0-9]{1,2})", place, re.ASCII)
        if found is None or name not in NAMES:
            raise DeviceError(doing, f"{word!r} is no wiring; write NAME=BOARD.NUMBER with a name of {', '.join(sorted(NAMES))}")
        points[name] = Point(int(found[2]), int(found[3]), inverted=bool(found[1]))
    return Wiring(points, _debounce(settings, doing), _doors(settings, doing))


def _debounce(settings: Mapping[str, str], doing: str) -> int:
    """How many samples in a row count: at least two, because one may be a late answer or a bounce."""
    text = settings.get("debounce", str(USUAL_DEBOUNCE))
    if not re.fullmatch("[0-9]{1,2}", text, re.ASCII) or not USUAL_DEBOUNCE <= int(text) <= MOST_DEBOUNCE:
        raise DeviceError(doing, f"debounce is {USUAL_DEBOUNCE} to {MOST_DEBOUNCE} samples in a row, not {text!r}")
    return int(text)


def _doors(settings: Mapping[str, str], doing: str) -> frozenset[Door]:
    """Which doors the lane has."""
    text = settings.get("doors", "both")
    choices = {"both": BOTH_DOORS, **{door.value: frozenset((door,)) for door in Door}}
    if text not in choices:
        raise DeviceError(doing, f"doors is one of {', '.join(choices)}, not {text!r}")
    return choices[text]


def check_contacts(contacts: Iterable[Contact], doors: frozenset[Door], doing: str = "check the wiring") -> None:
    """Whether these contacts make a lane with these doors; raises DeviceError with what is missing or too much."""
    wired = set(contacts)
    for door, (closed, locked) in CONTACTS_OF.items():
        for contact in (closed, locked):
            if door in doors and contact not in wired:
                raise DeviceError(doing, f"{contact.value} is wired to nothing; say {contact.value}=BOARD.NUMBER")
            if door not in doors and contact in wired:
                raise DeviceError(doing, f"{contact.value} is wired, but the lane has no {door.value} door")
    if Contact.EMERGENCY not in wired:
        raise DeviceError(doing, "emergency is wired to nothing; say emergency=BOARD.NUMBER")
    _check_count(wired, doors, doing)


def _check_count(wired: set[Contact], doors: frozenset[Door], doing: str) -> None:
    """Persons are counted in exactly one way; a lane with a single door, which encloses nobody, may do without."""
    bits, sensors = wired.intersection(COUNT_BITS), wired.intersection(PERSON_SENSORS)
    if bits and sensors:
        raise DeviceError(doing, "persons are counted by persons_low and persons_high or by person_1, person_2, …, not by both")
    missing = [contact.value for contact in COUNT_BITS if contact not in bits]
    if (bits and missing) or (not sensors and missing and doors == BOTH_DOORS):
        raise DeviceError(
            doing, f"{missing[0]} is wired to nothing; say {missing[0]}=BOARD.NUMBER, or wire person_1, person_2, …"
        )


def door_state(closed: bool, locked: bool) -> DoorState:
    """What two contacts say about a door; locked without being closed is a contradiction (I8)."""
    if locked:
        return DoorState.LOCKED if closed else DoorState.FAULT
    return DoorState.CLOSED if closed else DoorState.OPEN


def contact_report(active: Mapping[Contact, bool], after_command: int) -> GateReport:
    """The report of named contacts at one moment. A door without contacts is not there: LOCKED, as it never moves."""

    def door(which: Door) -> DoorState:
        closed, locked = CONTACTS_OF[which]
        return door_state(active[closed], active[locked]) if closed in active else DoorState.LOCKED

    def on(contact: Contact) -> bool:
        return active.get(contact, False)

    power = Power.BATTERY if on(Contact.ON_BATTERY) else Power.MAINS
    return GateReport(
        after_command=after_command,
        entry=door(Door.ENTRY),
        exit=door(Door.EXIT),
        persons=on(Contact.PERSONS_LOW) + 2 * on(Contact.PERSONS_HIGH) + sum(on(sensor) for sensor in PERSON_SENSORS),
        emergency=any(on(contact) for contact in EMERGENCIES),
        tamper=on(Contact.TAMPER),
        power=Power.LOW if on(Contact.BATTERY_LOW) else power,
        object_left=on(Contact.OBJECT_LEFT),
        intrusion=on(Contact.INTRUSION),
        obstructed=on(Contact.OBSTRUCTED),
    )


class _Sampled:
    """One contact: its newest samples with their numbers, what enough of them in a row said, and how often it changed."""

    def __init__(self, debounce: int) -> None:
        self._debounce = debounce
        self._newest: deque[tuple[bool, int]] = deque(maxlen=debounce)
        self._changes = 0
        self._steady = 0
        self.settled: bool | None = None
        self.settled_number = UNPROVEN
        self.chatters = False

    @property
    def newest(self) -> bool:
        """What the last sample said."""
        return self._newest[-1][0]

    @property
    def active_lately(self) -> bool:
        """Whether one of the samples that count said active."""
        return any(active for active, _ in self._newest)

    def sample(self, active: bool, number: int) -> None:
        """A further sample, asked for after command `number` was acknowledged."""
        self._watch(bool(self._newest) and active != self.newest)
        self._newest.append((active, number))
        if len(self._newest) == self._debounce and all(said == active for said, _ in self._newest) and not self.chatters:
            self.settled, self.settled_number = active, self._newest[0][1]

    def _watch(self, changed: bool) -> None:
        """Whether it chatters: it begins with many changes in the window, and ends after none for a while."""
        self._changes = (self._changes << 1 | changed) & ((1 << CHATTER_WINDOW) - 1)
        self._steady = 0 if changed else self._steady + 1
        if self._changes.bit_count() >= CHATTER_CHANGES:
            self.chatters = True
        elif self._steady >= STEADY_SAMPLES:
            self.chatters = False


class SettledContacts:
    """The contacts of one lane, wherever they are."""

    def __init__(self, contacts: Mapping[Contact, Point], debounce: int = USUAL_DEBOUNCE) -> None:
        self._places = contacts
        self._debounce = debounce
        self._sampled: dict[Contact, _Sampled] = {}
        self._named: frozenset[Contact] = frozenset()

    @property
    def chattering(self) -> frozenset[Contact]:
        """The contacts that chatter now."""
        return frozenset(contact for contact, known in self._sampled.items() if known.chatters)

    def chatter_news(self) -> tuple[tuple[Contact, bool], ...]:
        """Which contacts began (True) or ceased (False) to chatter since this was asked last: what a log says, once."""
        before, self._named = self._named, self.chattering
        return tuple((contact, contact in self._named) for contact in Contact if contact in before ^ self._named)

    def sample(self, address: int, inputs: tuple[bool, ...], after_command: int) -> None:
        """All inputs of one unit, asked for after that command had been acknowledged; raises DeviceError for too few."""
        for contact, place in self._places.items():
            if place.address != address:
                continue
            if place.index >= len(inputs):
                raise DeviceError("read the contacts", f"the unit has {len(inputs)}, {contact.value} is number {place.index}")
            known = self._sampled.setdefault(contact, _Sampled(self._debounce))
            known.sample(inputs[place.index] != place.inverted, after_command)

    def forget(self, address: int) -> None:
        """A unit fell silent: what it said is no evidence any more."""
        for contact, place in self._places.items():
            if place.address == address:
                self._sampled.pop(contact, None)

    def report(self) -> GateReport | None:
        """The report of all contacts; None while one of them has not settled yet, unless there is an emergency."""
        known = [self._sampled.get(contact) for contact in self._places]
        emergency = any(sampled.active_lately for contact, sampled in self._sampled.items() if contact in EMERGENCIES)
        unsettled = [sampled is None or sampled.settled is None for sampled in known]
        if any(unsettled) and not emergency:
            return None
        number = min((sampled.settled_number for sampled in known if sampled is not None), default=UNPROVEN)
        states = {contact: self._state(contact) for contact in self._places}
        report = replace(contact_report(states, UNPROVEN if any(unsettled) else number), emergency=emergency)
        return self._without_doors(report) if any(unsettled) or self.chattering else report

    def _state(self, contact: Contact) -> bool:
        """What a contact is taken for."""
        known = self._sampled.get(contact)
        if known is None:
            return False
        return known.newest if known.settled is None else known.settled

    def _without_doors(self, report: GateReport) -> GateReport:
        """Nothing is proved of any door that the lane has."""
        entry, exit_ = (CONTACTS_OF[door][0] in self._places for door in Door)
        return replace(report, entry=DoorState.FAULT if entry else report.entry, exit=DoorState.FAULT if exit_ else report.exit)
