"""Clopper-Pearson intervals against published values and against their definition."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egate.faces import calibration
from egate.faces.monitor.interval import beta_share, lower, two_sided, upper

NEWCOMBE = [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)]
"""R. G. Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 5 (Clopper-Pearson), 95 %."""


@pytest.mark.parametrize(("events", "trials", "low", "high"), NEWCOMBE)
def test_the_published_intervals(events: int, trials: int, low: float, high: float) -> None:
    found = two_sided(events, trials)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize("trials", [1, 10, 300, 10_302, 30_000_000])
def test_without_events_the_upper_end_has_a_closed_form(trials: int) -> None:
    """(1 − p)ⁿ = 5 %: the rule of three."""
    assert upper(0, trials, 0.95) == pytest.approx(1 - 0.05 ** (1 / trials), rel=1e-9)
    assert lower(0, trials, 0.95) == 0.0
    assert lower(trials, trials, 0.95) == pytest.approx(0.05 ** (1 / trials), rel=1e-9)
    assert upper(trials, trials, 0.95) == 1.0


def tail(events: int, trials: int, rate: float) -> float:
    """The chance of at most `events`, added up term by term."""
    return sum(math.comb(trials, count) * rate**count * (1 - rate) ** (trials - count) for count in range(events + 1))


@given(st.integers(1, 60).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_at_the_ends_the_counts_have_the_chance_that_was_asked_for(counts: tuple[int, int]) -> None:
    events, trials = counts
    if events < trials:
        assert tail(events, trials, upper(events, trials, 0.975)) == pytest.approx(0.025, abs=1e-9)
    if events:
        assert 1 - tail(events - 1, trials, lower(events, trials, 0.975)) == pytest.approx(0.025, abs=1e-9)


@pytest.mark.parametrize(("events", "trials"), [(3, 10_302), (827, 29_548_408), (30, 40_000)])
def test_calibrations_count_the_same_way(events: int, trials: int) -> None:
    assert upper(events, trials, 0.95) == pytest.approx(calibration.upper_bound(events, trials), rel=1e-6)
    assert lower(events, trials, 0.95) == pytest.approx(calibration.lower_bound(events, trials), rel=1e-6)


def test_nothing_counted_says_nothing_and_impossible_counts_are_refused() -> None:
    assert two_sided(0, 0) == two_sided(0, 0, 0.5)
    assert (two_sided(0, 0).low, two_sided(0, 0).high) == (0.0, 1.0)
    for events, trials in ((1, 0), (-1, 5), (6, 5)):
        with pytest.raises(ValueError, match="events"):
            two_sided(events, trials)


def test_the_beta_share_goes_from_nothing_to_all() -> None:
    assert (beta_share(-0.1, 2, 3), beta_share(1.1, 2, 3)) == (0.0, 1.0)
    assert beta_share(0.5, 4, 4) == pytest.approx(0.5)
    assert beta_share(0.3, 1, 1) == pytest.approx(0.3)
