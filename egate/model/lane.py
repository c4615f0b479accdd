"""The lane as its people see it: doors, phases, what the gate unit reports, and what officers may do.

Sources: Frontex ABC guidelines (man-trap), BSI TR-03121 BCL profile (integrated two-step), requirements P and I.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Topology(Enum):
    """How doors, reader and camera stand to each other (P1). One table of rules serves all three.

    ONE_STEP: reader and camera stand together before a single door. The door that lets the traveller through is the exit in our
    words; there is no entry door, nobody is ever shut in, and what a unit says of the entry is not heard. TWO_STEP: the
    integrated man-trap, document outside, face inside. SEGREGATED: the same two doors; the document was read at a kiosk
    elsewhere, and a token brings its result to the entry.
    """

    ONE_STEP = "one_step"
    TWO_STEP = "two_step"
    SEGREGATED = "segregated"


class Door(Enum):
    """The two doors of a man-trap; a lane with a single door has the exit."""

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
    LEFT_OBJECT = "left_object"
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


class Degradation(Enum):
    """What does not work or is not up to date (P21). `egate.lane.modes` says what a lane still does with each.

    WATCHLIST_OFFLINE: no connection, but the lists are within their age limit; WATCHLIST_STALE: beyond it. TRUST_STALE:
    certificates or master lists beyond their age limit. FACE_DOWN: camera or comparison. CHIP_READER_DOWN, MRZ_DOWN: no chip, no
    printed zone can be read. LOG_FULL: nothing can be recorded durably. PRINTER_DOWN: a slip or ticket printer. SENSORS_DOWN:
    persons are not counted. ENTRY_DOOR_DOWN, EXIT_DOOR_DOWN: a door unit does not answer or was found not to move.
    """

    WATCHLIST_OFFLINE = "watchlist_offline"
    WATCHLIST_STALE = "watchlist_stale"
    TRUST_STALE = "trust_stale"
    FACE_DOWN = "face_down"
    CHIP_READER_DOWN = "chip_reader_down"
    MRZ_DOWN = "mrz_down"
    LOG_FULL = "log_full"
    PRINTER_DOWN = "printer_down"
    SENSORS_DOWN = "sensors_down"
    ENTRY_DOOR_DOWN = "entry_door_down"
    EXIT_DOOR_DOWN = "exit_door_down"


class Alarm(Enum):
    """What calls the officer, most urgent first."""

    EMERGENCY = "emergency"
    TAMPER = "tamper"
    LIST_HIT = "list_hit"
    TAILGATING = "tailgating"
    WRONG_DIRECTION = "wrong_direction"
    """Somebody came in from behind, or the unit's own sensors saw a way forced (P16)."""
    OBSTRUCTION = "obstruction"
    """Something keeps a door from closing; the lane does not force it (I9)."""
    DOOR_FAULT = "door_fault"
    LEFT_OBJECT = "left_object"
    """Something lies in the empty lane (P17)."""
    REFERRAL = "referral"
    POWER = "power"
    """The lane runs on its battery (I11)."""
    DEVICE_LOST = "device_lost"
    NOT_RECORDED = "not_recorded"
    OVERSTAY = "overstay"
    NO_OFFICER = "no_officer"
    """Nobody is at the monitoring station (S5)."""
    DEGRADED = "degraded"
    """The lane works with less than it should have (P21)."""
    FMR_OUT_OF_BAND = "fmr_out_of_band"
    """Strangers match each other more often than the threshold promises, or far too rarely; of no passage and no phase either."""
    TRUST_STALE = "trust_stale"
    """Lists or certificates go stale soon; of no passage and no phase: it neither closes a lane nor refers anybody."""


STANDING_ALARMS = frozenset({Alarm.FMR_OUT_OF_BAND, Alarm.TRUST_STALE})
"""Alarms that the lane's state does not know: they last for days, concern no traveller, and are for a technician to end."""
