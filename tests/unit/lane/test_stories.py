"""What travellers and officers live through, one story for each requirement of the process."""

from __future__ import annotations

import pytest

from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.interlock import may_unlock, other_door
from egate.lane.settings import LaneSettings
from egate.lane.state import Grant
from egate.model.checks import CheckName, Decision, DecisionPoint, Outcome
from egate.model.lane import Alarm, Door, DoorState, LanePhase, OfficerAction
from tests.unit.lane.lane_bench import ADMIT_ENTRY, ADMIT_EXIT, HIT_EXIT, REFER_ENTRY, REFER_EXIT, Bench, kinds, reach

WITH_SOMEBODY = [LanePhase.CAPTURE, LanePhase.RECORDING, LanePhase.EXIT_OPEN, LanePhase.ENTRY_CLOSING]


def records(bench: Bench) -> list[Decision]:
    return [command.decision for command in bench.asked if isinstance(command, c.RecordCrossing)]


def unlocks(bench: Bench) -> list[Door]:
    return [command.door for command in bench.asked if isinstance(command, c.Unlock)]


def test_a_traveller_crosses() -> None:
    bench = Bench().to_exit_closing()
    bench.report()
    assert bench.at(LanePhase.IDLE)
    assert kinds(bench.asked)[2:] == [
        c.ReadDocument, c.Unlock, c.Lock, c.CaptureFace, c.RecordCrossing, c.Unlock, c.Lock, c.RecordCompletion,
    ]  # fmt: skip
    assert unlocks(bench) == [Door.ENTRY, Door.EXIT]
    assert bench.asked[-1] == c.RecordCompletion(1, Door.EXIT) or bench.asked[-2] == c.RecordCompletion(1, Door.EXIT)
    assert bench.state.passage == 0
    assert not bench.state.alarms


def test_nothing_opens_before_both_doors_are_proved() -> None:
    """I6, I7: the first report alone is not enough, it was sampled before our locks."""
    bench = Bench()
    assert kinds(bench.report()) == [c.Lock, c.Lock]
    bench.report(stale=1)
    assert bench.at(LanePhase.RESYNC)
    assert kinds(bench.tick(2)) == []
    assert kinds(bench.tick()) == [c.Lock, c.Lock], "locks that seem lost are asked for again"
    bench.report()
    assert bench.at(LanePhase.IDLE)


def test_a_door_that_never_locks_keeps_the_lane_in_resync() -> None:
    bench = Bench(entry=DoorState.OPEN)
    bench.report()
    bench.tick(10)
    assert bench.state.alarms == {Alarm.DOOR_FAULT}
    bench.entry = DoorState.LOCKED
    bench.tick()
    bench.report()
    assert bench.shows() == (LanePhase.IDLE, set())


def test_an_occupied_lane_starts_in_referred_with_a_number_of_its_own() -> None:
    """I7."""
    bench = Bench(persons=1)
    bench.report()
    bench.report()
    assert bench.at(LanePhase.REFERRED)
    assert bench.state.passage == 1
    assert records(bench) == [], "there is no crossing to record for somebody whose passage is not known"


def test_entry_is_offered_for_entry_open_and_then_locked() -> None:
    """P8; the lease is asked for again each tick and never outlives the offer."""
    bench = Bench().to_entry_open()
    leases = [command.lease_s for command in bench.asked if isinstance(command, c.Unlock)]
    for _ in range(7):
        bench.report()
        leases += [command.lease_s for command in bench.tick() if isinstance(command, c.Unlock)]
    assert leases == [3, 3, 3, 3, 3, 3, 2, 1]
    bench.report()
    assert kinds(bench.tick()) == [c.Lock]
    bench.report()
    assert bench.at(LanePhase.IDLE)
    assert c.RecordCompletion(1, None) in bench.asked


def test_a_lost_unlock_is_repeated_through_new_evidence() -> None:
    bench = Bench().to_entry_open()
    bench.report(stale=1)
    assert kinds(bench.tick(2)) == []
    assert bench.tick()[-1] == c.Lock(Door.EXIT, bench.state.last_command)
    bench.report()
    assert bench.tick()[-1] == c.Unlock(Door.ENTRY, 3.0, bench.state.last_command)


def test_a_refused_document_keeps_the_entry_locked() -> None:
    """P7: recorded, called, and over after a while."""
    bench = Bench().to_referred_outside()
    assert records(bench) == [REFER_ENTRY]
    assert unlocks(bench) == []
    assert bench.state.alarms == {Alarm.REFERRAL}
    bench.recorded()
    bench.tick(15)
    assert bench.shows() == (LanePhase.IDLE, set())


@pytest.mark.parametrize("action", [OfficerAction.CLEAR, OfficerAction.RELEASE_TO_ENTRY])
def test_an_officer_ends_a_referral_outside(action: OfficerAction) -> None:
    bench = Bench().to_referred_outside()
    assert c.RecordOfficerAct in kinds(bench.officer(action))
    assert bench.at(LanePhase.IDLE)
    assert bench.officer(action) == (), "with nothing to decide it means nothing"


def test_an_early_pulled_document_may_be_presented_again() -> None:
    bench = Bench().to_reading()
    assert c.AbandonPassage(1) in bench.tell(e.DocumentRemoved(1))
    assert bench.at(LanePhase.IDLE)
    bench.tell(e.DocumentPresented())
    assert bench.state.passage == 2
    assert bench.tell(e.Decided(1, ADMIT_ENTRY)) == (), "P13: the old passage's answer opens nothing"


def test_a_reading_that_never_ends_is_referred() -> None:
    """P6."""
    bench = Bench().to_reading()
    bench.tick(30)
    assert bench.at(LanePhase.REFERRED_OUTSIDE)
    assert records(bench)[0].because[0].code == "reading_timed_out"
    assert records(bench)[0].point is DecisionPoint.ENTRY


def test_a_document_is_not_read_while_evidence_is_missing() -> None:
    bench = Bench().to_idle().with_state(persons=1)
    assert bench.tell(e.DocumentPresented()) == ()


@pytest.mark.parametrize("phase", [*WITH_SOMEBODY, LanePhase.ENTRY_OPEN, LanePhase.EXIT_CLOSING])
def test_a_second_person_stops_everything(phase: LanePhase) -> None:
    """P10."""
    bench = reach(phase)
    bench.persons = 2
    commands = bench.report()
    assert bench.at(LanePhase.REFERRED)
    assert c.RaiseAlarm(Alarm.TAILGATING) in commands
    assert {command.door for command in commands if isinstance(command, c.Lock)} == {Door.ENTRY, Door.EXIT}
    assert any(decision.outcome is Outcome.ADMIT for decision in records(bench)) == (
        phase in (LanePhase.RECORDING, LanePhase.EXIT_OPEN, LanePhase.EXIT_CLOSING)
    )
    if phase is LanePhase.CAPTURE:
        assert records(bench)[-1].because[0].name is CheckName.SINGLE_PERSON


def test_a_second_person_cannot_be_cleared() -> None:
    bench = Bench().to_referred()
    bench.persons = 2
    assert c.RaiseAlarm(Alarm.TAILGATING) in bench.report()
    assert bench.officer(OfficerAction.CLEAR) == ()


@pytest.mark.parametrize(("decision", "alarm"), [(REFER_EXIT, Alarm.REFERRAL), (HIT_EXIT, Alarm.LIST_HIT)])
def test_a_referral_inside_is_recorded_first_and_called(decision: Decision, alarm: Alarm) -> None:
    bench = Bench().to_capture()
    order = kinds(bench.decided(decision))
    assert order[0] is c.RecordCrossing
    assert bench.shows() == (LanePhase.REFERRED, {alarm})
    bench.recorded()
    bench.report()
    assert unlocks(bench) == [Door.ENTRY], "P15: never through the exit"


def test_an_unrecorded_referral_is_told() -> None:
    bench = Bench().to_capture()
    bench.decided(REFER_EXIT)
    bench.not_recorded()
    assert Alarm.NOT_RECORDED in bench.state.alarms
    assert bench.at(LanePhase.REFERRED)


def test_an_unrecorded_crossing_is_referred_and_its_officer_act_heals_the_alarm() -> None:
    bench = Bench().to_recording()
    bench.not_recorded()
    assert bench.shows() == (LanePhase.REFERRED, {Alarm.NOT_RECORDED})
    bench.report()
    bench.officer(OfficerAction.CLEAR)
    bench.recorded()
    assert bench.shows() == (LanePhase.EXIT_OPEN, set())


def test_answers_without_a_number_belong_to_the_oldest_record() -> None:
    bench = Bench().to_recording()
    bench.tell(e.Recorded(bench.state.passage))
    assert bench.at(LanePhase.EXIT_OPEN)


def test_notes_are_told_apart_from_the_crossing() -> None:
    bench = Bench().to_recording()
    crossing = bench.state.records
    bench.officer(OfficerAction.OUT_OF_SERVICE)
    bench.not_recorded()
    assert bench.shows() == (LanePhase.RECORDING, {Alarm.NOT_RECORDED})
    bench.officer(OfficerAction.IN_SERVICE)
    bench.recorded()
    assert bench.shows() == (LanePhase.RECORDING, set())
    bench.tell(e.Recorded(1, crossing))
    assert bench.at(LanePhase.EXIT_OPEN)


def test_somebody_who_stays_too_long_is_held() -> None:
    """P18."""
    bench = Bench().to_capture()
    bench.tick(45)
    assert bench.shows() == (LanePhase.REFERRED, {Alarm.OVERSTAY})
    assert records(bench)[-1].because[0].code == "inside_too_long"


def test_an_exit_that_is_not_taken_is_locked_and_referred() -> None:
    """P14; the crossing stays recorded once."""
    bench = Bench().to_exit_open()
    for _ in range(10):
        bench.report()
        bench.tick()
    assert bench.at(LanePhase.EXIT_CLOSING)
    bench.report()
    assert (bench.state.phase, records(bench)) == (LanePhase.REFERRED, [ADMIT_EXIT])


@pytest.mark.parametrize("phase", [LanePhase.ENTRY_CLOSING, LanePhase.EXIT_CLOSING, LanePhase.RETURN_CLOSING])
def test_a_blocked_door_is_the_officers(phase: LanePhase) -> None:
    """I9: asked five times in `closing_s`, then called; the fifth try is the last."""
    bench = reach(phase)
    bench.entry = bench.exit = DoorState.OPEN
    tries = 1
    for _ in range(9):
        tries += c.Lock in kinds(bench.tick())
    assert tries == bench.settings.closing_tries == 5
    bench.tick()
    assert (bench.state.phase, Alarm.DOOR_FAULT in bench.state.alarms) == (LanePhase.REFERRED, True)


@pytest.mark.parametrize("phase", [LanePhase.ENTRY_CLOSING, LanePhase.EXIT_CLOSING, LanePhase.RETURN_CLOSING])
def test_a_lock_that_seems_lost_is_asked_for_again(phase: LanePhase) -> None:
    bench = Bench(LaneSettings(closing_tries=1))
    getattr(bench, f"to_{phase.value}")()
    assert kinds(bench.tick(2)) == []
    assert set(kinds(bench.tick())) == {c.Lock}


@pytest.mark.parametrize("phase", [LanePhase.IDLE, LanePhase.READING, LanePhase.REFERRED_OUTSIDE, LanePhase.OUT_OF_SERVICE])
def test_somebody_in_the_wrong_direction_is_held(phase: LanePhase) -> None:
    """P16: an alarm, and no door opens."""
    bench = reach(phase)
    bench.persons, bench.exit = 1, DoorState.OPEN
    commands = bench.report()
    assert (bench.state.phase, Alarm.WRONG_DIRECTION in bench.state.alarms) == (LanePhase.REFERRED, True)
    assert c.Unlock not in kinds(commands)


@pytest.mark.parametrize(
    ("phase", "entry", "exit_", "persons"),
    [
        (LanePhase.IDLE, DoorState.CLOSED, DoorState.LOCKED, 0),
        (LanePhase.ENTRY_OPEN, DoorState.CLOSED, DoorState.CLOSED, 0),
        (LanePhase.ENTRY_CLOSING, DoorState.LOCKED, DoorState.CLOSED, 1),
        (LanePhase.CAPTURE, DoorState.OPEN, DoorState.LOCKED, 1),
        (LanePhase.CAPTURE, DoorState.LOCKED, DoorState.LOCKED, 0),
        (LanePhase.RECORDING, DoorState.LOCKED, DoorState.FAULT, 1),
        (LanePhase.EXIT_OPEN, DoorState.OPEN, DoorState.CLOSED, 1),
        (LanePhase.EXIT_OPEN, DoorState.LOCKED, DoorState.FAULT, 1),
        (LanePhase.EXIT_CLOSING, DoorState.CLOSED, DoorState.LOCKED, 0),
        (LanePhase.RETURN_OPEN, DoorState.CLOSED, DoorState.OPEN, 1),
        (LanePhase.RETURN_CLOSING, DoorState.LOCKED, DoorState.OPEN, 0),
    ],
)
def test_contradicting_sensors_hold_the_lane(phase: LanePhase, entry: DoorState, exit_: DoorState, persons: int) -> None:
    """I8."""
    bench = reach(phase)
    bench.entry, bench.exit, bench.persons = entry, exit_, persons
    bench.report()
    assert (bench.state.phase, Alarm.DOOR_FAULT in bench.state.alarms) == (LanePhase.REFERRED, True)


@pytest.mark.parametrize("phase", [phase for phase in LanePhase if phase is not LanePhase.EMERGENCY])
def test_an_emergency_moves_no_door_and_is_proved_afterwards(phase: LanePhase) -> None:
    """I5, I6."""
    bench = reach(phase)
    commands = bench.report(emergency=True)
    assert bench.at(LanePhase.EMERGENCY)
    assert not [command for command in commands if isinstance(command, c.Lock | c.Unlock)]
    assert c.RaiseAlarm(Alarm.EMERGENCY) in commands
    bench.entry = bench.exit = DoorState.LOCKED
    bench.persons = 1
    assert kinds(bench.report()) == [c.ClearAlarm, c.Lock, c.Lock]
    bench.report()
    assert bench.at(LanePhase.REFERRED), "somebody inside is the officer's"


def test_an_emergency_ends_the_passage_on_record() -> None:
    bench = Bench().to_capture()
    bench.report(emergency=True)
    assert records(bench)[-1].because[0].code == "emergency"
    assert c.RecordCompletion(1, None) in bench.asked
    assert c.AbandonPassage(1) in bench.asked
    bench.officer(OfficerAction.OUT_OF_SERVICE)
    bench.officer(OfficerAction.HOLD)
    bench.persons = 0
    bench.report()
    bench.report()
    assert bench.at(LanePhase.OUT_OF_SERVICE)


@pytest.mark.parametrize("phase", [phase for phase in LanePhase if phase is not LanePhase.EMERGENCY])
def test_a_lost_gate_unit_stops_the_lane_until_the_doors_are_proved(phase: LanePhase) -> None:
    bench = reach(phase)
    service = bench.state.in_service
    bench.tell(e.GateLost())
    assert bench.at(LanePhase.OUT_OF_SERVICE)
    assert Alarm.DEVICE_LOST in bench.state.alarms
    assert bench.officer(OfficerAction.HOLD) == (), "nobody can move what is not there"
    bench.persons, bench.entry, bench.exit = 0, DoorState.LOCKED, DoorState.LOCKED
    assert c.Lock in kinds(bench.report())
    assert bench.at(LanePhase.RESYNC)
    bench.report()
    if phase is LanePhase.LEFT_OBJECT:
        assert bench.at(LanePhase.LEFT_OBJECT), "P17: what lay there still lies there"
    else:
        assert bench.state.phase is (LanePhase.IDLE if service else LanePhase.OUT_OF_SERVICE)


def test_a_lost_gate_unit_keeps_the_traveller_for_the_officer() -> None:
    bench = Bench().to_capture()
    bench.tell(e.GateLost())
    assert records(bench)[-1].because[0].code == "gate_lost"
    bench.report()
    bench.report()
    assert (bench.state.phase, bench.state.passage) == (LanePhase.REFERRED, 1)


def test_a_gate_unit_lost_in_an_emergency_stays_an_emergency() -> None:
    bench = Bench().to_emergency()
    bench.tell(e.GateLost())
    assert bench.shows() == (LanePhase.EMERGENCY, {Alarm.EMERGENCY, Alarm.DEVICE_LOST})
    bench.report(emergency=True)
    assert bench.state.alarms == {Alarm.EMERGENCY}


@pytest.mark.parametrize("phase", [LanePhase.IDLE, LanePhase.CAPTURE, LanePhase.EXIT_OPEN])
def test_an_opened_housing_holds_the_lane(phase: LanePhase) -> None:
    bench = reach(phase)
    bench.report(tamper=True)
    assert bench.at(LanePhase.REFERRED)
    assert Alarm.TAMPER in bench.state.alarms
    bench.persons, bench.entry, bench.exit = 1, DoorState.LOCKED, DoorState.LOCKED
    bench.report(tamper=True)
    bench.officer(OfficerAction.CLEAR)
    bench.recorded()
    assert bench.at(LanePhase.REFERRED), "the interlock does not trust an open housing"
    assert c.ClearAlarm(Alarm.TAMPER) in bench.report()
    assert bench.at(LanePhase.EXIT_OPEN)


@pytest.mark.parametrize("phase", [LanePhase.RESYNC, LanePhase.OUT_OF_SERVICE, LanePhase.EMERGENCY])
def test_an_opened_housing_is_told_where_nothing_moves(phase: LanePhase) -> None:
    bench = reach(phase)
    emergency = phase is LanePhase.EMERGENCY
    assert c.RaiseAlarm(Alarm.TAMPER) in bench.report(tamper=True, emergency=emergency)
    assert bench.at(phase)


@pytest.mark.parametrize(
    "broken",
    [
        {"evidence": 0},
        {"entry": DoorState.CLOSED},
        {"entry": DoorState.FAULT},
        {"leased": Door.ENTRY},
        {"tamper": True},
        {"grant": None},
        {"grant": Grant(2, Door.EXIT)},
        {"grant": Grant(1, Door.ENTRY)},
        {"passage": 0, "grant": Grant(0, Door.EXIT)},
        {"persons": 0},
        {"persons": 2},
    ],
)
def test_the_interlock_refuses(broken: dict[str, object]) -> None:
    """I1, I2, I13, P9, P13: each condition alone is enough."""
    bench = Bench().to_referred().with_state(grant=Grant(1, Door.EXIT))
    assert may_unlock(Door.EXIT, bench.state)
    assert not may_unlock(Door.EXIT, bench.with_state(**broken).state)


@pytest.mark.parametrize("persons", [1, 2, 3])
def test_the_entry_opens_to_somebody_inside_for_the_way_back_only(persons: int) -> None:
    """P15, P22: the interlock itself refuses, whatever the table asked for."""
    way_in = Bench().to_referred().with_state(grant=Grant(1, Door.ENTRY), persons=0, exit=DoorState.LOCKED)
    assert may_unlock(Door.ENTRY, way_in.state)
    occupied = way_in.with_state(persons=persons)
    assert not may_unlock(Door.ENTRY, occupied.state)
    assert may_unlock(Door.ENTRY, occupied.with_state(grant=Grant(1, Door.ENTRY, back=True)).state)


def test_doors_have_each_other() -> None:
    assert [other_door(other_door(door)) for door in Door] == list(Door)


def test_decisions_for_the_other_door_are_not_taken() -> None:
    bench = Bench().to_reading()
    assert bench.decided(ADMIT_EXIT) == ()
    bench = Bench().to_capture()
    assert bench.decided(ADMIT_ENTRY) == ()


def test_the_same_story_gives_the_same_commands() -> None:
    """A recorded passage replays."""
    assert Bench().to_exit_closing().asked == Bench().to_exit_closing().asked


def test_unanswered_records_are_bounded() -> None:
    bench = Bench().to_idle()
    for _ in range(30):
        bench.officer(OfficerAction.OUT_OF_SERVICE)
    assert len(bench.state.awaiting) == 8
