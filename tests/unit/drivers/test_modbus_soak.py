"""Longer runs of the Modbus gate driver on bad lines: requirement goals N1, N2 and N8. Run by `make soak`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from drivers.sim.pty import FaultLink, FaultRates
from egate.model.errors import DeviceError
from egate.model.lane import Door
from tests.unit.drivers.modbus_wires import boards_wire
from tests.unit.drivers.wires import online, run, until

pytestmark = pytest.mark.slow


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("hurt", "orders", "least"), [(0.01, 600, 599), (0.05, 300, 297)])
@pytest.mark.parametrize("seed", [1, 2])
def test_orders_on_a_noisy_line(tmp_path: Path, seed: int, hurt: float, orders: int, least: int) -> None:
    """N2: of orders on a line with 1 % (5 %) of chunks flipped, 99.9 % (99 %) arrive, as timed orders only."""

    async def story() -> int:
        faults = FaultLink(seed)
        delivered = 0
        async with boards_wire(tmp_path, faults=faults) as (gate, unit, clock):
            faults.rates = FaultRates(flip=hurt)
            for number in range(1, orders + 1):
                await until(lambda: online(gate), clock)
                try:
                    async with asyncio.timeout(3.0):
                        await gate.unlock(Door.ENTRY, 3.0, number)
                    delivered += 1
                except (DeviceError, TimeoutError):
                    continue
            assert {words[1] for words in unit.boards[1].orders} == {0x0200}
            assert unit.latched_orders_seen == 0
        return delivered

    assert run(story(), 250) >= least


@pytest.mark.timeout(300)
def test_hundred_plugs(tmp_path: Path) -> None:
    """N8 in part: every time back, no order lost after it, no descriptor left."""

    async def story() -> None:
        async with boards_wire(tmp_path) as (gate, unit, clock):
            before = len(os.listdir("/proc/self/fd"))
            for number in range(1, 101):
                unit.unplug()
                await until(lambda: not online(gate), clock, 2)
                unit.plug()
                await until(lambda: online(gate), clock, 2)
                await gate.unlock(Door.EXIT, 0.2, number)
            assert len(os.listdir("/proc/self/fd")) == before

    run(story(), 250)
