"""A simulated MRZ reader on a simulated cable: `present` is somebody laying a document on it.

Alone: `python -m drivers.sim.mrz_reader --pty PATH`, then type the lines, and an empty line to send them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from drivers.reader.mrz_protocol import CUTE, MrzProfile, encode_lines
from drivers.sim.alone import serve, typed_lines
from drivers.sim.pace import LoopPace, Pace
from drivers.sim.pty import FaultLink, PtyPort

DEFAULT_BAUD = 9600
READING_S = 0.3  # the device looks at the document


class SimulatedMrzReader:
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
        self.port = PtyPort(path, pace, baud, faults)
        self._pace = pace
        self._profile = profile

    def plug(self) -> None:
        """Connect the cable."""
        self.port.plug()

    def unplug(self) -> None:
        """Pull the cable."""
        self.port.unplug()

    async def close(self) -> None:
        """Pull the cable."""
        self.port.unplug()

    async def present(self, lines: tuple[str, ...]) -> None:
        """Lay a document on the reader: it is read and its lines are sent."""
        await self._pace.sleep(READING_S)
        self.port.write(encode_lines(lines, self._profile))


async def _run_alone(arguments: argparse.Namespace) -> None:
    """Send what is typed."""
    reader = SimulatedMrzReader(arguments.pty, LoopPace(), baud=arguments.baud)
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
    parser.add_argument("--baud", type=int, default=DEFAULT_BAUD)
    arguments = parser.parse_args()
    return serve("mrz reader", lambda: _run_alone(arguments))


if __name__ == "__main__":
    sys.exit(main())
