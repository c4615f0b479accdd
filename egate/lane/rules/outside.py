"""What happens while nobody is between the doors: waiting, reading a document, the way in.

The rule it keeps: both doors stay locked until the entry decision is ADMIT; then the entry opens, through the interlock, for
this passage only (P8), and closes behind exactly one person before anything else happens (P9).
"""

from __future__ import annotations

from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.turn import Turn
from egate.model.checks import Check, CheckName, CheckResult, Decision, DecisionPoint, Outcome
from egate.model.lane import Alarm, Door, DoorState, LanePhase

LIST_CHECKS = frozenset({CheckName.DOCUMENT_WATCHLIST, CheckName.PERSON_WATCHLIST})
"""Checks whose referral is called as a list hit."""


def alarm_of(decision: Decision) -> Alarm:
    """How a referral is called: a list hit before anything else."""
    return Alarm.LIST_HIT if any(check.name in LIST_CHECKS for check in decision.because) else Alarm.REFERRAL


def health(result: CheckResult, code: str) -> Check:
    """A finding of the lane about itself."""
    return Check(CheckName.LANE_HEALTH, result, code)


def expect_empty(turn: Turn, _event: e.GateReported) -> None:
    """Nobody inside, both doors locked; anything else is a fault or somebody in the wrong direction (I8, P16)."""
    state = turn.state
    if state.persons > 0:
        turn.refer_fault("unexpected_person")
    elif state.fresh and not state.secure:
        turn.refer_fault("door_not_locked")
    elif state.grant is not None:
        turn.open_door(Door.ENTRY, LanePhase.ENTRY_OPEN, turn.settings.entry_open_s)


def begin_reading(turn: Turn, _event: e.DocumentPresented) -> None:
    """A document starts a passage, if the doors are known to be locked and nobody is inside."""
    if turn.state.secure and not turn.state.occupied and not turn.state.tamper:
        turn.begin_passage()
        turn.commands.append(c.ReadDocument(turn.state.passage))
        turn.enter(LanePhase.READING)


def present_again(turn: Turn, event: e.DocumentRemoved) -> None:
    """The document left too early: the traveller may lay it down again."""
    if event.passage == turn.state.passage:
        turn.abandon()
        turn.rest()


def take_entry_decision(turn: Turn, event: e.Decided) -> None:
    """ADMIT opens the entry through the interlock; REFER is recorded and sends the traveller to the desk (P7)."""
    decision = event.decision
    if event.passage != turn.state.passage or decision.point is not DecisionPoint.ENTRY or turn.state.decision is not None:
        return
    if decision.outcome is Outcome.REFER:
        turn.record_crossing(decision)
        turn.refer_outside(alarm_of(decision))
        return
    turn.change(decision=decision)
    turn.give(Door.ENTRY)
    turn.open_door(Door.ENTRY, LanePhase.ENTRY_OPEN, turn.settings.entry_open_s)


def read_too_long(turn: Turn, _event: e.TimerExpired) -> None:
    """A reading that does not end goes to an officer (P6)."""
    if turn.tick(turn.settings.read_max_s):
        turn.break_off("reading_timed_out")
        turn.refer_outside(Alarm.REFERRAL)


def referred_long_enough(turn: Turn, _event: e.TimerExpired) -> None:
    """The traveller went to the desk; the next one may come."""
    if turn.tick(turn.settings.referred_outside_s):
        turn.complete(None)
        turn.rest()


def watch_entry(turn: Turn, _event: e.GateReported) -> None:
    """The way in: lock behind the first person."""
    state = turn.state
    if state.persons > 1:
        turn.refer_tailgating()
    elif DoorState.FAULT in (state.entry, state.exit) or (state.fresh and state.exit is not DoorState.LOCKED):
        turn.refer_fault("exit_not_locked_while_entering")
    elif state.fresh and state.persons == 1 and state.entry is not DoorState.OPEN:
        close_entry(turn)


def hold_entry(turn: Turn, _event: e.TimerExpired) -> None:
    """The entry is offered until somebody came in, or `entry_open_s` (P8)."""
    if turn.tick(turn.settings.entry_open_s):
        close_entry(turn)
    elif not turn.state.fresh or not turn.state.occupied:
        turn.hold_open(Door.ENTRY, turn.settings.entry_open_s)


def close_entry(turn: Turn) -> None:
    """Lock the entry and wait for the proof."""
    turn.revoke()
    turn.lock(Door.ENTRY)
    turn.enter(LanePhase.ENTRY_CLOSING)


def watch_entry_closing(turn: Turn, _event: e.GateReported) -> None:
    """With fresh proof of both locks: one person is captured, nobody means that nobody came."""
    state = turn.state
    if state.persons > 1:
        turn.refer_tailgating()
    elif state.fresh and state.exit is not DoorState.LOCKED:
        turn.refer_fault("exit_not_locked_while_entering")
    elif state.secure and state.occupied:
        turn.commands.append(c.CaptureFace(state.passage))
        turn.change(phase=LanePhase.CAPTURE)
    elif state.secure:
        turn.abandon()
        turn.complete(None)
        turn.rest()


def close_too_long(turn: Turn, _event: e.TimerExpired) -> None:
    """A door that does not lock in time is the officer's (I9); until then the lock is asked for again, in case it was lost."""
    if turn.tick(turn.settings.closing_s):
        turn.refer_fault("door_did_not_lock")
    elif turn.seems_lost:
        turn.lock_both()
