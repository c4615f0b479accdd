"""`egate run`: one lane, from its configuration, until it is told to end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
from pathlib import Path

from egate.app.clock import SystemClock
from egate.app.commands.service import run_service
from egate.app.config import load_config
from egate.app.configuring.versions import load_settled
from egate.app.controller import Controller
from egate.app.parts import Parts
from egate.app.service.notify import own_notifier
from egate.app.wiring import build_parts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate run`."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the lane's configuration (TOML)")
    parser.add_argument(
        "--check",
        action="store_true",
        help="only prove configuration, keys, trust, lists, models and camera",
    )


async def _prove_worker(parts: Parts) -> None:
    """Start the face worker once, which loads its models and opens its camera; raises DeviceError."""
    try:
        await parts.face.start()
    finally:
        await parts.face.close()


def run(arguments: argparse.Namespace) -> int:
    """Run the lane until SIGINT or SIGTERM; raises ConfigError, DeviceError or TrustError before a device is touched."""
    clock = SystemClock()
    config = load_config(arguments.config) if arguments.check else load_settled(arguments.config, clock.wall_ns())
    parts = build_parts(config, clock)
    if arguments.check:
        asyncio.run(_prove_worker(parts))
        headers = ", ".join(header.name for header in parts.lists.headers) or "none"
        print(f"{arguments.config} is usable: profile {parts.profile.name}, lists: {headers}")  # noqa: T201 - the command's answer
        return 0
    gc.collect()
    gc.freeze()  # trust, lists and code stay for good: no pause looks through them while a door waits (N4)
    controller = Controller(parts, notifier=own_notifier())

    async def work(stop: asyncio.Event) -> None:
        lane = asyncio.create_task(controller.run())
        ended = asyncio.create_task(stop.wait())
        await asyncio.wait({lane, ended}, return_when=asyncio.FIRST_COMPLETED)
        lane.cancel()
        ended.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await lane

    return run_service(work)
