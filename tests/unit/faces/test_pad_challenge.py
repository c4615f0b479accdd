"""Challenges: drawn from entropy, answered by who is there when they are shown, and by nobody else."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest

from egate.faces.engine import FivePoints, Point
from egate.faces.pad.challenge import (
    COLOURS,
    LIGHT_STEP_S,
    LIGHT_STEPS,
    NO_CHALLENGE,
    ChallengePlan,
    Glance,
    PlanKind,
    answer_of,
    draw_plan,
    light_answer,
    shown_at,
)
from egate.model.face import Challenge, ChallengeKind

FPS = 12
EYES = 90.0
SEEDS = range(60)


def entropy(seed: int) -> bytes:
    return random.Random(seed).randbytes(16)


def points_turned(turn: float) -> FivePoints:
    return FivePoints(Point(0, 0), Point(EYES, 0), Point(EYES / 2 + turn * EYES, 54.0), Point(10, 95.0), Point(EYES - 10, 95.0))


def lit(plan: ChallengePlan, strength: float, *, delay_s: float = 0.15, seed: int = 0, seconds: float = 3.5) -> list[Glance]:
    """A face that reflects what the screen shows, beside noise and a drift of the white balance."""
    noise = np.random.default_rng(seed)
    glances = []
    for index in range(round(seconds * FPS)):
        at = index / FPS
        shown = shown_at(plan, at - delay_s)
        light = np.log(np.array(shown.colour[::-1], float) / 255) if shown else np.zeros(3)
        drift = 0.01 * np.array([1, 0, -1]) * math.sin(0.4 * at)
        colour = strength * light + drift + noise.normal(0, 0.004, 3)
        glances.append(Glance(at, (float(colour[0]), float(colour[1]), float(colour[2])), points_turned(0.0)))
    return glances


def looking(plan: ChallengePlan, *, follow: bool) -> list[Glance]:
    """A head that follows every look after half a second, or does the opposite."""
    glances = []
    for index in range(round(plan.lasts_s * FPS)):
        at = index / FPS
        shown = shown_at(plan, at - 0.5)
        side = 0 if shown is None else 1 if shown.kind is ChallengeKind.LOOK_LEFT else -1
        glances.append(Glance(at, (0.0, 0.0, 0.0), points_turned(0.22 * (side if follow else -side))))
    return glances


def test_a_plan_follows_from_its_entropy_and_only_from_it() -> None:
    plans = [draw_plan(PlanKind.LIGHT, entropy(seed)) for seed in SEEDS]
    assert plans == [draw_plan(PlanKind.LIGHT, entropy(seed)) for seed in SEEDS]
    assert len({plan.steps for plan in plans}) > 55
    for kind in (PlanKind.LIGHT, PlanKind.LOOK):
        with pytest.raises(ValueError, match="entropy"):
            draw_plan(kind, b"too short")
    assert draw_plan(PlanKind.NONE, entropy(0)) == NO_CHALLENGE


def test_no_plan_flashes_faster_than_is_safe() -> None:
    """WCAG 2.3.1: at most three flashes a second; no saturated red."""
    assert 1 / LIGHT_STEP_S <= 3
    assert all(min(colour) >= 70 for colour in COLOURS)
    for seed in SEEDS:
        steps = draw_plan(PlanKind.LIGHT, entropy(seed)).steps
        assert len(steps) == LIGHT_STEPS
        assert all(one != other for one, other in itertools.pairwise(steps)), "a step that nobody could see"


@pytest.mark.parametrize("kind", [PlanKind.LIGHT, PlanKind.LOOK])
def test_each_step_is_shown_for_its_time_and_nothing_before_or_after(kind: PlanKind) -> None:
    plan = draw_plan(kind, entropy(3))
    for number, step in enumerate(plan.steps):
        assert shown_at(plan, (number + 0.01) * plan.step_s) == shown_at(plan, (number + 0.99) * plan.step_s) == step
    assert shown_at(plan, -0.01) is None
    assert shown_at(plan, len(plan.steps) * plan.step_s) is None
    assert shown_at(NO_CHALLENGE, 0.0) is None


@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.25, 0.35])
def test_a_face_in_front_of_the_screen_answers(delay_s: float) -> None:
    for seed in SEEDS:
        plan = draw_plan(PlanKind.LIGHT, entropy(seed))
        answer = answer_of(plan, lit(plan, 0.03, delay_s=delay_s, seed=seed))
        assert answer is not None
        assert answer < 0.3, f"seed {seed}"


def test_a_video_that_answers_another_plan_does_not() -> None:
    """Colours are few and steps are six, so some plans resemble each other: nine in ten must not pass."""
    passed = 0
    for seed in SEEDS:
        plan, other = draw_plan(PlanKind.LIGHT, entropy(seed)), draw_plan(PlanKind.LIGHT, entropy(seed + 1000))
        answer = answer_of(plan, lit(other, 0.03, seed=seed))
        assert answer is not None
        passed += answer < 0.5
    assert passed <= len(SEEDS) / 10


def test_a_face_that_reflects_nothing_does_not_answer() -> None:
    passed = 0
    for seed in SEEDS:
        plan = draw_plan(PlanKind.LIGHT, entropy(seed))
        answer = answer_of(plan, lit(plan, 0.0, seed=seed))
        assert answer is not None
        passed += answer < 0.5
    assert passed <= len(SEEDS) / 10


def test_looks_are_followed_or_missed() -> None:
    for seed in SEEDS:
        plan = draw_plan(PlanKind.LOOK, entropy(seed))
        assert answer_of(plan, looking(plan, follow=True)) == 0.0
        assert answer_of(plan, looking(plan, follow=False)) == 1.0


def test_one_missed_look_is_enough_for_an_officer() -> None:
    plan = ChallengePlan(PlanKind.LOOK, tuple(Challenge(kind) for kind in (ChallengeKind.LOOK_LEFT,) * 3), 1.5)
    glances = [glance for glance in looking(plan, follow=True) if not 1.5 <= glance.at_s < 3.0]
    glances += [Glance(1.5 + index / FPS, (0.0, 0.0, 0.0), points_turned(0.0)) for index in range(18)]
    assert answer_of(plan, glances) == 0.5


@pytest.mark.parametrize("kind", [PlanKind.LIGHT, PlanKind.LOOK])
def test_what_was_not_seen_to_its_end_has_no_answer(kind: PlanKind) -> None:
    plan = draw_plan(kind, entropy(4))
    whole = lit(plan, 0.05, seconds=plan.lasts_s)
    assert answer_of(plan, whole) is not None
    for step in range(len(plan.steps)):
        gap = [glance for glance in whole if math.floor(glance.at_s / plan.step_s) != step]
        assert answer_of(plan, gap) is None
    assert answer_of(plan, []) is None
    assert answer_of(NO_CHALLENGE, whole) is None


def test_no_light_at_all_correlates_with_nothing() -> None:
    plan = draw_plan(PlanKind.LIGHT, entropy(5))
    dark = [Glance(index / FPS, (0.0, 0.0, 0.0), points_turned(0.0)) for index in range(42)]
    assert light_answer(plan, dark) == pytest.approx(0.0)
