"""All comparisons of a set, counted: scores overall, error counts by group, and the pairs that look like label errors.

Groups are compared within themselves (both people of the group), because that is where an impostor would come from; the figures
of a group are counted at the thresholds of the whole set, never at thresholds of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from egate.faces.evaluation.pictures import LABELS, Pair
from egate.faces.evaluation.rates import BINS, Rate, ScoreCounts, bins_of, score_of
from egate.faces.evaluation.templates import Block, Measure, TemplateSet, blocks
from egate.model.errors import MalformedData

SUSPECTS = 30
"""Highest non-mated and lowest mated pairs that are listed for a look at their labels."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """Two pictures whose score does not fit their labels."""

    first: str
    second: str
    score: float
    mated: bool


@dataclass(frozen=True, slots=True)
class Comparisons:
    """The counted scores, and every mated comparison with its quality: the probe's, without roles the poorer picture's."""

    counts: ScoreCounts
    mated_scores: NDArray[np.float64]
    mated_quality: NDArray[np.float64]
    suspects: tuple[Suspect, ...]


@dataclass(frozen=True, slots=True)
class GroupRates:
    """One group at one threshold: comparisons within the group, or (`value` "same", "different") by whether labels agree."""

    label: str
    value: str
    threshold: float
    fmr: Rate
    fnmr: Rate


def compare_all(templates: TemplateSet, measure: Measure) -> Comparisons:
    """Count every comparison of the set."""
    gathered = _Gathered(templates)
    for block in blocks(templates, measure):
        gathered.add(block)
    return gathered.result()


def compare_pairs(templates: TemplateSet, measure: Measure, pairs: Sequence[Pair]) -> tuple[Comparisons, int]:
    """Count the named pairs, and how many mated ones lack a template; raises MalformedData for a wrong label."""
    places = {name: at for at, name in enumerate(templates.names)}
    known = [pair for pair in pairs if pair.reference in places and pair.probe in places]
    wanted: dict[int, list[tuple[int, bool]]] = {}
    for pair in known:
        one, two = places[pair.reference], places[pair.probe]
        if pair.mated != bool(templates.identity[one] == templates.identity[two]):
            raise MalformedData("comparing pairs", f"{pair.reference} and {pair.probe}: the pair and the identities disagree")
        wanted.setdefault(one, []).append((two, pair.mated))
    gathered = _Gathered(templates)
    for one, others in wanted.items():
        counted = np.zeros((1, len(templates.names)), np.bool_)
        counted[0, [two for two, _ in others]] = True
        mated = (templates.identity == templates.identity[one])[None, :]
        gathered.add(Block(np.array([one]), measure(templates, slice(one, one + 1)), counted, mated))
    return gathered.result(), sum(pair.mated for pair in pairs) - sum(pair.mated for pair in known)


def group_rates(templates: TemplateSet, measure: Measure, thresholds: Sequence[float]) -> tuple[GroupRates, ...]:
    """FMR and FNMR of each labelled group at each threshold; nothing for labels that the set does not have."""
    labelled = [at for at, values in enumerate(templates.values) if values]
    tallies = {at: np.zeros((2, 1 + len(thresholds), len(templates.values[at]) + 2), np.int64) for at in labelled}
    together = np.zeros((2, 1 + len(thresholds), 2), np.int64)
    levels = [bins_of(np.array([one]))[0] for one in thresholds]
    for block in blocks(templates, measure):
        found = bins_of(block.scores[block.counted])
        mated = block.mated[block.counted]
        alike, told = np.ones(found.size, np.bool_), np.ones(found.size, np.bool_)
        for at in labelled:
            codes, known = _codes(templates, at, block)
            _tally(tallies[at], found[known], mated[known], codes[known], levels)
            told &= known
            alike &= codes != len(templates.values[at])
        if len(labelled) > 1:
            _tally(together, found[told], mated[told], (~alike[told]).astype(np.int64), levels)
    rows = [row for at in labelled for row in _rows(LABELS[at], templates.values[at], tallies[at], thresholds)]
    if len(labelled) > 1:
        rows += _pooled(" and ".join(LABELS[at] for at in labelled), together, thresholds)
    return tuple(rows)


class _Gathered:
    """Counts that grow block by block."""

    def __init__(self, templates: TemplateSet) -> None:
        self._templates = templates
        self._mated: list[NDArray[np.float64]] = []
        self._quality: list[NDArray[np.float64]] = []
        self._non_mated = np.zeros(BINS, np.int64)
        self._suspects: list[Suspect] = []

    def add(self, block: Block) -> None:
        """One block of scores."""
        others = block.counted & ~block.mated
        self._non_mated += np.bincount(bins_of(block.scores[others]), minlength=BINS)
        same_rows, same_columns = np.nonzero(block.counted & block.mated)
        scores = block.scores[same_rows, same_columns].astype(np.float64)
        quality = self._templates.qualities[same_columns]
        if not self._templates.with_roles:
            quality = np.minimum(quality, self._templates.qualities[block.rows[same_rows]])
        self._mated.append(scores)
        self._quality.append(quality.astype(np.float64))
        self._look_at(block, others, (same_rows, same_columns))

    def result(self) -> Comparisons:
        """What was counted."""
        mated = np.concatenate(self._mated) if self._mated else np.zeros(0)
        quality = np.concatenate(self._quality) if self._quality else np.zeros(0)
        counts = ScoreCounts(np.bincount(bins_of(mated), minlength=BINS), self._non_mated)
        return Comparisons(counts, mated, quality, tuple(_worst(self._suspects)))

    def _look_at(self, block: Block, others: NDArray[np.bool_], same: tuple[NDArray[np.int64], NDArray[np.int64]]) -> None:
        """Keep the pairs of this block that fit their labels worst."""
        flat = np.where(others, block.scores, -np.inf).ravel()
        most = min(SUSPECTS, int(others.sum()))
        high = np.argpartition(flat, flat.size - most)[flat.size - most :] if most else np.zeros(0, np.int64)
        columns = block.scores.shape[1]
        pairs = [(int(at // columns), int(at % columns), False) for at in high]
        low = np.argsort(block.scores[same])[:SUSPECTS]
        pairs += [(int(same[0][at]), int(same[1][at]), True) for at in low]
        names = self._templates.names
        self._suspects += [
            Suspect(names[block.rows[row]], names[column], score_of(int(bins_of(block.scores[row : row + 1, column])[0])), mated)
            for row, column, mated in pairs
        ]
        self._suspects = _worst(self._suspects)


def _worst(suspects: list[Suspect]) -> list[Suspect]:
    high = sorted((one for one in suspects if not one.mated), key=lambda one: -one.score)[:SUSPECTS]
    return high + sorted((one for one in suspects if one.mated), key=lambda one: one.score)[:SUSPECTS]


def _codes(templates: TemplateSet, at: int, block: Block) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each counted comparison the value that both people share (beyond the last: different), and whether both are known."""
    labels = templates.labels[at]
    rows, columns = np.broadcast_arrays(labels[block.rows][:, None], labels[None, :])
    one, two = rows[block.counted], columns[block.counted]
    return np.where(one == two, one, len(templates.values[at])), (one >= 0) & (two >= 0)


def _tally(
    table: NDArray[np.int64], found: NDArray[np.int64], mated: NDArray[np.bool_], codes: NDArray[np.int64], levels: Sequence[int]
) -> None:
    """Add to table[mated, 0, code] the trials and to table[mated, 1 + level, code] those that reach the level."""
    for kind in (0, 1):
        chosen = mated == bool(kind)
        for row, reached in enumerate([chosen, *(chosen & (found >= level) for level in levels)]):
            table[kind, row] += np.bincount(codes[reached], minlength=table.shape[2])


def _rows(label: str, values: Sequence[str], table: NDArray[np.int64], thresholds: Sequence[float]) -> list[GroupRates]:
    rows = [
        GroupRates(label, value, threshold, *_pair_of_rates(table[:, :, at], level))
        for at, value in enumerate(values)
        for level, threshold in enumerate(thresholds, 1)
    ]
    pooled = np.stack([table[:, :, : len(values)].sum(axis=2), table[:, :, len(values)]], axis=2)
    return rows + _pooled(label, pooled, thresholds)


def _pooled(label: str, table: NDArray[np.int64], thresholds: Sequence[float]) -> list[GroupRates]:
    return [
        GroupRates(label, value, threshold, *_pair_of_rates(table[:, :, at], level))
        for at, value in enumerate(("same", "different"))
        for level, threshold in enumerate(thresholds, 1)
    ]


def _pair_of_rates(table: NDArray[np.int64], level: int) -> tuple[Rate, Rate]:
    """From [mated, row]: FMR and FNMR."""
    mated_trials, mated_reached = int(table[1, 0]), int(table[1, level])
    return Rate(int(table[0, level]), int(table[0, 0])), Rate(mated_trials - mated_reached, mated_trials)
