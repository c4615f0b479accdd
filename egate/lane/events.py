"""What can happen to a lane. Values only; `egate.lane.machine` says what each means in each phase.

`passage` is the number of the passage an answer belongs to: the lane gives it out with `ReadDocument`, and an answer for
another passage is stale and changes nothing (P13).
"""

from __future__ import annotations

from dataclasses import dataclass

from egate.model.checks import Decision
from egate.model.lane import GateReport, OfficerAction, OfficerReason


@dataclass(frozen=True, slots=True)
class GateReported:
    """The gate unit sent a sample of its sensors."""

    report: GateReport


@dataclass(frozen=True, slots=True)
class GateLost:
    """The gate unit does not answer any more."""


@dataclass(frozen=True, slots=True)
class DocumentPresented:
    """A document lies on the reader and its MRZ was read."""


@dataclass(frozen=True, slots=True)
class DocumentRemoved:
    """The document left the reader before it was read to the end."""

    passage: int


@dataclass(frozen=True, slots=True)
class Decided:
    """The checks that belong to a door were decided (entry door after the document, exit door after the face)."""

    passage: int
    decision: Decision


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record that the lane asked for is durable: the one with this `number`, or the oldest unanswered one for None."""

    passage: int
    number: int | None = None


@dataclass(frozen=True, slots=True)
class NotRecorded:
    """A record that the lane asked for could not be made durable; `number` as in `Recorded`."""

    passage: int
    number: int | None = None


@dataclass(frozen=True, slots=True)
class OfficerWished:
    """An officer's wish whose signature, counter and expiry were verified."""

    action: OfficerAction
    reason: OfficerReason
    officer: str


@dataclass(frozen=True, slots=True)
class HelpWished:
    """The traveller pressed Help: an officer is called, nobody is blamed."""


@dataclass(frozen=True, slots=True)
class TimerExpired:
    """The timer that was set with this number ran out; an older number is stale."""

    number: int


Event = (
    GateReported
    | GateLost
    | DocumentPresented
    | DocumentRemoved
    | Decided
    | Recorded
    | NotRecorded
    | OfficerWished
    | HelpWished
    | TimerExpired
)
