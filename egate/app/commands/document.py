"""`egate document`: make simulated travel documents, look at them, and lay them on a reader."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from egate.app.clock import SystemClock
from egate.app.config import ConfigError
from egate.app.simulate.document_file import SUFFIX, encode_document, read_document
from egate.app.simulate.making import make_document
from egate.app.simulate.recipe import example, read_recipe
from egate.app.simulate.serving import Air, is_taken, run_until_stopped, serve_on_pty, serve_on_vpcd
from egate.app.simulate.showing import describe, list_defects, list_kinds, list_quirks

SPEEDS = (106, 212, 424, 848)
"""Bit rates of ISO/IEC 14443, in kbit/s."""
PTY_SPEED, PTY_DELAY_MS = 424, 10
MOST_DELAY_MS = 5000
MOST_PORT = 65_535
DOCUMENT_NAME = "passport" + SUFFIX
TRUST_FOLDER, TERMINAL_FOLDER = "trust", "terminal"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate document`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    make = actions.add_parser("make", help="make a document from a recipe, with what a reader has to trust")
    make.add_argument("recipe", type=Path, nargs="?", metavar="FILE.toml", help="the recipe; see --example")
    make.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder for the document and its trust files")
    make.add_argument("--example", action="store_true", help="print a recipe with every key and what it takes")
    serve = actions.add_parser("serve", help="lay a document on a reader, until Ctrl-C")
    serve.add_argument("document", type=Path, metavar="DOC")
    ways = serve.add_mutually_exclusive_group(required=True)
    ways.add_argument("--pty", type=Path, metavar="PATH", help="as a PN532 on a serial line with this name")
    ways.add_argument("--vpcd", metavar="HOST:PORT", help="in the virtual PC/SC reader that listens there")
    serve.add_argument(
        "--speed",
        type=int,
        choices=SPEEDS,
        metavar="KBIT",
        help=f"in the air: 106, 212, 424 or 848 (default {PTY_SPEED}; with --vpcd: as fast as it goes)",
    )
    serve.add_argument(
        "--delay-ms",
        type=int,
        metavar="MS",
        help=f"the chip thinks so long about each command (default {PTY_DELAY_MS}; with --vpcd: not at all)",
    )
    show = actions.add_parser("show", help="files, protocols and quirks of a document")
    show.add_argument("document", type=Path, metavar="DOC")
    actions.add_parser("list-quirks", help="what issued chips do otherwise than the standard")
    actions.add_parser("list-defects", help="what can be wrong with a document")
    actions.add_parser("kinds", help="every word for access, chip and signature")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; returns 0."""
    match arguments.action:
        case "make":
            _make(arguments)
        case "serve":
            _serve(arguments)
        case "show":
            _print(describe(read_document(arguments.document)))
        case "list-quirks":
            _print(list_quirks())
        case "list-defects":
            _print(list_defects())
        case _:
            _print(list_kinds())
    return 0


def _make(arguments: argparse.Namespace) -> None:
    if arguments.example:
        _print(example().rstrip("\n"))
        return
    if arguments.recipe is None or arguments.output is None:
        raise ConfigError("make needs a recipe and -o DIR; `egate document make --example` prints a recipe")
    made = make_document(read_recipe(arguments.recipe), _today(SystemClock()))
    folder: Path = arguments.output
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DOCUMENT_NAME).write_bytes(encode_document(made.document))
        _write(folder / TRUST_FOLDER, made.trust)
        _write(folder / TERMINAL_FOLDER, made.terminal)
    except OSError as error:
        raise ConfigError(f"{folder}: nothing can be written there ({error.strerror})") from None
    _print("\n".join(made.document.lines))
    _print(f"\n{folder / DOCUMENT_NAME}: the document, for `egate document serve`")
    _print(f"{folder / TRUST_FOLDER}: {', '.join(sorted(made.trust))}, for the reader under test")
    for name, data in sorted(made.trust.items()):
        if name.startswith("csca") and not name.endswith("-link.der"):
            _print(f"    {name} has the fingerprint {sha256(data).hexdigest()}")
    if made.terminal:
        _print(f"{folder / TERMINAL_FOLDER}: {', '.join(sorted(made.terminal))}, for a terminal that may read DG3")


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """These files in a folder, which is made where there are any."""
    for name, data in files.items():
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)


def _today(clock: SystemClock) -> date:
    """The day in UTC."""
    return datetime.fromtimestamp(clock.wall_ns() / 1e9, UTC).date()


def _serve(arguments: argparse.Namespace) -> None:
    air = _air(arguments)
    document = read_document(arguments.document)
    clock, entropy = SystemClock(), secrets.token_bytes
    if arguments.pty is not None:
        _refuse_unfit(arguments.pty)
        on_wire = air or Air(PTY_SPEED * 1000, PTY_DELAY_MS / 1000)
        run_until_stopped(lambda: serve_on_pty(document, arguments.pty, entropy, on_wire, clock, _print))
        return
    place = _address(arguments.vpcd)
    run_until_stopped(lambda: serve_on_vpcd(document, place, entropy, air, clock, _print))


def _air(arguments: argparse.Namespace) -> Air | None:
    """The time in the air that was asked for; None where nothing was."""
    if arguments.delay_ms is not None and not 0 <= arguments.delay_ms <= MOST_DELAY_MS:
        raise ConfigError(f"--delay-ms is from 0 to {MOST_DELAY_MS}")
    if arguments.speed is None and arguments.delay_ms is None:
        return None
    delay_ms = PTY_DELAY_MS if arguments.delay_ms is None else arguments.delay_ms
    return Air((arguments.speed or PTY_SPEED) * 1000, delay_ms / 1000)


def _refuse_unfit(path: Path) -> None:
    """A name where nothing can be made, or that is something else than an old link of ours, is not taken."""
    if not path.parent.is_dir():
        raise ConfigError(f"--pty {path}: there is no folder {path.parent}; make it first, or name another path")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigError(f"--pty {path}: nothing can be made in {path.parent}; name another path")
    if os.path.lexists(path) and not path.is_symlink():
        raise ConfigError(f"--pty {path}: there is a file of this name; name another one")
    if is_taken(path):
        raise ConfigError(f"--pty {path}: another process serves on it; end that one, or name another path")


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) <= MOST_PORT:
        raise ConfigError(f"--vpcd {text}: write HOST:PORT, as 127.0.0.1:35963")
    return host.strip("[]"), int(port)


def _print(text: str) -> None:
    """One thing that the command says."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
