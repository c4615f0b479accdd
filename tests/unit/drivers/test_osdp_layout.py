"""What the units of an OSDP line are in words, what their wiring needs, and what cannot be."""

from __future__ import annotations

import pytest

from drivers.gate.contacts import Contact, Point
from drivers.gate.osdp_layout import MOST_UNITS, parse_units
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState
from tests.unit.drivers.osdp_lines import THREE, osdp_line, virtually


def test_units_and_wiring_in_words() -> None:
    assert THREE.locks == {Door.ENTRY: Point(1, 0), Door.EXIT: Point(2, 0)}
    assert THREE.contacts[Contact.EMERGENCY] == Point(3, 0, inverted=True)
    assert THREE.contacts[Contact.ENTRY_LOCKED] == Point(1, 1)
    assert Contact.PERSONS_LOW not in THREE.contacts, "persons are counted in one way"
    assert [THREE.inputs_of(address) for address in (1, 2, 3)] == [2, 2, 7]
    assert [THREE.outputs_of(address) for address in (1, 2, 3)] == [1, 1, 0]
    assert THREE.needed == {1, 2, 3}


def test_a_lane_with_one_door() -> None:
    one = parse_units("5:osdp", "doors=entry")
    assert one.locks == {Door.ENTRY: Point(5, 0)}
    assert Contact.EXIT_CLOSED not in one.contacts

    async def story() -> None:
        async with osdp_line(one) as line:
            assert (await line.first_where(lambda _: True)).exit is DoorState.LOCKED
            with pytest.raises(DeviceError, match="no exit door"):
                await line.gate.unlock(Door.EXIT, 1.0, 1)
            await line.gate.lock(Door.EXIT, 2)
            await line.first_where(lambda report: report.after_command == 2)

    virtually(story())


@pytest.mark.parametrize(
    ("units", "wiring", "problem"),
    [
        ("", "", "1 to 8 units"),
        (" ".join(f"{address}:osdp" for address in range(MOST_UNITS + 1)), "", "1 to 8 units"),
        ("1", "", "is no unit"),
        ("1:waveshare-relay-8", "", "is no unit"),
        ("1:0e6a7e", "", "is no unit"),
        ("127:osdp", "", "not from 0 to 126"),
        ("1:osdp 1:osdp", "", "same address"),
        ("1:osdp", "exit_lock=2.0", "not on this line"),
        ("1:osdp", "exit_lock=1.0", "same place"),
        ("1:osdp", "entry_lock=!1.0", "cannot be inverted"),
        ("1:osdp", "lamp_red=1.5", "its own lamps"),
        ("1:osdp", "emergency=1.64", "at most 64"),
        ("1:osdp", "doors=entry exit_lock=1.1", "no exit door"),
        ("1:osdp" + " " * 1000, "", "at most 1000 characters"),
    ],
)
def test_units_that_cannot_be_are_refused_with_a_sentence(units: str, wiring: str, problem: str) -> None:
    """I14, I3."""
    with pytest.raises(DeviceError, match=problem):
        parse_units(units, wiring)
