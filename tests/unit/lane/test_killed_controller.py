"""Kill -9 at any moment: the doors lock by themselves, never both are unlocked, the lane comes back (N6, I7, S9)."""

from __future__ import annotations

from pathlib import Path

import pytest

from egate.model.lane import LanePhase
from tests.unit.drivers.wires import run
from tests.unit.lane.killed_lane import Killed, kill_many

GATES = 5
"""Gates that are killed side by side; most of a lane's life is waiting for somebody to walk."""


def _is_safe(killed: Killed) -> None:
    assert not killed.both_unlocked
    assert killed.interlock_refusals == 0, "the hard-wired interlock had to say no"
    assert killed.released_after_lease == 0
    assert killed.occupied_in_service == 0, "an occupied lane took the next traveller"
    assert set(killed.phases) <= {phase.value for phase in LanePhase}


def test_a_killed_lane_leaves_safe_doors_and_starts_again(tmp_path: Path) -> None:
    """I7, S9: each start proves both doors again, whatever its predecessor left open."""
    killed = run(kill_many(tmp_path, 10, seed=4, gates=2), within_s=60)
    _is_safe(killed)
    assert len(killed.back_s) == 8
    assert killed.starts_cut == 2


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_a_thousand_kills(tmp_path: Path) -> None:
    """N6: a thousand seeded instants; doors move at nearly all of them."""
    killed = run(kill_many(tmp_path, 1000, seed=1, gates=GATES), within_s=5000)
    _is_safe(killed)
    assert killed.leases_watched > 100
    assert killed.starts_cut >= 190
    assert killed.occupied > 100
    assert len(set(killed.phases)) >= 5
