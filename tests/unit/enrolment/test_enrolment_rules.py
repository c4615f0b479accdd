"""The pure parts of the enrolment: quality gate, consent, and the order of the procedure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from egate.model.checks import Decision, DecisionPoint, Outcome
from egate.model.face import CaptureHint, CaptureOutcome, CaptureState, QualityScore
from enrolment import procedure as p
from enrolment.consent import CONSENT_TEXTS, LONGEST_RETENTION_DAYS, ConsentRecord, Purpose, consent_problems, give_consent
from enrolment.quality_gate import QualityBounds, QualityItem, assess, assess_capture, mendings
from tests.unit.enrolment.enrolment_bench import GOOD, MRZ, TODAY, captured, consent, poor

BOUNDS = QualityBounds()
RULES = p.EnrolmentRules(TODAY)
ADMIT = Decision(Outcome.ADMIT, DecisionPoint.ENTRY)


@pytest.mark.parametrize(
    ("quality", "item"),
    [
        (replace(GOOD, inter_eye_px=119.9), QualityItem.EYE_DISTANCE),
        (replace(GOOD, yaw_deg=-10.1), QualityItem.YAW),
        (replace(GOOD, roll_deg=8.1), QualityItem.ROLL),
        (replace(GOOD, sharpness=0.14), QualityItem.SHARPNESS),
        (replace(GOOD, exposure=0.44), QualityItem.EXPOSURE),
        (replace(GOOD, hint=CaptureHint.UNCOVER_FACE), QualityItem.POSTURE),
        (replace(GOOD, sharpness=float("nan")), QualityItem.SHARPNESS),
    ],
)
def test_each_item_fails_alone_and_says_how_to_mend_it(quality: QualityScore, item: QualityItem) -> None:
    failed = [finding for finding in assess(quality, BOUNDS) if not finding.passed]
    assert [finding.item for finding in failed] == [item]
    assert mendings(tuple(failed)) == (item.mending,)


def test_the_bounds_themselves_pass() -> None:
    at_bounds = QualityScore(0.5, 120.0, 10.0, -8.0, 0.15, 0.45)
    assert mendings(assess(at_bounds, BOUNDS)) == ()


def test_every_item_has_one_sentence() -> None:
    sentences = [item.mending for item in QualityItem]
    assert len(set(sentences)) == len(sentences)
    assert all(sentence.endswith(".") and sentence[0].isupper() for sentence in sentences)


@pytest.mark.parametrize(
    ("state", "item"),
    [
        (CaptureState.SEVERAL_FACES, QualityItem.ONE_FACE),
        (CaptureState.NO_USABLE_FACE, QualityItem.FACE_FOUND),
        (CaptureState.ABORTED, QualityItem.FACE_FOUND),
        (CaptureState.CAPTURED, QualityItem.FACE_FOUND),
    ],
)
def test_a_capture_without_a_face_fails_in_its_first_item(state: CaptureState, item: QualityItem) -> None:
    assert [finding.item for finding in assess_capture(CaptureOutcome(state), BOUNDS)] == [item]


def test_a_consent_that_holds_has_no_problem() -> None:
    assert consent_problems(consent(), TODAY) == ()
    assert consent_problems(consent(days=LONGEST_RETENTION_DAYS, language="de"), TODAY) == ()


@pytest.mark.parametrize(
    "record",
    [
        None,
        replace(consent(), text_version="2"),
        replace(consent(), text_digest="0" * 64),
        replace(consent(), language="xx"),
        replace(consent(), purposes=frozenset({Purpose.COMPARISON_AT_GATE})),
        replace(consent(), retention_days=0),
        replace(consent(), retention_days=LONGEST_RETENTION_DAYS + 1),
        replace(consent(), given_on=TODAY + timedelta(days=1)),
        replace(consent(days=5), given_on=TODAY - timedelta(days=6)),
        replace(consent(), witness=""),
    ],
)
def test_an_incomplete_consent_has_exactly_one_problem(record: ConsentRecord | None) -> None:
    assert len(consent_problems(record, TODAY)) == 1


def test_the_digest_covers_every_word() -> None:
    text = CONSENT_TEXTS["en"]
    changed = [replace(text, text=text.text + " "), replace(text, withdrawal="Never."), replace(text, version="2")]
    assert len({entry.digest for entry in (text, *changed, *CONSENT_TEXTS.values())}) == len(changed) + len(CONSENT_TEXTS)


def test_consent_says_how_to_take_it_back() -> None:
    for text in CONSENT_TEXTS.values():
        assert give_consent(text, frozenset(Purpose), 30, TODAY, "w").withdrawal == text.withdrawal != ""


def test_the_order_of_an_enrolment() -> None:
    state, asked = p.begin()
    story: list[tuple[p.Event, tuple[p.Command, ...]]] = [
        (p.DocumentRead(MRZ), (p.Ask.CHECK_DOCUMENT,)),
        (p.ChecksDecided(ADMIT), (p.Ask.CAPTURE_FACE,)),
        (p.CaptureEnded(poor()), ()),
        (p.CaptureEnded(captured()), (p.Ask.SEARCH_DUPLICATES,)),
        (p.DuplicatesSearched(0), (p.Ask.ASK_CONSENT,)),
        (p.ConsentAnswered(consent()), (p.Ask.STORE,)),
        (p.Stored(), ()),
    ]
    assert asked == (p.Ask.READ_DOCUMENT,)
    for event, expected in story:
        state, asked = p.step(state, event, RULES)
        if isinstance(event, p.CaptureEnded) and not expected:
            assert isinstance(asked[0], p.Mend)
            assert asked[1] is p.Ask.CAPTURE_FACE
        else:
            assert asked == expected
    assert state.stage is p.Stage.DONE


def test_captures_are_bounded() -> None:
    state = p.EnrolmentState(stage=p.Stage.CAPTURE, mrz=MRZ)
    for _ in range(RULES.captures):
        assert state.stage is p.Stage.CAPTURE
        state, _asked = p.step(state, p.CaptureEnded(poor()), RULES)
    assert state.refusal is not None
    assert state.refusal.reason is p.RefusalReason.QUALITY


EVENTS: list[p.Event] = [
    p.DocumentRead(MRZ),
    p.ChecksDecided(ADMIT),
    p.CaptureEnded(captured()),
    p.DuplicatesSearched(0),
    p.ConsentAnswered(consent()),
    p.Stored(),
    p.NotStored("disk full"),
]


@pytest.mark.parametrize("stage", list(p.Stage))
def test_nothing_is_stored_but_after_consent(stage: p.Stage) -> None:
    """Whatever comes in whatever stage: STORE is asked for by a consent in stage CONSENT only."""
    for event in EVENTS:
        before = p.EnrolmentState(stage=stage, mrz=MRZ)
        after, asked = p.step(before, event, RULES)
        assert (p.Ask.STORE in asked) == (stage is p.Stage.CONSENT and isinstance(event, p.ConsentAnswered))
        if (stage, type(event)) not in p.TABLE:
            assert (after, asked) == (before, ())
