"""The enrolment as a pure step over a table: document, checks, capture with quality gate, comparison, duplicates, consent, store.

Rule: the order is fixed, and each stage lets the next begin only on its own success; the consent is asked for last, when the
person knows that everything else is done, and nothing is stored before it. No I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum
from typing import Any

from egate.model.checks import Decision, Outcome
from egate.model.document import Mrz
from egate.model.face import CaptureOutcome
from enrolment.consent import ConsentRecord, consent_problems
from enrolment.quality_gate import QualityBounds, assess_capture, mendings
from enrolment.registered import document_expiry


class Stage(Enum):
    """Where an enrolment is."""

    DOCUMENT = "document"
    DOCUMENT_CHECKS = "document_checks"
    CAPTURE = "capture"
    DUPLICATES = "duplicates"
    CONSENT = "consent"
    STORE = "store"
    DONE = "done"
    REFUSED = "refused"


class RefusalReason(Enum):
    """Why nobody was registered."""

    DOCUMENT_UNREADABLE = "document_unreadable"
    DOCUMENT_EXPIRED = "document_expired"
    DOCUMENT_CHECKS = "document_checks"
    QUALITY = "quality"
    FACE_MISMATCH = "face_mismatch"
    DUPLICATE = "duplicate"
    CONSENT = "consent"
    NOT_STORED = "not_stored"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nobody was registered, and sentences that say what to do; no personal data."""

    reason: RefusalReason
    sentences: tuple[str, ...]


# -- what happens ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """The document was read; None when it could not be."""

    mrz: Mrz | None


@dataclass(frozen=True, slots=True)
class ChecksDecided:
    """What the checks of the document led to."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class CaptureEnded:
    """A capture ended, compared with the chip's portrait."""

    outcome: CaptureOutcome


@dataclass(frozen=True, slots=True)
class DuplicatesSearched:
    """How many registrations exist for this document or face."""

    found: int


@dataclass(frozen=True, slots=True)
class ConsentAnswered:
    """The person answered; None for no."""

    consent: ConsentRecord | None


@dataclass(frozen=True, slots=True)
class Stored:
    """The registration is durable."""


@dataclass(frozen=True, slots=True)
class NotStored:
    """The register could not be searched, or the registration could not be made durable."""

    problem: str


Event = DocumentRead | ChecksDecided | CaptureEnded | DuplicatesSearched | ConsentAnswered | Stored | NotStored

# -- what is asked --------------------------------------------------------------------------------------------------------


class Ask(Enum):
    """What the procedure asks of the world."""

    READ_DOCUMENT = "read_document"
    CHECK_DOCUMENT = "check_document"
    CAPTURE_FACE = "capture_face"
    SEARCH_DUPLICATES = "search_duplicates"
    ASK_CONSENT = "ask_consent"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class Mend:
    """Sentences to show before the next capture."""

    sentences: tuple[str, ...]


Command = Ask | Mend


@dataclass(frozen=True, slots=True)
class EnrolmentRules:
    """Bounds of the quality gate, how many captures a person gets, the largest accepted false match rate (ppm), today."""

    today: date
    bounds: QualityBounds = field(default_factory=QualityBounds)
    captures: int = 3
    fmr_ppm: int = 1000


@dataclass(frozen=True, slots=True)
class EnrolmentState:
    """An enrolment under way; `outcome` and `consent` are set once accepted."""

    stage: Stage = Stage.DOCUMENT
    mrz: Mrz | None = None
    captures: int = 0
    outcome: CaptureOutcome | None = None
    consent: ConsentRecord | None = None
    refusal: Refusal | None = None


Answer = tuple[EnrolmentState, tuple[Command, ...]]
Rule = Callable[[EnrolmentState, Any, EnrolmentRules], Answer]


def begin() -> Answer:
    """A new enrolment."""
    return EnrolmentState(), (Ask.READ_DOCUMENT,)


def step(state: EnrolmentState, event: Event, rules: EnrolmentRules) -> Answer:
    """The next state and what to ask; an event that the stage does not wait for changes nothing."""
    rule = TABLE.get((state.stage, type(event)))
    return (state, ()) if rule is None else rule(state, event, rules)


def _refuse(state: EnrolmentState, reason: RefusalReason, *sentences: str) -> Answer:
    return replace(state, stage=Stage.REFUSED, refusal=Refusal(reason, sentences)), ()


def _document_read(state: EnrolmentState, event: DocumentRead, rules: EnrolmentRules) -> Answer:
    if event.mrz is None or event.mrz.failed_check_digits:
        return _refuse(state, RefusalReason.DOCUMENT_UNREADABLE, "Lay the document open at the photo page on the reader again.")
    expires_on = document_expiry(event.mrz)
    if expires_on is None or expires_on < rules.today:
        return _refuse(state, RefusalReason.DOCUMENT_EXPIRED, "The document has expired; come back with a current one.")
    return replace(state, stage=Stage.DOCUMENT_CHECKS, mrz=event.mrz), (Ask.CHECK_DOCUMENT,)


def _checks_decided(state: EnrolmentState, event: ChecksDecided, _rules: EnrolmentRules) -> Answer:
    if event.decision.outcome is not Outcome.ADMIT:
        names = tuple(f"{check.name.value}: {check.result.word}" for check in event.decision.because)
        return _refuse(state, RefusalReason.DOCUMENT_CHECKS, *names)
    return replace(state, stage=Stage.CAPTURE), (Ask.CAPTURE_FACE,)


def _capture_ended(state: EnrolmentState, event: CaptureEnded, rules: EnrolmentRules) -> Answer:
    """Quality first, with another try; then the comparison, without: another face is no matter of posture."""
    state = replace(state, captures=state.captures + 1)
    sentences = mendings(assess_capture(event.outcome, rules.bounds))
    if sentences and state.captures < rules.captures:
        return state, (Mend(sentences), Ask.CAPTURE_FACE)
    if sentences:
        return _refuse(state, RefusalReason.QUALITY, *sentences)
    if not _is_same_person(event.outcome, rules):
        return _refuse(state, RefusalReason.FACE_MISMATCH, "The face does not match the portrait in the chip; call an officer.")
    return replace(state, stage=Stage.DUPLICATES, outcome=event.outcome), (Ask.SEARCH_DUPLICATES,)


def _is_same_person(outcome: CaptureOutcome, rules: EnrolmentRules) -> bool:
    """The deciding engine's score, at a threshold that is strict enough; no comparison is no match."""
    return bool(outcome.scores) and outcome.scores[0].matched and outcome.scores[0].fmr_ppm <= rules.fmr_ppm


def _duplicates_searched(state: EnrolmentState, event: DuplicatesSearched, _rules: EnrolmentRules) -> Answer:
    if event.found:
        return _refuse(state, RefusalReason.DUPLICATE, "This document is registered already; withdraw it first.")
    return replace(state, stage=Stage.CONSENT), (Ask.ASK_CONSENT,)


def _consent_answered(state: EnrolmentState, event: ConsentAnswered, rules: EnrolmentRules) -> Answer:
    problems = consent_problems(event.consent, rules.today)
    if problems:
        return _refuse(state, RefusalReason.CONSENT, *problems)
    return replace(state, stage=Stage.STORE, consent=event.consent), (Ask.STORE,)


def _stored(state: EnrolmentState, _event: Stored, _rules: EnrolmentRules) -> Answer:
    return replace(state, stage=Stage.DONE), ()


def _not_stored(state: EnrolmentState, event: NotStored, _rules: EnrolmentRules) -> Answer:
    return _refuse(state, RefusalReason.NOT_STORED, event.problem)


TABLE: Mapping[tuple[Stage, type[Event]], Rule] = {
    (Stage.DOCUMENT, DocumentRead): _document_read,
    (Stage.DOCUMENT_CHECKS, ChecksDecided): _checks_decided,
    (Stage.CAPTURE, CaptureEnded): _capture_ended,
    (Stage.DUPLICATES, DuplicatesSearched): _duplicates_searched,
    (Stage.DUPLICATES, NotStored): _not_stored,
    (Stage.CONSENT, ConsentAnswered): _consent_answered,
    (Stage.STORE, Stored): _stored,
    (Stage.STORE, NotStored): _not_stored,
}
"""Stage × kind of event → rule; every other pair changes nothing."""
