"""Checks of what a driver that is on no serial line does when its device is away, silent, or talks nonsense."""

from __future__ import annotations

import asyncio
import logging
import os

from drivers.conformance.bench import Failed
from drivers.conformance.checks_port import sentence_is_plain
from drivers.conformance.plain import PlainStand
from egate.model.errors import ChipLost, DeviceError

HURTS = 3  # questions of which one must tell a loss
POLLS = 15  # questions that may fail until the driver is back
BETWEEN_POLLS_S = 0.2
ROUNDS = 3
MANY = 20
TURNS = 12  # of the event loop, at each of which the work is cancelled once
MOST_WARNINGS = 2  # for one loss
TOLD_WITHIN_S = 2.0


async def barred_at_start(stand: PlainStand) -> None:
    """A device that cannot be had is said in a sentence."""
    await stand.emulator.bar()
    await _refused(stand)


async def starts_after_a_refusal(stand: PlainStand) -> None:
    """Refused once, it starts when the device can be had, and works."""
    await stand.emulator.bar()
    await _refused(stand)
    await stand.emulator.mend()
    await stand.device.start()
    await back(stand)


async def loss_is_told(stand: PlainStand) -> None:
    """A device that is taken away is an error of ours (L2)."""
    await stand.device.start()
    await stand.ask()
    await stand.emulator.cut()
    await _fails(stand)


async def loss_while_waiting(stand: PlainStand) -> None:
    """Whoever waits when the device is taken away is told, or can be cancelled."""
    await stand.device.start()
    waiting = asyncio.ensure_future(stand.work.wait(stand.device))
    await stand.clock.sleep(BETWEEN_POLLS_S)
    await stand.emulator.cut()
    await asyncio.wait({waiting}, timeout=0.2)
    waiting.cancel()
    done, _ = await asyncio.wait({waiting}, timeout=TOLD_WITHIN_S)
    if not done:
        raise Failed("who waits can neither be told nor cancelled")
    end = None if waiting.cancelled() else waiting.exception()
    if end is not None and not isinstance(end, DeviceError | ChipLost):
        raise Failed(f"who waits gets {type(end).__name__}")


async def back_each_time(stand: PlainStand) -> None:
    """When the device is back it works again by itself, each time, and leaves no descriptor (L2, N8)."""
    await stand.device.start()
    await stand.ask()
    before = _descriptors()
    for _ in range(ROUNDS):
        await stand.emulator.cut()
        await _fails(stand)
        await stand.emulator.mend()
        await back(stand)
    if (left := _descriptors() - before) > 0:
        raise Failed(f"{left} descriptors stay open after {ROUNDS} losses")


async def one_loss_few_lines(stand: PlainStand) -> None:
    """A loss is logged once, however often somebody asks while it lasts (L2)."""
    await stand.device.start()
    await stand.ask()
    stand.records.clear()
    await stand.emulator.cut()
    for _ in range(2):
        await _fails(stand)
    warnings = [record for record in stand.records if record.levelno >= logging.WARNING]
    if len(warnings) > MOST_WARNINGS:
        raise Failed(f"one loss gives {len(warnings)} warnings in the log")


async def closes_while_lost(stand: PlainStand) -> None:
    """Closed while the device is away, it is not online, also when the device comes back."""
    await stand.device.start()
    await stand.emulator.cut()
    await _fails(stand)
    await stand.device.close()
    await stand.emulator.mend()
    await stand.clock.sleep(1.0)
    if stand.device.online:
        raise Failed("it calls itself online after close")


async def noise(stand: PlainStand) -> None:
    """What means nothing gives no false data, and the next good thing is read (L8)."""
    await stand.device.start()
    await stand.ask()
    for _ in range(2):
        await stand.emulator.noise()
        await _survive(stand)
    await stand.emulator.mend()
    await back(stand)


async def flood(stand: PlainStand) -> None:
    """A device that gives very much fills no memory and blocks nothing."""
    await stand.device.start()
    await stand.emulator.flood()
    await _survive(stand)
    await stand.emulator.mend()
    await back(stand)


async def silence(stand: PlainStand) -> None:
    """A device that falls silent is an error of ours, and works again when it speaks (L2)."""
    await stand.device.start()
    await stand.ask()
    await stand.emulator.hush()
    await _fails(stand)
    await stand.emulator.mend()
    await back(stand)


async def works_on_and_on(stand: PlainStand) -> None:
    """Many pieces of work are all right and leave no descriptor."""
    await stand.device.start()
    await stand.ask()
    before = _descriptors()
    for _ in range(MANY):
        await stand.ask()
    if (left := _descriptors() - before) > 0:
        raise Failed(f"{left} descriptors stay open after {MANY} pieces of work")


async def cancelled_at_each_turn(stand: PlainStand) -> None:
    """Cancelled at each of its awaits in turn, it works on after each."""
    await stand.device.start()
    await cancel_at_each_turn(stand)


async def cancel_at_each_turn(stand: PlainStand) -> None:
    """Cancel the work after one more turn of the event loop each time."""
    for turns in range(TURNS):
        asking = asyncio.ensure_future(stand.work.ask(stand.device, stand.emulator))
        for _ in range(turns):
            await _turn()
        asking.cancel()
        (end,) = await asyncio.gather(asking, return_exceptions=True)
        if isinstance(end, Exception) and not isinstance(end, DeviceError | ChipLost):
            raise Failed(f"cancelled after {turns} turns it gives {type(end).__name__}")
    await back(stand)


async def back(stand: PlainStand) -> None:
    """Working again, after some questions at most."""
    for _ in range(POLLS):
        try:
            await stand.ask()
            return
        except (DeviceError, ChipLost):
            await stand.clock.sleep(BETWEEN_POLLS_S)
    raise Failed(f"it is not back after {POLLS} questions")


async def _refused(stand: PlainStand) -> None:
    try:
        await stand.device.start()
    except DeviceError as error:
        sentence_is_plain(error)
        if stand.device.online:
            raise Failed("it calls itself online after it was refused") from None
        return
    raise Failed("it starts without its device")


async def _fails(stand: PlainStand) -> None:
    """A loss is seen after a few questions at most."""
    for _ in range(HURTS):
        try:
            await stand.ask()
        except (DeviceError, ChipLost):
            return
    raise Failed("it works without its device")


async def _survive(stand: PlainStand) -> None:
    """Questions in trouble: errors of ours, or right answers."""
    for _ in range(2):
        try:
            await stand.ask()
        except (DeviceError, ChipLost):
            continue


async def _turn() -> None:
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(over.set_result, None)
    await over


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
