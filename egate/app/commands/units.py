"""`egate service`: writes the systemd units of a lane, made from its configuration, with a watchdog and hardening.

It writes files and starts nothing: what runs on a machine is its administrator's. docs/technician.md says what to type next.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from egate.app.config import load_config
from egate.app.service.units import CONTROLLER, SYNC, UnitChoice, controller_unit, sync_unit
from egate.model.errors import DeviceError

UNIT_MODE = 0o644


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate service`."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the lane's configuration (TOML)")
    parser.add_argument(
        "--account", default="egate", metavar="NAME", help="the account that runs the lane (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="where to write the units (default: show them)")
    parser.add_argument("--sync", metavar="ARGUMENTS", help="also the unit of the sync: what follows `egate sync`, in quotes")


def run(arguments: argparse.Namespace) -> int:
    """Show or write the units; raises ConfigError or DeviceError."""
    config = load_config(arguments.config.absolute())
    choice = UnitChoice(arguments.account, Path(sys.executable), arguments.config.absolute())
    units = {CONTROLLER: controller_unit(config, choice)}
    if arguments.sync is not None:
        units[SYNC] = sync_unit(config, choice, arguments.sync)
    for name, text in units.items():
        if arguments.output is None:
            print(f"# {name}\n{text}")  # noqa: T201 - the command's answer
        else:
            _write(arguments.output / name, text)
    return 0


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
        path.chmod(UNIT_MODE)
    except OSError as error:
        raise DeviceError(f"writing {path}", error.strerror or "it cannot be written") from None
    print(f"{path} is written")  # noqa: T201 - the command's answer
