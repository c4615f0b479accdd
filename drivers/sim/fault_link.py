"""A seeded disturbance between a driver and its line: every driver is tested under it.

The rules it keeps:

- What it does depends on the seed and on the bytes that pass, never on how they were cut into chunks: faults stand at byte
  positions that are drawn for each direction. The same bytes meet the same faults again, so a failure is a seed.
- It notes what it did, without the bytes.
- `mend` ends every fault at once: from then on the line is as good as the one inside.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass
from enum import Enum

from drivers.counters import LinkCounters
from drivers.link import Link, LinkSettings
from drivers.recording import Happening
from egate.model.errors import DeviceError

MOST_NOTES = 10_000  # kept of what was done
MOST_BYTES = 8  # that one fault drops or puts in between
MOST_REPEATED = 32  # that one fault sends twice
LONGEST_DELAY_S = 0.25
LOOK_S = 0.02  # between two looks for echoes while nothing comes


class Fault(Enum):
    """What can happen to bytes. The last two only last: they begin with `begin` and end with `mend`."""

    DROP = "drop"
    FLIP = "flip"
    DUPLICATE = "duplicate"
    DELAY = "delay"
    GARBAGE = "garbage"
    ECHO = "echo"
    CUT = "cut"
    HALF_OPEN = "half-open"


PASSING = (Fault.DROP, Fault.FLIP, Fault.DUPLICATE, Fault.DELAY, Fault.GARBAGE, Fault.ECHO)
"""Faults that happen at a byte and are over."""
LASTING = (Fault.CUT, Fault.HALF_OPEN, Fault.ECHO)
"""Cut: nothing passes. Half-open: the device is heard and hears nothing. Echo: what is sent is heard too (two-wire adapters)."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Which passing faults happen, one on average every `every_bytes` in each direction."""

    kinds: tuple[Fault, ...] = PASSING
    every_bytes: int = 200


@dataclass(frozen=True, slots=True)
class FaultNote:
    """One thing that was done: at which byte of which direction, and to how many bytes."""

    way: Happening
    at_byte: int
    fault: Fault
    size_bytes: int


@dataclass(slots=True)
class _Piece:
    """Bytes that go on after a delay; `echo` says that they come back to the sender as well."""

    data: bytearray
    delay_s: float = 0.0
    echo: bool = False


class _Way:
    """One direction: draws the positions of faults and does them."""

    def __init__(self, seed: int, way: Happening, plan: FaultPlan, notes: deque[FaultNote]) -> None:
        self._random = random.Random(f"{seed}/{way.name}")  # noqa: S311 - reproducible noise, not a secret
        self._way = way
        self._kinds = tuple(kind for kind in plan.kinds if kind is not Fault.ECHO or way is Happening.TO_DEVICE)
        self._every_bytes = plan.every_bytes
        self._notes = notes
        self._passed = bytearray()
        self._at = 0
        self._to_drop = 0
        self._to_echo = 0
        self._next = self._draw_next()

    def mend(self) -> None:
        """No more faults."""
        self._kinds = ()
        self._to_drop = self._to_echo = 0

    def carry(self, chunk: bytes) -> list[_Piece]:
        """What becomes of bytes; one piece for every delay or echo that begins or ends in them."""
        pieces = [_Piece(bytearray(), echo=self._to_echo > 0)]
        for byte in chunk:
            self._one(byte, pieces)
            self._at += 1
        return [piece for piece in pieces if piece.data]

    def _one(self, byte: int, pieces: list[_Piece]) -> None:
        """One byte, with the fault that stands here."""
        if self._kinds and self._at >= self._next:
            byte = self._strike(byte, pieces)
            self._next = self._at + self._draw_next()
        if self._to_drop:
            self._to_drop -= 1
            return
        if pieces[-1].echo != (self._to_echo > 0):
            pieces.append(_Piece(bytearray(), echo=self._to_echo > 0))
        self._to_echo = max(self._to_echo - 1, 0)
        pieces[-1].data.append(byte)
        self._passed = (self._passed + bytes((byte,)))[-MOST_REPEATED:]

    def _strike(self, byte: int, pieces: list[_Piece]) -> int:
        """Do one fault; returns the byte, changed where that was the fault."""
        fault, size = self._random.choice(self._kinds), self._random.randint(1, MOST_BYTES)
        noise, bit = self._random.randbytes(size), self._random.randrange(8)
        delay_s, repeated = self._random.uniform(0.02, LONGEST_DELAY_S), self._random.randint(1, MOST_REPEATED)
        match fault:
            case Fault.FLIP:
                byte, size = byte ^ (1 << bit), 1
            case Fault.DROP:
                self._to_drop = size
            case Fault.GARBAGE:
                pieces[-1].data += noise
            case Fault.DUPLICATE:
                pieces[-1].data += self._passed[-repeated:]
                size = min(repeated, len(self._passed))
            case Fault.DELAY:
                pieces.append(_Piece(bytearray(), delay_s))
                size = 0
            case _:
                self._to_echo = size = repeated
        self._notes.append(FaultNote(self._way, self._at, fault, size))
        return byte

    def _draw_next(self) -> int:
        return 1 + int(self._random.expovariate(1.0 / max(self._every_bytes, 1)))


class FaultLink:
    """A link that hurts what passes; see the module's rules and `drivers.link.Link`."""

    def __init__(self, inner: Link, seed: int, plan: FaultPlan | None = None) -> None:
        self.notes: deque[FaultNote] = deque(maxlen=MOST_NOTES)
        self._inner = inner
        plan = plan or FaultPlan(())
        self._in = _Way(seed, Happening.TO_HOST, plan, self.notes)
        self._out = _Way(seed, Happening.TO_DEVICE, plan, self.notes)
        self._lasting: set[Fault] = set()
        self._coming: deque[tuple[float, bytes]] = deque()
        self._going: deque[tuple[float, bytes]] = deque()

    def begin(self, fault: Fault) -> None:
        """Let a lasting fault begin."""
        if fault not in LASTING:
            raise ValueError(f"{fault.value} does not last; name it in the plan")
        self._lasting.add(fault)
        self.notes.append(FaultNote(Happening.TO_DEVICE, 0, fault, 0))

    def mend(self) -> None:
        """End every fault; what is on its way late still comes late."""
        self._lasting.clear()
        self._in.mend()
        self._out.mend()

    @property
    def settings(self) -> LinkSettings:
        """Where the line is."""
        return self._inner.settings

    @property
    def counters(self) -> LinkCounters:
        """The line's counters."""
        return self._inner.counters

    @property
    def generation(self) -> int:
        """How often the line was opened."""
        return self._inner.generation

    @property
    def name(self) -> str:
        """The port as it is called in messages."""
        return self._inner.name

    @property
    def connected(self) -> bool:
        """Whether the port is open."""
        return self._inner.connected

    @property
    def baud(self) -> int:
        """The speed now."""
        return self._inner.baud

    async def open(self) -> None:
        """Open the line; raises DeviceError."""
        await self._inner.open()

    async def close(self) -> None:
        """Release the line; never raises."""
        self._coming.clear()
        self._going.clear()
        await self._inner.close()

    def write(self, data: bytes) -> None:
        """Send bytes, hurt; raises DeviceError when the port is lost."""
        if Fault.CUT in self._lasting:
            if not self._inner.connected:
                raise DeviceError(f"write to {self.name}", "the port is lost")
            return
        loop = asyncio.get_running_loop()
        for piece in self._out.carry(data):
            if piece.echo or Fault.ECHO in self._lasting:
                self._queue(self._coming, bytes(piece.data), 0.0)
            if Fault.HALF_OPEN in self._lasting:
                continue
            if not piece.delay_s and not self._going:
                self._inner.write(bytes(piece.data))
                continue
            due = self._queue(self._going, bytes(piece.data), piece.delay_s)
            loop.call_at(due, self._send_due)

    async def read(self, within_s: float | None) -> bytes:
        """All bytes that arrived, hurt; empty when none came in time. Raises DeviceError when the port is lost."""
        loop = asyncio.get_running_loop()
        deadline = None if within_s is None else loop.time() + within_s
        while True:
            if data := self._arrived():
                return data
            now = loop.time()
            if deadline is not None and now >= deadline:
                return b""
            wait_s = LOOK_S if deadline is None else min(LOOK_S, deadline - now)
            self._hear(await self._inner.read(wait_s))

    def take(self) -> bytes:
        """All bytes that arrived, without waiting."""
        self._hear(self._inner.take())
        return self._arrived()

    def discard_input(self) -> None:
        """Forget what arrived; what is late comes all the same."""
        self.counters.dropped_bytes += len(self.take())

    async def set_baud(self, baud: int) -> None:
        """Change the speed; raises DeviceError."""
        await self._inner.set_baud(baud)

    async def rest(self, seconds: float) -> None:
        """Send nothing for so long."""
        await self._inner.rest(seconds)

    async def wait_connected(self, within_s: float | None = None) -> bool:
        """Wait until the port is open; False when it is not in time."""
        return await self._inner.wait_connected(within_s)

    def _hear(self, data: bytes) -> None:
        """Bytes of the device, hurt, in the queue of those that come."""
        if not data or Fault.CUT in self._lasting:
            return
        for piece in self._in.carry(data):
            self._queue(self._coming, bytes(piece.data), piece.delay_s)

    def _queue(self, queue: deque[tuple[float, bytes]], data: bytes, delay_s: float) -> float:
        """Put bytes at the end of a queue, never before those in front; returns when they are due."""
        due = asyncio.get_running_loop().time() + delay_s
        if queue:
            due = max(due, queue[-1][0])
        queue.append((due, data))
        return due

    def _arrived(self) -> bytes:
        now, data = asyncio.get_running_loop().time(), bytearray()
        while self._coming and self._coming[0][0] <= now:
            data += self._coming.popleft()[1]
        return bytes(data)

    def _send_due(self) -> None:
        """Late bytes go out; when the port is lost they are lost with it."""
        now = asyncio.get_running_loop().time()
        while self._going and self._going[0][0] <= now:
            data = self._going.popleft()[1]
            if self._inner.connected:
                try:
                    self._inner.write(data)
                except DeviceError:
                    self._going.clear()
