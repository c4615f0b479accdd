"""The pages on accuracy are made of the figures that were measured, and plots can be read by anything that reads SVG."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from egate.faces.evaluation.pages.page import det_plot, page, percent
from egate.faces.evaluation.pages.plots import Axis, Line, histogram_plot, line_plot, percent_axis
from egate.faces.evaluation.rates import DetPoint, Rate
from egate.faces.evaluation.report import (
    DiscardRow,
    Histogram,
    OperatingRow,
    Report,
    Samples,
    Subject,
    as_table,
)
from tests.evaluate.goals import goal_lines, goals
from tests.evaluate.pages import DOCS, FIGURES, PAGES, PLOTS, load_figures, made_page, made_plots

SVG = "{http://www.w3.org/2000/svg}"


def report(**changes: Any) -> Report:
    """A small report; the name of its set is hostile to HTML."""
    rate = Rate(3, 2000)
    values: dict[str, Any] = {
        "subject": Subject("egate", "drawn", "drawn-1", "none", "<b>&\"'", "2026-11-24", 1),
        "samples": Samples(10, 5, False, Rate(0, 10), Rate(0, 10), 0, 0),
        "split": (),
        "mated": 10,
        "non_mated": 2000,
        "equal_error": DetPoint(0.4, 0.01, 0.01),
        "overall": (OperatingRow("this set", 0.001, 0.5, rate, Rate(40, 400), Rate(41, 401)),),
        "held_out": (),
        "calibrated": (),
        "det": (DetPoint(0.5, 0.001, 0.1), DetPoint(0.4, 0.01, 0.01)),
        "histogram": Histogram((0.0, 0.02, 0.04), (0.25, 0.75), (1.0, 0.0)),
        "groups": (),
        "discards": (DiscardRow(0.5, 0.0, Rate(40, 400)), DiscardRow(0.5, 0.2, Rate(10, 320))),
        "open_set": None,
        "notes": ("a < b",),
    }
    return Report(**{**values, **changes})


def test_pages_hold_the_figures_that_were_measured() -> None:
    """Run `python -m tests.evaluate --write` after a change; nothing between the marks is written by hand."""
    figures = load_figures()
    for name in PAGES:
        text = (DOCS / name).read_text("utf-8")
        assert made_page(text, figures) == text, f"docs/{name} is not what {FIGURES.name} gives"
        assert text.count("<!-- made: ") == text.count("<!-- end -->")
    for name, svg in made_plots(figures).items():
        assert (PLOTS / name).read_text("utf-8") == svg, name


def test_a_goal_that_is_not_met_says_so() -> None:
    figures = load_figures()
    lines = goal_lines(figures)
    assert len(lines) == len(list(goals(figures)))
    assert [line.startswith("NOT MET") for line in lines] == [goal.met is False for goal in goals(figures)]
    page_text = (DOCS / "accuracy.md").read_text("utf-8")
    assert page_text.count("| **no** |") == sum(goal.met is False for goal in goals(figures))
    nothing: dict[str, Any] = {"reports": {}, "library": None}
    assert {goal.met for goal in goals(nothing)} == {None}, "what was not measured is not met"


def test_a_report_page_escapes_what_it_is_told_and_marks_small_numbers() -> None:
    text = page(report())
    assert "<b>&" not in text
    assert "&lt;b&gt;&amp;" in text
    assert "a &lt; b" in text
    assert "0.15 % [0.051 %, 0.44 %] † (3 of 2000)" in text, "three errors are an order of magnitude"
    assert "10 % [7.43 %, 13.3 %] (40 of 400)" in text, "forty are a measurement"
    assert text.count("<svg") == 3


def test_a_report_as_table_has_counts_and_no_nan() -> None:
    table = as_table(report(overall=(OperatingRow("given", None, 0.5, Rate(0, 0), Rate(1, 2), Rate(1, 2)),)))
    assert table["overall"][0]["fmr"] == {"value": None, "events": 0, "trials": 0, "low": 0.0, "high": 1.0}
    assert table["overall"][0]["factor"] is None
    assert table["discards"][1]["fnmr"]["trials"] == 320


def test_plots_are_well_formed_and_place_points_where_axes_say() -> None:
    axis = percent_axis("FMR", 1e-4, 1.0)
    assert [axis.share(value) for value in (1e-4, 1e-2, 1.0)] == pytest.approx([0.0, 0.5, 1.0])
    assert axis.share(0.0) < 0, "zero is on no logarithmic axis"
    assert [words for _, words in axis.marks] == ["0.01 %", "0.1 %", "1 %", "10 %", "100 %"]
    x = Axis("x", 0.0, 2.0, [(0.0, "0"), (2.0, "2")])
    root = ElementTree.fromstring(line_plot("a <title>", x, x, [Line("one & two", [(0, 0), (1, 1), (2, 2), (3, 3)])]))
    line = next(one for one in root.iter(f"{SVG}polyline") if one.get("class") == "line")
    points = [tuple(map(float, pair.split(","))) for pair in (line.get("points") or "").split()]
    assert len(points) == 3, "a point beyond the axes is left out"
    assert points[1] == pytest.approx(((points[0][0] + points[2][0]) / 2, (points[0][1] + points[2][1]) / 2), abs=0.1)
    assert points[0][1] > points[2][1], "up is up"
    assert "one & two" in "".join(root.itertext())
    for svg in (
        det_plot("DET", [("a", [DetPoint(0.5, 1e-5, 0.2), DetPoint(0.4, 1e-2, 0.01)]), ("b", [])]),
        histogram_plot("Scores", (0.0, 0.1, 0.2), (("same", (0.0, 1.0)), ("other", (1.0, 0.0))), "score"),
        histogram_plot("Nothing", (0.0, 0.1), (("same", (0.0,)),), "score"),
    ):
        ElementTree.fromstring(svg)
        assert not re.search(r"nan|inf|script", svg)


def test_lines_are_told_apart_without_colour() -> None:
    svg = det_plot("DET", [(name, [DetPoint(0.5, 1e-3, 0.2)]) for name in "abcd"])
    dashes = re.findall(r'class="line" stroke="[^"]+" stroke-dasharray="([^"]*)"', svg)
    assert len(set(dashes)) == 4


def test_percent_has_three_digits() -> None:
    assert [percent(value) for value in (0.0, 1.0, 0.0002346, float("nan"))] == ["0 %", "100 %", "0.0235 %", "–"]
