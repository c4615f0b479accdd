"""What a lane asks of the world. Values only; the controller carries them out in the order given."""

from __future__ import annotations

from dataclasses import dataclass

from egate.model.checks import Decision
from egate.model.lane import Alarm, Door, OfficerAction, OfficerReason


@dataclass(frozen=True, slots=True)
class Unlock:
    """Unlock a door for at most `lease_s` seconds; `number` numbers all gate commands of the lane upwards."""

    door: Door
    lease_s: float
    number: int


@dataclass(frozen=True, slots=True)
class Lock:
    """Lock a door now."""

    door: Door
    number: int


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """Start a passage: read and authenticate the document on the reader, then answer with `Decided` for the entry door.

    In a pipelined lane this may name a passage that waits while another is under way (P22). `AbandonPassage` for one of the two
    leaves the other alone.
    """

    passage: int


@dataclass(frozen=True, slots=True)
class RedeemToken:
    """Start a passage: fetch what the kiosk found for the token before the entry, once, and answer with `Decided` for the entry.

    A token that is unknown, used, expired or of another lane group is a REFER, like a document that is refused.
    """

    passage: int


@dataclass(frozen=True, slots=True)
class AbandonPassage:
    """Stop whatever runs for this passage (reading, capture) and forget its evidence."""

    passage: int


@dataclass(frozen=True, slots=True)
class CaptureFace:
    """Capture and compare the face, then answer with `Decided` for the exit door."""

    passage: int


@dataclass(frozen=True, slots=True)
class RecordCrossing:
    """Write the crossing of this passage with its decision; answer with `Recorded` or `NotRecorded` and the same `number`."""

    passage: int
    decision: Decision
    number: int = 0


@dataclass(frozen=True, slots=True)
class RecordOfficerAct:
    """Write an officer's act; answer with `Recorded` or `NotRecorded` and the same `number`. Passage 0: nobody's.

    `persons`: how many a clearance lets leave together. `effective` is False where the act came too late to change anything,
    because the lane had decided by itself; it is written all the same (S4).
    """

    passage: int
    action: OfficerAction
    reason: OfficerReason
    officer: str
    number: int = 0
    persons: int = 1
    effective: bool = True


@dataclass(frozen=True, slots=True)
class RecordCompletion:
    """Write how the passage ended physically: the door through which the traveller left. No answer is awaited."""

    passage: int
    through: Door | None


@dataclass(frozen=True, slots=True)
class RaiseAlarm:
    """Call the officer."""

    alarm: Alarm


@dataclass(frozen=True, slots=True)
class ClearAlarm:
    """What called the officer is over."""

    alarm: Alarm


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Answer with `TimerExpired(number)` after `seconds`; a newer timer replaces an older one."""

    seconds: float
    number: int


Command = (
    Unlock
    | Lock
    | ReadDocument
    | RedeemToken
    | AbandonPassage
    | CaptureFace
    | RecordCrossing
    | RecordOfficerAct
    | RecordCompletion
    | RaiseAlarm
    | ClearAlarm
    | SetTimer
)
