"""A gate unit made of Modbus boards on one line: timed relays, contacts, one task that owns the wire.

The task asks every board in turn and carries out orders between two questions, so an order never meets a half-finished
exchange even when its caller is cancelled. Rules:

- `unlock` is an order that the board itself ends (I3, I7); time that passed before it was sent is taken off the lease, and an
  order that was not acknowledged is made anew with what is left, so a late order never holds a door longer.
- Evidence is two samples in a row, both asked for after the acknowledgement (I2); see `drivers.gate.contacts`.
- Every board is needed: one that is silent is a lost unit within 500 ms, and `reports()` raises once (L2). The others are asked
  on and obey on, because a silent one gets one short question a turn, not all the time there is (L3).
- A door whose lease runs is never reported as locked: its bolt may not have moved yet. A door whose relay is on although no
  lease runs is a `DoorState.FAULT`: somebody else commands it, or the relay sticks (I8).
- Lamps and buzzer come last in a turn: an order for a door never waits for more than one of them.

Modbus proves nobody's identity: whoever reaches the two wires opens the doors. docs/wiring.md says what that asks for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from drivers.counters import DeviceCounters
from drivers.gate.contacts import SettledContacts
from drivers.gate.lamps import LAMPS, SignalLamps
from drivers.gate.listeners import ReportListeners, settle
from drivers.gate.modbus_boards import Board, Layout
from drivers.gate.modbus_line import REPLY_WITHIN_S, BoardLine
from drivers.gate.modbus_protocol import REPEATS, BoardSilent, LineMemory, Question
from drivers.link import Link
from egate.model.errors import DeviceError, MalformedData
from egate.model.lane import Door, DoorState, GateReport, Signal
from egate.ports import Clock

SHORTEST_PAUSE_S = 0.008  # of real time between two turns, so that a fast clock does not make a busy loop
POLL_INTERVAL_S = 0.03  # between the beginnings of two turns; a slow line makes them longer
OUTPUTS_EVERY = 4  # turns between two looks at the relays
OVERDUE_S = 0.5  # a relay may be on that long after its lease: orders travel, boards count their own time
ORDER_ATTEMPTS = 3
WAITING_ERRANDS = 16  # orders that may wait for the wire

_LOG = logging.getLogger("egate.drivers.gate")


@dataclass(frozen=True, slots=True)
class ModbusConfig:
    """The boards of one lane and how patiently they are asked."""

    layout: Layout
    poll_interval_s: float = POLL_INTERVAL_S
    reply_within_s: float = REPLY_WITHIN_S


@dataclass(frozen=True, slots=True)
class _Errand:
    """One question on its way to a board; `answer` is cancelled when the caller gave up. `number` 0 is no order."""

    board: Board
    question: Callable[[], Question]
    number: int
    answer: asyncio.Future[bytes]


class ModbusGate:
    """Fulfils `egate.ports.GateUnit` and `Indicator` with the boards of `config.layout` on one link."""

    def __init__(self, link: Link, config: ModbusConfig, clock: Clock) -> None:
        self._wire = BoardLine(link, config.layout.boards, config.reply_within_s)
        self._link = link
        self._config = config
        self._layout = config.layout
        self._clock = clock
        self._contacts = SettledContacts(config.layout.contacts, config.layout.debounce)
        self._lamps = SignalLamps(config.layout.lamps)
        self._shows: list[asyncio.Future[None]] = []
        self._silent: set[int] = set()
        self._probed = 0
        self._errands: asyncio.Queue[_Errand] = asyncio.Queue(WAITING_ERRANDS)
        self._listeners = ReportListeners()
        self._acknowledged = 0
        self._lease_until: dict[Door, float] = {}
        self._overdue: dict[Door, int] = {}
        self._times: dict[int, bytes] = {}
        self._turns = 0
        self._online = False
        self._task: asyncio.Task[None] | None = None

    @property
    def online(self) -> bool:
        """Whether every board answers."""
        return self._online

    @property
    def line(self) -> LineMemory:
        """What is known of the adapter and of stray frames."""
        return self._wire.memory

    @property
    def counters(self) -> dict[int, DeviceCounters]:
        """Questions and answers of each board by its address (L11)."""
        return self._wire.counters

    @property
    def broken_frames(self) -> int:
        """Frames with a wrong CRC or length so far (L11)."""
        return self._wire.broken_frames

    @property
    def unmasked(self) -> GateReport | None:
        """The contacts as they stand, leased doors included: for the technician who proves that a bolt moves. None before."""
        return self._contacts.report()

    @property
    def silent_boards(self) -> frozenset[int]:
        """Addresses that do not answer now."""
        return frozenset(self._silent)

    async def start(self) -> None:
        """Open the port and find every board with the inputs and outputs of its profile (L13); raises DeviceError."""
        if self._task is not None:
            return
        await self._link.open()
        try:
            self.line.echoes = None
            self._lamps.forget(LAMPS)
            self._times.clear()
            for board in self._layout.boards:
                await self._wire.find(board)
                self._silent.discard(board.address)
        except BaseException:
            await self._link.close()
            raise
        self._online = True
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Stop polling and release the port; pulses end at the boards. Never raises."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._online = False
        closed = DeviceError("command the gate unit", "it is closed")
        self._fail_errands(closed)
        self._listeners.tell(closed)
        await self._link.close()

    async def unlock(self, door: Door, lease_s: float, number: int) -> None:
        """Unlock for at most `lease_s` (a unit of the board to 10 s, I3); returns once acknowledged, raises DeviceError."""
        if door not in self._layout.locks:
            raise DeviceError("command the gate unit", f"the lane has no {door.value} door")
        point, since = self._layout.locks[door], self._clock.monotonic()
        board = self._layout.board(point.address)
        board.unlock_question(point.index, lease_s)

        time = board.time_question(lease_s)
        if time is not None and self._times.get(board.address) != time.raw:
            await self._run_errand(board, partial(_same, time), 0)
            self._times[board.address] = time.raw

        def rest_of_lease() -> Question:
            return board.unlock_question(point.index, lease_s, self._clock.monotonic() - since)

        self._lease_until[door] = max(self._lease_until.get(door, since), since + lease_s)
        await self._run_errand(board, rest_of_lease, number)

    async def lock(self, door: Door, number: int) -> None:
        """End the lease of a door; returns once acknowledged, raises DeviceError. A door that is not there is locked."""
        if door not in self._layout.locks:
            self._acknowledged = max(self._acknowledged, number)
            return
        point = self._layout.locks[door]
        board = self._layout.board(point.address)
        off = board.lock_question(point.index)
        await self._run_errand(board, partial(_same, off), number)
        self._lease_until.pop(door, None)

    async def show(self, signal: Signal) -> None:
        """Show this until told otherwise; returns once acknowledged, raises DeviceError. Lamps not wired show nothing."""
        if self._task is None or not self._link.connected:
            raise DeviceError("switch the lamps", "the gate unit is not there")
        self._lamps.want(signal)
        shown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._shows.append(shown)
        await shown

    async def output_states(self) -> dict[Door, bool]:
        """Which lock relays are on now, as their boards say: read-back for the technician; raises DeviceError."""
        states = {}
        for door, point in self._layout.locks.items():
            board = self._layout.board(point.address)
            questions = board.outputs_questions()
            frames = [await self._run_errand(board, partial(_same, question), 0) for question in questions]
            states[door] = board.parse_outputs(frames)[point.index]
        return states

    def reports(self) -> AsyncIterator[GateReport]:
        """Samples from now on, while somebody listens; raises DeviceError when a board or the line is lost, and when we close.

        Ask again after that: a new iterator waits until all are back and goes on.
        """
        return self._listeners.reports()

    async def _run_errand(self, board: Board, question: Callable[[], Question], number: int) -> bytes:
        """Hand a question to the task that owns the wire and wait for its answer."""
        doing = "command the gate unit"
        if self._task is None or not self._link.connected:
            raise DeviceError(doing, "it is not there")
        if board.address in self._silent:
            raise DeviceError(doing, f"{board.name} does not answer")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        try:
            self._errands.put_nowait(_Errand(board, question, number, answer))
        except asyncio.QueueFull:
            raise DeviceError(doing, "too many orders wait for it") from None
        return await answer

    async def _run(self) -> None:
        """Own the wire: turn after turn, and wait for the port while it is lost."""
        while True:
            if not self._link.connected:
                self._lose_line()
                await self._link.wait_connected()
            await self._turn()

    async def _turn(self) -> None:
        """Ask every board once, publish, then serve errands until the next turn is due."""
        loop = asyncio.get_running_loop()
        earliest = loop.time() + SHORTEST_PAUSE_S
        pause = asyncio.ensure_future(self._clock.sleep(self._config.poll_interval_s))
        try:
            for board in self._boards_to_ask():
                await self._look_at(board)
                await self._serve_waiting()
            self._turns += 1
            self._publish()
            await self._switch_lamps()
            while not pause.done() or loop.time() < earliest:
                await self._serve_until(pause, earliest - loop.time())
            pause.result()  # a clock that fails is a defect, not a pause of no length
        finally:
            pause.cancel()

    def _boards_to_ask(self) -> list[Board]:
        """The boards that answer, and one of the silent ones, in turn (L3)."""
        silent = [board for board in self._layout.boards if board.address in self._silent]
        asked = [board for board in self._layout.boards if board.address not in self._silent]
        if silent:
            self._probed += 1
            asked.append(silent[self._probed % len(silent)])
        return asked

    async def _look_at(self, board: Board) -> None:
        """Ask one board for what it has; trouble makes it a silent one, an answer brings it back."""
        repeats = 0 if board.address in self._silent else REPEATS
        after_command = self._acknowledged
        try:
            if board.profile.inputs:
                frames = await self._read(board, board.inputs_questions(), repeats)
                self._contacts.sample(board.address, board.parse_inputs(frames), after_command)
            if board.profile.outputs and (self._turns % OUTPUTS_EVERY == 0 or not board.profile.inputs):
                await self._serve_waiting()
                self._judge_relays(board, board.parse_outputs(await self._read(board, board.outputs_questions(), repeats)))
        except DeviceError as error:
            self._lose_board(board, error)
        except MalformedData as error:
            self._lose_board(board, DeviceError(error.doing, error.problem))
        else:
            self._silent.discard(board.address)

    async def _read(self, board: Board, questions: tuple[Question, ...], repeats: int) -> list[bytes]:
        """The answers to some reads; orders are carried out between two of them."""
        frames: list[bytes] = []
        for question in questions:
            if frames:
                await self._serve_waiting()
            frames.append(await self._wire.ask(board, question, repeats))
        return frames

    def _judge_relays(self, board: Board, outputs: tuple[bool, ...]) -> None:
        """Count how often in a row a lock relay was on without a lease."""
        now = self._clock.monotonic()
        for door, point in self._layout.locks.items():
            if point.address == board.address:
                late = outputs[point.index] and now > self._lease_until.get(door, 0.0) + OVERDUE_S
                self._overdue[door] = self._overdue.get(door, 0) + 1 if late else 0

    def _publish(self) -> None:
        """Tell the listeners, once every board answers and every contact has settled; a contact that chatters is named."""
        for contact, chatters in self._contacts.chatter_news():
            if chatters:
                _LOG.warning("gate unit on %s: contact %s chatters; the lane holds", self._link.name, contact.value)
            else:
                _LOG.info("gate unit on %s: contact %s is steady again", self._link.name, contact.value)
        if self._silent or not self._link.connected:
            return
        report = self._contacts.report()
        if report is None:
            return
        if not self._online:
            self._online = True
            _LOG.info("gate unit on %s is back", self._link.name)
        judged = self._judged(report)
        self._listeners.tell(judged)

    def _judged(self, report: GateReport) -> GateReport:
        """A door whose lease runs is closed at best; one whose relay is on without a lease is a fault."""
        now = self._clock.monotonic()
        states = {Door.ENTRY: report.entry, Door.EXIT: report.exit}
        for door in Door:
            if self._lease_until.get(door, now) > now and states[door] is DoorState.LOCKED:
                states[door] = DoorState.CLOSED
            if self._overdue.get(door, 0) > 1:
                states[door] = DoorState.FAULT
        return replace(report, entry=states[Door.ENTRY], exit=states[Door.EXIT])

    async def _switch_lamps(self) -> None:
        """Bring the lamps to what they should show; what cannot be switched now is tried again in the next turn."""
        gone = {output for output, point in self._layout.lamps.items() if point.address in self._silent}
        trouble = DeviceError("switch the lamps", "a board with lamps does not answer") if gone else None
        while (switch := self._lamps.next_switch(self._clock.monotonic(), gone)) is not None:
            output, on = switch
            point = self._layout.lamps[output]
            board = self._layout.board(point.address)
            await self._serve_waiting()
            try:
                await self._wire.obtain(board, lambda: board.lamp_question(point.index, on))  # noqa: B023 - asked at once
            except DeviceError as error:
                trouble = DeviceError("switch the lamps", error.problem)
                if isinstance(error, BoardSilent):
                    self._lose_board(board, error)
                gone.add(output)
            else:
                self._lamps.switched(output, on)
        self._tell_shows(trouble)

    def _tell_shows(self, trouble: DeviceError | None) -> None:
        """Whoever waits for the lamps hears how it went."""
        shows, self._shows = self._shows, []
        for shown in shows:
            if shown.done():
                continue
            if trouble is None:
                shown.set_result(None)
            else:
                shown.set_exception(trouble)

    async def _serve_waiting(self) -> None:
        """Serve the errands that came while the wire was busy."""
        while not self._errands.empty():
            await self._serve(self._errands.get_nowait())

    async def _serve_until(self, pause: asyncio.Future[None], least_s: float) -> None:
        """Wait for an errand or the end of the pause; serve the errand."""
        coming = asyncio.ensure_future(self._errands.get())
        waiting: set[asyncio.Future[Any]] = {coming} if pause.done() else {coming, pause}
        try:
            await asyncio.wait(waiting, timeout=max(least_s, 0.0) if pause.done() else None, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not coming.done():
                coming.cancel()
        if coming.done() and not coming.cancelled():
            await self._serve(coming.result())

    async def _serve(self, errand: _Errand) -> None:
        """Ask a board one caller's question; a refusal is the caller's, a silent board is everybody's."""
        if errand.board.address in self._silent:
            settle(errand.answer, DeviceError("command the gate unit", f"{errand.board.name} does not answer"))
        if errand.answer.done():
            return
        try:
            answer = await self._ask_anew(errand)
        except DeviceError as error:
            settle(errand.answer, error)
            if isinstance(error, BoardSilent):
                self._lose_board(errand.board, error)
            return
        except asyncio.CancelledError:
            settle(errand.answer, DeviceError("command the gate unit", "it is closed"))
            raise
        self._acknowledged = max(self._acknowledged, errand.number)
        if not errand.answer.done():
            errand.answer.set_result(answer)

    async def _ask_anew(self, errand: _Errand) -> bytes:
        """Ask; when nothing comes ask again with what is left of the lease. Orders are absolute, so twice is once."""
        for _ in range(ORDER_ATTEMPTS - 1):
            try:
                return await self._wire.obtain(errand.board, errand.question)
            except BoardSilent:
                if not self._link.connected:
                    raise
                self.counters[errand.board.address].repeats += 1
        return await self._wire.obtain(errand.board, errand.question)

    def _lose_line(self) -> None:
        """The port is gone, and with it every board, what was heard of them, and what is known of the adapter."""
        error = DeviceError("talk to the gate unit", f"{self._link.name} is lost")
        self.line.echoes = None
        for board in self._layout.boards:
            self._silent.add(board.address)
            self._forget(board)
        self._fail_errands(error)
        self._set_offline(error)

    def _lose_board(self, board: Board, error: DeviceError) -> None:
        """One board is silent or talks nonsense."""
        self._silent.add(board.address)
        self._forget(board)
        self._set_offline(DeviceError(f"ask {board.name}", error.problem))

    def _forget(self, board: Board) -> None:
        """What a board said is no evidence any more, and nobody knows what its lamps show."""
        self._contacts.forget(board.address)
        self._times.pop(board.address, None)
        self._lamps.forget([output for output, point in self._layout.lamps.items() if point.address == board.address])

    def _set_offline(self, error: DeviceError) -> None:
        """Say once that the unit is lost, to the log and to listeners."""
        if not self._online:
            return
        self._online = False
        _LOG.warning("gate unit on %s lost (%s: %s)", self._link.name, error.doing, error.problem)
        self._listeners.tell(error)

    def _fail_errands(self, error: DeviceError) -> None:
        self._tell_shows(error)
        while not self._errands.empty():
            settle(self._errands.get_nowait().answer, error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """The task ended: when by a defect of ours, the unit counts as lost and the defect is named (L14)."""
        if task.cancelled() or task.exception() is None:
            return
        _LOG.error("the driver of the gate unit failed", exc_info=task.exception())
        error = DeviceError("drive the gate unit", "the driver failed")
        self._fail_errands(error)
        self._set_offline(error)


def _same(question: Question) -> Question:
    """A question that does not change while it waits."""
    return question
