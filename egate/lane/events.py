"""What can happen to a lane. Values only; `egate.lane.machine` says what each means in each phase.

`passage` is the number of the passage an answer belongs to: the lane gives it out with `ReadDocument`, and an answer for
another passage is stale and changes nothing (P13).
"""

from __future__ import annotations

from dataclasses import dataclass

from egate.model.checks import Decision
from egate.model.lane import Degradation, GateReport, OfficerAction, OfficerReason


@dataclass(frozen=True, slots=True)
class GateReported:
    """The gate unit sent a sample of its sensors."""

    report: GateReport


@dataclass(frozen=True, slots=True)
class GateLost:
    """The gate unit does not answer any more."""


@dataclass(frozen=True, slots=True)
class DocumentPresented:
    """A document lies on the reader and its MRZ was read.

    It begins a passage in `idle`. In a pipelined lane it begins one too while a traveller is inside and no other document waits
    (P22); the lane then says `ReadDocument` for the passage that waits, and the answers below name that passage.
    """


@dataclass(frozen=True, slots=True)
class TokenPresented:
    """A token of a kiosk lies before the entry (SEGREGATED). It begins a passage in `idle`; the lane says `RedeemToken`.

    The token itself stays outside the lane: whoever tells this event keeps it until the command comes.
    """


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
    """An officer's wish whose signature, counter and expiry were verified.

    `persons`: how many the officer expects to leave together with a CLEAR, for families and assistance (P19); the exit then opens
    only for exactly so many. Other actions do not look at it.
    """

    action: OfficerAction
    reason: OfficerReason
    officer: str
    persons: int = 1


@dataclass(frozen=True, slots=True)
class OfficerPresence:
    """Whether an officer's session is active at a monitoring station that shows this lane (S5).

    Told at every change. A lane that is never told believes that somebody is there; a controller that has to know tells `False`
    before its first report. Without an officer no passage begins, the one under way is finished, and a referral stays.
    """

    present: bool


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """What is degraded now, all of it (P21); the empty set ends every degradation. `egate.lane.modes` says what follows."""

    degraded: frozenset[Degradation]


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
    | TokenPresented
    | DocumentRemoved
    | Decided
    | Recorded
    | NotRecorded
    | OfficerWished
    | OfficerPresence
    | ModeChanged
    | HelpWished
    | TimerExpired
)
