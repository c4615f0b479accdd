"""Stories of officers: referrals, the way back, help, closing and opening the lane."""

from __future__ import annotations

import pytest

from egate.lane import commands as c
from egate.lane import events as e
from egate.model.checks import Decision
from egate.model.lane import Alarm, Door, DoorState, LanePhase, OfficerAction
from tests.unit.lane.lane_bench import ADMIT_EXIT, REFER_EXIT, Bench, kinds, reach

WITH_SOMEBODY = [LanePhase.CAPTURE, LanePhase.RECORDING, LanePhase.EXIT_OPEN, LanePhase.ENTRY_CLOSING]


def records(bench: Bench) -> list[Decision]:
    return [command.decision for command in bench.asked if isinstance(command, c.RecordCrossing)]


def unlocks(bench: Bench) -> list[Door]:
    return [command.door for command in bench.asked if isinstance(command, c.Unlock)]


def test_an_officer_clears() -> None:
    """S4: recorded, then the exit, then idle."""
    bench = Bench().to_referred()
    act = bench.officer(OfficerAction.CLEAR)
    assert kinds(act) == [c.RecordOfficerAct]
    assert bench.officer(OfficerAction.CLEAR) == (), "a second click changes nothing"
    assert c.ClearAlarm(Alarm.REFERRAL) in bench.recorded()
    assert bench.at(LanePhase.EXIT_OPEN)
    bench.persons = 0
    bench.report()
    bench.report()
    assert bench.at(LanePhase.IDLE)


def test_a_clearance_can_be_taken_back_until_it_is_used() -> None:
    bench = Bench().to_referred()
    bench.officer(OfficerAction.CLEAR)
    clearance = bench.state.records
    bench.officer(OfficerAction.HOLD)
    bench.tell(e.Recorded(bench.state.passage, clearance))
    bench.report()
    assert bench.at(LanePhase.REFERRED)


def test_a_clearance_that_failed_to_record_opens_nothing() -> None:
    bench = Bench().to_referred()
    bench.officer(OfficerAction.CLEAR)
    bench.not_recorded()
    assert bench.at(LanePhase.REFERRED)
    assert Alarm.NOT_RECORDED in bench.state.alarms


def test_the_way_back_opens_the_entry_only() -> None:
    """P15, also while the disk is full."""
    bench = Bench().to_return_open()
    bench.not_recorded()
    assert bench.at(LanePhase.RETURN_OPEN)
    bench.persons, bench.entry = 0, DoorState.OPEN
    bench.report()
    bench.entry = DoorState.CLOSED
    bench.report()
    bench.report()
    assert (bench.state.phase, unlocks(bench)) == (LanePhase.IDLE, [Door.ENTRY, Door.ENTRY])
    assert c.RecordCompletion(1, Door.ENTRY) in bench.asked


def test_who_does_not_go_back_waits_for_the_officer_again() -> None:
    bench = Bench().to_return_open()
    for _ in range(20):
        bench.report()
        bench.tick()
    assert bench.at(LanePhase.RETURN_CLOSING)
    bench.report()
    assert bench.shows() == (LanePhase.REFERRED, {Alarm.REFERRAL})


def test_a_release_waits_for_fresh_evidence() -> None:
    bench = Bench().to_capture()
    bench.decided(REFER_EXIT)
    bench.officer(OfficerAction.RELEASE_TO_ENTRY)
    assert bench.at(LanePhase.REFERRED)
    bench.report()
    assert bench.at(LanePhase.RETURN_OPEN)


@pytest.mark.parametrize("action", [OfficerAction.RELEASE_TO_ENTRY, OfficerAction.IN_SERVICE])
def test_an_empty_case_is_closed_by_the_officer(action: OfficerAction) -> None:
    bench = Bench().to_referred()
    bench.persons = 0
    bench.report()
    bench.officer(action)
    assert bench.at(LanePhase.RESYNC)
    bench.report()
    assert bench.at(LanePhase.IDLE)


def test_in_service_does_not_leave_anybody_inside() -> None:
    bench = Bench().to_referred()
    bench.officer(OfficerAction.IN_SERVICE)
    assert bench.at(LanePhase.REFERRED)


@pytest.mark.parametrize("phase", WITH_SOMEBODY)
def test_help_inside_brings_an_officer(phase: LanePhase) -> None:
    bench = reach(phase)
    bench.tell(e.HelpWished())
    assert bench.at(LanePhase.REFERRED)


def test_a_late_record_opens_nothing_for_somebody_who_is_referred() -> None:
    """P13, S3: help was wished while the crossing was being written."""
    bench = Bench().to_recording()
    crossing = bench.state.records
    bench.tell(e.HelpWished())
    bench.report()
    bench.tell(e.Recorded(1, crossing))
    bench.report()
    assert (bench.state.phase, unlocks(bench)) == (LanePhase.REFERRED, [Door.ENTRY])


@pytest.mark.parametrize("phase", [LanePhase.IDLE, LanePhase.READING])
def test_help_outside_brings_an_officer(phase: LanePhase) -> None:
    bench = reach(phase)
    bench.tell(e.HelpWished())
    assert bench.shows() == (LanePhase.REFERRED_OUTSIDE, {Alarm.REFERRAL})


@pytest.mark.parametrize("phase", [LanePhase.RETURN_OPEN, LanePhase.RESYNC, LanePhase.REFERRED])
def test_help_elsewhere_calls_and_changes_nothing_else(phase: LanePhase) -> None:
    bench = reach(phase)
    bench.tell(e.HelpWished())
    assert (bench.state.phase, Alarm.REFERRAL in bench.state.alarms) == (phase, True)


@pytest.mark.parametrize("phase", [LanePhase.IDLE, LanePhase.READING, *WITH_SOMEBODY, LanePhase.RETURN_OPEN])
def test_an_officer_can_hold(phase: LanePhase) -> None:
    bench = reach(phase)
    assert c.RecordOfficerAct in kinds(bench.officer(OfficerAction.HOLD))
    assert bench.at(LanePhase.REFERRED)


def test_closing_waits_for_the_passage_and_opening_proves_the_doors() -> None:
    """I11."""
    bench = Bench().to_capture()
    bench.officer(OfficerAction.OUT_OF_SERVICE)
    bench.decided(ADMIT_EXIT)
    crossing = bench.state.records
    bench.tell(e.Recorded(1, crossing))
    bench.persons = 0
    bench.report()
    bench.report()
    assert bench.at(LanePhase.OUT_OF_SERVICE)
    assert bench.tell(e.DocumentPresented()) == ()
    bench.officer(OfficerAction.IN_SERVICE)
    assert bench.at(LanePhase.RESYNC)
    bench.report()
    assert bench.at(LanePhase.IDLE)
    assert c.Lock not in kinds(bench.officer(OfficerAction.IN_SERVICE)), "already in service"


def test_closing_while_a_document_is_read_sends_the_traveller_away() -> None:
    bench = Bench().to_reading()
    bench.officer(OfficerAction.OUT_OF_SERVICE)
    assert (bench.state.phase, records(bench)[0].because[0].code) == (LanePhase.OUT_OF_SERVICE, "out_of_service")


def test_a_referral_that_waits_is_called_again() -> None:
    bench = Bench().to_referred()
    bench.tick(120)
    assert bench.state.alarms == {Alarm.REFERRAL, Alarm.OVERSTAY}
    bench.entry = DoorState.OPEN
    bench.report()
    bench.tick()
    assert Alarm.DOOR_FAULT in bench.state.alarms
