"""One line of the benchmark report: what was measured, and what it is compared with in the same run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BenchRow:
    """A measurement and its yardstick: `against` is a peer measured in the same run, or a limit with its source.

    `value` and `yardstick` are medians in `unit`; the report prints value / yardstick.
    """

    name: str
    value: float
    unit: str
    against: str
    yardstick: float
