"""Lamps, buzzer, further contacts and lanes with one door, over a real pty against the simulated boards."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from drivers.gate.contacts import Contact, Output
from drivers.gate.modbus_boards import PROFILES, Board, parse_layout
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState, GateReport, Lamp, Power, Signal
from egate.ports import GateUnit, Indicator
from tests.unit.drivers.modbus_wires import ONE, boards_wire, first_where
from tests.unit.drivers.wires import run, until

LAMPS_WIRED = "lamp_red=1.2 lamp_amber=1.3 lamp_green=1.4 buzzer=1.5"
LAMP_BOARD = f"{ONE} 2:coils-8"
LAMPS_APART = "lamp_red=2.0 lamp_amber=2.1 lamp_green=2.2 buzzer=2.7"
ONE_DOOR = "doors=exit exit_lock=1.0 exit_closed=1.0 exit_locked=1.1 emergency=1.6"
SENSORS = "1:waveshare-relay-d 2:inputs-16"
SENSORS_WIRED = (
    "person_1=2.0 person_2=2.1 person_3=2.2 emergency_2=!2.3 on_battery=2.4 battery_low=2.5 object_left=2.6 intrusion=2.7 "
    "obstructed=2.8"
)


async def report_where(gate: GateUnit, **wanted: object) -> GateReport:
    """The first report with these fields."""
    async for report in gate.reports():
        if all(getattr(report, name) == value for name, value in wanted.items()):
            return report
    raise AssertionError("unreachable")


@pytest.mark.parametrize(("boards", "wiring"), [(ONE, LAMPS_WIRED), (LAMP_BOARD, LAMPS_APART)])
def test_a_tri_colour_signal(tmp_path: Path, boards: str, wiring: str) -> None:
    """`Indicator.show`: what is shown when it returns is what was asked for; doors stay as they are (I3, I4)."""

    async def story() -> None:
        async with boards_wire(tmp_path, boards, wiring) as (gate, unit, _):
            assert isinstance(gate, Indicator)
            for signal, shown in (
                (Signal(Lamp.GREEN), {Output.LAMP_GREEN}),
                (Signal(Lamp.RED, buzzer=True), {Output.LAMP_RED, Output.BUZZER}),
                (Signal(), set()),
            ):
                await gate.show(signal)
                assert unit.lamps() == shown
            assert unit.latched_orders_seen == 0
            assert await gate.output_states() == {Door.ENTRY: False, Door.EXIT: False}

    run(story())


def test_a_blinking_lamp(tmp_path: Path) -> None:
    async def story() -> None:
        async with boards_wire(tmp_path, ONE, LAMPS_WIRED, speed=4) as (gate, unit, clock):
            await gate.show(Signal(Lamp.AMBER, blinking=True))
            for _ in range(2):
                await until(lambda: unit.lamps() == {Output.LAMP_AMBER}, clock)
                await until(lambda: unit.lamps() == set(), clock)

    run(story())


def test_lamps_come_back_with_their_board(tmp_path: Path) -> None:
    """What a board shows that was away is said to it anew; meanwhile `show` says that it failed, and locks obey (L3)."""

    async def story() -> None:
        async with boards_wire(tmp_path, LAMP_BOARD, LAMPS_APART) as (gate, unit, clock):
            await gate.show(Signal(Lamp.GREEN))
            unit.misbehaviour.silent.add(2)
            await until(lambda: not gate.online, clock)
            with pytest.raises(DeviceError, match="switch the lamps"):
                await gate.show(Signal(Lamp.RED))
            await gate.unlock(Door.ENTRY, 3.0, 1)
            assert [order[:2] for order in unit.boards[1].orders] == [(0, 0x0200)]
            unit.misbehaviour.silent.clear()
            await until(lambda: unit.lamps() == {Output.LAMP_RED}, clock)

    run(story())


def test_lamps_of_a_closed_gate(tmp_path: Path) -> None:
    async def story() -> None:
        async with boards_wire(tmp_path, ONE, LAMPS_WIRED, start=False) as (gate, _, _clock):
            with pytest.raises(DeviceError, match="not there"):
                await gate.show(Signal(Lamp.GREEN))

    run(story())


def test_a_gate_without_lamps_shows_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with boards_wire(tmp_path) as (gate, unit, _):
            await gate.show(Signal(Lamp.GREEN))
            assert unit.boards[1].orders == []

    run(story())


@pytest.mark.parametrize("name", [name for name, profile in PROFILES.items() if profile.outputs])
def test_no_terminal_is_lamp_and_lock(name: str) -> None:
    """I3, I4: the only latched words are a lamp's, and a layout refuses a lamp on a lock's terminal."""
    board = Board(1, PROFILES[name])
    with pytest.raises(DeviceError):
        parse_layout(f"1:{name} 2:inputs-8", "lamp_green=1.0 entry_lock=1.0 exit_lock=1.1")
    if board.profile.latch is None:
        with pytest.raises(DeviceError, match="its outputs are passages"):
            board.lamp_question(0, True)
        return
    on, off = board.lamp_question(3, True).raw, board.lamp_question(3, False).raw
    assert on[:4] == off[:4]
    assert (on[4:6], off[4:6]) in ((b"\xff\x00", b"\x00\x00"), (b"\x01\x00", b"\x02\x00"))


@pytest.mark.parametrize(
    ("contact", "told"),
    [
        (Contact.ON_BATTERY, {"power": Power.BATTERY}),
        (Contact.BATTERY_LOW, {"power": Power.LOW}),
        (Contact.OBJECT_LEFT, {"object_left": True}),
        (Contact.INTRUSION, {"intrusion": True}),
        (Contact.OBSTRUCTED, {"obstructed": True}),
        (Contact.EMERGENCY_2, {"emergency": True}),
    ],
)
def test_further_contacts(tmp_path: Path, contact: Contact, told: dict[str, object]) -> None:
    """I5, I9, I11, P16, P17: each contact on a second board reaches its field of the report, and goes again."""

    async def story() -> None:
        async with boards_wire(tmp_path, SENSORS, SENSORS_WIRED) as (gate, unit, _):
            calm = await report_where(gate)
            unit.switch_contact(contact, True)
            await report_where(gate, **told)
            unit.switch_contact(contact, False)
            assert await report_where(gate, **{name: getattr(calm, name) for name in told}) == calm

    run(story())


def test_presence_sensors_count(tmp_path: Path) -> None:
    """P9, P10: the sum of the places taken."""

    async def story() -> None:
        async with boards_wire(tmp_path, SENSORS, SENSORS_WIRED, speed=3) as (gate, unit, _):
            walk = asyncio.ensure_future(unit.walk_in(2))
            await gate.unlock(Door.ENTRY, 5.0, 1)
            assert await walk
            assert (await report_where(gate, persons=2)).persons == 2

    run(story())


def test_a_contact_that_chatters_is_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """I8: the lane's doors are in fault and the log says which contact it is, one line for the begin and one for the end."""

    async def story() -> None:
        async with boards_wire(tmp_path, SENSORS, SENSORS_WIRED) as (gate, unit, clock):
            active, reports = False, gate.reports()
            async for report in reports:
                active = not active
                unit.switch_contact(Contact.INTRUSION, active)
                if report.entry is DoorState.FAULT:
                    break
            await clock.sleep(0.3)
            unit.switch_contact(Contact.INTRUSION, False)
            await report_where(gate, entry=DoorState.LOCKED, exit=DoorState.LOCKED)

    with caplog.at_level(logging.INFO, "egate.drivers.gate"):
        run(story())
    lines = [record.getMessage() for record in caplog.records if "intrusion" in record.getMessage()]
    assert [line.rsplit("contact ")[-1] for line in lines] == ["intrusion chatters; the lane holds", "intrusion is steady again"]


def test_a_lane_with_one_door(tmp_path: Path) -> None:
    """P1: the other door is not there: locked for ever, never unlocked, and locking it is done at once."""

    async def story() -> None:
        async with boards_wire(tmp_path, ONE, ONE_DOOR, speed=3) as (gate, unit, _):
            with pytest.raises(DeviceError, match="no entry door"):
                await gate.unlock(Door.ENTRY, 3.0, 1)
            await gate.lock(Door.ENTRY, 2)
            assert (await first_where(gate, newer=2)).entry is DoorState.LOCKED
            await gate.unlock(Door.EXIT, 3.0, 3)
            assert (await first_where(gate, exit_=DoorState.CLOSED, newer=3)).entry is DoorState.LOCKED
            await gate.lock(Door.EXIT, 4)
            await first_where(gate, exit_=DoorState.LOCKED, newer=4)
            assert unit.boards[1].orders == [(0, 0x0200, 30), (0, 0, 0)]

    run(story())


@pytest.mark.parametrize(
    ("boards", "wiring", "problem"),
    [
        (ONE, f"{ONE_DOOR} entry_lock=1.1", "the lane has no entry door"),
        (ONE, f"{ONE_DOOR} entry_closed=1.2", "the lane has no entry door"),
        ("1:waveshare-relay-8 2:inputs-8", "doors=entry entry_locked=2.9", "no input 9"),
        ("1:inputs-16", "doors=entry", "entry_lock is wired to nothing"),
        (ONE, "lamp_red=!1.2", "cannot be inverted"),
        (ONE, "lamp_red=1.1", "same place"),
        (ONE, "lamp_red=1.8", "no output 8"),
        (ONE, "person_1=1.2", "same place"),
        (f"{ONE} 2:inputs-8", "person_1=2.0 persons_low=2.1", "not by both"),
    ],
)
def test_layouts_that_cannot_be(boards: str, wiring: str, problem: str) -> None:
    """I14."""
    with pytest.raises(DeviceError, match=problem):
        parse_layout(boards, wiring)


def test_a_usual_tamper_contact_gives_way() -> None:
    """Its terminal may carry something else; what safety needs may not be covered like that."""
    layout = parse_layout(ONE, "on_battery=1.7")
    assert Contact.TAMPER not in layout.contacts
    assert layout.contacts[Contact.ON_BATTERY].index == 7
