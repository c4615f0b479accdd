"""What happens with one person between the doors: face, record, the way out.

The rule it keeps: the exit opens only after the crossing is recorded as ADMIT, through the interlock, for exactly one person.
"""

from __future__ import annotations

from egate.lane import events as e
from egate.lane.findings import alarm_of, health
from egate.lane.rules import pipeline
from egate.lane.state import LaneState, RecordPurpose
from egate.lane.turn import Turn
from egate.model.checks import CheckResult, DecisionPoint, Outcome
from egate.model.lane import Alarm, Door, DoorState, LanePhase


def watch_inside(turn: Turn, _event: e.GateReported) -> None:
    """One person, both doors locked; anything else stops the passage."""
    state = turn.state
    if state.persons > 1:
        turn.refer_tailgating()
    elif state.fresh and not state.secure:
        turn.refer_fault("door_not_locked")
    elif state.persons == 0 and not state.single:
        turn.refer_fault("person_vanished")
    elif state.grant is not None:
        turn.open_door(Door.EXIT, LanePhase.EXIT_OPEN, turn.settings.exit_open_s)


def inside_too_long(turn: Turn, _event: e.TimerExpired) -> None:
    """Time between the doors is bounded (P18)."""
    if turn.tick(turn.settings.inside_max_s):
        turn.refer(Alarm.OVERSTAY, health(CheckResult.ABORTED, "inside_too_long"))


def take_exit_decision(turn: Turn, event: e.Decided) -> None:
    """Both outcomes are recorded; ADMIT waits for the record, REFER does not. A document that waits is decided apart (P22)."""
    pipeline.take_decision(turn, event)
    decision = event.decision
    if event.passage != turn.state.passage or decision.point is not DecisionPoint.EXIT:
        return
    turn.record_crossing(decision)
    if decision.outcome is Outcome.REFER:
        turn.refer(alarm_of(decision), decision.because[0] if decision.because else health(CheckResult.UNDETERMINED, "no_reason"))
    else:
        turn.change(phase=LanePhase.RECORDING)


def open_exit(turn: Turn, event: e.Recorded) -> None:
    """The crossing is durable: the traveller may leave through the exit, once."""
    purpose = turn.settle(event.passage, event.number)
    if purpose is not None:
        turn.dismiss(Alarm.NOT_RECORDED)
    if purpose is RecordPurpose.CROSSING and event.passage == turn.state.passage:
        turn.give(Door.EXIT)
        turn.open_door(Door.EXIT, LanePhase.EXIT_OPEN, turn.settings.exit_open_s)


def refer_unrecorded(turn: Turn, event: e.NotRecorded) -> None:
    """A passage that could not be written is referred."""
    purpose = turn.settle(event.passage, event.number)
    if purpose is RecordPurpose.NOTE:
        turn.call(Alarm.NOT_RECORDED)
    elif purpose is RecordPurpose.CROSSING:
        turn.refer(Alarm.NOT_RECORDED, health(CheckResult.FAILED, "not_recorded"))


def watch_exit(turn: Turn, _event: e.GateReported) -> None:
    """The way out: lock behind whoever left; nobody may come in."""
    state = _note_leaving(turn)
    if _somebody_came(turn):
        return
    if DoorState.FAULT in (state.entry, state.exit) or (state.fresh and state.entry is not DoorState.LOCKED):
        turn.refer_fault("entry_not_locked_while_leaving")
    elif state.fresh and state.exit is not DoorState.OPEN and not _to_leave(turn):
        close_exit(turn)


def _note_leaving(turn: Turn) -> LaneState:
    """Remember that the single door of a one-step lane was open: nobody is counted behind it."""
    if turn.state.single and turn.state.exit is DoorState.OPEN:
        turn.change(came=True)
    return turn.state


def _to_leave(turn: Turn) -> bool:
    """Whether somebody is still to go through the exit."""
    return turn.state.occupied if not turn.state.single else not turn.state.came


def _somebody_came(turn: Turn) -> bool:
    """More persons than the exit is open for (P10), or one more than before: they came in through the exit (P16)."""
    state = turn.state
    if state.persons > state.expected:
        turn.refer_tailgating()
    elif state.persons > turn.before.persons and not state.single:
        turn.refer_wrong_direction()
    else:
        return False
    return True


def hold_exit(turn: Turn, _event: e.TimerExpired) -> None:
    """The exit is offered until the person left, or `exit_open_s` (P14)."""
    if turn.tick(turn.settings.exit_open_s):
        close_exit(turn)
    elif not turn.state.fresh or _to_leave(turn):
        turn.hold_open(Door.EXIT, turn.settings.exit_open_s)


def close_exit(turn: Turn) -> None:
    """The grant is used up: lock the exit and wait for the proof."""
    turn.revoke()
    turn.lock(Door.EXIT)
    turn.enter(LanePhase.EXIT_CLOSING)


def watch_exit_closing(turn: Turn, _event: e.GateReported) -> None:
    """With fresh proof of both locks: nobody inside completes the passage; somebody inside is the officer's (P14)."""
    state = _note_leaving(turn)
    if _somebody_came(turn):
        return
    if state.fresh and state.entry is not DoorState.LOCKED:
        turn.refer_fault("entry_not_locked_while_leaving")
    elif state.secure and _to_leave(turn):
        turn.refer(Alarm.REFERRAL, health(CheckResult.ABORTED, "exit_not_taken"))
    elif state.secure:
        turn.complete(Door.EXIT)
        turn.rest()


def help_inside(turn: Turn, _event: e.HelpWished) -> None:
    """Who asks for help gets an officer."""
    turn.refer(Alarm.REFERRAL, health(CheckResult.ABORTED, "help_wished"))
