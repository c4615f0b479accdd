"""Whether the observed false match rate is what the lane's threshold promises, as far as the counts can tell.

The band reaches from a hundredth of the promised rate to the rate itself. The lane leaves it when the counts contradict every
rate in the band with a confidence of 99.9 % (one-sided, Clopper-Pearson): the question is asked after every traveller, and at
the usual 95 % one answer in twenty would be a false alarm. Above, strangers would pass for each other: the threshold is too low
for these travellers, this camera or this light. Far below, honest travellers are sent to officers for nothing, or the comparisons
are of something that is no face. Comparisons that share people are not independent, so the interval is too narrow; one odd face
must not raise an alarm by itself, which is why three different travellers have to be mistaken first.
"""

from __future__ import annotations

from dataclasses import dataclass

from egate.faces.monitor import interval
from egate.faces.monitor.counts import HourCounts, MonitorState, Tally, total
from egate.model.accuracy import Verdict

PPM = 1_000_000

LOWEST_SHARE = 0.01
"""The lower end of the band, as a share of the promised rate: calibrations promise an upper end, so lanes are well below."""

ALARM_CONFIDENCE = 0.999
FEWEST_MISTAKEN = 3
"""Travellers who matched a stranger, before the rate counts as above the band."""

ENOUGH_EXPECTED = 3.0
"""False matches that the promised rate would give, before counts are said to lie within the band (rule of three)."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A rate as counted: parts per million with the two-sided 95 % interval; the rate is 0 without comparisons."""

    tally: Tally
    ppm: float
    low_ppm: float
    high_ppm: float

    @classmethod
    def of(cls, tally: Tally) -> Observed:
        """The rate of a tally."""
        ends = interval.two_sided(tally.errors, tally.comparisons)
        share = tally.errors / tally.comparisons if tally.comparisons else 0.0
        return cls(tally, PPM * share, PPM * ends.low, PPM * ends.high)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The lane's accuracy over the hours that are kept: false matches, false non-matches, and the verdict."""

    verdict: Verdict
    promised_ppm: int
    false_matches: Observed
    false_non_matches: Observed
    travellers: int


def accuracy(state: MonitorState, promised_ppm: int) -> Accuracy:
    """What the counts say of a lane whose threshold promises this false match rate."""
    counts = total(state)
    verdict = judge(counts, promised_ppm)
    return Accuracy(verdict, promised_ppm, Observed.of(counts.zero_effort), Observed.of(counts.genuine), counts.travellers)


def judge(counts: HourCounts, promised_ppm: int) -> Verdict:
    """The verdict for these counts."""
    promised = promised_ppm / PPM
    errors, comparisons = counts.zero_effort.errors, counts.zero_effort.comparisons
    if counts.mistaken >= FEWEST_MISTAKEN and interval.lower(errors, comparisons, ALARM_CONFIDENCE) > promised:
        return Verdict.ABOVE
    if comparisons * promised < ENOUGH_EXPECTED:
        return Verdict.TOO_FEW
    if interval.upper(errors, comparisons, ALARM_CONFIDENCE) < LOWEST_SHARE * promised:
        return Verdict.BELOW
    return Verdict.WITHIN
