"""Open-set search: how often an enrolled person is not found, how often a stranger is (ISO/IEC 19795-1, 1:N).

One picture of each enrolled person is searched; the others of enrolled people are mated searches, pictures of everybody else are
non-mated ones. The threshold is set on the strangers of one half of the identities, and the rates are counted on the other half.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from egate.faces.evaluation.rates import Rate, bins_of, counts_of, threshold_at
from egate.faces.evaluation.templates import BLOCK_ROWS, Measure, TemplateSet
from egate.model.errors import DeviceError

FPIR_TARGETS = (0.1, 0.03, 0.01, 0.003)
"""Share of strangers that an officer may be shown."""


@dataclass(frozen=True, slots=True)
class SearchRates:
    """At one threshold: strangers found (on people whose searches did not set it), enrolled people not found at rank 1."""

    target: float
    threshold: float
    fpir: Rate
    fnir: Rate


@dataclass(frozen=True, slots=True)
class OpenSet:
    """An open-set evaluation: enrolled people, the share of mated searches whose best candidate is right, rates by target."""

    enrolled: int
    first_rank: Rate
    rates: tuple[SearchRates, ...]


@dataclass(frozen=True, slots=True)
class _Searches:
    """One entry a search: best score of all, best score of the person's own picture (−inf for a stranger), half of strangers."""

    best: NDArray[np.float64]
    own: NDArray[np.float64]
    setting: NDArray[np.bool_]

    @property
    def stranger(self) -> NDArray[np.bool_]:
        return ~np.isfinite(self.own)


def search_open_set(templates: TemplateSet, measure: Measure, enrolled: int, seed: int) -> OpenSet:
    """Enrol this many people and search all other pictures; raises DeviceError when there are too few people or strangers."""
    gallery = _gallery(templates, enrolled, seed)
    searched = templates.probe.copy()
    searched[gallery] = False
    if searched.sum() == 0 or len(gallery) < enrolled:
        raise DeviceError("searching an open set", f"{len(gallery)} people are fewer than the {enrolled} to be enrolled")
    found = _search(templates, measure, gallery, np.flatnonzero(searched), seed)
    if not (found.stranger & found.setting).any() or not (found.stranger & ~found.setting).any() or found.stranger.all():
        raise DeviceError("searching an open set", "it needs searches by enrolled people and by people who are not enrolled")
    best_bins, own_bins = bins_of(found.best), bins_of(np.where(found.stranger, -1.0, found.own))
    own_first = ~found.stranger & (found.own >= found.best)
    mated = int((~found.stranger).sum())
    counts = counts_of(found.best[found.stranger & found.setting])
    tested = found.stranger & ~found.setting
    rates = []
    for target in FPIR_TARGETS:
        threshold = threshold_at(counts, target)
        level = int(bins_of(np.array([threshold]))[0])
        missed = int((~found.stranger & ~(own_first & (own_bins >= level))).sum())
        alarms = Rate(int((best_bins[tested] >= level).sum()), int(tested.sum()))
        rates.append(SearchRates(target, threshold, alarms, Rate(missed, mated)))
    return OpenSet(len(gallery), Rate(int(own_first.sum()), mated), tuple(rates))


def _gallery(templates: TemplateSet, enrolled: int, seed: int) -> NDArray[np.int64]:
    """The first picture (a reference, where there are roles) of the chosen people, in an order that only the seed decides.

    Up to three quarters have further pictures to be searched with; people without fill the list, as in a real one.
    """
    first: dict[int, int] = {}
    pictures: dict[int, int] = {}
    for at in np.flatnonzero(templates.reference):
        first.setdefault(int(templates.identity[at]), int(at))
    for person in templates.identity[templates.probe]:
        pictures[int(person)] = pictures.get(int(person), 0) + 1
    alone = 0 if templates.with_roles else 1

    def rank(person: int) -> tuple[bool, bytes]:
        return pictures.get(person, 0) <= alone, hashlib.sha256(f"{seed}:{templates.identities[person]}".encode()).digest()

    order = sorted(first, key=rank)
    with_more = [person for person in order if pictures.get(person, 0) > alone]
    kept = with_more[: max(1, round(0.75 * enrolled))]
    chosen = set(kept)
    rest = sorted((person for person in order if person not in chosen), key=lambda person: pictures.get(person, 0) > alone)
    return np.array([first[person] for person in (kept + rest)[:enrolled]], np.int64)


def _search(
    templates: TemplateSet, measure: Measure, gallery: NDArray[np.int64], searched: NDArray[np.int64], seed: int
) -> _Searches:
    best, own = [], []
    for start in range(0, len(templates.names), BLOCK_ROWS):
        rows = searched[(searched >= start) & (searched < start + BLOCK_ROWS)]
        if not rows.size:
            continue
        scores = measure(templates, slice(start, start + BLOCK_ROWS))[rows - start][:, gallery].astype(np.float64)
        mine = templates.identity[rows][:, None] == templates.identity[gallery][None, :]
        best.append(scores.max(axis=1))
        own.append(np.where(mine, scores, -np.inf).max(axis=1))
    people = [templates.identities[person] for person in templates.identity[searched]]
    setting = np.array([hashlib.sha256(f"{seed}/half:{name}".encode()).digest()[0] % 2 == 0 for name in people])
    return _Searches(np.concatenate(best), np.concatenate(own), setting)
