"""From templates to the verdict, seeded: a lane whose threshold has a known false match rate observes that rate."""

from __future__ import annotations

import numpy as np
import pytest

from egate.faces.comparison import Judge
from egate.faces.monitor.band import accuracy
from egate.faces.monitor.cache import ReferenceCache
from egate.faces.monitor.counts import MonitorState, all_groups, observe
from egate.faces.monitor.subject import Groups, Subject
from egate.model.accuracy import Verdict
from tests.unit.faces.search.vectors import CosineEngine, calibration, near, people, template

DIMENSION, TRAVELLERS, CACHED = 24, 500, 60
ENGINE = CosineEngine(calibration((1000, 0.5, 100_000, 20)))


def threshold_for(rate: float) -> float:
    """The threshold at which this share of a million pairs of other people matches."""
    return float(np.quantile(people(1000, DIMENSION, 71) @ people(1000, DIMENSION, 72).T, 1 - rate))


def lane_at(rate: float) -> MonitorState:
    """A day: one traveller a minute, men and women in turn, every twentieth comes twice."""
    cache = ReferenceCache(Judge(ENGINE, threshold_for(rate), 1000), CACHED, 4 * 3600.0, bytes(32))
    references = people(TRAVELLERS, DIMENSION, 5)
    probes = near(references, 0.4, 6)
    state = MonitorState()
    for number in range(TRAVELLERS):
        person = number - 1 if number % 20 == 19 else number
        now_s = 60.0 * number
        cache.hold(template(references[person]), template(probes[person]), now_s)
        subject = Subject((person.to_bytes(16, "big"),), Groups(sex="FM"[person % 2]))
        counts = cache.observe(subject, now_s)
        assert counts is not None
        assert len(cache) <= CACHED
        state = observe(state, counts, int(now_s // 3600))
    return state


@pytest.mark.parametrize(("rate", "verdict"), [(0.0003, Verdict.WITHIN), (0.001, Verdict.WITHIN), (0.004, Verdict.ABOVE)])
def test_a_lane_observes_the_rate_of_its_threshold(rate: float, verdict: Verdict) -> None:
    state = lane_at(rate)
    found = accuracy(state, 1000)
    assert found.verdict is verdict
    assert 25_000 < found.false_matches.tally.comparisons < TRAVELLERS * CACHED
    assert found.false_matches.low_ppm <= 1e6 * rate <= found.false_matches.high_ppm
    by_sex = all_groups(state)
    together = sum(by_sex["sex", sex].tally.comparisons for sex in "FM")
    assert together == pytest.approx(found.false_matches.tally.comparisons / 2, rel=0.05), "half of the pairs are of one sex"
