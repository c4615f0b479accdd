"""The Modbus gate driver over a real pty against the simulated boards: walks, losses, noise, echoes, evidence."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from drivers.gate.modbus import ModbusConfig, ModbusGate
from drivers.gate.modbus_boards import parse_layout
from drivers.gate.modbus_protocol import write_coil
from drivers.sim.modbus_board import SimulatedModbusGate
from drivers.sim.pty import FaultLink, FaultRates
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState
from egate.ports import GateUnit
from tests.unit.drivers.modbus_wires import DELAYS, ONE, SEVERAL, SEVERAL_WIRED, boards_wire, first_where, raised
from tests.unit.drivers.wires import TestClock, link_to, online, run, until


@pytest.mark.parametrize(
    ("boards", "wiring", "baud", "echo"),
    [
        (ONE, "", 9600, True),
        (SEVERAL, SEVERAL_WIRED, 38_400, True),
        (DELAYS, "", 115_200, False),
    ],
)
def test_a_whole_passage(tmp_path: Path, boards: str, wiring: str, baud: int, echo: bool) -> None:
    """In by the entry, out by the exit; timed orders only, the hard-wired interlock is never needed (I1, I3, I4)."""

    async def story() -> None:
        async with boards_wire(tmp_path, boards, wiring, baud=baud, echo=echo, speed=3) as (gate, unit, _):
            as_port: GateUnit = gate
            assert online(as_port)
            assert (await first_where(gate)).entry is DoorState.LOCKED
            walk = asyncio.ensure_future(unit.walk_in())
            await gate.unlock(Door.ENTRY, 4.0, 1)
            assert (await first_where(gate, newer=1)).entry is not DoorState.LOCKED, "a leased door is no locked door"
            assert await walk
            await gate.lock(Door.ENTRY, 2)
            locked = await first_where(gate, entry=DoorState.LOCKED, newer=2)
            assert locked.persons == 1
            walk = asyncio.ensure_future(unit.walk_out_exit())
            await gate.unlock(Door.EXIT, 4.0, 3)
            assert await walk
            await gate.lock(Door.EXIT, 4)
            assert (await first_where(gate, exit_=DoorState.LOCKED, newer=4)).persons == 0
            assert unit.latched_orders_seen == 0
            assert not unit.both_unlocked_seen
            assert unit.interlock_refusals == 0
            assert gate.line.echoes is echo

    run(story())


def test_the_bytes_of_a_passage(tmp_path: Path) -> None:
    """I3, I4: the only words for a lock are 02nn with a time, and off."""

    async def story() -> None:
        async with boards_wire(tmp_path) as (gate, unit, _):
            await gate.unlock(Door.ENTRY, 3.0, 1)
            await gate.lock(Door.ENTRY, 2)
            await gate.unlock(Door.EXIT, 2.5, 3)
            await gate.lock(Door.EXIT, 4)
            assert unit.boards[1].orders == [(0, 0x0200, 30), (0, 0, 0), (1, 0x0201, 25), (1, 1, 0)]

    run(story())


def test_a_lease_runs_out_by_itself(tmp_path: Path) -> None:
    """I7: nobody refreshes, the door locks, and so it does when the controller is gone."""

    async def story() -> None:
        async with boards_wire(tmp_path) as (gate, unit, clock):
            await gate.unlock(Door.EXIT, 0.4, 1)
            assert await gate.output_states() == {Door.ENTRY: False, Door.EXIT: True}
            await first_where(gate, exit_=DoorState.CLOSED)
            await first_where(gate, exit_=DoorState.LOCKED)
            assert await gate.output_states() == {Door.ENTRY: False, Door.EXIT: False}
            await gate.unlock(Door.ENTRY, 0.4, 2)
            await until(lambda: not unit.mantrap.leaf(Door.ENTRY).locked, clock)
            await gate.close()
            await until(lambda: unit.mantrap.leaf(Door.ENTRY).secure, clock, 2)

    run(story())


def test_a_lease_is_refreshed_while_the_lane_wants_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with boards_wire(tmp_path, speed=4) as (gate, unit, clock):
            for number in range(1, 6):
                await gate.unlock(Door.ENTRY, 1.0, number)
                await clock.sleep(0.5)
                assert not unit.mantrap.leaf(Door.ENTRY).locked
            await until(lambda: unit.mantrap.leaf(Door.ENTRY).secure, clock)

    run(story())


@pytest.mark.parametrize("lease_s", [0, -1.0, 10.5, float("nan"), 0.05])
def test_a_lease_beyond_the_limits_never_reaches_the_wire(tmp_path: Path, lease_s: float) -> None:
    """I3."""

    async def story() -> None:
        async with boards_wire(tmp_path) as (gate, unit, _):
            with pytest.raises(DeviceError, match="the time must be"):
                await gate.unlock(Door.ENTRY, lease_s, 1)
            assert unit.boards[1].orders == []

    run(story())


def test_emergency_and_tamper_are_reported(tmp_path: Path) -> None:
    """I5, with contacts that are closed while all is well, so that a cut wire is an alarm."""

    async def story() -> None:
        async with boards_wire(tmp_path, SEVERAL, SEVERAL_WIRED) as (gate, unit, _):
            unit.emergency(True)
            unit.tamper(True)
            async for report in gate.reports():
                if report.emergency and report.tamper and report.entry is report.exit is DoorState.CLOSED:
                    break
            unit.emergency(False)
            unit.tamper(False)
            async for report in gate.reports():
                if not report.emergency and not report.tamper and report.entry is DoorState.LOCKED:
                    break
            assert not unit.both_unlocked_seen, "an emergency is no fault of the interlock"

    run(story())


def test_a_stuck_contact_is_a_fault(tmp_path: Path) -> None:
    """I8: locked without being closed."""

    async def story() -> None:
        async with boards_wire(tmp_path) as (gate, unit, _):
            unit.mantrap.stick_contact(Door.ENTRY, True)
            walk = asyncio.ensure_future(unit.walk_in())
            await gate.unlock(Door.ENTRY, 3.0, 1)
            await first_where(gate, entry=DoorState.FAULT)
            assert await walk

    run(story())


def test_a_leased_door_is_no_locked_door(tmp_path: Path) -> None:
    """I2: its contact still says locked, and its bolt may not have moved yet."""

    async def story() -> None:
        async with boards_wire(tmp_path) as (gate, unit, _):
            unit.mantrap.stick_contact(Door.ENTRY, True)
            await gate.unlock(Door.ENTRY, 0.5, 1)
            assert (await first_where(gate, newer=1)).entry is DoorState.CLOSED
            await first_where(gate, entry=DoorState.LOCKED, newer=1)

    run(story())


def test_a_relay_that_somebody_else_latched_is_a_fault(tmp_path: Path) -> None:
    """I8: a relay is on and no lease of ours runs; an off order ends it."""

    async def story() -> None:
        async with boards_wire(tmp_path, speed=2) as (gate, unit, _):
            unit.boards[1].answer(write_coil(1, 1, 0xFF00).raw)
            assert unit.latched_orders_seen == 1
            await first_where(gate, exit_=DoorState.FAULT)
            await gate.lock(Door.EXIT, 1)
            await first_where(gate, exit_=DoorState.LOCKED, newer=1)

    run(story())


def test_a_sample_asked_for_before_the_acknowledgement_is_no_evidence(tmp_path: Path) -> None:
    """I2: numbers never run ahead of what the boards had acknowledged when the sample was asked for."""

    async def story() -> None:
        async with boards_wire(tmp_path) as (gate, unit, clock):
            seen: list[tuple[int, int]] = []

            async def watch() -> None:
                async for report in gate.reports():
                    seen.append((report.after_command, len(unit.boards[1].orders)))

            watching = asyncio.ensure_future(watch())
            for number in range(1, 15):
                await gate.unlock(Door.ENTRY, 1.0, number)
            await until(lambda: bool(seen) and seen[-1][0] == 14, clock)
            watching.cancel()
            assert all(number <= orders for number, orders in seen)
            assert [number for number, _ in seen] == sorted(number for number, _ in seen)

    run(story())


def test_unplugged_and_plugged_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """L2: one error to the listener, one line lost, one line back, and everything goes on."""
    caplog.set_level(logging.INFO, "egate.drivers")

    async def story() -> None:
        async with boards_wire(tmp_path, SEVERAL, SEVERAL_WIRED) as (gate, unit, _):
            reports = gate.reports()
            await anext(reports)
            unit.unplug()
            assert "lost" in await raised(reports)
            assert not online(gate)
            with pytest.raises(DeviceError, match="not there"):
                await gate.unlock(Door.ENTRY, 3, 1)
            unit.plug()
            await anext(gate.reports())
            assert online(gate)
            await gate.unlock(Door.ENTRY, 3, 2)
            assert unit.boards[1].orders == [(0, 0x0200, 30)]

    run(story())
    gate_lines = [record.levelname for record in caplog.records if record.name == "egate.drivers.gate"]
    link_lines = [record.levelname for record in caplog.records if record.name == "egate.drivers.link"]
    assert gate_lines == link_lines == ["WARNING", "INFO"]


def test_a_cut_cable_is_a_lost_unit_and_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """L2: the port is still there, nobody answers; one line each."""
    caplog.set_level(logging.INFO, "egate.drivers")

    async def story() -> None:
        async with boards_wire(tmp_path, SEVERAL, SEVERAL_WIRED) as (gate, unit, clock):
            reports = gate.reports()
            await anext(reports)
            unit.port.faults.cut()
            order = asyncio.ensure_future(gate.unlock(Door.ENTRY, 3, 1))
            assert "does not answer" in await raised(reports)
            with pytest.raises(DeviceError, match="does not answer"):
                await order
            await until(lambda: sum(counted.unanswered for counted in gate.counters.values()) > 3, clock)
            unit.port.faults.mend()
            await anext(gate.reports())
            assert gate.silent_boards == frozenset()
            await gate.unlock(Door.ENTRY, 3, 2)

    run(story())
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_one_silent_board_does_not_disturb_the_others(tmp_path: Path) -> None:
    """L3: the entry's lock board is silent; the exit is locked by its own board all the same, and nothing more is reported."""

    async def story() -> None:
        async with boards_wire(tmp_path, SEVERAL, SEVERAL_WIRED) as (gate, unit, clock):
            await gate.unlock(Door.EXIT, 5, 1)
            reports = gate.reports()
            await anext(reports)
            unit.misbehaviour.silent.add(1)
            assert "ask board 1 (waveshare-relay-8): it does not answer" in await raised(reports)
            asked = [gate.counters[address].exchanges for address in (2, 3, 4)]
            await gate.lock(Door.EXIT, 2)
            await until(lambda: unit.mantrap.leaf(Door.EXIT).secure, clock)
            with pytest.raises(DeviceError, match="board 1"):
                await gate.unlock(Door.ENTRY, 3, 3)
            await until(lambda: gate.counters[1].unanswered > 3, clock)
            assert gate.silent_boards == {1}
            assert all(gate.counters[address].exchanges > before for address, before in zip((2, 3, 4), asked, strict=True))
            assert not online(gate)
            unit.misbehaviour.silent.clear()
            assert (await anext(gate.reports())).exit is DoorState.LOCKED
            assert online(gate)

    run(story())


def test_orders_survive_a_noisy_line(tmp_path: Path) -> None:
    """N2 in small: one chunk in fifty is hurt; every order arrives, none latches, no evidence runs ahead."""

    async def story() -> None:
        faults = FaultLink(7)
        async with boards_wire(tmp_path, faults=faults) as (gate, unit, _):
            faults.rates = FaultRates(flip=0.01, drop=0.005, garbage=0.005)
            done = 0
            for number in range(1, 61):
                try:
                    await gate.unlock(Door.ENTRY, 3.0, number)
                    done += 1
                except DeviceError:
                    await anext(gate.reports())
            assert done >= 59
            assert {words[1] for words in unit.boards[1].orders} == {0x0200}
            assert unit.latched_orders_seen == 0
            assert faults.hurt_chunks > 0

    run(story())


def test_a_cancelled_order_leaves_the_wire_in_order(tmp_path: Path) -> None:
    async def story() -> None:
        async with boards_wire(tmp_path) as (gate, _, clock):
            for number in range(1, 11):
                order = asyncio.ensure_future(gate.unlock(Door.ENTRY, 1.0, number))
                await clock.sleep(0.001 * number)
                order.cancel()
                await asyncio.gather(order, return_exceptions=True)
            await gate.lock(Door.ENTRY, 11)
            assert gate.counters[1].unanswered == 0
            assert online(gate)

    run(story())


@pytest.mark.parametrize(
    ("boards", "there", "problem"),
    [
        ("1:waveshare-relay-d 7:inputs-8", ONE, r"find board 7 \(inputs-8\): it does not answer"),
        ("1:waveshare-relay-d 2:inputs-16", "1:waveshare-relay-d 2:inputs-8", "exception 2.*another kind of board"),
        ("1:delay-register-8 2:inputs-8", "1:waveshare-relay-8 2:inputs-8", "exception 1.*another kind of board"),
    ],
)
def test_other_boards_than_configured_do_not_start(tmp_path: Path, boards: str, there: str, problem: str) -> None:
    """L13, as far as Modbus can say it."""

    async def story() -> None:
        clock = TestClock()
        unit = SimulatedModbusGate(tmp_path / "boards", clock, parse_layout(there), baud=None)
        unit.plug()
        gate = ModbusGate(link_to(tmp_path / "boards", clock), ModbusConfig(parse_layout(boards)), clock)
        with pytest.raises(DeviceError, match=problem):
            await gate.start()
        assert not online(gate)
        await unit.close()

    run(story())


def test_closing_twice_and_without_start(tmp_path: Path) -> None:
    async def story() -> None:
        async with boards_wire(tmp_path, start=False) as (gate, _, _clock):
            await gate.close()
            await gate.start()
            await gate.start()
            await gate.close()
            await gate.close()
            assert not online(gate)

    run(story())
