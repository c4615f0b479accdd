"""What calls the officer, most urgent first, then oldest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from egate.model.lane import Alarm
from ui.guard.state import ConsoleState, LaneKnown
from ui.guard.view_state import Severity

SEVERITIES: dict[Alarm, Severity] = {
    Alarm.EMERGENCY: Severity.CRITICAL,
    Alarm.TAMPER: Severity.CRITICAL,
    Alarm.LIST_HIT: Severity.CRITICAL,
    Alarm.TAILGATING: Severity.HIGH,
    Alarm.WRONG_DIRECTION: Severity.HIGH,
    Alarm.OBSTRUCTION: Severity.HIGH,
    Alarm.DOOR_FAULT: Severity.HIGH,
    Alarm.LEFT_OBJECT: Severity.HIGH,
    Alarm.NOT_RECORDED: Severity.HIGH,
    Alarm.REFERRAL: Severity.MEDIUM,
    Alarm.POWER: Severity.MEDIUM,
    Alarm.OVERSTAY: Severity.MEDIUM,
    Alarm.DEVICE_LOST: Severity.LOW,
    Alarm.NO_OFFICER: Severity.LOW,
    Alarm.DEGRADED: Severity.LOW,
    Alarm.FMR_OUT_OF_BAND: Severity.MEDIUM,
    Alarm.TRUST_STALE: Severity.LOW,
}
"""Every alarm has one; a test holds the table complete."""

LANE_LOST = Severity.HIGH


@dataclass(frozen=True, slots=True)
class OpenAlarm:
    """One alarm of one lane; `alarm` is None when the lane itself does not answer."""

    place: int
    alarm: Alarm | None
    severity: Severity
    age_s: float


def open_alarms(state: ConsoleState, now_s: float) -> tuple[OpenAlarm, ...]:
    """All alarms of all lanes in the order in which they want attention."""
    every = (entry for place, known in enumerate(state.lanes) for entry in _alarms_of(place, known, now_s))
    return tuple(sorted(every, key=lambda entry: (entry.severity, -entry.age_s)))


def worst(alarms: Iterable[OpenAlarm]) -> Severity | None:
    """The most urgent severity among alarms."""
    return min((entry.severity for entry in alarms), default=None)


def _alarms_of(place: int, known: LaneKnown, now_s: float) -> list[OpenAlarm]:
    if known.lost_s is not None:
        return [OpenAlarm(place, None, LANE_LOST, now_s - known.lost_s)]
    if known.view is None:
        return []
    since = now_s - known.view_s
    return [OpenAlarm(place, entry.alarm, SEVERITIES[entry.alarm], entry.age_s + since) for entry in known.view.alarms]
