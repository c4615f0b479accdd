"""What each link and device counts for the technician (L11): plain numbers, no personal data.

The latency histogram has fixed edges, so counts of different gates can be added.
"""

from __future__ import annotations

from dataclasses import dataclass, field

LATENCY_EDGES_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)
"""Upper edges of the histogram's bins in milliseconds; one more bin holds what is slower."""


@dataclass(slots=True)
class LinkCounters:
    """Bytes and connections of one serial line."""

    bytes_in: int = 0
    bytes_out: int = 0
    opened: int = 0
    lost: int = 0
    dropped_bytes: int = 0


@dataclass(slots=True)
class DeviceCounters:
    """Exchanges of one device: questions, answers, repeats, frames that broke, sessions that had to be made again."""

    exchanges: int = 0
    repeats: int = 0
    unanswered: int = 0
    refused: int = 0
    sessions: int = 0
    latency_bins: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_EDGES_MS) + 1))

    def answered(self, latency_s: float) -> None:
        """Count one answered exchange that took `latency_s`."""
        self.exchanges += 1
        milliseconds = latency_s * 1000
        for index, edge in enumerate(LATENCY_EDGES_MS):
            if milliseconds <= edge:
                self.latency_bins[index] += 1
                return
        self.latency_bins[-1] += 1
