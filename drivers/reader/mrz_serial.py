"""An MRZ reader that sends lines on a serial line, of any make that has a profile. Fulfils `egate.ports.MrzReader`.

The device speaks only when a document is placed on it; it cannot be asked whether it lives, so `online` is the port's state. One
that must be told to look is told so while somebody waits, again and again because it gives up by itself, and told to stop after.
Rule: lines of an earlier document are never given out late. One that nobody waited for is kept for a moment (the lane may be
between two looks), then forgotten.
"""

from __future__ import annotations

import asyncio
import logging

from drivers.counters import DeviceCounters
from drivers.link import Link
from drivers.reader.mrz_protocol import CUTE, Framing, MrzProfile, line_collector
from egate.model.errors import DeviceError
from egate.ports import Clock

FRESH_S = 3.0  # how long a document that nobody waited for is kept
IDLE_S = 1.0  # of silence inside a marked frame: it was torn off

_LOG = logging.getLogger("egate.drivers.reader")


class SerialMrzReader:
    """One MRZ reader."""

    def __init__(self, link: Link, clock: Clock, profile: MrzProfile = CUTE) -> None:
        self.counters = DeviceCounters()
        self._link = link
        self._clock = clock
        self._profile = profile
        self._frames = line_collector(profile)
        self._silence_s = profile.gap_s if profile.framing is Framing.BARE else IDLE_S
        self._latest: tuple[float, tuple[str, ...]] | None = None
        self._error: DeviceError | None = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def online(self) -> bool:
        """Whether the port is open."""
        return self._task is not None and self._link.connected

    async def start(self) -> None:
        """Open the port and begin to listen; raises DeviceError."""
        if self._task is not None:
            return
        await self._link.open()
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def close(self) -> None:
        """Stop listening and release the port; never raises."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._latest = None
        await self._link.close()
        self._error = DeviceError("read the MRZ", "the reader is closed")
        self._changed.set()

    async def read_lines(self) -> tuple[str, ...]:
        """Wait for the next document; raises DeviceError when the port gets lost while waiting.

        Ask again after that: the next call waits until the port is back and goes on.
        """
        self._error = None if self._task is not None else DeviceError("read the MRZ", "the reader is not started")
        if not self._profile.trigger:
            return await self._next_lines()
        looking = asyncio.get_running_loop().create_task(self._keep_looking())
        try:
            return await self._next_lines()
        finally:
            looking.cancel()
            self._tell(self._profile.untrigger)

    async def _next_lines(self) -> tuple[str, ...]:
        """Wait for lines that are fresh."""
        while True:
            if self._error is not None:
                raise self._error
            if self._latest is not None:
                (at, lines), self._latest = self._latest, None
                if self._clock.monotonic() - at <= FRESH_S:
                    return lines
            self._changed.clear()
            await self._changed.wait()

    async def _keep_looking(self) -> None:
        """Tell the device to look for a document, for ever."""
        while True:
            await self._link.wait_connected()
            self._tell(self._profile.trigger)
            await self._clock.sleep(self._profile.trigger_every_s)

    def _tell(self, command: bytes) -> None:
        """Send a command; a port that is lost is told of by whoever reads from it."""
        if not command or not self._link.connected:
            return
        try:
            self._link.write(command)
        except DeviceError as error:
            _LOG.debug("MRZ reader was not told what to do (%s)", error.problem)

    async def _listen(self) -> None:
        """Collect frames for ever, across losses of the port."""
        while True:
            await self._link.wait_connected()
            self._frames.reset()
            for command in self._profile.setup:
                self._tell(command)
            try:
                while True:
                    data = await self._link.read(self._silence_s)
                    for lines in self._frames.receive(data) if data else self._frames.silence():
                        self.counters.exchanges += 1
                        self._latest = (self._clock.monotonic(), lines)
                        self._changed.set()
            except DeviceError as error:
                self._error = error
                self._changed.set()
