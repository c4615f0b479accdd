"""The lane controller: events in, one pure step, commands out.

Rule: this class decides nothing. `egate.lane` says what happens next, the inspector gathers and judges; here the lane's commands
meet devices, the log and the screens. Everything that waits runs as a task and comes back as an event; the step itself
never waits.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from egate.app.board import Board
from egate.app.daily import TrustWatch
from egate.app.gate_link import DEVICE_RETRY_S, GateEnds, GateLink
from egate.app.inspection import parse_lines
from egate.app.inspector import DeviceLosses, Inspector
from egate.app.lane_inspection import inspection_part
from egate.app.parts import Parts
from egate.app.passage import Passage
from egate.app.recording import SingleThread, completion_record, crossing_record, lane_event_record, officer_record
from egate.app.service.notify import Notifier
from egate.app.service.watchdog import Watchdog
from egate.app.views import case_pictures
from egate.ipc.messages import (
    HEARTBEAT_S,
    CasePicturesWished,
    LanguageWished,
    Message,
    OfficerWish,
    ReceiptArrived,
    Role,
    TravellerHelpWished,
    Welcome,
    WishAnswer,
)
from egate.ipc.server import Client, MessageServer
from egate.ipc.wishes import verify_wish
from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.machine import LaneState, initial, step
from egate.model.crossing import LogRecord
from egate.model.document import Mrz
from egate.model.errors import DeviceError, MalformedData, TrustError
from egate.model.lane import LanePhase

WORKER_RETRY_S = 5.0
"""A worker loads its models for two seconds; trying it more often would only keep the machine busy."""

NOTHING_OPENS = frozenset({LanePhase.EMERGENCY, LanePhase.RESYNC, LanePhase.OUT_OF_SERVICE})
"""Phases in which an unlock that was not sent yet is withdrawn (I6)."""

Witness = Callable[[e.Event, LaneState, tuple[c.Command, ...]], None]
"""Is told each event, the state after it and what the lane asked for; it changes nothing."""

log = logging.getLogger(__name__)


class Controller:
    """One lane, running until it is cancelled. `witness` is told every step."""

    def __init__(self, parts: Parts, witness: Witness | None = None, notifier: Notifier | None = None) -> None:
        self._parts = parts
        self._notifier = notifier or Notifier()
        self._witness = witness
        self._state = initial(parts.settings)
        self._events: asyncio.Queue[e.Event | asyncio.Future[None]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writes: set[asyncio.Task[None]] = set()
        self._passage_task: asyncio.Task[None] | None = None
        self._timer: asyncio.Task[None] | None = None
        self._passage: Passage | None = None
        self._next_mrz: Mrz | None = None
        self._disk = SingleThread()
        config = parts.config
        welcome = Welcome(config.name, config.number, str(config.frames))
        self._server = MessageServer(config.socket, parts.clock, welcome=welcome, on_message=self._on_message)
        self._board = Board(self._server.publish, parts.clock, config.name, config.number, lambda: parts.depth)
        self._board.state, self._board.language = self._state, config.language
        losses = DeviceLosses(self._chip_reader_lost, self._camera_lost)
        self._inspector = Inspector(parts, self._board, self._events.put_nowait, self._spawn, losses)
        board = self._board
        ends = GateEnds(self._events.put_nowait, board.lose, board.regain, self._tell_opened, self._may_open)
        self._gate = GateLink(parts.gate, parts.clock, ends)
        self._carriers: dict[type, Callable[[Any], None]] = {
            c.Unlock: self._gate.hand,
            c.Lock: self._gate.hand,
            c.ReadDocument: self._begin_passage,
            c.CaptureFace: self._begin_capture,
            c.AbandonPassage: self._abandon,
            c.RecordCrossing: self._record_crossing,
            c.RecordOfficerAct: self._record_act,
            c.RecordCompletion: self._record_completion,
            c.RaiseAlarm: lambda command: self._board.raise_alarm(command.alarm),
            c.ClearAlarm: lambda command: self._board.clear_alarm(command.alarm),
            c.SetTimer: self._set_timer,
        }

    # -- life ---------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Start the devices and serve the lane until cancelled; doors are locked on the way out."""
        parts = self._parts
        await self._server.start()
        try:
            await self._disk.run(parts.open_log)
            await self._disk.run(lambda: parts.append(lane_event_record("start", parts.versions)))
            for work in (
                self._watch_documents(),
                self._start_chip_reader(),
                self._start_face_worker(),
                self._gate.watch(),
                self._gate.drive(),
                Watchdog(self._notifier, parts.clock, self._lane_turn, self._gate.round, self._status).run(),
                self._refresh(),
                TrustWatch(parts, self._board).run(),
            ):
                self._spawn(work)
            while True:
                event = await self._events.get()
                if not isinstance(event, asyncio.Future):
                    self._advance(event)
                elif not event.done():
                    event.set_result(None)  # the watchdog's turn: the lane has come this far
        finally:
            self._notifier.stopping()
            await self._stop()

    async def _stop(self) -> None:
        """Stop every task, lock both doors, write the stop, close every part."""
        writing = list(self._writes)
        others = list(self._tasks - self._writes)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, *writing, return_exceptions=True)
        await self._parts.close_devices(self._state.last_command)
        if self._parts.log_is_open:
            await self._disk.run(self._close_log)
        self._disk.close()
        await self._server.close()

    def _close_log(self) -> None:
        """Write what still waits and the stop, then release the log; runs in the log's thread."""
        parts = self._parts
        if not parts.write_waiting():
            log.error("%d records could not be written before the lane stopped", len(parts.waiting))
        try:
            parts.append(lane_event_record("stop", parts.versions))
        except DeviceError as error:
            log.error("the stop was not recorded: %s", error)
        parts.log.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            place = traceback.extract_tb(error.__traceback__)[-1]  # never the text: it may quote what a document said
            log.error("a task of the lane ended unexpectedly: %s in %s:%s", type(error).__name__, place.filename, place.lineno)

    # -- the step -----------------------------------------------------------------------------------------------------

    def _advance(self, event: e.Event) -> None:
        """One event: step, note the phase, carry out, show."""
        before = self._state
        self._state, commands = step(before, event, self._parts.settings)
        self._board.state = self._state
        changed = self._state.phase is not before.phase
        for command in commands:
            self._announce(command)
        ends = changed and self._state.phase is LanePhase.IDLE
        if changed and not ends and self._state.phase is not LanePhase.READING:
            self._board.enter_phase()
        for command in commands:
            self._carriers[type(command)](command)
        if ends:
            self._end_passage()
        if commands or changed:
            self._board.show()
        if self._witness is not None:
            self._witness(event, self._state, commands)

    def _announce(self, command: c.Command) -> None:
        """Tell what led to the new phase before the phase itself."""
        if isinstance(command, c.RecordOfficerAct):
            self._board.tell("officer", command.action.value, f"{command.reason.value} by {command.officer}")
        elif isinstance(command, c.RecordCrossing) and self._passage and self._passage.decision != command.decision:
            self._board.tell_decision(command.decision)

    def _end_passage(self) -> None:
        """The lane is free: tell it, then forget the traveller and their language."""
        self._board.enter_phase()
        self._passage = self._board.passage = None
        self._board.language = self._parts.config.language

    # -- documents ----------------------------------------------------------------------------------------------------

    async def _watch_documents(self) -> None:
        """MRZ lines start a passage; what is no MRZ asks the traveller to lay the document again."""
        reader, board = self._parts.mrz, self._board
        await self._until_started("mrz reader", reader.start)
        while True:
            try:
                lines = await reader.read_lines()
            except DeviceError as error:
                board.lose("mrz reader", error)
                await self._until_started("mrz reader", reader.start)
                continue
            await self._take_lines(lines)

    async def _take_lines(self, lines: tuple[str, ...]) -> None:
        """A document that is laid while somebody passes, or while nothing can be recorded, begins no passage."""
        if self._state.phase is not LanePhase.IDLE or not await self._ready_for_travellers():
            return
        self._next_mrz = parse_lines(lines)
        self._board.present_again = self._next_mrz is None
        if self._next_mrz is None:
            self._board.tell("document", "unreadable", "the machine readable zone could not be read")
            self._board.show()
        else:
            self._events.put_nowait(e.DocumentPresented())

    async def _ready_for_travellers(self) -> bool:
        """Whether everything that a passage needs works: no device lost, and a log that takes what still waits for it."""
        if not await self._disk.run(self._parts.catch_up):
            self._board.lose("log", DeviceError("recording", "the disk is full or failing; the lane admits nobody"))
            return False
        self._board.regain("log")
        return not self._board.lost

    async def _start_chip_reader(self) -> None:
        await self._until_started("chip reader", self._parts.chip.start)

    async def _start_face_worker(self) -> None:
        """Start the worker, which opens its camera once to prove that it is there; the lane is closed until it does."""
        await self._until_started("camera", self._parts.face.start, WORKER_RETRY_S)

    def _camera_lost(self, error: DeviceError) -> None:
        """A capture was aborted by the camera or the worker: nobody else walks in before both are proved again."""
        self._board.lose("camera", error)

        async def prove() -> None:
            await self._parts.face.close()
            await self._start_face_worker()

        self._spawn(prove())

    def _chip_reader_lost(self, error: DeviceError) -> None:
        self._board.lose("chip reader", error)
        self._spawn(self._start_chip_reader())

    async def _until_started(
        self, name: str, start: Callable[[], Coroutine[Any, Any, None]], retry_s: float = DEVICE_RETRY_S
    ) -> None:
        while True:
            try:
                await start()
            except DeviceError as error:
                self._board.lose(name, error)
                await self._parts.clock.sleep(retry_s)
            else:
                self._board.regain(name)
                log.info("%s is ready", name)
                return

    def _begin_passage(self, command: c.ReadDocument) -> None:
        passage = Passage(command.passage, self._parts.entropy(8).hex(), self._parts.clock.monotonic(), self._next_mrz)
        passage.language = self._board.language
        self._passage = self._board.passage = passage
        self._board.present_again = False
        issuer = passage.mrz.issuing_state if passage.mrz else ""
        self._board.tell("document", "presented", f"issued by {issuer}" if issuer else "")
        self._board.enter_phase()
        self._passage_task = self._spawn(self._inspector.inspect(passage))

    def _begin_capture(self, command: c.CaptureFace) -> None:
        if self._passage is not None and self._passage.number == command.passage:
            self._passage_task = self._spawn(self._inspector.capture(self._passage))

    def _abandon(self, command: c.AbandonPassage) -> None:
        if self._passage_task is not None:
            self._passage_task.cancel()
            self._passage_task = None
        if self._passage is not None and self._passage.number == command.passage:
            self._spawn(self._parts.face.abandon())

    # -- the record ---------------------------------------------------------------------------------------------------

    def _record_crossing(self, command: c.RecordCrossing) -> None:
        passage = self._passage
        if passage is None or passage.number != command.passage:
            self._events.put_nowait(e.NotRecorded(command.passage, command.number))
            return
        passage.decision = command.decision
        passage.add(command.decision.because)
        self._board.count(command.decision.outcome)
        inspection = inspection_part(passage, command.decision, self._parts)
        self._write(crossing_record(passage, command.decision, self._parts.all_versions, inspection), command)

    def _record_act(self, command: c.RecordOfficerAct) -> None:
        stages = tuple(self._passage.stages) if self._passage else ()
        transaction = self._passage.transaction if self._passage else ""
        self._write(officer_record(transaction, command, stages), command)

    def _record_completion(self, command: c.RecordCompletion) -> None:
        self._board.tell("door", "left_through", command.through.value if command.through else "none")
        stages = tuple(self._passage.stages) if self._passage else ()
        transaction = self._passage.transaction if self._passage else ""
        self._write(completion_record(transaction, command.through, stages), None)

    def _write(self, record: LogRecord, asked: c.RecordCrossing | c.RecordOfficerAct | None) -> None:
        """Append a record; where the lane waits for it (`asked`), the answer comes back as an event."""

        async def write() -> None:
            try:
                committed = await self._disk.run(lambda: self._parts.append(record))
            except DeviceError as error:
                log.error("not recorded now, kept for later: %s", error)
                await self._disk.run(lambda: self._parts.keep_for_later(record))
                self._board.tell("record", "failed", error.problem)
                answer: e.Event | None = e.NotRecorded(asked.passage, asked.number) if asked else None
            else:
                self._board.tell("record", record.kind.value, f"row {committed.sequence} is durable")
                answer = e.Recorded(asked.passage, asked.number) if asked else None
            if answer is not None:
                self._events.put_nowait(answer)

        task = self._spawn(write())
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    # -- the gate -----------------------------------------------------------------------------------------------------

    def _may_open(self) -> bool:
        return self._state.phase not in NOTHING_OPENS

    def _tell_opened(self, order: c.Unlock) -> None:
        self._board.tell("door", f"{order.door.value}_unlocked", f"for at most {order.lease_s:g} s")

    async def _lane_turn(self) -> None:
        """Until the lane has taken everything that waits now; cancelled turns are cancelled with their waiting."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._events.put_nowait(turn)
        await turn

    def _status(self) -> str:
        """What the service manager shows: phase and lost devices, nothing personal."""
        lost = ", ".join(sorted(self._board.lost))
        return f"{self._state.phase.value}, lost: {lost}" if lost else self._state.phase.value

    def _set_timer(self, command: c.SetTimer) -> None:
        if self._timer is not None:
            self._timer.cancel()

        async def ring() -> None:
            await self._parts.clock.sleep(command.seconds)
            self._events.put_nowait(e.TimerExpired(command.number))

        self._timer = self._spawn(ring())

    async def _refresh(self) -> None:
        while True:
            self._board.show()
            await self._parts.clock.sleep(HEARTBEAT_S)

    # -- people -------------------------------------------------------------------------------------------------------

    async def _on_message(self, client: Client, message: Message) -> Message | None:
        """What a screen or the sync process asks; each role may ask its own things only."""
        match client.role, message:
            case Role.GUARD, OfficerWish():
                return self._on_wish(message)
            case Role.GUARD, CasePicturesWished():
                return case_pictures(message.passage, self._passage)
            case Role.KIOSK, LanguageWished():
                self._choose_language(message.language)
            case Role.KIOSK, TravellerHelpWished():
                self._events.put_nowait(e.HelpWished())
            case Role.SYNC, ReceiptArrived():
                self._spawn(self._take_receipt(message))
            case _:
                return WishAnswer(False, "not_yours_to_ask")
        return None

    def _choose_language(self, language: str) -> None:
        if self._passage is not None:
            self._passage.language = language
        else:
            self._board.language = language
        self._board.show()

    def _on_wish(self, wish: OfficerWish) -> WishAnswer:
        key = self._parts.officers.get(wish.officer)
        if key is None:
            return WishAnswer(False, "unknown_officer")
        try:
            verify_wish(
                wish,
                key,
                self._parts.clock.wall_ns(),
                counter=self._board.wish_counter,
                lane=self._parts.config.name,
                passage=self._state.passage,
            )
        except TrustError as error:
            log.warning("an officer's wish was refused: %s", error.problem)
            return WishAnswer(False, error.problem)
        self._board.wish_counter += 1
        self._events.put_nowait(e.OfficerWished(wish.action, wish.reason, wish.officer))
        return WishAnswer(True)

    async def _take_receipt(self, message: ReceiptArrived) -> None:
        try:
            delivered = await self._disk.run(lambda: self._parts.take_receipt(message))
        except (TrustError, MalformedData, DeviceError) as error:
            log.warning("a receipt was refused: %s", error.problem)
        else:
            if delivered:
                self._board.tell("receipt", "centre", f"holds every row up to {message.sequence}")
