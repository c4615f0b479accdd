"""`make fuzz`: runs each target under atheris in a process of its own; a crash names the target and keeps the input.

    python -m tests.fuzz [TARGET …] [--runs N] [--seconds N]

A target that raises anything but the expected errors, hangs for ten seconds on one input or takes more than 2 GB ends red.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

HANG_S, MEMORY_MB = 10, 2048
LONGEST_BYTES = 16_384
"""Longer than the files of an issued passport; a seed that is cut is one that its parser refuses at once."""


def main() -> int:
    """Fuzz the targets that were named, all of them otherwise."""
    from tests.fuzz.targets import targets

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="TARGET")
    parser.add_argument("--runs", type=int, default=30_000, help="inputs a target")
    parser.add_argument("--seconds", type=int, default=600, help="at most so long a target")
    given = parser.parse_args()
    known = targets()
    unknown = [name for name in given.names if name not in known]
    if unknown:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(known)}")
    failed = [name for name in given.names or known if not _fuzz(name, known[name].seeds, given.runs, given.seconds)]
    print(f"{len(given.names or known)} targets of {given.runs} inputs each, {len(failed)} failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def _fuzz(name: str, seeds: tuple[bytes, ...], runs: int, seconds: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="egate-fuzz-") as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, seed in enumerate(seeds):
            (corpus / f"seed-{number}").write_bytes(seed[:LONGEST_BYTES])
        command = [
            *(sys.executable, "-m", "tests.fuzz.child", name, str(corpus)),
            *(f"-runs={runs}", f"-max_total_time={seconds}", f"-timeout={HANG_S}", f"-rss_limit_mb={MEMORY_MB}"),
            *(f"-max_len={LONGEST_BYTES}", "-print_final_stats=1", f"-artifact_prefix=fuzz-{name}-", "-seed=20261124"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    passed = done.returncode == 0
    executed = next((line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line), "?")
    covered = next((line for line in reversed(done.stderr.splitlines()) if " cov: " in line), "")
    print(f"{'passed' if passed else 'FAILED':7} {name:22} {executed:>8} inputs  {covered.strip()[:60]}", flush=True)
    if not passed:
        print(done.stdout[-2000:] + done.stderr[-3000:], flush=True)
    return passed


if __name__ == "__main__":
    raise SystemExit(main())
