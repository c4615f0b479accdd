"""What the screens show, made from the lane's state and the passage. Pure: the same state gives the same views.

The traveller's view is made from the phase alone, never from a check or a decision: all referrals look the same because
nothing that tells them apart goes in.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from egate.app.passage import Passage
from egate.checks.catalogue import group_of
from egate.checks.known_defects import DEFECT_PREFIX
from egate.ipc.messages import (
    AlarmView,
    CasePictures,
    CaseView,
    CheckView,
    HitView,
    LaneView,
    ScoreView,
    StaleView,
    TravellerHint,
    TravellerStep,
    TravellerView,
)
from egate.lane.machine import LaneState
from egate.model.checks import Check, Outcome
from egate.model.face import CaptureHint
from egate.model.lane import Alarm, LanePhase

STEP_OF_PHASE: Mapping[LanePhase, TravellerStep] = {
    LanePhase.OUT_OF_SERVICE: TravellerStep.CLOSED,
    LanePhase.RESYNC: TravellerStep.CLOSED,
    LanePhase.IDLE: TravellerStep.PLACE_DOCUMENT,
    LanePhase.READING: TravellerStep.KEEP_DOCUMENT,
    LanePhase.REFERRED_OUTSIDE: TravellerStep.WAIT_FOR_OFFICER,
    LanePhase.ENTRY_OPEN: TravellerStep.WALK_IN,
    LanePhase.ENTRY_CLOSING: TravellerStep.LOOK_AT_CAMERA,
    LanePhase.CAPTURE: TravellerStep.LOOK_AT_CAMERA,
    LanePhase.RECORDING: TravellerStep.LOOK_AT_CAMERA,
    LanePhase.EXIT_OPEN: TravellerStep.GO,
    LanePhase.EXIT_CLOSING: TravellerStep.GO,
    LanePhase.LEFT_OBJECT: TravellerStep.CLOSED,
    LanePhase.REFERRED: TravellerStep.WAIT_FOR_OFFICER,
    LanePhase.RETURN_OPEN: TravellerStep.RETURN,
    LanePhase.RETURN_CLOSING: TravellerStep.RETURN,
    LanePhase.EMERGENCY: TravellerStep.EMERGENCY,
}
"""Every phase has exactly one step; a test walks all phases."""

_HINT_OF_STEP: Mapping[TravellerStep, TravellerHint] = {
    TravellerStep.PLACE_DOCUMENT: TravellerHint.OPEN_AT_PHOTO_PAGE,
    TravellerStep.KEEP_DOCUMENT: TravellerHint.KEEP_ON_READER,
    TravellerStep.WALK_IN: TravellerHint.TAKE_YOUR_DOCUMENT,
}


@dataclass(frozen=True, slots=True)
class LaneFacts:
    """What the officer's view needs besides the lane's state and the passage."""

    name: str
    number: int
    phase_age_s: float
    alarm_ages_s: Mapping[Alarm, float]
    admitted: int
    referred: int
    last_outcome: Outcome | None
    wish_counter: int
    outbox: int
    devices_lost: tuple[str, ...]
    stale: StaleView | None = None
    """What `Alarm.TRUST_STALE` is about; None when nothing goes stale. The lane's state does not know this alarm."""


def traveller_view(
    revision: int, state: LaneState, passage: Passage | None, language: str, *, present_again: bool, device_lost: bool
) -> TravellerView:
    """The kiosk's view. `present_again` asks for the document once more; `device_lost` closes an idle lane."""
    step = STEP_OF_PHASE[state.phase]
    if step is TravellerStep.PLACE_DOCUMENT and device_lost:
        step = TravellerStep.CLOSED
    hint = _HINT_OF_STEP.get(step, TravellerHint.NONE)
    if step is TravellerStep.PLACE_DOCUMENT and present_again:
        hint = TravellerHint.PRESENT_AGAIN
    progress, camera_hint = 0.0, CaptureHint.NONE
    if passage is not None and step is TravellerStep.KEEP_DOCUMENT:
        progress = passage.reading_share
    if passage is not None and step is TravellerStep.LOOK_AT_CAMERA:
        progress, camera_hint = passage.capture_share, passage.camera_hint
    chosen = passage.language if passage is not None and passage.language else language
    return TravellerView(revision, state.passage, step, hint, camera_hint, progress, chosen)


def lane_view(revision: int, state: LaneState, passage: Passage | None, facts: LaneFacts) -> LaneView:
    """The officer's view of one lane."""
    shown = None if passage is None or state.phase is LanePhase.IDLE else case_view(passage)
    called = state.alarms if facts.stale is None else state.alarms | {Alarm.TRUST_STALE}
    return LaneView(
        revision=revision,
        lane=facts.name,
        number=facts.number,
        phase=state.phase,
        phase_age_s=round(facts.phase_age_s, 1),
        entry=state.entry,
        exit=state.exit,
        persons=state.persons,
        alarms=tuple(AlarmView(alarm, round(facts.alarm_ages_s.get(alarm, 0.0), 1)) for alarm in Alarm if alarm in called),
        case=shown,
        admitted=facts.admitted,
        referred=facts.referred,
        last_outcome=facts.last_outcome,
        wish_counter=facts.wish_counter,
        outbox=facts.outbox,
        passage=state.passage,
        devices_lost=facts.devices_lost,
        stale=facts.stale,
    )


def case_view(passage: Passage) -> CaseView:
    """The passage under way for the officer (S2: checks, comparison, both images on request)."""
    mrz, capture = passage.mrz, passage.capture
    decision = passage.decision
    return CaseView(
        passage=passage.number,
        transaction=passage.transaction,
        surname=mrz.surname if mrz else "",
        given_names=mrz.given_names if mrz else "",
        document_number=mrz.document_number if mrz else "",
        document_code=mrz.document_code if mrz else "",
        issuing_state=mrz.issuing_state if mrz else "",
        nationality=mrz.nationality if mrz else "",
        date_of_birth=mrz.date_of_birth if mrz else "",
        sex=mrz.sex if mrz else "",
        date_of_expiry=mrz.date_of_expiry if mrz else "",
        checks=tuple(CheckView(group_of(c.name), c.name, c.result, c.code, _detail(c)) for c in passage.findings()),
        scores=tuple(ScoreView(s.engine, s.value, s.threshold, s.fmr_ppm) for s in (capture.scores if capture else ())),
        hits=tuple(HitView(hit.list_name, hit.entry, hit.rule, hit.evidence) for hit in passage.hits),
        outcome=decision.outcome if decision else None,
        because=tuple(check.name for check in decision.because) if decision else (),
        has_reference=bool(passage.reference_jpeg),
        has_probe=bool(capture and capture.probe),
    )


def _detail(check: Check) -> str:
    """What a check adds to its finding, and who published that they know of it: an officer decides what that is worth."""
    known = check.known_deviation
    if not known:
        return check.detail
    who = "named by a defect list" if known.startswith(DEFECT_PREFIX) else "known to the issuing State"
    said = f"{who}: {known.removeprefix(DEFECT_PREFIX).replace('_', ' ')}"
    return f"{check.detail}; {said}" if check.detail else said


def case_pictures(number: int, passage: Passage | None) -> CasePictures:
    """The two faces of the case that was asked for; empty when it is over."""
    if passage is None or passage.number != number:
        return CasePictures(number, "", "")
    probe = passage.capture.probe.image if passage.capture and passage.capture.probe else b""
    return CasePictures(number, base64.b64encode(passage.reference_jpeg).decode(), base64.b64encode(probe).decode())
