"""The stand of devices that are on no serial line: what is behind the driver is a `World`, which can be taken away and troubled.

A world is a chip on a socket, a smart card service, a folder that a page reader's program writes to, a camera above a glass. The
checks know nothing of it but this protocol, so each of them means the same for every kind.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from drivers import PortSettings
from drivers.conformance.bench import LOG_NAME, Failed, Listener, Work
from drivers.plugins import DriverKind
from egate.ports import Clock, Device


class World(Protocol):
    """What is behind a driver. What a world cannot do raises `LeftOut` with the reason."""

    def make(self, clock: Clock) -> Device:
        """A driver of it; opens nothing."""
        ...

    async def begin(self) -> None:
        """The device is there, and what lies on it."""
        ...

    async def end(self) -> None:
        """Gone for good; never raises."""
        ...

    async def cut(self) -> None:
        """The device is taken away."""
        ...

    async def mend(self) -> None:
        """The device is there again, and every trouble is over."""
        ...

    async def bar(self) -> None:
        """The device cannot be had at the start: absent, or held by another program."""
        ...

    async def noise(self) -> None:
        """Something that means nothing comes from it."""
        ...

    async def flood(self) -> None:
        """Very much comes from it."""
        ...

    async def hush(self) -> None:
        """It is there and says nothing any more."""
        ...


@dataclass(frozen=True, slots=True)
class PlainBench:
    """A driver and its world. `settings` are there for the key that they may hold."""

    name: str
    kind: DriverKind
    world: Callable[[Path, Clock], World]
    work: Callable[[], Work]
    settings: PortSettings = field(default_factory=PortSettings)


@dataclass(slots=True)
class PlainStand:
    """Where one check runs; `device` is made, not started. Names are those of `bench.Stand`, for the checks that both share."""

    bench: PlainBench
    folder: Path
    clock: Clock
    emulator: Any
    device: Any
    work: Work
    records: list[logging.LogRecord] = field(default_factory=list)

    def another(self) -> Device:
        """A further driver of the same world."""
        world: World = self.emulator
        return world.make(self.clock)

    async def ask(self) -> None:
        """One piece of work, with a right result; raises DeviceError, ChipLost, or Failed for a wrong result."""
        wrong = await self.work.ask(self.device, self.emulator)
        if wrong:
            raise Failed(wrong)

    async def start_somehow(self) -> None:
        """Start; nothing here is hurt."""
        await self.device.start()


@asynccontextmanager
async def plain_stand(bench: PlainBench, folder: Path, clock: Clock) -> AsyncIterator[PlainStand]:
    """A new world and driver; both are gone afterwards."""
    world = bench.world(folder, clock)
    records: list[logging.LogRecord] = []
    listener, log = Listener(records), logging.getLogger(LOG_NAME)
    level, goes_on = log.level, log.propagate
    log.addHandler(listener)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    device: Device | None = None
    try:
        await world.begin()
        device = world.make(clock)
        work = bench.work()
        work.prepare(world)
        yield PlainStand(bench, folder, clock, world, device, work, records)
    finally:
        if device is not None:
            await device.close()
        await world.end()
        log.removeHandler(listener)
        log.setLevel(level)
        log.propagate = goes_on
