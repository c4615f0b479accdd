"""The table is complete, and the documentation is drawn from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from egate.checks.catalogue import ending
from egate.lane import events as e
from egate.lane.commands import RecordCrossing
from egate.lane.diagram import blocks
from egate.lane.modes import MODES
from egate.lane.settings import RANGES, LaneSettings
from egate.lane.table import EVENT_KINDS, IGNORED, TABLE
from egate.model.checks import Check, CheckName
from egate.model.lane import STANDING_ALARMS, Alarm, Degradation, Door, DoorState, LanePhase, OfficerAction, Topology
from tests.unit.lane.lane_bench import ADMIT_ENTRY, ADMIT_EXIT, reach

ROOT = Path(__file__).resolve().parents[3]


def test_the_kinds_of_events_are_all_there_are() -> None:
    assert set(EVENT_KINDS) == set(get_args(e.Event))


@pytest.mark.parametrize("phase", list(LanePhase))
def test_every_pair_is_answered_or_ignored_on_purpose(phase: LanePhase) -> None:
    answered, ignored = set(TABLE[phase]), set(IGNORED[phase])
    assert answered & ignored == set()
    assert answered | ignored | {e.GateLost} == set(EVENT_KINDS), "GateLost is an override"


@pytest.mark.parametrize("phase", list(LanePhase))
def test_ignored_events_change_nothing(phase: LanePhase) -> None:
    bench = reach(phase)
    samples: dict[type[e.Event], list[e.Event]] = {
        e.DocumentPresented: [e.DocumentPresented()],
        e.TokenPresented: [e.TokenPresented()],
        e.DocumentRemoved: [e.DocumentRemoved(bench.state.passage)],
        e.Decided: [e.Decided(bench.state.passage, ADMIT_ENTRY), e.Decided(bench.state.passage, ADMIT_EXIT)],
        e.HelpWished: [e.HelpWished()],
        e.TimerExpired: [e.TimerExpired(bench.state.timer)],
    }
    before = bench.state
    for kind in IGNORED[phase]:
        for event in samples[kind]:
            assert bench.tell(event) == ()
            assert bench.state == before


@pytest.mark.parametrize("phase", list(LanePhase))
def test_stale_answers_and_timers_change_nothing(phase: LanePhase) -> None:
    """P13: what belongs to another passage, another record or an older timer is not heard."""
    bench = reach(phase)
    before, other = bench.state, bench.state.passage + 7
    stale: list[e.Event] = [e.TimerExpired(before.timer - 1), e.DocumentRemoved(other)]
    stale += [e.Decided(other, ADMIT_ENTRY), e.Decided(other, ADMIT_EXIT)]
    stale += [e.Recorded(other, 1), e.NotRecorded(other, 1), e.Recorded(before.passage, before.records + 5)]
    for event in stale:
        assert bench.tell(event) == ()
        assert bench.state == before


def test_the_documented_diagram_is_drawn_from_the_table() -> None:
    """One diagram for each topology."""
    page = (ROOT / "docs/lane.md").read_text()
    assert blocks() in page
    assert blocks().count("stateDiagram-v2") == page.count("```mermaid") == len(Topology)


def test_the_module_prints_the_diagram() -> None:
    command = [sys.executable, "-m", "egate.lane.diagram"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert printed == blocks()


def test_every_code_that_the_lane_gives_is_in_the_catalogue() -> None:
    """The lane may not import the checks; here both meet. The result of a code is the catalogue's."""
    checks = {check for phase in LanePhase for check in _own_findings(phase)}
    assert len(checks) > 10
    for check in checks:
        assert ending(check.name, check.code).result is check.result
        assert f"`{check.code}`" in (ROOT / "docs/lane.md").read_text()


def _own_findings(phase: LanePhase) -> list[Check]:
    """What the lane records by itself when a story in this phase is broken off in every way."""
    found: list[Check] = []
    for spoil in (
        lambda b: b.report(emergency=True),
        lambda b: b.report(tamper=True),
        lambda b: b.tell(e.GateLost()),
        lambda b: b.tell(e.HelpWished()),
        lambda b: b.officer(OfficerAction.HOLD),
        lambda b: b.officer(OfficerAction.OUT_OF_SERVICE),
        lambda b: b.tick(60),
        lambda b: (b.place(Door.EXIT, DoorState.OPEN), b.report()),
        lambda b: (b.place(Door.ENTRY, DoorState.OPEN), b.report()),
        lambda b: b.report_of(persons=2),
        lambda b: b.report_of(persons=0),
    ):
        bench = reach(phase)
        spoil(bench)
        found += [c_.decision.because[0] for c_ in bench.asked if isinstance(c_, RecordCrossing) and c_.decision.because]
        if bench.state.decision is not None:
            found += bench.state.decision.because
    return [check for check in found if check.name in (CheckName.LANE_HEALTH, CheckName.SINGLE_PERSON)]


@pytest.mark.parametrize("degradation", list(Degradation))
def test_every_degradation_is_documented_with_what_is_left(degradation: Degradation) -> None:
    """P21: each mode is explicit, with its allowed actions."""
    assert f"| `{degradation.value}` | `{MODES[degradation].name.lower()}` |" in (ROOT / "docs/lane.md").read_text()


def test_every_alarm_of_the_lane_is_documented() -> None:
    page = (ROOT / "docs/lane.md").read_text()
    assert [alarm for alarm in Alarm if alarm not in STANDING_ALARMS and f"| `{alarm.value}` |" not in page] == []


def test_every_setting_is_documented_with_its_range() -> None:
    page, settings = (ROOT / "docs/lane.md").read_text(), LaneSettings()
    for name, (least, most) in RANGES.items():
        assert f"| `{name}` | {getattr(settings, name):g} | {least:g} | {most:g} |" in page
