"""A boarding pass reader on a serial line, of any make that has a profile. Fulfils `egate.ports.BoardingPassReader`.

How such a device is waited for is in drivers/reader/spoken. Rule: whatever code somebody holds to it ends one wait, with a pass
or with `MalformedData` in words, so that the lane can tell a traveller who shows something else; nothing of the text is kept or
logged.
"""

from __future__ import annotations

from drivers.link import Link
from drivers.reader.boarding_pass.bcbp import parse_boarding_pass
from drivers.reader.boarding_pass.frames import PassFrames, PassProfile, pass_profile
from drivers.reader.spoken import Manner, SpokenReader
from egate.model.boarding_pass import BoardingPass
from egate.ports import Clock

_LINES = pass_profile("")


class SerialPassReader:
    """One boarding pass reader."""

    def __init__(self, link: Link, clock: Clock, profile: PassProfile = _LINES) -> None:
        manner = Manner(
            "read a boarding pass",
            profile.gap_s,
            profile.setup,
            profile.trigger,
            profile.untrigger,
            profile.trigger_every_s,
        )
        self._spoken: SpokenReader[bytes] = SpokenReader(link, clock, PassFrames(profile), manner)
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

    async def read_pass(self) -> BoardingPass:
        """Wait for the next code and return it as a pass.

        Raises DeviceError when the port gets lost while waiting, MalformedData for a code that is no boarding pass. Ask again
        after either: a port that was lost is waited for.
        """
        return parse_boarding_pass(await self._spoken.read())
