"""What the driver tests share: a real-time clock, a scratch directory short enough for a pty name, whole wires."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from drivers.gate.osdp import OsdpConfig, OsdpGate
from drivers.link import LinkSettings, SerialLink
from drivers.reader.pn532 import Pn532Config, Pn532Reader
from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.osdp_peripheral import PeripheralMode, PeripheralSettings
from drivers.sim.pace import end_wait
from drivers.sim.pn532 import SimulatedPn532
from drivers.sim.pty import FaultLink
from egate.ports import Device

KEY = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
ValueT = TypeVar("ValueT")


class TestClock:
    """Real time, `speed` times faster; fulfils `egate.ports.Clock`."""

    __test__ = False

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() * self._speed

    def wall_ns(self) -> int:
        return 1_700_000_000_000_000_000

    async def sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(max(seconds, 0) / self._speed, end_wait, over)
        try:
            await over
        finally:
            timer.cancel()


def run(story: Awaitable[ValueT], within_s: float = 30) -> ValueT:
    """Run one story on a fresh event loop; a story that hangs fails, and tasks it leaves behind fail too."""

    async def bounded() -> ValueT:
        async with asyncio.timeout(within_s):
            return await story

    return asyncio.run(bounded())


async def until(condition: Callable[[], bool], clock: TestClock, within_s: float = 10) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(within_s):
        while not condition():
            await clock.sleep(0.005)


def online(device: Device) -> bool:
    """Whether the device is online now (a property would be narrowed for good by the first assertion)."""
    return device.online


def link_to(path: Path, clock: TestClock, baud: int = 115_200) -> SerialLink:
    """A link to an emulated port."""
    return SerialLink(LinkSettings(str(path), baud, emulated=True), clock)


class ScriptedChip:
    """Answers each APDU with what `answer` makes of it; remembers how often it was reset."""

    ats = bytes.fromhex("0578807102")

    def __init__(self, answer: Callable[[bytes], bytes] = lambda command: command[::-1] + b"\x90\x00") -> None:
        self.answer = answer
        self.resets = 0
        self.commands: list[bytes] = []

    def reset(self) -> None:
        self.resets += 1

    def transceive(self, command: bytes) -> bytes:
        self.commands.append(command)
        return self.answer(command)


@asynccontextmanager
async def gate_wire(
    folder: Path,
    *,
    baud: int | None = 115_200,
    speed: float = 1.0,
    mode: PeripheralMode = PeripheralMode.SECURE,
    unit_key: bytes = KEY,
    config: OsdpConfig | None = None,
    faults: FaultLink | None = None,
    start: bool = True,
) -> AsyncIterator[tuple[OsdpGate, SimulatedGateUnit, TestClock]]:
    """Our driver and our simulated unit at both ends of a simulated cable. The driver runs in real time."""
    clock = TestClock(speed)
    path = folder / "gate"
    unit = SimulatedGateUnit(path, clock, PeripheralSettings(unit_key, mode=mode), os.urandom, baud=baud, faults=faults)
    unit.plug()
    gate = OsdpGate(link_to(path, clock, baud or 115_200), config or OsdpConfig(KEY), clock, os.urandom)
    try:
        if start:
            await gate.start()
        yield gate, unit, clock
    finally:
        await gate.close()
        await unit.close()


@asynccontextmanager
async def chip_wire(
    folder: Path,
    *,
    baud: int | None = 115_200,
    config: Pn532Config | None = None,
    faults: FaultLink | None = None,
    start: bool = True,
) -> AsyncIterator[tuple[Pn532Reader, SimulatedPn532, TestClock]]:
    """Our driver and our simulated PN532 at both ends of a simulated cable."""
    clock = TestClock()
    path = folder / "pn532"
    simulated = SimulatedPn532(path, clock, baud=baud, faults=faults)
    simulated.plug()
    reader = Pn532Reader(link_to(path, clock), config or Pn532Config(), clock)
    try:
        if start:
            await reader.start()
        yield reader, simulated, clock
    finally:
        await reader.close()
        await simulated.close()
