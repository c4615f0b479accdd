"""What the tests of OSDP lines share: a line with one or several units in virtual time, so nothing depends on the machine."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from drivers.gate.osdp import OsdpConfig, OsdpGate
from drivers.gate.osdp_layout import UnitLayout, UnitPlate, one_unit, parse_units
from drivers.sim.gate_unit import PeripheralLine, SimulatedGateUnit
from drivers.sim.memory_line import MemoryLink, MemoryPort, attach
from drivers.sim.osdp_peripheral import PeripheralSettings
from drivers.sim.pty import FaultLink
from egate.app.twin.stage.virtual_time import VirtualClock, VirtualLoop
from egate.model.errors import DeviceError
from egate.model.lane import GateReport
from tests.unit.drivers.wires import KEY

ValueT = TypeVar("ValueT")
ONE = one_unit(UnitPlate(1))
UNITS = "1:osdp 2:osdp 3:osdp"
WIRING = (
    "exit_lock=2.0 exit_closed=2.0 exit_locked=2.1 emergency=!3.0 on_battery=3.1 battery_low=3.2 object_left=3.3"
    " person_1=3.4 person_2=3.5 person_3=3.6"
)
THREE = parse_units(UNITS, WIRING)
"""An entry door unit, an exit door unit, and one for everything else."""


def virtually(story: Awaitable[ValueT]) -> ValueT:
    """Run one story in virtual time."""

    async def whole() -> ValueT:
        return await story

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(whole())


def drawn(seed: int) -> Callable[[int], bytes]:
    """Bytes that are the same in each run."""
    return random.Random(seed).randbytes


@dataclass(slots=True)
class Line:
    """Our driver and the simulated units at both ends of a cable."""

    gate: OsdpGate
    unit: SimulatedGateUnit
    port: MemoryPort
    clock: VirtualClock

    async def first_where(self, condition: Callable[[GateReport], bool], within_s: float = 10.0) -> GateReport:
        """The first report that is so."""
        async with asyncio.timeout(within_s), aclosing(self.gate.reports()) as reports:  # type: ignore[type-var]  # a generator
            async for report in reports:
                if condition(report):
                    return report
        raise AssertionError("unreachable")

    async def loss(self, within_s: float = 10.0) -> str:
        """What the reports end with."""
        try:
            await self.first_where(lambda _: False, within_s)
        except DeviceError as error:
            return str(error)
        raise AssertionError("unreachable")


@asynccontextmanager
async def osdp_line(
    layout: UnitLayout = ONE,
    *,
    faults: FaultLink | None = None,
    baud: int = 115_200,
    keys: Mapping[int, bytes] | None = None,
    believed: UnitLayout | None = None,
    start: bool = True,
) -> AsyncIterator[Line]:
    """A line that is plugged in. `keys` are known to both ends; `believed` is what the driver takes for its layout."""
    clock, own_keys = VirtualClock(0), dict(keys or {})
    settings = PeripheralLine(PeripheralSettings(KEY), layout, own_keys)
    unit = SimulatedGateUnit(Path("memory"), clock, settings, drawn(1), baud=baud)
    port = attach(unit, MemoryPort(clock, baud, faults))
    port.plug()
    config = OsdpConfig(KEY, layout=believed or layout, unit_keys=own_keys)
    gate = OsdpGate(MemoryLink(port, "line", baud, clock), config, clock, drawn(2))
    try:
        if start:
            await gate.start()
        yield Line(gate, unit, port, clock)
    finally:
        await gate.close()
        await unit.close()
