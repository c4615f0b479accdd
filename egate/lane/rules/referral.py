"""What happens while an officer decides, and the way back out through the entry door.

The rule it keeps: an officer's clearance opens the exit only after it is recorded, for exactly one person, through the same
interlock as any passage. The way back (P15) needs no record first: a full disk must not lock anybody in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from egate.lane import events as e
from egate.lane import interlock
from egate.lane.findings import health
from egate.lane.state import Grant, RecordPurpose
from egate.lane.turn import CASE_ALARMS, OUTSIDE, Turn
from egate.model.checks import CheckResult
from egate.model.lane import Alarm, Door, DoorState, LanePhase, OfficerAction

MOST_TOGETHER = 6
"""How many an officer may let leave together: a family and who assists, as many as a gate holds (P19)."""

# -- held ---------------------------------------------------------------------------------------------------------------


def watch_referred(turn: Turn, _event: e.GateReported) -> None:
    """A right that was given opens its door as soon as the interlock allows; a change in number takes it away."""
    state = turn.state
    if state.persons > state.expected:
        turn.call(Alarm.TAILGATING)
    if state.intrusion and not turn.before.intrusion:
        turn.call(Alarm.WRONG_DIRECTION)
        turn.revoke()
    if not _returning(turn) and not _counted(turn, state.expected):
        turn.revoke()
    use_right(turn)


def _counted(turn: Turn, persons: int) -> bool:
    """Whether the sensors agree that so many are to leave."""
    return interlock.count_fits(Grant(turn.state.passage, Door.EXIT, persons), turn.state)


def use_right(turn: Turn) -> None:
    """Open the door that the officer's act gave, if the interlock allows it now; what called the officer is then over."""
    settings = turn.settings
    if _returning(turn):
        opened = turn.open_door(Door.ENTRY, LanePhase.RETURN_OPEN, settings.return_open_s)
    else:
        opened = turn.open_door(Door.EXIT, LanePhase.EXIT_OPEN, settings.exit_open_s)
    if opened:
        turn.dismiss(*CASE_ALARMS)


def _returning(turn: Turn) -> bool:
    return turn.state.grant is not None and turn.state.grant.door is Door.ENTRY


def call_again(turn: Turn, _event: e.TimerExpired) -> None:
    """Repeat lost locks, name a door that does not lock, and call once more when nobody comes."""
    waited_enough = turn.tick(turn.settings.officer_hold_s)
    if not turn.state.secure and turn.state.ticks >= turn.settings.ticks(turn.settings.closing_s):
        turn.call(Alarm.DOOR_FAULT)
    if turn.seems_lost and not turn.state.obstructed:
        turn.lock_both()
    if waited_enough:
        turn.call(Alarm.OVERSTAY)


def clearance_recorded(turn: Turn, event: e.Recorded) -> None:
    """The officer's act is durable: give the right that it stands for."""
    purpose = turn.settle(event.passage, event.number)
    if purpose is not None:
        turn.dismiss(Alarm.NOT_RECORDED)
    if purpose is RecordPurpose.CLEARANCE:
        turn.give(Door.EXIT)
        use_right(turn)


def note_recorded(turn: Turn, event: e.Recorded) -> None:
    """A record that nothing waits for."""
    if turn.settle(event.passage, event.number) is not None:
        turn.dismiss(Alarm.NOT_RECORDED)


def note_not_recorded(turn: Turn, event: e.NotRecorded) -> None:
    """A record was lost: the officer is told, and nothing opens for it."""
    if turn.settle(event.passage, event.number) is not None:
        turn.call(Alarm.NOT_RECORDED)


# -- the way back -------------------------------------------------------------------------------------------------------


def watch_return(turn: Turn, _event: e.GateReported) -> None:
    """Lock the entry behind the last person who left."""
    state = turn.state
    if DoorState.FAULT in (state.entry, state.exit) or (state.fresh and state.exit is not DoorState.LOCKED):
        turn.refer_fault("exit_not_locked_while_returning")
    elif state.fresh and state.persons == 0 and state.entry is not DoorState.OPEN:
        close_return(turn)


def hold_return(turn: Turn, _event: e.TimerExpired) -> None:
    """The entry is offered until everybody left, or `return_open_s`."""
    if turn.tick(turn.settings.return_open_s):
        close_return(turn)
    elif not turn.state.fresh or turn.state.occupied:
        turn.hold_open(Door.ENTRY, turn.settings.return_open_s)


def close_return(turn: Turn) -> None:
    """Lock the entry and wait for the proof."""
    turn.revoke()
    turn.lock(Door.ENTRY)
    turn.enter(LanePhase.RETURN_CLOSING)


def watch_return_closing(turn: Turn, _event: e.GateReported) -> None:
    """With fresh proof of both locks: nobody inside ends the passage; whoever stayed waits for the officer again."""
    state = turn.state
    if state.fresh and state.exit is not DoorState.LOCKED:
        turn.refer_fault("exit_not_locked_while_returning")
    elif state.secure and state.occupied:
        turn.refer(Alarm.REFERRAL, health(CheckResult.ABORTED, "did_not_leave"))
    elif state.secure:
        turn.complete(Door.ENTRY)
        turn.rest()


def call_officer(turn: Turn, _event: e.HelpWished) -> None:
    """An officer is called; the phase goes on."""
    turn.call(Alarm.REFERRAL)


def help_outside(turn: Turn, _event: e.HelpWished) -> None:
    """A traveller before the gate wants help: nobody is blamed, an officer comes."""
    turn.break_off("help_wished")
    turn.refer_outside(Alarm.REFERRAL)


# -- what officers ask --------------------------------------------------------------------------------------------------


def officer_asks(turn: Turn, event: e.OfficerWished) -> None:
    """Look up what an officer's action means in this kind of phase; what is not listed changes nothing."""
    if turn.state.gate_lost:
        officer_sets_service(turn, event)
        return
    if turn.state.phase is LanePhase.REFERRED:
        acts = _ACTS_HELD
    else:
        acts = _ACTS_OUTSIDE if turn.state.phase in OUTSIDE else _ACTS_UNDER_WAY
    act = acts.get(event.action)
    if act is not None:
        act(turn, event)


def officer_sets_service(turn: Turn, event: e.OfficerWished) -> None:
    """Where the doors are not ours to move, only the wish for service counts; it takes effect later."""
    if event.action in (OfficerAction.OUT_OF_SERVICE, OfficerAction.IN_SERVICE):
        _set_service(turn, event)


def _set_service(turn: Turn, event: e.OfficerWished) -> None:
    turn.set_service(event)


def _clear(turn: Turn, event: e.OfficerWished) -> None:
    """As many persons as the officer says, both doors proved locked, no other act under way; then the record, then the exit."""
    state = turn.state
    under_way = state.grant is not None or any(entry.purpose is RecordPurpose.CLEARANCE for entry in state.awaiting)
    if 1 <= event.persons <= MOST_TOGETHER and _counted(turn, event.persons) and state.secure and not under_way:
        turn.change(expected=event.persons)
        turn.record_act(event, RecordPurpose.CLEARANCE)


def _release(turn: Turn, event: e.OfficerWished) -> None:
    """Back through the entry (P15); when nobody is inside, the case is closed."""
    turn.revoke()
    turn.record_act(event)
    if turn.state.occupied:
        turn.give(Door.ENTRY, back=True)
        use_right(turn)
    else:
        _close_case(turn)


def _close_case(turn: Turn) -> None:
    turn.complete(None)
    turn.resync()


def _hold(turn: Turn, event: e.OfficerWished) -> None:
    turn.record_act(event)
    turn.refer(Alarm.REFERRAL, health(CheckResult.ABORTED, "officer_hold"))


def _keep_holding(turn: Turn, event: e.OfficerWished) -> None:
    """Takes back a clearance that is not used yet."""
    turn.record_act(event)
    turn.revoke()


def _resume(turn: Turn, event: e.OfficerWished) -> None:
    """Nobody inside any more: prove the doors and go on."""
    _set_service(turn, event)
    if not turn.state.occupied:
        _close_case(turn)


def _leave_service(turn: Turn, event: e.OfficerWished) -> None:
    """At once when nobody is inside."""
    _set_service(turn, event)
    turn.break_off("out_of_service")
    turn.complete(None)
    turn.rest()


def _enter_service(turn: Turn, event: e.OfficerWished) -> None:
    _set_service(turn, event)
    if turn.state.phase is LanePhase.OUT_OF_SERVICE:
        turn.resync()


def _dismiss_case(turn: Turn, event: e.OfficerWished) -> None:
    """An officer took the traveller at the desk."""
    if turn.state.phase is LanePhase.REFERRED_OUTSIDE:
        turn.record_act(event)
        turn.complete(None)
        turn.rest()


def _too_late(turn: Turn, event: e.OfficerWished) -> None:
    """The lane decides by itself just now: the act changes nothing, and the log shows that it came (S4)."""
    turn.record_act(event, effective=False)


Act = Callable[[Turn, e.OfficerWished], None]

_ACTS_HELD: Mapping[OfficerAction, Act] = {
    OfficerAction.CLEAR: _clear,
    OfficerAction.RELEASE_TO_ENTRY: _release,
    OfficerAction.HOLD: _keep_holding,
    OfficerAction.IN_SERVICE: _resume,
    OfficerAction.OUT_OF_SERVICE: _set_service,
}
_ACTS_OUTSIDE: Mapping[OfficerAction, Act] = {
    OfficerAction.CLEAR: _dismiss_case,
    OfficerAction.RELEASE_TO_ENTRY: _dismiss_case,
    OfficerAction.HOLD: _hold,
    OfficerAction.IN_SERVICE: _enter_service,
    OfficerAction.OUT_OF_SERVICE: _leave_service,
}
_ACTS_UNDER_WAY: Mapping[OfficerAction, Act] = {
    OfficerAction.CLEAR: _too_late,
    OfficerAction.RELEASE_TO_ENTRY: _too_late,
    OfficerAction.HOLD: _hold,
    OfficerAction.IN_SERVICE: _set_service,
    OfficerAction.OUT_OF_SERVICE: _set_service,
}
