"""The report of an evaluation as one HTML file that needs nothing else, and its plots as files of their own.

Every figure stands with its counts and its interval; what rests on fewer than 30 errors says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from egate.faces.evaluation.pages.plots import Axis, Line, histogram_plot, line_plot, percent_axis
from egate.faces.evaluation.rates import DetPoint, Rate
from egate.faces.evaluation.report import OperatingRow, Report

_CSS = (
    "body{font:15px/1.5 sans-serif;color:#222;background:#fff;max-width:62rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{border:1px solid #bbb;padding:.25rem .6rem;text-align:right}"
    "th:first-child,td:first-child{text-align:left}th{background:#f3f3f3}caption{text-align:left;font-weight:bold}"
    "svg{max-width:100%;height:auto}@media print{body{margin:0;max-width:none}table,svg{break-inside:avoid}}"
)

_MEANING = (
    "FMR: share of comparisons of different people that match falsely. FNMR: share of comparisons of one person that are missed. "
    "In brackets Wilson's 95 % interval. A dagger marks a rate with fewer than 30 errors: an order of magnitude, no measurement."
)


def page(report: Report) -> str:
    """The whole page."""
    subject = report.subject
    title = f"{subject.engine} on {subject.data_set}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(_MEANING)}</p>",
        _about(report),
        _operating("Thresholds set on this set itself", report.overall),
        _operating("Thresholds set on people kept for calibration, errors of people kept for the report", report.held_out),
        _operating("Thresholds of the engine's calibration, as they are", report.calibrated),
        *(f"<h2>{escape(name)}</h2>{svg}" for name, svg in plots(report).items()),
        _groups(report),
        _discards(report),
        _open_set(report),
        "<h2>Notes</h2><ul>" + "".join(f"<li>{escape(note)}</li>" for note in report.notes) + "</ul>",
    ]
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{_CSS}</style></head>'
    )
    return f"{head}<body>{''.join(parts)}</body></html>\n"


def plots(report: Report) -> dict[str, str]:
    """The plots of a report by their titles, as SVG."""
    histogram = report.histogram
    rows = (("same person", histogram.mated), ("other person", histogram.non_mated))
    return {
        "Scores": histogram_plot("Scores", histogram.edges, rows, "score"),
        "DET": det_plot("DET", [(report.subject.engine, report.det)]),
        "Errors when poor pictures are discarded": _discard_plot(report),
    }


def det_plot(title: str, curves: Sequence[tuple[str, Sequence[DetPoint]]]) -> str:
    """One or several DET curves: FNMR over FMR, both logarithmic."""
    lines = [Line(label, [(point.fmr, point.fnmr) for point in points]) for label, points in curves]
    lowest = min((point.fmr for _, points in curves for point in points if point.fmr > 0), default=1e-4)
    floor = 10.0 ** math.floor(math.log10(lowest))
    return line_plot(title, percent_axis("FMR", min(floor, 0.1), 1.0), percent_axis("FNMR", 1e-3, 1.0), lines)


def percent(value: float) -> str:
    """A share in percent with three digits, or a dash."""
    return "–" if math.isnan(value) else f"{100 * value:.3g} %"


def with_interval(rate: Rate) -> str:
    """A rate, its interval, and a dagger where fewer than 30 errors stand behind it."""
    if not rate.trials:
        return "–"
    dagger = "" if rate.events >= 30 else " †"
    return f"{percent(rate.value)} [{percent(rate.low)}, {percent(rate.high)}]{dagger}"


def _about(report: Report) -> str:
    subject, samples = report.subject, report.samples
    rows = [
        ("engine", f"{subject.engine} ({subject.model_id})"),
        ("calibration", subject.calibration),
        ("set", subject.data_set),
        ("made on", f"{subject.made_on} by {subject.program}"),
        ("pictures, people", f"{samples.pictures}, {samples.identities}"),
        ("comparisons of one person, of different people", f"{report.mated}, {report.non_mated}"),
        ("failure to enrol", f"{with_interval(samples.failure_to_enrol)}, {samples.failure_to_enrol.events} pictures"),
        ("failure to acquire", f"{with_interval(samples.failure_to_acquire)}, {samples.failure_to_acquire.events} pictures"),
        ("pictures without a face, unreadable", f"{samples.without_face}, {samples.unreadable}"),
        ("equal error rate", f"{percent(report.equal_error.fnmr)} at {report.equal_error.threshold:.4f}"),
        ("seed of the split", str(subject.seed)),
    ]
    rows += [
        (f"people to {line.part.value}", f"{line.identities} with {line.pictures} pictures, SHA-256 {line.digest[:16]}…")
        for line in report.split
    ]
    body = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{body}</table>"


def _operating(caption: str, rows: Sequence[OperatingRow]) -> str:
    if not rows:
        return ""
    table = [
        (
            "–" if row.target is None else percent(row.target),
            f"{row.threshold:.4f}",
            f"{with_interval(row.fmr)} ({row.fmr.events} of {row.fmr.trials})",
            "–" if row.factor is None else f"{row.factor:.2f}",
            f"{with_interval(row.fnmr)} ({row.fnmr.events} of {row.fnmr.trials})",
            percent(row.fnmr_with_failures.value),
        )
        for row in rows
    ]
    return _table(caption, ("FMR asked", "threshold", "FMR", "factor", "FNMR", "FNMR with failures"), table)


def _groups(report: Report) -> str:
    rows = [
        (
            f"{one.label}: {one.value}",
            f"{one.threshold:.3f}",
            f"{with_interval(one.fmr)} ({one.fmr.events} of {one.fmr.trials})",
            f"{with_interval(one.fnmr)} ({one.fnmr.events} of {one.fnmr.trials})",
        )
        for one in report.groups
        if one.fmr.trials or one.fnmr.trials
    ]
    return _table("By group, both people of the group", ("group", "threshold", "FMR", "FNMR"), rows) if rows else ""


def _discards(report: Report) -> str:
    rows = [
        (f"{one.threshold:.4f}", percent(one.discarded), f"{with_interval(one.fnmr)} ({one.fnmr.events} of {one.fnmr.trials})")
        for one in report.discards
    ]
    return _table("Poorest pictures discarded", ("threshold", "discarded", "FNMR"), rows) if rows else ""


def _open_set(report: Report) -> str:
    if report.open_set is None:
        return ""
    rows = [
        (percent(one.target), f"{one.threshold:.4f}", with_interval(one.fpir), with_interval(one.fnir))
        for one in report.open_set.rates
    ]
    caption = (
        f"Open-set search among {report.open_set.enrolled} people; right at rank 1: {with_interval(report.open_set.first_rank)}"
    )
    return _table(caption, ("FPIR asked", "threshold", "FPIR", "FNIR"), rows)


def _discard_plot(report: Report) -> str:
    thresholds = dict.fromkeys(one.threshold for one in report.discards)
    lines = [
        Line(f"threshold {threshold:.3f}", [(r.discarded, r.fnmr.value) for r in report.discards if r.threshold == threshold])
        for threshold in thresholds
    ]
    top = max((one.fnmr.value for one in report.discards if one.fnmr.trials), default=0.0) or 0.01
    x = Axis("share discarded", 0.0, 0.5, [(part / 10, f"{10 * part} %") for part in range(6)])
    y = Axis("FNMR", 0.0, top, [(top * part / 4, percent(top * part / 4)) for part in range(5)])
    return line_plot("FNMR by share discarded", x, y, lines)


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><tr>{head}</tr>{body}</table>"
