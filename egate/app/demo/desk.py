"""An enrolment desk whose document reader and camera are simulated at the far end of their wires, to try it without devices."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from egate.app.clock import SystemClock
from egate.app.config import load_config
from egate.app.demo.faces import ensure_demo_faces
from egate.app.demo.installation import make_installation
from egate.app.demo.play import today_of
from egate.app.demo.story import TRAVELLERS
from egate.app.demo.world import Carried, World, simulated_state
from egate.app.parts import Parts
from egate.app.wiring import build_parts

DESK_CAMERA_SIZE = (1080, 1440)
"""A desk's camera sees more of a face than a gate's: 120 pixels between the eyes are asked for (TR-03121 BIP-FI-APP)."""


@contextlib.asynccontextmanager
async def simulated_desk(name: str, root: Path, clock: SystemClock) -> AsyncIterator[Parts]:
    """A desk whose document reader and camera are simulated at the far end of their wires."""
    today = today_of(clock)
    issuer = simulated_state(today)
    place, gate_key = make_installation(root, issuer.csca_certificate, today, (), issuer.revocation_list())
    world = World(place, clock, gate_key, ensure_demo_faces(), today)
    world.camera_size, world.standing = DESK_CAMERA_SIZE, True
    traveller = next(found for found in TRAVELLERS if found.name == name)
    carried = await asyncio.to_thread(world.prepare, traveller, issuer, 1)
    world.start()
    parts = build_parts(load_config(place.config), clock)
    arrival = asyncio.create_task(_arrive(world, carried, parts))
    try:
        await parts.face.start()
        yield parts
    finally:
        arrival.cancel()
        await parts.close_reading_devices()
        await world.close()


async def _arrive(world: World, carried: Carried, parts: Parts) -> None:
    """The traveller comes to the desk once its reader listens."""
    while not (parts.mrz.online and parts.chip.online):
        await asyncio.sleep(0.05)  # noqa: TID251 - waits for real devices
    world.show(carried.scene)
    await world.lay(carried)
