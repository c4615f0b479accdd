"""The physical model: doors, leases, people, and its own interlock."""

from __future__ import annotations

import asyncio

import pytest

from drivers.sim.mantrap import BOLT_S, Mantrap
from egate.model.lane import Door
from tests.unit.drivers.wires import TestClock, run

SPEED = 50


def test_nobody_gets_through_a_locked_door() -> None:
    async def story() -> None:
        gate = Mantrap(TestClock(SPEED))
        assert not await gate.walk_in(within_s=1.0)
        assert not await gate.swing(Door.EXIT, to_open=True)
        assert gate.persons == 0
        await gate.close()

    run(story())


def test_the_hardware_interlock_refuses_the_second_door() -> None:
    """Also before the first bolt moved: a running lease counts."""

    async def story() -> None:
        gate = Mantrap(TestClock(SPEED))
        assert gate.release(Door.ENTRY, 3.0)
        assert not gate.release(Door.EXIT, 3.0)
        assert gate.interlock_refusals == 1
        assert not gate.both_unlocked_seen
        await gate.close()

    run(story())


def test_a_door_held_open_does_not_lock_until_it_is_closed() -> None:
    async def story() -> None:
        clock = TestClock(SPEED)
        gate = Mantrap(clock)
        gate.release(Door.ENTRY, 2.0)
        await clock.sleep(2 * BOLT_S)
        assert await gate.swing(Door.ENTRY, to_open=True)
        await clock.sleep(3.0)
        leaf = gate.leaf(Door.ENTRY)
        assert not leaf.closed
        assert not leaf.locked
        assert not gate.release(Door.EXIT, 1.0)
        assert await gate.swing(Door.ENTRY, to_open=False)
        assert leaf.secure
        await gate.close()

    run(story())


@pytest.mark.parametrize("back", [True, False])
def test_people_come_and_go(back: bool) -> None:
    async def story() -> None:
        clock = TestClock(SPEED)
        gate = Mantrap(clock)
        changes: list[int] = []
        gate.on_change(lambda: changes.append(gate.persons))
        walk = asyncio.ensure_future(gate.walk_in(3))
        gate.release(Door.ENTRY, 5.0)
        assert await walk
        assert gate.persons == 3
        gate.engage(Door.ENTRY)
        await clock.sleep(1)
        door, leave = (Door.ENTRY, gate.walk_back) if back else (Door.EXIT, gate.walk_out_exit)
        assert gate.release(door, 5.0)
        assert await leave(None)
        assert gate.persons == 0
        assert max(changes) == 3
        await gate.close()

    run(story())


def test_the_model_remembers_two_open_doors() -> None:
    """The yardstick itself: with its interlock cheated, it must see it."""

    async def story() -> None:
        clock = TestClock(SPEED)
        gate = Mantrap(clock)
        gate.release(Door.ENTRY, 5.0)
        gate.leaf(Door.EXIT).released_until = clock.monotonic() + 5.0
        gate.leaf(Door.EXIT).locked = False
        await clock.sleep(3 * BOLT_S)
        assert gate.both_unlocked_seen
        await gate.close()

    run(story())


def test_an_emergency_frees_both_doors_and_is_no_fault() -> None:
    async def story() -> None:
        clock = TestClock(SPEED)
        gate = Mantrap(clock)
        gate.emergency(True)
        await clock.sleep(3 * BOLT_S)
        assert not any(gate.leaf(door).locked for door in Door)
        gate.emergency(False)
        await clock.sleep(3 * BOLT_S)
        assert all(gate.leaf(door).secure for door in Door)
        assert not gate.both_unlocked_seen
        await gate.close()

    run(story())
