"""A simulated cable: a pseudo terminal with a stable name, paced like a real line, that can be pulled and disturbed.

The simulated device holds the master side; a driver opens the stable path as it would a cable. Rules: the simulator keeps
the slave side open, so the master never sees an end while no driver listens; bytes arrive at the end of their line time
(the kernel paces nothing on a pty); a host that set another speed than the device hears and sends garbage, as on copper; a
stable name that another process serves is not taken from it, one that a dead process left behind is.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import random
import termios
import tty
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from drivers.sim.pace import Pace
from egate.model.errors import DeviceError

READ_SIZE_BYTES = 4096
BITS_PER_BYTE = 10  # start, eight data, stop
LEAST_SLEEP_S = 0.0005  # shorter waits are carried over to the next bytes
GARBLE = 0x5A
_SPEEDS = {
    termios.B9600: 9600,
    termios.B19200: 19_200,
    termios.B38400: 38_400,
    termios.B57600: 57_600,
    termios.B115200: 115_200,
    termios.B230400: 230_400,
    termios.B460800: 460_800,
    termios.B921600: 921_600,
}


@dataclass(frozen=True, slots=True)
class FaultRates:
    """How often a chunk of bytes is hurt: a bit flipped, the chunk dropped, garbage put before it. 0.01 is one in a hundred."""

    flip: float = 0.0
    drop: float = 0.0
    garbage: float = 0.0


def _ignore(_data: bytes) -> None:
    """Nobody listens to this port yet."""


class FaultLink:
    """A seeded disturbance of one line, both directions; `cut` makes it silent while the port stays there."""

    def __init__(self, seed: int, rates: FaultRates | None = None) -> None:
        self.rates = rates or FaultRates()
        self.hurt_chunks = 0
        self._random = random.Random(seed)  # noqa: S311 - reproducible noise, not a secret
        self._cut = False

    def cut(self) -> None:
        """From now on nothing passes."""
        self._cut = True

    def mend(self) -> None:
        """Bytes pass again."""
        self._cut = False

    def carry(self, chunk: bytes) -> bytes:
        """What arrives at the other end of the line."""
        if self._cut:
            return b""
        rates, draw = self.rates, self._random.random
        hurt = chunk
        if draw() < rates.drop:
            hurt = b""
        if hurt and draw() < rates.flip:
            position = self._random.randrange(len(hurt))
            hurt = hurt[:position] + bytes((hurt[position] ^ (1 << self._random.randrange(8)),)) + hurt[position + 1 :]
        if draw() < rates.garbage:
            hurt = self._random.randbytes(self._random.randint(1, 8)) + hurt
        self.hurt_chunks += hurt != chunk
        return hurt


def serves_elsewhere(path: Path) -> bool:
    """Whether a name leads to a pseudo terminal behind which another process serves.

    The number of a pseudo terminal that is gone is soon given to a shell, so that it exists says nothing: the lock does. It is a
    record lock, which does not get in the way of the exclusive use (flock) of the host's driver.
    """
    try:
        number = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        if not path.is_symlink() or not os.isatty(number):
            return False
        fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(number)
    return False


class PtyPort:
    """The device's end of a simulated cable. `on_bytes` is called with what the host sent, at the end of its line time.

    `baud` None means an unpaced line that takes any speed.
    """

    def __init__(self, path: Path, pace: Pace, baud: int | None = None, faults: FaultLink | None = None) -> None:
        self.path = path
        self.baud = baud
        self.faults = faults or FaultLink(0)
        self.on_bytes: Callable[[bytes], None] = _ignore
        self.on_plug: Callable[[], None] = lambda: None
        self._pace = pace
        self._master = -1
        self._slave = -1
        self._to_device: asyncio.Queue[bytes] = asyncio.Queue()
        self._to_host: asyncio.Queue[bytes] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def plugged(self) -> bool:
        """Whether the cable is in."""
        return self._master >= 0

    def plug(self) -> None:
        """Put the cable in: make the pseudo terminal and its stable name. The device restarts (`on_plug`)."""
        if self.plugged:
            return
        if serves_elsewhere(self.path):
            raise DeviceError(f"serve on {self.path}", "another process serves on it; end that one, or name another path")
        self._master, self._slave = os.openpty()
        fcntl.lockf(self._slave, fcntl.LOCK_EX | fcntl.LOCK_NB)  # says that somebody lives behind this name
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._slave))
        loop = asyncio.get_running_loop()
        loop.add_reader(self._master, self._readable)
        self._tasks = [loop.create_task(self._deliver_to_device()), loop.create_task(self._deliver_to_host())]
        self.on_plug()

    def unplug(self) -> None:
        """Pull the cable: the node and its name vanish, the host's port hangs up."""
        if not self.plugged:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        for task in self._tasks:
            task.cancel()
        own = os.ttyname(self._slave)
        for number in (self._master, self._slave):
            os.close(number)
        self._master = self._slave = -1
        self._to_device, self._to_host = asyncio.Queue(), asyncio.Queue()
        with contextlib.suppress(OSError):  # somebody may have taken the name away, or put his own there
            if str(self.path.readlink()) == own:
                self.path.unlink()

    def write(self, data: bytes) -> None:
        """Send bytes to the host; they arrive after their line time."""
        self._to_host.put_nowait(data)

    def _readable(self) -> None:
        try:
            data = os.read(self._master, READ_SIZE_BYTES)
        except OSError:
            return
        if data:
            self._to_device.put_nowait(data)

    async def _deliver_to_device(self) -> None:
        """Bytes of the host, each chunk at the end of its line time."""
        queue, busy_until = self._to_device, 0.0
        while True:
            chunk = await queue.get()
            busy_until = await self._line_time(len(chunk), busy_until)
            arrived = self.faults.carry(self._heard(chunk))
            if arrived:
                self.on_bytes(arrived)

    async def _deliver_to_host(self) -> None:
        """Bytes of the device, each chunk at the end of its line time."""
        queue, busy_until = self._to_host, 0.0
        while True:
            chunk = await queue.get()
            busy_until = await self._line_time(len(chunk), busy_until)
            arrived = self.faults.carry(self._heard(chunk))
            if not arrived:
                continue
            try:
                os.write(self._master, arrived)
            except OSError:
                continue  # nobody reads and the line is full: the bytes fall off the end, as on copper

    async def _line_time(self, size: int, busy_until: float) -> float:
        """Wait until `size` bytes have passed; returns when the line is free again."""
        if self.baud is None:
            return 0.0
        now = self._pace.monotonic()
        free_at = max(busy_until, now) + size * BITS_PER_BYTE / self.baud
        if free_at - now > LEAST_SLEEP_S:
            await self._pace.sleep(free_at - now)
        return free_at

    def _heard(self, chunk: bytes) -> bytes:
        """The chunk, or garbage when both ends run at different speeds."""
        if self.baud is None or self.host_baud() == self.baud:
            return chunk
        return bytes(byte ^ GARBLE for byte in chunk)

    def host_baud(self) -> int | None:
        """The speed that the host set, None when it is not one we know."""
        try:
            return _SPEEDS.get(termios.tcgetattr(self._slave)[4])
        except termios.error:
            return None
