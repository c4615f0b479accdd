"""`egate diagnostics bundle`: one ZIP file for whoever helps from afar, without personal data or keys (T6)."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from egate.app.clock import SystemClock
from egate.app.config import parse_toml, parse_tree, read_config
from egate.app.diagnostics import Gathered, bundle
from egate.model.errors import DeviceError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate diagnostics`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    sentence = "write one ZIP file: configuration without secrets, versions, counts, commission reports, masked logs"
    making = actions.add_parser("bundle", help=sentence, description=sentence[0].upper() + sentence[1:] + ".")
    making.add_argument("--config", type=Path, required=True, metavar="FILE", help="the lane's configuration")
    making.add_argument("--out", type=Path, required=True, metavar="ZIP", help="the file to write; it must not be there yet")
    making.add_argument(
        "--log", action="append", default=[], type=Path, metavar="FILE", help="a log of this program to take in; may be repeated"
    )
    making.add_argument(
        "--report",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="a commission report or a folder of them; may be repeated",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the bundle; raises ConfigError or DeviceError with what to do."""
    name = str(arguments.config)
    tables = parse_toml(read_config(arguments.config), name)
    config = parse_tree(tables, arguments.config.parent, name)
    content = bundle(Gathered(config, tables, tuple(arguments.report), tuple(arguments.log)), SystemClock().wall_ns())
    try:
        with open(os.open(arguments.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        raise DeviceError(f"writing {arguments.out}", error.strerror or "it cannot be written") from None
    print(f"{arguments.out}: {len(content)} bytes, without personal data or keys")  # noqa: T201 - the command's answer
    return 0
