"""Score files → a calibration that can be signed: thresholds for rates, each with the evidence of every set.

For each asked rate the lowest threshold is taken that the sets support by the rule of `egate.faces.calibration`: a gate-like set
bounds the rate, and no set contradicts it. A rate that they do not support is left out, and said with the number of comparisons
that it would take; nothing is extrapolated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from egate.faces.calibration import PPM, Evidence, OperatingPoint
from egate.faces.evaluation.rates import STEPS, ScoreCounts
from egate.faces.evaluation.score_file import ScoreFile
from egate.model.errors import MalformedData

TABLED_PPM = (100_000, 30_000, 10_000, 3_000, 1_000, 300, 100)
"""Rates for which the score that reaches them is written down, where 10 false matches or more stand behind it."""

_LEAST_TABLED = 10
_COARSE = 100
"""Thresholds are given to a thousandth, rounded up: more digits claim more than the comparisons know."""

_DOING = "calibrating a face engine"


@dataclass(frozen=True, slots=True)
class Draft:
    """A calibration to be signed, and in words what it does not support."""

    table: dict[str, Any]
    points: tuple[OperatingPoint, ...]
    refused: tuple[str, ...]


def draft_calibration(
    files: Sequence[ScoreFile], fmr_ppm: Sequence[int], made_on: str, limits: Sequence[str], norm: dict[str, float] | None
) -> Draft:
    """The calibration that these sets support; raises MalformedData when they are of different engines or none is gate-like."""
    models = {file.header.model_id for file in files}
    names = [_name(file) for file in files]
    if len(models) != 1 or len({file.header.engine for file in files}) != 1:
        raise MalformedData(_DOING, "the score files are of different engines or weights")
    if len(set(names)) < len(names):
        raise MalformedData(_DOING, "two score files are of the same set")
    gate = [file for file in files if file.header.gate_like]
    if not gate:
        raise MalformedData(_DOING, "no set is gate-like, and thresholds of other pictures do not carry over to a gate")
    points, refused = [], []
    for ppm in sorted(fmr_ppm, reverse=True):
        point = _point(files, ppm)
        if point is None:
            refused.append(_refusal(gate, ppm))
        else:
            points.append(point)
    table = {
        "engine": files[0].header.engine,
        "model_id": files[0].header.model_id,
        "made_on": made_on,
        "meaning": "larger scores are more alike; a threshold is offered for a false match rate in parts per million",
        "data_sets": [_data_set(file) for file in files],
        "points": [_entry(point) for point in points],
        "scores": _tabled(gate[0].counts),
        "scores_of": _name(gate[0]),
        "norm": norm,
        "false_non_match": [_missed(file, point) for point in points for file in files],
        "limits": [*limits, *refused],
        "signature": "",
    }
    return Draft(table, tuple(points), tuple(refused))


def _point(files: Sequence[ScoreFile], ppm: int) -> OperatingPoint | None:
    """The lowest supported threshold; support only grows with it until no set has false matches left."""
    low, high = 0, STEPS // _COARSE
    if not _at(files, ppm, high).supported:
        return None
    while low < high:
        middle = (low + high) // 2
        if _at(files, ppm, middle).supported:
            high = middle
        else:
            low = middle + 1
    return _at(files, ppm, high)


def _at(files: Sequence[ScoreFile], ppm: int, step: int) -> OperatingPoint:
    threshold = step * _COARSE / STEPS
    rates = [(file, file.counts.fmr(threshold)) for file in files]
    evidence = tuple(Evidence(_name(file), rate.trials, rate.events, file.header.gate_like) for file, rate in rates)
    return OperatingPoint(ppm, threshold, evidence)


def _refusal(gate: Sequence[ScoreFile], ppm: int) -> str:
    most = max(int(file.counts.non_mated.sum()) for file in gate)
    needed = math.ceil(math.log(0.05) / math.log1p(-ppm / PPM))
    return (
        f"FMR {ppm / 10_000:g} % is not supported: it takes at least {needed} gate-like comparisons, the largest set has {most}."
    )


def _name(file: ScoreFile) -> str:
    return f"{file.header.data_set} ({file.header.part})" if file.header.part else file.header.data_set


def _data_set(file: ScoreFile) -> dict[str, Any]:
    return {
        "name": _name(file),
        "gate_like": file.header.gate_like,
        "identities": file.header.identities,
        "pictures": file.header.pictures,
        "mated": int(file.counts.mated.sum()),
        "non_mated": int(file.counts.non_mated.sum()),
    }


def _entry(point: OperatingPoint) -> dict[str, Any]:
    evidence = [
        {"data_set": one.data_set, "comparisons": one.comparisons, "false_matches": one.false_matches} for one in point.evidence
    ]
    return {"fmr_ppm": point.fmr_ppm, "threshold": point.threshold, "evidence": evidence}


def _tabled(counts: ScoreCounts) -> list[list[float]]:
    total = int(counts.non_mated.sum())
    return [[counts.threshold_for(ppm / PPM), ppm] for ppm in TABLED_PPM if total * ppm / PPM >= _LEAST_TABLED]


def _missed(file: ScoreFile, point: OperatingPoint) -> dict[str, Any]:
    rate = file.counts.fnmr(point.threshold)
    return {"threshold": point.threshold, "data_set": _name(file), "mated": rate.trials, "missed": rate.events}
