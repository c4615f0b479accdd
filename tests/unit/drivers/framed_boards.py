"""What the tests of framed boards share: the example of the documentation, and a board on a simulated cable."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from drivers.gate.framed import FramedGate
from drivers.gate.framed_model import FramedProfile
from drivers.gate.framed_profile import parse_profile
from drivers.sim.framed_board import SimulatedFramedBoard
from drivers.sim.pty import FaultLink
from tests.unit.drivers.wires import TestClock, link_to

PAGE = Path(__file__).resolve().parents[3] / "docs/gate-profiles.md"


def example_text() -> str:
    """The example of docs/gate-profiles.md as it stands there."""
    found = re.search(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def example(*changes: tuple[str, str]) -> FramedProfile:
    """The example's profile, with pieces of its text replaced."""
    text = example_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_profile(text.encode())


@asynccontextmanager
async def board_wire(
    folder: Path,
    *,
    profile: FramedProfile | None = None,
    address: int = 1,
    board_address: int = 1,
    faults: FaultLink | None = None,
    start: bool = True,
    speed: float = 1.0,
) -> AsyncIterator[tuple[FramedGate, SimulatedFramedBoard, TestClock]]:
    """Our driver and a simulated board at both ends of a simulated cable."""
    clock, path, described = TestClock(speed), folder / "board", profile or example()
    unit = SimulatedFramedBoard(path, clock, described, board_address, faults=faults)
    unit.plug()
    gate = FramedGate(link_to(path, clock, described.line.baud), described, address, clock)
    try:
        if start:
            await gate.start()
        yield gate, unit, clock
    finally:
        await gate.close()
        await unit.close()
