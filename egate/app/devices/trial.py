"""A device put to the test: its driver's own start-up, then questions for some seconds, then counters and a verdict in words.

Only what asks is used. No door is unlocked, and nothing is read from a document (T4).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from drivers.counters import LATENCY_EDGES_MS, DeviceCounters
from egate.model.errors import ChipError, DeviceError, MalformedData
from egate.ports import BoardingPassReader, Camera, ChipReader, Clock, Device, GateUnit, MrzReader

REPEATS_OF_100 = 1
"""Repeated questions in a hundred that a good line may have; a cable that is well terminated has none."""
SLOW_MS = 100
"""An emergency must be seen within this time (I5), so an answer that takes longer is too slow."""
BAR = 32
"""Longest bar of the histogram."""
_PAUSE_S = 0.02


@runtime_checkable
class Counting(Protocol):
    """A device whose driver counts."""

    counters: DeviceCounters


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a test; `good` decides the exit status."""

    good: bool
    verdict: str
    lines: tuple[str, ...] = ()


async def try_gate(gate: GateUnit, seconds: float, clock: Clock) -> Trial:
    """Sample the contacts for `seconds`."""

    async def sample() -> None:
        async for _ in gate.reports():
            pass

    return await _tried(gate, sample(), seconds, clock)


async def try_chip(reader: ChipReader, seconds: float, clock: Clock) -> Trial:
    """Look for chips for `seconds`; one that lies there is asked whether it still does."""

    async def look() -> None:
        while True:
            if not await reader.present():
                await reader.wait_for_chip(0.0)
            await clock.sleep(_PAUSE_S)

    return await _tried(reader, look(), seconds, clock)


async def try_mrz(reader: MrzReader, seconds: float, clock: Clock) -> Trial:
    """Wait for a document for `seconds`: it cannot be asked anything."""
    started = clock.monotonic()
    try:
        await reader.start()
        opened_s = clock.monotonic() - started
        async with asyncio.timeout(seconds):
            lines = await reader.read_lines()
    except TimeoutError:
        verdict = f"undecided: the port is open, but no document was laid on it within {seconds:g} s"
        return Trial(True, verdict, (_started(opened_s),))
    except DeviceError as error:
        return Trial(False, f"bad: {error}")
    finally:
        await reader.close()
    return Trial(True, f"good: a document was read, {len(lines)} lines", (_started(opened_s),))


async def try_pass(reader: BoardingPassReader, seconds: float, clock: Clock) -> Trial:
    """Wait for a boarding pass for `seconds`: the reader cannot be asked anything."""
    started = clock.monotonic()
    try:
        await reader.start()
        opened_s = clock.monotonic() - started
        async with asyncio.timeout(seconds):
            legs = len((await reader.read_pass()).legs)
    except TimeoutError:
        verdict = f"undecided: the port is open, but no boarding pass was shown within {seconds:g} s"
        return Trial(True, verdict, (_started(opened_s),))
    except MalformedData as error:
        verdict = f"undecided: a code was read, but it is no boarding pass ({error.problem})"
        return Trial(True, verdict, (_started(opened_s),))
    except DeviceError as error:
        return Trial(False, f"bad: {error}")
    finally:
        await reader.close()
    return Trial(True, f"good: a boarding pass was read, {legs} {'leg' if legs == 1 else 'legs'}", (_started(opened_s),))


def try_camera(camera: Camera, seconds: float, clock: Clock) -> Trial:
    """Take frames for `seconds`; the histogram is of the time between two."""
    counters, started = DeviceCounters(), clock.monotonic()
    try:
        camera.open()
        camera.frame()
        opened_s, last = clock.monotonic() - started, clock.monotonic()
        until = last + seconds
        while last < until:
            camera.frame()
            now = clock.monotonic()
            counters.answered(now - last)
            last = now
    except DeviceError as error:
        return Trial(False, f"bad: {error}")
    finally:
        camera.close()
    rate = counters.exchanges / seconds
    return Trial(True, f"good: {rate:.1f} frames a second", (_started(opened_s), *histogram(counters.latency_bins)))


async def _tried(device: Device, asking: Coroutine[object, object, None], seconds: float, clock: Clock) -> Trial:
    """Start, ask for `seconds`, close, judge."""
    started, trouble, opened_s = clock.monotonic(), "", 0.0
    task: asyncio.Task[None] | None = None
    try:
        await device.start()
        opened_s = clock.monotonic() - started
        task = asyncio.create_task(_named(asking))
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            trouble = str(task.exception() or "")
    except (DeviceError, ChipError) as error:
        return Trial(False, f"bad: {error}")
    finally:
        if task is None:
            asking.close()
        else:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        with contextlib.suppress(DeviceError, ChipError):
            await device.close()
    counters = device.counters if isinstance(device, Counting) else DeviceCounters()
    good, verdict = judge(counters, seconds, trouble, counted=isinstance(device, Counting))
    return Trial(good, verdict, (_started(opened_s), *_counter_lines(counters), *histogram(counters.latency_bins)))


async def _named(asking: Coroutine[object, object, None]) -> None:
    await asking


def judge(counters: DeviceCounters, seconds: float, trouble: str, *, counted: bool = True) -> tuple[bool, str]:
    """Whether the device is good, and why, in words. `trouble` is an error that ended the test early."""
    asked = counters.exchanges + counters.unanswered
    if trouble:
        return False, f"bad: {trouble}"
    if not counted:
        return True, f"good: it started and stayed for {seconds:g} s (its driver counts no questions)"
    if not counters.exchanges:
        return False, "bad: it started and then answered nothing"
    if counters.unanswered:
        lost = f"{counters.unanswered} of {asked} questions were not answered"
        return False, f"poor: {lost}; look at cable, terminator, supply, and what else is on the line"
    if counters.repeats * 100 > asked * REPEATS_OF_100:
        return (
            False,
            f"poor: {counters.repeats} of {asked} questions had to be repeated; look at cable, terminator, and motors nearby",
        )
    slow = sum(n for n, edge in zip(counters.latency_bins, (*LATENCY_EDGES_MS, SLOW_MS + 1), strict=True) if edge > SLOW_MS)
    if slow * 100 > asked:
        return False, f"slow: {slow} of {asked} answers took more than {SLOW_MS} ms; is the speed of the line as configured?"
    return True, f"good: {asked} questions in {seconds:g} s, all answered, {counters.repeats} repeated"


def histogram(bins: list[int]) -> list[str]:
    """Answer times as bars, from the first to the last bin that holds something."""
    filled = [index for index, count in enumerate(bins) if count]
    if not filled:
        return []
    names = [f"≤ {edge} ms" for edge in LATENCY_EDGES_MS] + [f"> {LATENCY_EDGES_MS[-1]} ms"]
    most = max(bins)
    return [
        f"  {names[index]:>9}  {bins[index]:>6}  {'█' * -(-bins[index] * BAR // most)}".rstrip()
        for index in range(filled[0], filled[-1] + 1)
    ]


def _counter_lines(counters: DeviceCounters) -> tuple[str, ...]:
    refused = f" · refused {counters.refused}" if counters.refused else ""
    sessions = f" · sessions {counters.sessions}" if counters.sessions else ""
    counted = f"  answered {counters.exchanges} · repeated {counters.repeats} · unanswered {counters.unanswered}"
    return (counted + refused + sessions,)


def _started(seconds: float) -> str:
    return f"  started in {seconds * 1000:.0f} ms"
