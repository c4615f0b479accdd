"""A lane whose doors hang on Modbus boards: the real controller, the real driver, simulated boards on a simulated cable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from drivers import PortSettings, make_gate_unit
from drivers.gate.modbus_boards import parse_layout
from drivers.sim.modbus_board import SimulatedModbusGate
from egate.model.checks import Outcome
from egate.model.lane import LanePhase
from tests.unit.app.app_bench import REAL, Lane, Passport, until

BOARDS, WIRING = "1:waveshare-relay-8 2:inputs-8", "emergency=!2.6"


@asynccontextmanager
async def boards_of(lane: Lane, folder: Path) -> AsyncIterator[SimulatedModbusGate]:
    """Put Modbus boards in the place of the lane's gate unit, and the lane in service."""
    unit = SimulatedModbusGate(folder / "boards", REAL, parse_layout(BOARDS, WIRING), baud=38_400)
    unit.plug()
    settings = PortSettings(str(folder / "boards"), 38_400, emulated=True, boards=BOARDS, wiring=WIRING)
    lane.parts.gate = make_gate_unit("modbus", settings, REAL, bytes)
    try:
        async with lane.running():
            yield unit
    finally:
        await unit.close()


def test_a_passage_over_modbus(lane: Lane, passport: Passport, tmp_path: Path) -> None:
    """In by the entry, compared, out by the exit; timed pulses only, the hard-wired interlock is never needed (I1, I3, I4)."""

    async def walk(unit: SimulatedModbusGate) -> None:
        assert await unit.walk_in()
        assert await unit.walk_out_exit()

    async def story() -> None:
        async with boards_of(lane, tmp_path) as unit:
            walking = asyncio.ensure_future(walk(unit))
            await lane.cross(passport)
            await walking
            assert (lane.view.admitted, lane.view.last_outcome) == (1, Outcome.ADMIT)
            assert unit.latched_orders_seen == 0
            assert not unit.both_unlocked_seen
            assert unit.interlock_refusals == 0
            assert {words for _, words, _ in unit.boards[1].orders} == {0x0200, 0x0201, 0, 1}

    asyncio.run(story())


def test_a_lane_whose_boards_are_pulled_comes_back(lane: Lane, tmp_path: Path) -> None:
    """L2, I6: closed at once, in service again when both doors are proved."""

    async def story() -> None:
        async with boards_of(lane, tmp_path) as unit:
            await until(lambda: lane.in_phase(LanePhase.IDLE), "the lane is free")
            unit.misbehaviour.silent.add(2)
            await until(lambda: lane.in_phase(LanePhase.OUT_OF_SERVICE), "closed")
            assert lane.told("device", "gate unit") > 0
            unit.misbehaviour.silent.clear()
            await until(lambda: lane.in_phase(LanePhase.IDLE), "the lane is free again")
            assert unit.latched_orders_seen == 0

    asyncio.run(story())
