"""A second opinion about the lane: Spin searches the shipping table in a world that was written for it (I13).

Our walk and our world could share a mistake; Spin's search and `interlock.pml` share nothing with them but the lane. It sees
the man-trap as it ships by default; the other topologies, contacts and pipelined reading are the walk's alone. Needs Spin and a C
compiler (Debian: spin, gcc).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.peers.lane_table import table
from tests.unit.lane.test_mutants import MUTANTS

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.skipif(not (shutil.which("spin") and shutil.which("gcc")), reason="needs Spin and gcc (Debian: spin, gcc)"),
]

MODEL = Path(__file__).with_name("interlock.pml")
LEAST_STATES = 150_000
"""What the model had when it was written, less a little: a world that lost a way to move would prove less."""

NOTICED = (
    "the interlock says yes to everything",
    "the interlock forgets fresh evidence",
    "the interlock forgets the other door",
    "evidence never goes stale",
    "the exit opens before the record",
    "rights are never taken away",
    "any record is taken for a clearance",
)
"""Some of the mutants of the walk; each takes seconds here, and one for each assertion is enough."""


def searched(folder: Path) -> str:
    """What Spin's verifier reports about the lane as it is now."""
    (folder / "lane_table.h").write_text(table())
    shutil.copy(MODEL, folder)
    for command in (["spin", "-a", MODEL.name], ["gcc", "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c"], ["./pan", "-m2000000"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def errors(report: str) -> int:
    """How many errors the verifier counted."""
    found = re.search(r"errors: (\d+)", report)
    assert found is not None, report
    return int(found[1])


def test_spin_finds_nothing_in_the_shipping_lane(tmp_path: Path) -> None:
    """I1, I2, I13 (S1, S2, S4): every assertion holds in every state, and the search came to its end."""
    report = searched(tmp_path)
    assert errors(report) == 0, report
    assert "Search not completed" not in report
    assert "max search depth too small" not in report
    stored = re.search(r"(\d+) states, stored", report)
    assert stored is not None
    assert int(stored[1]) >= LEAST_STATES


@pytest.mark.parametrize("name", NOTICED)
def test_spin_notices_a_deleted_rule(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I13: the naive interlock, the one without fresh evidence, and others."""
    next(mutant for mutant in MUTANTS if mutant.name == name).apply(monkeypatch)
    report = searched(tmp_path)
    assert errors(report) == 1, report
    assert "assertion violated" in report
