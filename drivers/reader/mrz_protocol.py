"""Machine readable lines from a swipe or OCR reader: frames ↔ lines. No I/O.

The generic form of CUTE-style readers: `STX line CR line CR [line CR] ETX`. A reader sends what it read, also when it read
badly; a character that it could not make out comes as another sign and leaves here as `?`. Judging the lines is the parser's
work (egate/mrtd/mrz). Other makes are other profiles of the same frame.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.framing import FrameSplitter
from egate.model.errors import MalformedData

MOST_LINES = 3  # TD1 has three, TD2 and TD3 two (Doc 9303-3)
LONGEST_LINE = 44  # TD3
UNREAD = "?"
_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<")


@dataclass(frozen=True, slots=True)
class MrzProfile:
    """How a make of reader marks frames and lines."""

    start: bytes = b"\x02"
    line_end: bytes = b"\r"
    end: bytes = b"\x03"

    @property
    def limit_bytes(self) -> int:
        """No frame is longer."""
        return len(self.start) + MOST_LINES * (LONGEST_LINE + len(self.line_end)) + len(self.end)


CUTE = MrzProfile()


class MrzFrames:
    """Collects bytes and gives back the lines of each whole frame."""

    def __init__(self, profile: MrzProfile = CUTE) -> None:
        self._profile = profile
        self._splitter = FrameSplitter(profile.start, self._length, self._sound, profile.limit_bytes)

    @property
    def broken_frames(self) -> int:
        """Frames that had to be dropped so far (L11)."""
        return self._splitter.broken_frames

    def receive(self, data: bytes) -> list[tuple[str, ...]]:
        """Add bytes from the wire; returns the lines of every document that is whole now."""
        return [self._lines(frame) for frame in self._splitter.receive(data)]

    def reset(self) -> None:
        """Forget a half frame."""
        self._splitter.reset()

    def _length(self, buffer: bytes) -> int | None:
        """Whole length, once the end mark is here; a second start mark before it means that the first was torn off."""
        profile = self._profile
        end = buffer.find(profile.end, len(profile.start))
        again = buffer.find(profile.start, len(profile.start))
        if again >= 0 and (end < 0 or again < end):
            raise MalformedData("read MRZ lines", "a frame was torn off")
        return None if end < 0 else end + len(profile.end)

    def _sound(self, frame: bytes) -> bool:
        """One to three lines, none longer than a passport's."""
        lines = self._lines(frame)
        return 1 <= len(lines) <= MOST_LINES and all(len(line) <= LONGEST_LINE for line in lines)

    def _lines(self, frame: bytes) -> tuple[str, ...]:
        """The lines that are not empty, unread signs marked."""
        profile = self._profile
        content = frame[len(profile.start) : -len(profile.end)]
        lines = [line.replace(b"\n", b"") for line in content.split(profile.line_end)]
        return tuple("".join(_sign(byte) for byte in line) for line in lines if line)


def _sign(byte: int) -> str:
    """A sign of the MRZ alphabet, or the mark for one that was not read."""
    return chr(byte) if chr(byte) in _SIGNS else UNREAD


def encode_lines(lines: tuple[str, ...], profile: MrzProfile = CUTE) -> bytes:
    """The frame that a reader sends for these lines."""
    return profile.start + b"".join(line.encode("ascii") + profile.line_end for line in lines) + profile.end
