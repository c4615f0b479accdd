"""Record and replay of what passes over a line (L10): raw bytes with direction and time, sealed as personal data.

- `RecordingLink` stands between a driver and its line. What passes is kept in memory for a moment and leaves as sealed blocks;
  the caller gives the seal and the place, so nothing unsealed reaches a file. Past its limit a recording ends, the line goes on.
- `ReplayLink` plays a recording to a driver, byte by byte, in the order in which things happened. What the device said after
  the n-th command is heard after the driver wrote as much; time is the recording's, so a replay takes no longer than it must.

A block is `count(4) {kind(1) time_us(8) size(4) bytes}`, big-endian; a file of blocks is `size(4) sealed block` again and again.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from drivers.counters import LinkCounters
from drivers.link import Link, LinkSettings
from egate.model.errors import DeviceError, MalformedData
from egate.ports import Clock

BLOCK_BYTES = 16_384  # of chunks that are sealed together
LARGEST_RECORDING_BYTES = 64 * 1024 * 1024  # of chunks: 3 h of a gate unit that is asked 33 times a second
LARGEST_BLOCK_BYTES = 1024 * 1024  # sealed, of a file that is read
MOST_CHUNKS = 5_000_000  # of a recording that is read
LONGEST_WAIT_S = 0.01  # of a replay, for the driver to speak where the device says nothing before that

_HEAD = struct.Struct(">BQI")
_SIZE = struct.Struct(">I")
_LOG = logging.getLogger("egate.drivers.link")

Seal = Callable[[bytes], bytes]
"""Makes of a block what only the holder of a key elsewhere can open."""
Sink = Callable[[bytes], None]
"""Takes the bytes of a recording, in order."""


class Happening(IntEnum):
    """What happened on a line."""

    OPENED = 1
    LOST = 2
    TO_DEVICE = 3
    TO_HOST = 4


@dataclass(frozen=True, slots=True)
class Chunk:
    """One thing that happened, `at_s` seconds after the recording began. The bytes do not show."""

    kind: Happening
    at_s: float
    data: bytes = field(default=b"", repr=False)


def encode_block(chunks: Iterable[Chunk]) -> bytes:
    """Chunks as one block, not sealed yet."""
    parts = [_HEAD.pack(chunk.kind, round(chunk.at_s * 1e6), len(chunk.data)) + chunk.data for chunk in chunks]
    return _SIZE.pack(len(parts)) + b"".join(parts)


def parse_block(block: bytes) -> list[Chunk]:
    """The chunks of an opened block; raises MalformedData."""
    doing = "read a recording of a line"
    if len(block) < _SIZE.size:
        raise MalformedData(doing, "a block is torn off")
    (count,), position, chunks = _SIZE.unpack_from(block), _SIZE.size, []
    for _ in range(min(count, MOST_CHUNKS)):
        if len(block) - position < _HEAD.size:
            raise MalformedData(doing, "a block is torn off")
        kind, time_us, size = _HEAD.unpack_from(block, position)
        position += _HEAD.size
        if kind not in iter(Happening) or size > len(block) - position:
            raise MalformedData(doing, "a block holds something else")
        chunks.append(Chunk(Happening(kind), time_us / 1e6, block[position : position + size]))
        position += size
    return chunks


def parse_recording(content: bytes, unseal: Seal) -> tuple[Chunk, ...]:
    """All chunks of a recording; one that is torn off at its end gives what is whole.

    Raises MalformedData, and what `unseal` raises.
    """
    chunks: list[Chunk] = []
    position = 0
    while len(content) - position >= _SIZE.size:
        (size,) = _SIZE.unpack_from(content, position)
        if size > LARGEST_BLOCK_BYTES:
            raise MalformedData("read a recording of a line", "a block is too large")
        sealed = content[position + _SIZE.size : position + _SIZE.size + size]
        if len(sealed) < size:
            break  # the machine stopped while this was written
        chunks += parse_block(unseal(sealed))
        if len(chunks) > MOST_CHUNKS:
            raise MalformedData("read a recording of a line", "it has too many chunks")
        position += _SIZE.size + size
    return tuple(chunks)


class Recorder:
    """Collects chunks and gives them, sealed, to `sink`. `limit_bytes` bounds them all; what comes later is not recorded."""

    def __init__(self, seal: Seal, sink: Sink, clock: Clock, limit_bytes: int = LARGEST_RECORDING_BYTES) -> None:
        self.full = False
        self._seal = seal
        self._sink = sink
        self._clock = clock
        self._room_bytes = limit_bytes
        self._began_s: float | None = None
        self._waiting: list[Chunk] = []
        self._waiting_bytes = 0

    def note(self, kind: Happening, data: bytes = b"") -> None:
        """Something happened now. Never raises: a line does not stop because its recording cannot be written."""
        if self.full:
            return
        size = _HEAD.size + len(data)
        if size > self._room_bytes:
            self._end("it has reached its limit")
            return
        now = self._clock.monotonic()
        if self._began_s is None:
            self._began_s = now
        self._room_bytes -= size
        self._waiting.append(Chunk(kind, now - self._began_s, data))
        self._waiting_bytes += size
        if self._waiting_bytes >= BLOCK_BYTES:
            self.flush()

    def flush(self) -> None:
        """Seal and give away what waits."""
        chunks, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not chunks:
            return
        try:
            sealed = self._seal(encode_block(chunks))
            self._sink(_SIZE.pack(len(sealed)) + sealed)
        except (OSError, DeviceError):
            self._waiting = []
            self._end("it cannot be written")

    def _end(self, reason: str) -> None:
        """Stop recording, and say so once."""
        self.full = True
        self.flush()
        _LOG.warning("the recording of a line ends: %s; the line goes on", reason)


class RecordingLink:
    """A link whose traffic is recorded; see the module's rules and `drivers.link.Link`."""

    def __init__(self, inner: Link, recorder: Recorder) -> None:
        self._inner = inner
        self._recorder = recorder
        self._seen_generation = 0
        self._seen_lost = 0

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
        self._look()
        return self._inner.generation

    @property
    def name(self) -> str:
        """The port as it is called in messages."""
        return self._inner.name

    @property
    def connected(self) -> bool:
        """Whether the port is open."""
        self._look()
        return self._inner.connected

    @property
    def baud(self) -> int:
        """The speed now."""
        return self._inner.baud

    async def open(self) -> None:
        """Open the line; raises DeviceError."""
        await self._inner.open()
        self._look()

    async def close(self) -> None:
        """Release the line and seal what waits; never raises."""
        self._recorder.flush()
        await self._inner.close()

    def write(self, data: bytes) -> None:
        """Send bytes; raises DeviceError."""
        self._look()
        self._inner.write(data)
        self._recorder.note(Happening.TO_DEVICE, data)

    async def read(self, within_s: float | None) -> bytes:
        """All bytes that arrived; empty when none came in time. Raises DeviceError when the port is lost."""
        try:
            data = await self._inner.read(within_s)
        finally:
            self._look()
        return self._heard(data)

    def take(self) -> bytes:
        """All bytes that arrived, without waiting."""
        return self._heard(self._inner.take())

    def discard_input(self) -> None:
        """Forget what arrived; the recording keeps it."""
        self.counters.dropped_bytes += len(self.take())

    async def set_baud(self, baud: int) -> None:
        """Change the speed; raises DeviceError."""
        await self._inner.set_baud(baud)

    async def rest(self, seconds: float) -> None:
        """Send nothing for so long."""
        await self._inner.rest(seconds)

    async def wait_connected(self, within_s: float | None = None) -> bool:
        """Wait until the port is open; False when it is not in time."""
        connected = await self._inner.wait_connected(within_s)
        self._look()
        return connected

    def _heard(self, data: bytes) -> bytes:
        if data:
            self._recorder.note(Happening.TO_HOST, data)
        return data

    def _look(self) -> None:
        """Note losses and returns since the last look."""
        if self._inner.counters.lost != self._seen_lost:
            self._seen_lost = self._inner.counters.lost
            self._recorder.note(Happening.LOST)
        if self._inner.generation != self._seen_generation:
            self._seen_generation = self._inner.generation
            self._recorder.note(Happening.OPENED)


class ReplayLink:
    """A recording in the place of a line; see the module's rules and `drivers.link.Link`.

    `strange_bytes` counts what the driver wrote otherwise than in the recording: 0 with the same settings and entropy.
    """

    def __init__(self, chunks: Iterable[Chunk], settings: LinkSettings) -> None:
        self.settings = settings
        self.counters = LinkCounters()
        self.generation = 0
        self.baud = settings.baud
        self.strange_bytes = 0
        self._chunks = [chunk for chunk in chunks if chunk.data or chunk.kind <= Happening.LOST]
        self._position = 0  # of the chunk that happens next
        self._offset = 0  # in its bytes
        self._now_s = 0.0
        self._open = False
        self._moved = asyncio.Event()

    @property
    def name(self) -> str:
        """The recording as it is called in messages."""
        return f"recording of {self.settings.path}"

    @property
    def connected(self) -> bool:
        """Whether the port was open here."""
        return self._open

    @property
    def over(self) -> bool:
        """Whether everything was played."""
        return self._position >= len(self._chunks)

    async def open(self) -> None:
        """Begin; raises DeviceError for a recording in which the port is never opened."""
        if not self._open:
            self._reopen()
        if not self._open:
            raise DeviceError(f"open {self.name}", "nothing follows in which the port is open")

    async def close(self) -> None:
        """Stop."""
        self._open = False
        self._moved.set()

    def write(self, data: bytes) -> None:
        """The driver sends; raises DeviceError where the port was lost."""
        if not self._open:
            raise DeviceError(f"write to {self.name}", "the port is lost")
        self.counters.bytes_out += len(data)
        for byte in data:
            self._expect(byte)
        self._moved.set()

    async def read(self, within_s: float | None) -> bytes:
        """The next byte that the device sent, empty when it sent none in time; raises DeviceError where the port was lost."""
        while True:
            await _turn()
            chunk = self._next()
            if not self._open or chunk is None or chunk.kind is Happening.OPENED or chunk.kind is Happening.LOST:
                self._lose()
                raise DeviceError(f"read from {self.name}", "the port is lost")
            if chunk.kind is Happening.TO_HOST:
                return self._byte(chunk, within_s)
            if not await self._wait_for_write(within_s):
                return b""  # nothing came before the driver spoke again

    def take(self) -> bytes:
        """What arrived before the driver's next command."""
        taken = bytearray()
        while (chunk := self._next()) is not None and chunk.kind is Happening.TO_HOST:
            taken += chunk.data[self._offset :]
            self._advance()
        return bytes(taken)

    def discard_input(self) -> None:
        """Forget what arrived before the driver's next command."""
        self.counters.dropped_bytes += len(self.take())

    async def set_baud(self, baud: int) -> None:
        """A recording is played at any speed."""
        self.baud = baud

    async def rest(self, seconds: float) -> None:
        """Time is the recording's."""
        self._now_s += seconds
        await _turn()

    async def wait_connected(self, within_s: float | None = None) -> bool:
        """Whether the port came back in the recording; waits for ever where it did not and no time is given."""
        if not self._open:
            self._reopen()
        while not self._open and within_s is None:
            self._moved.clear()
            await self._moved.wait()
        await _turn()
        return self._open

    async def _wait_for_write(self, within_s: float | None) -> bool:
        """Whether the driver spoke meanwhile; a reader in another task than the writer must let it have its turn."""
        self._moved.clear()
        try:
            async with asyncio.timeout(None if within_s is None else min(within_s, LONGEST_WAIT_S)):
                await self._moved.wait()
        except TimeoutError:
            return False
        return True

    def _next(self) -> Chunk | None:
        return None if self.over else self._chunks[self._position]

    def _advance(self) -> None:
        self._now_s = max(self._now_s, self._chunks[self._position].at_s)
        self._position += 1
        self._offset = 0

    def _byte(self, chunk: Chunk, within_s: float | None) -> bytes:
        """One byte, or empty when the recording has a longer silence here."""
        if within_s is not None and chunk.at_s - self._now_s > within_s:
            self._now_s += within_s
            return b""
        data = chunk.data[self._offset : self._offset + 1]
        self._now_s = max(self._now_s, chunk.at_s)
        self._offset += 1
        self.counters.bytes_in += 1
        if self._offset == len(chunk.data):
            self._advance()
        return data

    def _expect(self, byte: int) -> None:
        """Compare one written byte with the recording. What the device said before is past: the driver did not wait for it."""
        self.take()
        chunk = self._next()
        if chunk is None:
            return  # after the end there is nothing to compare with
        if chunk.kind is not Happening.TO_DEVICE:
            self.strange_bytes += 1
            return
        self.strange_bytes += chunk.data[self._offset] != byte
        self._offset += 1
        if self._offset == len(chunk.data):
            self._advance()

    def _lose(self) -> None:
        """The port is lost here."""
        if self._open:
            self.counters.lost += 1
        self._open = False
        chunk = self._next()
        if chunk is not None and chunk.kind is Happening.LOST:
            self._advance()

    def _reopen(self) -> None:
        """Go on where the port was opened, if it was."""
        while (chunk := self._next()) is not None:
            self._advance()
            if chunk.kind is Happening.OPENED:
                self._open = True
                self.generation += 1
                self.counters.opened += 1
                return


async def _turn() -> None:
    """Let the others on the event loop have a turn."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(over.set_result, None)
    await over
