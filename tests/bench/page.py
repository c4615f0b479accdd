"""The benchmarks as a page: the machine, the goals and whether they are met, then every row beside its yardstick.

Rule: the page is made of the rows and of nothing else; a goal whose row is missing says so.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.goals import GOALS, Goal
from tests.bench.row import BenchRow

Measured = Mapping[str, Sequence[BenchRow]]

TITLES = {
    "bench_mrtd": "Reading a chip",
    "bench_inspection": "A whole inspection",
    "bench_pki": "Passive authentication and trust",
    "bench_supply": "The supply of trust",
    "bench_content": "What is in the files",
    "bench_optics": "Reading a page",
    "bench_drivers": "Wires",
    "bench_osdp": "OSDP beside libosdp",
    "bench_links": "Cut, noisy, slow and unplugged lines",
    "bench_passage": "Between two devices",
    "bench_lane": "The lane",
    "bench_twin": "Simulated shifts",
    "bench_faces": "Faces",
    "bench_capture": "Capturing a face",
    "bench_face_search": "One face among many",
    "bench_record": "The record",
    "bench_inspection_record": "The record of an inspection",
    "bench_ui": "Screens",
}
"""The groups in the order of the page; a module that is not named here comes last under its own name."""

_HEAD = """# Benchmarks

Made by `.venv/bin/python -m tests.bench --markdown`, which measures every row anew and writes this page; `make bench` prints the
same rows.

**How to read it.** Each row stands beside a yardstick: a peer that does the same work in the same run, a floor that nobody can
get below, or a limit; what was measured earlier, or by somebody else, says so. The ratio is value ÷ yardstick: below 1 is faster
than the peer or within the limit, and against a floor it is how many times the floor we need. On a shared machine the ratio
counts and the figure alone says little; figures are medians unless the row says otherwise. One row may stand here several times
with different yardsticks. No test asserts a time: a slow machine fails nothing, and a figure that gets worse shows here.

**Seconds of a reading are counted, not waited for:** bytes at nine bits each in frames of 256 with header and CRC, 10 ms of
thought for each APDU, whatever it asks, and this program's own measured time. Not in them: activation of the chip, its requests
for more time, the frames that acknowledge chained ones, and the cable between reader and computer.
"""


def page(measured: Measured, day: str = "") -> str:
    """The whole page; `day` is written down when it is given."""
    return "\n".join([_HEAD, *_machine(day), "", *_goals(measured), *_groups(measured), ""])


def _machine(day: str) -> list[str]:
    try:
        described = Path("/proc/cpuinfo").read_text()
    except OSError:
        described = ""
    model = next((line.split(":", 1)[1].strip() for line in described.splitlines() if line.startswith("model name")), "")
    parts = [f"{os.cpu_count()} cores", platform.machine(), model, f"Python {platform.python_version()}", platform.system()]
    measured = f"Measured {day}" if day else "Measured"
    return [f"{measured} on {', '.join(part for part in parts if part)}."]


def _goals(measured: Measured) -> list[str]:
    rows = [row for rows in measured.values() for row in rows]
    lines = ["## Goals", "", "| goal | at most | measured | |", "|---|---:|---:|---|"]
    return [*lines, *(_goal(goal, goal.measured(rows)) for goal in GOALS)]


def _goal(goal: Goal, row: BenchRow | None) -> str:
    if row is None:
        return f"| {goal.words} | {_number(goal.most or 0)} | – | **not measured** |"
    most = row.yardstick if goal.most is None else goal.most
    limit = f"{_number(most)} {row.unit}" + (f" ({row.against})" if goal.most is None else "")
    met = "met" if row.value <= most else "**not met**"
    return f"| {goal.words} | {limit} | {_number(row.value)} {row.unit} | {met} |"


def _groups(measured: Measured) -> list[str]:
    names = [name for name in TITLES if name in measured] + [name for name in measured if name not in TITLES]
    return [line for name in names for line in _group(name, measured[name])]


def _group(name: str, rows: Sequence[BenchRow]) -> list[str]:
    title = TITLES.get(name, name.removeprefix("bench_").replace("_", " ").capitalize())
    source = f"[`tests/bench/{name}.py`](../tests/bench/{name}.py)"
    head = ["", f"## {title}", "", f"Source: {source}", "", "| what | value | against | yardstick | ratio |"]
    return [*head, "|---|---:|---|---:|---:|", *(_row(row) for row in rows)]


def _row(row: BenchRow) -> str:
    ratio = f"{row.value / row.yardstick:.3g}" if row.yardstick else "–"
    name, against = (text.replace("|", "\\|") for text in (row.name, row.against))
    return f"| {name} | {_number(row.value)} {row.unit} | {against} | {_number(row.yardstick)} {row.unit} | {ratio} |"


def _number(value: float) -> str:
    """Three figures, but counts whole."""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"
