"""Checks of what a driver does when its line is bad: nothing but errors of ours, no false data, back by itself."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from dataclasses import replace
from typing import Any

from drivers.conformance.bench import Failed, LeftOut, Stand
from drivers.recording import Happening, Recorder, RecordingLink, parse_recording
from drivers.sim.cable import noisy, nothing, one_at_a_time, twice
from egate.model.errors import ChipLost, DeviceError
from egate.ports import Clock

HURTS = 2  # questions asked while the line is bad
POLLS = 15  # questions that may fail until the driver is back
BETWEEN_POLLS_S = 0.2
PLUG_ROUNDS = 3
FLOOD_BYTES = 100_000
GARBAGE = random.Random(7).randbytes(40)  # noqa: S311 - reproducible noise, not a secret
LATE_S = 0.15
AWAY_S = 3.0  # the cable, while it is looked for
BACK_WITHIN_S = 1.0  # of the repair (L2)
MOST_WARNINGS = 2  # for one loss: the line's and the device's


async def split_bytes(stand: Stand) -> None:
    """Every byte on its own, in both directions, gives the same result (L8)."""
    stand.cable.to_host = stand.cable.to_device = one_at_a_time
    await stand.device.start()
    await stand.ask()
    await stand.ask()


async def garbage_before_answers(stand: Stand) -> None:
    """Bytes that mean nothing before every answer give no false data, and do no harm afterwards (L8)."""
    await stand.device.start()
    stand.cable.to_host = lambda data: [GARBAGE, data]
    await _survive(stand)
    stand.cable.mend()
    await _back(stand)


async def garbage_unasked(stand: Stand) -> None:
    """Bytes that come unasked do no harm (L7)."""
    await stand.device.start()
    for size in (1, 7, 40):
        stand.cable.say(GARBAGE[:size])
        await stand.clock.sleep(BETWEEN_POLLS_S)
    await _back(stand)


async def flood(stand: Stand) -> None:
    """A device that never stops talking fills no memory and blocks nothing."""
    await stand.device.start()
    for _ in range(FLOOD_BYTES // 2000):
        stand.cable.say(GARBAGE * 50)
    await _survive(stand)
    await _back(stand)


async def twofold_answers(stand: Stand) -> None:
    """Answers that come twice are taken once (L7)."""
    await stand.device.start()
    stand.cable.to_host = twice
    await _survive(stand)
    stand.cable.mend()
    await _back(stand)


async def late_answers(stand: Stand) -> None:
    """Answers that come after the time is over are not taken for those of later questions (L7)."""
    await stand.device.start()
    stand.cable.delay_s = LATE_S
    await _survive(stand)
    stand.cable.mend()
    await _back(stand)


async def echo(stand: Stand) -> None:
    """Its own commands, heard again on a two-wire adapter, are no answers; on another adapter it works again."""
    await stand.device.start()
    stand.cable.echo = True
    await _survive(stand)
    await stand.device.close()
    stand.cable.mend()
    await stand.start_somehow()
    await _back(stand)


async def flipped_bits(stand: Stand) -> None:
    """Flipped bits give errors of ours, never false data."""
    await stand.device.start()
    stand.cable.to_host, stand.cable.to_device = noisy(1, flips=0.01), noisy(2, flips=0.01)
    await _survive(stand, exact=not stand.work.passive)
    stand.cable.mend()
    await _back(stand)


async def lost_bytes(stand: Stand) -> None:
    """Lost bytes give errors of ours, never false data."""
    await stand.device.start()
    stand.cable.to_host, stand.cable.to_device = noisy(3, drops=0.02), noisy(4, drops=0.02)
    await _survive(stand, exact=not stand.work.passive)
    stand.cable.mend()
    await _back(stand)


async def silent_at_start(stand: Stand) -> None:
    """A device that does not answer at start is refused (L13)."""
    _only_asked(stand)
    stand.cable.to_host = nothing
    await _not_started(stand, "a device that says nothing")


async def stranger_at_start(stand: Stand) -> None:
    """A device that answers with something else is refused (L13)."""
    _only_asked(stand)
    stand.cable.to_host = lambda _: [GARBAGE]
    await _not_started(stand, "a device that speaks another language")


async def silence(stand: Stand) -> None:
    """A device that falls silent is an error of ours, and works again when it speaks (L2)."""
    await stand.device.start()
    stand.cable.to_host = nothing
    await _fails(stand, "a device that is silent")
    stand.cable.mend()
    await _back(stand)


async def half_open(stand: Stand) -> None:
    """A device that hears nothing is an error of ours, and works again when it hears (L2)."""
    _only_asked(stand)
    await stand.device.start()
    stand.cable.to_device = nothing
    await _fails(stand, "a device that hears nothing")
    stand.cable.mend()
    await _back(stand)


async def cable_cut(stand: Stand) -> None:
    """A pulled cable is an error of ours, and it is not online (L2)."""
    await stand.device.start()
    stand.cable.port.unplug()
    await _fails(stand, "a cable that is pulled")
    if stand.device.online:
        raise Failed("it calls itself online without a cable")


async def cable_back(stand: Stand) -> None:
    """When the cable is back it works again by itself, each time, and leaves no descriptor (L2, N8)."""
    await stand.device.start()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(PLUG_ROUNDS):
        stand.cable.port.unplug()
        await _fails(stand, "a cable that is pulled")
        stand.cable.port.plug()
        await _back(stand)
    if (left := len(os.listdir("/proc/self/fd")) - before) > 0:
        raise Failed(f"{left} descriptors stay open after {PLUG_ROUNDS} pulled cables")


async def cut_while_waiting(stand: Stand) -> None:
    """Whoever waits when the cable is pulled is told, or can be cancelled."""
    await stand.device.start()
    waiting = asyncio.ensure_future(stand.work.wait(stand.device))
    await stand.clock.sleep(BETWEEN_POLLS_S)
    stand.cable.port.unplug()
    done, _ = await asyncio.wait({waiting}, timeout=2.0)
    waiting.cancel()
    (end,) = await asyncio.gather(waiting, return_exceptions=True)
    if not done:
        raise Failed("who waits is not told that the cable is pulled")
    if not isinstance(end, DeviceError | ChipLost):
        raise Failed(f"who waits gets {type(end).__name__}")


async def device_restarts(stand: Stand) -> None:
    """A device that was switched off and on gets its start-up again (L2)."""
    await stand.device.start()
    await stand.ask()
    stand.cable.port.unplug()
    stand.emulator.unplug()
    await _fails(stand, "a device without power")
    stand.emulator.plug()
    stand.cable.port.plug()
    await _back(stand)


async def one_line_lost(stand: Stand) -> None:
    """A loss is logged once, however long it lasts, and so is the return (L2)."""
    await stand.device.start()
    stand.records.clear()
    stand.cable.port.unplug()
    await _fails(stand, "a cable that is pulled")
    await _fails(stand, "a cable that is pulled")
    lost = [record for record in stand.records if record.levelno >= logging.WARNING]
    if not 1 <= len(lost) <= MOST_WARNINGS:
        raise Failed(f"one loss gives {len(lost)} warnings in the log")
    stand.cable.port.plug()
    await _back(stand)
    if not any(record.levelno == logging.INFO for record in stand.records):
        raise Failed("its return is not logged")


class NotingClock:
    """A clock that notes how long a driver sleeps at a time."""

    def __init__(self, clock: Clock) -> None:
        self.sleeps_s: list[float] = []
        self._clock = clock

    def monotonic(self) -> float:
        """Seconds on the clock behind."""
        return self._clock.monotonic()

    def wall_ns(self) -> int:
        """The day of the clock behind."""
        return self._clock.wall_ns()

    async def sleep(self, seconds: float) -> None:
        """Sleep, and note it."""
        self.sleeps_s.append(seconds)
        await self._clock.sleep(seconds)


async def looks_often(stand: Stand) -> None:
    """While the cable is away it looks for it at least once a second, by its own clock (L2)."""
    clock = NotingClock(stand.clock)
    settings = replace(stand.bench.settings, path=str(stand.path), emulated=True)
    device: Any = stand.bench.make(settings, clock)
    try:
        await device.start()
        clock.sleeps_s.clear()
        stand.cable.port.unplug()
        await stand.clock.sleep(AWAY_S)
        if not clock.sleeps_s:
            raise Failed("it does not look for its cable, or asks another clock")
        if (longest := max(clock.sleeps_s)) > BACK_WITHIN_S:
            raise Failed(f"it sleeps {longest:g} s while its cable is away")
    finally:
        await device.close()


async def closes_without_cable(stand: Stand) -> None:
    """Closed while the cable is away, it does not come back."""
    await stand.device.start()
    stand.cable.port.unplug()
    await _fails(stand, "a cable that is pulled")
    await stand.device.close()
    stand.cable.port.plug()
    await stand.clock.sleep(1.0)
    if stand.device.online:
        raise Failed("it opens its port again after close")


async def recorded(stand: Stand) -> None:
    """Its line can be recorded: it takes what stands in the line's place, and works the same (L10)."""
    blocks = bytearray()
    recorder = Recorder(bytes, blocks.extend, stand.clock)
    device: Any = stand.another(line=lambda inner: RecordingLink(inner, recorder))
    try:
        await device.start()
        if wrong := await stand.work.ask(device, stand.emulator):
            raise Failed(wrong)
    finally:
        await device.close()
    kinds = {chunk.kind for chunk in parse_recording(bytes(blocks), bytes)}
    if not kinds >= {Happening.OPENED, Happening.TO_HOST}:
        raise Failed("what its device says is in no recording: it does not take PortSettings.line (drivers.serial_line does)")


def _only_asked(stand: Stand) -> None:
    """Leave the check out where nothing can be asked of the device."""
    if stand.work.passive:
        raise LeftOut("this device only speaks by itself")


async def _not_started(stand: Stand, what: str) -> None:
    try:
        await stand.device.start()
    except DeviceError:
        return
    raise Failed(f"it starts with {what}")


async def _survive(stand: Stand, exact: bool = True) -> None:
    """Questions on a bad line. `exact` False: the wire has no check value, so what is hurt there others have to find."""
    for _ in range(HURTS):
        try:
            await stand.ask()
        except (DeviceError, ChipLost):
            continue
        except Failed:
            if exact:
                raise


async def _fails(stand: Stand, what: str) -> None:
    """A loss is seen after a few questions at most."""
    for _ in range(HURTS):
        try:
            await stand.ask()
        except (DeviceError, ChipLost):
            return
    raise Failed(f"it works with {what}")


async def _back(stand: Stand) -> None:
    """Working again, after some questions at most."""
    for _ in range(POLLS):
        try:
            await stand.ask()
            return
        except (DeviceError, ChipLost):
            await stand.clock.sleep(BETWEEN_POLLS_S)
    raise Failed(f"it is not back after {POLLS} questions")
