"""What comes before every phase: emergency, lost gate unit, opened housing; and the way back to a known state.

The rule it keeps: in an emergency the lane moves nothing, because the way out is hardware. Afterwards, after a start and after a
lost link, nothing opens before fresh evidence proves both doors closed and locked (I6).
"""

from __future__ import annotations

from egate.lane import events as e
from egate.lane.findings import health
from egate.lane.rules.outside import expect_empty
from egate.lane.rules.service import settle
from egate.lane.turn import CASE_ALARMS, Turn
from egate.model.checks import CheckResult
from egate.model.lane import Alarm, LanePhase


def emergency(turn: Turn, _event: e.Event) -> None:
    """Stop the passage, call, and keep the hands off the doors (I5)."""
    turn.break_off("emergency")
    turn.complete(None)
    turn.dismiss(*CASE_ALARMS, Alarm.DEVICE_LOST)
    turn.change(gate_lost=False)
    turn.call(Alarm.EMERGENCY)
    turn.enter(LanePhase.EMERGENCY)


def watch_emergency(turn: Turn, event: e.GateReported) -> None:
    """Over when the input says so; then both doors are proved again (I6)."""
    turn.dismiss(Alarm.DEVICE_LOST)
    if not event.report.emergency:
        turn.dismiss(Alarm.EMERGENCY)
        turn.resync()


def gate_lost(turn: Turn, _event: e.Event) -> None:
    """The unit locks by its own lease. Nothing is known any more, so no traveller goes on."""
    if turn.state.phase is not LanePhase.EMERGENCY:
        turn.break_off("gate_lost")
        turn.change(gate_lost=True)
        turn.enter(LanePhase.OUT_OF_SERVICE)
    turn.forget_evidence()
    turn.call(Alarm.DEVICE_LOST)


def tamper(turn: Turn, _event: e.Event) -> None:
    """The unit's housing is open: hold, and let nobody through."""
    turn.call(Alarm.TAMPER)
    if turn.state.phase not in (LanePhase.EMERGENCY, LanePhase.RESYNC, LanePhase.OUT_OF_SERVICE):
        turn.refer_fault("tamper")


def watch_out_of_service(turn: Turn, event: e.GateReported) -> None:
    """The unit is back: prove the doors. Otherwise nobody is expected inside."""
    if turn.state.gate_lost:
        turn.change(gate_lost=False)
        turn.dismiss(Alarm.DEVICE_LOST)
        turn.resync()
    else:
        expect_empty(turn, event)
        settle(turn)


def wrong_direction(turn: Turn, _event: e.Event) -> None:
    """The unit's own sensors saw somebody force a way or walk against the direction: hold, and open nothing (P16)."""
    turn.refer_wrong_direction()


def watch_resync(turn: Turn, _event: e.GateReported) -> None:
    """Fresh proof of both locks ends it: nobody inside rests, somebody inside is the officer's."""
    state = turn.state
    if state.last_command == 0:
        turn.resync()
    elif state.secure and not state.tamper:
        if state.occupied:
            turn.refer(Alarm.REFERRAL, health(CheckResult.UNDETERMINED, "occupied_after_resync"))
        else:
            turn.complete(None)
            turn.rest()


def lock_again(turn: Turn, _event: e.TimerExpired) -> None:
    """Locks that were lost are asked for again; a door that does not lock is named."""
    if turn.tick(turn.settings.closing_s):
        turn.call(Alarm.DOOR_FAULT)
    if turn.seems_lost and not turn.state.obstructed:
        turn.lock_both()
