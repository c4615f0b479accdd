"""L5 from the wire to the officer: a gate unit that must not be trusted stops the lane, calls somebody, and says why."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers import PortSettings, make_gate_unit
from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.osdp_peripheral import PeripheralMode, PeripheralSettings
from egate.model.lane import Alarm, LanePhase
from tests.unit.app.app_bench import REAL, Lane, until
from tests.unit.drivers.wires import KEY

UNTRUSTED = pytest.mark.parametrize(
    ("mode", "key", "problem"),
    [
        (PeripheralMode.PLAIN, KEY, "the gate unit offers none or refuses it"),
        (PeripheralMode.INSTALL, KEY, "the gate unit uses the published default key"),
        (PeripheralMode.SECURE, bytes(16), "the gate unit holds another key"),
    ],
    ids=["in the clear", "default key", "another key"],
)


@asynccontextmanager
async def osdp_of(lane: Lane, folder: Path, mode: PeripheralMode, key: bytes) -> AsyncIterator[SimulatedGateUnit]:
    """Put an OSDP unit in the place of the lane's gate unit, and start the lane."""
    unit = SimulatedGateUnit(folder / "unit", REAL, PeripheralSettings(key, mode=mode), os.urandom)
    unit.plug()
    settings = PortSettings(str(folder / "unit"), emulated=True, key=KEY)
    lane.parts.gate = make_gate_unit("osdp", settings, REAL, os.urandom)
    try:
        async with lane.running():
            yield unit
    finally:
        await unit.close()


async def _officer_is_called(lane: Lane, unit: SimulatedGateUnit) -> None:
    await until(lambda: lane.in_phase(LanePhase.OUT_OF_SERVICE), "closed")
    await until(lambda: any(alarm.alarm is Alarm.DEVICE_LOST for alarm in lane.view.alarms), "the officer is called")
    assert unit.peripheral.orders == []


@UNTRUSTED
def test_a_unit_that_must_not_be_trusted_at_the_start(
    lane: Lane, tmp_path: Path, mode: PeripheralMode, key: bytes, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    """L5: no order, an alarm, and one sentence in the log."""
    caplog.set_level(logging.WARNING)

    async def story() -> None:
        async with osdp_of(lane, tmp_path, mode, key) as unit:
            await _officer_is_called(lane, unit)

    asyncio.run(story())
    assert sum(problem in record.getMessage() for record in caplog.records) == 1


@UNTRUSTED
def test_a_unit_that_is_exchanged_for_one_that_must_not_be_trusted(
    lane: Lane, tmp_path: Path, mode: PeripheralMode, key: bytes, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    """L5: a downgrade behind the lane's back while it is in service."""
    caplog.set_level(logging.WARNING)

    async def story() -> None:
        async with osdp_of(lane, tmp_path, PeripheralMode.SECURE, KEY) as unit:
            await until(lambda: lane.in_phase(LanePhase.IDLE), "the lane is free")
            unit.exchange(1, mode, key)
            await _officer_is_called(lane, unit)
            await until(lambda: any(problem in record.getMessage() for record in caplog.records), "why is said")

    asyncio.run(story())
