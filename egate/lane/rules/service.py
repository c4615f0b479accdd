"""Whether the lane takes travellers at all, and what lies in it: officer presence, degraded modes, power, left objects.

The rule it keeps: whatever is missing, the traveller under way is finished or referred first; only then the lane closes by
itself, and it opens again by itself. What an officer closed, only an officer opens.
"""

from __future__ import annotations

from egate.lane import events as e
from egate.lane.turn import Turn
from egate.model.lane import Alarm, LanePhase, OfficerAction

_OBJECT_ACTS = frozenset({OfficerAction.CLEAR, OfficerAction.RELEASE_TO_ENTRY, OfficerAction.IN_SERVICE})
"""What an officer says when nothing lies in the lane any more."""


def note_presence(turn: Turn, event: e.OfficerPresence) -> None:
    """An officer came to the station or left it (S5)."""
    turn.change(attended=event.present)
    turn.mark(Alarm.NO_OFFICER, is_on=not event.present)
    settle(turn)


def note_mode(turn: Turn, event: e.ModeChanged) -> None:
    """Something stopped working, or works again (P21)."""
    turn.change(degraded=event.degraded)
    turn.mark(Alarm.DEGRADED, is_on=bool(event.degraded))
    settle(turn)


def settle(turn: Turn) -> None:
    """Between travellers: close when the lane may take nobody, and prove the doors when it may again."""
    state = turn.state
    if state.phase is LanePhase.IDLE and not state.serviceable:
        turn.rest()
    elif state.phase is LanePhase.OUT_OF_SERVICE and state.serviceable and not state.gate_lost:
        turn.resync()


def watch_left_object(turn: Turn, _event: e.GateReported) -> None:
    """Staff may open doors by key and come in for the object: nothing is wrong with that, and nothing is unlocked meanwhile."""
    if turn.state.persons > 1:
        turn.call(Alarm.TAILGATING)


def call_for_object(turn: Turn, _event: e.TimerExpired) -> None:
    """Call again when nobody comes."""
    if turn.tick(turn.settings.officer_hold_s):
        turn.call(Alarm.OVERSTAY)


def officer_at_object(turn: Turn, event: e.OfficerWished) -> None:
    """Over when the sensor sees nothing and an officer says so, both (P17); then the doors are proved."""
    if event.action is OfficerAction.OUT_OF_SERVICE:
        turn.set_service(event)
    elif event.action in _OBJECT_ACTS and not turn.state.object_left:
        if event.action is OfficerAction.IN_SERVICE:
            turn.set_service(event)
        else:
            turn.record_act(event)
        turn.dismiss(Alarm.LEFT_OBJECT, Alarm.OVERSTAY, Alarm.TAILGATING)
        turn.resync()
