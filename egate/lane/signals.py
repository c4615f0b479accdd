"""What the lamps and the buzzer of a lane show: a pure function of its state, shown again whenever it changes.

The rule it keeps: a lamp is seen by everybody, so it never tells a list hit from any other referral.
"""

from __future__ import annotations

from collections.abc import Mapping

from egate.lane.state import LaneState
from egate.model.lane import Alarm, Lamp, LanePhase, Signal

_CLOSED, _WAIT, _GO = Signal(Lamp.RED), Signal(Lamp.AMBER), Signal(Lamp.GREEN)

OF_PHASE: Mapping[LanePhase, Signal] = {
    LanePhase.OUT_OF_SERVICE: _CLOSED,
    LanePhase.RESYNC: _CLOSED,
    LanePhase.IDLE: _GO,
    LanePhase.READING: _CLOSED,
    LanePhase.REFERRED_OUTSIDE: _WAIT,
    LanePhase.ENTRY_OPEN: _GO,
    LanePhase.ENTRY_CLOSING: _CLOSED,
    LanePhase.CAPTURE: _CLOSED,
    LanePhase.RECORDING: _CLOSED,
    LanePhase.EXIT_OPEN: _GO,
    LanePhase.EXIT_CLOSING: _CLOSED,
    LanePhase.LEFT_OBJECT: _CLOSED,
    LanePhase.REFERRED: _WAIT,
    LanePhase.RETURN_OPEN: Signal(Lamp.AMBER, blinking=True),
    LanePhase.RETURN_CLOSING: _CLOSED,
    LanePhase.EMERGENCY: Signal(Lamp.RED, blinking=True, buzzer=True),
}
"""Phase → signal, where no alarm says more."""

LOUD = frozenset({Alarm.TAILGATING, Alarm.WRONG_DIRECTION, Alarm.OBSTRUCTION})
"""Alarms that everybody near the gate may hear: they say what to do, stand back, and nothing about anybody."""


def signal_for(state: LaneState) -> Signal:
    """What to show in this state."""
    if state.phase is not LanePhase.EMERGENCY and state.alarms & LOUD:
        return Signal(Lamp.RED, blinking=True, buzzer=True)
    return OF_PHASE[state.phase]
