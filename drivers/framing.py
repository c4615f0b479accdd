"""Cutting frames out of a byte stream, and the check values that serial devices use. No I/O, no clock.

The rule: what comes out depends on the bytes alone, never on how they were cut into chunks (L8). A `FrameSplitter` looks
for a start mark, asks the protocol how long the frame is, and asks it whether the frame is sound; a frame that is not
costs one byte, so the splitter finds the next good frame whatever stood before it.
"""

from __future__ import annotations

from collections.abc import Callable

from egate.model.errors import MalformedData

CRC_CCITT_POLYNOMIAL = 0x1021
CRC_OSDP_START = 0x1D0F  # IEC 60839-11-5: CRC-16/AUG-CCITT

Measure = Callable[[bytes], "int | None"]
"""Whole length of the frame at the front in bytes, None while too little arrived; raises MalformedData for no frame."""


def _crc_table() -> tuple[int, ...]:
    """The 256 remainders of one byte under the CCITT polynomial."""
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ CRC_CCITT_POLYNOMIAL if crc & 0x8000 else crc << 1
        table.append(crc & 0xFFFF)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc16_ccitt(data: bytes, start: int = CRC_OSDP_START) -> int:
    """CRC-16 with polynomial 1021h, most significant bit first, not reflected."""
    crc = start
    for byte in data:
        crc = ((crc << 8) & 0xFFFF) ^ _CRC_TABLE[(crc >> 8) ^ byte]
    return crc


def zero_sum(data: bytes) -> int:
    """The byte that makes the sum of `data` and itself zero modulo 256 (PN532 LCS and DCS, OSDP checksum)."""
    return -sum(data) & 0xFF


class FrameSplitter:
    """Collects bytes and gives back whole, sound frames; counts what it had to throw away.

    `last_unsound` is the newest frame that was whole but not sound; who looks at it clears it.

    `limit_bytes` bounds what is kept: no announced length may be larger.
    """

    def __init__(self, start: bytes, measure: Measure, sound: Callable[[bytes], bool], limit_bytes: int) -> None:
        self._start = start
        self._measure = measure
        self._sound = sound
        self._limit_bytes = limit_bytes
        self._buffer = bytearray()
        self.frames = 0
        self.broken_frames = 0
        self.stray_bytes = 0
        self.last_unsound = b""

    def receive(self, data: bytes) -> list[bytes]:
        """Add bytes from the wire; returns the frames that are whole now, in order."""
        self._buffer += data
        found: list[bytes] = []
        while self._seek_start():
            frame = self._cut()
            if frame is None:
                break
            if frame:
                found.append(frame)
        return found

    def reset(self) -> None:
        """Forget a half frame: after an idle gap, a reconnect, or before a new question (L7)."""
        self.stray_bytes += len(self._buffer)
        self._buffer.clear()

    def _seek_start(self) -> bool:
        """Drop what stands before the start mark; whether a whole mark is at the front."""
        position = self._buffer.find(self._start)
        if position < 0:
            # The tail may be the beginning of a mark that is still arriving.
            position = len(self._buffer) - self._started_mark()
            self._drop(position)
            return False
        self._drop(position)
        return True

    def _started_mark(self) -> int:
        """How many bytes at the end of the buffer could begin a start mark."""
        for size in range(min(len(self._start) - 1, len(self._buffer)), 0, -1):
            if self._buffer.endswith(self._start[:size]):
                return size
        return 0

    def _cut(self) -> bytes | None:
        """The frame at the front; empty when it was no frame (one byte is dropped then); None when more must arrive."""
        try:
            # No more than a frame: a flood must not cost a copy of itself for each of its bytes.
            length = self._measure(bytes(self._buffer[: self._limit_bytes + 1]))
        except MalformedData:
            self._break()
            return b""
        if length is not None and not len(self._start) <= length <= self._limit_bytes:
            self._break()
            return b""
        if length is None or len(self._buffer) < length:
            if len(self._buffer) > self._limit_bytes:
                self._break()
                return b""
            return None
        frame = bytes(self._buffer[:length])
        if not self._sound(frame):
            self.last_unsound = frame
            self._break()
            return b""
        del self._buffer[:length]
        self.frames += 1
        return frame

    def _break(self) -> None:
        self.broken_frames += 1
        self._drop(1)

    def _drop(self, count: int) -> None:
        self.stray_bytes += count
        del self._buffer[:count]
