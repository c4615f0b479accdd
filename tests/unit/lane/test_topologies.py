"""Stories of the other topologies and of pipelined reading: one step, segregated, the next document while somebody is inside."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.settings import LaneSettings, SettingsError, settings_from
from egate.lane.state import Waiting
from egate.model.lane import Alarm, Door, DoorState, LanePhase, OfficerAction, Power, Topology
from tests.unit.lane.lane_bench import ADMIT_ENTRY, ADMIT_EXIT, REFER_ENTRY, REFER_EXIT, Bench, kinds

ONE_STEP = LaneSettings(topology=Topology.ONE_STEP)
SEGREGATED = LaneSettings(topology=Topology.SEGREGATED)
PIPELINED = LaneSettings(pipelined=True)


def unlocks(bench: Bench) -> list[Door]:
    return [command.door for command in bench.asked if isinstance(command, c.Unlock)]


def one_step_to_exit_open(persons: int = 1) -> Bench:
    """A traveller stands before the only door, which is open to them; the unit's word for an entry is nonsense."""
    bench = Bench(ONE_STEP, entry=DoorState.FAULT, persons=persons).to_idle()
    bench.tell(e.DocumentPresented())
    bench.decided(ADMIT_ENTRY)
    assert bench.at(LanePhase.CAPTURE)
    bench.decided(ADMIT_EXIT)
    bench.recorded()
    assert bench.at(LanePhase.EXIT_OPEN)
    return bench


def test_a_one_step_lane_reads_captures_records_and_opens_its_only_door() -> None:
    """P1: no entry is ever asked for, and the passage is over when the door was seen open and shut again."""
    bench = one_step_to_exit_open()
    bench.exit = DoorState.OPEN
    bench.report()
    bench.exit = DoorState.CLOSED
    bench.report()
    assert bench.at(LanePhase.EXIT_CLOSING)
    bench.report()
    assert bench.at(LanePhase.IDLE)
    assert c.RecordCompletion(1, Door.EXIT) in bench.asked
    assert {command.door for command in bench.asked if isinstance(command, c.Lock | c.Unlock)} == {Door.EXIT}


def test_a_one_step_lane_takes_a_unit_that_counts_nobody() -> None:
    """P9 as far as the sensors tell."""
    assert unlocks(one_step_to_exit_open(persons=0)) == [Door.EXIT]


@pytest.mark.parametrize("phase", [LanePhase.CAPTURE, LanePhase.RECORDING, LanePhase.EXIT_OPEN])
def test_two_persons_before_the_only_door_stop_the_passage(phase: LanePhase) -> None:
    """P10."""
    bench = Bench(ONE_STEP).to_idle()
    bench.tell(e.DocumentPresented())
    bench.decided(ADMIT_ENTRY)
    if phase is not LanePhase.CAPTURE:
        bench.decided(ADMIT_EXIT)
    if phase is LanePhase.EXIT_OPEN:
        bench.recorded()
    assert bench.at(phase)
    bench.report_of(persons=2)
    assert bench.shows() == (LanePhase.REFERRED, {Alarm.TAILGATING})
    bench.report()
    assert bench.officer(OfficerAction.CLEAR) == ()


def test_a_door_that_is_not_taken_brings_an_officer_who_sends_the_traveller_away() -> None:
    """P14, P15: there is no way back to open, so the case is closed."""
    bench = one_step_to_exit_open()
    for _ in range(10):
        bench.report()
        bench.tick()
    bench.report()
    assert bench.shows() == (LanePhase.REFERRED, {Alarm.REFERRAL})
    bench.report()
    bench.officer(OfficerAction.RELEASE_TO_ENTRY)
    bench.report()
    assert bench.at(LanePhase.IDLE)
    assert c.RecordCompletion(1, None) in bench.asked


def test_a_one_step_referral_waits_before_the_locked_door() -> None:
    """P11."""
    bench = Bench(ONE_STEP, persons=1).to_idle()
    bench.tell(e.DocumentPresented())
    bench.decided(ADMIT_ENTRY)
    bench.decided(REFER_EXIT)
    bench.report()
    assert bench.at(LanePhase.REFERRED)
    assert unlocks(bench) == []
    bench.officer(OfficerAction.CLEAR)
    bench.recorded()
    assert bench.at(LanePhase.EXIT_OPEN)


def test_a_segregated_lane_begins_with_a_token_and_never_with_a_document() -> None:
    """P1: the token is redeemed first, and its result is decided like a document."""
    bench = Bench(SEGREGATED).to_idle()
    assert bench.tell(e.DocumentPresented()) == ()
    assert kinds(bench.tell(e.TokenPresented())) == [c.RedeemToken]
    assert bench.tell(e.TokenPresented()) == ()
    bench.decided(ADMIT_ENTRY)
    assert bench.at(LanePhase.ENTRY_OPEN)


def test_a_token_that_is_refused_keeps_the_entry_locked() -> None:
    """P7, P13."""
    bench = Bench(SEGREGATED).to_idle()
    bench.tell(e.TokenPresented())
    bench.decided(REFER_ENTRY)
    assert bench.at(LanePhase.REFERRED_OUTSIDE)
    assert unlocks(bench) == []


@pytest.mark.parametrize("topology", [Topology.ONE_STEP, Topology.TWO_STEP])
def test_a_token_means_nothing_elsewhere(topology: Topology) -> None:
    assert Bench(LaneSettings(topology=topology)).to_idle().tell(e.TokenPresented()) == ()


@pytest.mark.parametrize("topology", [Topology.ONE_STEP, Topology.SEGREGATED])
def test_only_a_man_trap_is_pipelined(topology: Topology) -> None:
    """I14."""
    with pytest.raises(SettingsError, match="pipelined"):
        settings_from({}, topology=topology, pipelined=True)


def test_the_next_document_is_read_and_let_in_when_the_lane_is_empty() -> None:
    """P22: the right is the waiting passage's own, and comes with the proof that nobody is inside."""
    bench = Bench(PIPELINED).to_capture()
    assert bench.tell(e.DocumentPresented()) == (c.ReadDocument(2),)
    assert bench.tell(e.DocumentPresented()) == (), "one at a time"
    assert bench.tell(e.Decided(2, ADMIT_ENTRY)) == ()
    bench.tell(e.Decided(1, ADMIT_EXIT))
    bench.recorded()
    assert unlocks(bench) == [Door.ENTRY, Door.EXIT]
    bench.persons = 0
    bench.report()
    bench.report()
    assert (bench.state.phase, bench.state.passage) == (LanePhase.READING, 2)
    bench.report()
    assert (bench.state.phase, unlocks(bench)) == (LanePhase.ENTRY_OPEN, [Door.ENTRY, Door.EXIT, Door.ENTRY])
    assert c.RecordCompletion(1, Door.EXIT) in bench.asked


def test_a_refused_document_that_waits_is_recorded_and_sent_to_the_desk_later() -> None:
    """P22, P7."""
    bench = Bench(PIPELINED).to_recording()
    crossing = bench.state.records
    bench.tell(e.DocumentPresented())
    assert c.RecordCrossing(2, REFER_ENTRY, crossing + 1) in bench.tell(e.Decided(2, REFER_ENTRY))
    bench.tell(e.Recorded(2, crossing + 1))
    assert bench.at(LanePhase.RECORDING), "P13: its record opens nothing for the traveller inside"
    bench.tell(e.Recorded(1, crossing))
    bench.persons = 0
    bench.report()
    bench.report()
    assert (bench.state.phase, bench.state.passage) == (LanePhase.REFERRED_OUTSIDE, 2)


@pytest.mark.parametrize(
    "spoil", ["emergency", "second person", "gate lost", "hold", "object", "closed", "no officer", "battery"]
)
def test_who_waits_is_dropped_when_the_lane_is_not_free(spoil: str) -> None:
    """P22: nothing that the waiting passage holds survives, and its late answer opens nothing."""
    bench = Bench(PIPELINED).to_exit_open()
    bench.tell(e.DocumentPresented())
    bench.tell(e.Decided(2, ADMIT_ENTRY))
    acts: dict[str, Callable[[], object]] = {
        "emergency": lambda: bench.report(emergency=True),
        "second person": lambda: bench.report_of(persons=2),
        "gate lost": lambda: bench.tell(e.GateLost()),
        "hold": lambda: bench.officer(OfficerAction.HOLD),
        "object": lambda: setattr(bench, "object_left", True),
        "closed": lambda: bench.officer(OfficerAction.OUT_OF_SERVICE),
        "no officer": lambda: bench.tell(e.OfficerPresence(False)),
        "battery": lambda: setattr(bench, "power", Power.LOW),
    }
    acts[spoil]()
    bench.persons = 0
    bench.report()
    bench.report()
    assert bench.state.waiting is None
    assert c.AbandonPassage(2) in bench.asked
    bench.tell(e.Decided(2, ADMIT_ENTRY))
    bench.report()
    assert unlocks(bench) == [Door.ENTRY, Door.EXIT]


def test_a_waiting_document_that_is_taken_away_may_be_laid_again() -> None:
    bench = Bench(PIPELINED).to_capture()
    bench.tell(e.DocumentPresented())
    assert bench.tell(e.DocumentRemoved(2)) == (c.AbandonPassage(2),)
    assert bench.tell(e.DocumentPresented()) == (c.ReadDocument(3),)
    assert bench.state.waiting == Waiting(3)


def test_without_pipelining_the_next_document_waits_for_idle() -> None:
    """P22 is a choice."""
    assert Bench().to_capture().tell(e.DocumentPresented()) == ()
