"""The OSDP gate driver over a real pty against the simulated unit: walks, losses, noise, evidence."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import aclosing
from pathlib import Path

import pytest

from drivers.gate.contacts import door_state
from drivers.gate.osdp import OsdpConfig, OsdpGate
from drivers.sim.gate_unit import SimulatedGateUnit, describe, obey
from drivers.sim.osdp_peripheral import PeripheralMode
from drivers.sim.pty import FaultLink, FaultRates
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState, GateReport
from egate.ports import GateUnit
from tests.unit.drivers.wires import KEY, TestClock, gate_wire, link_to, online, run, until


async def first_where(
    gate: OsdpGate, entry: DoorState | None = None, exit_: DoorState | None = None, newer: int = 0
) -> GateReport:
    """The first report with these door states and at least that command number."""
    async with aclosing(gate.reports()) as reports:  # type: ignore[type-var]  # reports() is an async generator
        async for report in reports:
            if entry in (None, report.entry) and exit_ in (None, report.exit) and report.after_command >= newer:
                return report
    raise AssertionError("unreachable")


@pytest.mark.parametrize(
    ("closed", "locked", "state"),
    [
        (True, True, DoorState.LOCKED),
        (True, False, DoorState.CLOSED),
        (False, False, DoorState.OPEN),
        (False, True, DoorState.FAULT),
    ],
)
def test_contacts_become_door_states(closed: bool, locked: bool, state: DoorState) -> None:
    """I8: locked without being closed is a contradiction."""
    assert door_state(closed, locked) is state


def test_a_whole_passage(tmp_path: Path) -> None:
    """In by the entry, out by the exit; timed orders only, never both doors, the unit's own interlock never needed."""

    async def story() -> None:
        async with gate_wire(tmp_path) as (gate, unit, _):
            as_port: GateUnit = gate
            assert online(as_port)
            assert (await first_where(gate)).entry is DoorState.LOCKED
            walk = asyncio.ensure_future(unit.walk_in())
            await gate.unlock(Door.ENTRY, 3.0, 1)
            assert (await first_where(gate, newer=1)).entry is DoorState.CLOSED, "a leased door is no locked door"
            assert await walk
            await gate.lock(Door.ENTRY, 2)
            locked = await first_where(gate, entry=DoorState.LOCKED, newer=2)
            assert locked.persons == 1
            walk = asyncio.ensure_future(unit.walk_out_exit())
            await gate.unlock(Door.EXIT, 3.0, 3)
            assert await walk
            assert (await first_where(gate, exit_=DoorState.CLOSED)).persons == 0
            await gate.lock(Door.EXIT, 4)
            await first_where(gate, exit_=DoorState.LOCKED, newer=4)
            assert [order[1] for order in unit.peripheral.orders] == [5, 1, 5, 1]
            assert unit.latched_orders_seen == 0
            assert not unit.both_unlocked_seen
            assert unit.interlock_refusals == 0

    run(story())


def test_a_lease_runs_out_by_itself(tmp_path: Path) -> None:
    """I7: nobody refreshes, the door locks."""

    async def story() -> None:
        async with gate_wire(tmp_path) as (gate, _, _clock):
            await gate.unlock(Door.EXIT, 0.3, 1)
            assert await gate.output_states() == (False, True)
            await first_where(gate, exit_=DoorState.CLOSED)
            await first_where(gate, exit_=DoorState.LOCKED)
            assert await gate.output_states() == (False, False)

    run(story())


def test_the_unit_locks_when_the_controller_is_gone(tmp_path: Path) -> None:
    """I7: the controller dies with a door unlocked."""

    async def story() -> None:
        async with gate_wire(tmp_path) as (gate, unit, clock):
            await gate.unlock(Door.ENTRY, 0.4, 1)
            await until(lambda: not unit.mantrap.leaf(Door.ENTRY).locked, clock)
            await gate.close()
            await until(lambda: unit.mantrap.leaf(Door.ENTRY).secure, clock, 2)

    run(story())


def test_emergency_and_tamper_are_reported(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate_wire(tmp_path) as (gate, unit, _):
            unit.emergency(True)
            unit.tamper(True)
            async with asyncio.timeout(5):
                async for report in gate.reports():
                    if report.emergency and report.tamper and report.entry is report.exit is DoorState.CLOSED:
                        break
            unit.emergency(False)
            unit.tamper(False)
            async with asyncio.timeout(5):
                async for report in gate.reports():
                    if not report.emergency and not report.tamper and report.entry is DoorState.LOCKED:
                        break
            assert not unit.both_unlocked_seen, "an emergency is no fault of the interlock"

    run(story())


def test_a_stuck_contact_is_a_fault(tmp_path: Path) -> None:
    """I8."""

    async def story() -> None:
        async with gate_wire(tmp_path) as (gate, unit, _):
            unit.mantrap.stick_contact(Door.ENTRY, True)
            walk = asyncio.ensure_future(unit.walk_in())
            await gate.unlock(Door.ENTRY, 3.0, 1)
            await first_where(gate, entry=DoorState.FAULT)
            assert await walk

    run(story())


def test_a_sample_asked_for_before_the_acknowledgement_is_no_evidence(tmp_path: Path) -> None:
    """I2: numbers never run ahead of what the unit had acknowledged when the sample was asked for."""

    async def story() -> None:
        async with gate_wire(tmp_path) as (gate, unit, clock):
            seen: list[tuple[int, int]] = []

            async def watch() -> None:
                async for report in gate.reports():
                    seen.append((report.after_command, len(unit.peripheral.orders)))

            watching = asyncio.ensure_future(watch())
            for number in range(1, 20):
                await gate.unlock(Door.ENTRY, 1.0, number)
            await until(lambda: bool(seen) and seen[-1][0] == 19, clock)
            watching.cancel()
            assert all(number <= orders for number, orders in seen)
            assert [number for number, _ in seen] == sorted(number for number, _ in seen)

    run(story())


def test_unplugged_and_plugged_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """L2: one error to the listener, one line lost, one line back, and everything goes on."""
    caplog.set_level(logging.INFO, "egate.drivers")

    async def story() -> None:
        async with gate_wire(tmp_path) as (gate, unit, _):
            reports = gate.reports()
            await anext(reports)
            unit.unplug()
            with pytest.raises(DeviceError, match="lost"):  # noqa: PT012 - samples may still be on their way
                while True:
                    await anext(reports)
            assert not online(gate)
            with pytest.raises(DeviceError, match="not there"):
                await gate.unlock(Door.ENTRY, 3, 1)
            unit.plug()
            await anext(gate.reports())
            assert online(gate)
            await gate.unlock(Door.ENTRY, 3, 2)
            assert unit.peripheral.orders == [(0, 5, 30)]

    run(story())
    gate_lines = [record.levelname for record in caplog.records if record.name == "egate.drivers.gate"]
    link_lines = [record.levelname for record in caplog.records if record.name == "egate.drivers.link"]
    assert gate_lines == link_lines == ["WARNING", "INFO"]


def test_a_cut_cable_is_a_lost_unit_and_comes_back(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate_wire(tmp_path) as (gate, unit, _):
            reports = gate.reports()
            await anext(reports)
            unit.port.faults.cut()
            order = asyncio.ensure_future(gate.unlock(Door.ENTRY, 3, 1))
            with pytest.raises(DeviceError, match="does not answer"):  # noqa: PT012 - samples may still be on their way
                while True:
                    await anext(reports)
            with pytest.raises(DeviceError):
                await order
            unit.port.faults.mend()
            await anext(gate.reports())
            await gate.unlock(Door.ENTRY, 3, 2)

    run(story())


def test_a_unit_that_restarts_gets_a_new_session_without_a_loss(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate_wire(tmp_path) as (gate, unit, clock):
            reports = gate.reports()
            await anext(reports)
            unit.peripheral.reset()
            await until(lambda: gate.counters.sessions == 2, clock)
            await anext(reports)
            assert online(gate)

    run(story())


def test_orders_survive_a_noisy_line(tmp_path: Path) -> None:
    """N2 in small: one chunk in fifty is hurt; every order arrives, none latches."""

    async def story() -> None:
        faults = FaultLink(7)
        async with gate_wire(tmp_path, faults=faults) as (gate, unit, _):
            faults.rates = FaultRates(flip=0.01, drop=0.005, garbage=0.005)
            for number in range(1, 61):
                await gate.unlock(Door.ENTRY, 3.0, number)
            assert len(unit.peripheral.orders) >= 60
            assert {order[1] for order in unit.peripheral.orders} == {5}
            assert faults.hurt_chunks > 0

    run(story())


def test_a_cancelled_order_leaves_the_wire_in_order(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate_wire(tmp_path) as (gate, _, clock):
            for number in range(1, 11):
                order = asyncio.ensure_future(gate.unlock(Door.ENTRY, 1.0, number))
                await clock.sleep(0.001 * number)
                order.cancel()
                await asyncio.gather(order, return_exceptions=True)
            await gate.lock(Door.ENTRY, 11)
            assert gate.counters.sessions == 1
            assert gate.counters.repeats == 0

    run(story())


@pytest.mark.parametrize("lease_s", [0, 10.5])
def test_a_lease_beyond_the_limits_never_reaches_the_wire(tmp_path: Path, lease_s: float) -> None:
    """I3."""

    async def story() -> None:
        async with gate_wire(tmp_path) as (gate, unit, _):
            with pytest.raises(DeviceError, match="the time must be"):
                await gate.unlock(Door.ENTRY, lease_s, 1)
            assert unit.peripheral.orders == []

    run(story())


@pytest.mark.parametrize(
    ("mode", "unit_key", "problem"),
    [
        (PeripheralMode.PLAIN, KEY, "offers none"),
        (PeripheralMode.INSTALL, KEY, "default key"),
        (PeripheralMode.SECURE, bytes(16), "another key"),
    ],
)
def test_an_untrustworthy_unit_does_not_start(tmp_path: Path, mode: PeripheralMode, unit_key: bytes, problem: str) -> None:
    """L5."""

    async def story() -> None:
        async with gate_wire(tmp_path, mode=mode, unit_key=unit_key, start=False) as (gate, unit, _):
            with pytest.raises(DeviceError, match=problem):
                await gate.start()
            assert not online(gate)
            with pytest.raises(DeviceError):
                await gate.unlock(Door.ENTRY, 3, 1)
            assert unit.peripheral.orders == []

    run(story())


@pytest.mark.parametrize("config", [OsdpConfig(KEY, vendor="abcdef"), OsdpConfig(KEY, model=99)])
def test_another_unit_than_configured_does_not_start(tmp_path: Path, config: OsdpConfig) -> None:
    """L13."""

    async def story() -> None:
        async with gate_wire(tmp_path, config=config, start=False) as (gate, _, _clock):
            with pytest.raises(DeviceError, match="configured is"):
                await gate.start()

    run(story())


def test_a_unit_with_another_address_is_silent(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate_wire(tmp_path, config=OsdpConfig(KEY, address=2), start=False) as (gate, _, _clock):
            with pytest.raises(DeviceError, match="does not answer"):
                await gate.start()

    run(story())


def test_a_missing_port_is_one_sentence(tmp_path: Path) -> None:
    async def story() -> None:
        clock = TestClock()
        gate = OsdpGate(link_to(tmp_path / "nothing", clock), OsdpConfig(KEY), clock, os.urandom)
        with pytest.raises(DeviceError, match="there is no such port; plug the cable in"):
            await gate.start()
        await gate.close()

    run(story())


def test_start_again_after_a_failed_start(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate_wire(tmp_path, start=False) as (gate, unit, _):
            unit.unplug()
            with pytest.raises(DeviceError):
                await gate.start()
            unit.plug()
            await gate.start()
            await gate.start()
            assert online(gate)

    run(story())


def test_a_fast_clock_makes_the_unit_fast(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate_wire(tmp_path, speed=20) as (gate, unit, _):
            walk = asyncio.ensure_future(unit.walk_in(2))
            await gate.unlock(Door.ENTRY, 5.0, 1)
            assert await walk
            async with asyncio.timeout(5):
                async for report in gate.reports():
                    if report.persons == 2:
                        break

    run(story())


def test_the_keyboard_of_the_simulator(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate_wire(tmp_path, speed=5) as (gate, unit, _):
            await gate.unlock(Door.ENTRY, 5.0, 1)
            assert await obey(unit, "in 2") == "went in"
            assert await obey(unit, "emergency on") == describe(unit.mantrap)
            assert "2 inside EMERGENCY" in await obey(unit, "")
            assert await obey(unit, "out") == "went out"
            assert (await obey(unit, "jump")).startswith("words:")
            assert "TAMPER" in await obey(unit, "tamper on")

    run(story())


def test_closing_twice_and_without_start(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate_wire(tmp_path, start=False) as (gate, unit, _):
            await gate.close()
            await gate.start()
            assert isinstance(unit, SimulatedGateUnit)
            await gate.close()
            await gate.close()
            assert not online(gate)

    run(story())
