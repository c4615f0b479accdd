"""Goal N3: how soon an OSDP unit is in its secure channel, and how soon an order is in the unit, beside libosdp in the same run.

Both panels talk to the same simulated unit over the same paced line; libosdp's is refreshed every millisecond by a thread, which
is the best that was found for it. "Up" means: the unit was asked who it is and what it can do, and the session stands.
"""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
import tempfile
import termios
import tty
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.osdp_peripheral import PeripheralSettings
from egate.app.clock import perf_counter_s
from egate.model.lane import Door
from tests.bench.row import BenchRow
from tests.peers.test_drivers_peers import DescriptorChannel, Libosdp, _osdp
from tests.unit.drivers.wires import KEY, TestClock, gate_wire

SESSIONS = 5
ORDERS = 60
SPEEDS = {115_200: termios.B115200, 9600: termios.B9600}
UP_LIMIT_MS = {115_200: 100.0, 9600: 400.0}  # N3
ORDER_LIMIT_MS = {115_200: 15.0, 9600: 80.0}  # N3
PEER = "libosdp 3.2.9, same unit and line"


def rows() -> list[BenchRow]:
    """N3 at both speeds, each beside its limit and, where it is installed, beside libosdp."""
    logging.getLogger("egate.drivers").setLevel(logging.ERROR)
    found: list[BenchRow] = []
    for baud in SPEEDS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            ours = asyncio.run(_ours(folder, baud))
            theirs = asyncio.run(_theirs(folder, baud)) if find_spec("osdp_sys") else None
        for position, (what, limits) in enumerate((("channel up", UP_LIMIT_MS), ("order → unit, p95", ORDER_LIMIT_MS))):
            title = f"OSDP {what}, {baud} baud"
            found.append(BenchRow(title, ours[position], "ms", "limit N3", limits[baud]))
            if theirs is not None:
                found.append(BenchRow(title, ours[position], "ms", PEER, theirs[position]))
    return found


async def _ours(folder: Path, baud: int) -> tuple[float, float]:
    """Median time to a session, p95 of an order."""
    up = []
    for _ in range(SESSIONS):
        async with gate_wire(folder, baud=baud, start=False) as (gate, _, _clock):
            began = perf_counter_s()
            await gate.start()
            up.append((perf_counter_s() - began) * 1000)
    async with gate_wire(folder, baud=baud) as (gate, unit, clock):

        async def order(number: int) -> None:
            await gate.unlock(Door.ENTRY, 1.0, number)

        return statistics.median(up), await _orders_ms(unit, clock, order)


async def _theirs(folder: Path, baud: int) -> tuple[float, float]:
    """The same by libosdp's panel."""
    clock = TestClock()
    unit = SimulatedGateUnit(folder / "gate", clock, PeripheralSettings(KEY), os.urandom, baud=baud)
    up = []
    try:
        for _ in range(SESSIONS):
            unit.plug()
            began = perf_counter_s()
            with libosdp_panel(folder / "gate", baud) as (secure, _submit):
                while not secure():
                    await clock.sleep(0.0005)
                up.append((perf_counter_s() - began) * 1000)
            unit.unplug()
        unit.plug()
        with libosdp_panel(folder / "gate", baud) as (secure, submit):
            while not secure():
                await clock.sleep(0.0005)

            async def order(number: int) -> None:
                del number
                submit()

            return statistics.median(up), await _orders_ms(unit, clock, order)
    finally:
        await unit.close()


@contextmanager
def libosdp_panel(path: Path, baud: int) -> Iterator[tuple[Callable[[], bool], Callable[[], None]]]:
    """A panel of libosdp on a port: whether its session stands, and what submits a timed order."""
    osdp = _osdp()
    number = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(number)
    settings = termios.tcgetattr(number)
    settings[4] = settings[5] = SPEEDS[baud]
    termios.tcsetattr(number, termios.TCSANOW, settings)
    info = osdp.PDInfo(1, DescriptorChannel(number), scbk=KEY, flags=[osdp.LibFlag.EnforceSecure])
    panel = osdp.ControlPanel([info], log_level=osdp.LogLevel.Critical)
    peer = Libosdp(panel.ctx)
    panel.lock = peer.lock
    order = {"command": osdp.Command.Output, "output_no": 0, "control_code": 5, "timer_count": 10}
    try:
        yield lambda: bool(panel.is_sc_active(1)), lambda: panel.submit_command(1, order)
    finally:
        peer.close()
        os.close(number)


async def _orders_ms(unit: SimulatedGateUnit, clock: TestClock, order: Callable[[int], Awaitable[None]]) -> float:
    """p95 of the time from the call to the moment at which the unit has the order."""
    arrived: asyncio.Event = asyncio.Event()
    receive, spent, at = unit.port.on_bytes, [], [0.0]

    def note(data: bytes) -> None:
        before = len(unit.peripheral.orders)
        receive(data)
        if len(unit.peripheral.orders) > before:
            at[0] = perf_counter_s()
            arrived.set()

    unit.port.on_bytes = note
    for number in range(1, ORDERS + 1):
        await clock.sleep(0.05 + number % 7 * 0.003)
        arrived.clear()
        began = perf_counter_s()
        await order(number)
        async with asyncio.timeout(5.0):
            await arrived.wait()
        spent.append((at[0] - began) * 1000)
    return sorted(spent)[int(ORDERS * 0.95)]
