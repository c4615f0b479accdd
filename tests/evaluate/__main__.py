"""`make evaluate`: the figures of docs/accuracy.md, measured anew from the shared data with the product's own command.

Templates are kept in a work folder (a killed run goes on); the first run takes about half an hour of one core, a later one a
minute. With `--write` the figures go to docs/accuracy.json and the tables and plots of the pages are made of them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import pytest

from egate.app.cli import main as egate
from egate.faces.evaluation.report import plain
from egate.faces.evaluation.score_file import parse_score_file
from tests.evaluate.goals import goal_lines
from tests.evaluate.library import library_figures
from tests.evaluate.pages import FIGURES, write_pages
from tests.evaluate.sets import FaceSet, degraded, lfw, lfw_four, london, london_both
from tests.shared_data import shared_path

SEED = 2026


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation: its name, the set, the engine, how the set is called, and what more is asked."""

    name: str
    make: Callable[[Path, Path], FaceSet]
    engine: str
    called: str
    options: tuple[str, ...] = ()


LFW = "LFW, developers' part, all pairs, known label errors removed"
LFW_FOUR = "LFW, first four pictures of the 1,008 people who have several, known label errors removed"
LONDON = "London, 51 people: 15 KB chip portrait of the neutral picture against the smiling live picture"
LONDON_BOTH = "London, 51 people: 15 KB chip portrait against both live pictures of everybody else"
POOR = "LFW, 1,000 people: second picture made poor at random"
SEARCH = ("--enrolled", "1500")
RUNS = (
    Run("london-sface", london, "sface", LONDON),
    Run("london-dlib", london, "dlib", LONDON),
    Run("london-fused", london, "fused", LONDON),
    Run("london-both-sface", london_both, "sface", LONDON_BOTH),
    Run("london-both-dlib", london_both, "dlib", LONDON_BOTH),
    Run("london-both-fused", london_both, "fused", LONDON_BOTH),
    Run("degraded-sface", degraded, "sface", POOR),
    Run("lfw-sface", lfw, "sface", LFW, SEARCH),
    Run("lfw-four-sface", lfw_four, "sface", LFW_FOUR),
    Run("lfw-four-dlib", lfw_four, "dlib", LFW_FOUR),
    Run("lfw-four-fused", lfw_four, "fused", LFW_FOUR),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate, print the goals, and write the pages when asked; 0 also when there is nothing to evaluate on."""
    options = _options(arguments)
    try:
        shared = shared_path("face")
    except pytest.skip.Exception as missing:
        _say(f"nothing evaluated: {missing.msg}")
        return 0
    os.umask(0o077)
    cv2.setNumThreads(1)
    place: Path = options.place
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = place / "figures.json"
    figures: dict[str, Any] = json.loads(kept.read_text("utf-8")) if kept.exists() and options.only else {"reports": {}}
    figures = {"seed": SEED, "reports": figures["reports"], "library": figures.get("library")}
    for run in RUNS:
        if options.only in run.name:
            _say(f"── {run.name}")
            figures["reports"][run.name] = evaluate(run, shared, place)
    if options.only in "library":
        _say("── face_recognition, as its users call it")
        figures["library"] = plain(library_figures(shared, place))
    figures["reports"] = {run.name: figures["reports"][run.name] for run in RUNS if run.name in figures["reports"]}
    figures["across"] = across(figures["reports"], place)
    kept.write_text(json.dumps(figures), "utf-8")
    _say("\n".join(["── goals", *goal_lines(figures)]))
    if options.write:
        os.umask(0o022)
        FIGURES.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
        write_pages(figures)
    return 0


def across(reports: dict[str, Any], place: Path) -> list[Any]:
    """What the thresholds that were set on LFW's people do on London: one kind of picture does not speak for another."""
    scores = place / "out" / "london-both-sface" / "scores.csv"
    if "lfw-sface" not in reports or not scores.exists():
        return []
    counts = parse_score_file(scores.read_bytes()).counts
    rows = [row for row in reports["lfw-sface"]["held_out"] if row["target"] in (0.001, 0.0001)]
    found = [(row["target"], counts.fmr(row["threshold"])) for row in rows]
    return [{"target": target, "factor": rate.value / target, "fmr": plain(rate)} for target, rate in found]


def evaluate(run: Run, shared: Path, place: Path) -> dict[str, Any]:
    """One run of `egate faces evaluate`; its report as written."""
    chosen = run.make(shared, place)
    out = place / "out" / run.name
    words = ["faces", "evaluate", str(chosen.folder), *chosen.options, "--engine", run.engine, "--name", run.called]
    words += ["--work", str(place / f"work-{run.engine}"), "--out", str(out), "--seed", str(SEED), *run.options]
    if egate(words) != 0:
        raise SystemExit(f"{run.name} was not evaluated")
    report: dict[str, Any] = json.loads((out / "report.json").read_text("utf-8"))
    return report


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    cache = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
    parser = argparse.ArgumentParser(prog="python -m tests.evaluate", description="Measure the figures of docs/accuracy.md.")
    parser.add_argument("--place", type=Path, default=cache / "egate" / "evaluation", help="templates, pictures and reports")
    parser.add_argument("--only", default="", help="only runs whose name contains this; the others keep the figures of last time")
    parser.add_argument("--write", action="store_true", help="write docs/accuracy.json and what is made of it")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
