"""The command line: a table of commands, each in a module of its own that is imported only when it is used.

Every expected failure ends in one line on standard error that says what to do, and exit status 2; a traceback is a bug.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Mapping, Sequence

from egate import __version__
from egate.app.config import ConfigError
from egate.model.errors import EgateError

COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("egate.app.commands.demo", "watch travellers cross a gate whose hardware is emulated at the far end of its wires"),
    "run": ("egate.app.commands.run", "run one lane with the devices that its configuration names"),
    "devices": ("egate.app.commands.devices", "what is plugged in: list, suggest configuration, monitor, test"),
    "commission": ("egate.app.commands.commission", "test a lane step by step before it opens, and leave a signed report"),
    "diagnostics": (
        "egate.app.commands.diagnostics",
        "collect what somebody far away needs to help, without personal data or keys",
    ),
    "config": ("egate.app.commands.config", "check a lane's file, compare, apply with a way back, confirm, roll back"),
    "sync": ("egate.app.commands.sync", "send sealed records to the centre and bring receipts back"),
    "hub": ("egate.app.commands.hub", "the centre: verify what lanes send, keep the ledger, sign receipts"),
    "crossings": ("egate.app.commands.crossings", "list what arrived at the centre"),
    "inspect": ("egate.app.commands.inspect", "read one travel document on a reader and show what was found"),
    "replay": ("egate.app.commands.replay", "judge a recorded inspection, play a line or a simulated shift again"),
    "simulate": ("egate.app.commands.simulate", "run whole shifts of the lane on a virtual clock, with travellers and faults"),
    "trust": ("egate.app.commands.trust", "what a lane believes about States: import, list, show, compare, expire"),
    "document": ("egate.app.commands.document", "make simulated documents and lay them on a reader, for testers of readers"),
    "driver": ("egate.app.commands.driver", "list the drivers, and run the conformance kit on any of them"),
    "keys": ("egate.app.commands.keys", "the keystore and keys in tokens: list, make, import, rotate, remove, check"),
    "service": ("egate.app.commands.units", "write the systemd units of a lane: watchdog, hardening, no network at the doors"),
    "faces": ("egate.app.commands.faces", "measure a face engine on labelled pictures; make, sign and show calibrations"),
    "enrol": ("egate.app.commands.enrol", "enrol a registered traveller: document, face, consent, expiry"),
}
"""Command → (module, one sentence). The reference in docs/commands.md is made from it."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells expect it."""


def build_parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """The parser; only the chosen command's module is imported (all of them when None)."""
    parser = argparse.ArgumentParser(prog="egate", description="Automated border control: one biometric passenger e-gate.")
    parser.add_argument("--version", action="version", version=f"egate {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, (module, sentence) in COMMANDS.items():
        command = commands.add_parser(name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".")
        command.add_argument("-v", "--verbose", action="store_true", help="log what the processes do, without personal data")
        if chosen in (None, name):
            importlib.import_module(module).add_arguments(command)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((word for word in given if word in COMMANDS), "")
    parser = build_parser(chosen)
    parsed = parser.parse_args(given)
    if parsed.command is None:
        parser.print_help()
        return 2
    logging.basicConfig(
        level=logging.INFO if parsed.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        status: int = importlib.import_module(COMMANDS[parsed.command][0]).run(parsed)
    except (ConfigError, EgateError) as error:
        print(f"egate {parsed.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    return status
