"""Who listens to a gate unit's samples, and who waits for its answers: the same for every kind of unit.

Rule: a listener that is slow loses the oldest samples, never the newest, because only the newest is evidence (I2); a unit that is
lost, or closed, is told to each of them as an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from egate.model.errors import DeviceError
from egate.model.lane import GateReport

WAITING_REPORTS = 8
"""Samples kept for a listener that is slow; the oldest go first."""


class ReportListeners:
    """The listeners of one unit."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[GateReport | DeviceError]] = set()

    def tell(self, item: GateReport | DeviceError) -> None:
        """Hand a sample, or the loss of the unit, to everybody who listens now."""
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(item)

    async def reports(self) -> AsyncIterator[GateReport]:
        """Samples from the first `anext` on; raises the DeviceError that was told."""
        queue: asyncio.Queue[GateReport | DeviceError] = asyncio.Queue(WAITING_REPORTS)
        self._queues.add(queue)
        try:
            while True:
                item = await queue.get()
                if isinstance(item, DeviceError):
                    raise item
                yield item
        finally:
            self._queues.discard(queue)


def settle(answer: asyncio.Future[Any], error: DeviceError) -> None:  # whatever an answer is
    """Tell whoever waits for an answer that none comes, unless they gave up."""
    if not answer.done():
        answer.set_exception(error)
