"""What the Modbus driver tests share: whole lines of boards, and waiting for what they report."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from drivers.gate.modbus import ModbusConfig, ModbusGate
from drivers.gate.modbus_boards import parse_layout
from drivers.sim.modbus_board import SimulatedModbusGate
from drivers.sim.pty import FaultLink
from egate.model.errors import DeviceError
from egate.model.lane import DoorState, GateReport
from tests.unit.drivers.wires import TestClock, link_to

ONE = "1:waveshare-relay-d"
SEVERAL = "1:waveshare-relay-8 2:waveshare-relay-8 3:inputs-8 4:inputs-8"
SEVERAL_WIRED = "exit_lock=2.0 emergency=!4.0 tamper=!4.1"
DELAYS = "1:delay-register-4 2:inputs-8"

Wire = tuple[ModbusGate, SimulatedModbusGate, TestClock]


@asynccontextmanager
async def boards_wire(
    folder: Path,
    boards: str = ONE,
    wiring: str = "",
    *,
    baud: int | None = 115_200,
    speed: float = 1.0,
    echo: bool = False,
    start: bool = True,
    faults: FaultLink | None = None,
) -> AsyncIterator[Wire]:
    """Our driver and our simulated boards at both ends of a simulated cable."""
    clock, layout = TestClock(speed), parse_layout(boards, wiring)
    unit = SimulatedModbusGate(folder / "boards", clock, layout, baud=baud, faults=faults)
    unit.misbehaviour.echo = echo
    unit.plug()
    gate = ModbusGate(link_to(folder / "boards", clock, baud or 115_200), ModbusConfig(layout), clock)
    try:
        if start:
            await gate.start()
        yield gate, unit, clock
    finally:
        await gate.close()
        await unit.close()


async def first_where(
    gate: ModbusGate, entry: DoorState | None = None, exit_: DoorState | None = None, newer: int = 0
) -> GateReport:
    """The first report with these door states and at least that command number."""
    async with aclosing(gate.reports()) as reports:  # type: ignore[type-var]  # reports() is an async generator
        async for report in reports:
            if entry in (None, report.entry) and exit_ in (None, report.exit) and report.after_command >= newer:
                return report
    raise AssertionError("unreachable")


async def raised(reports: AsyncIterator[GateReport]) -> str:
    """What the reports end with."""
    try:
        while True:
            await anext(reports)
    except DeviceError as error:
        return str(error)
