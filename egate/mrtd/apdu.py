"""Command and response APDUs, short and extended, as bytes.

Source: ISO/IEC 7816-4 §5.1. Rule: the coding follows from the content (extended only where it must be), so that an APDU has one
encoding and a transcript can be compared byte by byte. Data never show in a `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from egate.model.errors import MalformedData

MAX_SHORT_DATA_BYTES = 255
MAX_SHORT_LE = 256
MAX_EXTENDED_BYTES = 65_536

SW_OK = 0x9000
SW_END_OF_FILE = 0x6282
SW_FILE_NOT_FOUND = 0x6A82
SW_SECURITY_STATUS = 0x6982


@dataclass(frozen=True, slots=True)
class CommandApdu:
    """A command; `le` is how many bytes are expected (256 or 65536 for as many as there are), None when no data are."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = field(repr=False, default=b"")
    le: int | None = None

    @property
    def extended(self) -> bool:
        """Whether the command needs the extended coding."""
        return len(self.data) > MAX_SHORT_DATA_BYTES or (self.le or 0) > MAX_SHORT_LE

    @property
    def size_bytes(self) -> int:
        """The length of the encoding."""
        extended = self.extended
        lengths = (3 if extended else 1) if self.data else 0
        if self.le is not None:
            lengths += (2 if self.data else 3) if extended else 1
        return 4 + lengths + len(self.data)

    def to_bytes(self) -> bytes:
        """The encoding of cases 1 to 4."""
        header = bytes((self.cla, self.ins, self.p1, self.p2))
        return header + (self._extended_body() if self.extended else self._short_body())

    def _short_body(self) -> bytes:
        body = bytes((len(self.data),)) + self.data if self.data else b""
        return body if self.le is None else body + bytes((self.le & 0xFF,))

    def _extended_body(self) -> bytes:
        body = b"\x00" + len(self.data).to_bytes(2, "big") + self.data if self.data else b""
        if self.le is None:
            return body
        return body + (b"" if self.data else b"\x00") + (self.le & 0xFFFF).to_bytes(2, "big")

    @classmethod
    def from_bytes(cls, raw: bytes) -> CommandApdu:
        """The command of its encoding; raises MalformedData."""
        if len(raw) < 4:
            raise MalformedData("parsing a command", "shorter than its header")
        body = raw[4:]
        data, le = _parse_extended(body) if len(body) > 1 and body[0] == 0 else _parse_short(body)
        return cls(raw[0], raw[1], raw[2], raw[3], data, le)


def _parse_short(body: bytes) -> tuple[bytes, int | None]:
    if len(body) <= 1:
        return b"", (body[0] or MAX_SHORT_LE) if body else None
    size = body[0]
    rest = body[1 + size :]
    if len(body) < 1 + size or len(rest) > 1:
        raise MalformedData("parsing a command", "the length does not fit the data")
    return body[1 : 1 + size], (rest[0] or MAX_SHORT_LE) if rest else None


def _parse_extended(body: bytes) -> tuple[bytes, int | None]:
    if len(body) < 3:
        raise MalformedData("parsing a command", "an extended length is cut off")
    size = int.from_bytes(body[1:3], "big")
    if len(body) == 3:
        return b"", size or MAX_EXTENDED_BYTES
    rest = body[3 + size :]
    if size == 0 or len(body) < 3 + size or len(rest) not in {0, 2}:
        raise MalformedData("parsing a command", "the length does not fit the data")
    le = (int.from_bytes(rest, "big") or MAX_EXTENDED_BYTES) if rest else None
    return body[3 : 3 + size], le


@dataclass(frozen=True, slots=True)
class ResponseApdu:
    """A response: its data and the status word `sw`."""

    data: bytes = field(repr=False)
    sw: int

    @property
    def ok(self) -> bool:
        """Whether the command was carried out as asked."""
        return self.sw == SW_OK

    @property
    def exact_length(self) -> int | None:
        """The length that a 6Cxx asks for, None for another status word."""
        return (self.sw & 0xFF) or MAX_SHORT_LE if self.sw >> 8 == 0x6C else None

    @property
    def more_bytes(self) -> int | None:
        """How many bytes a 61xx says are waiting, None for another status word."""
        return (self.sw & 0xFF) or MAX_SHORT_LE if self.sw >> 8 == 0x61 else None

    def to_bytes(self) -> bytes:
        """Data and status word."""
        return self.data + self.sw.to_bytes(2, "big")

    @classmethod
    def from_bytes(cls, raw: bytes) -> ResponseApdu:
        """The response of its encoding; raises MalformedData."""
        if not 2 <= len(raw) <= MAX_EXTENDED_BYTES + 2:
            raise MalformedData("parsing a response", "no status word or more than the largest response")
        return cls(raw[:-2], int.from_bytes(raw[-2:], "big"))
