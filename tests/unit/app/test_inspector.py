"""Gathering and judging one traveller: what was gathered decides, a loss is told, and nothing is waved through in silence."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

import drivers.sim.passport.issuer as state
from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.board import Board
from egate.app.inspection import parse_lines
from egate.app.inspector import (
    LOST_CHIPS_BEFORE_REFERRAL,
    READINGS_OF_ONE_CHIP,
    DeviceLosses,
    Inspector,
    single_person,
)
from egate.app.passage import Passage
from egate.ipc.messages import Message, PassageEvent
from egate.lane import events as e
from egate.lane.machine import LaneState
from egate.model.checks import Check, CheckName, CheckResult, Decision, DecisionPoint, Outcome
from egate.model.errors import ChipLost, DeviceError
from egate.model.face import CaptureOutcome, CaptureState
from egate.model.lane import LanePhase
from egate.watchlist.lists import Watchlists
from tests.unit.app.app_bench import TODAY, Lane, Passport, captured, make_passport

LOST = ChipLost("talk to the chip", "it left the field")


class Inspection:
    """An inspector over a lane in memory, with all that it answered and told."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.answers: list[e.Event] = []
        self.told: list[Message] = []
        self.lost: list[str] = []
        self.spawned: list[asyncio.Task[None]] = []
        board = Board(self.told.append, lane.parts.clock, "UTO-A1", 1, lambda: 0)
        board.state = LaneState(LanePhase.READING)
        self.board = board
        losses = DeviceLosses(
            lambda passage: self.answers.append(e.DocumentRemoved(passage.number)),
            lambda _: self.lost.append("chip reader"),
            lambda _: self.lost.append("camera"),
        )
        self.inspector = Inspector(lane.parts, board, self.answers.append, self._spawn, losses)
        self._number = 0

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        self.spawned.append(asyncio.get_running_loop().create_task(work))
        return None

    def passage(self, passport: Passport) -> Passage:
        """The next one, with its document on the reader."""
        self._number += 1
        self.lane.chip.chip = passport.chip
        self.board.passage = Passage(self._number, "t", self.lane.parts.clock.monotonic(), parse_lines(passport.lines))
        return self.board.passage

    async def inspect(self, passport: Passport) -> Passage:
        passage = self.passage(passport)
        await self.inspector.inspect(passage)
        return passage

    async def cross(self, passport: Passport) -> Passage:
        """Document, then face."""
        passage = await self.inspect(passport)
        await asyncio.wait_for(self.inspector.capture(passage), 20)
        return passage

    def decisions(self, point: DecisionPoint) -> list[Decision]:
        decided = [answer.decision for answer in self.answers if isinstance(answer, e.Decided)]
        return [decision for decision in decided if decision.point is point]

    @property
    def exit(self) -> Decision:
        return self.decisions(DecisionPoint.EXIT)[-1]

    @property
    def entry(self) -> Decision:
        return self.decisions(DecisionPoint.ENTRY)[-1]


def reasons(decision: Decision) -> set[tuple[CheckName, CheckResult, str]]:
    return {(check.name, check.result, check.code) for check in decision.because}


def test_a_good_passport_and_its_holder_are_admitted_twice(lane: Lane, passport: Passport) -> None:
    inspection = Inspection(lane)

    async def story() -> Passage:
        return await inspection.cross(passport)

    passage = asyncio.run(story())
    assert (inspection.entry.outcome, inspection.exit.outcome) == (Outcome.ADMIT, Outcome.ADMIT)
    assert passage.reference_jpeg
    assert lane.face.prepared == [1]
    assert inspection.lost == []
    assert [stage.stage for stage in passage.stages] == [
        "document_read", "document_checked", "decided_entry", "face_captured", "decided_exit",
    ]  # fmt: skip


# -- P20 ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window_s", [0.0, 600.0])
def test_a_document_that_comes_again_within_the_window_refers(lane: Lane, passport: Passport, window_s: float) -> None:
    """P20: what is let in is remembered, where the profile asks for it."""
    lane.parts.profile = replace(lane.parts.profile, multiple_use_window_s=window_s)
    inspection = Inspection(lane)

    async def story() -> tuple[Passage, Passage]:
        return await inspection.inspect(passport), await inspection.inspect(passport)

    first, second = asyncio.run(story())
    outcomes = [decision.outcome for decision in inspection.decisions(DecisionPoint.ENTRY)]
    assert outcomes == [Outcome.ADMIT, Outcome.REFER if window_s else Outcome.ADMIT]
    assert (CheckName.MULTIPLE_USE in first.checks) is bool(window_s)
    if window_s:
        assert reasons(inspection.entry) == {(CheckName.MULTIPLE_USE, CheckResult.FAILED, "presented_again")}
        assert second.checks[CheckName.MULTIPLE_USE].result is CheckResult.FAILED


def test_another_document_within_the_window_is_admitted(lane: Lane, issuer: SimulatedIssuer, passport: Passport) -> None:
    lane.parts.profile = replace(lane.parts.profile, multiple_use_window_s=600.0)
    inspection = Inspection(lane)

    async def story() -> None:
        await inspection.inspect(passport)
        await inspection.inspect(make_passport(issuer, "Y00000002"))

    asyncio.run(story())
    assert [decision.outcome for decision in inspection.decisions(DecisionPoint.ENTRY)] == [Outcome.ADMIT] * 2


def test_a_document_that_was_referred_may_come_again(lane: Lane, passport: Passport) -> None:
    """Only a use counts as a use: a slipped or referred document did not pass."""
    lane.parts.profile = replace(lane.parts.profile, multiple_use_window_s=600.0)
    inspection = Inspection(lane)

    async def story() -> None:
        lane.chip.there = [False]
        await inspection.inspect(passport)
        await inspection.inspect(passport)

    asyncio.run(story())
    assert [decision.outcome for decision in inspection.decisions(DecisionPoint.ENTRY)] == [Outcome.REFER, Outcome.ADMIT]


# -- chips that are lost --------------------------------------------------------------------------------------------------


def test_a_document_that_slips_too_often_goes_to_an_officer(lane: Lane, passport: Passport) -> None:
    """P6: the kiosk asks again, but not for ever; and a new traveller starts from nought."""
    inspection = Inspection(lane)
    removed = [e.DocumentRemoved(number) for number in range(1, LOST_CHIPS_BEFORE_REFERRAL)]

    async def story() -> None:
        lane.chip.problem = LOST
        for _ in range(LOST_CHIPS_BEFORE_REFERRAL):
            lane.chip.there = [True, False]
            await inspection.inspect(passport)

    asyncio.run(story())
    assert inspection.answers[:-1] == removed
    assert len(removed) == 2
    assert inspection.entry.outcome is Outcome.REFER
    assert inspection.lost == []

    async def once_more() -> None:
        lane.chip.there = [True, False]
        await inspection.inspect(passport)

    asyncio.run(once_more())
    assert inspection.answers[-1] == e.DocumentRemoved(LOST_CHIPS_BEFORE_REFERRAL + 1)


def test_a_good_reading_ends_the_row_of_losses(lane: Lane, passport: Passport) -> None:
    inspection = Inspection(lane)

    async def story() -> None:
        for good in (False, False, True, False, False):
            lane.chip.problem = None if good else LOST
            lane.chip.there = [] if good else [True, False]
            await inspection.inspect(passport)

    asyncio.run(story())
    assert [type(answer) for answer in inspection.answers] == [
        e.DocumentRemoved, e.DocumentRemoved, e.Decided, e.DocumentRemoved, e.DocumentRemoved,
    ]  # fmt: skip


def test_a_chip_that_falls_silent_twice_while_it_is_there_refers(lane: Lane, passport: Passport) -> None:
    inspection = Inspection(lane)

    async def story() -> Passage:
        lane.chip.problem = LOST
        return await inspection.inspect(passport)

    passage = asyncio.run(story())
    silent = [message for message in inspection.told if isinstance(message, PassageEvent) and message.name == "silent"]
    assert len(silent) == READINGS_OF_ONE_CHIP == 2
    assert [type(answer) for answer in inspection.answers] == [e.Decided]
    assert passage.evidence is None
    assert inspection.entry.outcome is Outcome.REFER
    assert CheckName.CHIP_ACCESS in {check.name for check in inspection.entry.because}


def test_a_chip_that_falls_silent_once_is_read_anew(lane: Lane, passport: Passport) -> None:
    inspection = Inspection(lane)

    async def story() -> None:
        passage = inspection.passage(passport)
        lane.chip.held, lane.chip.problem = asyncio.Event(), LOST
        reading = asyncio.create_task(inspection.inspector.inspect(passage))
        while not lane.chip.waiting:
            await asyncio.sleep(0)  # noqa: TID251 - yields, takes no time
        lane.chip.held.set()
        while lane.chip.activated < 2:
            await asyncio.sleep(0)  # noqa: TID251 - yields, takes no time
        lane.chip.held = lane.chip.problem = None
        await reading

    asyncio.run(story())
    assert inspection.entry.outcome is Outcome.ADMIT


def test_a_lost_reader_is_told_and_refers(lane: Lane, passport: Passport) -> None:
    inspection = Inspection(lane)

    async def story() -> None:
        lane.chip.problem = DeviceError("talk to the chip reader", "it does not answer")
        await inspection.inspect(passport)

    asyncio.run(story())
    assert inspection.lost == ["chip reader"]
    assert inspection.entry.outcome is Outcome.REFER


# -- lists ----------------------------------------------------------------------------------------------------------------


def outdated(lists: Watchlists, yesterday: date) -> Watchlists:
    return Watchlists(
        tuple(replace(entry, header=replace(entry.header, valid_until=yesterday)) for entry in lists.documents), lists.persons
    )


@pytest.mark.parametrize("missing", [True, False])
def test_no_hit_on_stale_lists_means_nothing(lane: Lane, passport: Passport, missing: bool) -> None:
    """P21: without current lists "no hit" is undetermined, and refers at the exit."""
    lane.parts.lists = Watchlists() if missing else outdated(lane.parts.lists, TODAY - timedelta(days=2))
    inspection = Inspection(lane)

    async def story() -> None:
        await inspection.cross(passport)

    asyncio.run(story())
    assert inspection.entry.outcome is Outcome.ADMIT
    assert reasons(inspection.exit) == {
        (name, CheckResult.UNDETERMINED, "lists_not_current")
        for name in (CheckName.DOCUMENT_WATCHLIST, CheckName.PERSON_WATCHLIST)
    }


def test_a_listed_document_walks_in_and_meets_the_officer_inside(lane: Lane, issuer: SimulatedIssuer) -> None:
    inspection = Inspection(lane)

    async def story() -> Passage:
        return await inspection.cross(make_passport(issuer, "L00000001"))

    passage = asyncio.run(story())
    assert len(passage.hits) == 1
    assert inspection.entry == Decision(Outcome.ADMIT, DecisionPoint.ENTRY)
    assert reasons(inspection.exit) == {(CheckName.DOCUMENT_WATCHLIST, CheckResult.FAILED, "document_listed")}


# -- the face -------------------------------------------------------------------------------------------------------------


def test_several_faces_are_not_one_person(lane: Lane, passport: Passport) -> None:
    """P9: the counter says one, the camera sees more."""
    inspection = Inspection(lane)
    lane.face.outcome = CaptureOutcome(CaptureState.SEVERAL_FACES)

    async def story() -> None:
        await inspection.cross(passport)

    asyncio.run(story())
    assert (CheckName.SINGLE_PERSON, CheckResult.FAILED, "several_faces") in reasons(inspection.exit)
    assert inspection.lost == []


@pytest.mark.parametrize("end", list(CaptureState))
def test_only_several_faces_speak_against_one_person(end: CaptureState) -> None:
    expected = CheckResult.FAILED if end is CaptureState.SEVERAL_FACES else CheckResult.SUCCESSFUL
    assert single_person(CaptureOutcome(end)).result is expected


@pytest.mark.parametrize("end", list(CaptureState))
def test_only_an_aborted_capture_says_that_the_camera_is_lost(lane: Lane, passport: Passport, end: CaptureState) -> None:
    inspection = Inspection(lane)
    lane.face.outcome = captured() if end is CaptureState.CAPTURED else CaptureOutcome(end)

    async def story() -> None:
        await inspection.cross(passport)

    asyncio.run(story())
    assert inspection.lost == (["camera"] if end is CaptureState.ABORTED else [])
    assert inspection.exit.outcome is (Outcome.ADMIT if end is CaptureState.CAPTURED else Outcome.REFER)


def test_a_score_below_its_threshold_refers(lane: Lane, passport: Passport) -> None:
    inspection = Inspection(lane)
    lane.face.outcome = captured(0.449)

    async def story() -> None:
        await inspection.cross(passport)

    asyncio.run(story())
    assert reasons(inspection.exit) == {(CheckName.FACE_MATCH, CheckResult.FAILED, "face_differs")}


def test_a_portrait_that_is_malformed_refers_at_the_exit(
    lane: Lane, issuer: SimulatedIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A State signed a file that is no face record: the document is genuine, but there is nobody to compare with."""
    monkeypatch.setattr(state, "encode_dg2", lambda *_: b"\x75\x40" + secrets.token_bytes(64))
    broken = make_passport(issuer)
    inspection = Inspection(lane)

    async def story() -> None:
        await inspection.cross(broken)

    asyncio.run(story())
    assert inspection.entry.outcome is Outcome.ADMIT
    assert lane.face.prepared == []
    assert inspection.exit.outcome is Outcome.REFER
    assert {check.name for check in inspection.exit.because} == {CheckName.FACE_MATCH}


def test_findings_keep_the_newest_of_a_name() -> None:
    passage = Passage(1, "t", 0.0)
    passage.add((Check(CheckName.LANE_HEALTH, CheckResult.SUCCESSFUL),))
    passage.add((Check(CheckName.LANE_HEALTH, CheckResult.ABORTED, "help_wished"),))
    assert passage.findings() == (Check(CheckName.LANE_HEALTH, CheckResult.ABORTED, "help_wished"),)
