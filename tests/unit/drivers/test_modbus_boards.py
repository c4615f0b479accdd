"""Board profiles and their wiring: what is said to each make, and which descriptions are refused."""

from __future__ import annotations

import pytest

from drivers.gate.contacts import USUAL_CONTACTS, Contact, Point, SettledContacts
from drivers.gate.modbus_boards import PROFILES, Board, board_profile, parse_layout
from drivers.gate.modbus_protocol import with_crc
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState

WORDS_FOR_ON = {"waveshare": "05 02", "delay-register": "06 00"}
RESTING = (True, True, True, True, False, False, False, False)


@pytest.mark.parametrize(
    ("name", "output", "lease_s", "wire"),
    [
        # Waveshare's own examples: 700 ms on relay 0, 800 ms on relay 1
        ("waveshare-relay-8", 0, 0.7, "01 05 02 00 00 07 8D B0"),
        ("waveshare-relay-d", 1, 0.8, "01 05 02 01 00 08 9C 74"),
        ("delay-register-8", 0, 10.0, "01 06 00 01 06 0A 5B AD"),
    ],
)
def test_golden_pulses(name: str, output: int, lease_s: float, wire: str) -> None:
    assert Board(1, board_profile(name)).unlock_question(output, lease_s).raw == bytes.fromhex(wire)


@pytest.mark.parametrize("lease_s", [1.0, 1.05, 2.9, 9.99, 10.0])
@pytest.mark.parametrize("name", [name for name, profile in PROFILES.items() if profile.pulse and profile.pulse.time])
def test_a_time_that_stands_elsewhere_is_set_before(name: str, lease_s: float) -> None:
    """I3, I4: a permission is for one passage, and the time that ends it is no longer than the lease."""
    board = Board(1, PROFILES[name])
    time = board.time_question(lease_s)
    assert time is not None
    assert 0 < int.from_bytes(time.raw[7:9], "big") * PROFILES[name].pulse.unit_s <= lease_s  # type: ignore[union-attr]  # it has one
    for output in range(board.profile.outputs):
        assert board.unlock_question(output, lease_s).raw[7:9] == b"\x00\x01"


@pytest.mark.parametrize("name", [name for name, profile in PROFILES.items() if profile.pulse and not profile.pulse.time])
def test_no_profile_has_a_word_for_on(name: str) -> None:
    """I3, I4: over all leases and outputs an unlock is a timed order of at most 10 s, never FF00h, never a toggle."""
    board = Board(1, PROFILES[name])
    pulse = board.profile.pulse
    assert pulse is not None
    for output in range(board.profile.outputs):
        for tenths in range(1, 101):
            lease_s = tenths / 10
            if lease_s < pulse.unit_s:
                continue
            raw = board.unlock_question(output, lease_s).raw
            address, value = int.from_bytes(raw[2:4], "big"), int.from_bytes(raw[4:6], "big")
            timed = (0x0200 + output, value) if name.startswith("waveshare") else (1 + output, 0x0600 | value & 0xFF)
            assert (address, value) == timed
            units = value if name.startswith("waveshare") else value & 0xFF
            assert 0 < units * pulse.unit_s <= lease_s + 1e-9
        assert board.lock_question(output).raw[4:6] in (b"\x00\x00", b"\x02\x00")


def test_time_spent_is_taken_off_the_lease() -> None:
    relay, delay = Board(1, PROFILES["waveshare-relay-8"]), Board(1, PROFILES["delay-register-8"])
    assert relay.unlock_question(0, 3.0, 0.04).raw[5] == 30
    assert relay.unlock_question(0, 3.0, 0.3).raw[5] == 27
    assert delay.unlock_question(0, 3.0, 0.04).raw[5] == 3
    assert delay.unlock_question(0, 3.0, 0.3).raw[5] == 2
    with pytest.raises(DeviceError, match="did not acknowledge"):
        relay.unlock_question(0, 0.5, 0.6)


@pytest.mark.parametrize("lease_s", [0.0, -3.0, 0.09, 10.01, 1e9, float("inf"), float("nan")])
def test_leases_beyond_the_limits(lease_s: float) -> None:
    """I3."""
    with pytest.raises(DeviceError, match=r"0\.1 to 10 s"):
        Board(1, PROFILES["waveshare-relay-8"]).unlock_question(0, lease_s)


def test_a_board_without_timed_outputs_unlocks_nothing() -> None:
    with pytest.raises(DeviceError, match="it has none"):
        Board(1, PROFILES["inputs-8"]).unlock_question(0, 3.0)


def test_relays_are_read_as_each_make_shows_them() -> None:
    relay, delay = Board(1, PROFILES["waveshare-relay-8"]), Board(1, PROFILES["delay-register-4"])
    assert relay.parse_outputs([with_crc(b"\x01\x01\x01\x05")])[:3] == (True, False, True)
    assert delay.parse_outputs([with_crc(b"\x01\x03\x08" + bytes((0, 0, 0, 1, 0, 0, 0, 0)))]) == (False, True, False, False)


def test_every_profile_names_its_source() -> None:
    assert all(len(profile.source) > 20 and name == profile.name for name, profile in PROFILES.items())


def test_the_usual_wiring() -> None:
    layout = parse_layout("1:waveshare-relay-8 2:inputs-8")
    assert layout.locks == {Door.ENTRY: Point(1, 0), Door.EXIT: Point(1, 1)}
    assert layout.contacts == {contact: Point(2, index) for index, contact in enumerate(USUAL_CONTACTS)}
    one = parse_layout("17:waveshare-relay-d", "exit_lock=17.7 emergency=!17.6")
    assert one.locks[Door.EXIT] == Point(17, 7)
    assert one.contacts[Contact.EMERGENCY] == Point(17, 6, inverted=True)


@pytest.mark.parametrize(
    ("boards", "wiring", "problem"),
    [
        ("", "", "1 to 8 boards, not 0"),
        (" ".join(f"{address}:inputs-8" for address in range(1, 10)), "", "1 to 8 boards, not 9"),
        ("waveshare-relay-d", "", "is no board"),
        ("x:inputs-8", "", "is no board"),
        ("0:inputs-8", "", "address 0 is not from 1 to 247"),
        ("248:inputs-8", "", "address 248"),
        ("1:abacus", "", "no profile 'abacus'; known: waveshare-relay-8"),
        ("1:inputs-8 1:waveshare-relay-8", "", "same address"),
        ("1:waveshare-relay-8", "", "entry_closed is wired to nothing"),
        ("1:inputs-16", "", "entry_lock is wired to nothing"),
        ("1:inputs-8", "entry_lock=1.0 exit_lock=1.1", "a lock must never be latched"),
        ("1:waveshare-relay-d", "exit_lock=1.8", "has no output 8"),
        ("1:waveshare-relay-d", "emergency=1.8", "has no input 8"),
        ("1:waveshare-relay-d", "emergency=2.0", "board 2, which is not on this line"),
        ("1:waveshare-relay-d", "exit_lock=1.0", "same place"),
        ("1:waveshare-relay-d", "tamper=1.0", "same place"),
        ("1:waveshare-relay-d", "exit_lock=!1.1", "cannot be inverted"),
        ("1:waveshare-relay-d", "window=1.1", "is no wiring"),
        ("1:waveshare-relay-d", "emergency", "is no wiring"),
        ("1:waveshare-relay-d", "emergency=1.٣", "is no wiring"),
        ("1:waveshare-relay-d", "emergency=1.6 emergency=1.6", "wired twice"),
    ],
)
def test_descriptions_that_cannot_be(boards: str, wiring: str, problem: str) -> None:
    """I14."""
    with pytest.raises(DeviceError, match=problem):
        parse_layout(boards, wiring)


def settled() -> SettledContacts:
    """Contacts of one board that were sampled twice at rest, before any order."""
    contacts = SettledContacts(parse_layout("1:waveshare-relay-d").contacts)
    for _ in range(2):
        contacts.sample(1, RESTING, 0)
    return contacts


def test_one_sample_is_no_report() -> None:
    contacts = SettledContacts(parse_layout("1:waveshare-relay-d").contacts)
    assert contacts.report() is None
    contacts.sample(1, RESTING, 0)
    assert contacts.report() is None
    contacts.sample(1, RESTING, 0)
    assert contacts.report() is not None


def test_a_bounce_moves_nothing() -> None:
    """Debounce: what one sample says and the next takes back never happened."""
    contacts = settled()
    contacts.sample(1, (False, False, *RESTING[2:]), 0)
    report = contacts.report()
    assert report is not None
    assert report.entry is DoorState.LOCKED
    contacts.sample(1, RESTING, 0)
    contacts.sample(1, RESTING, 0)
    assert contacts.report() == report


def test_evidence_is_as_old_as_the_older_of_two_samples() -> None:
    """I2: one answer after the acknowledgement, which may be a late one, proves nothing; two do."""
    contacts = settled()
    for wanted in (0, 7):
        contacts.sample(1, RESTING, 7)
        report = contacts.report()
        assert report is not None
        assert report.after_command == wanted


def test_a_chattering_contact_never_becomes_evidence() -> None:
    """I8: the lane waits for evidence that does not come, and calls the officer."""
    contacts = settled()
    for number in range(1, 50):
        contacts.sample(1, (True, number % 2 == 0, *RESTING[2:]), number)
        report = contacts.report()
        assert report is not None
        assert report.after_command == 0


def test_the_emergency_counts_at_once() -> None:
    """I5; its end has to be said twice."""
    contacts = settled()
    told = []
    for active in (True, True, False, False):
        contacts.sample(1, (*RESTING[:6], active, False), 0)
        report = contacts.report()
        assert report is not None
        told.append(report.emergency)
    assert told == [True, True, True, False]


def test_a_silent_board_is_forgotten() -> None:
    contacts = settled()
    contacts.forget(2)
    assert contacts.report() is not None
    contacts.forget(1)
    assert contacts.report() is None
