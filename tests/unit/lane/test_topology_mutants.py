"""The rules of topologies, contacts, presence, modes and pipelined reading, each deleted once: the walk notices each (I13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from egate.lane import commands as c
from egate.lane import events as e
from egate.lane import interlock, table
from egate.lane.modes import MODES
from egate.lane.rules import inside, outside, overrides, referral, service
from egate.lane.settings import LaneSettings
from egate.lane.state import LaneState, RecordPurpose
from egate.lane.turn import Turn
from egate.model.checks import Decision, Outcome
from egate.model.lane import Degradation, Door, LanePhase, OfficerAction
from tests.unit.lane.test_mutants import _row
from tests.unit.lane.walk import QUICK, Walk
from tests.unit.lane.walk_scopes import DIRECT, ONE_STEP, PIPELINED, SEGREGATED
from tests.unit.lane.walk_story import told
from tests.unit.lane.walk_world import Scope

Patch = pytest.MonkeyPatch
CLEAR, RELEASE = OfficerAction.CLEAR, OfficerAction.RELEASE_TO_ENTRY
CROWD = replace(DIRECT, persons=2)
OBJECT = replace(DIRECT, contacts=("object_left",), officers=(CLEAR,))
INTRUSION = replace(DIRECT, contacts=("intrusion",))
OBSTACLE = replace(DIRECT, contacts=("obstructed",))
BATTERY = replace(DIRECT, contacts=("power",))
STATION = replace(DIRECT, service=True)
FAMILY = replace(CROWD, families=True, officers=(CLEAR,))
FLOOR = replace(CROWD, single=True)


@dataclass(frozen=True)
class Mutant:
    """A deleted rule, the world and the lane that show it, and the property that must break."""

    name: str
    scope: Scope
    settings: LaneSettings
    apply: Callable[[Patch], None]
    breaks: str


def _never_unserviceable(patch: Patch, *ignored: str) -> None:
    def serviceable(state: LaneState) -> bool:
        return bool(KEEP_SERVICEABLE(replace(state, **{name: getattr(LaneState(), name) for name in ignored})))

    patch.setattr(LaneState, "serviceable", property(serviceable))


KEEP_SERVICEABLE = LaneState.serviceable.fget  # type: ignore[attr-defined]  # a property has its getter


def _growth_ignored(patch: Patch) -> None:
    keep = inside._somebody_came

    def only_too_many(turn: Turn) -> bool:
        turn.before = replace(turn.before, persons=9)
        return keep(turn)

    patch.setattr(inside, "_somebody_came", only_too_many)


def _intrusion_ignored(patch: Patch) -> None:
    patch.setattr(
        table, "OVERRIDES", tuple(entry for entry in table.OVERRIDES if entry.row.rule is not overrides.wrong_direction)
    )


def _object_forgotten(patch: Patch) -> None:
    def rest(turn: Turn) -> None:
        turn.end_passage()
        turn.enter(LanePhase.IDLE if turn.state.serviceable else LanePhase.OUT_OF_SERVICE)

    patch.setattr(Turn, "rest", rest)


def _officer_alone_clears_object(patch: Patch) -> None:
    def believe(turn: Turn, event: e.OfficerWished) -> None:
        turn.change(object_left=False)
        service.officer_at_object(turn, event)

    _row(patch, LanePhase.LEFT_OBJECT, e.OfficerWished, believe)


def _sensor_alone_clears_object(patch: Patch) -> None:
    def believe(turn: Turn, _event: e.GateReported) -> None:
        if not turn.state.object_left:
            turn.resync()

    _row(patch, LanePhase.LEFT_OBJECT, e.GateReported, believe)


def _doors_forced(patch: Patch) -> None:
    patch.setattr(Turn, "ask_again", lambda turn, _span_s: turn.lock_both())


def _battery_ignored_while_reading(patch: Patch) -> None:
    def keep(turn: Turn, _event: e.GateReported) -> None:
        if turn.state.grant is not None:
            turn.open_door(Door.ENTRY, LanePhase.ENTRY_OPEN, turn.settings.entry_open_s)

    def decide(turn: Turn, event: e.Decided) -> None:
        if event.decision.outcome is Outcome.ADMIT and event.passage == turn.state.passage:
            turn.change(decision=event.decision)
            turn.give(Door.ENTRY)

    _row(patch, LanePhase.READING, e.GateReported, keep)
    _row(patch, LanePhase.READING, e.Decided, decide)


def _mode_is_always_normal(patch: Patch) -> None:
    patch.setattr("egate.lane.state.mode_of", lambda _degraded, _topology: MODES[Degradation.PRINTER_DOWN])


def _waiting_survives_a_referral(patch: Patch) -> None:
    patch.setattr(Turn, "drop_waiting", lambda _turn: None)


def _next_is_let_in_early(patch: Patch) -> None:
    """The one who waits goes in as soon as the exit is locked, whoever is still there."""
    patch.setattr(interlock, "count_fits", lambda grant, state: grant.door is Door.ENTRY or state.persons == grant.persons)

    def watch(turn: Turn, event: e.GateReported) -> None:
        waiting = turn.state.waiting
        if turn.state.secure and waiting is not None and waiting.decision is not None:
            turn.rest()
            turn.open_door(Door.ENTRY, LanePhase.ENTRY_OPEN, turn.settings.entry_open_s)
        else:
            inside.watch_exit_closing(turn, event)

    _row(patch, LanePhase.EXIT_CLOSING, e.GateReported, watch)
    _row(patch, LanePhase.READING, e.GateReported, lambda turn, _event: outside._keep_reading(turn))


def _waiting_is_admitted_undecided(patch: Patch) -> None:
    def promote(turn: Turn, waiting: object) -> None:
        turn.change(passage=turn.state.passages, waiting=None)
        turn.enter(LanePhase.READING)
        turn.give(Door.ENTRY)

    patch.setattr(Turn, "_promote", promote)


def _refusal_recorded_as_the_crossing(patch: Patch) -> None:
    """The record of the one who waits is taken for the record of the one inside."""

    def record(turn: Turn, decision: Decision) -> None:
        number = turn._await(RecordPurpose.CROSSING)
        turn.commands.append(c.RecordCrossing(turn.state.passage, decision, number))

    patch.setattr(Turn, "record_waiting", record)


def _any_number_is_cleared(patch: Patch) -> None:
    patch.setattr(interlock, "count_fits", lambda _grant, _state: True)
    patch.setattr(referral, "_counted", lambda _turn, _persons: True)


def _floor_uncounted(patch: Patch) -> None:
    patch.setattr(interlock, "count_fits", lambda _grant, _state: True)
    _row(patch, LanePhase.RECORDING, e.GateReported, lambda _turn, _event: None)


def _one_step_moves_an_entry(patch: Patch) -> None:
    patch.setattr(LaneState, "single", property(lambda _state: False))
    patch.setattr(interlock, "count_fits", lambda _grant, _state: True)


def _one_step_captures_undecided(patch: Patch) -> None:
    def capture(turn: Turn, event: e.Decided) -> None:
        turn.record_crossing(event.decision)
        turn.give(Door.EXIT)
        turn.open_door(Door.EXIT, LanePhase.EXIT_OPEN, turn.settings.exit_open_s)

    _row(patch, LanePhase.READING, e.Decided, capture)


def _token_opens_at_once(patch: Patch) -> None:
    def open_now(turn: Turn, event: e.TokenPresented) -> None:
        outside.begin_redeeming(turn, event)
        turn.give(Door.ENTRY)
        turn.open_door(Door.ENTRY, LanePhase.ENTRY_OPEN, turn.settings.entry_open_s)

    _row(patch, LanePhase.IDLE, e.TokenPresented, open_now)


MUTANTS = (
    Mutant("somebody may come in through the exit", CROWD, QUICK, _growth_ignored, "P16"),
    Mutant("a forced way is ignored", INTRUSION, QUICK, _intrusion_ignored, "P16"),
    Mutant("a left object is forgotten", OBJECT, QUICK, _object_forgotten, "P17"),
    Mutant("an officer alone clears an object", OBJECT, QUICK, _officer_alone_clears_object, "P17"),
    Mutant("the sensor alone clears an object", OBJECT, QUICK, _sensor_alone_clears_object, "P17"),
    Mutant("an obstructed door is forced", OBSTACLE, QUICK, _doors_forced, "I9"),
    Mutant("a nearly empty battery is ignored", BATTERY, QUICK, lambda p: _never_unserviceable(p, "power"), "I11"),
    Mutant("a traveller enters on a nearly empty battery", BATTERY, QUICK, _battery_ignored_while_reading, "I11"),
    Mutant("nobody needs to be at the station", STATION, QUICK, lambda p: _never_unserviceable(p, "attended"), "SUPERVISION"),
    Mutant("every degraded lane is normal", STATION, QUICK, _mode_is_always_normal, "P21"),
    Mutant("who waits survives a referral", DIRECT, PIPELINED, _waiting_survives_a_referral, "P22"),
    Mutant("who waits is let in to somebody", DIRECT, PIPELINED, _next_is_let_in_early, "P22"),
    Mutant("who waits is let in undecided", DIRECT, PIPELINED, _waiting_is_admitted_undecided, "P8"),
    Mutant("a refusal is taken for the crossing", DIRECT, PIPELINED, _refusal_recorded_as_the_crossing, "S2"),
    Mutant("any number leaves with a family", FAMILY, QUICK, _any_number_is_cleared, "S2"),
    Mutant("nobody counts before a single door", FLOOR, ONE_STEP, _floor_uncounted, "S2"),
    Mutant("a single door opens after the document", FLOOR, ONE_STEP, _one_step_captures_undecided, "S2"),
    Mutant("a lane with one door moves an entry", FLOOR, ONE_STEP, _one_step_moves_an_entry, "S1"),
    Mutant("a token opens the entry unredeemed", DIRECT, SEGREGATED, _token_opens_at_once, "P8"),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_deleted_rule_of_a_topology_is_noticed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """P1, P9, P16, P17, P19, P21, P22, I9, I11, S5: each of them breaks by itself, and the shortest story says how."""
    mutant.apply(monkeypatch)
    walk = Walk(mutant.scope, settings=replace(mutant.settings), limit=40_000, only=mutant.breaks).run()
    assert walk.violation, f"{mutant.name}: {walk.states} states walked and nothing was noticed"
    assert mutant.breaks in walk.violation.split()
    assert told(walk).splitlines()[-1] == f"Broken: {walk.violation}."


def test_without_the_mutants_the_same_worlds_are_quiet() -> None:
    """What the mutants break is whole in the shipping rules."""
    for scope, settings in {(mutant.scope, mutant.settings) for mutant in MUTANTS}:
        walk = Walk(scope, settings=settings, limit=1_500).run()
        assert walk.violation == "", told(walk)
