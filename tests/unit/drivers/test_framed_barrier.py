"""Boards with one barrier as the one door of a lane: the shipped speed gate over a real pty, and what profiles may not say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drivers.gate.contacts import Output
from drivers.gate.framed_barrier import wired
from drivers.gate.framed_model import FramedProfile
from drivers.gate.framed_profile import load_profile, parse_profile, shipped_profiles
from drivers.gate.framed_protocol import check_bytes, decode_answer, encode_question, gate_report
from drivers.sim.framed_board import encode_answer
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState, GateReport, Lamp, Power, Signal
from egate.ports import Indicator
from tests.unit.drivers.framed_boards import board_wire, example, example_text
from tests.unit.drivers.wires import run, until

SPEED_GATE = "speed-gate-7e"
CALM = {"closed": 1, "locked": 1}


def changed(*changes: tuple[str, str]) -> FramedProfile:
    """The speed gate's profile with pieces of its text replaced."""
    text = shipped_profiles()[SPEED_GATE].read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_profile(text.encode())


def report_of(profile: FramedProfile, **signals: int) -> GateReport:
    """What the driver makes of a status frame with these signals."""
    answer = decode_answer(profile, encode_answer(profile, "status", 1, 0, {**CALM, **signals}))
    return gate_report(profile, {"status": answer}, 0)


@pytest.mark.parametrize(
    ("wiring", "door", "release"),
    [("", Door.EXIT, "open_left"), ("exit=right", Door.EXIT, "open_right"), ("entry=left", Door.ENTRY, "open_left")],
)
def test_a_passage_through_a_speed_gate(tmp_path: Path, wiring: str, door: Door, release: str) -> None:
    """P1, I3, I7: the time is set before the release, the release is for one person, and the barrier closes by itself."""

    async def story() -> None:
        profile = wired(load_profile(SPEED_GATE), wiring)
        async with board_wire(tmp_path, profile=profile, speed=3) as (gate, unit, clock):
            leaf = unit.mantrap.leaf(door)
            await gate.unlock(door, 1.0, 1)
            await until(lambda: not leaf.locked, clock)
            await until(lambda: leaf.locked, clock)
            await gate.unlock(door, 3.0, 2)
            walk = asyncio.ensure_future(unit.mantrap.walk_in() if door is Door.ENTRY else unit.mantrap.walk_out_exit(1))
            assert await walk
            await gate.lock(door, 3)
            assert unit.board.orders == [
                *(("standard_opening", 0.0), ("one_card_one_person", 0.0)),
                *(("stay_open", 1.0), (release, 0.0), ("stay_open", 3.0), (release, 0.0), ("close", 0.0)),
            ]

    run(story())


def test_a_known_time_is_not_set_again(tmp_path: Path) -> None:
    """A parameter is kept in memory that wears; another session knows nothing of it (L2)."""

    async def story() -> None:
        async with board_wire(tmp_path, profile=load_profile(SPEED_GATE)) as (gate, unit, clock):
            await gate.unlock(Door.EXIT, 3.0, 1)
            await gate.unlock(Door.EXIT, 3.0, 2)
            assert [name for name, _ in unit.board.orders].count("stay_open") == 1
            unit.unplug()
            await until(lambda: not gate.online, clock)
            unit.plug()
            await until(lambda: gate.online, clock)
            await gate.unlock(Door.EXIT, 3.0, 3)
            names = [name for name, _ in unit.board.orders]
            assert (names.count("stay_open"), names.count("one_card_one_person")) == (2, 2)

    run(story())


def test_the_door_that_is_not_there(tmp_path: Path) -> None:
    """P1, I1: locked for ever; it is never unlocked, and locking it is done at once."""

    async def story() -> None:
        async with board_wire(tmp_path, profile=load_profile(SPEED_GATE)) as (gate, unit, _):
            before = list(unit.board.orders)
            with pytest.raises(DeviceError, match="the lane has no entry door"):
                await gate.unlock(Door.ENTRY, 3.0, 1)
            await gate.lock(Door.ENTRY, 2)
            assert unit.board.orders == before
            async for report in gate.reports():
                assert report.entry is DoorState.LOCKED
                if report.after_command == 2:
                    break

    run(story())


@pytest.mark.parametrize("lease_s", [0.5, 0.0, -1.0, 10.5, float("inf")])
def test_leases_that_a_barrier_cannot_keep(tmp_path: Path, lease_s: float) -> None:
    """I3."""

    async def story() -> None:
        async with board_wire(tmp_path, profile=load_profile(SPEED_GATE)) as (gate, _, _clock):
            with pytest.raises(DeviceError, match="cannot be ordered"):
                await gate.unlock(Door.EXIT, lease_s, 1)

    run(story())


def test_what_the_status_frame_says() -> None:
    """I5, I8, P16: fire, fault, alarm, and a state without a word; the missing door stays locked through all of them."""
    profile = load_profile(SPEED_GATE)
    assert report_of(profile) == GateReport(0, DoorState.LOCKED, DoorState.LOCKED, 0)
    assert report_of(profile, intrusion=1).intrusion
    fire = report_of(profile, closed=0, locked=0, emergency=1)
    assert (fire.emergency, fire.exit, fire.entry) == (True, DoorState.OPEN, DoorState.LOCKED)
    broken = report_of(profile, fault=1)
    assert (broken.exit, broken.entry) == (DoorState.FAULT, DoorState.LOCKED)


@pytest.mark.parametrize(
    ("gate", "state"),
    [
        (0, DoorState.LOCKED),
        (1, DoorState.OPEN),
        (2, DoorState.OPEN),
        (3, DoorState.OPEN),
        (4, DoorState.OPEN),
        (5, DoorState.FAULT),
    ],
)
def test_each_state_of_the_barrier(gate: int, state: DoorState) -> None:
    """Only a closed barrier is a locked door; a state that nobody published is a fault (I8)."""
    profile = load_profile(SPEED_GATE)
    body = bytes((0x7F, 1, 1, 0, gate, *bytes(12)))
    framing = profile.answer
    assert framing is not None
    answer = decode_answer(profile, body + check_bytes(framing.checksum, body))
    assert gate_report(profile, {"status": answer}, 0).exit is state


def test_the_time_is_whole_seconds() -> None:
    profile = load_profile(SPEED_GATE)
    raw = encode_question(profile, profile.orders["stay_open"], 1, lease_s=3.99)
    assert raw == bytes.fromhex("7E 00 01 96 02 03 00 E5")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('limit = "stay_open"', "", r"orders.unlock_exit has no \{time\}: .*\(I3, I7\)"),
        ('limit = "stay_open"', 'limit = "close"', r"barrier.limit is orders.close, which has no \{time\}"),
        ('limit = "stay_open"', 'limit = "wait"', "the order 'wait' is not described"),
        ('left = "open_left"', 'left = "close"', r"the same: .*\(I1\)"),
        ('emergency = { field = "status.gate", is = ["04"] }', "", r"no signals.emergency: .*\(I5\)"),
        ('locked = { field = "status.gate", is = ["00"] }', "", r"no signals.locked: .*\(I2\)"),
        ('closed = { field = "status.gate", is = ["00"] }\n', "", r"no signals.closed: .*\(I2\)"),
        ("\nclosed = {", "\nexit_closed = {", "signals.exit_closed cannot be with"),
        ("\nclose = {", "\nlock_exit = {", "the order 'close' is not described"),
        ("\nforbid_left = {", "\nlock_exit = {", r"orders.lock_exit cannot be with \[barrier\]"),
        ('96 01 01 00", acknowledge = "status"', '96 01 01 00"', "orders.standard_opening has no acknowledge"),
        ('["standard_opening", "one_card_one_person"]', "[1]", "must be a list of orders' names"),
    ],
)
def test_a_barrier_that_is_not_safe_is_refused(old: str, new: str, problem: str) -> None:
    """I14."""
    with pytest.raises(DeviceError, match=problem):
        changed((old, new))


@pytest.mark.parametrize("text", ["exit", "exit=up", "window=left", "exit=left entry=right", "exit=left;"])
def test_wirings_of_a_barrier_that_cannot_be(text: str) -> None:
    with pytest.raises(DeviceError, match="write exit=left"):
        wired(load_profile(SPEED_GATE), text)


def test_a_board_with_two_doors_is_not_wired_as_one() -> None:
    with pytest.raises(DeviceError, match="two doors"):
        wired(example(), "exit=left")


LAMP_ORDERS = "".join(
    f'[orders.{name}_{state}]\nbody = "{{length}} {{address}} {{sequence}} 04 {place:02X} {on:02X}"\nacknowledge = "done"\n'
    'refuse = "refused"\n'
    for place, name in enumerate(("lamp_red", "lamp_green", "buzzer"))
    for on, state in enumerate(("off", "on"))
)


def with_lamps() -> FramedProfile:
    """The documentation's board with a red and a green lamp and a buzzer, and further signals."""
    further = "".join(
        f'{name} = {{ field = "state.contacts", bit = {bit} }}\n' for name, bit in (("battery_low", 6), ("object_left", 7))
    )
    return parse_profile(example_text().replace("[signals]\n", f"{LAMP_ORDERS}\n[signals]\n{further}").encode())


def test_lamps_of_a_framed_board(tmp_path: Path) -> None:
    """`Indicator.show`; a lamp that the board has not shows nothing, and no order for a door is sent."""

    async def story() -> None:
        async with board_wire(tmp_path, profile=with_lamps()) as (gate, unit, _):
            assert isinstance(gate, Indicator)
            await gate.show(Signal(Lamp.GREEN, buzzer=True))
            assert unit.lit == {Output.LAMP_GREEN.value, Output.BUZZER.value}
            await gate.show(Signal(Lamp.AMBER))
            assert unit.lit == set()
            assert {name.partition("_")[0] for name, _ in unit.board.orders} == {"lamp", "buzzer"}

    run(story())


def test_a_refused_lamp_is_the_callers_trouble(tmp_path: Path) -> None:
    """The doors stay in service."""

    async def story() -> None:
        async with board_wire(tmp_path, profile=with_lamps()) as (gate, unit, _):
            unit.board.refusing = True
            with pytest.raises(DeviceError, match="refuses"):
                await gate.show(Signal(Lamp.RED))
            assert gate.online
            unit.board.refusing = False
            await gate.show(Signal(Lamp.RED))
            assert unit.lit == {"lamp_red"}

    run(story())


def test_a_lamp_that_cannot_be_put_out_is_refused() -> None:
    with pytest.raises(DeviceError, match=r"orders\.buzzer_on and orders\.buzzer_off belong together"):
        parse_profile(example_text().replace("[signals]\n", LAMP_ORDERS.replace("buzzer_off", "other") + "[signals]\n").encode())


def test_further_signals_of_a_framed_board() -> None:
    """I11, P17."""
    profile = with_lamps()
    signals = {"entry_closed": 1, "entry_locked": 1, "exit_closed": 1, "exit_locked": 1, "identity": 1}
    raw = encode_answer(profile, "state", 1, 1, {**signals, "battery_low": 1, "object_left": 1})
    report = gate_report(profile, {"state": decode_answer(profile, raw)}, 0)
    assert (report.power, report.object_left, report.entry) == (Power.LOW, True, DoorState.LOCKED)
