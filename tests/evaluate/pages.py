"""Tables and plots of the pages on accuracy and fairness, made of docs/accuracy.json and of nothing else.

A page holds its own words; between `<!-- made: NAME -->` and `<!-- end -->` stands what this module makes. A test compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from egate.faces.evaluation.pages.page import det_plot
from egate.faces.evaluation.pages.plots import Axis, Line, histogram_plot, line_plot
from egate.faces.evaluation.rates import DetPoint
from tests.evaluate.goals import Figures, goals, rate_words, row_at

DOCS = Path(__file__).resolve().parents[2] / "docs"
FIGURES = DOCS / "accuracy.json"
PAGES = ("accuracy.md", "fairness.md", "thresholds.md")
PLOTS = DOCS / "pictures"
_BLOCK = re.compile(r"(<!-- made: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def load_figures() -> dict[str, Any]:
    """What was measured last."""
    figures: dict[str, Any] = json.loads(FIGURES.read_text("utf-8"))
    return figures


def made_page(text: str, figures: Figures) -> str:
    """A page with every made part made anew."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{TABLES[found[2]](figures)}\n\n{found[3]}", text)


def made_plots(figures: Figures) -> dict[str, str]:
    """The plots by file name."""
    reports = figures["reports"]
    curves = [
        (name, [DetPoint(**point) for point in reports[f"lfw-four-{engine}"]["det"]])
        for name, engine in (("SFace", "sface"), ("dlib", "dlib"), ("both fused", "fused"))
        if f"lfw-four-{engine}" in reports
    ]
    plots = {"accuracy-det.svg": det_plot("DET on LFW", curves)}
    for name in ("lfw", "london"):
        histogram = reports[f"{name}-sface"]["histogram"]
        rows = (("same person", histogram["mated"]), ("other person", histogram["non_mated"]))
        plots[f"accuracy-scores-{name}.svg"] = histogram_plot("Scores of SFace", histogram["edges"], rows, "score")
    plots["accuracy-discard.svg"] = _discard(reports["degraded-sface"]["discards"])
    return plots


def write_pages(figures: Figures) -> None:
    """Write the plots and the made parts of the pages."""
    for name, svg in made_plots(figures).items():
        (PLOTS / name).write_text(svg, "utf-8")
    for name in PAGES:
        page = DOCS / name
        page.write_text(made_page(page.read_text("utf-8"), figures), "utf-8")


def _discard(rows: Sequence[Mapping[str, Any]]) -> str:
    thresholds = list(dict.fromkeys(row["threshold"] for row in rows))
    lines = [
        Line(f"FMR {target}", [(row["discarded"], row["fnmr"]["value"]) for row in rows if row["threshold"] == threshold])
        for target, threshold in zip(("0.1 %", "0.01 %"), thresholds, strict=False)
    ]
    x = Axis("share of the poorest discarded", 0.0, 0.5, [(part / 10, f"{10 * part} %") for part in range(6)])
    y = Axis("FNMR", 0.0, 0.2, [(part / 20, f"{5 * part} %") for part in range(5)])
    return line_plot("FNMR when poor pictures are discarded", x, y, lines)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _goals(figures: Figures) -> str:
    words = {True: "yes", False: "**no**", None: "not measured"}
    return _table(("goal", "measured", "met"), [(goal.asked, goal.measured, words[goal.met]) for goal in goals(figures)])


def _sets(figures: Figures) -> str:
    rows = []
    for name, report in figures["reports"].items():
        samples = report["samples"]
        failed = samples["failure_to_acquire"]
        row = (name, report["subject"]["data_set"], str(samples["identities"]), str(samples["pictures"]))
        rows.append((*row, str(report["mated"]), str(report["non_mated"]), f"{failed['events']} of {failed['trials']}"))
    return _table(("run", "set", "people", "pictures", "mated", "non-mated", "probes without a template"), rows)


def _split(figures: Figures) -> str:
    report = figures["reports"]["lfw-sface"]
    rows = [
        (line["part"], str(line["identities"]), str(line["pictures"]), f"`{line['digest'][:16]}…`") for line in report["split"]
    ]
    return f"Seed {report['subject']['seed']}.\n\n" + _table(("part", "people", "pictures", "SHA-256 of the sorted names"), rows)


def _held_out(figures: Figures) -> str:
    rows = []
    for name in ("lfw-sface", "lfw-four-sface", "lfw-four-dlib", "lfw-four-fused"):
        for row in figures["reports"].get(name, {}).get("held_out", ()):
            factor = "–" if row["factor"] is None else f"{row['factor']:.2f}"
            cells = (f"{row['threshold']:.4f}", rate_words(row["fmr"]), factor, rate_words(row["fnmr"]))
            rows.append((name, f"{100 * row['target']:g} %", *cells))
    return _table(("run", "FMR asked", "threshold", "FMR realised", "factor", "FNMR"), rows)


def _calibrated(figures: Figures) -> str:
    rows = []
    for name, report in figures["reports"].items():
        for row in report["calibrated"]:
            asked = f"{100 * row['target']:g} %" + (" (not supported)" if "not supported" in row["basis"] else "")
            rows.append((name, asked, f"{row['threshold']:g}", rate_words(row["fmr"]), rate_words(row["fnmr"])))
    return _table(("run", "FMR asked", "threshold", "FMR", "FNMR"), rows)


def _search(figures: Figures) -> str:
    rows = []
    for name, report in figures["reports"].items():
        found = report["open_set"]
        for row in found["rates"] if found else ():
            cells = (f"{row['threshold']:.4f}", rate_words(row["fpir"]), rate_words(row["fnir"]))
            rows.append((name, str(found["enrolled"]), f"{100 * row['target']:g} %", *cells))
    return _table(("run", "enrolled", "FPIR asked", "threshold", "FPIR, other half", "FNIR"), rows)


def _library(figures: Figures) -> str:
    found = figures["library"]
    rows = [
        ("pairs for which its command line printed a distance", str(found["printed"])),
        ("largest difference from 1 − the score of our `dlib` engine", f"{found['largest_difference']:.6f}"),
        ("pairs on which `compare_faces` and our score at 0.4 agree", str(found["agreeing"])),
        ("FMR of `compare_faces` at its default 0.6", rate_words(found["false_matches"])),
        ("FNMR of `compare_faces` at its default 0.6", rate_words(found["false_non_matches"])),
    ]
    return _table(("London, neutral against smiling", "figure"), rows)


def _groups(figures: Figures) -> str:
    report = figures["reports"]["london-sface"]
    threshold = row_at(report, "calibrated", 0.001)["threshold"]
    rows = []
    for row in report["groups"]:
        if row["threshold"] == threshold and (row["fmr"]["trials"] or row["fnmr"]["trials"]):
            cells = [rate_words(rate) if rate["trials"] else "–" for rate in (row["fmr"], row["fnmr"])]
            rows.append((f"{row['label']}: {row['value']}", *cells))
    return _table(("both people of the group", "FMR at 0.45", "FNMR at 0.45"), rows)


TABLES: dict[str, Callable[[Figures], str]] = {
    "goals": _goals,
    "sets": _sets,
    "split": _split,
    "held-out": _held_out,
    "calibrated": _calibrated,
    "search": _search,
    "library": _library,
    "groups": _groups,
}
