"""A simulated document on a reader: behind a serial line as a PN532 would show it, or in a virtual PC/SC reader.

Rule: the chip is the same on every way; only bytes and their timing differ. Serving ends with Ctrl-C and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

from drivers.sim.pace import Pace
from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.chip_terminal import TerminalAuthentication
from drivers.sim.passport.signing import Entropy
from drivers.sim.pn532 import DEFAULT_BAUD, AirSettings, SimulatedPn532
from drivers.sim.pty import serves_elsewhere
from drivers.sim.vpcd import VpcdChip
from egate.app.config import ConfigError
from egate.app.simulate.making import SimulatedDocument

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Air:
    """How fast the contactless side is."""

    bits_per_s: int
    per_apdu_s: float


def chip_of(document: SimulatedDocument, entropy: Entropy) -> SimulatedChip:
    """The document's chip, in no field yet; raises ConfigError for a trust point that is none."""
    if not document.trust_points:
        return SimulatedChip(document.personalisation, entropy, document.options)
    try:
        terminal = TerminalAuthentication(document.trust_points, document.made_on, entropy)
    except ValueError as error:
        raise ConfigError(f"the document has {error}") from None
    return SimulatedChip(document.personalisation, entropy, document.options, terminal)


def is_taken(path: Path) -> bool:
    """Whether another process lies on a reader at this name."""
    return serves_elsewhere(path)


async def serve_on_pty(document: SimulatedDocument, path: Path, entropy: Entropy, air: Air, pace: Pace, tell: Tell) -> None:
    """Lie on a simulated PN532 whose serial line is `path`, until cancelled."""
    settings = AirSettings(air.bits_per_s, air.per_apdu_s)
    reader = SimulatedPn532(path, pace, baud=DEFAULT_BAUD, air=settings)
    reader.insert(chip_of(document, entropy))
    reader.plug()
    tell(f"The document lies on a PN532 at {path} (115200 baud). Ctrl-C takes it away.")
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await reader.close()


async def serve_on_vpcd(
    document: SimulatedDocument, place: tuple[str, int], entropy: Entropy, air: Air | None, pace: Pace, tell: Tell
) -> None:
    """Lie in the virtual reader that listens at an address and port, until cancelled; without `air` as fast as it goes."""
    host, port = place
    tell(f"The document lies in the virtual reader at {host}:{port}. Ctrl-C takes it away.")
    settings = None if air is None else AirSettings(air.bits_per_s, air.per_apdu_s)
    await VpcdChip(chip_of(document, entropy), host, port, pace, settings).run()


def run_until_stopped(program: Callable[[], Coroutine[object, object, None]]) -> None:
    """Run until Ctrl-C or a request to end, so that nothing stays behind."""

    async def stoppable() -> None:
        task = asyncio.current_task()
        if task is not None:
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            await program()
        except asyncio.CancelledError:
            return

    asyncio.run(stoppable())
