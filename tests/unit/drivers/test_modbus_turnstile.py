"""A LOT turnstile by its registers as the one door of a lane, over a real pty against the simulated one."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from drivers.gate.modbus_boards import PROFILES, Board, lot_inputs, parse_layout
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState
from tests.unit.drivers.modbus_wires import boards_wire, first_where
from tests.unit.drivers.wires import run, until

TURNSTILE = "1:lot-turnstile"
EXIT = "doors=exit exit_lock=1.1 exit_closed=1.0 exit_locked=1.1 emergency=1.2"
ENTRY = "doors=entry entry_lock=1.0 entry_closed=1.0 entry_locked=1.1 emergency=1.2"


@pytest.mark.parametrize(("wiring", "door", "register"), [(EXIT, Door.EXIT, 0x41), (ENTRY, Door.ENTRY, 0x40)])
def test_a_passage_through_a_turnstile(tmp_path: Path, wiring: str, door: Door, register: int) -> None:
    """P1, I3: the time is set before the permission, which is for one passage and never without end (I4)."""

    async def story() -> None:
        async with boards_wire(tmp_path, TURNSTILE, wiring, speed=2) as (gate, unit, _):
            await gate.unlock(door, 3.0, 1)
            assert unit.boards[1].pass_time_s == 3
            walk = asyncio.ensure_future(unit.walk_in() if door is Door.ENTRY else unit.walk_out_exit(1))
            assert await walk
            await gate.lock(door, 2)
            report = await first_where(gate, newer=2, **{"entry" if door is Door.ENTRY else "exit_": DoorState.LOCKED})
            assert (report.entry, report.exit) == (DoorState.LOCKED, DoorState.LOCKED)
            assert unit.boards[1].orders == [(door is Door.EXIT, register, 1), (door is Door.EXIT, register, 0)]
            assert unit.latched_orders_seen == 0

    run(story())


def test_a_permission_ends_at_the_turnstile(tmp_path: Path) -> None:
    """I7: nobody is there to take it back."""

    async def story() -> None:
        async with boards_wire(tmp_path, TURNSTILE, EXIT) as (gate, unit, clock):
            await gate.unlock(Door.EXIT, 1.0, 1)
            await until(lambda: not unit.mantrap.leaf(Door.EXIT).locked, clock)
            await gate.close()
            await until(lambda: unit.mantrap.leaf(Door.EXIT).locked, clock)

    run(story())


def test_the_time_is_set_again_only_when_it_may_differ(tmp_path: Path) -> None:
    async def story() -> None:
        async with boards_wire(tmp_path, TURNSTILE, EXIT) as (gate, unit, clock):
            await gate.unlock(Door.EXIT, 3.0, 1)
            unit.boards[1].pass_time_s = 99
            await gate.unlock(Door.EXIT, 3.0, 2)
            assert unit.boards[1].pass_time_s == 99, "it is known to be set, and its memory wears"
            unit.misbehaviour.silent.add(1)
            await until(lambda: not gate.online, clock)
            unit.misbehaviour.silent.clear()
            await until(lambda: gate.online, clock)
            await gate.unlock(Door.EXIT, 3.0, 3)
            assert unit.boards[1].pass_time_s == 3

    run(story())


def test_a_permission_of_somebody_else_is_a_fault(tmp_path: Path) -> None:
    """I8: another program frees the turnstile."""

    async def story() -> None:
        async with boards_wire(tmp_path, TURNSTILE, EXIT) as (gate, unit, _):
            unit.boards[1].answer(bytes.fromhex("01 10 00 41 00 01 02 FF FF 00 00"))
            await first_where(gate, exit_=DoorState.FAULT)

    run(story())


def test_antipanic_is_an_emergency(tmp_path: Path) -> None:
    """I5."""

    async def story() -> None:
        async with boards_wire(tmp_path, TURNSTILE, EXIT) as (gate, unit, _):
            unit.emergency(True)
            async for report in gate.reports():
                if report.emergency:
                    break

    run(story())


def test_what_the_registers_mean() -> None:
    """I8: over all kinds of values, an arm is locked only with no permission, nobody in the passage and a mode that locks."""
    for enter, leave, entering, leaving, mode in itertools.product((0, 1, 0xFFFF), (0, 1, 0xFFFF), (0, 1), (0, 1), (0, 1, 2, 3)):
        free, locked, emergency = lot_inputs((enter, leave, entering, leaving, mode))
        assert free is (entering == leaving == 0)
        assert locked is (enter == leave == entering == leaving == 0 and mode in (0, 1))
        assert emergency is (mode == 2)


def test_the_bytes() -> None:
    """Function 10, one register at a time, as the maker's program writes them."""
    board = Board(1, PROFILES["lot-turnstile"])
    assert board.unlock_question(1, 3.0).raw[:9] == bytes.fromhex("01 10 00 41 00 01 02 00 01")
    assert board.lock_question(0).raw[:9] == bytes.fromhex("01 10 00 40 00 01 02 00 00")
    time = board.time_question(3.9)
    assert time is not None
    assert time.raw[:9] == bytes.fromhex("01 10 30 11 00 01 02 00 03")
    reads = [question.raw[2:6].hex() for question in board.inputs_questions()]
    assert reads == ["00400001", "00410001", "00420001", "00430001", "30000001"]


@pytest.mark.parametrize(
    ("wiring", "problem"),
    [
        ("", "entry_closed is wired to nothing"),
        ("doors=exit", "exit_closed is wired to nothing"),
        (f"{EXIT} lamp_red=1.0", "whose outputs are passages"),
        (EXIT.replace("exit_lock=1.1", "exit_lock=1.2"), "has no output 2"),
        (EXIT.replace("emergency=1.2", "emergency=1.3"), "has no input 3"),
    ],
)
def test_wirings_that_cannot_be(wiring: str, problem: str) -> None:
    """I14."""
    with pytest.raises(DeviceError, match=problem):
        parse_layout(TURNSTILE, wiring)


def test_a_lease_shorter_than_its_unit(tmp_path: Path) -> None:
    """I3."""

    async def story() -> None:
        async with boards_wire(tmp_path, TURNSTILE, EXIT) as (gate, unit, _):
            with pytest.raises(DeviceError, match="1 to 10 s"):
                await gate.unlock(Door.EXIT, 0.9, 1)
            assert unit.boards[1].orders == []

    run(story())
