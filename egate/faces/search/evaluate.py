"""Open-set evaluation of the search that the product runs: FNIR at FPIR and rank 1 (ISO/IEC 19795-1, identification).

Rule: every search goes through `Gallery.search`, so the figures are those of the code at the gate. FNIR at a threshold is the
share of searches by enrolled people whose own entry is not the best candidate there; FPIR the share of searches by strangers that
show anybody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from egate.faces.engine import Template
from egate.faces.search.gallery import Gallery
from egate.model.errors import DeviceError

USUAL_FPIRS = (0.1, 0.03, 0.01)


@dataclass(frozen=True, slots=True)
class Share:
    """`events` of `trials`."""

    events: int
    trials: int

    @property
    def value(self) -> float:
        """The share; nan without trials."""
        return self.events / self.trials if self.trials else math.nan


@dataclass(frozen=True, slots=True)
class OpenSetPoint:
    """At one threshold: the FPIR that was asked for, the one that the strangers gave, and the FNIR."""

    target: float
    threshold: float
    fpir: Share
    fnir: Share


@dataclass(frozen=True, slots=True)
class OpenSet:
    """How many templates were searched, the share of enrolled people's searches whose own entry came first, rates."""

    templates: int
    first_rank: Share
    points: tuple[OpenSetPoint, ...]


def open_set(
    gallery: Gallery, mated: Sequence[tuple[str, Template]], strangers: Sequence[Template], fpirs: Sequence[float] = USUAL_FPIRS
) -> OpenSet:
    """Search everybody: `mated` are probes with the entry they belong to. The threshold for a target is set on `strangers`.

    Raises DeviceError when one side is empty.
    """
    if not mated or not strangers:
        raise DeviceError("evaluate a search", "it needs probes of enrolled people and of strangers")
    own = [_own_first(gallery, entry, probe) for entry, probe in mated]
    alarms = sorted((_best(gallery, probe) for probe in strangers), reverse=True)
    points = [_point(own, alarms, target, threshold_for_share(alarms, target)) for target in fpirs]
    return OpenSet(len(gallery), Share(sum(score > -math.inf for score in own), len(own)), tuple(points))


def open_set_at(
    gallery: Gallery, mated: Sequence[tuple[str, Template]], strangers: Sequence[Template], fpir: float, threshold: float
) -> OpenSetPoint:
    """The rates at a threshold that was set before: what `threshold_for_search` promised, and what it costs."""
    own = [_own_first(gallery, entry, probe) for entry, probe in mated]
    return _point(own, [_best(gallery, probe) for probe in strangers], fpir, threshold)


def threshold_for_share(scores: Sequence[float], share: float) -> float:
    """The lowest threshold that at most this share of the scores reaches; scores fall. Just above the highest for none."""
    allowed = math.floor(share * len(scores) + 1e-9)
    return -math.inf if allowed >= len(scores) else math.nextafter(scores[allowed], math.inf)


def _point(own: Sequence[float], alarms: Sequence[float], target: float, threshold: float) -> OpenSetPoint:
    shown = Share(sum(score >= threshold for score in alarms), len(alarms))
    missed = Share(sum(score == -math.inf or score < threshold for score in own), len(own))
    return OpenSetPoint(target, threshold, shown, missed)


def _best(gallery: Gallery, probe: Template) -> float:
    found = gallery.search(probe, -math.inf, 1)
    return found[0].score if found else -math.inf


def _own_first(gallery: Gallery, entry: str, probe: Template) -> float:
    """The score of a probe's own entry if none is better, −∞ otherwise; sharing the first place with another is no success."""
    found = gallery.search(probe, -math.inf, 1)
    return found[0].score if len(found) == 1 and found[0].entry == entry else -math.inf
