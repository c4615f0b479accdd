"""The figures of the attack detection are counted right, with intervals, and what was not judged is no success."""

from __future__ import annotations

import json

import pytest

from egate.faces.pad.evaluation import BONA_FIDE, Judged, Rate, report, wilson
from egate.model.face import PadResult


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (1, 10, 0.0179, 0.4042), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_gives_the_published_intervals(count: int, of: int, low: float, high: float) -> None:
    """The last row is the worked example of Newcombe 1998, table I."""
    assert wilson(count, of) == pytest.approx((low, high), abs=6e-5)


def test_nothing_tried_is_nothing_known() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert Rate(0, 0).share == 0.0


def judged(kind: str, score: float | None, group: str = "") -> Judged:
    return Judged(kind, group, PadResult(score))


def test_both_errors_are_counted_by_kind_and_by_group() -> None:
    entries = [
        *(judged(BONA_FIDE, score, "a") for score in (0.0, 0.1, 0.499, 0.5)),
        *(judged(BONA_FIDE, score, "b") for score in (0.2, None)),
        *(judged("print", score) for score in (0.9, 0.4, None)),
        *(judged("screen", score) for score in (0.5, 1.0)),
    ]
    figures = report(entries, simulated=True)
    assert figures.bona_fide_rejected == Rate(2, 6)
    assert figures.bona_fide_not_judged == Rate(1, 6)
    assert figures.attacks_passed == (("print", Rate(1, 3)), ("screen", Rate(0, 2)))
    assert figures.bona_fide_rejected_by_group == (("a", Rate(1, 4)), ("b", Rate(1, 2)))


def test_the_report_for_machines_says_that_it_is_simulated() -> None:
    table = json.loads(report([judged(BONA_FIDE, 0.1), judged("print", 0.9)], simulated=True).as_json())
    assert table["simulated"] is True
    assert table["bpcer"] == {"count": 0, "of": 1, "share": 0.0, "interval_95": pytest.approx([0.0, 0.7935], abs=1e-4)}
    assert set(table["apcer"]) == {"print"}
