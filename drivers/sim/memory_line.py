"""A simulated cable that is no pseudo terminal: both ends in one process, on one event loop, for worlds on a virtual clock.

`MemoryPort` is the device's end and takes the place of a `PtyPort`; `MemoryLink` is the host's and fulfils `drivers.link.Link`.
The rules of `drivers.sim.pty` hold: bytes arrive at the end of their line time, a host at another speed hears and sends garbage,
`faults` hurts chunks in both directions. So do those of `drivers.link`: a lost port wakes whoever waits, is tried again with a
growing pause, and `generation` counts the openings. Nothing here asks the kernel, so the same world gives the same bytes again.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from drivers.counters import LinkCounters
from drivers.link import BAUD_RATES, FIRST_PAUSE_S, LONGEST_PAUSE_S, LinkSettings
from drivers.sim.pace import Pace
from drivers.sim.pty import BITS_PER_BYTE, FaultLink, PtyPort
from egate.model.errors import DeviceError
from egate.ports import Clock

INPUT_LIMIT_BYTES = 65_536  # unread bytes that a host keeps, as drivers.link does

_LOG = logging.getLogger("egate.drivers.link")


class MemoryPort(PtyPort):
    """The device's end. `half_open`: the device is heard and hears nothing. At most one host holds the other end (L1)."""

    def __init__(self, pace: Pace, baud: int | None = None, faults: FaultLink | None = None) -> None:
        super().__init__(Path("memory"), pace, baud, faults)
        self.half_open = False
        self._in = False
        self._host: MemoryLink | None = None
        self._pulled = 0
        self._busy_until = [0.0, 0.0]

    @property
    def plugged(self) -> bool:
        """Whether the cable is in."""
        return self._in

    def plug(self) -> None:
        """Put the cable in; the device restarts (`on_plug`)."""
        if not self._in:
            self._in = True
            self.on_plug()

    def unplug(self) -> None:
        """Pull the cable: what is on its way is lost, the host's port hangs up."""
        self._in = False
        self._pulled += 1
        host, self._host = self._host, None
        if host is not None:
            host.hang_up("hung up")

    def write(self, data: bytes) -> None:
        """Send bytes to the host; they arrive after their line time."""
        self._carry(1, data)

    def hear(self, data: bytes) -> None:
        """Bytes of the host."""
        self._carry(0, data)

    def host_baud(self) -> int | None:
        """The speed that the host set; without a host, the device's own."""
        return self.baud if self._host is None else self._host.baud

    def take_host(self, host: MemoryLink) -> None:
        """A host opens the port; raises DeviceError when it is not there or somebody else has it."""
        if not self._in:
            raise DeviceError(f"open {host.name}", "there is no such port; plug the cable in")
        if self._host is not None and self._host is not host:
            raise DeviceError(f"open {host.name}", "another program holds it")
        self._host = host

    def drop_host(self, host: MemoryLink) -> None:
        """A host closed the port, or its process died."""
        if self._host is host:
            self._host = None

    def _carry(self, way: int, data: bytes) -> None:
        """Bytes on the wire, after those in front of them."""
        if not self._in:
            return
        loop = asyncio.get_running_loop()
        free_at = max(self._busy_until[way], loop.time())
        if self.baud is not None:
            free_at += len(data) * BITS_PER_BYTE / self.baud
        self._busy_until[way] = free_at
        loop.call_at(free_at, self._arrive, way, data, self._pulled)

    def _arrive(self, way: int, data: bytes, pulled: int) -> None:
        if pulled != self._pulled or (way == 0 and self.half_open):
            return
        arrived = self.faults.carry(self._heard(data))
        if not arrived:
            return
        if way == 0:
            self.on_bytes(arrived)
        elif self._host is not None:
            self._host.receive(arrived)


class MemoryLink:
    """The host's end; see the module's rules. `sever` is the death of its process: no byte leaves or arrives any more."""

    def __init__(self, port: MemoryPort, name: str, baud: int, clock: Clock) -> None:
        self.settings = LinkSettings(name, baud, emulated=True)
        self.counters = LinkCounters()
        self.generation = 0
        self._port = port
        self._clock = clock
        self._baud = baud
        self._open = self._severed = False
        self._input = bytearray()
        self._reading: asyncio.Future[bool] | None = None
        self._connected = asyncio.Event()
        self._reopening: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The port as it is called in messages."""
        return f"port {self.settings.path}"

    @property
    def connected(self) -> bool:
        """Whether the port is open and was not lost."""
        return self._open

    @property
    def baud(self) -> int:
        """The speed that the port runs at now."""
        return self._baud

    async def open(self) -> None:
        """Open the port; raises DeviceError. Open twice is open."""
        if not self._open and self._reopening is None:
            self._open_port()

    async def close(self) -> None:
        """Stop reopening and release the port; never raises."""
        task, self._reopening = self._reopening, None
        if task is not None:
            task.cancel()
        self._release()

    def sever(self) -> None:
        """The process that holds this end is gone from one instant to the next."""
        self._severed = True
        self._release()

    def hang_up(self, reason: str) -> None:
        """The port is gone: say so once, wake whoever waits, and begin to reopen."""
        self._release()
        self.counters.lost += 1
        _LOG.warning("%s lost (%s); trying to reopen it", self.name, reason)
        self._reopening = asyncio.get_running_loop().create_task(self._reopen())

    def receive(self, data: bytes) -> None:
        """Bytes of the device."""
        self.counters.bytes_in += len(data)
        self._input += data
        surplus = len(self._input) - INPUT_LIMIT_BYTES
        if surplus > 0:
            self.counters.dropped_bytes += surplus
            del self._input[:surplus]
        self._wake(arrived=True)

    def write(self, data: bytes) -> None:
        """Send bytes; raises DeviceError when the port is lost."""
        if not self._open:
            raise DeviceError(f"write to {self.name}", "the port is lost")
        self.counters.bytes_out += len(data)
        self._port.hear(data)

    async def read(self, within_s: float | None) -> bytes:
        """All bytes that arrived, waiting for the first; empty when none came in time. Raises DeviceError when it gets lost."""
        generation, loop = self.generation, asyncio.get_running_loop()
        deadline = None if within_s is None else loop.time() + within_s
        while not self._input:
            if not self._open or self.generation != generation:
                raise DeviceError(f"read from {self.name}", "the port is lost")
            self._reading = waiting = loop.create_future()
            timer = None if deadline is None else loop.call_at(deadline, self._wake)
            try:
                if not await waiting:
                    return b""
            finally:
                if timer is not None:
                    timer.cancel()
        return self.take()

    def take(self) -> bytes:
        """All bytes that arrived, without waiting."""
        data = bytes(self._input)
        self._input.clear()
        return data

    def discard_input(self) -> None:
        """Forget bytes that arrived and were not read (L7)."""
        self.counters.dropped_bytes += len(self._input)
        self._input.clear()

    async def set_baud(self, baud: int) -> None:
        """Change the speed of the open port; a reopened port starts again with the configured speed."""
        if baud not in BAUD_RATES or not self._open:
            raise DeviceError(f"set the speed of {self.name}", "the port is lost, or the speed is not known")
        self._baud = baud

    async def rest(self, seconds: float) -> None:
        """Send nothing for so long."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, over.set_result, None)
        try:
            await over
        finally:
            timer.cancel()

    async def wait_connected(self, within_s: float | None = None) -> bool:
        """Wait until the port is open; False when it is not in time."""
        try:
            async with asyncio.timeout(within_s):
                while not self._open:
                    self._connected.clear()
                    await self._connected.wait()
        except TimeoutError:
            return False
        return True

    def _open_port(self) -> None:
        if self._severed:
            raise DeviceError(f"open {self.name}", "this process is no more")
        self._port.take_host(self)
        self._open = True
        self._baud = self.settings.baud
        self._input.clear()
        self.generation += 1
        self.counters.opened += 1
        self._connected.set()

    async def _reopen(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._open:
            await self._clock.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            try:
                self._open_port()
            except DeviceError:
                continue
        self._reopening = None
        _LOG.info("%s is back", self.name)

    def _release(self) -> None:
        self._open = False
        self._port.drop_host(self)
        self._wake(arrived=True)

    def _wake(self, *, arrived: bool = False) -> None:
        """Whoever reads goes on: bytes arrived or the port was lost (True), or the time is over."""
        waiting, self._reading = self._reading, None
        if waiting is not None and not waiting.done():
            waiting.set_result(arrived)


def attach(device: object, port: MemoryPort) -> MemoryPort:
    """Put a memory port in the place of a simulated device's pseudo terminal, which was not plugged yet."""
    old = getattr(device, "port", None)
    if not isinstance(old, PtyPort) or old.plugged:
        raise ValueError("only a simulated device whose cable is out can be given another cable")
    port.on_bytes, port.on_plug, port.baud = old.on_bytes, old.on_plug, old.baud
    setattr(device, "port", port)  # noqa: B010 - the devices have no common base, only this attribute
    return port
