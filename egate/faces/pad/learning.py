"""Learning the fusion from labelled rows: ridge logistic regression, by cue and then over the cues. Arithmetic only.

Used by the command that makes `learned/fusion.json`, never at a gate. People whose rows teach are not those whose rows set the
limit, and neither are those who are reported on: `part_of` splits by identity, the same way every time.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from egate.faces.pad.fusion import CueModel, Fusion
from egate.faces.pad.measures import CUES, Row

CUE_RIDGE = 3.0
"""Pull of each weight towards nothing: measures of simulated artefacts are easier told apart than real ones."""

FUSION_RIDGE = 1.0

LIMIT_FALSE, LIMIT_MISSED = 0.005, 0.05
"""Between the log odds that so few bona fide presentations exceed and those that so few attacks stay under lies the limit; where
the two overlap, bona fide presentations count."""

LIMIT_PLACE = 1 / 3
"""Where between the two: nearer to the people, who vary less than artefacts that nobody has seen yet."""

_ROUNDS = 60
_LEARN, _LIMIT = 0.45, 0.65
Matrix = NDArray[np.float64]


class Part(Enum):
    """What a person's rows are for."""

    LEARN = "learn"
    LIMIT = "limit"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Labelled:
    """One presentation: whose, whether it is an attack, and its row."""

    identity: str
    attack: bool
    row: Row


def part_of(identity: str) -> Part:
    """The part of a person, from a hash of their name: about 45, 20 and 35 of a hundred."""
    place = int.from_bytes(hashlib.sha256(f"pad:{identity}".encode()).digest()[:4], "big") / 2**32
    return Part.LEARN if place < _LEARN else Part.LIMIT if place < _LIMIT else Part.REPORT


def learn(rows: Sequence[Labelled]) -> Fusion:
    """Cues and weights from the learning part, then the limit from the limit part."""
    teaching = [row for row in rows if part_of(row.identity) is Part.LEARN]
    labels = np.array([row.attack for row in teaching], np.float64)
    models = tuple(_learn_cue(cue, names, teaching, labels) for cue, names in CUES)
    said = _said(models, teaching)
    weights, constant = logistic(said, labels, FUSION_RIDGE, least=0.0)
    fusion = Fusion(models, tuple(float(weight) for weight in weights), constant, 0.0, "unnamed")
    return replace(fusion, limit=limit_for(fusion, [row for row in rows if part_of(row.identity) is Part.LIMIT]))


def limit_for(fusion: Fusion, rows: Sequence[Labelled]) -> float:
    """The log odds from which a presentation counts as an attack, from people who taught nothing."""
    odds, attacks = log_odds(fusion, rows), np.array([row.attack for row in rows], bool)
    bona_fide = float(np.quantile(odds[~attacks], 1 - LIMIT_FALSE))
    artefacts = float(np.quantile(odds[attacks], LIMIT_MISSED))
    return max(bona_fide, bona_fide + LIMIT_PLACE * (artefacts - bona_fide))


def log_odds(fusion: Fusion, rows: Sequence[Labelled]) -> Matrix:
    """The fused log odds of rows, before the limit."""
    return np.asarray(_said(fusion.cues, rows) @ np.array(fusion.weights) + fusion.constant)


def logistic(inputs: Matrix, labels: Matrix, ridge: float, least: float = -math.inf) -> tuple[Matrix, float]:
    """Weights and constant of a ridge logistic regression in which both classes weigh the same; no weight below `least`."""
    design = np.column_stack((inputs, np.ones(len(inputs))))
    balance = np.where(labels > 0.5, 0.5 / max(labels.mean(), 1e-9), 0.5 / max(1 - labels.mean(), 1e-9))
    pull = np.append(np.full(inputs.shape[1], ridge), 1e-6)
    numbers, free = np.zeros(design.shape[1]), np.ones(design.shape[1], bool)
    for _ in range(_ROUNDS):
        odds = np.clip(design @ numbers, -30, 30)
        chance = 1 / (1 + np.exp(-odds))
        slope = design.T @ (balance * (chance - labels)) + pull * numbers
        curve = (design * (balance * chance * (1 - chance))[:, None]).T @ design + np.diag(pull)
        step = np.zeros_like(numbers)
        step[free] = np.linalg.solve(curve[np.ix_(free, free)], slope[free])
        numbers = numbers - step
        low = numbers[:-1] < least
        numbers[:-1][low] = least
        free[:-1] &= ~low
        if float(np.abs(step).max()) < 1e-9:
            break
    return numbers[:-1], float(numbers[-1])


def _learn_cue(cue: str, fields: tuple[str, ...], rows: Sequence[Labelled], labels: Matrix) -> CueModel:
    names = tuple(f"{cue}.{field}" for field in fields)
    values = np.array([[dict(row.row)[name] for name in names] for row in rows])
    means, deviations = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-3)
    weights, constant = logistic(np.clip((values - means) / deviations, -4, 4), labels, CUE_RIDGE)
    return CueModel(cue, names, _rounded(means), _rounded(deviations), _rounded(weights), round(constant, 5))


def _rounded(column: Matrix) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in column)


def _said(models: Sequence[CueModel], rows: Sequence[Labelled]) -> Matrix:
    return np.array([[model.log_odds(dict(row.row)) for model in models] for row in rows])
