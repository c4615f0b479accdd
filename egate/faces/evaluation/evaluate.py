"""Pictures with templates → report, step by step.

1. count every comparison (or the named pairs);
2. put thresholds at the asked rates: on everybody; on the people kept for calibration, tried on those kept for the report;
3. take the thresholds of the engine's calibration as they are;
4. count the groups at the calibration's threshold, or at the set's own where there is none;
5. discard by quality; 6. search an open set, where asked.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from egate.faces.calibration import PPM
from egate.faces.engine import FaceEngine
from egate.faces.evaluation.comparisons import Comparisons, Suspect, compare_all, compare_pairs, group_rates
from egate.faces.evaluation.embedding import calibration_of
from egate.faces.evaluation.open_set import search_open_set
from egate.faces.evaluation.pictures import Pair, Picture, Role, has_roles
from egate.faces.evaluation.rates import Rate, ScoreCounts, score_of
from egate.faces.evaluation.report import DiscardRow, Histogram, OperatingRow, Report, Samples, Subject
from egate.faces.evaluation.splits import Part, describe, part_of
from egate.faces.evaluation.store import Found, Record
from egate.faces.evaluation.templates import Measure, TemplateSet, measure_of, template_set

DISCARDS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Shares of poor quality that are discarded in turn."""

HISTOGRAM_STEP = 0.02
RULE_OF_THREE = 3.0
"""Comparisons without an error that show a rate at all: three times its inverse."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to report: rates in ppm, seed of the split and the searches, people to enrol (0: no searches), pairs if only those."""

    fmr_ppm: tuple[int, ...] = (10_000, 1_000, 100, 10)
    seed: int = 2026
    enrolled: int = 0
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A report, the scores behind it (`reported`: of the people kept for the report), and pairs to look at."""

    report: Report
    counts: ScoreCounts
    calibrating: ScoreCounts
    reported: ScoreCounts
    suspects: tuple[Suspect, ...]


def evaluate(engine: FaceEngine, subject: Subject, pictures: Sequence[Picture], records: Sequence[Record], plan: Plan) -> Outcome:
    """Evaluate one engine on one set; raises DeviceError or MalformedData where the set cannot be evaluated."""
    templates = template_set(pictures, records)
    measure = measure_of(engine, templates)
    pairs = plan.pairs
    found, lost_pairs = compare_pairs(templates, measure, pairs) if pairs else (compare_all(templates, measure), 0)
    lost = lost_pairs if pairs else _lost(pictures, records)
    calibrating, reported, held_out = _held_out(templates, measure, plan)
    calibrated = _calibrated(engine, found.counts, lost)
    overall = tuple(_row("this set", found.counts, ppm / PPM, lost) for ppm in _shown(plan, found.counts))
    levels = [row.threshold for row in calibrated or overall[:2]]
    report = Report(
        subject=subject,
        samples=_samples(pictures, records),
        split=describe([templates.identities[one] for one in templates.identity], plan.seed),
        mated=int(found.counts.mated.sum()),
        non_mated=int(found.counts.non_mated.sum()),
        equal_error=found.counts.eer(),
        overall=overall,
        held_out=() if pairs else held_out,
        calibrated=calibrated,
        det=found.counts.det(),
        histogram=_histogram(found.counts),
        groups=() if pairs else group_rates(templates, measure, levels),
        discards=_discards(found, [row.threshold for row in overall[1:3]] or levels),
        open_set=search_open_set(templates, measure, plan.enrolled, plan.seed) if plan.enrolled else None,
        notes=_notes(plan, found.counts),
    )
    return Outcome(report, found.counts, calibrating, reported, found.suspects)


def _held_out(templates: TemplateSet, measure: Measure, plan: Plan) -> tuple[ScoreCounts, ScoreCounts, tuple[OperatingRow, ...]]:
    """Thresholds from the people kept for calibration, errors of the people kept for the report."""
    parts = np.array([part_of(name, plan.seed).value for name in templates.identities])[templates.identity]
    calibrating, reported = (
        compare_all(templates.part(parts == one.value), measure).counts for one in (Part.CALIBRATE, Part.REPORT)
    )
    enough = [ppm for ppm in plan.fmr_ppm if calibrating.non_mated.sum() * ppm / PPM >= RULE_OF_THREE]
    rows = []
    for ppm in enough if reported.mated.sum() else []:
        threshold = calibrating.threshold_for(ppm / PPM)
        fnmr = reported.fnmr(threshold)
        rows.append(OperatingRow("people kept for calibration", ppm / PPM, threshold, reported.fmr(threshold), fnmr, fnmr))
    return calibrating, reported, tuple(rows)


def _calibrated(engine: FaceEngine, counts: ScoreCounts, lost: int) -> tuple[OperatingRow, ...]:
    calibration = calibration_of(engine)
    if calibration is None:
        return ()
    return tuple(
        _at(
            f"calibration {calibration.identity}{'' if point.supported else ', not supported'}",
            point.fmr_ppm / PPM,
            point.threshold,
            counts,
            lost,
        )
        for point in calibration.points
    )


def _row(basis: str, counts: ScoreCounts, target: float, lost: int) -> OperatingRow:
    return _at(basis, target, counts.threshold_for(target), counts, lost)


def _at(basis: str, target: float, threshold: float, counts: ScoreCounts, lost: int) -> OperatingRow:
    fnmr = counts.fnmr(threshold)
    with_failures = Rate(fnmr.events + lost, fnmr.trials + lost)
    return OperatingRow(basis, target, threshold, counts.fmr(threshold), fnmr, with_failures)


def _shown(plan: Plan, counts: ScoreCounts) -> list[int]:
    """The rates that this many comparisons can show; the largest one always."""
    shown = [ppm for ppm in sorted(plan.fmr_ppm, reverse=True) if counts.non_mated.sum() * ppm / PPM >= RULE_OF_THREE]
    return shown or [max(plan.fmr_ppm)]


def _samples(pictures: Sequence[Picture], records: Sequence[Record]) -> Samples:
    failed = [record.found is not Found.TEMPLATE for record in records]
    states = Counter(record.found for record in records)

    def failures(other: Role) -> Rate:
        chosen = [bad for one, bad in zip(pictures, failed, strict=True) if one.role is not other]
        return Rate(sum(chosen), len(chosen))

    people = len({one.identity for one in pictures})
    enrol, acquire = failures(Role.PROBE), failures(Role.REFERENCE)
    return Samples(len(pictures), people, has_roles(pictures), enrol, acquire, states[Found.UNREADABLE], states[Found.NO_FACE])


def _lost(pictures: Sequence[Picture], records: Sequence[Record]) -> int:
    """Mated comparisons that could not be made because a picture gave no template."""
    good = [one for one, record in zip(pictures, records, strict=True) if record.found is Found.TEMPLATE]
    return _mated_pairs(pictures) - _mated_pairs(good)


def _mated_pairs(pictures: Sequence[Picture]) -> int:
    if has_roles(pictures) if pictures else False:
        probes = Counter(one.identity for one in pictures if one.role is Role.PROBE)
        return sum(probes[one.identity] for one in pictures if one.role is Role.REFERENCE)
    return sum(count * (count - 1) // 2 for count in Counter(one.identity for one in pictures).values())


def _histogram(counts: ScoreCounts) -> Histogram:
    width = round(HISTOGRAM_STEP * 100_000)
    starts = np.arange(0, len(counts.mated), width)
    mated, non_mated = (np.add.reduceat(one, starts) for one in (counts.mated, counts.non_mated))
    used = np.flatnonzero(mated + non_mated)
    first, last = int(used[0]), int(used[-1])
    edges = tuple(score_of(int(starts[first]) + at * width) for at in range(last - first + 2))
    shares = [tuple(float(one) for one in part[first : last + 1] / max(1, int(part.sum()))) for part in (mated, non_mated)]
    return Histogram(edges, shares[0], shares[1])


def _discards(found: Comparisons, thresholds: Sequence[float]) -> tuple[DiscardRow, ...]:
    """Error versus discard (ISO/IEC 29794-1): the probe stands for its comparison, without roles the poorer picture."""
    order = np.argsort(found.mated_quality, kind="stable")
    rows = []
    for threshold in dict.fromkeys(thresholds):
        missed = (np.round(found.mated_scores, 5) < threshold - 1e-9)[order]
        for share in DISCARDS:
            kept = missed[math.floor(share * missed.size) :]
            rows.append(DiscardRow(threshold, share, Rate(int(kept.sum()), int(kept.size))))
    return tuple(rows)


def _notes(plan: Plan, counts: ScoreCounts) -> tuple[str, ...]:
    notes = ["Comparisons share people, so every interval is somewhat too narrow."]
    few = [ppm for ppm in plan.fmr_ppm if counts.non_mated.sum() * ppm / PPM < RULE_OF_THREE]
    if few:
        rates = ", ".join(f"{ppm / 10_000:g} %" for ppm in few)
        notes.append(f"Too few non-mated comparisons to show anything at FMR {rates} (rule of three).")
    return tuple(notes)
