"""A lane in one step behind real drivers: relays with one door, a LOT turnstile, a speed gate by its profile (P1)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from drivers import PortSettings, make_gate_unit
from drivers.gate.framed_profile import load_profile
from drivers.gate.modbus_boards import parse_layout
from drivers.sim.framed_board import SimulatedFramedBoard
from drivers.sim.modbus_board import SimulatedModbusGate
from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.wiring import lane_settings
from egate.model.lane import Door, LanePhase, Topology
from tests.unit.app.app_bench import REAL, Lane, Passport, make_lane, until

RELAYS = ("1:waveshare-relay-d", "doors=exit lamp_red=1.2 lamp_green=1.4")
TURNSTILE = ("1:lot-turnstile", "doors=exit exit_lock=1.1 exit_closed=1.0 exit_locked=1.1 emergency=1.2")
Unit = SimulatedModbusGate | SimulatedFramedBoard


def one_step(root: Path, issuer: SimulatedIssuer) -> Lane:
    """A lane with one door."""
    lane = make_lane(root, issuer)
    config = replace(lane.parts.config, topology=Topology.ONE_STEP)
    lane.parts.config, lane.parts.settings = config, lane_settings(config)
    return lane


def gate_of(lane: Lane, name: str, path: Path) -> Unit:
    """Put a gate of that kind in the place of the lane's, and simulate its other end."""
    unit: Unit
    if name == "speed-gate-7e":
        unit = SimulatedFramedBoard(path, REAL, load_profile(name))
        settings = PortSettings(str(path), emulated=True, profile=name)
        lane.parts.gate = make_gate_unit("framed", settings, REAL, bytes)
    else:
        boards, wiring = RELAYS if name == "relays" else TURNSTILE
        unit = SimulatedModbusGate(path, REAL, parse_layout(boards, wiring), baud=38_400)
        settings = PortSettings(str(path), 38_400, emulated=True, boards=boards, wiring=wiring)
        lane.parts.gate = make_gate_unit("modbus", settings, REAL, bytes)
    unit.plug()
    return unit


async def lane_is_free(lane: Lane) -> None:
    await until(lambda: lane.in_phase(LanePhase.IDLE) and not lane.view.devices_lost, "the lane is free")


@pytest.mark.parametrize("name", ["relays", "lot-turnstile", "speed-gate-7e"])
def test_a_traveller_passes_the_one_door(tmp_path: Path, issuer: SimulatedIssuer, passport: Passport, name: str) -> None:
    """P1, I3: document and face before the door, which opens once and is locked again; the missing door never moves."""
    lane = one_step(tmp_path, issuer)

    async def story() -> None:
        unit = gate_of(lane, name, tmp_path / "gate")
        try:
            async with lane.running():
                await lane_is_free(lane)
                walking = asyncio.ensure_future(unit.mantrap.walk_out_exit(1))
                lane.present(passport)
                await until(lambda: lane.told("door", "left_through"), "the traveller left")
                assert await walking
                await lane_is_free(lane)
                assert unit.mantrap.leaf(Door.ENTRY).secure
                assert unit.mantrap.leaf(Door.EXIT).secure
                assert lane.view.admitted == 1
        finally:
            await unit.close()

    asyncio.run(story())


@pytest.mark.parametrize("name", ["relays", "lot-turnstile", "speed-gate-7e"])
def test_fire_is_heard_from_the_one_door(tmp_path: Path, issuer: SimulatedIssuer, name: str) -> None:
    """I5, I6: contact, antipanic or fire opening; afterwards the door is proved before the lane is free."""
    lane = one_step(tmp_path, issuer)

    async def story() -> None:
        unit = gate_of(lane, name, tmp_path / "gate")
        try:
            async with lane.running():
                await lane_is_free(lane)
                unit.mantrap.emergency(True)
                await until(lambda: lane.in_phase(LanePhase.EMERGENCY), "the emergency is followed")
                unit.mantrap.emergency(False)
                await until(lambda: lane.in_phase(LanePhase.IDLE), "both doors are proved")
        finally:
            await unit.close()

    asyncio.run(story())
