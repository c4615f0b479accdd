"""An MRZ reader that sends lines on a serial line, of any make that has a profile. Fulfils `egate.ports.MrzReader`.

How such a device is waited for is in drivers/reader/spoken. Rule: lines of an earlier document are never given out late.
"""

from __future__ import annotations

from drivers.link import Link
from drivers.reader.mrz_protocol import CUTE, Framing, MrzProfile, line_collector
from drivers.reader.spoken import Manner, SpokenReader
from egate.ports import Clock

IDLE_S = 1.0  # of silence inside a marked frame: it was torn off


class SerialMrzReader:
    """One MRZ reader."""

    def __init__(self, link: Link, clock: Clock, profile: MrzProfile = CUTE) -> None:
        manner = Manner(
            "read the MRZ",
            profile.gap_s if profile.framing is Framing.BARE else IDLE_S,
            profile.setup,
            profile.trigger,
            profile.untrigger,
            profile.trigger_every_s,
        )
        self._spoken: SpokenReader[tuple[str, ...]] = SpokenReader(link, clock, line_collector(profile), manner)
        self.counters = self._spoken.counters

    @property
    def online(self) -> bool:
        """Whether the port is open."""
        return self._spoken.online

    async def start(self) -> None:
        """Open the port and begin to listen; raises DeviceError."""
        await self._spoken.start()

    async def close(self) -> None:
        """Stop listening and release the port; never raises."""
        await self._spoken.close()

    async def read_lines(self) -> tuple[str, ...]:
        """Wait for the next document; raises DeviceError when the port gets lost while waiting.

        Ask again after that: the next call waits until the port is back and goes on.
        """
        return await self._spoken.read()
