"""The report of an evaluation as values: what was compared, and every figure with its counts (ISO/IEC 19795-1).

Nothing here names a person or a picture. Figures that too few comparisons stand behind are kept, with their counts, and marked:
the rule of 30 for what was counted, the rule of three for what was not seen at all.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

from egate.faces.calibration import RULE_OF_30
from egate.faces.evaluation.comparisons import GroupRates
from egate.faces.evaluation.open_set import OpenSet
from egate.faces.evaluation.rates import DetPoint, Rate
from egate.faces.evaluation.splits import SplitLine

FORMAT = "egate evaluation 1"


@dataclass(frozen=True, slots=True)
class Subject:
    """What was evaluated on what. `made_on` is a date; `calibration` the identity of the one in use, or why there is none."""

    program: str
    engine: str
    model_id: str
    calibration: str
    data_set: str
    made_on: str
    seed: int


@dataclass(frozen=True, slots=True)
class Samples:
    """Pictures and people, and those that gave no template: failure to enrol (references), to acquire (probes).

    Without roles every picture is both, and the two rates are equal.
    """

    pictures: int
    identities: int
    with_roles: bool
    failure_to_enrol: Rate
    failure_to_acquire: Rate
    unreadable: int
    without_face: int


@dataclass(frozen=True, slots=True)
class OperatingRow:
    """At one threshold: both error rates, and FNMR with failures to enrol and acquire counted as non-matches.

    `target` is the FMR that the threshold was set for (None: a threshold that was given), `basis` where it comes from.
    """

    basis: str
    target: float | None
    threshold: float
    fmr: Rate
    fnmr: Rate
    fnmr_with_failures: Rate

    @property
    def factor(self) -> float | None:
        """Realised FMR over the target."""
        return None if not self.target or math.isnan(self.fmr.value) else self.fmr.value / self.target

    @property
    def measured(self) -> bool:
        """Whether the false matches suffice for a rate rather than an order of magnitude (rule of 30)."""
        return self.fmr.events >= RULE_OF_30


@dataclass(frozen=True, slots=True)
class DiscardRow:
    """FNMR at a fixed threshold when this share of the mated comparisons, those of the poorest quality, is discarded."""

    threshold: float
    discarded: float
    fnmr: Rate


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares of the comparisons by score: `edges` has one entry more than the others."""

    edges: tuple[float, ...]
    mated: tuple[float, ...]
    non_mated: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """One evaluation."""

    subject: Subject
    samples: Samples
    split: tuple[SplitLine, ...]
    mated: int
    non_mated: int
    equal_error: DetPoint
    overall: tuple[OperatingRow, ...]
    held_out: tuple[OperatingRow, ...]
    calibrated: tuple[OperatingRow, ...]
    det: tuple[DetPoint, ...]
    histogram: Histogram
    groups: tuple[GroupRates, ...]
    discards: tuple[DiscardRow, ...]
    open_set: OpenSet | None
    notes: tuple[str, ...]


def as_table(report: Report) -> dict[str, Any]:
    """The report for a JSON file: rates with their counts and intervals, and null for what cannot be computed."""
    table = plain(report)
    assert isinstance(table, dict)
    return {"format": FORMAT, **table}


def plain(value: object) -> object:
    """A value of a report as JSON has it."""
    match value:
        case Rate():
            bounds = {"events": value.events, "trials": value.trials, "low": _number(value.low), "high": _number(value.high)}
            return {"value": _number(value.value), **bounds}
        case OperatingRow():
            row = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
            factor = None if value.factor is None else _number(value.factor)
            return {**row, "factor": factor, "measured": value.measured}
        case Enum():
            return value.value
        case float():
            return _number(value)
        case tuple():
            return [plain(one) for one in value]
        case int() | str() | None:
            return value
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(type(value).__name__)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 9)
