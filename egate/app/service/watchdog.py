"""Feeds the service manager's watchdog, after full rounds only (I7).

A round has two parts, one after the other: the lane takes an event from its own queue, and the gate unit answers what waits for
it and reports again. A stuck event loop, a step that does not return, a driver that neither reports nor says that it lost its
unit, an order that is never answered: each leaves the dog unfed, and the manager starts the controller anew. A gate unit that is
*known* to be lost completes a round: no new start mends a cut cable, and the lane is out of service with an alarm already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from egate.app.service.notify import FEEDS_IN_A_PERIOD, Notifier
from egate.ports import Clock

PAUSE_S = 0.5
"""Between two rounds of a service that nobody watches: its status still tells what it does."""


class Watchdog:
    """Makes rounds until cancelled. `lane_turn` and `gate_round` end when their part of a round is made."""

    def __init__(
        self,
        notifier: Notifier,
        clock: Clock,
        lane_turn: Callable[[], Awaitable[None]],
        gate_round: Callable[[], Awaitable[None]],
        status: Callable[[], str],
    ) -> None:
        self._notifier, self._clock = notifier, clock
        self._parts = (lane_turn, gate_round)
        self._status = status
        self._pause_s = PAUSE_S if notifier.watchdog_s is None else min(PAUSE_S, notifier.watchdog_s / FEEDS_IN_A_PERIOD)

    async def run(self) -> None:
        """READY after the first full round, food after each one."""
        tell = self._notifier.ready
        while True:
            for part in self._parts:
                await part()
            tell(self._status())
            tell = self._notifier.feed
            await self._clock.sleep(self._pause_s)
