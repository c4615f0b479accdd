"""Requirements of the process that no story of one traveller told yet: where reading begins, who wins a race, what is a goal."""

from __future__ import annotations

from itertools import permutations

import pytest

from egate.lane import commands as c
from egate.lane import events as e
from egate.model.lane import Alarm, Door, LanePhase, OfficerAction
from tests.bench.goals import GOALS, LONG, SHORT
from tests.unit.lane.lane_bench import ADMIT_EXIT, REFER_EXIT, Bench, kinds, reach

CHIP_READ_MOST_S = 7.0
"""P4: the guideline's limit for EF.COM, EF.SOD, DG1 and DG2."""


def test_the_document_is_read_outside_and_the_face_captured_inside() -> None:
    """P1: the integrated two-step man-trap. Reading starts with both doors locked and nobody inside, capture with one person."""
    outside = Bench().to_reading()
    assert (outside.state.secure, outside.state.persons) == (True, 0)
    assert c.CaptureFace not in kinds(outside.asked)
    inside = Bench().to_capture()
    assert (inside.state.secure, inside.state.persons) == (True, 1)
    assert kinds(inside.asked).count(c.CaptureFace) == 1


def test_reading_starts_in_the_step_that_hears_of_the_document() -> None:
    """P2: no tick, no report and no officer comes between the placement and the command to read."""
    bench = Bench().to_idle()
    assert kinds(bench.tell(e.DocumentPresented())) == [c.ReadDocument]


@pytest.mark.parametrize("row", [SHORT, LONG])
def test_the_time_of_a_chip_read_is_a_goal(row: str) -> None:
    """P4: measured by each run of the benchmarks at the speed of the air, against a goal well below the guideline's limit."""
    (goal,) = [goal for goal in GOALS if goal.row == f"{row}, 424 kbit/s and 10 ms an APDU"]
    assert goal.most is not None
    assert goal.most <= CHIP_READ_MOST_S


def test_a_second_person_is_called_in_the_step_that_counts_them() -> None:
    """P10: the alarm waits for nothing, so it is as quick as the unit's report."""
    for phase in (LanePhase.ENTRY_OPEN, LanePhase.CAPTURE, LanePhase.EXIT_OPEN):
        assert c.RaiseAlarm(Alarm.TAILGATING) in reach(phase).report_of(persons=2)


@pytest.mark.parametrize("phase", [LanePhase.IDLE, LanePhase.READING, LanePhase.REFERRED_OUTSIDE, LanePhase.OUT_OF_SERVICE])
def test_somebody_who_came_in_from_behind_is_held_though_the_doors_are_shut_again(phase: LanePhase) -> None:
    """P16: the count alone is enough, both doors may look as they should."""
    bench = reach(phase)
    commands = bench.report_of(persons=1)
    assert (bench.state.phase, Alarm.WRONG_DIRECTION in bench.state.alarms) == (LanePhase.REFERRED, True)
    assert c.Unlock not in kinds(commands)


@pytest.mark.parametrize("order", list(permutations(("decided", "recorded", "hold"))))
def test_an_officer_and_the_lane_race_and_the_exit_never_opens_after_a_hold(order: tuple[str, ...]) -> None:
    """S4: whichever comes first, the hold stands; an answer that comes after it opens nothing, and everything is recorded."""
    bench = Bench().to_capture()
    steps = {
        "decided": lambda: bench.decided(ADMIT_EXIT),
        "recorded": lambda: bench.tell(e.Recorded(bench.state.passage)),
        "hold": lambda: bench.officer(OfficerAction.HOLD),
    }
    held = False
    for step in order:
        commands = steps[step]()
        held = held or step == "hold"
        assert not (held and any(isinstance(x, c.Unlock) for x in commands))
    bench.report()
    bench.report()
    assert bench.at(LanePhase.REFERRED)
    assert c.RecordOfficerAct in kinds(bench.asked)
    assert sum(isinstance(command, c.RecordCrossing) for command in bench.asked) == 1


def test_two_officers_race_and_the_first_act_counts() -> None:
    """S4: a release after a clearance takes the clearance back; the late record of the clearance opens no exit."""
    bench = Bench().to_referred()
    bench.officer(OfficerAction.CLEAR)
    clearance = bench.state.records
    bench.officer(OfficerAction.RELEASE_TO_ENTRY)
    bench.tell(e.Recorded(bench.state.passage, clearance))
    bench.report()
    assert [command.door for command in bench.asked if isinstance(command, c.Unlock)] == [Door.ENTRY, Door.ENTRY]


def test_each_officer_act_names_officer_and_reason() -> None:
    """S4: identity and reason go to the record with every act."""
    bench = Bench().to_capture()
    bench.decided(REFER_EXIT)
    bench.report()
    for action in (OfficerAction.HOLD, OfficerAction.CLEAR, OfficerAction.OUT_OF_SERVICE, OfficerAction.RELEASE_TO_ENTRY):
        (act,) = [command for command in bench.officer(action) if isinstance(command, c.RecordOfficerAct)]
        assert (act.action, act.officer) == (action, "officer-1")
        assert act.reason.value
