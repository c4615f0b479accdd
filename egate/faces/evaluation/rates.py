"""Error rates from counted scores: FMR, FNMR, thresholds, EER, DET, each with its interval (ISO/IEC 19795-1).

Scores are counted in hundred-thousandths, so a count is exact, a file of scores is short, and another program that reads it
finds the same figures. FMR at a threshold is the share of non-mated comparisons that reach it, FNMR the share of mated ones that
do not. The threshold for a rate is the lowest one whose FMR does not exceed it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from egate.faces.calibration import lower_bound, upper_bound

STEPS = 100_000
"""A score is counted to this part of 1."""

LOWEST, HIGHEST = -1.0, 1.0
"""Scores beyond are counted at the end: nobody puts a threshold there."""

BINS = round((HIGHEST - LOWEST) * STEPS) + 1

WILSON_Z = 1.959963984540054
"""Of the normal distribution, for a two-sided confidence of 95 %."""

DET_RATES = tuple(10.0 ** (exponent / 8) for exponent in range(-48, 1))
"""False match rates at which the DET curve is written down, 10⁻⁶ to 1."""

Counts = NDArray[np.int64]
"""How many comparisons have each score; index 0 is `LOWEST`."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`events` of `trials`; `low` and `high` are Wilson's two-sided 95 % interval. No trials: nan, and 0 to 1."""

    events: int
    trials: int

    @property
    def value(self) -> float:
        """The observed share."""
        return self.events / self.trials if self.trials else math.nan

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return wilson(self.events, self.trials)[0]

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return wilson(self.events, self.trials)[1]

    @property
    def bounds(self) -> tuple[float, float]:
        """The one-sided 95 % bounds that calibrations use (Clopper-Pearson), lower and upper."""
        if not self.trials:
            return 0.0, 1.0
        return lower_bound(self.events, self.trials), upper_bound(self.events, self.trials)


@dataclass(frozen=True, slots=True)
class DetPoint:
    """One point of the DET curve."""

    threshold: float
    fmr: float
    fnmr: float


@dataclass(frozen=True, slots=True)
class ScoreCounts:
    """The scores of a set: how many mated and non-mated comparisons have each."""

    mated: Counts
    non_mated: Counts

    def fmr(self, threshold: float) -> Rate:
        """False matches at a threshold."""
        return Rate(_reaching(self.non_mated, threshold), int(self.non_mated.sum()))

    def fnmr(self, threshold: float) -> Rate:
        """False non-matches at a threshold."""
        trials = int(self.mated.sum())
        return Rate(trials - _reaching(self.mated, threshold), trials)

    def threshold_for(self, fmr: float) -> float:
        """The lowest threshold with at most this FMR; just above the highest non-mated score when none matched."""
        return threshold_at(self.non_mated, fmr)

    def eer(self) -> DetPoint:
        """Where FMR and FNMR are nearest to each other, at the lower threshold of two."""
        reached, missed = shares(self)
        at = int(np.argmin(np.abs(reached - missed)))
        return DetPoint(score_of(at), float(reached[at]), float(missed[at]))

    def det(self) -> tuple[DetPoint, ...]:
        """FNMR at the rates of `DET_RATES` that this many comparisons can show."""
        trials = int(self.non_mated.sum())
        thresholds = dict.fromkeys(self.threshold_for(rate) for rate in DET_RATES if rate * trials >= 1)
        return tuple(DetPoint(one, self.fmr(one).value, self.fnmr(one).value) for one in thresholds)


def wilson(events: int, trials: int, z: float = WILSON_Z) -> tuple[float, float]:
    """Wilson's score interval of a proportion; (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    share, spread = events / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    low = 0.0 if events == 0 else max(0.0, middle - half)
    return low, 1.0 if events == trials else min(1.0, middle + half)


def bins_of(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """The bin of each score; a score is rounded to five decimals, half to even."""
    return np.clip(np.rint((np.asarray(scores, np.float64) - LOWEST) * STEPS), 0, BINS - 1).astype(np.int64)


def score_of(at: int) -> float:
    """The score that a bin stands for."""
    return round(LOWEST + at / STEPS, 5)


def counts_of(scores: NDArray[np.floating]) -> Counts:
    """How many of these scores there are in each bin."""
    return np.bincount(bins_of(scores), minlength=BINS)


def threshold_at(counts: Counts, rate: float) -> float:
    """The lowest threshold that at most this share of the counted scores reaches."""
    allowed = math.floor(rate * int(counts.sum()) + 1e-9)
    reaching = np.cumsum(counts[::-1])[::-1]
    above = np.flatnonzero(reaching <= allowed)
    return score_of(int(above[0])) if above.size else score_of(BINS)


def shares(scores: ScoreCounts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """FMR and FNMR at the threshold of every bin."""
    reached = np.cumsum(scores.non_mated[::-1])[::-1] / max(1, int(scores.non_mated.sum()))
    missed = (np.cumsum(scores.mated) - scores.mated) / max(1, int(scores.mated.sum()))
    return reached, missed


def _reaching(counts: Counts, threshold: float) -> int:
    at = math.ceil(round((threshold - LOWEST) * STEPS, 3))
    return int(counts[max(0, at) :].sum())
