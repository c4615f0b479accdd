"""A reader on a serial line that speaks only when something is held to it: what MRZ and boarding pass readers have in common.

Such a device cannot be asked whether it lives, so `online` is the port's state. One that must be told to look is told so while
somebody waits, again and again because it gives up by itself, and told to stop after.
Rule: what was read earlier is never given out late. What nobody waited for is kept for a moment (the lane may be between two
looks), then forgotten.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from drivers.counters import DeviceCounters
from drivers.link import Link
from egate.model.errors import DeviceError
from egate.ports import Clock

FRESH_S = 3.0  # how long a reading that nobody waited for is kept

_LOG = logging.getLogger("egate.drivers.reader")
ValueT = TypeVar("ValueT")


class Collector(Protocol[ValueT]):
    """Collects bytes and gives back what is whole."""

    @property
    def broken_frames(self) -> int:
        """Frames that had to be dropped so far (L11)."""
        ...

    def receive(self, data: bytes) -> list[ValueT]:
        """Add bytes from the wire; returns what is whole now."""
        ...

    def silence(self) -> list[ValueT]:
        """The line was silent for a while: what that ends, if anything."""
        ...

    def reset(self) -> None:
        """Forget a half frame."""
        ...


@dataclass(frozen=True, slots=True)
class Manner:
    """How a make is spoken to. `doing` begins its errors; a silence of `silence_s` on the line is told to the collector.

    `setup` is sent when the port opens; `trigger` makes it look and is repeated every `trigger_every_s` while somebody waits,
    `untrigger` ends that.
    """

    doing: str
    silence_s: float
    setup: tuple[bytes, ...] = ()
    trigger: bytes = b""
    untrigger: bytes = b""
    trigger_every_s: float = 5.0


class SpokenReader(Generic[ValueT]):
    """The device; see the module's rules."""

    def __init__(self, link: Link, clock: Clock, collector: Collector[ValueT], manner: Manner) -> None:
        self.counters = DeviceCounters()
        self.link = link
        self._clock = clock
        self._collector = collector
        self._manner = manner
        self._latest: tuple[float, ValueT] | None = None
        self._error: DeviceError | None = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def online(self) -> bool:
        """Whether the port is open."""
        return self._task is not None and self.link.connected

    async def start(self) -> None:
        """Open the port and begin to listen; raises DeviceError."""
        if self._task is not None:
            return
        await self.link.open()
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def close(self) -> None:
        """Stop listening and release the port; never raises."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._latest = None
        await self.link.close()
        self._error = DeviceError(self._manner.doing, "the reader is closed")
        self._changed.set()

    async def read(self) -> ValueT:
        """Wait for the next reading; raises DeviceError when the port gets lost while waiting.

        Ask again after that: the next call waits until the port is back and goes on.
        """
        self._error = None if self._task is not None else DeviceError(self._manner.doing, "the reader is not started")
        if not self._manner.trigger:
            return await self._next()
        looking = asyncio.get_running_loop().create_task(self._keep_looking())
        try:
            return await self._next()
        finally:
            looking.cancel()
            self._tell(self._manner.untrigger)

    async def _next(self) -> ValueT:
        """Wait for a reading that is fresh."""
        while True:
            if self._error is not None:
                raise self._error
            if self._latest is not None:
                (at, value), self._latest = self._latest, None
                if self._clock.monotonic() - at <= FRESH_S:
                    return value
            self._changed.clear()
            await self._changed.wait()

    async def _keep_looking(self) -> None:
        """Tell the device to look, for ever."""
        while True:
            await self.link.wait_connected()
            self._tell(self._manner.trigger)
            await self._clock.sleep(self._manner.trigger_every_s)

    def _tell(self, command: bytes) -> None:
        """Send a command; a port that is lost is told of by whoever reads from it."""
        if not command or not self.link.connected:
            return
        try:
            self.link.write(command)
        except DeviceError as error:
            _LOG.debug("a reader was not told what to do (%s)", error.problem)

    async def _listen(self) -> None:
        """Collect frames for ever, across losses of the port."""
        while True:
            await self.link.wait_connected()
            self._collector.reset()
            for command in self._manner.setup:
                self._tell(command)
            try:
                while True:
                    self._heard(await self.link.read(self._manner.silence_s))
            except DeviceError as error:
                self._error = error
                self._changed.set()

    def _heard(self, data: bytes) -> None:
        """Bytes, or a silence."""
        for value in self._collector.receive(data) if data else self._collector.silence():
            self.counters.exchanges += 1
            self._latest = (self._clock.monotonic(), value)
            self._changed.set()
        self.counters.refused = self._collector.broken_frames
