"""`make bench`: measures, and prints each figure beside a peer or a limit of the same run as a ratio.

Every module `bench_*` offers `rows()`. A figure alone says nothing on a shared machine; the ratio is what counts.
"""

from __future__ import annotations

import importlib
import platform
import sys
from pathlib import Path

from tests.bench.row import BenchRow


def modules() -> list[str]:
    """The names of all benchmark modules; an argument chooses those that contain it."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    return sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py") if wanted in path.stem)


def line(row: BenchRow) -> str:
    """One row of the report."""
    ratio = row.value / row.yardstick if row.yardstick else float("nan")
    return f"{row.name:<58} {row.value:>10.4g} {row.unit:<6} {ratio:>8.3f} × {row.yardstick:.4g} {row.unit} ({row.against})"


def main() -> int:
    """Run every module and print its rows as they come."""
    print(f"{platform.machine()}, Python {platform.python_version()}; value, and its ratio to a peer or limit\n")
    failed = 0
    for name in modules():
        print(f"── {name.removeprefix('bench_')}")
        try:
            for row in importlib.import_module(f"tests.bench.{name}").rows():
                print("  " + line(row), flush=True)
        except Exception as error:
            failed += 1
            print(f"  not measured: {type(error).__name__}: {error}")
    return 1 if failed else 0


raise SystemExit(main())
