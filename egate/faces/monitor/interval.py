"""Clopper-Pearson intervals of any confidence, through the incomplete beta function, so that large counts cost no more.

Source: Clopper and Pearson, Biometrika 26 (1934) 404; the continued fraction of the incomplete beta function is DLMF 8.17.22.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_HALVINGS = 60
"""A rate is found to a part in 10¹⁸: more than any count can tell."""

_TERMS = 20_000
_TINY = 1e-300
_PRECISION = 1e-15


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a rate lies; both ends in 0…1."""

    low: float
    high: float


def two_sided(events: int, trials: int, confidence: float = 0.95) -> Interval:
    """The interval that holds the rate with this confidence; 0 to 1 without trials. Raises ValueError for impossible counts."""
    tail = (1 - confidence) / 2
    return Interval(lower(events, trials, 1 - tail), upper(events, trials, 1 - tail))


def lower(events: int, trials: int, confidence: float) -> float:
    """The rate is above this with this confidence (one-sided)."""
    _refuse_impossible(events, trials)
    if events == 0:
        return 0.0
    return _rate(1 - confidence, events, trials - events + 1)


def upper(events: int, trials: int, confidence: float) -> float:
    """The rate is below this with this confidence (one-sided)."""
    _refuse_impossible(events, trials)
    if events == trials:
        return 1.0
    return _rate(confidence, events + 1, trials - events)


def _rate(share: float, a: float, b: float) -> float:
    """The rate below which this share of the beta distribution lies."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if beta_share(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return high


def beta_share(rate: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I(rate; a, b)."""
    if rate <= 0:
        return 0.0
    if rate >= 1:
        return 1.0
    if rate > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side only
        return 1 - beta_share(1 - rate, b, a)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(rate) + b * math.log1p(-rate)
    return math.exp(scale) / a / _fraction(rate, a, b)


def _fraction(rate: float, a: float, b: float) -> float:
    """The continued fraction under the integral, by Lentz's method."""
    value = c = 1.0
    d = 0.0
    for number in range(1, _TERMS):
        half = number // 2
        if number % 2 == 0:
            step = half * (b - half) * rate / ((a + number - 1) * (a + number))
        else:
            step = -(a + half) * (a + b + half) * rate / ((a + number - 1) * (a + number))
        d = 1 / _away_from_zero(1 + step * d)
        c = _away_from_zero(1 + step / c)
        value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _refuse_impossible(events: int, trials: int) -> None:
    if not 0 <= events <= trials:
        raise ValueError("more events than trials, or fewer than none")
