"""The twin: shifts hold every rule, repeat themselves from a seed, and find a lane whose rules were broken on purpose."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from egate.app.cli import main
from egate.app.config import ConfigError
from egate.app.twin import fleet, shift
from egate.app.twin.cast.faults import PLANS
from egate.app.twin.cast.people import Kind
from egate.app.twin.shift import LaneReport, ShiftPlan, run_lane
from egate.app.twin.stage.rig import GATE_KINDS
from egate.app.twin.telling import MOST_HOURS, check_plan, encode_report, failure_lines, read_failure
from egate.lane import commands as c
from egate.lane import events as e
from egate.lane import interlock, table
from egate.lane.rules import inside
from egate.lane.table import Row
from egate.lane.turn import Turn
from egate.model.lane import Door, LanePhase

PER_HOUR = 300.0


def plan(seed: int = 1, **changes: Any) -> ShiftPlan:
    return replace(ShiftPlan(seed, 1, 0.1, "high", PER_HOUR), **changes)


def first_violation(seeds: range, **changes: Any) -> LaneReport:
    """The first seed that tells of a violation."""
    for seed in seeds:
        report = run_lane(plan(seed, **changes))
        if report.violation is not None:
            return report
    raise AssertionError(f"none of the seeds {seeds} finds it")


def break_interlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interlock, "may_unlock", lambda door, state: True)


# -- shifts that hold ---------------------------------------------------------------------------------------------------


def test_two_lanes_with_many_faults_hold_every_rule() -> None:
    """N11, I1, I2, I3, I6, I7, L2, P9, P10, P12, P13, P18: on the physical truth, after every step, with all faults."""
    report = fleet.run_shift([plan(lane=1), plan(lane=2)], lambda _report: None, processes=1)
    assert [lane.plan.gate_kind for lane in report.lanes] == ["osdp", "modbus"]
    assert [lane.violation for lane in report.lanes] == [None, None]
    assert report.crossings > 20
    assert report.through > 10
    assert sum(count for name, count in report.counts.items() if name.startswith("fault: ")) >= 2
    assert 0.5 < report.availability <= 1.0


def test_a_lane_on_a_framed_board_holds_every_rule() -> None:
    """The third kind of gate unit, whose dialect only a profile describes."""
    report = run_lane(plan(3, hours=0.05, lane=GATE_KINDS.index("framed") + 1))
    assert report.plan.gate_kind == "framed"
    assert report.violation is None
    assert report.crossings > 3


def test_every_kind_of_traveller_and_fault_can_come() -> None:
    assert sum(kind.value[1] for kind in Kind) == 1000
    assert set(PLANS["low"].kinds) == set(PLANS["high"].kinds)
    assert len(PLANS["high"].kinds) >= 16


# -- the same again -----------------------------------------------------------------------------------------------------

PROGRAM = """
from egate.app.twin.shift import ShiftPlan, run_lane
print(run_lane(ShiftPlan(seed=2, lane=1, hours=0.03, faults="high", travellers_per_hour=300.0)).digest)
"""


def test_a_seed_gives_the_same_steps_in_any_process() -> None:
    """The hash over all steps and their times is the same here and in a process that orders its sets otherwise."""
    here = run_lane(plan(2, hours=0.03))
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    root = Path(__file__).parents[3]
    there = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=environment, cwd=root, timeout=60
    )
    assert there.stdout.strip() == here.digest
    assert run_lane(plan(3, hours=0.03)).digest != here.digest


def test_leaving_out_samples_that_change_nothing_changes_no_story() -> None:
    """What the quiet wire leaves out is provably nothing: with every sample taken, the same people meet the same ends."""
    few, all_ = (run_lane(plan(5, hours=0.04, faults="none", quiet=quiet)) for quiet in (True, False))
    assert few.skipped_samples > 1_000
    assert all_.skipped_samples == 0
    assert few.counts == all_.counts
    assert few.crossings == all_.crossings
    assert (few.violation, all_.violation) == (None, None)


# -- lanes that were broken on purpose ----------------------------------------------------------------------------------


def test_an_interlock_that_always_agrees_is_told_as_seed_and_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """I1. The report tells seed and step in words, and `egate replay --twin` plays it to that very step."""
    break_interlock(monkeypatch)
    report = first_violation(range(1, 6))
    violation = report.violation
    assert violation is not None
    assert violation.rule == "interlock"
    told = "\n".join(failure_lines(report))
    assert f"seed {report.plan.seed}, lane 1, step {violation.step}" in told
    assert "VIOLATION" in violation.story[-1]
    assert len(violation.story) < 100
    again = run_lane(report.plan, violation.step)
    assert (again.violation, again.digest) == (violation, report.digest)
    file = tmp_path / "shift.json"
    file.write_text(encode_report(fleet.ShiftReport((report,))))
    assert main(["replay", "--twin", str(file)]) == 1
    assert f"step {violation.step}" in capsys.readouterr().out


def open_without_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit is opened as soon as the face matched, whatever the disk does."""
    before = inside.take_exit_decision

    def take(turn: Turn, event: e.Decided) -> None:
        before(turn, event)
        if turn.state.phase is LanePhase.RECORDING:
            turn.give(Door.EXIT)
            turn.open_door(Door.EXIT, LanePhase.EXIT_OPEN, turn.settings.exit_open_s)

    row = table.TABLE[LanePhase.CAPTURE][e.Decided]
    rows = cast(dict[type[e.Event], Row], table.TABLE[LanePhase.CAPTURE])
    monkeypatch.setitem(rows, e.Decided, replace(row, rule=take))
    monkeypatch.setattr(shift, "SLOW_SHARE", 0.3)  # a disk that is often slow, so that the story is short


def say_nothing_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turn, "refer_tailgating", lambda turn: None)


def never_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turn, "call", lambda turn, alarm: None)


def ask_for_long_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Turn.unlock

    def unlock(turn: Turn, door: Door, offered_s: float) -> bool:
        opened = before(turn, door, offered_s)
        if opened and isinstance(turn.commands[-1], c.Unlock):
            turn.commands[-1] = c.Unlock(door, 20.0, turn.commands[-1].number)
        return opened

    monkeypatch.setattr(Turn, "unlock", unlock)


def admit_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was referred at the face gets a right to the exit without anybody's act."""
    before = Turn.refer

    def refer(turn: Turn, alarm: object, check: object) -> None:
        before(turn, alarm, check)  # type: ignore[arg-type]  # passed on as they came
        turn.give(Door.EXIT)

    monkeypatch.setattr(Turn, "refer", refer)


def stay_closed_after_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turn, "rest", lambda turn: None)


MUTANTS: list[tuple[Callable[[pytest.MonkeyPatch], None], set[str], str]] = [
    (open_without_record, {"record"}, "none"),
    (say_nothing_of_a_second, {"second person", "exit"}, "none"),
    (never_call, {"second person", "locked in"}, "none"),
    (ask_for_long_leases, {"lease"}, "none"),
    (admit_everybody, {"record", "referred", "exit"}, "none"),
    (stay_closed_after_a_loss, {"deadlock", "once", "record"}, "none"),
]


@pytest.mark.parametrize(("mutant", "rules", "faults"), MUTANTS, ids=[entry[0].__name__ for entry in MUTANTS])
def test_a_broken_lane_is_found(
    mutant: Callable[[pytest.MonkeyPatch], None], rules: set[str], faults: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I3, P10, P12, P13, P18: each rule of the judge is one that something breaks."""
    mutant(monkeypatch)
    report = first_violation(range(1, 9), hours=0.15, faults=faults)
    assert report.violation is not None
    assert report.violation.rule in rules


# -- the command --------------------------------------------------------------------------------------------------------


def test_the_command_tells_a_shift(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`egate simulate`: text for people, JSON for programs, and a way to see what happened before a step."""
    arguments = ["simulate", "--hours", "0.02", "--faults", "none", "--travellers-per-hour", "300", "--processes", "1"]
    report = tmp_path / "shift.json"
    assert main([*arguments, "--lanes", "2", "--report", str(report)]) == 0
    out = capsys.readouterr().out
    assert "lane 1 (osdp)" in out
    assert "2 lanes" in out
    with pytest.raises(ConfigError, match="no violation"):
        read_failure(report)
    assert main([*arguments, "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["lanes"][0]["digest"] == json.loads(report.read_text())["lanes"][0]["digest"]
    assert main([*arguments, "--lane", "1", "--until", "20"]) == 0
    assert "20 steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes",
    [
        {"hours": 0.0},
        {"hours": float("nan")},
        {"hours": MOST_HOURS + 1},
        {"lane": 0},
        {"travellers_per_hour": -1.0},
        {"gate": "x"},
    ],
)
def test_absurd_numbers_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        check_plan(plan(**changes))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "lanes": [{"violation": {"step": "x"}, "plan": 3}]}'])
def test_a_file_that_is_no_report_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(text)
    with pytest.raises(ConfigError):
        read_failure(file)


def test_replay_without_anything_to_replay_is_refused() -> None:
    assert main(["replay"]) == 2


# -- long ---------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_day_of_four_lanes() -> None:
    """N11: 24 hours with 10,000 crossings, faults of every device, available for 99.9 % of the time, no rule broken."""
    report = fleet.run_shift(
        [plan(1, lane=number, hours=24.0, faults="low", travellers_per_hour=110.0) for number in range(1, 5)], print
    )
    assert report.broken == ()
    assert report.crossings >= 10_000
    assert report.availability >= 0.999


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_kills() -> None:
    """I7: the controller is killed a thousand times at random; no rule breaks, and the lane serves after each."""
    report = fleet.run_shift([plan(7, lane=number, hours=2.6, faults="kills") for number in (1, 2)], lambda _report: None)
    assert report.broken == ()
    assert report.counts["fault: the controller is killed"] >= 1_000
