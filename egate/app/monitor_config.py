"""The `[faces]` table: what the live accuracy monitor may keep, and for how long.

Rule: the bounds are the monitor's own (`egate.faces.monitor.limits`); 0 references keep nothing of anybody and count nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from egate.faces.monitor.limits import LONGEST_HOURS, MOST_REFERENCES

USUAL_REFERENCES, USUAL_HOURS = 200, 4
"""Enough comparisons in a day to see a rate of one in a thousand; gone before the shift is over."""

TABLE: Mapping[str, str] = {
    "monitor_references": "live accuracy monitor: how many recent references are kept, sealed in memory, to compare other "
    f"travellers' faces with (default {USUAL_REFERENCES}, at most {MOST_REFERENCES}; 0 keeps none and counts nothing); "
    "see docs/faces.md",
    "monitor_hours": f"after how many hours each of them is forgotten (default {USUAL_HOURS}, 1 to {LONGEST_HOURS})",
}
"""Keys and what they mean."""


@dataclass(frozen=True, slots=True)
class MonitorConfig:
    """How many references of other travellers a probe is compared with, and after how many hours each is forgotten."""

    references: int = USUAL_REFERENCES
    hours: int = USUAL_HOURS

    def words(self) -> tuple[str, ...]:
        """The face worker's arguments."""
        return "--monitor-references", str(self.references), "--monitor-hours", str(self.hours)


def read_monitor(number: Callable[[str, str, int, int, int], int]) -> MonitorConfig:
    """The table through `number(table, key, default, least, most)`, which refuses what is out of range."""
    return MonitorConfig(
        number("faces", "monitor_references", USUAL_REFERENCES, 0, MOST_REFERENCES),
        number("faces", "monitor_hours", USUAL_HOURS, 1, LONGEST_HOURS),
    )
