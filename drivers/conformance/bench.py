"""What the kit is given of one driver, and the stand of each check: emulator, cable, driver, nothing shared."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from drivers import PortSettings
from drivers.plugins import DriverKind
from drivers.sim.cable import Cable
from egate.model.errors import DeviceError
from egate.ports import Clock, Device

STARTS = 3  # attempts to start on a line that is hurt
BETWEEN_STARTS_S = 0.5  # so that a late answer to one is not taken for that to the next
LOG_NAME = "egate"


class Emulator(Protocol):
    """The other end of the wire, behind a serial port with a stable name.

    One of a chip reader also has `insert(chip)` and `remove()`, one of an MRZ reader `async present(lines)`; one of a gate unit
    shows two locked doors, nobody inside, no emergency.
    """

    def plug(self) -> None:
        """Make the port; the device starts."""
        ...

    def unplug(self) -> None:
        """Take the port away."""
        ...

    async def close(self) -> None:
        """End."""
        ...


class Work(Protocol):
    """One piece of a driver's work, again and again."""

    passive: bool
    """Whether the device only speaks by itself, so that nothing can be asked of it."""

    def prepare(self, emulator: Any) -> None:
        """Make the emulator ready."""
        ...

    async def ask(self, device: Any, emulator: Any) -> str:
        """Do the work; returns what is wrong with the result in words, empty when nothing is. Raises DeviceError or ChipLost."""
        ...

    async def wait(self, device: Any) -> object:
        """Wait for something that does not come, until cancelled or told."""
        ...

    def secrets(self) -> tuple[str, ...]:
        """What must not be in a log."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """One driver with its emulator. `settings` are the emulator's; the kit puts the port's name in.

    `own_speed` says that the speed of the line stands elsewhere than in these settings (in the profile of a board).
    """

    name: str
    kind: DriverKind
    make: Callable[[PortSettings, Clock], Device]
    emulate: Callable[[Path, Clock], Emulator]
    settings: PortSettings
    work: Callable[[], Work]
    own_speed: bool = False


class Outcome(Enum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's end: what was checked, and in words what was found."""

    check: str
    outcome: Outcome
    words: str = ""


class Failed(Exception):
    """The driver does not do what the check asks; the text says what it does instead."""


class LeftOut(Exception):
    """The check cannot be made of this kind of device; the text says why."""


class Listener(logging.Handler):
    """Keeps what the drivers log."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__(logging.DEBUG)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self._records.append(record)


@dataclass(slots=True)
class Stand:
    """Where one check runs. `device` is made, not started; `records` is what was logged."""

    bench: Bench
    folder: Path
    clock: Clock
    emulator: Emulator
    cable: Cable
    device: Any
    work: Work
    records: list[logging.LogRecord] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """The driver's port."""
        return self.cable.port.path

    def another(self, **changes: Any) -> Device:
        """A further driver, with other settings."""
        settings = replace(self.bench.settings, path=str(self.path), emulated=True)
        return self.bench.make(replace(settings, **changes), self.clock)

    async def ask(self) -> None:
        """One piece of work, with a right result; raises DeviceError, ChipLost, or Failed for a wrong result."""
        wrong = await self.work.ask(self.device, self.emulator)
        if wrong:
            raise Failed(wrong)

    async def start_somehow(self) -> None:
        """Start on a line that is hurt: errors of ours are no surprise there."""
        for attempt in range(STARTS):
            try:
                await self.device.start()
                return
            except DeviceError:
                if attempt == STARTS - 1:
                    raise
                await self.clock.sleep(BETWEEN_STARTS_S)


@asynccontextmanager
async def stand_for(bench: Bench, folder: Path, clock: Clock) -> AsyncIterator[Stand]:
    """A new emulator, cable and driver; all are gone afterwards."""
    emulator = bench.emulate(folder / "emulator", clock)
    records: list[logging.LogRecord] = []
    listener, log = Listener(records), logging.getLogger(LOG_NAME)
    level, goes_on = log.level, log.propagate
    log.addHandler(listener)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    cable, device = None, None
    try:
        emulator.plug()
        cable = Cable(folder / "line", folder / "emulator", clock, clock)
        await cable.plug_both()
        device = bench.make(replace(bench.settings, path=str(folder / "line"), emulated=True), clock)
        work = bench.work()
        work.prepare(emulator)
        yield Stand(bench, folder, clock, emulator, cable, device, work, records)
    finally:
        if device is not None:
            await device.close()
        if cable is not None:
            await cable.close()
        await emulator.close()
        log.removeHandler(listener)
        log.setLevel(level)
        log.propagate = goes_on
