"""The far end of a reader that looks when it is told to: what the simulated MRZ and boarding pass readers have in common.

A make that must be set up and told to look sees nothing before that, and looks at one thing for each telling. The host's end is
`drivers.reader.spoken`.
"""

from __future__ import annotations

from typing import Protocol

from drivers.sim.pace import Pace
from drivers.sim.pty import PtyPort

MOST_HEARD_BYTES = 256  # of what the host said is kept
LOOKING_S = 0.02  # between two looks whether the host wants one


class Telling(Protocol):
    """What the host says to a make, byte for byte; empty where it says nothing."""

    @property
    def setup(self) -> tuple[bytes, ...]:
        """Once, after the power came."""
        ...

    @property
    def trigger(self) -> bytes:
        """Look now."""
        ...

    @property
    def untrigger(self) -> bytes:
        """Look no more."""
        ...


class SpokenDevice:
    """A reader of any make; `plug` and `unplug` are the cable."""

    def __init__(self, port: PtyPort, pace: Pace, telling: Telling) -> None:
        self.port = port
        self._pace, self._telling = pace, telling
        port.on_bytes = self._hear
        port.on_plug = self._power_up
        self._power_up()

    @property
    def ready(self) -> bool:
        """Whether something would be read: set up and told to look, where this make needs that."""
        return not self._missing and (self._told or not self._telling.trigger)

    def _power_up(self) -> None:
        self._missing = set(self._telling.setup)
        self._told = False
        self._heard = b""

    def _hear(self, data: bytes) -> None:
        """Commands of the host, in whatever pieces they come."""
        self._heard = (self._heard + data)[-MOST_HEARD_BYTES:]
        self._missing = {command for command in self._missing if command not in self._heard}
        on, off = self._telling.trigger, self._telling.untrigger
        while positions := [(self._heard.find(command), command) for command in (on, off) if command and command in self._heard]:
            position, command = min(positions)
            self._told = command == on
            self._heard = self._heard[position + len(command) :]

    def plug(self) -> None:
        """Connect the cable."""
        self.port.plug()

    def unplug(self) -> None:
        """Pull the cable."""
        self.port.unplug()

    async def close(self) -> None:
        """Pull the cable."""
        self.port.unplug()

    async def answer(self, frame: bytes, reading_s: float) -> None:
        """Send what was read once the host wants it and `reading_s` seconds of looking went by; the telling is used up."""
        while not self.ready:
            await self._pace.sleep(LOOKING_S)
        await self._pace.sleep(reading_s)
        self._told = False
        self.port.write(frame)
