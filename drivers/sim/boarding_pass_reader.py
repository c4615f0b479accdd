"""A simulated boarding pass reader on a simulated cable, of any make that has a profile: `present` is somebody showing a pass.

A make that must be told to look sees nothing before that, and looks at one code for each telling.

Alone: `python -m drivers.sim.boarding_pass_reader --pty PATH`, then type the text of a pass and a line end to show it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from drivers.reader.boarding_pass.bcbp import encode_boarding_pass
from drivers.reader.boarding_pass.frames import DEFAULT_PROFILE, PASS_PROFILES, PassProfile, encode_code, pass_profile
from drivers.sim.alone import serve, typed_lines
from drivers.sim.pace import LoopPace, Pace
from drivers.sim.pty import FaultLink, PtyPort
from drivers.sim.spoken import SpokenDevice
from egate.model.boarding_pass import BoardingPass

READING_S = 0.2  # the device looks at the code
LONGEST_TYPED = 2000


class SimulatedPassReader(SpokenDevice):
    """The reader; `plug` and `unplug` are the cable."""

    def __init__(
        self,
        path: Path,
        pace: Pace,
        *,
        baud: int | None = None,
        faults: FaultLink | None = None,
        profile: PassProfile | None = None,
    ) -> None:
        self._profile = profile or pass_profile("")
        super().__init__(PtyPort(path, pace, baud, faults), pace, self._profile)

    async def present(self, shown: BoardingPass | bytes) -> None:
        """Show a pass, or any other code by its text: it is read and sent, once the host wants that."""
        text = shown if isinstance(shown, bytes) else encode_boarding_pass(shown)
        await self.answer(encode_code(text, self._profile), READING_S)


async def _run_alone(arguments: argparse.Namespace) -> None:
    """Send what is typed."""
    profile = pass_profile(arguments.profile)
    reader = SimulatedPassReader(arguments.pty, LoopPace(), baud=arguments.baud or profile.baud, profile=profile)
    reader.plug()
    try:
        async for line in typed_lines():
            text = line.rstrip("\r\n")[:LONGEST_TYPED]
            if text:
                await reader.present(text.encode("latin-1", "replace"))
    finally:
        await reader.close()


def main() -> int:
    """Entry point of `python -m drivers.sim.boarding_pass_reader`."""
    words = "simulated boarding pass reader on a pseudo terminal"
    parser = argparse.ArgumentParser(prog="drivers.sim.boarding_pass_reader", description=words)
    parser.add_argument("--pty", type=Path, required=True, help="stable name to make")
    parser.add_argument("--baud", type=int, help="line speed (default: the make's)")
    parser.add_argument(
        "--profile", choices=sorted(PASS_PROFILES), default=DEFAULT_PROFILE, help="make of reader (default %(default)s)"
    )
    arguments = parser.parse_args()
    return serve("boarding pass reader", lambda: _run_alone(arguments))


if __name__ == "__main__":
    sys.exit(main())
