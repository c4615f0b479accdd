"""A whole evaluation on drawn templates: failures, held-out people, discards; nothing is claimed that too few show (D1, D2)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from egate.faces.evaluation.evaluate import DISCARDS, Plan, evaluate
from egate.faces.evaluation.pictures import Pair
from egate.faces.evaluation.rates import Rate
from egate.faces.evaluation.report import Subject
from egate.faces.evaluation.store import Found, Record
from tests.unit.faces.evaluation.people import DrawnEngine, drawn_set

SUBJECT = Subject("egate", "drawn", "drawn-00000001", "none", "drawn", "2026-11-24", 3)


def test_failures_are_counted_where_they_happen() -> None:
    """D2: a reference that cannot be enrolled, a probe that cannot be acquired; both are non-matches of the whole."""
    pictures, records = drawn_set(30, 3, roles=True)
    records[0], records[4] = Record(Found.UNREADABLE), Record(Found.NO_FACE)
    report = evaluate(DrawnEngine(), SUBJECT, pictures, records, Plan((10_000,), 3)).report
    assert report.samples.failure_to_enrol == Rate(1, 30)
    assert report.samples.failure_to_acquire == Rate(1, 60)
    assert (report.samples.unreadable, report.samples.without_face) == (1, 1)
    assert report.mated == 60 - 3, "both probes of the lost reference, and the lost probe"
    row = report.overall[0]
    assert row.fnmr_with_failures == Rate(row.fnmr.events + 3, 60)


def test_thresholds_are_set_on_some_and_tried_on_others() -> None:
    """D1: both thresholds agree within sampling, and nobody is in both parts."""
    outcome = evaluate(DrawnEngine(), SUBJECT, *drawn_set(300, 3), Plan((10_000, 1_000), 3))
    assert [row.target for row in outcome.report.held_out] == [0.01, 0.001]
    for row in outcome.report.held_out:
        assert row.threshold == outcome.calibrating.threshold_for(row.target or 0)
        assert row.fmr == outcome.reported.fmr(row.threshold)
        assert row.factor == pytest.approx(1.0, abs=0.4)
    assert sum(line.identities for line in outcome.report.split) == 300
    counted = outcome.calibrating.mated.sum() + outcome.reported.mated.sum()
    assert counted < outcome.report.mated, "those kept to tune with are in neither"


def test_a_rate_that_too_few_comparisons_show_is_left_out_and_said() -> None:
    report = evaluate(DrawnEngine(), SUBJECT, *drawn_set(20, 2), Plan((10_000, 100), 3)).report
    assert [row.target for row in report.overall] == [0.01]
    assert "FMR 0.01 % (rule of three)" in " ".join(report.notes)
    assert all(not row.measured for row in report.overall), "fewer than thirty"
    assert report.held_out == ()


def test_discarding_by_quality_removes_the_errors_that_quality_foretells() -> None:
    pictures, records = drawn_set(120, 2, noise=0.3)
    drawn = np.random.default_rng(2)
    for at in range(1, 48, 2):
        noise = drawn.normal(size=32)
        records[at] = Record(Found.TEMPLATE, (noise / np.linalg.norm(noise)).astype(np.float32), 1.0, 0.0)
    report = evaluate(DrawnEngine(), SUBJECT, pictures, records, Plan((10_000, 1_000), 3)).report
    threshold = report.discards[0].threshold
    rows = [row for row in report.discards if row.threshold == threshold]
    assert tuple(row.discarded for row in rows) == DISCARDS
    assert rows[0].fnmr.events >= 20
    assert rows[DISCARDS.index(0.2)].fnmr == Rate(0, 96), "a fifth of 120 are the 24 spoilt ones"
    assert all(row.fnmr.trials == 120 - math.floor(row.discarded * 120) for row in rows)


def test_pairs_that_could_not_be_compared_count_as_failures() -> None:
    pictures, records = drawn_set(6, 2)
    records[1] = Record(Found.NO_FACE)
    pairs = tuple(Pair(f"p{n}/0.jpg", f"p{m}/1.jpg", n == m) for n in range(6) for m in range(6))
    report = evaluate(DrawnEngine(), SUBJECT, pictures, records, Plan((100_000,), 3, pairs=pairs)).report
    assert (report.mated, report.non_mated) == (5, 25)
    assert report.overall[0].fnmr_with_failures.trials == 6
    assert not report.groups
    assert not report.held_out
