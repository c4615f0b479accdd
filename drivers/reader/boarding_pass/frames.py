"""How readers of bar codes send what they read on a serial line: bytes ↔ codes, by profile. No I/O.

A profile says what a code stands between. Most makes send the text and a line end; some add marks, some send nothing behind the
text, and then only the silence after it tells that it is whole. A line end, an end mark and a silence each end a code here.

The rule: what comes out depends on the bytes and on the silences, never on how the bytes were cut (L8). What is longer than any
boarding pass is dropped up to its end and counted. Judging a text is the parser's work (bcbp).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from drivers.reader.boarding_pass.bcbp import MOST_CHARACTERS
from egate.model.errors import DeviceError

DEFAULT_PROFILE = "lines"
LONGEST_CODE_BYTES = MOST_CHARACTERS + 3  # with the identifier of its symbology
_ENDS = b"\r\n"
_SYN = b"\x16"
_NEWLAND_COMMAND, _NEWLAND_END = b"\x7e\x01\x30\x30\x30\x30\x40", b"\x3b\x03"


@dataclass(frozen=True, slots=True)
class PassProfile:
    """How a make of reader marks codes, and what it must be told.

    `start` and `end` are marks around the text, beside its line ends. `setup` is sent when the port opens; `trigger` makes the
    reader look and is repeated every `trigger_every_s` while somebody waits, `untrigger` ends that. `gap_s` of silence ends a
    code. `source` is where all this was read.
    """

    start: bytes = b""
    end: bytes = b""
    line_end: bytes = b"\r"
    setup: tuple[bytes, ...] = ()
    trigger: bytes = b""
    untrigger: bytes = b""
    trigger_every_s: float = 5.0
    gap_s: float = 0.15
    baud: int = 9600
    source: str = ""


PASS_PROFILES: Mapping[str, PassProfile] = MappingProxyType(
    {
        "lines": PassProfile(
            baud=115_200,
            source="virtual COM ports of 2D engines: the text, and CR, LF or both or nothing behind it",
        ),
        "marked": PassProfile(start=b"\x02", end=b"\x03", source="CUTE-style gate readers: STX text CR ETX"),
        "imager": PassProfile(
            trigger=_SYN + b"T\r",
            untrigger=_SYN + b"U\r",
            baud=115_200,
            source="Honeywell-style imagers: trigger SYN T CR and SYN U CR (github: demo_uptek)",
        ),
        "newland": PassProfile(
            line_end=b"",
            trigger=_NEWLAND_COMMAND + b"SCNTRG1" + _NEWLAND_END,
            baud=115_200,
            source="Newland-style engines: 7E 01 0000 @ command ; 03 (github: hotel-kiosk-client)",
        ),
    }
)
"""The makes that are known; none was tried with the device itself. A further make is a further line: no code."""


def pass_profile(name: str) -> PassProfile:
    """The profile of that name, the default for an empty one; raises DeviceError."""
    try:
        return PASS_PROFILES[name or DEFAULT_PROFILE]
    except KeyError:
        known = ", ".join(PASS_PROFILES)
        raise DeviceError("configure the boarding pass reader", f"there is no profile {name!r}; known: {known}") from None


class PassFrames:
    """Collects bytes and gives back the text of each whole code, marks and line ends left out."""

    def __init__(self, profile: PassProfile) -> None:
        self.broken_frames = 0
        self._marks = frozenset(_ENDS + profile.start + profile.end)
        self._buffer = bytearray()
        self._overrun = False

    def receive(self, data: bytes) -> list[bytes]:
        """Add bytes from the wire; returns the codes that are whole now."""
        found: list[bytes] = []
        for byte in data:
            if byte in self._marks:
                found += self.silence()
            elif len(self._buffer) >= LONGEST_CODE_BYTES:
                self._overrun = True
            else:
                self._buffer.append(byte)
        return found

    def silence(self) -> list[bytes]:
        """The code that a mark or a silence ended, if any."""
        code, overrun = bytes(self._buffer), self._overrun
        self.reset()
        self.broken_frames += overrun
        return [code] if code and not overrun else []

    def reset(self) -> None:
        """Forget a half code."""
        self._buffer.clear()
        self._overrun = False


def encode_code(text: bytes, profile: PassProfile) -> bytes:
    """What a reader of this make sends for a code."""
    return profile.start + text + profile.line_end + profile.end
