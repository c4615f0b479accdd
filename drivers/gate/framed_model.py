"""What a profile of a framed gate board says, as frozen values. Its words are a closed list: no text is ever computed.

Positions count bytes of the unescaped frame; the first byte of the start mark is 0. A profile is made by
`drivers.gate.framed_profile` from TOML and used by `drivers.gate.framed_protocol`, which knows no vendor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from egate.model.lane import Door

UNLOCK_ORDERS = ("unlock_entry", "unlock_exit")
LOCK_ORDERS = ("lock_entry", "lock_exit")
DOOR_SIGNALS = ("entry_closed", "entry_locked", "exit_closed", "exit_locked")
BARRIER_SIGNALS = ("closed", "locked")
FURTHER_SIGNALS = ("on_battery", "battery_low", "object_left", "intrusion", "obstructed")
SIGNALS = (*DOOR_SIGNALS, *BARRIER_SIGNALS, "persons", "emergency", "tamper", "fault", "identity", *FURTHER_SIGNALS)
LAMP_NAMES = ("lamp_red", "lamp_amber", "lamp_green", "buzzer")
LAMP_ORDERS = tuple(f"{name}_{state}" for name in LAMP_NAMES for state in ("on", "off"))
SHORTEST_LEASE_S, DEFAULT_LEASE_S, LONGEST_LEASE_S = 0.1, 3.0, 10.0  # I3


class ByteOrder(Enum):
    """Which byte of a number comes first."""

    BIG = "big"
    LITTLE = "little"


class ChecksumKind(Enum):
    """The formulas. The sums are modulo 256."""

    NONE = "none"
    SUM = "sum8"
    SUM_INVERTED = "sum8_inverted"
    SUM_TO_ZERO = "sum8_to_zero"
    XOR = "xor8"
    CRC_MODBUS = "crc16_modbus"
    CRC_XMODEM = "crc16_xmodem"
    CRC_CCITT = "crc16_ccitt"
    CRC_AUG = "crc16_aug"


class Side(Enum):
    """Whither a barrier opens, seen as the board's maker sees it."""

    LEFT = "left"
    RIGHT = "right"


class Blank(Enum):
    """What the driver fills in where a body leaves it open."""

    ADDRESS = "address"
    LENGTH = "length"
    SEQUENCE = "sequence"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a frame: `size_bytes` bytes in this order."""

    size_bytes: int = 1
    order: ByteOrder = ByteOrder.BIG

    @property
    def largest(self) -> int:
        """What the bytes can hold."""
        return int((1 << (8 * self.size_bytes)) - 1)

    def encode(self, value: int) -> bytes:
        """The bytes of `value`; a value too large is cut to the largest."""
        return min(value, self.largest).to_bytes(self.size_bytes, self.order.value)

    def decode(self, frame: bytes, at: int) -> int:
        """The number at a position; the caller has looked that it is there."""
        return int.from_bytes(frame[at : at + self.size_bytes], self.order.value)


@dataclass(frozen=True, slots=True)
class Checksum:
    """A check value over the bytes from `begin` to itself."""

    kind: ChecksumKind = ChecksumKind.NONE
    begin: int = 0
    order: ByteOrder = ByteOrder.BIG

    @property
    def size_bytes(self) -> int:
        """How many bytes it takes in the frame."""
        if self.kind is ChecksumKind.NONE:
            return 0
        return 2 if self.kind.value.startswith("crc16") else 1


@dataclass(frozen=True, slots=True)
class Announced:
    """The frame announces its length: the number at `at` plus `adds` bytes is the whole, never more than `longest`."""

    at: int
    number: Number
    adds: int
    longest: int


@dataclass(frozen=True, slots=True)
class Framing:
    """How frames of one direction look. `length`: a fixed size, an announcement, or None for "until the end mark"."""

    start: bytes
    end: bytes
    length: int | Announced | None
    checksum: Checksum
    escape: int | None = None
    escape_xor: int = 0
    address_at: int | None = None
    sequence_at: int | None = None

    @property
    def longest(self) -> int:
        """No frame of this direction has more bytes on the wire."""
        if isinstance(self.length, int):
            return self.length
        return self.length.longest if self.length else LONGEST_ESCAPED_BYTES


LONGEST_ESCAPED_BYTES = 512
"""A frame that ends with its end mark: 255 bytes, each escaped, and the marks."""


@dataclass(frozen=True, slots=True)
class Field:
    """A number in an answer; `words` are its values in words, empty when any value may come."""

    at: int
    number: Number
    words: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """A frame of the board: known by the bytes at some positions, with fields."""

    marks: tuple[tuple[int, int], ...]
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class LeaseTime:
    """How an unlock order says for how long: whole units of `unit_ms`."""

    unit_ms: int
    number: Number


@dataclass(frozen=True, slots=True)
class Question:
    """A frame that we send, and the kinds of answer that belong to it ("" for none).

    `limit` is the order that sets for how long this one holds, where it does not say so itself.
    """

    body: tuple[bytes | Blank, ...]
    answer: str = ""
    refusal: str = ""
    time: LeaseTime | None = None
    limit: str = ""


@dataclass(frozen=True, slots=True)
class Barrier:
    """A board with one barrier: the orders that open it to either side for one person, close it, and set how long it waits.

    `setup` orders are sent once a session. `door` is what the barrier is in the lane, `side` whither it opens.
    """

    left: str
    right: str
    close: str
    limit: str
    setup: tuple[str, ...] = ()
    door: Door = Door.EXIT
    side: Side = Side.LEFT


@dataclass(frozen=True, slots=True)
class Signal:
    """Where a signal is in the answers: one bit of a field, a field with one of `values`, or (persons) the number itself."""

    answer: str
    field: str
    bit: int | None = None
    values: tuple[int, ...] = ()
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """The serial line, 8N1. `answer_within_s`: when a question counts as unanswered; `pause_s`: rest before the next one."""

    baud: int
    answer_within_s: float
    pause_s: float


@dataclass(frozen=True, slots=True)
class Published:
    """A frame that somebody published, and what it is: `part` is order, poll or answer. A `misprint` must not fit."""

    frame: bytes
    part: str
    name: str
    address: int
    time_s: float
    sequence: int
    misprint: bool


@dataclass(frozen=True, slots=True)
class FramedProfile:
    """One board. Only a complete one can be a gate unit; `reason` says why another cannot.

    A board with a `barrier` is the one door of a lane in one step, any other carries both doors of a man-trap.
    """

    name: str
    title: str
    source: str
    complete: bool
    reason: str
    line: Line
    command: Framing
    answer: Framing | None
    answers: Mapping[str, AnswerKind]
    orders: Mapping[str, Question]
    polls: Mapping[str, Question]
    signals: Mapping[str, Signal]
    published: tuple[Published, ...]
    barrier: Barrier | None = None
    doors: frozenset[Door] = frozenset(Door)
