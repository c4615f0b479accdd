"""The decision, walked whole: every result, run mode, door of the rule and door of the decision; and aggregation."""

from __future__ import annotations

from itertools import product

import pytest

from egate.checks.aggregate import aggregate, aggregate_groups
from egate.checks.catalogue import NOT_PERFORMED, finding, success
from egate.checks.decide import decide
from egate.checks.profile import default_profile
from egate.model.checks import (
    Check,
    CheckGroup,
    CheckName,
    CheckResult,
    CheckRule,
    DecisionPoint,
    Outcome,
    Profile,
    RunMode,
)

ENTRY, EXIT = DecisionPoint.ENTRY, DecisionPoint.EXIT
NAME, OTHER = CheckName.FACE_MATCH, CheckName.DOCUMENT_EXPIRY
FAILED, ABORTED, UNDETERMINED = CheckResult.FAILED, CheckResult.ABORTED, CheckResult.UNDETERMINED
SUCCESSFUL, NOT_SUPPORTED = CheckResult.SUCCESSFUL, CheckResult.NOT_SUPPORTED

REFERS: dict[RunMode, set[CheckResult | None]] = {
    RunMode.MANDATORY: {None, NOT_SUPPORTED, UNDETERMINED, ABORTED, FAILED},
    RunMode.CONDITIONALLY_IGNORED: {None, UNDETERMINED, ABORTED, FAILED},
    RunMode.OPTIONAL: {UNDETERMINED, ABORTED, FAILED},
    RunMode.EVALUATORY: set(),
}
"""The policy written a second time, independently: what refers in each run mode (None: missing)."""

EVERY_RESULT: list[CheckResult | None] = [None, *CheckResult]


def profile(mode: RunMode, at: DecisionPoint) -> Profile:
    """A profile with the check under test and one more that is always fine."""
    return Profile("test", {NAME: CheckRule(mode, at), OTHER: CheckRule(RunMode.MANDATORY, ENTRY)})


@pytest.mark.parametrize(("result", "mode", "at", "point"), list(product(EVERY_RESULT, RunMode, DecisionPoint, DecisionPoint)))
def test_whole_table(result: CheckResult | None, mode: RunMode, at: DecisionPoint, point: DecisionPoint) -> None:
    checks = [success(OTHER)] + ([] if result is None else [Check(NAME, result, "code")])
    decision = decide(checks, profile(mode, at), point)
    counts = at is ENTRY or point is EXIT
    refers = counts and result in REFERS[mode]
    assert decision.point is point
    assert decision.outcome is (Outcome.REFER if refers else Outcome.ADMIT)
    assert [check.name for check in decision.because] == ([NAME] if refers else [])
    if refers and result is None:
        assert decision.because == (finding(NAME, NOT_PERFORMED),)


@pytest.mark.parametrize("results", list(product(CheckResult, CheckResult)))
def test_the_worst_of_two_findings_of_one_check_counts(results: tuple[CheckResult, CheckResult]) -> None:
    checks = [success(OTHER), *(Check(NAME, result, result.word) for result in results)]
    decision = decide(checks, profile(RunMode.MANDATORY, ENTRY), ENTRY)
    worst = max(results)
    assert decision.because == (() if worst is SUCCESSFUL else (Check(NAME, worst, worst.word),))


def test_the_worst_reason_comes_first() -> None:
    rules = {name: CheckRule(RunMode.MANDATORY) for name in CheckName}
    results = (SUCCESSFUL, UNDETERMINED, FAILED, NOT_SUPPORTED, ABORTED)
    checks = [Check(name, results[index % 5], "code") for index, name in enumerate(CheckName)]
    because = decide(checks, Profile("all", rules), EXIT).because
    assert [check.result for check in because] == sorted((check.result for check in because), reverse=True)
    assert {check.name for check in because} == {check.name for check in checks if check.result is not SUCCESSFUL}


@pytest.mark.parametrize("point", DecisionPoint)
@pytest.mark.parametrize("mode", [RunMode.OPTIONAL, RunMode.EVALUATORY])
def test_profile_that_cannot_refer_admits_nobody(mode: RunMode, point: DecisionPoint) -> None:
    """A profile made by hand that has no rule, or none that must be met, is no reason to open a door."""
    for rules in ({}, {NAME: CheckRule(mode)}):
        decision = decide([success(NAME)], Profile("empty", rules), point)
        assert decision.outcome is Outcome.REFER
        assert [check.code for check in decision.because] == ["no_rule_applies"]


def test_checks_without_a_rule_do_not_decide() -> None:
    checks = [success(OTHER), success(NAME), finding(CheckName.LANE_HEALTH, "gate_lost")]
    assert decide(checks, profile(RunMode.MANDATORY, ENTRY), EXIT).outcome is Outcome.ADMIT


EVALUATORY = {
    CheckName.CERTIFICATE_REVOCATION,
    CheckName.FILE_LIST_CONSISTENT,
    CheckName.TERMINAL_AUTHENTICATION,
}
"""The checks that the default profile records and does not count."""


def all_fine() -> dict[CheckName, Check]:
    """What a sound passage brings, as far as this part of the project can tell."""
    fine: dict[CheckName, Check] = {name: success(name) for name in CheckName if name is not CheckName.LANE_HEALTH}
    fine[CheckName.MULTIPLE_USE] = finding(CheckName.MULTIPLE_USE, "multiple_use_off")
    return fine


AT_EXIT: set[CheckName] = {
    CheckName.SINGLE_PERSON,
    CheckName.FACE_CAPTURE,
    CheckName.FACE_MATCH,
    CheckName.PRESENTATION_ATTACK,
    CheckName.DOCUMENT_WATCHLIST,
    CheckName.PERSON_WATCHLIST,
}


def test_default_profile_admits_a_sound_passage_at_both_doors() -> None:
    fine = all_fine()
    document = [check for name, check in fine.items() if name not in AT_EXIT]
    assert decide(document, default_profile(), ENTRY).outcome is Outcome.ADMIT
    assert decide(fine.values(), default_profile(), EXIT).outcome is Outcome.ADMIT


@pytest.mark.parametrize("name", CheckName)
@pytest.mark.parametrize("result", [FAILED, ABORTED, UNDETERMINED])
def test_default_profile_refers_when_any_check_is_not_good(name: CheckName, result: CheckResult) -> None:
    """P5, P6: also a check that belongs to the entry and turned bad later refers at the exit."""
    checks = all_fine() | {name: Check(name, result, "code")}
    decision = decide(checks.values(), default_profile(), EXIT)
    expected = [] if name in EVALUATORY else [name]
    assert [check.name for check in decision.because] == expected


@pytest.mark.parametrize("name", [name for name in CheckName if name in AT_EXIT])
def test_default_profile_lets_a_hit_walk_in_like_everybody(name: CheckName) -> None:
    """A silent referral: nothing at the entry door tells of a hit; at the exit the officer is there."""
    checks = all_fine() | {name: Check(name, FAILED, "code")}
    assert decide(checks.values(), default_profile(), ENTRY).outcome is Outcome.ADMIT
    assert decide(checks.values(), default_profile(), EXIT).outcome is Outcome.REFER


def test_default_profile_accepts_a_chip_that_cannot_prove_itself() -> None:
    checks = all_fine() | {CheckName.CHIP_GENUINE: finding(CheckName.CHIP_GENUINE, "no_chip_proof")}
    assert decide(checks.values(), default_profile(), EXIT).outcome is Outcome.ADMIT


@pytest.mark.parametrize("name", [name for name in CheckName if name not in {CheckName.LANE_HEALTH, CheckName.MULTIPLE_USE}])
def test_default_profile_refers_when_a_check_is_missing(name: CheckName) -> None:
    checks = all_fine()
    del checks[name]
    decision = decide(checks.values(), default_profile(), EXIT)
    expected = [] if name in EVALUATORY else [finding(name, NOT_PERFORMED)]
    assert list(decision.because) == expected


@pytest.mark.parametrize("results", list(product(CheckResult, repeat=3)))
def test_aggregate_is_the_largest(results: tuple[CheckResult, ...]) -> None:
    """TR-03135-1 §3.8: failed > aborted > undetermined > successful > not supported."""
    order = [FAILED, ABORTED, UNDETERMINED, SUCCESSFUL, NOT_SUPPORTED]
    assert aggregate(results) is next(result for result in order if result in results)


def test_aggregate_of_nothing_is_undetermined() -> None:
    assert aggregate([]) is UNDETERMINED


def test_aggregate_groups() -> None:
    checks = [
        success(CheckName.MRZ_CHECK_DIGITS),
        finding(CheckName.DOCUMENT_EXPIRY, "document_expired"),
        success(CheckName.CHIP_ACCESS),
        finding(CheckName.CHIP_GENUINE, "no_chip_proof"),
        finding(CheckName.PRESENTATION_ATTACK, "no_attack_detector"),
    ]
    assert aggregate_groups(checks) == {
        CheckGroup.OPTICAL: FAILED,
        CheckGroup.ELECTRONIC: SUCCESSFUL,
        CheckGroup.BIOMETRIC: NOT_SUPPORTED,
    }
