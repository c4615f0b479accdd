"""`make bench`: measures, and prints each figure beside a peer or a limit of the same run as a ratio.

Every module `bench_*` offers `rows()`. A figure alone says nothing on a shared machine; the ratio is what counts. With
`--markdown PATH` the same rows are written as the page docs/benchmarks.md, the goals first. The clock is asked for no date: one
that should stand in the page is given.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.page import page
from tests.bench.row import BenchRow

PAGE = Path("docs/benchmarks.md")


def modules(wanted: str) -> list[str]:
    """The names of all benchmark modules that contain `wanted`."""
    return sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py") if wanted in path.stem)


def line(row: BenchRow) -> str:
    """One row of the report."""
    ratio = row.value / row.yardstick if row.yardstick else float("nan")
    return f"{row.name:<58} {row.value:>10.4g} {row.unit:<6} {ratio:>8.3f} × {row.yardstick:.4g} {row.unit} ({row.against})"


def measure(names: Sequence[str]) -> tuple[dict[str, tuple[BenchRow, ...]], int]:
    """Run the modules, print their rows as they come, and return them with the number of modules that failed."""
    measured: dict[str, tuple[BenchRow, ...]] = {}
    failed = 0
    for name in names:
        print(f"── {name.removeprefix('bench_')}")
        try:
            measured[name] = tuple(importlib.import_module(f"tests.bench.{name}").rows())
        except Exception as error:
            failed += 1
            print(f"  not measured: {type(error).__name__}: {error}")
        for row in measured.get(name, ()):
            print("  " + line(row), flush=True)
    return measured, failed


def main(words: Sequence[str]) -> int:
    """Measure what the words choose, and write the page where they say so."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure against peers and limits.")
    parser.add_argument("part", nargs="?", default="", help="only the modules whose name contains this")
    parser.add_argument(
        "--markdown", nargs="?", const=PAGE, type=Path, metavar="PATH", help=f"write the page too (default: {PAGE})"
    )
    parser.add_argument("--date", default="", help="the day to write into the page")
    chosen = parser.parse_args(words)
    if chosen.markdown and chosen.part:
        parser.error("a page is written of all parts or not at all")
    measured, failed = measure(modules(chosen.part))
    if chosen.markdown:
        chosen.markdown.write_text(page(measured, chosen.date))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
