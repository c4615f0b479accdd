"""Runs a service until it is asked to end (Ctrl-C or SIGTERM), and what every service on the bus is told on the command line.

A service holds keys, and the controller a traveller's data: its memory goes into no core dump, no other process of the account
reads it or its environment, and what it creates belongs to its account alone, whatever the shell's umask was.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import resource
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from egate.model.errors import DeviceError
from egate.sync.bus import BusAddress

TOKEN_VARIABLE = "EGATE_NATS_TOKEN"  # noqa: S105 - the name of the variable, not the token
"""Where the bus token may stand; a command line can be read by every account of the machine."""

TOKEN_LIMIT_BYTES = 4096


_PR_SET_DUMPABLE = 4
_OURS_ALONE = 0o077


def keep_memory_private() -> None:
    """No core dump, no debugger, no file for others; for processes that hold keys or personal data."""
    os.umask(_OURS_ALONE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def run_service(work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> int:
    """Run `work` with an event that is set by SIGINT or SIGTERM; returns the exit status 0 once it has ended."""
    keep_memory_private()
    asyncio.run(_until_signalled(work))
    return 0


def add_bus_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say where the bus is."""
    parser.add_argument("--nats", metavar="URL", help="the bus, e.g. nats://127.0.0.1:4222")
    parser.add_argument(
        "--nats-token-file",
        metavar="FILE",
        type=Path,
        help=f"file with the token of the bus (default: the variable {TOKEN_VARIABLE})",
    )


def bus_address(args: argparse.Namespace) -> BusAddress:
    """The bus as the arguments name it; raises DeviceError when it is not named or its token file cannot be read."""
    if args.nats is None:
        raise DeviceError("finding the bus", "--nats is needed, e.g. nats://127.0.0.1:4222")
    _refuse_unless_address(args.nats)
    if args.nats_token_file is None:
        return BusAddress(args.nats, os.environ.get(TOKEN_VARIABLE, ""))
    try:
        with open(args.nats_token_file, encoding="utf-8") as file:
            return BusAddress(args.nats, file.read(TOKEN_LIMIT_BYTES).strip())
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "not a text"
        raise DeviceError(f"reading {args.nats_token_file}", problem) from None


def _refuse_unless_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("nats", "tls") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise DeviceError("finding the bus", "--nats is no address such as nats://127.0.0.1:4222")


async def _until_signalled(work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await work(stop)
