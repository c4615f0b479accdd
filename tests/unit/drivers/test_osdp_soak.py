"""Longer runs of the gate driver on bad lines: requirement goals N1, N2 and N8, in virtual time but for the plugs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drivers.sim.pace import LoopPace
from drivers.sim.pty import FaultLink, FaultRates
from egate.model.errors import DeviceError
from egate.model.lane import Door
from tests.unit.drivers.osdp_lines import Line, osdp_line, virtually
from tests.unit.drivers.wires import gate_wire, online, run, until


@pytest.mark.parametrize(
    ("hurt", "orders", "least", "within_s"), [(0.01, 1000, 999, 1.5), (0.05, 300, 297, 3.0)], ids=["1 percent", "5 percent"]
)
@pytest.mark.parametrize("seed", range(1, 6))
def test_orders_on_a_noisy_line(seed: int, hurt: float, orders: int, least: int, within_s: float) -> None:
    """N2: of orders on a line with 1 % (5 %) of chunks flipped, 99.9 % (99 %) arrive in time, as timed orders only."""

    async def story() -> int:
        faults = FaultLink(seed)
        delivered = 0
        async with osdp_line(faults=faults) as line:
            faults.rates = FaultRates(flip=hurt)
            for number in range(1, orders + 1):
                delivered += await _arrives(line, number, within_s)
            sent = line.unit.peripheral.orders
            assert {order[1] for order in sent} == {5}
            assert line.unit.latched_orders_seen == 0
            assert not line.unit.mantrap.both_unlocked_seen
            assert faults.hurt_chunks > orders * hurt
        return delivered

    assert virtually(story()) >= least


async def _arrives(line: Line, number: int, within_s: float) -> bool:
    """Whether an order is acknowledged in time; when the unit is lost, wait until it is back."""
    try:
        async with asyncio.timeout(within_s):
            await line.gate.unlock(Door.ENTRY, 3.0, number)
    except (DeviceError, TimeoutError):
        async with asyncio.timeout(10):
            while not line.gate.online:
                await line.clock.sleep(0.005)
        return False
    return True


def test_a_packet_whose_length_was_hurt_does_not_swallow_the_next() -> None:
    """N2: the pause between two packets ends one that had begun; else a unit would be deaf for a kilobyte."""

    async def story() -> None:
        async with osdp_line() as line:
            start = bytes((0x53, 0x01, 0x00, 0x05, 0x05))  # announces 1,280 bytes
            line.unit.port.on_bytes(start)
            await line.gate.unlock(Door.ENTRY, 3.0, 1)
            assert line.gate.counters.sessions == 1

    virtually(story())


def test_a_wait_that_is_cancelled_at_its_end_leaves_no_error() -> None:
    """A timer and a cancellation in one turn of the loop: the noisy soak met it on a loaded machine."""

    async def story() -> list[str]:
        loop, errors = asyncio.get_running_loop(), []
        loop.set_exception_handler(lambda _, context: errors.append(str(context["message"])))
        waiting = asyncio.ensure_future(LoopPace().sleep(0.0))
        loop.call_soon(lambda: loop.call_soon(waiting.cancel))  # first it begins to wait, then both fall into the same turn
        await asyncio.gather(waiting, return_exceptions=True)
        return errors

    assert asyncio.run(story()) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_hundred_plugs(tmp_path: Path) -> None:
    """N8 in part: every time back, no order lost after it."""

    async def story() -> None:
        async with gate_wire(tmp_path) as (gate, unit, clock):
            for number in range(1, 101):
                unit.unplug()
                await until(lambda: not online(gate), clock, 2)
                unit.plug()
                await until(lambda: online(gate), clock, 2)
                await gate.unlock(Door.EXIT, 0.2, number)
            assert gate.counters.sessions == 101

    run(story(), 250)
