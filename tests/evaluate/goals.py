"""The goals in numbers beside what was measured; a goal that is not met says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal: what was asked, what was measured in words, and whether that is within (None: not measured)."""

    asked: str
    measured: str
    met: bool | None


def goals(figures: Figures) -> Iterator[Goal]:
    """Every goal of comparison, in the order of the page."""
    reports = figures["reports"]
    lfw, london, poor = (reports.get(f"{name}-sface") for name in ("lfw", "london", "degraded"))
    for words, name in (("SFace", "lfw-sface"), ("both fused", "lfw-four-fused")):
        for target, most in ((0.001, 0.018), (0.0001, 0.035)):
            row = row_at(reports.get(name), "held_out", target)
            asked = f"{words}: FNMR ≤ {100 * most:g} % at FMR {100 * target:g} % on people not used for calibration (LFW)"
            yield _goal(asked, row and row["fnmr"], most)
            yield _factor(f"{words}: FMR realised there within a factor of 1.25 of {100 * target:g} %", row, 1.25)
    row = row_at(london, "calibrated", 0.001)
    yield _goal("no false refusal, London chip portrait against live picture", row and row["fnmr"], 0.0)
    for words, report in (("frontal portraits (London)", london), ("other pictures (LFW)", lfw)):
        row = row_at(report, "calibrated", 0.001)
        yield _factor(f"FMR at the shipped threshold for 0.1 %, at most twice that on {words}", row, 2.0, only_above=True)
    for row in figures.get("across", ()):
        asked = f"FMR of LFW's own threshold for {100 * row['target']:g} % within a factor of 2 on London (never used at a gate)"
        yield _factor(asked, row, 2.0)
    rates = (lfw or {}).get("open_set") or {}
    found = next((one for one in rates.get("rates", ()) if one["target"] == 0.01), None)
    yield _goal("open set, 1,500 enrolled: FNIR ≤ 9 % at FPIR 1 %", found and found["fnir"], 0.09)
    for target, at in ((0.001, 1), (0.0001, 2)):
        yield _halved(f"rejecting the worst fifth at least halves FNMR (poor probes, FMR {100 * target:g} %)", poor, at)


def goal_lines(figures: Figures) -> list[str]:
    """A line for each goal."""
    words = {True: "met", False: "NOT MET", None: "not measured"}
    return [f"{words[goal.met]:12} {goal.asked}: {goal.measured}" for goal in goals(figures)]


def row_at(report: Mapping[str, Any] | None, kind: str, target: float) -> Any:
    """The operating row of a report at a target rate, None where there is none."""
    rows = report[kind] if report else []
    return next((row for row in rows if row["target"] is not None and abs(row["target"] - target) < 1e-12), None)


def rate_words(rate: Mapping[str, Any]) -> str:
    """`1.98 % [1.73, 2.27] (202 of 10209)`."""
    return (
        f"{_percent(rate['value'])} % [{_percent(rate['low'])}, {_percent(rate['high'])}] ({rate['events']} of {rate['trials']})"
    )


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.3g}"


def _goal(asked: str, rate: Mapping[str, Any] | None, most: float) -> Goal:
    if not rate:
        return Goal(asked, "–", None)
    return Goal(asked, rate_words(rate), rate["value"] <= most)


def _factor(asked: str, row: Mapping[str, Any] | None, most: float, *, only_above: bool = False) -> Goal:
    if not row or row["factor"] is None:
        return Goal(asked, "–", None)
    factor = row["factor"]
    met = factor <= most and (only_above or factor >= 1 / most)
    return Goal(asked, f"{factor:.2f} × the target: {rate_words(row['fmr'])}", met)


def _halved(asked: str, report: Mapping[str, Any] | None, at: int) -> Goal:
    rows = report["discards"] if report else []
    thresholds = list(dict.fromkeys(row["threshold"] for row in rows))
    if len(thresholds) < at:
        return Goal(asked, "–", None)
    mine = {row["discarded"]: row["fnmr"] for row in rows if row["threshold"] == thresholds[at - 1]}
    share = mine[0.2]["value"] / mine[0.0]["value"] if mine[0.0]["value"] else 0.0
    return Goal(asked, f"{rate_words(mine[0.0])} → {rate_words(mine[0.2])}, {share:.2f} × as many", share <= 0.5)
