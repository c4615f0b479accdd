"""The verdict: within the band, out of it, or not enough seen to say."""

from __future__ import annotations

import random

import pytest

from egate.faces.monitor.band import Observed, accuracy, judge
from egate.faces.monitor.counts import HourCounts, Impostors, MonitorState, Tally, observe
from egate.faces.monitor.subject import Groups
from egate.model.accuracy import Verdict


@pytest.mark.parametrize(
    ("errors", "comparisons", "verdict"),
    [
        (0, 0, Verdict.TOO_FEW),
        (0, 2_999, Verdict.TOO_FEW),
        (0, 3_000, Verdict.WITHIN),
        (1, 100, Verdict.TOO_FEW),
        (30, 100_000, Verdict.WITHIN),
        (100, 100_000, Verdict.WITHIN),
        (120, 100_000, Verdict.WITHIN),
        (140, 100_000, Verdict.ABOVE),
        (10, 1_000, Verdict.ABOVE),
        (0, 690_000, Verdict.WITHIN),
        (0, 700_000, Verdict.BELOW),
        (5, 1_000_000, Verdict.WITHIN),
        (5, 2_000_000, Verdict.BELOW),
    ],
)
def test_the_verdict_for_a_promise_of_one_in_a_thousand(errors: int, comparisons: int, verdict: Verdict) -> None:
    assert judge(HourCounts(0, Tally(comparisons, errors), 500, errors), 1000) is verdict


@pytest.mark.parametrize(("mistaken", "verdict"), [(1, Verdict.WITHIN), (2, Verdict.WITHIN), (3, Verdict.ABOVE)])
def test_one_odd_face_raises_no_alarm(mistaken: int, verdict: Verdict) -> None:
    assert judge(HourCounts(0, Tally(100_000, 400), 500, mistaken), 1000) is verdict


@pytest.mark.parametrize("promised", [1, 100, 1000])
def test_only_leaving_the_band_is_alarming(promised: int) -> None:
    assert [verdict for verdict in Verdict if verdict.alarming] == [Verdict.ABOVE, Verdict.BELOW]
    assert judge(HourCounts(0, Tally(10, 10), 10, 10), promised) is Verdict.ABOVE


def lane(rate: float, seed: int, travellers: int = 2000) -> MonitorState:
    """A week of travellers, each compared with 200 strangers who match with this rate."""
    chance, state = random.Random(seed), MonitorState()
    for number in range(travellers):
        errors = sum(chance.random() < rate for _ in range(200)) if rate else 0
        state = observe(state, Impostors(Groups(), Tally(200, errors)), number // 12)
    return state


@pytest.mark.parametrize(
    ("rate", "verdict"), [(0.0002, Verdict.WITHIN), (0.001, Verdict.WITHIN), (0.0015, Verdict.ABOVE), (0.004, Verdict.ABOVE)]
)
def test_a_week_at_a_known_rate(rate: float, verdict: Verdict) -> None:
    found = accuracy(lane(rate, seed=11), 1000)
    assert found.verdict is verdict
    assert found.false_matches.low_ppm <= 1e6 * rate <= found.false_matches.high_ppm
    assert (found.travellers, found.promised_ppm) == (2000, 1000)


def test_a_rate_comes_with_its_interval() -> None:
    found = Observed.of(Tally(263, 81))
    assert (round(found.low_ppm, -2), round(found.ppm, -2), round(found.high_ppm, -2)) == (252_700, 308_000, 367_600)
    assert Observed.of(Tally()) == Observed(Tally(), 0.0, 0.0, 1_000_000.0)
