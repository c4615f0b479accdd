"""The air between a reader and a simulated chip, counted on a clock of its own, so that nobody waits.

Source: ISO/IEC 14443-3 (nine bits a byte with parity), 14443-4 (blocks of 256 bytes with header and CRC). Rule: seconds are
counted and never spent, so the same commands cost the same on every machine; `drivers.sim.pn532` spends them on a real line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

BITS_PER_BYTE = 9
BLOCK_BYTES = 253
"""What one block of 256 bytes carries."""
FRAME_BYTES = 3
"""Block header and CRC."""
SLOWEST_BITS_PER_S, FASTEST_BITS_PER_S = 106_000, 848_000


class Chip(Protocol):
    """What answers."""

    @property
    def ats(self) -> bytes:
        """Answer to select."""
        ...

    def reset(self) -> None:
        """Field off and on again."""
        ...

    def transceive(self, command: bytes) -> bytes:
        """Answer one APDU."""
        ...


@dataclass(frozen=True, slots=True)
class Spent:
    """What a conversation cost: APDUs, bytes in both directions, seconds in the air and in the chip."""

    apdus: int
    sent_bytes: int
    received_bytes: int
    seconds: float


class TimedChip:
    """A chip behind a wire of `bits_per_s` that thinks `per_apdu_s` about each command. ValueError for another bit rate."""

    def __init__(self, chip: Chip, bits_per_s: int = 424_000, per_apdu_s: float = 0.01) -> None:
        if not SLOWEST_BITS_PER_S <= bits_per_s <= FASTEST_BITS_PER_S or per_apdu_s < 0:
            raise ValueError(f"{SLOWEST_BITS_PER_S} to {FASTEST_BITS_PER_S} bits a second, and no negative delay")
        self._chip = chip
        self._bits_per_s = bits_per_s
        self._per_apdu_s = per_apdu_s
        self._spent = Spent(0, 0, 0, 0.0)

    @property
    def ats(self) -> bytes:
        """The chip's answer to select."""
        return self._chip.ats

    @property
    def spent(self) -> Spent:
        """What was spent since the begin."""
        return self._spent

    def reset(self) -> None:
        """Field off and on again; what was spent stays spent."""
        self._chip.reset()

    def transceive(self, command: bytes) -> bytes:
        """Answer one APDU and count what it cost."""
        response = self._chip.transceive(command)
        before = self._spent
        self._spent = Spent(
            before.apdus + 1,
            before.sent_bytes + len(command),
            before.received_bytes + len(response),
            before.seconds + self._per_apdu_s + air_s(len(command), self._bits_per_s) + air_s(len(response), self._bits_per_s),
        )
        return response


def air_s(size_bytes: int, bits_per_s: int) -> float:
    """Seconds that so many bytes need in the air, block frames included."""
    blocks = max(1, -(-size_bytes // BLOCK_BYTES))
    return (size_bytes + blocks * FRAME_BYTES) * BITS_PER_BYTE / bits_per_s
