"""The page of benchmarks has a row for every goal and a group for every module, and names the command that makes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.goals import GOALS, Goal
from tests.bench.page import TITLES, page
from tests.bench.row import BenchRow

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"


def test_the_page_says_how_it_is_made() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert "`.venv/bin/python -m tests.bench --markdown`" in written
    assert "`make bench`" in written


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.words)
def test_every_goal_is_measured(goal: Goal) -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {goal.words} |")]
    assert len(rows) == 1
    assert "not measured" not in rows[0]


def test_every_module_has_its_group_in_the_page() -> None:
    modules = {path.stem for path in (ROOT / "tests" / "bench").glob("bench_*.py")}
    assert modules == set(TITLES)
    written = PAGE.read_text(encoding="utf-8")
    assert {name for name in modules if f"(../tests/bench/{name}.py)" not in written} == set()


def test_a_goal_is_met_missed_or_not_measured() -> None:
    """The three words, from rows on either side of the limit and from none."""
    met, missed, absent = GOALS[0], GOALS[3], GOALS[4]
    rows = (BenchRow(met.row, 59.9, "µs", "goal", 60.0), BenchRow(missed.row, 60.1, "ms", "goal", 60.0))
    lines = page({"bench_mrtd": rows}, "2026-11-24").splitlines()
    ends = {goal.words: next(line for line in lines if line.startswith(f"| {goal.words} |")) for goal in (met, missed, absent)}
    assert ends[met.words].endswith("| met |")
    assert ends[missed.words].endswith("| **not met** |")
    assert ends[absent.words].endswith("| **not measured** |")
    assert any(line.startswith("Measured 2026-11-24 on ") for line in lines)
    assert f"| {met.row} | 59.9 µs | goal | 60 µs | 0.998 |" in lines
