"""The Modbus gate driver in front of boards and adapters that misbehave: refusals, strangers, doubles, late answers, echoes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drivers.gate.modbus import ModbusConfig, ModbusGate
from drivers.gate.modbus_boards import Board, parse_layout
from drivers.gate.modbus_line import BoardLine
from drivers.gate.modbus_protocol import ExceptionCode, Question, with_crc
from drivers.sim.modbus_board import SimulatedModbusGate
from egate.model.errors import DeviceError
from egate.model.lane import Door
from tests.unit.drivers.modbus_wires import ONE, SEVERAL, SEVERAL_WIRED, boards_wire, first_where, raised
from tests.unit.drivers.wires import TestClock, link_to, run, until


def test_an_exception_to_an_order_is_the_callers(tmp_path: Path) -> None:
    """A refused order is no evidence (I2); a board that refuses its contacts is lost until it stops."""

    async def story() -> None:
        async with boards_wire(tmp_path, SEVERAL, SEVERAL_WIRED) as (gate, unit, _):
            reports = gate.reports()
            await anext(reports)
            unit.misbehaviour.refuses[3] = ExceptionCode.BOARD_FAILED
            assert "exception 4: board failed" in await raised(reports)
            assert gate.counters[3].refused > 0
            unit.misbehaviour.refuses.clear()
            assert (await anext(gate.reports())).after_command == 0
            unit.misbehaviour.refuses[1] = ExceptionCode.ILLEGAL_VALUE
            with pytest.raises(DeviceError, match="exception 3: illegal value"):
                await gate.unlock(Door.ENTRY, 3, 1)
            unit.misbehaviour.refuses.clear()
            assert (await first_where(gate)).after_command == 0

    run(story())


def test_a_busy_board_is_asked_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with boards_wire(tmp_path) as (gate, unit, _):
            unit.misbehaviour.refuses[1] = ExceptionCode.BUSY
            assert "does not answer" in await raised(gate.reports())
            unit.misbehaviour.refuses.clear()
            await anext(gate.reports())

    run(story())


def test_answers_from_elsewhere_are_dropped_and_counted(tmp_path: Path) -> None:
    """L7."""

    async def story() -> None:
        async with boards_wire(tmp_path) as (gate, unit, _):
            reports = gate.reports()
            await anext(reports)
            unit.misbehaviour.answers_as[1] = 9
            assert "does not answer" in await raised(reports)
            assert gate.line.foreign > 0
            unit.misbehaviour.answers_as.clear()
            await anext(gate.reports())

    run(story())


def test_doubled_answers_change_nothing(tmp_path: Path) -> None:
    """L7: an answer that comes twice is not the answer to the next question."""

    async def story() -> None:
        async with boards_wire(tmp_path, SEVERAL, SEVERAL_WIRED) as (gate, unit, _):
            unit.misbehaviour.doubled = True
            for number in range(1, 6):
                await gate.unlock(Door.ENTRY, 1.0, number)
                await first_where(gate, newer=number)
            assert gate.counters[1].unanswered == 0
            assert gate.line.stray + gate._link.counters.dropped_bytes > 0

    run(story())


def test_a_late_answer_is_not_the_answer_to_a_later_question(tmp_path: Path) -> None:
    """L7: what was said before the loss arrives after it; it is dropped, and only fresh samples make a report."""

    async def story() -> None:
        async with boards_wire(tmp_path) as (gate, unit, _):
            reports = gate.reports()
            await anext(reports)
            unit.misbehaviour.held_back = []
            assert "does not answer" in await raised(reports)
            unit.emergency(True)
            unit.release_held_back()
            report = await anext(gate.reports())
            assert report.emergency

    run(story())


@pytest.mark.parametrize("late_s", [0.11, 0.16])
def test_a_board_that_is_always_late_gives_no_old_samples(tmp_path: Path, late_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """I2, L7: each taken sample was asked for in its own exchange, though every answer arrives while something else is asked."""
    asked, old, taken = [0], list[tuple[int, int]](), [0]

    class Watched(BoardLine):
        async def ask(self, board: Board, question: Question, repeats: int) -> bytes:
            before = asked[0]
            answer = await super().ask(board, question, repeats)
            taken[0] += 1
            if answer[3] <= before % 256 and asked[0] < 256:
                old.append((answer[3], before))
            return answer

    monkeypatch.setattr("drivers.gate.modbus.BoardLine", Watched)

    async def story() -> None:
        clock, layout = TestClock(), parse_layout(ONE)
        unit = SimulatedModbusGate(tmp_path / "boards", clock, layout, baud=None)

        def count(frame: bytes) -> bytes:
            asked[0] += 1
            return with_crc(frame[:2] + bytes((1, asked[0] & 0xFF)))

        for board in unit.boards.values():
            board.answer = count  # type: ignore[method-assign]  # each answer says the how manieth question it answers
        unit.plug()
        gate = ModbusGate(link_to(tmp_path / "boards", clock), ModbusConfig(layout), clock)
        try:
            await gate.start()
            unit.misbehaviour.late_s = late_s
            await clock.sleep(1.2)
        finally:
            await gate.close()
            await unit.close()

    run(story())
    assert taken[0] > 3
    assert old == []


def test_time_spent_on_attempts_is_taken_off_the_lease(tmp_path: Path) -> None:
    """I3: the order that arrives late asks for less."""

    async def story() -> None:
        async with boards_wire(tmp_path, SEVERAL, SEVERAL_WIRED) as (gate, unit, clock):
            unit.misbehaviour.silent.add(1)
            order = asyncio.ensure_future(gate.unlock(Door.ENTRY, 3.0, 1))
            await until(lambda: gate.counters[1].repeats > 0, clock)
            unit.misbehaviour.silent.clear()
            await order
            assert 0 < unit.boards[1].orders[0][2] < 30

    run(story())


def test_an_echo_is_no_acknowledgement(tmp_path: Path) -> None:
    """A two-wire adapter lets us hear ourselves while the board is dead: an order that nobody took must fail."""

    async def story() -> None:
        async with boards_wire(tmp_path, SEVERAL, SEVERAL_WIRED, echo=True) as (gate, unit, _):
            assert gate.line.echoes is True
            unit.misbehaviour.silent.add(1)
            with pytest.raises(DeviceError, match="does not answer"):
                await gate.unlock(Door.ENTRY, 3, 1)
            assert unit.boards[1].orders == []
            assert gate.line.echoes_heard > 3

    run(story())
