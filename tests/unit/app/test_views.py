"""The kiosk gets a step for every phase, the same for every referral, and never a person."""

from __future__ import annotations

from dataclasses import fields

import pytest

from egate.app.inspection import parse_lines
from egate.app.passage import Passage
from egate.app.views import STEP_OF_PHASE, LaneFacts, TravellerFacts, lane_view, traveller_views
from egate.ipc.codec import encode_line
from egate.ipc.messages import TravellerStep, TravellerView
from egate.lane.machine import LaneState
from egate.model.checks import Check, CheckName, CheckResult, Decision, DecisionPoint, Outcome
from egate.model.face import CaptureHint
from egate.model.lane import Alarm, LanePhase
from egate.model.watchlist import Hit, ListKind
from tests.unit.app.app_bench import PORTRAIT, Passport, captured, contains_canary

REASONS = (
    Check(CheckName.FACE_MATCH, CheckResult.FAILED, "face_differs"),
    Check(CheckName.PERSON_WATCHLIST, CheckResult.FAILED, "person_listed"),
    Check(CheckName.DOCUMENT_WATCHLIST, CheckResult.FAILED, "document_listed"),
    Check(CheckName.SINGLE_PERSON, CheckResult.FAILED, "more_than_one_person"),
    Check(CheckName.LANE_HEALTH, CheckResult.ABORTED, "help_wished"),
)


def passage_of(passport: Passport, reason: Check | None = None) -> Passage:
    passage = Passage(4, "t", 0.0, parse_lines(passport.lines), reference_jpeg=PORTRAIT, capture=captured())
    passage.capture_share, passage.camera_hint, passage.reading_share = 0.5, CaptureHint.HOLD_STILL, 0.25
    if reason is not None:
        passage.add((reason,))
        passage.decision = Decision(Outcome.REFER, DecisionPoint.EXIT, (reason,))
        passage.hits = (Hit(ListKind.PERSONS, "wanted-persons", "UTO-P-0001", "name", ("CANARYNAME",)),)
    return passage


def kiosk(state: LaneState, passage: Passage | None, *, present_again: bool = False, device_lost: bool = False) -> TravellerView:
    (view,) = traveller_views(9, state, TravellerFacts(passage, "en", present_again=present_again, closed=device_lost))
    return view


def test_every_phase_has_a_step() -> None:
    assert set(STEP_OF_PHASE) == set(LanePhase)
    for phase in LanePhase:
        assert kiosk(LaneState(phase), None).step is STEP_OF_PHASE[phase]


@pytest.mark.parametrize("phase", [LanePhase.REFERRED, LanePhase.REFERRED_OUTSIDE])
def test_all_referrals_look_the_same(passport: Passport, phase: LanePhase) -> None:
    """S6: whoever looks at the kiosk cannot tell a list hit from a bad photograph."""
    shown = set()
    for reason in REASONS:
        for alarm in Alarm:
            state = LaneState(phase, passage=4, alarms=frozenset({alarm}))
            shown.add(encode_line(kiosk(state, passage_of(passport, reason))))
    assert len(shown) == 1
    assert kiosk(LaneState(phase, passage=4), passage_of(passport, REASONS[0])).step is TravellerStep.WAIT_FOR_OFFICER


@pytest.mark.parametrize("phase", [phase for phase in LanePhase if phase not in (LanePhase.REFERRED, LanePhase.REFERRED_OUTSIDE)])
def test_no_other_phase_shows_a_finding(passport: Passport, phase: LanePhase) -> None:
    """A traveller with a hit walks in like everybody else."""
    state = LaneState(phase, passage=4)
    assert kiosk(state, passage_of(passport)) == kiosk(state, passage_of(passport, REASONS[1]))


@pytest.mark.parametrize("phase", list(LanePhase))
def test_the_kiosk_never_gets_a_person(passport: Passport, phase: LanePhase) -> None:
    line = encode_line(kiosk(LaneState(phase, passage=4), passage_of(passport, REASONS[1])))
    assert contains_canary(line) == []
    for word in (b"face_", b"watchlist", b"listed", b"REFER", b"ADMIT", b"UTO"):
        assert word not in line


def test_the_traveller_view_has_no_field_for_one() -> None:
    assert {entry.name for entry in fields(TravellerView)} == {
        "revision", "passage", "step", "hint", "camera_hint", "progress", "language", "place", "challenge",
    }  # fmt: skip


def test_only_an_idle_lane_is_closed_by_a_lost_device() -> None:
    assert kiosk(LaneState(LanePhase.IDLE), None, device_lost=True).step is TravellerStep.CLOSED
    assert kiosk(LaneState(LanePhase.EXIT_OPEN), None, device_lost=True).step is TravellerStep.GO
    assert kiosk(LaneState(LanePhase.REFERRED), None, device_lost=True).step is TravellerStep.WAIT_FOR_OFFICER


def test_the_officer_sees_the_case_only_while_it_lasts(passport: Passport) -> None:
    facts = LaneFacts("UTO-A1", 3, 1.0, {}, 0, 0, None, 5, 0, ())
    passage = passage_of(passport, REASONS[1])
    shown = lane_view(1, LaneState(LanePhase.REFERRED, passage=4), passage, facts).case
    assert shown is not None
    assert (shown.surname, shown.because) == ("CANARYNAME", (CheckName.PERSON_WATCHLIST,))
    assert contains_canary(repr(shown)) == []
    assert shown.has_reference
    assert shown.has_probe
    assert lane_view(1, LaneState(LanePhase.IDLE), passage, facts).case is None


@pytest.mark.parametrize(
    ("known", "detail", "shown"),
    [
        ("", "DG11", "DG11"),
        ("data_group_wrongly_coded", "DG11", "DG11; known to the issuing State: data group wrongly coded"),
        ("defect_security_object_wrong", "", "named by a defect list: security object wrong"),
    ],
)
def test_the_officer_sees_who_knows_of_a_failure(passport: Passport, known: str, detail: str, shown: str) -> None:
    """The failure stays; what a deviation or defect list says about it is for whoever decides about the traveller."""
    check = Check(CheckName.DATA_GROUP_HASHES, CheckResult.FAILED, "data_group_hash_wrong", detail, known)
    facts = LaneFacts("UTO-A1", 3, 1.0, {}, 0, 0, None, 5, 0, ())
    case = lane_view(1, LaneState(LanePhase.REFERRED, passage=4), passage_of(passport, check), facts).case
    assert case is not None
    found = next(entry for entry in case.checks if entry.name is CheckName.DATA_GROUP_HASHES)
    assert (found.result, found.detail) == (CheckResult.FAILED, shown)
