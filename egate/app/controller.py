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

from egate.app.accuracy import AccuracyWatch
from egate.app.attendance import Attendance
from egate.app.board import Board
from egate.app.conditions import Conditions
from egate.app.daily import TrustWatch
from egate.app.gate_link import GateEnds, GateLink
from egate.app.inspector import DeviceLosses, Inspector
from egate.app.intake import Intake, IntakeEnds
from egate.app.lamps import Lamps
from egate.app.lane_inspection import inspection_part
from egate.app.parts import Parts
from egate.app.passage import Passage
from egate.app.passages import Passages
from egate.app.people import People, PeopleEnds
from egate.app.recording import SingleThread, completion_record, crossing_record, lane_event_record, officer_record
from egate.app.service.notify import Notifier
from egate.app.service.watchdog import Watchdog
from egate.app.station import Station, StationEnds
from egate.checks.catalogue import finding
from egate.ipc.messages import (
    HEARTBEAT_S,
    Message,
    Welcome,
)
from egate.ipc.server import Client, MessageServer
from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.machine import LaneState, initial, step
from egate.lane.signals import signal_for
from egate.model.checks import CheckName, Decision, DecisionPoint, Outcome
from egate.model.crossing import LogRecord, StageTime
from egate.model.errors import DeviceError
from egate.model.lane import LanePhase, Topology

NOTHING_OPENS = frozenset({LanePhase.EMERGENCY, LanePhase.RESYNC, LanePhase.OUT_OF_SERVICE})
"""Phases in which an unlock that was not sent yet is withdrawn (I6)."""

FREE = frozenset({LanePhase.IDLE, LanePhase.OUT_OF_SERVICE, LanePhase.LEFT_OBJECT})
"""Phases with nobody in the gate: the traveller is forgotten."""

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
        self._timer: asyncio.Task[None] | None = None
        self._passages = Passages()
        self._disk = SingleThread()
        config = parts.config
        welcome = Welcome(config.name, config.number, str(config.frames))
        self._server = MessageServer(config.socket, parts.clock, welcome=welcome, on_message=self._hear)
        self._board = Board(self._server.publish, parts.clock, config.name, config.number, lambda: parts.depth)
        self._board.state, self._board.language = self._state, config.language
        self._intake = Intake(parts, self._board, self._disk, IntakeEnds(self._events.put_nowait, self._spawn))
        losses = DeviceLosses(self._document_lost, self._intake.chip_reader_lost, self._intake.camera_lost)
        self._inspector = Inspector(parts, self._board, self._events.put_nowait, self._spawn, losses)
        self._accuracy = AccuracyWatch(parts, self._board, lambda record: self._write(record, None))
        self._station = self._make_station()
        self._attendance = Attendance(config.name, parts.officers)
        board = self._board
        board.is_closed, board.pipelined, board.station = self._closed, parts.settings.pipelined, self._station
        self._conditions = Conditions(parts, self._attendance, board.lost, self._events.put_nowait)
        asked = PeopleEnds(self._events.put_nowait, self._spawn, self._disk, self._passages)
        self._people = People(parts, board, self._conditions, self._attendance, asked)
        self._lamps = Lamps(parts.gate, parts.clock)
        ends = GateEnds(self._events.put_nowait, board.lose, self._gate_is_back, self._tell_opened, self._may_open)
        self._gate = GateLink(parts.gate, parts.clock, ends)
        self._carriers: dict[type, Callable[[Any], None]] = {
            c.Unlock: lambda _handed: None,  # orders went first
            c.Lock: lambda _handed: None,
            c.ReadDocument: self._begin_passage,
            c.RedeemToken: self._redeem,
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
        """Start the devices and serve the lane until cancelled; doors are locked on the way out.

        The doors are proved while the log is opened: a slow disk keeps nobody from it (I7). Whatever has to be written waits in
        the log's thread, behind the start.
        """
        parts = self._parts
        await self._server.start()
        opening = asyncio.ensure_future(self._disk.run(self._open_log))
        serving = asyncio.ensure_future(self._serve())
        try:
            for work in (
                *self._document_work(),
                self._intake.start_chip_reader(),
                self._intake.start_face_worker(),
                self._intake.watch_cameras(),
                self._lamps.run(),
                self._gate.watch(),
                self._gate.drive(),
                Watchdog(self._notifier, parts.clock, self._lane_turn, self._gate.round, self._status).run(),
                self._refresh(),
                TrustWatch(parts, self._board).run(),
                self._accuracy.run(),
            ):
                self._spawn(work)
            await asyncio.wait({opening, serving}, return_when=asyncio.FIRST_COMPLETED)
            if opening.done():
                opening.result()  # a log that cannot be opened ends the lane
            await serving
        finally:
            self._notifier.stopping()
            serving.cancel()
            await asyncio.gather(serving, opening, return_exceptions=True)
            await self._stop()

    def _open_log(self) -> None:
        """Open the log and write the start as its first record; runs in the log's thread."""
        self._parts.open_log()
        self._parts.append(lane_event_record("start", self._parts.versions))

    async def _serve(self) -> None:
        """One event after the other, until cancelled."""
        while True:
            event = await self._events.get()
            if not isinstance(event, asyncio.Future):
                await self._take(event)
            elif not event.done():
                event.set_result(None)  # the watchdog's turn: the lane has come this far

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

    async def _take(self, event: e.Event) -> None:
        """One event: the step, then orders to doors; all that is told and shown waits until they are on the wire (N4)."""
        before = self._state
        self._state, commands = step(before, event, self._parts.settings)
        self._board.state = self._state
        with self._gate.news_held():
            try:
                await self._gate.send(commands)
            finally:
                self._carry_out(event, before, commands)

    def _carry_out(self, event: e.Event, before: LaneState, commands: tuple[c.Command, ...]) -> None:
        """Note the phase, carry out what is no order to a door, show."""
        changed = self._state.phase is not before.phase
        moved_up = self._passages.follow(self._state.passage)
        if moved_up:
            self._show_passages()
        for command in commands:
            self._announce(command)
        ends = changed and self._state.phase in FREE and not self._state.gate_lost
        if changed and not ends and (moved_up or self._state.phase is not LanePhase.READING):
            self._board.enter_phase()
        for command in commands:
            self._carriers[type(command)](command)
        if ends:
            self._end_passage()
        if commands or changed:
            self._lamps.want(signal_for(self._state))
            self._board.show()
        if self._witness is not None:
            self._witness(event, self._state, commands)

    def _announce(self, command: c.Command) -> None:
        """Tell what led to the new phase before the phase itself."""
        if isinstance(command, c.RecordOfficerAct):
            late = "" if command.effective else ", too late to change anything"
            self._board.tell("officer", command.action.value, f"{command.reason.value} by {command.officer}{late}")
        elif isinstance(command, c.RecordCrossing):
            passage = self._passages.of(command.passage)
            if passage is not None and passage.decision != command.decision:
                self._board.tell_decision(command.decision, of=passage)

    def _end_passage(self) -> None:
        """The lane is free: tell it, then forget the traveller and their language."""
        self._board.enter_phase()
        self._passages.end()
        self._show_passages()
        self._board.language = self._parts.config.language

    # -- documents ----------------------------------------------------------------------------------------------------

    def _document_work(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What watches the readers of this topology."""
        intake = self._intake
        if self._station is None:
            return (intake.watch_documents(),)
        return intake.watch_kiosk(self._station), intake.watch_tokens(self._station)

    def _make_station(self) -> Station | None:
        if self._parts.settings.topology is not Topology.SEGREGATED:
            return None
        ends = StationEnds(self._inspector.inspect, self._refer_at_kiosk, self._board.show, self._forget_portrait)
        return Station(self._parts, ends)

    def _refer_at_kiosk(self, passage: Passage) -> None:
        """P7: whoever is not admitted at the kiosk is recorded there, and an officer is called."""
        if passage.decision is not None:
            self._board.count(passage.decision.outcome)
            inspection = inspection_part(passage, passage.decision, self._parts)
            self._write(crossing_record(passage, passage.decision, self._parts.all_versions, inspection), None)
        self._board.call_outside()

    def _forget_portrait(self, key: int) -> None:
        self._spawn(self._parts.face.abandon(key))

    def _document_lost(self, passage: Passage) -> None:
        """A document left its reader too early: its holder is asked once more."""
        if passage.number > 0:
            if passage is self._passages.waiting:
                self._board.again_outside = True
            else:
                self._board.present_again = True
            self._events.put_nowait(e.DocumentRemoved(passage.number))

    def _begin_passage(self, command: c.ReadDocument) -> None:
        parts = self._parts
        passage = Passage(command.passage, parts.entropy(8).hex(), parts.clock.monotonic(), self._intake.next_mrz)
        waits = command.passage != self._state.passage
        passage.language = self._board.language if not waits else ""
        self._follow(passage, waits=waits)
        issuer = passage.mrz.issuing_state if passage.mrz else ""
        self._board.tell("document", "presented", f"issued by {issuer}" if issuer else "", of=passage)
        if not waits:
            self._board.enter_phase()
        self._passages.runs(command.passage, self._spawn(self._inspector.inspect(passage)))

    def _redeem(self, command: c.RedeemToken) -> None:
        """What the kiosk found is this passage now; a token whose time is over is referred."""
        passage = None if self._station is None else self._station.redeem(command.passage)
        decision = passage.decision if passage is not None else None
        if passage is None or decision is None:
            parts = self._parts
            passage = Passage(command.passage, parts.entropy(8).hex(), parts.clock.monotonic())
            because = (finding(CheckName.LANE_HEALTH, "token_unknown"),)
            decision = Decision(Outcome.REFER, DecisionPoint.ENTRY, because)
        self._follow(passage, waits=False)
        self._board.tell("document", "found", "read at the kiosk before", of=passage)
        self._board.enter_phase()
        self._events.put_nowait(e.Decided(command.passage, decision))

    def _follow(self, passage: Passage, *, waits: bool) -> None:
        """A passage begins."""
        self._passages.begin(passage, waits=waits)
        self._board.present_again = self._board.again_outside = self._board.kiosk_first = False
        self._show_passages()

    def _show_passages(self) -> None:
        self._board.passage, self._board.waiting = self._passages.current, self._passages.waiting

    def _begin_capture(self, command: c.CaptureFace) -> None:
        passage = self._passages.of(command.passage)
        if passage is not None:
            self._passages.runs(command.passage, self._spawn(self._capture(passage)))

    async def _capture(self, passage: Passage) -> None:
        """Capture and decide; afterwards, whatever becomes of the passage, its comparison is counted."""
        await self._inspector.capture(passage)
        if passage.capture is not None:
            self._spawn(self._accuracy.captured(passage, passage.capture))

    def _abandon(self, command: c.AbandonPassage) -> None:
        passage = self._passages.of(command.passage)
        self._passages.stop(command.passage)
        self._show_passages()
        if passage is not None:
            self._forget_portrait(passage.key)

    # -- the record ---------------------------------------------------------------------------------------------------

    def _record_crossing(self, command: c.RecordCrossing) -> None:
        passage = self._passages.of(command.passage)
        if passage is None:
            self._events.put_nowait(e.NotRecorded(command.passage, command.number))
            return
        passage.decision = command.decision
        passage.add(command.decision.because)
        self._board.count(command.decision.outcome)
        if passage is self._passages.waiting:
            self._board.call_outside()
        inspection = inspection_part(passage, command.decision, self._parts)
        self._write(crossing_record(passage, command.decision, self._parts.all_versions, inspection), command)

    def _record_act(self, command: c.RecordOfficerAct) -> None:
        transaction, stages = self._so_far(command.passage)
        self._accuracy.officer_acted(command)
        self._write(officer_record(transaction, command, stages), command)

    def _record_completion(self, command: c.RecordCompletion) -> None:
        through = command.through.value if command.through else "none"
        self._board.tell("door", "left_through", through, of=self._passages.of(command.passage))
        passage = self._passages.of(command.passage)
        if command.through is None and passage is not None and passage.capture is None:
            self._inspector.forget_use(passage)
        transaction, stages = self._so_far(command.passage)
        self._write(completion_record(transaction, command.through, stages), None)

    def _so_far(self, number: int) -> tuple[str, tuple[StageTime, ...]]:
        """Transaction and stages of a passage; nothing where there is none."""
        passage = self._passages.of(number)
        return ("", ()) if passage is None else (passage.transaction, tuple(passage.stages))

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

    def _gate_is_back(self, name: str) -> None:
        self._board.regain(name)
        self._lamps.show_again()

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
            self._conditions.look()
            if self._station is not None:
                self._station.look()
            self._board.show()
            await self._parts.clock.sleep(HEARTBEAT_S)

    def _closed(self) -> bool:
        return self._intake.closed

    async def _hear(self, client: Client, message: Message) -> Message | None:
        return await self._people.on_message(client, message)
