"""One exchange after the other on a line of Modbus boards: ask, hear, let late answers pass, count.

The rules of `drivers.gate.modbus_protocol` meet a real port here: a question forgets what came unasked (L7), an order goes out
only where it is known whether the adapter lets us hear ourselves, and before a read everything late has passed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from drivers.counters import DeviceCounters
from drivers.gate.modbus_boards import Board
from drivers.gate.modbus_protocol import REPEATS, WAIT, BoardSilent, Exchange, LineMemory, Question
from drivers.link import Link
from egate.model.errors import DeviceError

REPLY_WITHIN_S = 0.1  # silence after a question, asked three times: lost in < 500 ms (L2)
QUIET_S = 0.15  # after an answer missed its time; late answers follow each other as attempts do, so longer than that (L7)
LONGEST_HUSH_S = 0.4  # a line that is never silent cannot be trusted
START_ATTEMPTS = 3


class BoardLine:
    """The wire of one or more boards. One task at a time may ask; `memory` and `counters` outlive lost boards."""

    def __init__(self, link: Link, boards: Iterable[Board], reply_within_s: float = REPLY_WITHIN_S) -> None:
        self.memory = LineMemory()
        self.counters = {board.address: DeviceCounters() for board in boards}
        self.broken_frames = 0
        self._link = link
        self._reply_within_s = reply_within_s

    async def obtain(self, board: Board, question: Callable[[], Question]) -> bytes:
        """One question of an order; it is sent only where it is known whether the line echoes."""
        if self.memory.echoes is None:
            await self.ask(board, board.outputs_questions()[0], 0)
        if self.memory.echoes is None:
            raise BoardSilent(f"ask {board.name}", "the line is too noisy to know our own echo")
        return await self.ask(board, question(), 0)

    async def find(self, board: Board) -> None:
        """The board is there and has what its profile says; noise may cost an attempt."""
        for attempt in range(START_ATTEMPTS):
            try:
                if inputs := board.inputs_questions():
                    board.parse_inputs([await self.ask(board, question, REPEATS) for question in inputs])
                if outputs := board.outputs_questions():
                    board.parse_outputs([await self.ask(board, question, REPEATS) for question in outputs])
                break
            except BoardSilent as error:
                if attempt == START_ATTEMPTS - 1 or not self._link.connected:
                    raise DeviceError(f"find {board.name}", error.problem) from None
            except DeviceError as error:
                raise DeviceError(f"find {board.name}", f"{error.problem}; is it another kind of board?") from None

    async def ask(self, board: Board, question: Question, repeats: int) -> bytes:
        """Carry one exchange over the wire; raises BoardSilent when nothing fits, DeviceError for a refusal."""
        if board.profile.pause_s:
            await self._link.rest(board.profile.pause_s)
        loop, counters = asyncio.get_running_loop(), self.counters[board.address]
        exchange = Exchange(question, self.memory, counters, repeats)
        dialogue, arrived = exchange.dialogue(), list[bytes]()
        asked_at, deadline = loop.time(), 0.0
        try:
            outgoing = next(dialogue)
            while True:
                if outgoing != WAIT:
                    if question.is_read and not deadline:
                        await self._hush()
                    self._send(outgoing, exchange, arrived)
                    deadline = loop.time() + self._reply_within_s
                outgoing = dialogue.send(await self._next_frame(exchange, arrived, deadline))
        except StopIteration as finished:
            counters.answered(loop.time() - asked_at)
            answer: bytes = finished.value
            return answer
        finally:
            dialogue.close()
            self.broken_frames += exchange.frames.broken_frames
            self.memory.stray += len(arrived)

    def _send(self, outgoing: bytes, exchange: Exchange, arrived: list[bytes]) -> None:
        """Ask, after forgetting what came unasked (L7)."""
        try:
            self._link.discard_input()
            exchange.frames.reset()
            arrived.clear()
            self._link.write(outgoing)
        except DeviceError as error:
            raise BoardSilent(error.doing, error.problem) from None

    async def _hush(self) -> None:
        """An answer missed its time: let it pass before anything else is read.

        A read has no words to know its answer by. Orders do, and the same read may take either answer, so those do not wait.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LONGEST_HUSH_S
        while self.memory.late:
            try:
                self.memory.late = bool(await self._link.read(QUIET_S))
            except DeviceError as error:
                raise BoardSilent(error.doing, error.problem) from None
            self.memory.stray += self.memory.late
            if self.memory.late and loop.time() > deadline:
                raise BoardSilent("ask the gate unit", "the line is never silent")

    async def _next_frame(self, exchange: Exchange, arrived: list[bytes], deadline: float) -> bytes | None:
        """The next whole frame, or None when the time for an answer is over; raises BoardSilent when the port is gone."""
        loop = asyncio.get_running_loop()
        while not arrived:
            try:
                data = await self._link.read(max(deadline - loop.time(), 0.0))
            except DeviceError as error:
                raise BoardSilent(error.doing, error.problem) from None
            if not data:
                return None
            arrived += exchange.frames.receive(data)
        return arrived.pop(0)
