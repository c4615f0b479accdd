"""A serial line: bytes in, bytes out, nothing else. The only user of pyserial.

The rules it keeps:

- The port is opened exclusively (L1), by a name that stays the same when cables are pulled (L4), and never blocks: bytes
  that the line does not take at once wait in a bounded buffer.
- A lost port is noticed as soon as the kernel says so, is logged once, and is tried again with a growing pause until it is
  back, which is logged once (L2). Whoever waits for bytes gets a `DeviceError` when it is lost; `generation` tells a driver
  that the device behind it may have been switched off in between and needs its start-up sequence again.
- pyserial opens and sets up the port; bytes move through its file descriptor, because pyserial's own write spins for
  ever on a full line, and its errors come as SerialException or bare OSError depending on the call.

Waiting for bytes runs on the event loop's own timer, not on the injected clock: a wire stays a wire when a demonstration
makes its clock faster. The pauses between attempts are the clock's.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import serial

from drivers.counters import LinkCounters
from drivers.identity import HERE, SERIAL_MARK, PortRoots, check_port_name, resolve_port
from egate.model.errors import DeviceError
from egate.ports import Clock

READ_SIZE_BYTES = 4096  # one read call
INPUT_LIMIT_BYTES = 65_536  # unread input kept; older bytes are dropped, a device that floods must not fill memory
OUTPUT_LIMIT_BYTES = 16_384  # unsent output kept; more means the device takes nothing
FIRST_PAUSE_S = 0.05  # before the first attempt to reopen
LONGEST_PAUSE_S = 0.4  # between later attempts: back within 1 s of the repair (L2)
BAUD_RATES = frozenset({9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600})

_UNSTABLE_NAME = re.compile(r"/dev/tty(USB|ACM)\d+")
_BY_PATH = Path("/dev/serial/by-path")
_LOG = logging.getLogger("egate.drivers.link")


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Where a line is and how fast. `emulated` accepts a pseudo terminal; a real lane leaves it False.

    `path` is a stable name in /dev/serial, or `serial:` and the serial number of a USB adapter.
    """

    path: str
    baud: int = 115_200
    emulated: bool = False


def check_settings(settings: LinkSettings) -> None:
    """Refuse a name that may point to another device tomorrow, and speeds that we do not know; raises DeviceError."""
    doing = f"configure port {settings.path}"
    if settings.baud not in BAUD_RATES:
        raise DeviceError(doing, f"speed {settings.baud} is none of {', '.join(map(str, sorted(BAUD_RATES)))} baud")
    if _UNSTABLE_NAME.fullmatch(settings.path):
        raise DeviceError(doing, f"this name changes with the order of plugging; use {_BY_PATH}/… or {SERIAL_MARK}NUMBER")
    check_port_name(settings.path)
    if not settings.emulated and str(Path(settings.path).resolve()).startswith("/dev/pts/"):
        raise DeviceError(doing, "this is a pseudo terminal; only emulated hardware may be one (emulated = true)")


def explain_open_error(path: str, number: int | None) -> str:
    """One sentence for the technician: what is wrong with the port, and what to do."""
    if number == errno.ENOENT:
        return f"there is no such port; plug the cable in, or take a name from: {_ports_here()}"
    if number in (errno.EACCES, errno.EPERM):
        return f"no permission; add the service account to the group that owns it (ls -lL {path}; usually dialout)"
    if number in (errno.EAGAIN, errno.EBUSY):
        return f"another program holds it; find out which with: fuser -v {path}"
    if number in (errno.ENOTTY, errno.EINVAL, None):
        # pyserial gives no number when the terminal settings fail.
        return "this is not a serial port, or it does not take the settings"
    return f"it cannot be opened ({os.strerror(number)})"


def _ports_here() -> str:
    """The stable names that exist now."""
    try:
        names = sorted(str(entry) for entry in _BY_PATH.iterdir())
    except OSError:
        names = []
    return ", ".join(names) or f"{_BY_PATH} (empty now)"


class Link(Protocol):
    """What a driver needs of its line. `SerialLink` is one; others disturb, record or replay one. See there for each method."""

    @property
    def settings(self) -> LinkSettings: ...  # noqa: D102 - see SerialLink
    @property
    def counters(self) -> LinkCounters: ...  # noqa: D102 - see SerialLink
    @property
    def generation(self) -> int: ...  # noqa: D102 - see SerialLink
    @property
    def name(self) -> str: ...  # noqa: D102 - see SerialLink
    @property
    def connected(self) -> bool: ...  # noqa: D102 - see SerialLink
    @property
    def baud(self) -> int: ...  # noqa: D102 - see SerialLink
    async def open(self) -> None: ...  # noqa: D102 - see SerialLink
    async def close(self) -> None: ...  # noqa: D102 - see SerialLink
    def write(self, data: bytes) -> None: ...  # noqa: D102 - see SerialLink
    async def read(self, within_s: float | None) -> bytes: ...  # noqa: D102 - see SerialLink
    def take(self) -> bytes: ...  # noqa: D102 - see SerialLink
    def discard_input(self) -> None: ...  # noqa: D102 - see SerialLink
    async def set_baud(self, baud: int) -> None: ...  # noqa: D102 - see SerialLink
    async def rest(self, seconds: float) -> None: ...  # noqa: D102 - see SerialLink
    async def wait_connected(self, within_s: float | None = None) -> bool: ...  # noqa: D102 - see SerialLink


class SerialLink:
    """One serial line; see the module's rules. All methods belong to the event loop's thread."""

    def __init__(self, settings: LinkSettings, clock: Clock, roots: PortRoots = HERE) -> None:
        check_settings(settings)
        self.settings = settings
        self._roots = roots
        self.counters = LinkCounters()
        self.generation = 0
        self._clock = clock
        self._port: serial.Serial | None = None
        self._baud = settings.baud
        self._input = bytearray()
        self._output = bytearray()
        self._changed = asyncio.Event()
        self._reopening: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The port as it is called in messages."""
        return f"port {self.settings.path}"

    @property
    def connected(self) -> bool:
        """Whether the port is open and was not lost."""
        return self._port is not None

    @property
    def baud(self) -> int:
        """The speed that the port runs at now."""
        return self._baud

    async def open(self) -> None:
        """Open the port; raises DeviceError with one sentence that says what is missing. Open twice is open."""
        if self._port is None and self._reopening is None:
            self._open_port()

    async def close(self) -> None:
        """Stop reopening and release the port; never raises."""
        task, self._reopening = self._reopening, None
        if task is not None:
            task.cancel()
        self._release()
        self._signal()

    def write(self, data: bytes) -> None:
        """Send bytes without waiting; raises DeviceError when the port is lost or takes nothing any more."""
        if self._port is None:
            raise DeviceError(f"write to {self.name}", "the port is lost")
        if len(self._output) + len(data) > OUTPUT_LIMIT_BYTES:
            raise DeviceError(f"write to {self.name}", "the device takes no bytes (flow control, or a full line)")
        self._output += data
        self.counters.bytes_out += len(data)
        self._flush()
        if self._port is None:
            raise DeviceError(f"write to {self.name}", "the port is lost")

    async def read(self, within_s: float | None) -> bytes:
        """All bytes that arrived, waiting for the first; empty when none came in time.

        Raises DeviceError when the port is or gets lost. `within_s` None waits without end.
        """
        generation = self.generation
        try:
            async with asyncio.timeout(within_s):
                while not self._input:
                    if self._port is None or self.generation != generation:
                        raise DeviceError(f"read from {self.name}", "the port is lost")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return b""
        return self.take()

    def take(self) -> bytes:
        """All bytes that arrived, without waiting; empty when there are none."""
        data = bytes(self._input)
        self._input.clear()
        return data

    def discard_input(self) -> None:
        """Forget bytes that arrived and were not read: late answers to earlier questions (L7)."""
        self.counters.dropped_bytes += len(self.take())

    async def set_baud(self, baud: int) -> None:
        """Change the speed of the open port; a reopened port starts again with the configured speed."""
        if baud not in BAUD_RATES:
            raise DeviceError(f"set the speed of {self.name}", f"{baud} baud is not known")
        if self._port is None:
            raise DeviceError(f"set the speed of {self.name}", "the port is lost")
        try:
            self._port.baudrate = baud
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise DeviceError(f"set the speed of {self.name}", f"the port does not do {baud} baud") from error
        self._baud = baud

    async def rest(self, seconds: float) -> None:
        """Send nothing for so long, in the wire's own time: a device settles after a change of speed."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _end_wait, over)
        try:
            await over
        finally:
            timer.cancel()

    async def wait_connected(self, within_s: float | None = None) -> bool:
        """Wait until the port is open; False when it is not in time."""
        try:
            async with asyncio.timeout(within_s):
                while self._port is None:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _open_port(self) -> None:
        """Open exclusively and begin to listen."""
        path = resolve_port(self.settings.path, self._roots)
        try:
            port = serial.Serial(path, self.settings.baud, timeout=0, write_timeout=0, exclusive=True)
        except OSError as error:
            raise DeviceError(f"open {self.name}", explain_open_error(path, error.errno)) from None
        except ValueError:
            raise DeviceError(f"open {self.name}", f"the port does not do {self.settings.baud} baud") from None
        self._port = port
        self._baud = self.settings.baud
        self._input.clear()
        self._output.clear()
        self.generation += 1
        self.counters.opened += 1
        asyncio.get_running_loop().add_reader(port.fileno(), self._readable)
        self._signal()

    def _readable(self) -> None:
        """The kernel has bytes or an error for us."""
        if self._port is None:
            return
        try:
            data = os.read(self._port.fileno(), READ_SIZE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(os.strerror(error.errno or 0))
            return
        if not data:
            self._lose("hung up")
            return
        self.counters.bytes_in += len(data)
        self._input += data
        surplus = len(self._input) - INPUT_LIMIT_BYTES
        if surplus > 0:
            self.counters.dropped_bytes += surplus
            del self._input[:surplus]
        self._signal()

    def _flush(self) -> None:
        """Hand the line as many waiting bytes as it takes now."""
        if self._port is None:
            return
        loop, number = asyncio.get_running_loop(), self._port.fileno()
        try:
            sent = os.write(number, self._output)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._lose(os.strerror(error.errno or 0))
            return
        del self._output[:sent]
        if self._output:
            loop.add_writer(number, self._flush)
        else:
            loop.remove_writer(number)

    def _lose(self, reason: str) -> None:
        """The port is gone: say so once, wake whoever waits, and begin to reopen."""
        self._release()
        self.counters.lost += 1
        _LOG.warning("%s lost (%s); trying to reopen it", self.name, reason)
        self._signal()
        self._reopening = asyncio.get_running_loop().create_task(self._reopen())

    async def _reopen(self) -> None:
        """Try until the port is back."""
        pause_s = FIRST_PAUSE_S
        while self._port is None:
            await self._clock.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            try:
                self._open_port()
            except DeviceError:
                continue
        self._reopening = None
        _LOG.info("%s is back", self.name)

    def _release(self) -> None:
        """Stop listening and close the descriptor, whatever state it is in."""
        port, self._port = self._port, None
        if port is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(port.fileno())
        loop.remove_writer(port.fileno())
        try:
            port.close()
        except OSError:
            _LOG.debug("%s gave an error while closing", self.name)

    def _signal(self) -> None:
        self._changed.set()


def _end_wait(over: asyncio.Future[None]) -> None:
    """The time is up, unless whoever waited was cancelled in the same turn of the loop."""
    if not over.done():
        over.set_result(None)
