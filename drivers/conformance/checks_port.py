"""Checks of how a driver takes its port and gives it back: names, opening, exclusive use, closing, cancellation, what is left."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace

from drivers.conformance.bench import Failed, LeftOut, Stand
from drivers.plugins import DriverKind
from egate import ports
from egate.model.errors import ChipLost, DeviceError

PORT_OF = {
    DriverKind.CHIP_READER: ports.ChipReader,
    DriverKind.MRZ_READER: ports.MrzReader,
    DriverKind.BOARDING_PASS_READER: ports.BoardingPassReader,
    DriverKind.PAGE_READER: ports.PageReader,
    DriverKind.CAMERA: ports.Camera,
    DriverKind.GATE_UNIT: ports.GateUnit,
}
ROUNDS = 5  # of starting and closing
SOON_S = 0.05
TOLD_WITHIN_S = 0.3
LONGEST_SENTENCE = 300  # signs that a technician reads at the door
ANOTHER_KEY = bytes(range(1, 17))


async def fulfils_its_port(stand: Stand) -> None:
    """It has every method and property of its port (egate/ports)."""
    port = PORT_OF[stand.bench.kind]
    wanted = {name for base in port.__mro__ for name in vars(base) if not name.startswith("_")}
    missing = sorted(name for name in wanted if not hasattr(type(stand.device), name) and not hasattr(stand.device, name))
    if missing:
        raise Failed(f"it lacks {', '.join(missing)}")


async def opens_nothing_before_start(stand: Stand) -> None:
    """Making it opens nothing."""
    before = _descriptors()
    made = stand.another()
    after = _descriptors()
    await made.close()
    if after != before:
        raise Failed("it opens something before it is started")
    if stand.device.online:
        raise Failed("it calls itself online before it is started")


async def absent_port(stand: Stand) -> None:
    """A port that is not there is said in a sentence."""
    stand.cable.port.unplug()
    await _refused(stand, "a port that is not there")


async def file_instead_of_port(stand: Stand) -> None:
    """A file in the place of a port is said in a sentence."""
    stand.cable.port.unplug()
    stand.path.write_text("")
    await _refused(stand, "a file in the place of a port")
    stand.path.unlink()


async def unstable_name(stand: Stand) -> None:
    """A name that changes with plugging is refused (L4)."""
    for name in ("/dev/ttyUSB0", "/dev/ttyACM1"):
        await _unfit(stand, f"the name {name}", path=name)


async def pseudo_terminal(stand: Stand) -> None:
    """A pseudo terminal is refused where the hardware is not called emulated."""
    settings = replace(stand.bench.settings, path=str(stand.path), emulated=False)
    try:
        await stand.bench.make(settings, stand.clock).start()
    except DeviceError as error:
        sentence_is_plain(error)
        return
    raise Failed("it takes a pseudo terminal for real hardware")


async def unknown_speed(stand: Stand) -> None:
    """A speed that no port has is refused (I14)."""
    if stand.bench.own_speed:
        raise LeftOut("its speed stands in its profile")
    await _unfit(stand, "a speed of 12345 baud", baud=12_345)


async def exclusive(stand: Stand) -> None:
    """The port is opened exclusively: a second driver is refused (L1)."""
    await stand.device.start()
    second = stand.another()
    try:
        await second.start()
    except DeviceError as error:
        sentence_is_plain(error)
        return
    finally:
        await second.close()
    raise Failed("a second driver opens the same port")


async def starts(stand: Stand) -> None:
    """It starts, is online, and starting twice is starting once."""
    await stand.device.start()
    before = _descriptors()
    await stand.device.start()
    if not stand.device.online:
        raise Failed("it is not online after start")
    if _descriptors() != before:
        raise Failed("a second start opens something more")


async def works(stand: Stand) -> None:
    """It does its work, and the result is right."""
    await stand.device.start()
    for _ in range(3):
        await stand.ask()


async def closes(stand: Stand) -> None:
    """Closed, it is not online, and another may have the port."""
    await stand.device.start()
    await stand.device.close()
    if stand.device.online:
        raise Failed("it calls itself online after close")
    second = stand.another()
    try:
        await second.start()
    finally:
        await second.close()


async def closes_twice(stand: Stand) -> None:
    """Close never raises: without start, and twice."""
    await stand.device.close()
    await stand.device.start()
    await stand.device.close()
    await stand.device.close()


async def starts_again(stand: Stand) -> None:
    """Closed, it can be started again and works."""
    await stand.device.start()
    await stand.device.close()
    await stand.device.start()
    await stand.ask()


async def asked_before_start(stand: Stand) -> None:
    """Asked before start, it answers with an error of ours."""
    await _tells(stand, "before start")


async def asked_after_close(stand: Stand) -> None:
    """Asked after close, it answers with an error of ours."""
    await stand.device.start()
    await stand.device.close()
    await _tells(stand, "after close")


async def closed_while_waiting(stand: Stand) -> None:
    """Whoever waits for it while it is closed is told, or can be cancelled; nobody waits for ever."""
    await stand.device.start()
    waiting = asyncio.ensure_future(stand.work.wait(stand.device))
    await stand.clock.sleep(SOON_S)
    await stand.device.close()
    await asyncio.wait({waiting}, timeout=TOLD_WITHIN_S)
    waiting.cancel()
    (end,) = await asyncio.gather(waiting, return_exceptions=True)
    if not isinstance(end, DeviceError | ChipLost | asyncio.CancelledError):
        raise Failed(f"who waits gets {type(end).__name__}")


async def cancelled(stand: Stand) -> None:
    """Cancelled in the middle of its work, it works on afterwards."""
    await stand.device.start()
    for patience_s in (0.0, 0.002, 0.01, SOON_S):
        asking = asyncio.ensure_future(stand.work.ask(stand.device, stand.emulator))
        await asyncio.wait({asking}, timeout=patience_s)
        asking.cancel()
        (end,) = await asyncio.gather(asking, return_exceptions=True)
        if isinstance(end, Exception) and not isinstance(end, DeviceError | ChipLost):
            raise Failed(f"cancelling it gives {type(end).__name__}")
    await stand.ask()


async def cancelled_start(stand: Stand) -> None:
    """Cancelled while it starts, it leaves the port and can be started again."""
    starting = asyncio.ensure_future(stand.device.start())
    await asyncio.wait({starting}, timeout=0.001)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await stand.device.close()
    await stand.start_somehow()  # a late answer to the first start may spoil the second, once
    await stand.ask()


async def no_descriptor_leaks(stand: Stand) -> None:
    """Started and closed again and again, it leaves no open descriptor (N8)."""
    before = _descriptors()
    for _ in range(ROUNDS):
        await stand.device.start()
        await stand.device.close()
    if (left := _descriptors() - before) > 0:
        raise Failed(f"{left} descriptors stay open after {ROUNDS} rounds")


async def no_task_stays(stand: Stand) -> None:
    """After close none of its tasks runs on."""
    before = asyncio.all_tasks()
    await stand.device.start()
    await stand.ask()
    await stand.device.close()
    await stand.clock.sleep(SOON_S)
    if left := [task for task in asyncio.all_tasks() - before if not task.done()]:
        raise Failed(f"{len(left)} of its tasks run on after close")


async def counts(stand: Stand) -> None:
    """It counts exchanges and their time (L11)."""
    await stand.device.start()
    await stand.ask()
    counters = getattr(stand.device, "counters", None)
    if counters is None:
        raise Failed("it has no counters")
    each = counters.values() if isinstance(counters, Mapping) else (counters,)
    if not sum(counter.exchanges for counter in each):
        raise Failed("it counts no exchange after one piece of work")


async def no_secret_shows(stand: Stand) -> None:
    """Neither keys nor what was read are in its logs or its repr (L6)."""
    await stand.device.start()
    await stand.ask()
    key = stand.bench.settings.key
    secrets = [*stand.work.secrets(), *([key.hex(), repr(key)] if key else [])]
    texts = [record.getMessage() for record in stand.records] + [repr(stand.device)]
    if any(secret in text for secret in secrets for text in texts):
        raise Failed("what it logs or shows holds a key or personal data")


async def wrong_key(stand: Stand) -> None:
    """A unit with another key is refused, and so is the default of none (L5)."""
    if not stand.bench.settings.key:
        raise LeftOut("it has no key")
    for key in (ANOTHER_KEY, b""):
        await _unfit(stand, "another key" if key else "no key at all", key=key)


async def _refused(stand: Stand, what: str) -> None:
    """Starting raises a DeviceError in a sentence."""
    try:
        await stand.device.start()
    except DeviceError as error:
        sentence_is_plain(error)
        return
    raise Failed(f"it takes {what}")


async def _unfit(stand: Stand, what: str, **changes: object) -> None:
    """Settings that cannot be are refused, when it is made or when it is started."""
    try:
        device = stand.another(**changes)
    except DeviceError as error:
        sentence_is_plain(error)
        return
    try:
        await device.start()
    except DeviceError as error:
        sentence_is_plain(error)
        return
    finally:
        await device.close()
    raise Failed(f"it takes {what}")


async def _tells(stand: Stand, when: str) -> None:
    """Asking raises an error of ours."""
    try:
        await stand.work.ask(stand.device, stand.emulator)
    except (DeviceError, ChipLost):
        return
    raise Failed(f"asked {when}, it answers")


def sentence_is_plain(error: DeviceError) -> None:
    """What a technician is told: some words on one line, no words of a program."""
    text = str(error)
    if "\n" in text or not 20 <= len(text) <= LONGEST_SENTENCE or "Errno" in text or "Exception" in text:
        raise Failed("its error is no sentence for a technician")


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
