"""Checks of the face, the lists and the lane."""

from __future__ import annotations

import math

import pytest

from egate.checks.background import check_multiple_use, check_watchlists, lane_incident
from egate.checks.biometric import check_capture, check_face_match, check_presentation_attack
from egate.model.checks import CheckName, CheckResult
from egate.model.face import CaptureOutcome, CaptureState, ComparisonScore, FaceProbe, PadResult, QualityScore
from egate.model.watchlist import Hit, ListKind

FINE = ComparisonScore("sface", 0.5, 0.3, 1000, "test")
POOR = ComparisonScore("dlib", 0.2, 0.3, 1000, "test")
DOCUMENT_HIT = Hit(ListKind.DOCUMENTS, "stolen", "00ff", "document_equal", ("number",))
PERSON_HIT = Hit(ListKind.PERSONS, "wanted", "P-1", "name_equal", ("name",))


def captured(*scores: ComparisonScore) -> CaptureOutcome:
    return CaptureOutcome(CaptureState.CAPTURED, None, scores)


@pytest.mark.parametrize(
    ("outcome", "codes"),
    [
        (captured(FINE), ["", "", "no_attack_detector"]),
        (captured(POOR), ["", "face_differs", "no_attack_detector"]),
        (captured(), ["", "comparison_aborted", "no_attack_detector"]),
        (CaptureOutcome(CaptureState.NO_USABLE_FACE), ["no_usable_face", "face_not_captured", "face_not_captured"]),
        (CaptureOutcome(CaptureState.SEVERAL_FACES), ["several_faces", "face_not_captured", "face_not_captured"]),
        (CaptureOutcome(CaptureState.ABORTED), ["capture_aborted", "face_not_captured", "face_not_captured"]),
        (None, ["face_not_captured"] * 3),
    ],
)
def test_capture(outcome: CaptureOutcome | None, codes: list[str]) -> None:
    checks = check_capture(outcome)
    assert [check.name for check in checks] == [
        CheckName.FACE_CAPTURE,
        CheckName.FACE_MATCH,
        CheckName.PRESENTATION_ATTACK,
    ]
    assert [check.code for check in checks] == codes


def test_second_opinion_does_not_decide() -> None:
    assert check_face_match(captured(FINE, POOR), 1000).result is CheckResult.SUCCESSFUL
    assert check_face_match(captured(POOR, FINE), 1000).result is CheckResult.FAILED


@pytest.mark.parametrize("fmr_ppm", [1001, 10_000, 0, -1])
def test_threshold_for_another_false_match_rate_does_not_count(fmr_ppm: int) -> None:
    """D1: a score above a laxer threshold is no match."""
    score = ComparisonScore("sface", 1.0, 0.3, fmr_ppm, "test")
    assert check_face_match(captured(score), 1000).code == "threshold_too_lax"


def test_stricter_threshold_counts() -> None:
    assert check_face_match(captured(ComparisonScore("sface", 0.5, 0.4, 100, "test")), 1000).code == ""


@pytest.mark.parametrize(("value", "threshold"), [(math.nan, 0.3), (0.5, math.nan), (-math.inf, 0.3)])
def test_score_that_is_no_number_is_no_match(value: float, threshold: float) -> None:
    assert check_face_match(captured(ComparisonScore("sface", value, threshold, 1000, "t")), 1000).code == "face_differs"


@pytest.mark.parametrize(
    ("pad", "code", "detail"),
    [
        (None, "no_attack_detector", ""),
        (PadResult(None, omitted="too few frames"), "attack_not_judged", "too few frames"),
        (PadResult(0.0), "", ""),
        (PadResult(0.8499, (("border", 0.9),)), "", ""),
        (PadResult(0.85, (("border", 0.9), ("static", 0.1))), "attack_suspected", "border"),
        (PadResult(1.0), "attack_suspected", ""),
        (PadResult(math.nan), "attack_not_judged", ""),
        (PadResult(-0.1), "attack_not_judged", ""),
        (PadResult(1.1), "attack_not_judged", ""),
    ],
)
def test_presentation_attack(pad: PadResult | None, code: str, detail: str) -> None:
    """P11, S3: the officer learns what was suspected; what was not judged is no success."""
    probe = FaceProbe(b"", QualityScore(0.9, 120.0, 0.0, 0.0, 0.9, 0.9), 12, pad)
    check = check_presentation_attack(CaptureOutcome(CaptureState.CAPTURED, probe, (FINE,)))
    assert (check.code, check.detail) == (code, detail)
    assert (check.result is CheckResult.SUCCESSFUL) == (pad is not None and pad.score in (0.0, 0.8499))


def test_attack_is_said_of_a_captured_image_only() -> None:
    probe = FaceProbe(b"", QualityScore(0.9, 120.0, 0.0, 0.0, 0.9, 0.9), 12, PadResult(0.0))
    assert check_presentation_attack(CaptureOutcome(CaptureState.ABORTED, probe)).code == "face_not_captured"


@pytest.mark.parametrize(
    ("hits", "current", "codes"),
    [
        ((), True, ["", ""]),
        ((), False, ["lists_not_current", "lists_not_current"]),
        ((DOCUMENT_HIT,), True, ["document_listed", ""]),
        ((PERSON_HIT,), True, ["", "person_listed"]),
        ((PERSON_HIT, DOCUMENT_HIT), True, ["document_listed", "person_listed"]),
        ((PERSON_HIT,), False, ["lists_not_current", "person_listed"]),
    ],
)
def test_watchlists(hits: tuple[Hit, ...], current: bool, codes: list[str]) -> None:
    """P21: a hit counts on stale lists, no hit does not."""
    checks = check_watchlists(hits, lists_current=current)
    assert [check.name for check in checks] == [CheckName.DOCUMENT_WATCHLIST, CheckName.PERSON_WATCHLIST]
    assert [check.code for check in checks] == codes


def test_hit_names_neither_list_nor_entry() -> None:
    for check in check_watchlists((PERSON_HIT, DOCUMENT_HIT), lists_current=True):
        assert check.detail == ""


@pytest.mark.parametrize(
    ("since", "window_s", "code"),
    [
        (None, 0.0, "multiple_use_off"),
        (1.0, 0.0, "multiple_use_off"),
        (None, 600.0, ""),
        (599.9, 600.0, "presented_again"),
        (600.0, 600.0, ""),
        (0.0, 600.0, "presented_again"),
    ],
)
def test_multiple_use(since: float | None, window_s: float, code: str) -> None:
    """P20."""
    assert check_multiple_use(since, window_s).code == code


def test_lane_incident() -> None:
    check = lane_incident(CheckName.SINGLE_PERSON, "more_than_one_person")
    assert (check.name, check.result, check.code) == (CheckName.SINGLE_PERSON, CheckResult.FAILED, "more_than_one_person")
    assert lane_incident(CheckName.LANE_HEALTH, "not_recorded").result is CheckResult.FAILED
    with pytest.raises(KeyError):
        lane_incident(CheckName.LANE_HEALTH, "no such thing")
