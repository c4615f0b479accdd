"""Stories of what a lane meets besides travellers: objects, forced ways, obstacles, batteries, absent officers, lamps."""

from __future__ import annotations

import pytest

from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.modes import MODES, NOT_NEEDED, Mode, mode_of
from egate.lane.settings import LaneSettings, SettingsError, settings_from
from egate.lane.signals import LOUD, OF_PHASE, signal_for
from egate.model.checks import Decision
from egate.model.lane import (
    Alarm,
    Degradation,
    Door,
    DoorState,
    Lamp,
    LanePhase,
    OfficerAction,
    OfficerReason,
    Power,
    Signal,
    Topology,
)
from tests.unit.lane.lane_bench import ADMIT_ENTRY, ADMIT_EXIT, HIT_EXIT, REFER_EXIT, Bench, kinds, reach

UNDER_WAY = [LanePhase.ENTRY_OPEN, LanePhase.ENTRY_CLOSING, LanePhase.CAPTURE, LanePhase.RECORDING, LanePhase.EXIT_OPEN,
             LanePhase.EXIT_CLOSING]  # fmt: skip


def codes(bench: Bench) -> list[str]:
    """Why passages were referred."""
    decisions: list[Decision] = [command.decision for command in bench.asked if isinstance(command, c.RecordCrossing)]
    return [check.code for decision in decisions for check in decision.because]


def clear(bench: Bench, persons: int) -> tuple[c.Command, ...]:
    """An officer clears so many."""
    return bench.tell(e.OfficerWished(OfficerAction.CLEAR, OfficerReason.FAMILY_OR_ASSISTANCE, "officer-1", persons))


# -- objects (P17) ------------------------------------------------------------------------------------------------------


def test_a_left_object_keeps_the_lane_until_sensor_and_officer_agree() -> None:
    """P17: neither is enough alone; the passage itself is complete."""
    bench = Bench().to_left_object()
    assert c.RecordCompletion(1, Door.EXIT) in bench.asked
    assert bench.state.alarms == {Alarm.LEFT_OBJECT}
    assert bench.officer(OfficerAction.CLEAR) == (), "the sensor still sees it"
    bench.entry, bench.persons = DoorState.OPEN, 1
    bench.report()
    assert bench.at(LanePhase.LEFT_OBJECT), "staff comes in by key"
    bench.entry, bench.persons, bench.object_left = DoorState.LOCKED, 0, False
    bench.report()
    assert bench.at(LanePhase.LEFT_OBJECT), "no officer has said so"
    assert c.RecordOfficerAct in kinds(bench.officer(OfficerAction.CLEAR))
    bench.report()
    assert bench.shows() == (LanePhase.IDLE, set())


def test_an_object_in_an_idle_lane_stops_it_and_one_before_a_traveller_sends_them_to_the_desk() -> None:
    """P17."""
    bench = Bench().to_idle()
    bench.object_left = True
    bench.report()
    assert bench.at(LanePhase.LEFT_OBJECT)
    bench = Bench().to_reading()
    bench.object_left = True
    bench.report()
    assert (bench.state.phase, codes(bench)) == (LanePhase.REFERRED_OUTSIDE, ["object_left"])
    bench.tick(15)
    assert bench.at(LanePhase.LEFT_OBJECT)


# -- directions (P16) ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [*UNDER_WAY, LanePhase.IDLE, LanePhase.READING, LanePhase.REFERRED_OUTSIDE])
def test_a_forced_way_is_an_alarm_of_its_own_and_opens_nothing(phase: LanePhase) -> None:
    """P16: the unit's own contact."""
    bench = reach(phase)
    bench.intrusion = True
    commands = bench.report()
    assert bench.at(LanePhase.REFERRED)
    assert c.RaiseAlarm(Alarm.WRONG_DIRECTION) in commands
    assert c.Unlock not in kinds(commands)
    assert bench.state.decision is not None


@pytest.mark.parametrize("phase", [LanePhase.EXIT_OPEN, LanePhase.EXIT_CLOSING])
def test_somebody_who_comes_in_through_the_exit_is_held(phase: LanePhase) -> None:
    """P16: the count had fallen and grows again."""
    bench = Bench().to_exit_open()
    bench.exit = DoorState.OPEN
    bench.report_of(persons=0)
    if phase is LanePhase.EXIT_CLOSING:
        bench.exit = DoorState.CLOSED
        bench.report()
    assert bench.at(phase)
    bench.report_of(persons=1)
    assert bench.shows() == (LanePhase.REFERRED, {Alarm.WRONG_DIRECTION})


def test_a_traveller_who_turns_back_by_themselves_is_recorded_so() -> None:
    """The entry was taken, and nobody is there when it is locked: no fault, and no crossing."""
    bench = Bench().to_entry_closing()
    bench.report_of(persons=0)
    assert bench.at(LanePhase.IDLE)
    assert codes(bench) == ["returned_through_entry"]
    assert c.RecordCompletion(1, Door.ENTRY) in bench.asked


# -- obstacles (I9) -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [LanePhase.ENTRY_CLOSING, LanePhase.EXIT_CLOSING, LanePhase.RETURN_CLOSING])
def test_a_door_is_never_forced_against_an_obstacle(phase: LanePhase) -> None:
    """I9: no second lock while the contact says that something is in the way, then an alarm, then quiet until it is gone."""
    bench = reach(phase)
    bench.entry = bench.exit = DoorState.OPEN
    bench.entry = DoorState.OPEN if phase is not LanePhase.EXIT_CLOSING else DoorState.LOCKED
    bench.exit = DoorState.OPEN if phase is LanePhase.EXIT_CLOSING else DoorState.LOCKED
    bench.obstructed = True
    assert c.RaiseAlarm(Alarm.OBSTRUCTION) in bench.report()
    for _ in range(9):
        assert kinds(bench.tick()) == []
    bench.tick()
    assert bench.at(LanePhase.REFERRED)
    assert bench.state.decision is not None
    bench.report()
    assert all(kinds(bench.tick()) in ([], [c.RaiseAlarm]) for _ in range(20))
    bench.obstructed, bench.entry, bench.exit = False, DoorState.LOCKED, DoorState.LOCKED
    assert c.ClearAlarm(Alarm.OBSTRUCTION) in bench.report()


@pytest.mark.parametrize("tries", [0, 11, -1])
def test_absurd_numbers_of_tries_are_refused(tries: int) -> None:
    """I9, I14."""
    with pytest.raises(SettingsError, match="closing_tries"):
        settings_from({}, closing_tries=tries)


# -- power (I11) --------------------------------------------------------------------------------------------------------


def test_a_battery_is_called_and_changes_nothing_else() -> None:
    bench = Bench(power=Power.BATTERY).to_capture()
    assert bench.state.alarms == {Alarm.POWER}
    bench.power = Power.MAINS
    assert bench.report() == (c.ClearAlarm(Alarm.POWER),)


def test_a_nearly_empty_battery_finishes_the_crossing_and_closes_until_the_mains() -> None:
    """I11: by itself, and a battery that looks better for a moment does not open the lane."""
    bench = Bench().to_capture()
    bench.power = Power.LOW
    bench.report()
    bench.decided(ADMIT_EXIT)
    bench.recorded()
    bench.persons = 0
    bench.report()
    bench.report()
    assert bench.shows() == (LanePhase.OUT_OF_SERVICE, {Alarm.POWER})
    bench.power = Power.BATTERY
    bench.report()
    assert bench.at(LanePhase.OUT_OF_SERVICE)
    bench.power = Power.MAINS
    bench.report()
    bench.report()
    assert bench.shows() == (LanePhase.IDLE, set())


def test_nobody_enters_on_a_nearly_empty_battery() -> None:
    """I11: who only showed a document is sent to the desk."""
    bench = Bench().to_reading()
    bench.power = Power.LOW
    bench.report()
    assert (bench.state.phase, codes(bench)) == (LanePhase.REFERRED_OUTSIDE, ["power_low"])
    assert bench.decided(ADMIT_ENTRY) == ()


# -- the station (S5) ---------------------------------------------------------------------------------------------------


def test_without_an_officer_the_passage_is_finished_and_none_begins() -> None:
    """S5: the alarm, the end of the passage under way, closed, and open again by itself."""
    bench = Bench().to_capture()
    assert bench.tell(e.OfficerPresence(False)) == (c.RaiseAlarm(Alarm.NO_OFFICER),)
    bench.decided(ADMIT_EXIT)
    bench.recorded()
    bench.persons = 0
    bench.report()
    bench.report()
    assert bench.at(LanePhase.OUT_OF_SERVICE)
    assert bench.tell(e.DocumentPresented()) == ()
    assert c.ClearAlarm(Alarm.NO_OFFICER) in bench.tell(e.OfficerPresence(True))
    bench.report()
    assert bench.shows() == (LanePhase.IDLE, set())


def test_a_referral_stays_without_an_officer_and_a_closed_lane_stays_closed_with_one() -> None:
    """S5."""
    bench = Bench().to_referred()
    bench.tell(e.OfficerPresence(False))
    bench.report()
    assert bench.at(LanePhase.REFERRED)
    bench = Bench().to_out_of_service()
    bench.tell(e.OfficerPresence(True))
    bench.report()
    assert bench.at(LanePhase.OUT_OF_SERVICE)


# -- degraded modes (P21) -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("degradation", list(Degradation))
def test_each_degradation_does_what_its_row_says(degradation: Degradation) -> None:
    """P21: as always, to an officer outside, or nobody; and over when it is over."""
    bench = Bench().to_idle()
    bench.tell(e.ModeChanged(frozenset({degradation})))
    assert Alarm.DEGRADED in bench.state.alarms
    began = kinds(bench.tell(e.DocumentPresented())) == [c.ReadDocument]
    bench.decided(ADMIT_ENTRY)
    ends = {Mode.NORMAL: LanePhase.ENTRY_OPEN, Mode.REFER: LanePhase.REFERRED_OUTSIDE, Mode.CLOSED: LanePhase.OUT_OF_SERVICE}
    assert (bench.state.phase, began) == (ends[MODES[degradation]], MODES[degradation] is not Mode.CLOSED)
    assert codes(bench) == (["degraded"] if MODES[degradation] is Mode.REFER else [])
    bench.tell(e.ModeChanged(frozenset()))
    assert Alarm.DEGRADED not in bench.state.alarms


def test_the_worst_degradation_counts_and_what_a_lane_does_not_have_cannot_fail() -> None:
    """P21."""
    everything = frozenset(Degradation)
    assert mode_of(everything, Topology.TWO_STEP) is Mode.CLOSED
    assert mode_of(frozenset({Degradation.FACE_DOWN, Degradation.PRINTER_DOWN}), Topology.TWO_STEP) is Mode.REFER
    assert set(MODES) == everything
    for topology, missing in NOT_NEEDED.items():
        assert mode_of(missing, topology) is Mode.NORMAL


def test_who_is_inside_is_finished_when_the_lane_degrades() -> None:
    """P21."""
    bench = Bench().to_capture()
    bench.tell(e.ModeChanged(frozenset({Degradation.ENTRY_DOOR_DOWN})))
    bench.decided(ADMIT_EXIT)
    bench.recorded()
    assert bench.at(LanePhase.EXIT_OPEN)


# -- families (P19) -----------------------------------------------------------------------------------------------------


def test_a_family_leaves_on_the_word_of_an_officer_and_not_one_more() -> None:
    """P19, P9: exactly as many as the officer says, recorded with their number; the last one closes the exit."""
    bench = Bench().to_capture()
    bench.report_of(persons=2)
    bench.report()
    assert [clear(bench, number) for number in (0, 1, 3)] == [(), (), ()]
    (act,) = [command for command in clear(bench, 2) if isinstance(command, c.RecordOfficerAct)]
    assert act.persons == 2
    bench.recorded()
    assert bench.at(LanePhase.EXIT_OPEN)
    bench.exit = DoorState.OPEN
    bench.report_of(persons=1)
    assert c.Unlock in kinds(bench.tick()), "the second one is still to leave"
    bench.exit = DoorState.CLOSED
    bench.report_of(persons=0)
    bench.report()
    assert bench.at(LanePhase.IDLE)


def test_a_third_person_ends_the_clearance_of_two() -> None:
    """P19, P10."""
    bench = Bench().to_capture()
    bench.report_of(persons=2)
    bench.report()
    clear(bench, 2)
    bench.recorded()
    bench.report_of(persons=3)
    assert bench.shows() == (LanePhase.REFERRED, {Alarm.TAILGATING})


def test_nobody_is_cleared_in_crowds() -> None:
    """P19: six, however many are counted."""
    bench = Bench().to_referred()
    bench.report_of(persons=7)
    assert clear(bench, 7) == ()


# -- races (S4) ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [OfficerAction.CLEAR, OfficerAction.RELEASE_TO_ENTRY])
@pytest.mark.parametrize("phase", [LanePhase.CAPTURE, LanePhase.RECORDING, LanePhase.EXIT_OPEN])
def test_an_act_that_comes_too_late_is_recorded_and_changes_nothing(phase: LanePhase, action: OfficerAction) -> None:
    """S4: the lane is deciding, or has decided; the act is in the log as one without effect."""
    bench = reach(phase)
    grant = bench.state.grant
    (act,) = [command for command in bench.officer(action) if isinstance(command, c.RecordOfficerAct)]
    assert (act.effective, act.action) == (False, action)
    assert (bench.state.phase, bench.state.grant) == (phase, grant)
    bench.recorded()
    assert bench.state.phase is phase


# -- lamps --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", list(LanePhase))
def test_every_phase_has_a_signal_and_green_means_go(phase: LanePhase) -> None:
    shown = signal_for(reach(phase).state)
    assert shown == OF_PHASE[phase]
    assert (shown.lamp is Lamp.GREEN) == (phase in (LanePhase.IDLE, LanePhase.ENTRY_OPEN, LanePhase.EXIT_OPEN))


def test_a_list_hit_is_not_seen_in_the_lamps() -> None:
    shown = []
    for decision in (REFER_EXIT, HIT_EXIT):
        bench = Bench().to_capture()
        bench.decided(decision)
        shown.append(signal_for(bench.state))
    assert shown[0] == shown[1]
    assert Alarm.LIST_HIT not in LOUD


def test_somebody_in_the_wrong_place_is_called_out_loud() -> None:
    bench = Bench().to_capture()
    bench.report_of(persons=2)
    assert signal_for(bench.state) == Signal(Lamp.RED, blinking=True, buzzer=True)


def test_settings_name_the_topology() -> None:
    """I14: the default is the man-trap."""
    assert settings_from({}) == LaneSettings(topology=Topology.TWO_STEP, pipelined=False, closing_tries=5)
