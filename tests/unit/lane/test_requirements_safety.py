"""The safety properties S1 to S9 one by one (FACTS-gate §5.2), and what the interlock requirements ask beyond stories.

The walk stops at the first property that breaks, and one deleted rule often breaks several. Here it looks for one property only,
so that each is shown to notice by itself.
"""

from __future__ import annotations

import ast
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from egate.lane import events as e
from egate.lane import machine
from egate.lane.rules import referral
from egate.lane.settings import LaneSettings, SettingsError
from egate.lane.state import LaneState
from egate.lane.turn import Turn
from egate.model.lane import DoorState, LanePhase, OfficerAction
from tests.unit.lane.lane_bench import Bench
from tests.unit.lane.test_mutants import ALARM, CLEARING, LATE, MUTANTS, SMALL, _row
from tests.unit.lane.walk import QUICK, Walk, cannot_rest
from tests.unit.lane.walk_world import Scope

ROOT = Path(__file__).resolve().parents[3]
ALONE = (
    ("S1", "the interlock forgets the other door", SMALL),
    ("S2", "the interlock forgets the count", CLEARING),
    ("S3", "rights are never taken away", LATE),
    ("S4", "the interlock forgets fresh evidence", SMALL),
    ("S5", "no proof after an emergency", ALARM),
    ("S6", "a lease has no end", SMALL),
    ("S7", "a referral opens the exit", LATE),
)
"""A property, the mutant that breaks it, the world that shows it."""


@pytest.mark.parametrize(("name", "deleted", "scope"), ALONE, ids=[entry[0] for entry in ALONE])
def test_each_property_notices_by_itself(name: str, deleted: str, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """S1, S2, S3, S4, S5, S6, S7: none of them leans on another."""
    next(mutant for mutant in MUTANTS if mutant.name == deleted).apply(monkeypatch)
    walk = Walk(scope, settings=replace(QUICK), limit=120_000, only=name).run()
    assert name in walk.violation.split()


def test_without_the_way_back_somebody_stays_locked_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """S8: the search for a way to IDLE sees it when officers cannot release to the entry."""
    scope = Scope(flying=0, persons=1, crash=False, emergency=False, late_work=False, late_reports=False)
    assert cannot_rest(Walk(scope).run(keep_edges=True), forbidden="out through exit") == []

    def refuse(turn: Turn, event: e.OfficerWished) -> None:
        if event.action is not OfficerAction.RELEASE_TO_ENTRY:
            referral.officer_asks(turn, event)

    _row(monkeypatch, LanePhase.REFERRED, e.OfficerWished, refuse)
    stuck = Walk(scope).run(keep_edges=True)
    assert cannot_rest(stuck, forbidden="out through exit") != []


@pytest.mark.timeout(300)  # three walks; on a machine that others use as well, coverage makes two minutes of them
def test_a_crash_is_survived_because_the_doors_are_proved_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """S9, I7: a controller that believes at its start that both doors are locked is right, until the start follows a crash."""
    quiet = replace(SMALL, crash=False)
    assert Walk(replace(SMALL, crash=True, officers=()), settings=replace(QUICK), limit=20_000).run().violation == ""
    trusting = LaneState(phase=LanePhase.IDLE, entry=DoorState.LOCKED, exit=DoorState.LOCKED, evidence=0)
    monkeypatch.setattr(machine, "initial", lambda _settings: trusting)
    assert Walk(quiet, settings=replace(QUICK), limit=120_000, only="S1").run().violation == ""
    walk = Walk(replace(quiet, crash=True), settings=replace(QUICK), limit=120_000, only="S1").run()
    assert "S1" in walk.violation
    assert "crash and restart" in walk.trace


def test_no_lease_is_longer_than_ten_seconds() -> None:
    """I3: the number itself, whatever table of ranges the settings come with."""
    assert LaneSettings(lease_s=10.0, entry_open_s=10.0, closing_s=30.0).lease_s == 10.0
    with pytest.raises(SettingsError, match="lease_s"):
        LaneSettings(lease_s=10.1, entry_open_s=11.0, exit_open_s=11.0, closing_s=30.0)


def test_an_emergency_is_followed_in_the_step_that_hears_of_it() -> None:
    """I5: no further report, timer or answer is waited for, in any phase that a lane can be in with somebody inside."""
    bench = Bench().to_exit_open()
    bench.report(emergency=True)
    assert bench.at(LanePhase.EMERGENCY)


def test_the_lane_has_no_clock() -> None:
    """I12: it counts ticks of timers that the controller sets; no module of it can ask what time it is."""
    for path in sorted((ROOT / "egate/lane").rglob("*.py")):
        names = {
            alias.name if isinstance(node, ast.Import) else str(node.module)
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert {name.split(".")[0] for name in names} & {"time", "datetime", "asyncio", "os", "random", "secrets"} == set(), path


def test_wall_clocks_are_banned_but_in_one_file() -> None:
    """I12: leases, limits and timers are counted on the clock that nobody sets; the linter refuses every other."""
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    banned = set(lint["flake8-tidy-imports"]["banned-api"])
    assert banned >= {"time.time", "time.time_ns", "time.monotonic", "time.sleep", "datetime.datetime.now", "asyncio.sleep"}
    product = [name for name, codes in lint["per-file-ignores"].items() if "TID251" in codes and not name.startswith("tests")]
    assert product == ["egate/app/clock.py"]
