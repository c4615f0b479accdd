"""How simulators let time pass: any `egate.ports.Clock` will do; alone, a simulator runs on the event loop's own time.

A fast clock makes wires, doors and people faster together.
"""

from __future__ import annotations

import asyncio
from typing import Protocol


class Pace(Protocol):
    """The part of `egate.ports.Clock` that a simulator needs."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` of this clock pass."""
        ...


class LoopPace:
    """The event loop's time, for a simulator that is run alone."""

    def monotonic(self) -> float:
        """Seconds of the running event loop."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(max(seconds, 0.0), end_wait, over)
        try:
            await over
        finally:
            timer.cancel()


def end_wait(over: asyncio.Future[None]) -> None:
    """The time is up, unless whoever waited was cancelled in the same turn of the loop."""
    if not over.done():
        over.set_result(None)
