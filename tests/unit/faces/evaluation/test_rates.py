"""Error rates against published values and against counting by hand (D1, ISO/IEC 19795-1)."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egate.faces import calibration
from egate.faces.evaluation.rates import (
    BINS,
    Rate,
    ScoreCounts,
    bins_of,
    counts_of,
    score_of,
    shares,
    threshold_at,
    wilson,
)

SCORES = st.lists(st.integers(-100_000, 100_000).map(lambda step: step / 100_000), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("events", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_newcombes_table(events: int, trials: int, low: float, high: float) -> None:
    """Newcombe 1998, Two-sided confidence intervals for the single proportion, table I, method 3."""
    assert wilson(events, trials) == pytest.approx((low, high), abs=5e-5)
    assert wilson(trials - events, trials) == pytest.approx((1 - high, 1 - low), abs=5e-5)


@pytest.mark.parametrize(
    ("events", "trials", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_clopper_pearson_agrees_with_newcombes_table(events: int, trials: int, low: float, high: float) -> None:
    """Newcombe 1998, table I, method 5; the same bisection that calibrations use, two-sided."""
    assert calibration._rate_where(events, trials, 0.025) == pytest.approx(high, abs=5e-5)
    if events:
        assert calibration._rate_where(events - 1, trials, 0.975) == pytest.approx(low, abs=5e-5)


def test_a_rate_without_trials_says_nothing() -> None:
    none = Rate(0, 0)
    assert np.isnan(none.value)
    assert (none.low, none.high, none.bounds) == (0.0, 1.0, (0.0, 1.0))


@given(SCORES, SCORES, st.sampled_from([0.5, 0.1, 0.01, 0.001]))
def test_fnmr_at_fmr_is_what_counting_finds(mated: list[float], others: list[float], target: float) -> None:
    """D1: the threshold is the lowest at which no more than the target's share matches; both rates are shares counted there."""
    counts = ScoreCounts(counts_of(np.array(mated)), counts_of(np.array(others)))
    threshold = counts.threshold_for(target)
    false = sum(score >= threshold - 1e-9 for score in others)
    assert counts.fmr(threshold) == Rate(false, len(others))
    assert false <= target * len(others)
    below = threshold - 0.00001
    assert sum(score >= below - 1e-9 for score in others) > target * len(others) or threshold == -1.0
    assert counts.fnmr(threshold) == Rate(sum(score < threshold - 1e-9 for score in mated), len(mated))


@given(SCORES, SCORES)
def test_equal_error_and_det_are_points_of_the_counted_curves(mated: list[float], others: list[float]) -> None:
    counts = ScoreCounts(counts_of(np.array(mated)), counts_of(np.array(others)))
    for point in (counts.eer(), *counts.det()):
        assert point.fmr == pytest.approx(counts.fmr(point.threshold).value)
        assert point.fnmr == pytest.approx(counts.fnmr(point.threshold).value)
    gap = min(abs(false - missed) for false, missed in zip(*shares(counts), strict=True))
    assert abs(counts.eer().fmr - counts.eer().fnmr) == pytest.approx(gap)
    det = counts.det()
    assert all(one.threshold > two.threshold and one.fnmr >= two.fnmr for one, two in pairwise(det))


def test_normal_scores_have_the_equal_error_that_theory_gives() -> None:
    """Two normal distributions four deviations apart: EER = Φ(−2) = 2.275 %; FNMR at FMR 0.1 % = Φ(3.0902 − 4) = 18.14 %."""
    drawn = np.random.default_rng(7)
    counts = ScoreCounts(counts_of(drawn.normal(0.6, 0.1, 400_000)), counts_of(drawn.normal(0.2, 0.1, 400_000)))
    assert counts.eer().fnmr == pytest.approx(0.02275, abs=0.001)
    threshold = counts.threshold_for(0.001)
    assert threshold == pytest.approx(0.2 + 0.30902, abs=0.004)
    assert counts.fnmr(threshold).value == pytest.approx(0.1814, abs=0.01)


def test_scores_at_the_ends_and_beyond_are_counted() -> None:
    counts = counts_of(np.array([-7.0, -1.0, 1.0, 1.5]))
    assert (counts[0], counts[BINS - 1], counts.sum()) == (2, 2, 4)
    assert (score_of(0), score_of(BINS - 1)) == (-1.0, 1.0)
    assert threshold_at(counts, 0.4) == pytest.approx(1.00001), "above the highest score when it would match too often"


def test_every_bin_is_its_own_score() -> None:
    drawn = random.Random(3)
    steps = [drawn.randrange(BINS) for _ in range(2000)]
    assert list(bins_of(np.array([score_of(step) for step in steps]))) == steps
