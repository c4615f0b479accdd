"""The lane as its people see it: doors, phases, what the gate unit reports, and what officers may do.

Sources: Frontex ABC guidelines (man-trap), BSI TR-03121 BCL profile (integrated two-step), requirements P and I.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Door(Enum):
    """The two doors of a man-trap."""

    ENTRY = "entry"
    EXIT = "exit"


class LanePhase(Enum):
    """Where a passage is. The same words name the stages in the log and on the officer's screen."""

    OUT_OF_SERVICE = "out_of_service"
    RESYNC = "resync"
    IDLE = "idle"
    READING = "reading"
    REFERRED_OUTSIDE = "referred_outside"
    ENTRY_OPEN = "entry_open"
    ENTRY_CLOSING = "entry_closing"
    CAPTURE = "capture"
    RECORDING = "recording"
    EXIT_OPEN = "exit_open"
    EXIT_CLOSING = "exit_closing"
    REFERRED = "referred"
    RETURN_OPEN = "return_open"
    RETURN_CLOSING = "return_closing"
    EMERGENCY = "emergency"


class DoorState(Enum):
    """What the sensors of one door say; FAULT when they contradict each other."""

    LOCKED = "locked"
    CLOSED = "closed"
    OPEN = "open"
    FAULT = "fault"


class Power(Enum):
    """What feeds the lane, as a power supply's contacts say it (I11)."""

    MAINS = "mains"
    BATTERY = "battery"
    LOW = "low"


class Lamp(Enum):
    """What a tri-colour signal at a door shows: closed, wait for an officer, go."""

    OFF = "off"
    RED = "red"
    AMBER = "amber"
    GREEN = "green"


@dataclass(frozen=True, slots=True)
class Signal:
    """What the lamps and the buzzer of a lane say. `blinking` calls for attention, `buzzer` sounds while it is true."""

    lamp: Lamp = Lamp.OFF
    blinking: bool = False
    buzzer: bool = False


@dataclass(frozen=True, slots=True)
class GateReport:
    """One sample of the gate unit's sensors.

    `after_command` is the number of the last command that the unit had acknowledged before the sample was asked for. A
    sample is evidence about a door only if it is newer than the last command to that door (requirement I2).
    `object_left`: something lies in the lane (P17), `intrusion`: the unit's own sensors saw somebody force a way or walk in the
    wrong direction (P16), `obstructed`: something keeps a door from closing (I9). A unit without such a sensor says False.
    """

    after_command: int
    entry: DoorState
    exit: DoorState
    persons: int
    emergency: bool = False
    tamper: bool = False
    power: Power = Power.MAINS
    object_left: bool = False
    intrusion: bool = False
    obstructed: bool = False


class OfficerAction(Enum):
    """What an officer may ask of a lane (requirement S4)."""

    CLEAR = "clear"
    RELEASE_TO_ENTRY = "release_to_entry"
    HOLD = "hold"
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"


class OfficerReason(Enum):
    """The reasons an officer chooses from; one is mandatory with every action."""

    IDENTITY_CONFIRMED = "identity_confirmed"
    DOCUMENT_CHECKED = "document_checked"
    LIST_HIT_EXCLUDED = "list_hit_excluded"
    TO_SECOND_LINE = "to_second_line"
    TO_DESK = "to_desk"
    FAMILY_OR_ASSISTANCE = "family_or_assistance"
    SAFEGUARDING = "safeguarding"
    TECHNICAL = "technical"


class Alarm(Enum):
    """What calls the officer, most urgent first."""

    EMERGENCY = "emergency"
    TAMPER = "tamper"
    LIST_HIT = "list_hit"
    TAILGATING = "tailgating"
    DOOR_FAULT = "door_fault"
    REFERRAL = "referral"
    DEVICE_LOST = "device_lost"
    NOT_RECORDED = "not_recorded"
    OVERSTAY = "overstay"
    TRUST_STALE = "trust_stale"
    """Lists or certificates go stale soon; of no passage and no phase: it neither closes a lane nor refers anybody."""
