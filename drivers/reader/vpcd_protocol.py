"""The vpcd socket: a chip's messages over TCP, as the virtual smart card driver of pcscd speaks them. No I/O.

Each message is a length of two bytes, most significant first, and so many bytes. The terminal listens, the chip connects. What
the terminal sends is an APDU, or one byte of control; only the question for the answer to reset and an APDU are answered, each
with one message. An APDU has at least four bytes, so a control byte cannot be taken for one.

Rules: what comes out depends on the bytes alone, never on how they were cut (L8). A peer that sends more than it may is a
stranger, and its connection ends: `MalformedData`.
"""

from __future__ import annotations

from enum import IntEnum

from egate.model.errors import DeviceError, MalformedData

LENGTH_BYTES = 2
LARGEST_MESSAGE_BYTES = 65_535  # what the length can say; an extended-length response of 65,536 bytes does not fit
SHORTEST_APDU_BYTES = 4
SHORTEST_RESPONSE_BYTES = 2  # its status word
LARGEST_ATR_BYTES = 33  # ISO/IEC 7816-3 §8.2.1


class Control(IntEnum):
    """What a terminal orders with a message of one byte."""

    OFF = 0
    ON = 1
    RESET = 2
    ATR = 4


def encode_message(payload: bytes) -> bytes:
    """A message around `payload`; raises DeviceError when it is empty or longer than the length can say."""
    if not 1 <= len(payload) <= LARGEST_MESSAGE_BYTES:
        raise DeviceError("send a vpcd message", f"{len(payload)} bytes do not fit into one")
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload


def control_of(message: bytes) -> Control | None:
    """The order that a message of one byte is, None for an APDU; raises MalformedData for what is neither."""
    if len(message) >= SHORTEST_APDU_BYTES:
        return None
    try:
        return Control(message[0]) if len(message) == 1 else _neither(len(message))
    except ValueError:
        return _neither(1)


def _neither(size: int) -> Control:
    raise MalformedData("read a vpcd message", f"{size} bytes are neither a known order nor an APDU")


class VpcdMessages:
    """Collects bytes and gives back whole messages; `largest_bytes` bounds what the peer may announce."""

    def __init__(self, largest_bytes: int = LARGEST_MESSAGE_BYTES) -> None:
        self._largest_bytes = largest_bytes
        self._buffer = bytearray()

    def receive(self, data: bytes) -> list[bytes]:
        """Add bytes from the wire; returns the messages that are whole now. Raises MalformedData; nothing is kept then."""
        self._buffer += data
        found: list[bytes] = []
        while len(self._buffer) >= LENGTH_BYTES:
            size = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
            if not 1 <= size <= self._largest_bytes:
                self._refuse(f"it announces {size} bytes")
            if len(self._buffer) < LENGTH_BYTES + size:
                break
            found.append(bytes(self._buffer[LENGTH_BYTES : LENGTH_BYTES + size]))
            del self._buffer[: LENGTH_BYTES + size]
        return found

    @property
    def half(self) -> bool:
        """Whether the beginning of a further message is here."""
        return bool(self._buffer)

    def reset(self) -> None:
        """Forget a half message."""
        self._buffer.clear()

    def _refuse(self, problem: str) -> None:
        self._buffer.clear()
        raise MalformedData("read a vpcd message", problem)
