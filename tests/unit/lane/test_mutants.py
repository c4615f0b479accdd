"""Each safety rule is deleted once, on purpose; the walk must notice every time (I13). What nobody would miss proves nothing.

A mutant is a patch to the shipping functions or table; the walk then runs in the smallest world that shows the damage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from egate.lane import events as e
from egate.lane import interlock, machine, table
from egate.lane.commands import CaptureFace
from egate.lane.interlock import other_door
from egate.lane.rules import inside, outside, overrides, referral
from egate.lane.state import Grant, LaneState, RecordPurpose
from egate.lane.table import Row
from egate.lane.turn import Turn
from egate.model.checks import DecisionPoint
from egate.model.lane import Door, DoorState, LanePhase, OfficerAction
from tests.unit.lane.lane_bench import ADMIT_EXIT
from tests.unit.lane.walk import QUICK, Walk
from tests.unit.lane.walk_world import Scope

SMALL = Scope(flying=1, persons=1, crash=False, emergency=False, late_work=False)
CROWD = Scope(flying=1, persons=2, crash=False, emergency=False, late_work=False, officers=())
LATE = Scope(flying=0, persons=1, crash=False, emergency=False, late_work=True, late_reports=False)
ALARM = Scope(flying=1, persons=1, crash=False, emergency=True, late_work=False, officers=())
CLEARING = Scope(flying=0, persons=2, crash=False, emergency=False, late_work=False, late_reports=False)

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Mutant:
    """A deleted rule, the world that shows it, and the properties one of which must break."""

    name: str
    scope: Scope
    apply: Callable[[Patch], None]
    breaks: str


def _interlock_always(patch: Patch) -> None:
    patch.setattr(interlock, "may_unlock", lambda _door, _state: True)


def _interlock_without(patch: Patch, rule: str) -> None:
    """The interlock with one of its clauses taken out."""

    def may_unlock(door: Door, state: LaneState) -> bool:
        other = other_door(door)
        clauses = {
            "fresh": state.fresh,
            "other": state.door(other) is DoorState.LOCKED and state.leased is not other,
            "grant": state.grant is not None and (state.grant.passage, state.grant.door) == (state.passage, door),
            "count": interlock.count_fits(state.grant or Grant(0, door), state),
        }
        return all(value for name, value in clauses.items() if name != rule)

    patch.setattr(interlock, "may_unlock", may_unlock)


def _evidence_always_fresh(patch: Patch) -> None:
    patch.setattr(LaneState, "fresh", property(lambda state: state.evidence >= 0))


def _row(patch: Patch, phase: LanePhase, kind: type[e.Event], rule: Callable[[Turn, Any], None]) -> None:
    rows = {**table.TABLE[phase], kind: Row(rule)}
    patch.setattr(table, "TABLE", {**table.TABLE, phase: rows})


def _open_before_record(patch: Patch) -> None:
    def decide(turn_: Turn, event: e.Decided) -> None:
        inside.take_exit_decision(turn_, event)
        if turn_.state.phase is LanePhase.RECORDING:
            turn_.give(Door.EXIT)
            turn_.open_door(Door.EXIT, LanePhase.EXIT_OPEN, turn_.settings.exit_open_s)

    _row(patch, LanePhase.CAPTURE, e.Decided, decide)


def _open_when_not_recorded(patch: Patch) -> None:
    def shrug(turn_: Turn, event: e.NotRecorded) -> None:
        inside.open_exit(turn_, e.Recorded(event.passage, event.number))

    _row(patch, LanePhase.RECORDING, e.NotRecorded, shrug)


def _referral_opens(patch: Patch) -> None:
    def admit(turn_: Turn, event: e.Decided) -> None:
        inside.take_exit_decision(turn_, e.Decided(event.passage, ADMIT_EXIT))

    _row(patch, LanePhase.CAPTURE, e.Decided, admit)


def _referral_waits_for_its_record(patch: Patch) -> None:
    """A referral takes the way of an admission: recorded as what it is, and then the exit."""

    def decide(turn_: Turn, event: e.Decided) -> None:
        if event.passage == turn_.state.passage and event.decision.point is DecisionPoint.EXIT:
            turn_.record_crossing(event.decision)
            turn_.change(phase=LanePhase.RECORDING)

    _row(patch, LanePhase.CAPTURE, e.Decided, decide)


def _grant_survives(patch: Patch) -> None:
    """Rights are never taken away, and whoever is referred may use an old one."""
    patch.setattr(Turn, "revoke", lambda _turn: None)


def _clearance_unrecorded(patch: Patch) -> None:
    def clear(turn_: Turn, event: e.OfficerWished) -> None:
        if event.action is OfficerAction.CLEAR and turn_.state.secure and turn_.state.persons == 1:
            turn_.record_act(event, RecordPurpose.CLEARANCE)
            turn_.give(Door.EXIT)
            referral.use_right(turn_)

    _row(patch, LanePhase.REFERRED, e.OfficerWished, clear)


def _any_record_clears(patch: Patch) -> None:
    def believe(turn_: Turn, _event: e.Recorded) -> None:
        turn_.give(Door.EXIT)
        referral.use_right(turn_)

    _row(patch, LanePhase.REFERRED, e.Recorded, believe)


def _count_ignored(patch: Patch) -> None:
    def watch(turn_: Turn, event: e.GateReported) -> None:
        turn_.change(persons=min(turn_.state.persons, 1))
        inside.watch_inside(turn_, event)

    def watch_closing(turn_: Turn, event: e.GateReported) -> None:
        turn_.change(persons=min(turn_.state.persons, 1))
        outside.watch_entry_closing(turn_, event)

    _row(patch, LanePhase.CAPTURE, e.GateReported, watch)
    _row(patch, LanePhase.ENTRY_CLOSING, e.GateReported, watch_closing)


def _capture_before_locked(patch: Patch) -> None:
    """The naive controller: the last report said locked, so it is locked; evidence may be as old as it likes."""
    patch.setattr(LaneState, "fresh", property(lambda _state: True))
    patch.setattr(Turn, "tick", lambda *_: True)


def _emergency_ignored(patch: Patch) -> None:
    patch.setattr(table, "OVERRIDES", table.OVERRIDES[1:])


def _emergency_locks_doors(patch: Patch) -> None:
    def lock(turn_: Turn, event: e.Event) -> None:
        overrides.emergency(turn_, event)
        turn_.lock_both()

    override = table.OVERRIDES[0]
    patch.setattr(table, "OVERRIDES", (table.Override(override.applies, Row(lock)), *table.OVERRIDES[1:]))


def _no_resync_after_emergency(patch: Patch) -> None:
    def rest(turn_: Turn, event: e.GateReported) -> None:
        if not event.report.emergency:
            turn_.rest()

    _row(patch, LanePhase.EMERGENCY, e.GateReported, rest)


def _starts_idle(patch: Patch) -> None:
    patch.setattr(machine, "initial", lambda _settings: LaneState(phase=LanePhase.IDLE))
    patch.setattr(LaneState, "secure", property(lambda _state: True))
    _interlock_always(patch)


def _lease_without_end(patch: Patch) -> None:
    keep = Turn.unlock

    def unlock(self: Turn, door: Door, _offered_s: float) -> bool:
        object.__setattr__(self.settings, "lease_s", 1e9)
        return keep(self, door, 1e9)

    patch.setattr(Turn, "unlock", unlock)


def _stale_answer_taken(patch: Patch) -> None:
    """Records are taken for the crossing of whatever passage is under way (P13)."""

    def believe(turn_: Turn, _event: e.Recorded) -> None:
        turn_.give(Door.EXIT)
        turn_.open_door(Door.EXIT, LanePhase.EXIT_OPEN, turn_.settings.exit_open_s)

    _row(patch, LanePhase.RECORDING, e.Recorded, believe)


def _old_decision_taken(patch: Patch) -> None:
    def decide(turn_: Turn, event: e.Decided) -> None:
        inside.take_exit_decision(turn_, e.Decided(turn_.state.passage, event.decision))

    def admit_exit(turn_: Turn, _event: e.TimerExpired) -> None:
        turn_.record_crossing(ADMIT_EXIT)
        turn_.change(phase=LanePhase.RECORDING)

    _row(patch, LanePhase.CAPTURE, e.Decided, decide)
    _row(patch, LanePhase.CAPTURE, e.TimerExpired, admit_exit)


def _naive_close(patch: Patch) -> None:
    """The face is captured as soon as somebody is inside, whatever the doors do."""

    def watch(turn_: Turn, _event: e.GateReported) -> None:
        if turn_.state.persons == 1:
            turn_.commands.append(CaptureFace(turn_.state.passage))
            turn_.change(phase=LanePhase.CAPTURE)

    _row(patch, LanePhase.ENTRY_OPEN, e.GateReported, watch)
    _row(patch, LanePhase.CAPTURE, e.GateReported, lambda _turn, _event: None)


def _clear_any(patch: Patch) -> None:
    """The officer's clearance is taken for any number of persons, too."""

    def clear(turn_: Turn, event: e.OfficerWished) -> None:
        if event.action is OfficerAction.CLEAR and turn_.state.secure:
            turn_.record_act(event, RecordPurpose.CLEARANCE)

    _row(patch, LanePhase.REFERRED, e.OfficerWished, clear)
    _row(patch, LanePhase.REFERRED, e.GateReported, lambda turn_, _event: referral.use_right(turn_))


def _one_door_only(patch: Patch) -> None:
    _interlock_without(patch, "other")
    _naive_close(patch)


def _uncounted(patch: Patch) -> None:
    _interlock_without(patch, "count")
    _clear_any(patch)


MUTANTS = (
    Mutant("the interlock says yes to everything", SMALL, _interlock_always, "S1 S2 S4"),
    Mutant("the interlock forgets fresh evidence", SMALL, lambda p: _interlock_without(p, "fresh"), "S4"),
    Mutant("the interlock forgets the other door", SMALL, _one_door_only, "S1 S2"),
    Mutant("the interlock forgets the count", CLEARING, _uncounted, "S2"),
    Mutant("evidence never goes stale", SMALL, _evidence_always_fresh, "S1 S2 S4"),
    Mutant("old evidence and no patience", SMALL, _capture_before_locked, "S1 S2 S4"),
    Mutant("the exit opens before the record", LATE, _open_before_record, "S2"),
    Mutant("the exit opens when nothing was recorded", LATE, _open_when_not_recorded, "S2"),
    Mutant("a referral opens the exit", LATE, _referral_opens, "S7"),
    Mutant("a referral waits for its record like an admission", LATE, _referral_waits_for_its_record, "S2 S7"),
    Mutant("rights are never taken away", LATE, _grant_survives, "S2"),
    Mutant("an officer's clearance is not recorded first", LATE, _clearance_unrecorded, "S2"),
    Mutant("any record is taken for a clearance", LATE, _any_record_clears, "S2"),
    Mutant("the person count is ignored", CROWD, _count_ignored, "S2 P10"),
    Mutant("the emergency input is ignored", ALARM, _emergency_ignored, "I5"),
    Mutant("doors are locked in an emergency", ALARM, _emergency_locks_doors, "I5"),
    Mutant("no proof after an emergency", ALARM, _no_resync_after_emergency, "S5"),
    Mutant("nothing is proved at the start", SMALL, _starts_idle, "S4 S5"),
    Mutant("a lease has no end", SMALL, _lease_without_end, "S6"),
    Mutant("stale answers are taken", replace(LATE, records=2, officers=()), _stale_answer_taken, "S2"),
    Mutant("an admission is recorded without its decision", LATE, _old_decision_taken, "S7"),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_deleted_rule_is_noticed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.apply(monkeypatch)
    walk = Walk(mutant.scope, settings=replace(QUICK), limit=60_000).run()
    assert walk.violation, f"{mutant.name}: {walk.states} states walked and nothing was noticed"
    assert walk.violation.split()[0] in mutant.breaks.split(), walk.violation


def test_there_are_enough_mutants() -> None:
    assert len(MUTANTS) >= 12


@pytest.mark.parametrize("scope", [SMALL, CROWD, LATE, ALARM, CLEARING], ids=["small", "crowd", "late", "alarm", "clearing"])
def test_the_worlds_of_the_mutants_are_quiet_without_them(scope: Scope) -> None:
    assert Walk(scope, limit=8_000).run().violation == ""
