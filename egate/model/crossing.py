"""The recorded passage: a clear part without personal data and a part that only the centre can open.

Source: FACTS of the project's record design; part 5 of the plan adds Merkle leaves and epoch keys to these shapes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class RecordKind(Enum):
    """What a row of the log records."""

    CROSSING = "crossing"
    OFFICER_ACT = "officer_act"
    COMPLETION = "completion"
    LANE_EVENT = "lane_event"
    ENROLMENT = "enrolment"


@dataclass(frozen=True, slots=True)
class StageTime:
    """When a stage was reached, in milliseconds on the monotonic clock since the document was presented."""

    stage: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One thing to record, before it has a place in the log.

    The first group goes into the clear header and holds no personal data: `outcome` and `because` (check name, result
    and code joined by `:`), `stages`, `versions` (name and version), `operator` (pseudonym). `personal` is sealed: CBOR bytes of
    what only the centre may read.
    """

    kind: RecordKind
    transaction: str
    outcome: str
    because: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    stages: tuple[StageTime, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    operator: str = ""
    personal: bytes = field(repr=False, default=b"")


@dataclass(frozen=True, slots=True)
class Committed:
    """Proof that a record is durable: its sequence number in the lane's log and the hash of its header."""

    sequence: int
    header_hash: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """Rows on their way to the centre: the lane, consecutive (header, sealed) pairs, and the lane's signature."""

    lane: str
    first_sequence: int
    rows: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The centre's signed word that it holds every row of a lane up to `sequence`, whose header hash is `header_hash`."""

    lane: str
    sequence: int
    header_hash: bytes
    signed_at_ns: int
    signature: bytes = field(repr=False)
