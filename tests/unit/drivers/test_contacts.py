"""Contacts of any wire: their names, how they settle, and the reports that they make."""

from __future__ import annotations

import pytest

from drivers.gate.contacts import (
    BOTH_DOORS,
    CHATTER_CHANGES,
    STEADY_SAMPLES,
    USUAL_CONTACTS,
    Contact,
    Point,
    SettledContacts,
    check_contacts,
    contact_report,
    parse_wiring,
)
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState, Power

RESTING = {contact: contact in USUAL_CONTACTS[:4] for contact in USUAL_CONTACTS}
FURTHER = (Contact.ON_BATTERY, Contact.BATTERY_LOW, Contact.OBJECT_LEFT, Contact.INTRUSION, Contact.OBSTRUCTED)


class Panel:
    """Contacts on one unit, number by number in the order given, and what they say now."""

    def __init__(self, *further: Contact, debounce: int = 2, without: tuple[Contact, ...] = ()) -> None:
        self.order = tuple(contact for contact in (*USUAL_CONTACTS, *further) if contact not in without)
        self.contacts = SettledContacts({contact: Point(1, place) for place, contact in enumerate(self.order)}, debounce)
        self.active = {contact: RESTING.get(contact, False) for contact in self.order}

    def sample(self, number: int = 0, times: int = 1, **changes: bool) -> None:
        """Some samples, all alike."""
        self.active |= {Contact(name): active for name, active in changes.items()}
        for _ in range(times):
            self.contacts.sample(1, tuple(self.active[contact] for contact in self.order), number)

    def chatter(self, contact: Contact, changes: int) -> None:
        """A contact that says something else in each sample."""
        for _ in range(changes):
            self.sample(**{contact.value: not self.active[contact]})


@pytest.mark.parametrize(
    ("contact", "told"),
    [
        (Contact.ON_BATTERY, {"power": Power.BATTERY}),
        (Contact.BATTERY_LOW, {"power": Power.LOW}),
        (Contact.OBJECT_LEFT, {"object_left": True}),
        (Contact.INTRUSION, {"intrusion": True}),
        (Contact.OBSTRUCTED, {"obstructed": True}),
        (Contact.EMERGENCY, {"emergency": True}),
        (Contact.EMERGENCY_2, {"emergency": True}),
        (Contact.TAMPER, {"tamper": True}),
        (Contact.PERSONS_LOW, {"persons": 1}),
        (Contact.PERSONS_HIGH, {"persons": 2}),
        (Contact.PERSON_1, {"persons": 1}),
        (Contact.PERSON_6, {"persons": 1}),
    ],
)
def test_what_each_contact_means(contact: Contact, told: dict[str, object]) -> None:
    """Each changes its own field of the report and no other (I9, I11, P16, P17)."""
    resting = contact_report(RESTING, 3)
    report = contact_report({**RESTING, contact: True}, 3)
    differs = {name: getattr(report, name) for name in report.__slots__ if getattr(report, name) != getattr(resting, name)}
    assert differs == told


def test_a_low_battery_outranks_a_battery() -> None:
    """I11: a supply that opens both contacts is low."""
    assert contact_report({**RESTING, Contact.ON_BATTERY: True, Contact.BATTERY_LOW: True}, 0).power is Power.LOW


def test_presence_sensors_add_up() -> None:
    """P9: two of three places taken are two persons."""
    panel = Panel(Contact.PERSON_1, Contact.PERSON_2, Contact.PERSON_3, without=(Contact.PERSONS_LOW, Contact.PERSONS_HIGH))
    panel.sample(times=2, person_1=True, person_3=True)
    report = panel.contacts.report()
    assert report is not None
    assert report.persons == 2


@pytest.mark.parametrize("name", ["emergency", "emergency_2"])
def test_any_emergency_contact_counts_at_once(name: str) -> None:
    """I5; never debounced, however patient the others are."""
    panel = Panel(Contact.EMERGENCY_2, debounce=5)
    panel.sample(times=5)
    panel.sample(**{name: True})
    report = panel.contacts.report()
    assert report is not None
    assert report.emergency
    panel.sample(times=4, **{name: False})
    still = panel.contacts.report()
    assert still is not None
    assert still.emergency
    panel.sample()
    over = panel.contacts.report()
    assert over is not None
    assert not over.emergency


def test_an_emergency_is_told_before_the_others_have_settled() -> None:
    """I5, I2: it counts, and proves no door."""
    panel = Panel()
    panel.sample(number=4, emergency=True)
    report = panel.contacts.report()
    assert report is not None
    assert report.emergency
    assert (report.entry, report.exit, report.after_command) == (DoorState.FAULT, DoorState.FAULT, 0)


@pytest.mark.parametrize("debounce", [2, 3, 10])
def test_as_many_samples_as_are_configured(debounce: int) -> None:
    """What one sample fewer says never happened; evidence is as old as the oldest of those that count (I2)."""
    panel = Panel(debounce=debounce)
    panel.sample(times=debounce - 1)
    assert panel.contacts.report() is None
    panel.sample()
    panel.sample(times=debounce - 1, entry_locked=False)
    report = panel.contacts.report()
    assert report is not None
    assert report.entry is DoorState.LOCKED
    panel.sample()
    moved = panel.contacts.report()
    assert moved is not None
    assert moved.entry is DoorState.CLOSED
    for number in range(1, debounce + 1):
        panel.sample(number=number)
    newer = panel.contacts.report()
    assert newer is not None
    assert newer.after_command == 1


@pytest.mark.parametrize("contact", [Contact.ENTRY_LOCKED, Contact.PERSONS_LOW, Contact.TAMPER])
def test_a_contact_that_chatters_holds_the_lane(contact: Contact) -> None:
    """I8: no door is proved, the evidence grows no younger, the log hears of it once, until it has been steady."""
    panel = Panel()
    panel.sample(times=2)
    panel.chatter(contact, CHATTER_CHANGES - 1)
    assert panel.contacts.chatter_news() == ()
    panel.chatter(contact, 1)
    assert panel.contacts.chatter_news() == ((contact, True),)
    panel.sample(number=9, times=STEADY_SAMPLES - 1)
    report = panel.contacts.report()
    assert report is not None
    assert (report.entry, report.exit, report.after_command) == (DoorState.FAULT, DoorState.FAULT, 0)
    assert panel.contacts.chatter_news() == ()
    panel.sample(number=9, times=2, **{contact.value: RESTING[contact]})
    assert panel.contacts.chatter_news() == ((contact, False),)
    calm = panel.contacts.report()
    assert calm is not None
    assert (calm.entry, calm.exit, calm.after_command) == (DoorState.LOCKED, DoorState.LOCKED, 9)


def test_a_slow_chatter_is_seen_too() -> None:
    """I8: a contact that says everything twice would settle each time."""
    panel = Panel()
    panel.sample(times=2)
    for number in range(CHATTER_CHANGES):
        panel.sample(times=2, persons_high=number % 2 == 0)
    assert panel.contacts.chattering == {Contact.PERSONS_HIGH}


def test_an_emergency_contact_that_chatters_is_an_emergency() -> None:
    """I5 before I8."""
    panel = Panel()
    panel.sample(times=2)
    for _ in range(20):
        panel.chatter(Contact.EMERGENCY, 1)
        report = panel.contacts.report()
        assert report is not None
        assert report.emergency


def test_a_door_that_is_not_there_is_locked() -> None:
    """P1: a lane with one door; a contact that chatters puts only the door that exists into doubt."""
    panel = Panel(without=(Contact.EXIT_CLOSED, Contact.EXIT_LOCKED))
    panel.sample(times=2, entry_locked=False)
    report = panel.contacts.report()
    assert report is not None
    assert (report.entry, report.exit) == (DoorState.CLOSED, DoorState.LOCKED)
    panel.chatter(Contact.TAMPER, CHATTER_CHANGES)
    doubted = panel.contacts.report()
    assert doubted is not None
    assert (doubted.entry, doubted.exit) == (DoorState.FAULT, DoorState.LOCKED)


def test_contacts_may_be_normally_closed() -> None:
    contacts = SettledContacts({contact: Point(1, place, inverted=True) for place, contact in enumerate(USUAL_CONTACTS)})
    for _ in range(2):
        contacts.sample(1, tuple(not RESTING[contact] for contact in USUAL_CONTACTS), 0)
    assert contacts.report() == contact_report(RESTING, 0)


def test_a_unit_with_too_few_inputs_is_said_so() -> None:
    with pytest.raises(DeviceError, match="the unit has 3, exit_locked is number 3"):
        SettledContacts({Contact.EXIT_LOCKED: Point(1, 3)}).sample(1, (True,) * 3, 0)


def test_a_wiring() -> None:
    wiring = parse_wiring("on_battery=!2.15 lamp_red=1.2  debounce=3 doors=entry")
    assert wiring.points == {"on_battery": Point(2, 15, inverted=True), "lamp_red": Point(1, 2)}
    assert (wiring.debounce, wiring.doors) == (3, frozenset({Door.ENTRY}))
    assert (parse_wiring("").debounce, parse_wiring("").doors) == (2, BOTH_DOORS)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("debounce=1", "debounce is 2 to 10"),
        ("debounce=11", "debounce is 2 to 10"),
        ("debounce=-3", "debounce is 2 to 10"),
        ("debounce=٣", "debounce is 2 to 10"),
        ("debounce=2 debounce=3", "wired twice"),
        ("doors=none", "doors is one of both, entry, exit"),
        ("person_7=1.0", "is no wiring"),
        ("light_barrier=1.0", "is no wiring"),
        ("tamper=!!1.0", "is no wiring"),
        ("tamper=1.0 " * 91, "at most 1000 characters"),
    ],
)
def test_wirings_that_cannot_be(text: str, problem: str) -> None:
    """I14."""
    with pytest.raises(DeviceError, match=problem):
        parse_wiring(text)


@pytest.mark.parametrize(
    ("contacts", "doors", "problem"),
    [
        (set(USUAL_CONTACTS) - {Contact.EMERGENCY}, BOTH_DOORS, "emergency is wired to nothing"),
        (set(USUAL_CONTACTS) - {Contact.EXIT_LOCKED}, BOTH_DOORS, "exit_locked is wired to nothing"),
        (set(USUAL_CONTACTS) - {Contact.PERSONS_HIGH}, BOTH_DOORS, "persons_high is wired to nothing"),
        ({*USUAL_CONTACTS, Contact.PERSON_1}, BOTH_DOORS, "not by both"),
        (set(USUAL_CONTACTS), frozenset({Door.ENTRY}), "the lane has no exit door"),
        ({*USUAL_CONTACTS[4:]}, frozenset({Door.EXIT}), "exit_closed is wired to nothing"),
    ],
)
def test_contacts_that_make_no_lane(contacts: set[Contact], doors: frozenset[Door], problem: str) -> None:
    """I14, I8: what must be seen is wired."""
    with pytest.raises(DeviceError, match=problem):
        check_contacts(contacts, doors)


def test_contacts_that_make_a_lane() -> None:
    check_contacts(USUAL_CONTACTS, BOTH_DOORS)
    check_contacts((*USUAL_CONTACTS[:4], Contact.EMERGENCY, Contact.PERSON_1, *FURTHER), BOTH_DOORS)
    check_contacts((*USUAL_CONTACTS[:2], Contact.EMERGENCY), frozenset({Door.ENTRY}))
