"""A simulated MRZ reader on a simulated cable, of any make that has a profile: `present` is somebody laying a document on it.

A make that must be set up and told to look sees nothing before that, and looks at one document for each telling.

Alone: `python -m drivers.sim.mrz_reader --pty PATH`, then type the lines, and an empty line to send them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from drivers.reader.mrz_profiles import DEFAULT_PROFILE, MRZ_PROFILES, mrz_profile
from drivers.reader.mrz_protocol import CUTE, MrzProfile, encode_lines
from drivers.sim.alone import serve, typed_lines
from drivers.sim.pace import LoopPace, Pace
from drivers.sim.pty import FaultLink, PtyPort
from drivers.sim.spoken import SpokenDevice

DEFAULT_BAUD = 9600
READING_S = 0.3  # the device looks at the document


class SimulatedMrzReader(SpokenDevice):
    """The reader; `plug` and `unplug` are the cable."""

    def __init__(
        self,
        path: Path,
        pace: Pace,
        *,
        baud: int | None = DEFAULT_BAUD,
        faults: FaultLink | None = None,
        profile: MrzProfile = CUTE,
    ) -> None:
        super().__init__(PtyPort(path, pace, baud, faults), pace, profile)
        self._profile = profile

    async def present(self, lines: tuple[str, ...]) -> None:
        """Lay a document on the reader: it is read and its lines are sent, once the host wants that."""
        await self.answer(encode_lines(lines, self._profile), READING_S)


async def _run_alone(arguments: argparse.Namespace) -> None:
    """Send what is typed."""
    profile = mrz_profile(arguments.profile)
    reader = SimulatedMrzReader(arguments.pty, LoopPace(), baud=arguments.baud or profile.baud, profile=profile)
    reader.plug()
    lines: list[str] = []
    try:
        async for line in typed_lines():
            if line.strip():
                lines.append(line.strip())
            elif lines:
                await reader.present(tuple(lines))
                lines = []
    finally:
        await reader.close()


def main() -> int:
    """Entry point of `python -m drivers.sim.mrz_reader`."""
    parser = argparse.ArgumentParser(prog="drivers.sim.mrz_reader", description="simulated MRZ reader on a pseudo terminal")
    parser.add_argument("--pty", type=Path, required=True, help="stable name to make")
    parser.add_argument("--baud", type=int, help="line speed (default: the make's)")
    parser.add_argument(
        "--profile", choices=sorted(MRZ_PROFILES), default=DEFAULT_PROFILE, help="make of reader (default %(default)s)"
    )
    arguments = parser.parse_args()
    return serve("mrz reader", lambda: _run_alone(arguments))


if __name__ == "__main__":
    sys.exit(main())
