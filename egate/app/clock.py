"""The one file that asks the machine for the time.

Everything else receives a `Clock`. A fast clock (`speed` > 1) lets the simulated world walk and swing its doors faster; the
lane itself always runs on real time.
"""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """The machine's clocks behind `egate.ports.Clock`."""

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError("a clock needs a speed above 0")
        self._speed = speed
        self._start = time.monotonic()

    def monotonic(self) -> float:
        """Seconds on the monotonic clock, stretched by the speed."""
        return self._start + (time.monotonic() - self._start) * self._speed

    def wall_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC; never stretched."""
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` of this clock pass."""
        await asyncio.sleep(max(0.0, seconds) / self._speed)


def perf_counter_s() -> float:
    """Seconds on the finest clock; for benchmarks."""
    return time.perf_counter()
