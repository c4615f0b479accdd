"""What a device says, one line for each thing that happens, for a technician who watches.

A document is personal data: of its machine readable zone only shape and check digits are told, unless the technician asks for
more (T6 holds for screens and log files alike).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from egate.model.boarding_pass import BoardingPass
from egate.model.errors import ChipError, DeviceError, MalformedData
from egate.model.lane import GateReport, Power
from egate.mrtd.files.mrz import parse_mrz
from egate.ports import BoardingPassReader, Camera, ChipReader, Clock, GateUnit, MrzReader

LOOK_S = 0.5  # one wait for a chip
PRESENCE_S = 0.2  # between two looks whether it is still there
FRAMES_EVERY_S = 1.0  # one line about a camera
UNREAD = "?"

Tell = Callable[[str], None]


def zone_words(lines: tuple[str, ...], *, show_personal: bool = False) -> str:
    """A zone as it was read: shape and verdict of its check digits; the lines themselves only where that was asked for."""
    lengths = ", ".join(map(str, dict.fromkeys(map(len, lines)))) or "0"
    shape = f"{len(lines)} {'line' if len(lines) == 1 else 'lines'} of {lengths}"
    try:
        zone = parse_mrz(lines)
    except MalformedData as error:
        verdict = error.problem
    else:
        wrong = ", ".join(name.replace("_", " ") for name in zone.failed_check_digits)
        verdict = f"{zone.format.name}, " + (f"check digit wrong: {wrong}" if wrong else "all check digits add up")
    return f"{shape}: {verdict}" + "".join(f"\n    {_printable(line)}" for line in lines if show_personal)


def pass_words(boarding_pass: BoardingPass) -> str:
    """A pass without its holder: which flights, and what kind of pass; never the name, the booking, the seat or a number."""
    legs = ", ".join(
        f"{leg.carrier}{leg.flight_number} {leg.from_airport}–{leg.to_airport} day {leg.day_of_year or 'open'}"
        for leg in boarding_pass.legs
    )
    version = f"version {boarding_pass.version}" if boarding_pass.version else "mandatory items only"
    signed = "with security data" if boarding_pass.security else "without security data"
    return f"boarding pass: {legs} · {version} · {signed}"


def report_words(report: GateReport) -> str:
    """A sample of a gate unit's contacts."""
    words = (
        *(("EMERGENCY", report.emergency), ("TAMPER", report.tamper), ("object left", report.object_left)),
        *(("intrusion", report.intrusion), ("obstructed", report.obstructed)),
        (f"power {report.power.value}", report.power is not Power.MAINS),
    )
    warnings = [word for word, on in words if on]
    doors = f"entry {report.entry.value} · exit {report.exit.value} · persons {report.persons}"
    return " · ".join((doors, *warnings))


async def watch_gate(gate: GateUnit, tell: Tell) -> None:
    """Each change of the contacts, and each loss of the unit, until it is cancelled."""
    last = ""
    while True:
        try:
            async for report in gate.reports():
                words = report_words(report)
                if words != last:
                    tell(words)
                last = words
        except DeviceError as error:
            last = ""
            tell(f"lost: {error}")


async def watch_mrz(reader: MrzReader, tell: Tell, *, show_personal: bool = False) -> None:
    """Each document that is laid on the reader, until it is cancelled."""
    while True:
        try:
            tell(zone_words(await reader.read_lines(), show_personal=show_personal))
        except DeviceError as error:
            tell(f"lost: {error}")


async def watch_pass(reader: BoardingPassReader, tell: Tell) -> None:
    """Each code that is shown, until it is cancelled."""
    while True:
        try:
            tell(pass_words(await reader.read_pass()))
        except MalformedData as error:
            tell(f"no boarding pass: {error.problem}")
        except DeviceError as error:
            tell(f"lost: {error}")


async def watch_chip(reader: ChipReader, clock: Clock, tell: Tell) -> None:
    """Each chip that comes and goes, until it is cancelled. Nothing is read from it."""
    try:
        while True:
            try:
                if await reader.wait_for_chip(LOOK_S):
                    tell(f"chip activated, {len(reader.historical_bytes)} historical bytes")
                    while await reader.present():
                        await clock.sleep(PRESENCE_S)
                    tell("chip gone")
            except (DeviceError, ChipError) as error:
                tell(f"lost: {error}")
                await clock.sleep(LOOK_S)
    finally:
        with contextlib.suppress(DeviceError, ChipError):
            await reader.release()


async def watch_camera(camera: Camera, clock: Clock, tell: Tell) -> None:
    """How many frames came and how bright they are, once a second, until it is cancelled. The camera must be open."""
    while True:
        since, count, frame = clock.monotonic(), 0, None
        while clock.monotonic() - since < FRAMES_EVERY_S:
            frame = await asyncio.to_thread(camera.frame)
            count += 1
        rate = count / (clock.monotonic() - since)
        height, width = frame.shape[:2]  # type: ignore[attr-defined]  # numpy is known to cameras, not to this module
        tell(f"{rate:.1f} frames/s · {width}×{height} · brightness {frame.mean():.0f} of 255")  # type: ignore[attr-defined]  # as above


def _printable(line: str) -> str:
    return "".join(character if character.isprintable() else UNREAD for character in line)
