"""What the screens show, made from the lane's state and the passage. Pure: the same state gives the same views.

The traveller's view is made from the phase alone, never from a check or a decision: all referrals look the same because
nothing that tells them apart goes in.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace

from egate.app.passage import Passage
from egate.app.station import Station, Told
from egate.checks.catalogue import group_of
from egate.checks.known_defects import DEFECT_PREFIX
from egate.ipc.messages import (
    AccuracyView,
    AlarmView,
    CasePictures,
    CaseView,
    CheckView,
    HitView,
    LaneView,
    Place,
    ScoreView,
    StaleView,
    TravellerHint,
    TravellerStep,
    TravellerView,
)
from egate.lane.machine import LaneState
from egate.model.checks import Check, Outcome
from egate.model.face import CaptureHint, Challenge, ChallengeKind
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
    called_outside: bool = False
    """Whether somebody who is not in the gate called; no alarm of the lane's state."""
    stale: StaleView | None = None
    """What `Alarm.TRUST_STALE` is about; None when nothing goes stale. The lane's state does not know this alarm."""
    accuracy: AccuracyView | None = None
    """What the live accuracy monitor counted; it raises `Alarm.FMR_OUT_OF_BAND`. None when it counts nothing."""


@dataclass(frozen=True, slots=True)
class TravellerFacts:
    """What the travellers' screens need besides the lane's state.

    `passage` is the traveller's in the gate, `waiting` the next one's (P22), `station` the kiosk of a segregated lane.
    `present_again` asks for the document once more, `again_outside` while somebody is inside; `kiosk_first` sends to the kiosk.
    `closed`: a lost device closes an idle lane.
    """

    passage: Passage | None
    language: str
    waiting: Passage | None = None
    station: Station | None = None
    present_again: bool = False
    again_outside: bool = False
    kiosk_first: bool = False
    closed: bool = False
    pipelined: bool = False


def traveller_views(revision: int, state: LaneState, facts: TravellerFacts) -> tuple[TravellerView, ...]:
    """What each place shows: one view for all screens, or two where two travellers are under way."""
    gate = _gate_view(revision, state, facts)
    if facts.station is not None:
        return gate, _kiosk_view(revision, facts.station, closed=facts.closed)
    if not facts.pipelined:
        return (gate,)
    outside = gate if state.phase in _ALL_OUTSIDE else _next_view(revision, state, facts)
    return replace(gate, place=Place.INSIDE), replace(outside, place=Place.OUTSIDE)


_ALL_OUTSIDE = frozenset(
    {
        LanePhase.OUT_OF_SERVICE,
        LanePhase.RESYNC,
        LanePhase.IDLE,
        LanePhase.READING,
        LanePhase.REFERRED_OUTSIDE,
        LanePhase.ENTRY_OPEN,
        LanePhase.LEFT_OBJECT,
        LanePhase.EMERGENCY,
    }
)
"""Phases whose screen is for whoever stands before the gate."""


def _next_view(revision: int, state: LaneState, facts: TravellerFacts) -> TravellerView:
    """For the next traveller while somebody is inside; no referral looks like another one."""
    waiting = facts.waiting
    if waiting is None:
        takes = state.serviceable and not facts.closed and state.phase not in _NOBODY_NEXT
        step = TravellerStep.PLACE_DOCUMENT if takes else TravellerStep.CLOSED
        hint = TravellerHint.PRESENT_AGAIN if facts.again_outside else TravellerHint.OPEN_AT_PHOTO_PAGE
        return TravellerView(revision, 0, step, hint if takes else TravellerHint.NONE, language=facts.language)
    progress = 0.0
    if waiting.decision is None:
        step, progress = TravellerStep.KEEP_DOCUMENT, waiting.reading_share
    elif waiting.decision.outcome is Outcome.ADMIT:
        step = TravellerStep.WAIT_FOR_GATE
    else:
        step = TravellerStep.WAIT_FOR_OFFICER
    language = waiting.language or facts.language
    return TravellerView(
        revision, waiting.number, step, _HINT_OF_STEP.get(step, TravellerHint.NONE), progress=progress, language=language
    )


_NOBODY_NEXT = frozenset({LanePhase.REFERRED, LanePhase.RETURN_OPEN, LanePhase.RETURN_CLOSING})
"""Phases with somebody inside in which no further document is read: the next traveller takes another gate."""


def _kiosk_view(revision: int, station: Station, *, closed: bool) -> TravellerView:
    """The screen of the kiosk that is not at the gate."""
    told, passage = station.told, station.passage
    step = TravellerStep.CLOSED if closed and told in (Told.FREE, Told.AGAIN) else _STEP_OF_TOLD[told]
    hint = TravellerHint.PRESENT_AGAIN if told is Told.AGAIN else _HINT_OF_STEP.get(step, TravellerHint.NONE)
    return TravellerView(
        revision=revision,
        passage=abs(passage.key) if passage else 0,
        step=step,
        hint=TravellerHint.NONE if step is TravellerStep.CLOSED else hint,
        progress=passage.reading_share if passage and told is Told.READING else 0.0,
        language=(passage.language if passage else "") or station.language,
        place=Place.KIOSK,
    )


_STEP_OF_TOLD: Mapping[Told, TravellerStep] = {
    Told.FREE: TravellerStep.PLACE_DOCUMENT,
    Told.AGAIN: TravellerStep.PLACE_DOCUMENT,
    Told.READING: TravellerStep.KEEP_DOCUMENT,
    Told.TO_GATE: TravellerStep.GO_TO_GATE,
    Told.OFFICER: TravellerStep.WAIT_FOR_OFFICER,
}


def _gate_view(revision: int, state: LaneState, facts: TravellerFacts) -> TravellerView:
    """For the traveller in the gate, or for whoever comes next while it is free."""
    passage = facts.passage
    step = STEP_OF_PHASE[state.phase]
    if step is TravellerStep.PLACE_DOCUMENT and facts.closed:
        step = TravellerStep.CLOSED
    hint = _HINT_OF_STEP.get(step, TravellerHint.NONE)
    if step is TravellerStep.PLACE_DOCUMENT and (facts.present_again or facts.kiosk_first):
        hint = TravellerHint.KIOSK_FIRST if facts.kiosk_first else TravellerHint.PRESENT_AGAIN
    progress, camera_hint, challenge = 0.0, CaptureHint.NONE, ""
    if passage is not None and step is TravellerStep.KEEP_DOCUMENT:
        progress = passage.reading_share
    if passage is not None and step is TravellerStep.LOOK_AT_CAMERA:
        progress, camera_hint = passage.capture_share, passage.camera_hint
        challenge = challenge_word(passage.challenge)
    chosen = passage.language if passage is not None and passage.language else facts.language
    return TravellerView(revision, state.passage, step, hint, camera_hint, progress, chosen, challenge=challenge)


def challenge_word(challenge: Challenge | None) -> str:
    """A challenge as the kiosk reads it: `#rrggbb`, `look_left`, `look_right`, `look_straight`, or nothing."""
    if challenge is None:
        return ""
    red, green, blue = challenge.colour
    return f"#{red:02x}{green:02x}{blue:02x}" if challenge.kind is ChallengeKind.LIGHT else challenge.kind.value


def lane_view(revision: int, state: LaneState, passage: Passage | None, facts: LaneFacts) -> LaneView:
    """The officer's view of one lane."""
    shown = None if passage is None or state.phase is LanePhase.IDLE else case_view(passage)
    further = {
        Alarm.TRUST_STALE: facts.stale is not None,
        Alarm.FMR_OUT_OF_BAND: facts.accuracy is not None and facts.accuracy.verdict.alarming,
        Alarm.REFERRAL: facts.called_outside,
    }
    called = state.alarms | {alarm for alarm, is_on in further.items() if is_on}
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
        accuracy=facts.accuracy,
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
