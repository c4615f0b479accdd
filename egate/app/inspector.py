"""Gathers and judges one traveller: the document first, the face later. It ends in two decisions and moves nothing.

1. read the chip          evidence, never judged while reading; meanwhile the lists and EF.SOD are looked at (`early`)
2. judge the document     `egate.checks`; after the last byte of DG2 only its hash and the portrait's decoding are left
3. decide at the entry
4. capture and compare    in the face worker
5. decide at the exit
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from egate.app.board import Board
from egate.app.config import LaneConfig
from egate.app.early import EarlyWork
from egate.app.inspection import ReadingShare, ReadingTerms, gather_chip
from egate.app.lane_inspection import judge_passage
from egate.app.parts import Parts
from egate.app.passage import Passage
from egate.app.recent import RecentDocuments
from egate.app.unfinished import RESUME_WITHIN_S, UnfinishedReading
from egate.checks.background import check_multiple_use, check_watchlists
from egate.checks.biometric import check_capture
from egate.checks.decide import decide
from egate.checks.profile import access_policy
from egate.lane import events as e
from egate.model.checks import Check, CheckName, CheckResult, DecisionPoint, Outcome, Profile
from egate.model.document import ChipEvidence, ElementaryFile, ReadingProgress
from egate.model.errors import ChipLost, DeviceError, MalformedData
from egate.model.face import CaptureOutcome, CaptureProgress, CaptureState, CaptureTerms
from egate.model.watchlist import Hit
from egate.mrtd.files.face_record import parse_dg2
from egate.mrtd.reading import ReadRequest
from egate.pki.passive_auth import SecurityObjectFindings, inspect_security_object
from egate.watchlist.matching import match_documents, match_persons

CHIP_WAIT_S = 5.0
"""How long a chip may take to answer after its MRZ was read; a document without chip costs this once."""

SLIP_WAIT_S = 0.3
"""How long a chip that was lost may take to be there again without being laid anew."""

READINGS_OF_ONE_CHIP = 2
"""A chip that falls silent in every reading is broken, or means harm."""

LOST_CHIPS_BEFORE_REFERRAL = 3
"""A document that slips this often in a row goes to an officer instead of asking the traveller again."""

ASSISTED_TIMES, ASSISTED_ATTEMPTS = 2, 2
"""A lane of assistance: times the usual time-out, and attempts at least."""

_FOR_TERMINALS = frozenset({ElementaryFile.DG3, ElementaryFile.DG4})
"""Terminal authentication costs time, so it runs only where one of these is asked for."""


@dataclass(frozen=True, slots=True)
class DeviceLosses:
    """Whom to tell that a document left the reader too early, or that a device was lost while it was needed."""

    document: Callable[[Passage], None]
    chip_reader: Callable[[DeviceError], None]
    camera: Callable[[DeviceError], None]


class Inspector:
    """One lane's gathering and judging. `answer` takes the events that come of it, `spawn` runs what need not be awaited."""

    def __init__(
        self,
        parts: Parts,
        board: Board,
        answer: Callable[[e.Event], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        losses: DeviceLosses,
    ) -> None:
        self._parts, self._board, self._answer, self._spawn = parts, board, answer, spawn
        self._losses = losses
        self._lost_in_a_row = 0
        self._recent = RecentDocuments(parts.entropy(32))
        self._unfinished = UnfinishedReading()

    async def inspect(self, passage: Passage) -> None:
        """Read and judge the document, then decide about the entry door.

        What was decided at a kiosk is the passage's `decision`; the lane hears of it when the document comes to the gate.
        """
        try:
            await self._inspect(passage)
        finally:
            self._unfinished.forget_unless_lost()

    async def _inspect(self, passage: Passage) -> None:
        passage.reference_ready.clear()
        early = self._early_work(passage)
        try:
            passage.evidence = await self._read_patiently(passage, early)
        except ChipLost:
            self._lost_in_a_row += 1
            if self._lost_in_a_row < LOST_CHIPS_BEFORE_REFERRAL:
                self._keep_unfinished()
                self._board.tell("chip", "lost", "the passport left the reader; the kiosk asks for it once more", of=passage)
                self._losses.document(passage)
                return
        except DeviceError as error:
            self._losses.chip_reader(error)
        self._unfinished.forget()
        self._lost_in_a_row = 0
        passage.evidence = _with_its_portrait(passage.evidence, early)
        if passage.evidence is None or ElementaryFile.DG2 not in passage.evidence.files:
            passage.reference_ready.set()
        await self._judge_document(passage, early)
        self._decide(passage, DecisionPoint.ENTRY)

    def _early_work(self, passage: Passage) -> EarlyWork:
        """What begins while the chip is being read."""
        parts, today = self._parts, self._today()

        def look(sod: bytes) -> SecurityObjectFindings:
            return inspect_security_object(sod, parts.trust, today)

        def search() -> tuple[Hit, ...]:
            mrz = passage.mrz
            return () if mrz is None else (*match_documents(mrz, parts.lists), *match_persons(mrz, parts.lists, today))

        return EarlyWork(look, search, lambda data: self._prepare_reference(passage, data))

    def _keep_unfinished(self) -> None:
        """Keep what was read for the same document's next presentation, and drop it when that does not come in time."""
        clock = self._parts.clock
        self._unfinished.note_loss(clock.monotonic())

        async def drop() -> None:
            await clock.sleep(RESUME_WITHIN_S + 1)
            self._unfinished.forget_after(clock.monotonic())

        self._spawn(drop())

    async def _read_patiently(self, passage: Passage, early: EarlyWork) -> ChipEvidence | None:
        """Read the chip; one that slipped or fell silent but is there is gone on with. Raises ChipLost when it is gone.

        A chip that stays on the reader and falls silent every time gives no evidence, which refers.
        """
        for _ in range(READINGS_OF_ONE_CHIP):
            try:
                return await self._read_chip(passage, early)
            except ChipLost:
                if not await self._parts.chip.wait_for_chip(SLIP_WAIT_S):
                    raise
                self._board.tell("chip", "silent", "the chip stopped answering; it is read once more", of=passage)
        return None

    async def _read_chip(self, passage: Passage, early: EarlyWork) -> ChipEvidence | None:
        """The evidence, or None when no chip answered; raises ChipLost and DeviceError."""
        reader, profile, clock = self._parts.chip, self._parts.profile, self._parts.clock
        if passage.mrz is None or not await reader.wait_for_chip(CHIP_WAIT_S):
            self._board.tell("chip", "none", "no chip answered", of=passage)
            return None
        early.begin()
        share = ReadingShare(self._parts.config.chip_files)

        def progress(value: ReadingProgress) -> None:
            passage.reading_share = max(passage.reading_share, share.take(value))
            self._board.show_soon()

        def on_file(file: ElementaryFile, data: bytes) -> None:
            progress(ReadingProgress(file, len(data), len(data)))
            early.on_file(file, data)

        files = self._parts.config.chip_files
        request = ReadRequest(
            passage.mrz.information,
            pace_before_bac=profile.pace_before_bac,
            policy=access_policy(profile),
            later_files=files,
            terminal=self._parts.terminal if _FOR_TERMINALS.intersection(files) else (),
            max_response_bytes=reader.max_response_bytes,
            historical_bytes=reader.historical_bytes,
            on_file=on_file,
        )
        partial = self._unfinished.for_document(request.information, clock.monotonic())
        evidence = await gather_chip(reader, request, progress, ReadingTerms(clock, partial=partial, entropy=self._parts.entropy))
        self._tell_evidence(passage, evidence)
        await reader.release()
        return evidence

    def _tell_evidence(self, passage: Passage, evidence: ChipEvidence) -> None:
        for outcome in evidence.protocols:
            variant = f" {outcome.variant}" if outcome.variant else ""
            self._board.tell("chip", outcome.protocol, outcome.state.value + variant, of=passage)
        size = sum(len(data) for data in evidence.files.values())
        said = f"{len(evidence.files)} read, {size:,} bytes, {len(evidence.transcript)} commands"
        self._board.tell("chip", "files", said, of=passage)

    async def _judge_document(self, passage: Passage, early: EarlyWork) -> None:
        """Findings about the document and, where its MRZ is known, about the lists.

        Foreign bytes are parsed in a thread: however long that takes, the doors' loop goes on.
        """
        parts, now_s, today = self._parts, self._parts.clock.monotonic, self._today()
        passage.mark("document_read", now_s())
        mrz, evidence = passage.mrz, passage.evidence
        known = await early.security_object(evidence)
        passage.facts, checks = await asyncio.to_thread(judge_passage, passage, parts, today, known)
        passage.add(checks)
        if mrz is not None:
            passage.hits = await early.hits()
            passage.add(check_watchlists(passage.hits, lists_current=parts.lists.current_at(today)))
        window_s = parts.profile.multiple_use_window_s
        if mrz is not None and window_s > 0:
            passage.add((check_multiple_use(self._recent.seconds_since(mrz, now_s(), window_s), window_s),))
        passage.mark("document_checked", now_s())
        self._board.tell_checks(passage.findings(), of=passage)

    def _prepare_reference(self, passage: Passage, data: bytes) -> None:
        """Decode the chip portrait in the worker from the moment its last byte is there; foreign bytes are parsed in a thread."""
        ready = passage.reference_ready

        async def prepare() -> None:
            try:
                reference = await asyncio.to_thread(parse_dg2, data)
                passage.reference_jpeg = await self._parts.face.prepare_reference(reference, passage.key)
            except MalformedData:
                self._board.tell("capture", "reference", "the portrait on the chip is malformed", of=passage)
            finally:
                ready.set()
            self._board.show()

        self._spawn(prepare())

    def forget_use(self, passage: Passage) -> None:
        """Nobody walked in with this document: coming again is not using it twice (P20)."""
        if passage.mrz is not None:
            self._recent.forget(passage.mrz)

    async def capture(self, passage: Passage) -> None:
        """Capture, compare, judge, then decide about the exit door."""

        def progress(value: CaptureProgress) -> None:
            passage.capture_share, passage.camera_hint, passage.challenge = value.share, value.hint, value.challenge
            self._board.show_soon()

        await passage.reference_ready.wait()
        timeout_s, terms = capture_patience(self._parts.config, self._parts.profile)
        outcome = await self._parts.face.capture(passage.key, timeout_s, progress, terms)
        passage.capture, passage.capture_share, passage.challenge = outcome, 1.0, None
        passage.mark("face_captured", self._parts.clock.monotonic())
        self._tell_capture(outcome)
        if outcome.state is CaptureState.ABORTED:
            self._losses.camera(DeviceError("capturing a face", outcome.detail or "the worker gave up"))
        findings = (single_person(outcome), *check_capture(outcome, self._parts.profile.fmr_ppm))
        passage.add(findings)
        self._board.tell_checks(findings)
        self._decide(passage, DecisionPoint.EXIT)

    def _tell_capture(self, outcome: CaptureOutcome) -> None:
        frames = outcome.probe.frames_seen if outcome.probe else 0
        self._board.tell("capture", outcome.state.value, f"best of {frames} frames" if frames else outcome.detail)
        for number, score in enumerate(outcome.scores):
            role = "second opinion, " if number else ""
            rate = f"{score.fmr_ppm / 10_000:g} %"
            self._board.tell("score", score.engine, f"{role}{score.value:.3f}, needs {score.threshold:.3f} (FMR {rate})")

    def _decide(self, passage: Passage, point: DecisionPoint) -> None:
        decision = decide(passage.findings(), self._parts.profile, point)
        passage.decision = decision
        passage.mark(f"decided_{point.value}", self._parts.clock.monotonic())
        self._board.tell_decision(decision, of=passage)
        if point is DecisionPoint.ENTRY and decision.outcome is Outcome.ADMIT and passage.mrz is not None:
            self._recent.note(passage.mrz, self._parts.clock.monotonic())
        if passage.number > 0:
            self._answer(e.Decided(passage.number, decision))

    def _today(self) -> date:
        return datetime.fromtimestamp(self._parts.clock.wall_ns() / 1e9, UTC).date()


def capture_patience(config: LaneConfig, profile: Profile) -> tuple[float, CaptureTerms]:
    """The time-out of one attempt in seconds, and the terms of a capture; a lane of assistance takes its time."""
    attempts = max(config.capture_attempts, ASSISTED_ATTEMPTS) if config.assistance else config.capture_attempts
    timeout_s = config.capture_timeout_s * (ASSISTED_TIMES if config.assistance else 1)
    return timeout_s, CaptureTerms(attempts, profile.attack_challenge)


def single_person(outcome: CaptureOutcome) -> Check:
    """The lane starts a capture only with exactly one person counted (P9); the camera may still see more."""
    if outcome.state is CaptureState.SEVERAL_FACES:
        return Check(CheckName.SINGLE_PERSON, CheckResult.FAILED, "several_faces")
    return Check(CheckName.SINGLE_PERSON, CheckResult.SUCCESSFUL)


def _with_its_portrait(evidence: ChipEvidence | None, early: EarlyWork) -> ChipEvidence | None:
    """The evidence without DG2 where another portrait than its own was prepared: nobody is compared with bytes nobody checks."""
    if evidence is None or early.prepared_portrait_is_of(evidence):
        return evidence
    return replace(evidence, files={file: data for file, data in evidence.files.items() if file is not ElementaryFile.DG2})
