"""Lamps and buzzer: shows the lane's signal on a gate unit that has lamps, whenever it changes and whenever the unit is back.

Rule: a lamp is advice. A unit that does not take it neither holds up the lane nor calls an officer; it is told again later.
"""

from __future__ import annotations

import asyncio
import logging

from egate.model.errors import DeviceError
from egate.model.lane import Signal
from egate.ports import Clock, GateUnit, Indicator

SHOW_AGAIN_S = 1.0
"""Pause after a unit that did not take a signal."""

log = logging.getLogger(__name__)


class Lamps:
    """The lamps of one gate unit; none where the unit has none. `run` is its task."""

    def __init__(self, gate: GateUnit, clock: Clock) -> None:
        self._indicator: Indicator | None = gate if isinstance(gate, Indicator) else None
        self._clock = clock
        self._wanted = Signal()
        self._changed = asyncio.Event()
        self._told_lost = False

    def want(self, signal: Signal) -> None:
        """Show this from now on."""
        if signal != self._wanted:
            self._wanted = signal
            self._changed.set()

    def show_again(self) -> None:
        """The unit is back and may have forgotten what it showed."""
        self._changed.set()

    async def run(self) -> None:
        """Carry out what is wanted, the newest only, until cancelled."""
        while self._indicator is not None:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._indicator.show(self._wanted)
                self._told_lost = False
            except DeviceError as error:
                if not self._told_lost:
                    self._told_lost = True
                    log.warning("a signal was not shown: %s", error)
                await self._clock.sleep(SHOW_AGAIN_S)
                self._changed.set()
