"""Machine readable lines from a swipe or OCR reader: frames ↔ lines. No I/O.

A profile says how a make of reader frames what it read; there are two shapes. *Marked* frames stand between a start and an end
mark (CUTE-style readers: `STX line CR line CR [line CR] ETX`). *Bare* ones have no marks: a document ends when the line falls
silent, and its lines are told apart by line ends, or by their lengths where there are none. A reader sends what it read, also
when it read badly; a character that it could not make out comes as another sign and leaves here as `?`. Judging the lines is the
parser's work (egate/mrtd/files/mrz). The makes are in drivers/reader/mrz_profiles.

The rule: what comes out depends on the bytes and on the silences between documents, never on how bytes were cut (L8).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from drivers.framing import FrameSplitter
from egate.model.errors import MalformedData

MOST_LINES = 3  # TD1 has three, TD2 and TD3 two (Doc 9303-3)
LONGEST_LINE = 44  # TD3
SHORTEST_LINE = 7
"""A shorter piece between line ends is no line of a document (the shortest part a CUTE-style reader sends has 7 signs)."""
UNREAD = "?"
_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<")
_RUN_TOGETHER = {60: 30, 88: 44, 72: 36, 90: 30}
"""Signs of a whole document without line ends → signs of a line: two of TD1's three, TD3 and MRV-A, TD2 and MRV-B, TD1."""


class Framing(Enum):
    """How a document's bytes are told from the next one's."""

    MARKED = "marked"
    BARE = "bare"


@dataclass(frozen=True, slots=True)
class MrzProfile:
    """How a make of reader marks frames and lines, and what it must be told.

    `prefix` stands before the first line and is left out (a code identifier, for instance). `flag` says that one sign may stand
    before the first line. `filler` is what short lines are filled up with at their ends. `setup` is sent when the port opens;
    `trigger` makes the reader look for a document and is repeated every `trigger_every_s` while somebody waits, `untrigger` ends
    that. `gap_s` of silence ends a bare frame. `source` is where all this was read.
    """

    start: bytes = b"\x02"
    line_end: bytes = b"\r"
    end: bytes = b"\x03"
    framing: Framing = Framing.MARKED
    prefix: bytes = b""
    flag: bool = False
    filler: str = ""
    setup: tuple[bytes, ...] = ()
    trigger: bytes = b""
    untrigger: bytes = b""
    trigger_every_s: float = 5.0
    gap_s: float = 0.15
    baud: int = 9600
    source: str = ""

    @property
    def limit_bytes(self) -> int:
        """No frame is longer."""
        marks = len(self.start) + len(self.prefix) + 1 + len(self.end)
        return marks + MOST_LINES * (LONGEST_LINE + len(self.line_end) + 1)


CUTE = MrzProfile(source="CUTE-style swipe readers: SODo STX line CR line CR [line CR] ETX EODo")


class LineCollector(Protocol):
    """Collects bytes and gives back the lines of each whole document."""

    @property
    def broken_frames(self) -> int:
        """Frames that had to be dropped so far (L11)."""
        ...

    def receive(self, data: bytes) -> list[tuple[str, ...]]:
        """Add bytes from the wire; returns the lines of every document that is whole now."""
        ...

    def silence(self) -> list[tuple[str, ...]]:
        """The line was silent for the profile's gap: the document that this ends, if any."""
        ...

    def reset(self) -> None:
        """Forget a half frame."""
        ...


def line_collector(profile: MrzProfile) -> LineCollector:
    """What collects the lines of this make of reader."""
    return MrzFrames(profile) if profile.framing is Framing.MARKED else BareFrames(profile)


class MrzFrames:
    """Collects marked frames."""

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

    def silence(self) -> list[tuple[str, ...]]:
        """A half frame was torn off."""
        self.reset()
        return []

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
        content = frame[len(profile.start) : -len(profile.end)].removeprefix(profile.prefix)
        return _lines(profile, [line.replace(b"\n", b"") for line in content.split(profile.line_end)])


class BareFrames:
    """Collects documents that only silence ends."""

    def __init__(self, profile: MrzProfile) -> None:
        self._profile = profile
        self._buffer = bytearray()
        self._overrun = False
        self.broken_frames = 0

    def receive(self, data: bytes) -> list[tuple[str, ...]]:
        """Add bytes from the wire; nothing is whole before the line falls silent."""
        self._buffer += data
        if len(self._buffer) > self._profile.limit_bytes:
            self._overrun = True
            del self._buffer[self._profile.limit_bytes :]
        return []

    def silence(self) -> list[tuple[str, ...]]:
        """The document that ended; none when what came cannot be one (an answer to a command, a bar code)."""
        content, overrun = bytes(self._buffer), self._overrun
        self.reset()
        if not content:
            return []
        lines = () if overrun else self._lines(content.removeprefix(self._profile.prefix))
        if lines:
            return [lines]
        self.broken_frames += 1
        return []

    def reset(self) -> None:
        """Forget what came so far."""
        self._buffer.clear()
        self._overrun = False

    def _lines(self, content: bytes) -> tuple[str, ...]:
        """Lines by their ends, or by their lengths; empty when that gives no document."""
        pieces = [piece for piece in content.replace(b"\n", b"\r").split(b"\r") if piece]
        if any(byte < 0x20 for piece in pieces for byte in piece):
            return ()  # an answer to a command: what could not be read comes as a sign that can be printed
        if len(pieces) == 1 and len(pieces[0]) in _RUN_TOGETHER:
            size = _RUN_TOGETHER[len(pieces[0])]
            pieces = [pieces[0][at : at + size] for at in range(0, len(pieces[0]), size)]
        fits = 1 <= len(pieces) <= MOST_LINES and all(SHORTEST_LINE <= len(piece) <= LONGEST_LINE for piece in pieces)
        lines = _lines(self._profile, pieces) if fits else ()
        # Another text has one sign of the zone here and there, a document's line has hardly another.
        return lines if all(line.count(UNREAD) * 2 < len(line) for line in lines) else ()


def _lines(profile: MrzProfile, pieces: list[bytes]) -> tuple[str, ...]:
    """Lines of the pieces between line ends, without flag and filler, unread signs marked."""
    if profile.flag and pieces:
        pieces = [_without_flag(pieces[0]), *pieces[1:]]
    if profile.filler:
        pieces = [piece.rstrip(profile.filler.encode("ascii")) for piece in pieces]
    return tuple("".join(_sign(byte) for byte in piece) for piece in pieces if piece)


def _without_flag(piece: bytes) -> bytes:
    """The first line without the sign before it: it is there when the piece is one longer than a line can be, or alone."""
    return piece[1:] if len(piece) - 1 in (0, 30, 36, 44) else piece


def _sign(byte: int) -> str:
    """A sign of the MRZ alphabet, or the mark for one that was not read."""
    return chr(byte) if chr(byte) in _SIGNS else UNREAD


def encode_lines(lines: tuple[str, ...], profile: MrzProfile = CUTE) -> bytes:
    """What a reader of this make sends for these lines."""
    encoded = [line.encode("ascii") for line in lines]
    if profile.filler:
        width = max(len(line) for line in encoded)
        encoded = [b""] * (MOST_LINES - len(encoded)) + [line.ljust(width, profile.filler.encode("ascii")) for line in encoded]
    content = b"".join(line + profile.line_end for line in encoded)
    flag = b"0" if profile.flag else b""
    if profile.framing is Framing.BARE:
        return profile.prefix + content
    return profile.start + profile.prefix + flag + content + profile.end
