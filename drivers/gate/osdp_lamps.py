"""The lamps and the buzzer of an OSDP peripheral: what a lane's signal is on the wire, and back. No I/O, no clock.

The rule: a signal is only ever ordered for a time and refreshed while it is wanted, as a lock is. When the controller, its cable
or its computer dies, a lamp that says "go" goes dark by itself within `SIGNAL_LEASE_S`.

Layouts: IEC 60839-11-5 §6.11 (LED: reader, lamp, seven bytes for the temporary and five for the permanent settings) and §6.12
(BUZ: reader, tone, on, off, count), times in units of 100 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from egate.model.errors import MalformedData
from egate.model.lane import Lamp, Signal

SIGNAL_LEASE_S = 3.0  # how long a signal lasts unless it is refreshed
SIGNAL_REFRESH_S = 1.0  # whole blinks, so that a refresh is not seen
HALF_BLINK = 5  # units of 100 ms that a blinking lamp is on, and then off
LEASE_UNITS = round(SIGNAL_LEASE_S * 10)
LAMP_RECORD_BYTES = 14
BUZZER_RECORD_BYTES = 5


class Colour(IntEnum):
    """Colours of a lamp (IEC 60839-11-5 §6.11, the ones that a tri-colour signal has)."""

    BLACK = 0
    RED = 1
    GREEN = 2
    AMBER = 3


class Temporary(IntEnum):
    """What becomes of a lamp's temporary settings."""

    LEAVE = 0
    CANCEL = 1
    SET = 2


class Permanent(IntEnum):
    """What becomes of a lamp's permanent settings."""

    LEAVE = 0
    SET = 1


class Tone(IntEnum):
    """What a buzzer does."""

    OFF = 1
    DEFAULT = 2


COLOUR_OF = {Lamp.OFF: Colour.BLACK, Lamp.RED: Colour.RED, Lamp.AMBER: Colour.AMBER, Lamp.GREEN: Colour.GREEN}
LAMP_OF = {colour: lamp for lamp, colour in COLOUR_OF.items()}
_DARK = bytes((Permanent.SET, 1, 0, Colour.BLACK, Colour.BLACK))


@dataclass(frozen=True, slots=True)
class LampOrder:
    """One record of an LED command as far as a gate needs it; `seconds` 0 means the permanent settings, which are dark."""

    reader: int
    number: int
    lamp: Lamp
    blinking: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class BuzzerOrder:
    """One record of a BUZ command; `seconds` 0 is silence."""

    reader: int
    seconds: float


def encode_lamps(signal: Signal, lamps: int) -> bytes:
    """Data of an order that lets all lamps of a unit's first reader show a signal for `SIGNAL_LEASE_S`."""
    return b"".join(_lamp_record(number, signal) for number in range(lamps))


def _lamp_record(number: int, signal: Signal) -> bytes:
    """One lamp: the signal for its time, and darkness after it."""
    if signal.lamp is Lamp.OFF:
        return bytes((0, number, Temporary.CANCEL, 0, 0, 0, 0, 0, 0)) + _DARK
    colour = COLOUR_OF[signal.lamp]
    on, off = (HALF_BLINK, HALF_BLINK) if signal.blinking else (LEASE_UNITS, 0)
    timer = LEASE_UNITS.to_bytes(2, "little")
    return bytes((0, number, Temporary.SET, on, off, colour, Colour.BLACK)) + timer + _DARK


def encode_buzzer(signal: Signal) -> bytes:
    """Data of an order that lets the buzzer of a unit's first reader sound for `SIGNAL_LEASE_S`, or be silent."""
    if not signal.buzzer:
        return bytes((0, Tone.OFF, 0, 0, 0))
    return bytes((0, Tone.DEFAULT, HALF_BLINK, HALF_BLINK, LEASE_UNITS // (2 * HALF_BLINK)))


def parse_lamps(data: bytes) -> tuple[LampOrder, ...]:
    """Read the data of an LED command (the peripheral's side); raises MalformedData, also for a lamp that would stay lit."""
    doing = "read an order to a lamp"
    if not data or len(data) % LAMP_RECORD_BYTES:
        raise MalformedData(doing, f"a record has {LAMP_RECORD_BYTES} bytes")
    records = [data[at : at + LAMP_RECORD_BYTES] for at in range(0, len(data), LAMP_RECORD_BYTES)]
    return tuple(_parse_lamp(record, doing) for record in records)


def _parse_lamp(record: bytes, doing: str) -> LampOrder:
    reader, number, temporary, _, off, colour, _ = record[:7]
    timer, permanent = int.from_bytes(record[7:9], "little"), record[9:]
    if permanent[0] != Permanent.LEAVE and permanent[3:] != bytes(2):
        raise MalformedData(doing, "it would stay lit")
    if temporary == Temporary.CANCEL:
        return LampOrder(reader, number, Lamp.OFF, blinking=False, seconds=0.0)
    if temporary != Temporary.SET or colour not in LAMP_OF:
        raise MalformedData(doing, "a colour or a control code is unknown")
    return LampOrder(reader, number, LAMP_OF[Colour(colour)], blinking=off > 0, seconds=timer / 10)


def parse_buzzer(data: bytes) -> BuzzerOrder:
    """Read the data of a BUZ command (the peripheral's side); raises MalformedData, also for one that would not end."""
    doing = "read an order to a buzzer"
    if len(data) != BUZZER_RECORD_BYTES:
        raise MalformedData(doing, f"a record has {BUZZER_RECORD_BYTES} bytes")
    reader, tone, on, off, count = data
    if tone == Tone.OFF:
        return BuzzerOrder(reader, 0.0)
    if tone != Tone.DEFAULT or count == 0:
        raise MalformedData(doing, "it would sound for ever, or in a tone that is unknown")
    return BuzzerOrder(reader, (on + off) * count / 10)
