"""Gathers and judges one traveller: the document first, the face later. It ends in two decisions and moves nothing.

1. read the chip          evidence, never judged while reading
2. judge the document     `egate.checks` and the lists
3. decide at the entry
4. capture and compare    in the face worker
5. decide at the exit
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from egate.app.board import Board
from egate.app.inspection import gather_chip
from egate.app.parts import Parts
from egate.app.passage import Passage
from egate.app.recent import RecentDocuments
from egate.checks.background import check_multiple_use, check_watchlists
from egate.checks.biometric import check_capture
from egate.checks.decide import decide
from egate.checks.document import check_document
from egate.lane import events as e
from egate.model.checks import Check, CheckName, CheckResult, DecisionPoint, Outcome
from egate.model.document import ChipEvidence, ElementaryFile, Mrz, ReadingProgress
from egate.model.errors import ChipLost, DeviceError, MalformedData
from egate.model.face import CaptureOutcome, CaptureProgress, CaptureState
from egate.model.watchlist import Hit
from egate.mrtd.files.face_record import parse_dg2
from egate.mrtd.reading import ReadRequest
from egate.watchlist.matching import match_documents, match_persons

CHIP_WAIT_S = 5.0
"""How long a chip may take to answer after its MRZ was read; a document without chip costs this once."""

SLIP_WAIT_S = 0.3
"""How long a chip that was lost may take to be there again without being laid anew."""

READINGS_OF_ONE_CHIP = 2
"""A chip that falls silent in every reading is broken, or means harm."""

LOST_CHIPS_BEFORE_REFERRAL = 3
"""A document that slips this often in a row goes to an officer instead of asking the traveller again."""

_SHARE_OF_FILE = {
    ElementaryFile.CARD_ACCESS: 0.02,
    ElementaryFile.COM: 0.08,
    ElementaryFile.SOD: 0.12,
    ElementaryFile.DG1: 0.14,
    ElementaryFile.DG14: 0.18,
    ElementaryFile.DG15: 0.19,
}
"""Where the small files stand in the progress that the kiosk shows."""


@dataclass(frozen=True, slots=True)
class DeviceLosses:
    """Whom to tell that a device was lost while it was needed."""

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
        self._recent = RecentDocuments(secrets.token_bytes(32))
        self._reference: asyncio.Event = asyncio.Event()

    async def inspect(self, passage: Passage) -> None:
        """Read and judge the document, then decide about the entry door."""
        try:
            passage.evidence = await self._read_patiently(passage)
        except ChipLost:
            self._lost_in_a_row += 1
            if self._lost_in_a_row < LOST_CHIPS_BEFORE_REFERRAL:
                self._board.present_again = True
                self._board.tell("chip", "lost", "the passport left the reader; the kiosk asks for it once more")
                self._answer(e.DocumentRemoved(passage.number))
                return
        except DeviceError as error:
            self._losses.chip_reader(error)
        self._lost_in_a_row = 0
        await self._judge_document(passage)
        self._prepare_reference(passage)
        self._decide(passage, DecisionPoint.ENTRY)

    async def _read_patiently(self, passage: Passage) -> ChipEvidence | None:
        """Read the chip; one that slipped or fell silent but is there is read anew. Raises ChipLost when it is gone.

        A chip that stays on the reader and falls silent every time gives no evidence, which refers.
        """
        for _ in range(READINGS_OF_ONE_CHIP):
            try:
                return await self._read_chip(passage)
            except ChipLost:
                if not await self._parts.chip.wait_for_chip(SLIP_WAIT_S):
                    raise
                self._board.tell("chip", "silent", "the chip stopped answering; it is read once more")
        return None

    async def _read_chip(self, passage: Passage) -> ChipEvidence | None:
        """The evidence, or None when no chip answered; raises ChipLost and DeviceError."""
        reader, profile = self._parts.chip, self._parts.profile
        if passage.mrz is None or not await reader.wait_for_chip(CHIP_WAIT_S):
            self._board.tell("chip", "none", "no chip answered")
            return None

        def progress(value: ReadingProgress) -> None:
            passage.reading_share = max(passage.reading_share, reading_share(value))
            self._board.show_soon()

        request = ReadRequest(passage.mrz.information, pace_before_bac=profile.pace_before_bac)
        evidence = await gather_chip(reader, request, progress)
        for outcome in evidence.protocols:
            variant = f" {outcome.variant}" if outcome.variant else ""
            self._board.tell("chip", outcome.protocol, outcome.state.value + variant)
        size = sum(len(data) for data in evidence.files.values())
        self._board.tell("chip", "files", f"{len(evidence.files)} read, {size:,} bytes, {len(evidence.transcript)} commands")
        await reader.release()
        return evidence

    async def _judge_document(self, passage: Passage) -> None:
        """Findings about the document and, where its MRZ is known, about the lists.

        Foreign bytes are parsed in a thread: however long that takes, the doors' loop goes on.
        """
        now_s = self._parts.clock.monotonic
        passage.mark("document_read", now_s())
        findings, passage.hits = await asyncio.to_thread(self._findings, passage.mrz, passage.evidence)
        passage.add(findings)
        window_s = self._parts.profile.multiple_use_window_s
        if passage.mrz is not None and window_s > 0:
            passage.add((check_multiple_use(self._recent.seconds_since(passage.mrz, now_s(), window_s), window_s),))
        passage.mark("document_checked", now_s())
        self._board.tell_checks(passage.findings())

    def _findings(self, mrz: Mrz | None, evidence: ChipEvidence | None) -> tuple[tuple[Check, ...], tuple[Hit, ...]]:
        """What the document's checks and the lists say; pure."""
        parts, today = self._parts, self._today()
        checks = check_document(mrz, evidence, parts.trust, today, parts.profile)
        if mrz is None:
            return checks, ()
        hits = (*match_documents(mrz, parts.lists), *match_persons(mrz, parts.lists, today))
        return (*checks, *check_watchlists(hits, lists_current=parts.lists.current_at(today))), hits

    def _prepare_reference(self, passage: Passage) -> None:
        """Decode the chip portrait in the worker while the traveller walks in."""
        self._reference = asyncio.Event()
        data = passage.evidence.files.get(ElementaryFile.DG2) if passage.evidence else None
        try:
            reference = parse_dg2(data) if data is not None else None
        except MalformedData:
            self._board.tell("capture", "reference", "the portrait on the chip is malformed")
            reference = None
        if reference is None:
            self._reference.set()
            return
        ready = self._reference

        async def prepare() -> None:
            passage.reference_jpeg = await self._parts.face.prepare_reference(reference, passage.number)
            ready.set()
            self._board.show()

        self._spawn(prepare())

    async def capture(self, passage: Passage) -> None:
        """Capture, compare, judge, then decide about the exit door."""

        def progress(value: CaptureProgress) -> None:
            passage.capture_share, passage.camera_hint = value.share, value.hint
            self._board.show_soon()

        await self._reference.wait()
        outcome = await self._parts.face.capture(passage.number, self._parts.config.capture_timeout_s, progress)
        passage.capture, passage.capture_share = outcome, 1.0
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
        self._board.tell_decision(decision)
        if point is DecisionPoint.ENTRY and decision.outcome is Outcome.ADMIT and passage.mrz is not None:
            self._recent.note(passage.mrz, self._parts.clock.monotonic())
        self._answer(e.Decided(passage.number, decision))

    def _today(self) -> date:
        return datetime.fromtimestamp(self._parts.clock.wall_ns() / 1e9, UTC).date()


def reading_share(value: ReadingProgress) -> float:
    """Progress 0…1 for the kiosk: the small files are the first fifth, the portrait is the rest."""
    if value.file is ElementaryFile.DG2 and value.total_bytes:
        return 0.2 + 0.8 * min(1.0, value.done_bytes / value.total_bytes)
    return _SHARE_OF_FILE.get(value.file, 0.0)


def single_person(outcome: CaptureOutcome) -> Check:
    """The lane starts a capture only with exactly one person counted (P9); the camera may still see more."""
    if outcome.state is CaptureState.SEVERAL_FACES:
        return Check(CheckName.SINGLE_PERSON, CheckResult.FAILED, "several_faces")
    return Check(CheckName.SINGLE_PERSON, CheckResult.SUCCESSFUL)
