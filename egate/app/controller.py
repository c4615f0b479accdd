"""The lane controller: events in, one pure step, commands out.

Rule: this class decides nothing. `egate.lane` says what happens, `egate.checks` what findings mean; here they meet devices,
the log and the screens. Everything that waits runs as a task and comes back as an event; the step itself never waits.

1. gather  `_inspect` reads the document, `_capture` the face
2. judge   `egate.checks` turns evidence into findings
3. decide  `egate.checks.decide`
4. ask     `_carry_out` hands the lane's commands to the gate unit
5. record  `_record` writes before the exit opens
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime
from typing import Any

from egate.app.inspection import gather_chip, parse_lines
from egate.app.parts import Parts
from egate.app.passage import Passage
from egate.app.recording import (
    SingleThread,
    completion_record,
    crossing_record,
    finding_text,
    lane_event_record,
    officer_record,
)
from egate.app.views import LaneFacts, case_pictures, lane_view, traveller_view
from egate.checks.background import check_watchlists
from egate.checks.biometric import check_capture
from egate.checks.decide import decide
from egate.checks.document import check_document
from egate.ipc.messages import (
    HEARTBEAT_S,
    CasePicturesWished,
    Heartbeat,
    LanguageWished,
    Message,
    OfficerWish,
    PassageEvent,
    ReceiptArrived,
    TravellerHelpWished,
    WishAnswer,
)
from egate.ipc.server import Client
from egate.ipc.wishes import verify_wish
from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.machine import initial, step
from egate.model.checks import Check, CheckName, CheckResult, DecisionPoint, Outcome
from egate.model.document import ChipEvidence, ElementaryFile, Mrz, ReadingProgress
from egate.model.errors import ChipLost, DeviceError, MalformedData, TrustError
from egate.model.face import CaptureOutcome, CaptureProgress, CaptureState
from egate.model.lane import Alarm, LanePhase
from egate.mrtd.face_record import parse_dg2
from egate.mrtd.reading import ReadRequest
from egate.watchlist.matching import match_documents, match_persons

CHIP_WAIT_S = 5.0
"""How long a chip may take to answer after its MRZ was read; a document without chip costs this once."""

LOST_CHIPS_BEFORE_REFERRAL = 3
"""A document that slips this often in a row goes to an officer instead of asking the traveller again."""

DEVICE_RETRY_S = 1.0
"""How soon a lost device is tried again (L2)."""

PROGRESS_INTERVAL_S = 0.1
"""Progress is shown at most this often; more would only load the screens."""

log = logging.getLogger(__name__)


class Controller:
    """One lane, running until it is cancelled."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._state = initial(parts.settings)
        self._events: asyncio.Queue[e.Event] = asyncio.Queue()
        self._gate_commands: asyncio.Queue[c.Unlock | c.Lock] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._passage_task: asyncio.Task[None] | None = None
        self._timer: asyncio.Task[None] | None = None
        self._passage: Passage | None = None
        self._next_mrz: Mrz | None = None
        self._present_again = False
        self._lost_in_a_row = 0
        self._phase_since = parts.clock.monotonic()
        self._alarm_since: dict[Alarm, float] = {}
        self._revision = 0
        self._admitted = self._referred = 0
        self._last_outcome: Outcome | None = None
        self._language = parts.config.language
        self._wish_counter = parts.clock.wall_ns() // 1_000_000_000
        self._lost: set[str] = set()
        self._shown_at = 0.0
        self._disk = SingleThread()
        self._carriers: dict[type, Callable[[Any], None]] = {
            c.Unlock: self._gate_commands.put_nowait,
            c.Lock: self._gate_commands.put_nowait,
            c.ReadDocument: self._begin_passage,
            c.CaptureFace: self._begin_capture,
            c.AbandonPassage: self._abandon,
            c.RecordCrossing: self._record_crossing,
            c.RecordOfficerAct: self._record_act,
            c.RecordCompletion: self._record_completion,
            c.RaiseAlarm: self._raise_alarm,
            c.ClearAlarm: self._clear_alarm,
            c.SetTimer: self._set_timer,
        }

    # -- life ---------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Start the devices and serve the lane until cancelled; doors are locked on the way out."""
        parts = self._parts
        await parts.server.start(self._on_message)
        try:
            await parts.face.start()
            self._append(lane_event_record("start", parts.versions))
            for work in (self._watch_documents, self._watch_chip_reader, self._watch_gate, self._drive_gate, self._beat):
                self._spawn(work())
            self._show()
            while True:
                self._advance(await self._events.get())
        finally:
            await self._stop()

    async def _stop(self) -> None:
        """Lock what can be locked, stop every task, close every part."""
        for task in (*self._tasks, self._timer, self._passage_task):
            if task is not None:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._append(lane_event_record("stop", self._parts.versions))
        await self._parts.close(self._state.last_command)
        await self._disk.run(self._parts.log.close)
        self._disk.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a task of the lane ended unexpectedly: %s", type(error).__name__, exc_info=error)

    # -- the step -----------------------------------------------------------------------------------------------------

    def _advance(self, event: e.Event) -> None:
        """One event: step, note the phase, carry out, show."""
        before = self._state
        self._state, commands = step(before, event, self._parts.settings)
        if self._state.phase is not before.phase:
            self._phase_since = self._parts.clock.monotonic()
            self._enter_phase(self._state.phase)
        for command in commands:
            self._carriers[type(command)](command)
        if commands or self._state != before:
            self._show()

    def _enter_phase(self, phase: LanePhase) -> None:
        if phase is LanePhase.IDLE:
            self._passage = None
            self._parts.frames.clear()
        at_ms = self._passage.mark(phase.value, self._parts.clock.monotonic()) if self._passage else 0
        self._tell("phase", phase.value, "", at_ms)

    # -- documents ----------------------------------------------------------------------------------------------------

    async def _watch_documents(self) -> None:
        """MRZ lines start a passage; what is no MRZ asks the traveller to lay the document again."""
        reader = self._parts.mrz
        await self._until_started("mrz reader", reader.start)
        while True:
            try:
                mrz = parse_lines(await reader.read_lines())
            except DeviceError as error:
                self._lose("mrz reader", error)
                await self._parts.clock.sleep(DEVICE_RETRY_S)
                continue
            self._regain("mrz reader")
            if self._state.phase is LanePhase.IDLE and self._parts.may_admit():
                self._present_again = mrz is None
                self._next_mrz = mrz
                if mrz is not None:
                    self._events.put_nowait(e.DocumentPresented())
                else:
                    self._tell("document", "unreadable", "the machine readable zone could not be read", 0)
                    self._show()

    async def _watch_chip_reader(self) -> None:
        await self._until_started("chip reader", self._parts.chip.start)

    async def _until_started(self, name: str, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await start()
            except DeviceError as error:
                self._lose(name, error)
                await self._parts.clock.sleep(DEVICE_RETRY_S)
            else:
                self._regain(name)
                return

    def _begin_passage(self, command: c.ReadDocument) -> None:
        now = self._parts.clock.monotonic()
        self._passage = Passage(command.passage, secrets.token_hex(8), now, self._next_mrz)
        self._present_again = False
        self._passage.mark(LanePhase.READING.value, now)
        self._tell("document", "presented", self._passage.mrz.issuing_state if self._passage.mrz else "", 0)
        self._passage_task = self._spawn(self._inspect(self._passage))

    async def _inspect(self, passage: Passage) -> None:
        """Read and judge the document, then decide about the entry door."""
        try:
            evidence = await self._read_chip(passage)
        except ChipLost:
            self._lost_in_a_row += 1
            if self._lost_in_a_row < LOST_CHIPS_BEFORE_REFERRAL:
                self._present_again = True
                self._tell("chip", "lost", "the document left the reader", self._since(passage))
                self._events.put_nowait(e.DocumentRemoved(passage.number))
                return
            evidence = None
        except DeviceError as error:
            self._lose("chip reader", error)
            self._spawn(self._watch_chip_reader())
            evidence = None
        self._lost_in_a_row = 0
        passage.evidence = evidence
        self._judge_document(passage)
        self._prepare_reference(passage)
        self._decide(passage, DecisionPoint.ENTRY)

    async def _read_chip(self, passage: Passage) -> ChipEvidence | None:
        """The evidence, or None when no chip answered; raises ChipLost and DeviceError."""
        reader, profile = self._parts.chip, self._parts.profile
        if passage.mrz is None or not await reader.wait_for_chip(CHIP_WAIT_S):
            return None
        request = ReadRequest(passage.mrz.information, pace_before_bac=profile.pace_before_bac)
        files: dict[ElementaryFile, int] = {}

        def progress(value: ReadingProgress) -> None:
            files[value.file] = value.done_bytes
            passage.reading_share = max(passage.reading_share, reading_share(value))
            self._show_soon()

        evidence = await gather_chip(reader, request, progress)
        for outcome in evidence.protocols:
            word = f"{outcome.state.value}{' ' + outcome.variant if outcome.variant else ''}"
            self._tell("chip", outcome.protocol, word, self._since(passage))
        total = sum(len(data) for data in evidence.files.values())
        self._tell("chip", "files", f"{len(evidence.files)} files, {total} bytes", self._since(passage))
        await reader.release()
        return evidence

    def _judge_document(self, passage: Passage) -> None:
        """Findings about the document and, where it can be read, about the lists."""
        parts = self._parts
        passage.mark("document_read", parts.clock.monotonic())
        passage.add(check_document(passage.mrz, passage.evidence, parts.trust, self._today(), parts.profile))
        if passage.mrz is not None:
            lists = parts.lists
            passage.hits = (
                *match_documents(passage.mrz, lists),
                *match_persons(passage.mrz, lists, self._today()),
            )
            passage.add(check_watchlists(passage.hits, lists_current=lists.current_at(self._today())))
        passage.mark("document_checked", parts.clock.monotonic())
        self._tell_checks(passage, passage.findings())

    def _prepare_reference(self, passage: Passage) -> None:
        """Decode the chip portrait in the worker while the traveller walks in."""
        data = passage.evidence.files.get(ElementaryFile.DG2) if passage.evidence else None
        if data is None:
            return
        try:
            reference = parse_dg2(data)
        except MalformedData:
            self._tell("capture", "reference", "the portrait on the chip is malformed", self._since(passage))
            return

        async def prepare() -> None:
            passage.reference_jpeg = await self._parts.face.prepare_reference(reference)
            self._show()

        self._spawn(prepare())

    # -- the face -----------------------------------------------------------------------------------------------------

    def _begin_capture(self, command: c.CaptureFace) -> None:
        if self._passage is not None and self._passage.number == command.passage:
            self._passage_task = self._spawn(self._capture(self._passage))

    async def _capture(self, passage: Passage) -> None:
        """Capture, compare, judge, then decide about the exit door."""

        def progress(value: CaptureProgress) -> None:
            passage.capture_share, passage.camera_hint = value.share, value.hint
            self._show_soon()

        outcome = await self._parts.face.capture(passage.number, self._parts.config.capture_timeout_s, progress)
        passage.capture = outcome
        passage.capture_share = 1.0
        passage.mark("face_captured", self._parts.clock.monotonic())
        findings = (_single_person(outcome), *check_capture(outcome))
        passage.add(findings)
        frames = outcome.probe.frames_seen if outcome.probe else 0
        self._tell("capture", outcome.state.value, f"best of {frames} frames", self._since(passage))
        for score in outcome.scores:
            text = f"score {score.value:.3f}, threshold {score.threshold:.3f} for FMR {score.fmr_ppm / 10_000:g} %"
            self._tell("capture", score.engine, text, self._since(passage))
        self._tell_checks(passage, findings)
        self._decide(passage, DecisionPoint.EXIT)

    def _decide(self, passage: Passage, point: DecisionPoint) -> None:
        decision = decide(passage.findings(), self._parts.profile, point)
        passage.decision = decision
        passage.mark(f"decided_{point.value}", self._parts.clock.monotonic())
        because = ", ".join(finding_text(check) for check in decision.because)
        self._tell("decision", f"{point.value}:{decision.outcome.value}", because, self._since(passage))
        self._events.put_nowait(e.Decided(passage.number, decision))

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
            self._events.put_nowait(e.NotRecorded(command.passage))
            return
        passage.decision = command.decision
        passage.add(command.decision.because)
        self._count(command.decision.outcome)
        self._write(crossing_record(passage, command.decision, self._parts.versions), passage)

    def _count(self, outcome: Outcome) -> None:
        self._last_outcome = outcome
        if outcome is Outcome.ADMIT:
            self._admitted += 1
        else:
            self._referred += 1

    def _record_act(self, command: c.RecordOfficerAct) -> None:
        passage = self._passage or Passage(command.passage, "", self._parts.clock.monotonic())
        self._tell("officer", command.action.value, f"{command.reason.value} by {command.officer}", self._since(passage))
        self._write(officer_record(passage.transaction, command, tuple(passage.stages)), passage)

    def _record_completion(self, command: c.RecordCompletion) -> None:
        passage = self._passage
        name = command.through.value if command.through else "none"
        self._tell("door", "left_through", name, self._since(passage) if passage else 0)
        stages = tuple(passage.stages) if passage else ()
        self._append(completion_record(passage.transaction if passage else "", command.through, stages))

    def _write(self, record: Any, passage: Passage) -> None:
        """Append a record that the lane waits for; the answer comes back as an event."""

        async def write() -> None:
            try:
                committed = await self._disk.run(lambda: self._parts.log.append(record))
            except DeviceError as error:
                log.error("not recorded: %s", error)
                self._tell("record", "failed", error.problem, self._since(passage))
                self._events.put_nowait(e.NotRecorded(passage.number))
            else:
                self._tell("record", record.kind.value, f"row {committed.sequence}", self._since(passage))
                self._events.put_nowait(e.Recorded(passage.number))

        self._spawn(write())

    def _append(self, record: Any) -> None:
        """Append a record that nothing waits for; a failure is logged and shows as an alarm at the next crossing."""

        async def append() -> None:
            try:
                await self._disk.run(lambda: self._parts.log.append(record))
            except DeviceError as error:
                log.error("not recorded: %s", error)

        self._spawn(append())

    # -- the gate -----------------------------------------------------------------------------------------------------

    async def _drive_gate(self) -> None:
        """Hand the lane's commands to the gate unit, in order. A lost unit is noticed by its reports."""
        while True:
            command = await self._gate_commands.get()
            try:
                if isinstance(command, c.Unlock):
                    await self._parts.gate.unlock(command.door, command.lease_s, command.number)
                    self._tell("door", f"unlock_{command.door.value}", f"for at most {command.lease_s:g} s", self._now_ms())
                else:
                    await self._parts.gate.lock(command.door, command.number)
            except DeviceError as error:
                log.warning("gate command not acknowledged: %s", error.problem)

    async def _watch_gate(self) -> None:
        gate = self._parts.gate
        while True:
            await self._until_started("gate unit", gate.start)
            try:
                async for report in gate.reports():
                    self._events.put_nowait(e.GateReported(report))
            except DeviceError as error:
                self._lose("gate unit", error)
                self._events.put_nowait(e.GateLost())

    def _set_timer(self, command: c.SetTimer) -> None:
        if self._timer is not None:
            self._timer.cancel()

        async def ring() -> None:
            await self._parts.clock.sleep(command.seconds)
            self._events.put_nowait(e.TimerExpired(command.number))

        self._timer = self._spawn(ring())

    # -- people -------------------------------------------------------------------------------------------------------

    def _on_message(self, client: Client, message: Message) -> Message | None:
        """A screen's wish. A wish that cannot be taken is answered with a word, never with silence."""
        match message:
            case OfficerWish():
                return self._on_wish(message)
            case LanguageWished():
                if self._passage is not None:
                    self._passage.language = message.language
                else:
                    self._language = message.language
                self._show()
            case TravellerHelpWished():
                self._events.put_nowait(e.HelpWished())
            case CasePicturesWished():
                return case_pictures(message.passage, self._passage)
            case ReceiptArrived():
                self._spawn(self._take_receipt(message))
            case _:
                return WishAnswer(False, "not_a_wish")
        return None

    def _on_wish(self, wish: OfficerWish) -> WishAnswer:
        key = self._parts.officers.get(wish.officer)
        if key is None:
            return WishAnswer(False, "unknown_officer")
        try:
            verify_wish(wish, key, self._parts.clock.wall_ns(), self._wish_counter, self._parts.config.name)
        except TrustError as error:
            log.warning("an officer's wish was refused: %s", error.problem)
            return WishAnswer(False, error.problem)
        self._wish_counter += 1
        self._events.put_nowait(e.OfficerWished(wish.action, wish.reason, wish.officer))
        return WishAnswer(True)

    async def _take_receipt(self, message: ReceiptArrived) -> None:
        try:
            pruned = await self._disk.run(lambda: self._parts.take_receipt(message))
        except (TrustError, MalformedData, DeviceError) as error:
            log.warning("a receipt was refused: %s", error.problem)
            return
        self._tell("receipt", "centre", f"{pruned} rows delivered, up to row {message.sequence}", 0)

    def _raise_alarm(self, command: c.RaiseAlarm) -> None:
        self._alarm_since.setdefault(command.alarm, self._parts.clock.monotonic())
        self._tell("alarm", command.alarm.value, "", self._now_ms())

    def _clear_alarm(self, command: c.ClearAlarm) -> None:
        self._alarm_since.pop(command.alarm, None)

    # -- screens ------------------------------------------------------------------------------------------------------

    async def _beat(self) -> None:
        sequence = 0
        while True:
            sequence += 1
            self._parts.server.publish(Heartbeat(sequence))
            self._show()
            await self._parts.clock.sleep(HEARTBEAT_S)

    def _show_soon(self) -> None:
        if self._parts.clock.monotonic() - self._shown_at >= PROGRESS_INTERVAL_S:
            self._show()

    def _show(self) -> None:
        """Publish both views; each is the whole state, so a lost one does not matter."""
        now = self._parts.clock.monotonic()
        self._shown_at = now
        self._revision += 1
        publish = self._parts.server.publish
        publish(
            traveller_view(
                self._revision,
                self._state,
                self._passage,
                self._language,
                present_again=self._present_again,
                device_lost=bool(self._lost),
            )
        )
        facts = LaneFacts(
            name=self._parts.config.name,
            number=self._parts.config.number,
            phase_age_s=now - self._phase_since,
            alarm_ages_s={alarm: now - since for alarm, since in self._alarm_since.items()},
            admitted=self._admitted,
            referred=self._referred,
            last_outcome=self._last_outcome,
            wish_counter=self._wish_counter,
            outbox=self._parts.outbox_size(),
            devices_lost=tuple(sorted(self._lost)),
        )
        publish(lane_view(self._revision, self._state, self._passage, facts))

    def _tell(self, what: str, name: str, detail: str, at_ms: int) -> None:
        number = self._passage.number if self._passage else self._state.passage
        self._parts.server.publish(PassageEvent(number, what, name, detail, at_ms))

    def _tell_checks(self, passage: Passage, findings: tuple[Check, ...]) -> None:
        for check in findings:
            text = check.result.word + (f": {check.code}" if check.code else "")
            self._tell("check", check.name.value, text, self._since(passage))

    def _lose(self, name: str, error: DeviceError) -> None:
        if name not in self._lost:
            self._lost.add(name)
            log.warning("%s lost: %s", name, error)
            self._tell("device", name, error.problem, 0)
            self._show()

    def _regain(self, name: str) -> None:
        if name in self._lost:
            self._lost.discard(name)
            log.info("%s is back", name)
            self._show()

    def _since(self, passage: Passage) -> int:
        return round((self._parts.clock.monotonic() - passage.started_s) * 1000)

    def _now_ms(self) -> int:
        return self._since(self._passage) if self._passage else 0

    def _today(self) -> date:
        return datetime.fromtimestamp(self._parts.clock.wall_ns() / 1e9, UTC).date()


def reading_share(value: ReadingProgress) -> float:
    """Progress 0…1 for the kiosk: small files are the first fifth, the portrait is the rest."""
    if value.file is ElementaryFile.DG2 and value.total_bytes:
        return 0.2 + 0.8 * min(1.0, value.done_bytes / value.total_bytes)
    return {
        ElementaryFile.CARD_ACCESS: 0.02,
        ElementaryFile.COM: 0.08,
        ElementaryFile.SOD: 0.12,
        ElementaryFile.DG1: 0.14,
        ElementaryFile.DG14: 0.18,
        ElementaryFile.DG15: 0.19,
    }.get(value.file, 0.0)


def _single_person(outcome: CaptureOutcome) -> Check:
    """The lane starts a capture only with exactly one person counted (P9); the camera may still see more."""
    if outcome.state is CaptureState.SEVERAL_FACES:
        return Check(CheckName.SINGLE_PERSON, CheckResult.FAILED, "several_faces")
    return Check(CheckName.SINGLE_PERSON, CheckResult.SUCCESSFUL)
