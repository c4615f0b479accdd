"""What a step of the self-test found: a result, a diagnosis with what to mend, and every measured value with its limit.

The rule: a diagnosis is one word of a closed table, so that two reports can be compared and a test can ask for the right one;
the sentence that says what to mend belongs to the word. Nothing here may hold personal data or keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Result(Enum):
    """How a step ended. A notice works but should be mended; what was left out proves nothing, and the lane is not ready.

    What is not tested here has nothing to be tested in this lane, or is tested by another command that is named.
    """

    GOOD = "good"
    NOTICE = "notice"
    BAD = "bad"
    LEFT_OUT = "left out"
    NOT_HERE = "not tested here"


class Verdict(Enum):
    """Over a whole self-test. The values are the words in reports."""

    READY = "ready"
    INCOMPLETE = "incomplete"
    NOT_READY = "not ready"


class Diagnosis(Enum):
    """What is the matter. The values are the words in reports."""

    NONE = "none"
    CONFIGURATION = "configuration refused"
    PORT_MISSING = "port missing"
    NO_PERMISSION = "no permission"
    PORT_HELD = "port held"
    MODEM_MANAGER = "ModemManager not kept off"
    NO_SERIAL_PORT = "no serial port"
    WRONG_BAUD = "wrong speed"
    WRONG_ADDRESS = "wrong address"
    OTHER_DEVICE = "other device on the port"
    GARBLED = "line garbled"
    SILENT = "silent"
    LOCAL_ECHO = "local echo"
    NOISY_LINE = "noisy line"
    SLOW_LINE = "slow line"
    DEFAULT_KEY = "default key"
    WRONG_KEY = "wrong key"
    PLAINTEXT = "no secure channel"
    NOT_AUTHENTICATED = "line without authentication"
    TOO_FEW_CONTACTS = "unit too small"
    DEVICE_FAILED = "device failed"
    EMERGENCY_AT_REST = "emergency input active"
    TAMPER_AT_REST = "housing open"
    PERSONS_AT_REST = "persons counted in an empty lane"
    DOOR_NOT_AT_REST = "door not closed and locked"
    CHATTER = "chattering contact"
    POWER = "power supply"
    OBJECT_AT_REST = "object or obstruction reported"
    INVERTED_LOCK_CONTACT = "lock contact inverted"
    INVERTED_CLOSED_CONTACT = "closed contact inverted"
    CROSSED = "locks or sensors swapped"
    SENSORS_SWAPPED = "door sensors swapped"
    LOCKS_SWAPPED = "locks swapped"
    CLOSED_CONTACTS_SWAPPED = "closed contacts swapped"
    CLOSED_CONTACT_STUCK = "closed contact does not move"
    BOTH_DOORS_MOVE = "both doors move together"
    LOCK_DOES_NOT_MOVE = "lock or its contact does not move"
    LOCK_STUCK = "lock stuck"
    LOCK_CONTACT_STUCK = "lock contact stuck"
    LOCK_WITHOUT_SENSOR = "lock without sensor"
    NOT_SWITCHED = "output not switched"
    NOT_RELOCKED = "does not lock again"
    INTERLOCK_BROKEN = "interlock does not refuse"
    HARD_INTERLOCK_MISSING = "unit has no interlock of its own"
    INPUT_DEAD = "input does not follow"
    EMERGENCY_KEEPS_LOCKED = "doors stay locked in an emergency"
    LAMP = "lamp or buzzer"
    NO_CHIP_FOUND = "no chip found"
    CHIP_UNREADABLE = "chip not readable"
    MRZ_NOT_READ = "nothing read"
    MRZ_PROFILE = "wrong reader profile"
    MRZ_MISREAD = "misread lines"
    CAMERA_FAILED = "no picture"
    CAMERA_DARK = "picture dark"
    CAMERA_BRIGHT = "picture too bright"
    CAMERA_BLURRED = "picture without detail"
    CAMERA_FROZEN = "picture frozen"
    CAMERA_SLOW = "too few pictures"
    TRUST = "trust refused"
    STALE_TRUST = "trust out of date"
    NO_LISTS = "no lists"
    LISTS = "lists refused"
    STALE_LISTS = "lists out of date"
    CLOCK = "clock wrong"
    DISK_FULL = "disk full"
    LOG_NOT_WRITABLE = "log not writable"
    KEY_READABLE = "key readable by others"


MEND: Mapping[Diagnosis, str] = {
    Diagnosis.CONFIGURATION: "Correct the lane's file; `egate config check` lists everything at once.",
    Diagnosis.PORT_MISSING: "Plug the cable in, or take the port's name from `egate devices list`.",
    Diagnosis.NO_PERMISSION: "Give the lane's account the right to the port as it says, and log in again.",
    Diagnosis.PORT_HELD: "End the program that is named; only one may speak on a line.",
    Diagnosis.MODEM_MANAGER: 'Add the udev rule ENV{ID_MM_DEVICE_IGNORE}="1" for the adapter, or remove ModemManager.',
    Diagnosis.NO_SERIAL_PORT: "Name a serial port; the name leads to something else.",
    Diagnosis.WRONG_BAUD: "Set `baud` in the lane's file, or the speed at the device.",
    Diagnosis.WRONG_ADDRESS: "Set the address in the lane's file, or at the device.",
    Diagnosis.OTHER_DEVICE: "Two plugs are exchanged, or two ports in the lane's file; name each port by its socket.",
    Diagnosis.GARBLED: "Look at speed, wires A and B, common ground, and what else talks on the line.",
    Diagnosis.SILENT: "Look at the device's supply, at the cable, and at wires A and B (exchange them); then speed, address.",
    Diagnosis.LOCAL_ECHO: "Switch the adapter's echo off (receiver off while sending).",
    Diagnosis.NOISY_LINE: "Look at cable, terminators, ground, and motors near the cable.",
    Diagnosis.SLOW_LINE: "Raise the speed of the line, or take devices off it.",
    Diagnosis.DEFAULT_KEY: "Load an own key into the unit: whoever reaches the cable knows the published one.",
    Diagnosis.WRONG_KEY: "Write the unit's own key into the key file, or load the lane's key into the unit.",
    Diagnosis.PLAINTEXT: "Set the unit to secure channel only; without it whoever reaches the cable opens the doors.",
    Diagnosis.NOT_AUTHENTICATED: "Lay this line inside the locked housing only: whoever reaches it opens the doors.",
    Diagnosis.TOO_FEW_CONTACTS: "Take a unit with enough inputs and outputs, or correct which unit is meant.",
    Diagnosis.DEVICE_FAILED: "Do what the sentence says, then test again.",
    Diagnosis.EMERGENCY_AT_REST: "Reset the emergency contact; else its circuit is open, or its wiring must be inverted (`!`).",
    Diagnosis.TAMPER_AT_REST: "Close the unit's housing; if it is closed, look at its contact.",
    Diagnosis.PERSONS_AT_REST: "Empty the lane; if it is empty, look at the person sensors.",
    Diagnosis.DOOR_NOT_AT_REST: "Close the door; if it is closed, look at its contacts.",
    Diagnosis.CHATTER: "Look at the contact's terminals, magnet and distance; a loose wire chatters.",
    Diagnosis.POWER: "Look at mains and battery.",
    Diagnosis.OBJECT_AT_REST: "Clear the lane; if it is clear, look at the light barriers.",
    Diagnosis.INVERTED_LOCK_CONTACT: "Invert the lock contact: the other terminal of the switch, or `!` in the wiring.",
    Diagnosis.INVERTED_CLOSED_CONTACT: "Invert the closed contact: the other terminal of the switch, or `!` in the wiring.",
    Diagnosis.CROSSED: "Which door was released? If the ordered one, exchange the sensors; if the other, exchange the locks.",
    Diagnosis.SENSORS_SWAPPED: "Exchange the two doors' sensors.",
    Diagnosis.LOCKS_SWAPPED: "Exchange the two doors' lock outputs.",
    Diagnosis.CLOSED_CONTACTS_SWAPPED: "Exchange the closed contacts of the two doors.",
    Diagnosis.CLOSED_CONTACT_STUCK: "Look at the closed contact: magnet, distance, wire.",
    Diagnosis.BOTH_DOORS_MOVE: "Two contacts or two locks hang on one wire; part them before anything else.",
    Diagnosis.LOCK_DOES_NOT_MOVE: "Listen for the lock: if it clicks, its contact is stuck; if not, look at its supply and wire.",
    Diagnosis.LOCK_STUCK: "Look at the lock's supply, fuse, wire and bolt.",
    Diagnosis.LOCK_CONTACT_STUCK: "Look at the lock contact: it says locked whatever the bolt does.",
    Diagnosis.LOCK_WITHOUT_SENSOR: "Wire a lock contact: without it no lane may open the other door.",
    Diagnosis.NOT_SWITCHED: "The unit acknowledges and does not switch: look at its own interlock, jumpers and output supply.",
    Diagnosis.NOT_RELOCKED: "Look at bolt, striker and door closer: the door must lock by itself.",
    Diagnosis.INTERLOCK_BROKEN: "Take this lane out of service and report this program: it must never say yes here.",
    Diagnosis.HARD_INTERLOCK_MISSING: "Wire the interlock relay of docs/wiring.md, or write down why there is none.",
    Diagnosis.INPUT_DEAD: "Look at the wire of this input and at the input's number.",
    Diagnosis.EMERGENCY_KEEPS_LOCKED: "If this is an escape route, the contact must cut the locks' supply by itself.",
    Diagnosis.LAMP: "Look at the lamp's supply and the outputs it hangs on.",
    Diagnosis.NO_CHIP_FOUND: "Lay the specimen flat on the mark; else look at the reader's antenna and its plug.",
    Diagnosis.CHIP_UNREADABLE: "Try another specimen; else move metal and other readers away from the antenna.",
    Diagnosis.MRZ_NOT_READ: "Lay the specimen again; else look at the glass, the lamp and the cable.",
    Diagnosis.MRZ_PROFILE: "Set `profile` and `baud` of the MRZ reader in the lane's file.",
    Diagnosis.MRZ_MISREAD: "Clean the glass; try another specimen.",
    Diagnosis.CAMERA_FAILED: "Do what the sentence says, then test again.",
    Diagnosis.CAMERA_DARK: "Take the cover off the lens; switch the lane's light on.",
    Diagnosis.CAMERA_BRIGHT: "Keep sun and lamps out of the picture; lower the exposure.",
    Diagnosis.CAMERA_BLURRED: "Clean the lens, take the cover off, focus on somebody who stands in the lane.",
    Diagnosis.CAMERA_FROZEN: "Unplug the camera and plug it in again.",
    Diagnosis.CAMERA_SLOW: "Use a faster port or a smaller picture; end other programs.",
    Diagnosis.TRUST: "Repair the trust folder as the sentence says (docs/trust.md).",
    Diagnosis.STALE_TRUST: "Import newer lists with `egate trust import`.",
    Diagnosis.NO_LISTS: "Lay signed lists into the folder of [watchlists]; without them every traveller is referred.",
    Diagnosis.LISTS: "Take the lists anew from their owner.",
    Diagnosis.STALE_LISTS: "Take newer lists from their owner.",
    Diagnosis.CLOCK: "Set the machine's clock (timedatectl) and let it follow a time server.",
    Diagnosis.DISK_FULL: "Make room; a lane stops admitting below this.",
    Diagnosis.LOG_NOT_WRITABLE: "Let the lane's account write to the folder of [paths] database; end whoever else writes there.",
    Diagnosis.KEY_READABLE: "Run: chmod 600 on the named file, and consider the key as known: make a new one.",
}
"""What to do about each diagnosis, one sentence for the technician."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One measured value with its unit, and the limits that it was held against (None: none on that side)."""

    name: str
    value: float
    unit: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def within(self) -> bool:
        """Whether the value keeps its limits."""
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    @property
    def words(self) -> str:
        """The value and its limits in words."""
        limits = [f"{word} {limit:g}" for word, limit in (("at least", self.least), ("at most", self.most)) if limit is not None]
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name} {self.value:g}{unit}" + (f" ({', '.join(limits)})" if limits else "")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step found about one thing. `subject` is the device, door or file that it is about."""

    step: str
    subject: str
    result: Result
    words: str
    diagnosis: Diagnosis = Diagnosis.NONE
    measures: tuple[Measure, ...] = ()

    @property
    def mend(self) -> str:
        """What to do; empty when nothing is to be done."""
        return MEND.get(self.diagnosis, "")


def good(step: str, subject: str, words: str, *measures: Measure) -> Finding:
    """All is well."""
    return Finding(step, subject, Result.GOOD, words, Diagnosis.NONE, measures)


def bad(step: str, subject: str, diagnosis: Diagnosis, words: str, *measures: Measure) -> Finding:
    """Something must be mended before the lane may open."""
    return Finding(step, subject, Result.BAD, words, diagnosis, measures)


def notice(step: str, subject: str, diagnosis: Diagnosis, words: str, *measures: Measure) -> Finding:
    """It works, and should be mended."""
    return Finding(step, subject, Result.NOTICE, words, diagnosis, measures)


def left_out(step: str, subject: str, reason: str) -> Finding:
    """Not tested, and why."""
    return Finding(step, subject, Result.LEFT_OUT, reason)


def not_here(step: str, subject: str, why: str) -> Finding:
    """There is nothing to test in this lane, or another command tests it."""
    return Finding(step, subject, Result.NOT_HERE, why)


def verdict_of(findings: tuple[Finding, ...]) -> Verdict:
    """Not ready with any fault; else ready only when something was tested and nothing was left out."""
    results = {finding.result for finding in findings}
    if Result.BAD in results:
        return Verdict.NOT_READY
    tested = bool(results & {Result.GOOD, Result.NOTICE})
    return Verdict.READY if tested and Result.LEFT_OUT not in results else Verdict.INCOMPLETE
