"""The officer's console: `python -m ui.guard --socket PATH --officer NAME --key FILE`. Wires the parts; decides nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from egate.ipc.wishes import officer_key_from_pem
from egate.model.errors import TrustError
from ui.common import start
from ui.common.arrangement import CONSOLE_PANEL

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MAX_LANES = 10
"""Lanes that one officer watches (S1)."""

MAX_KEY_BYTES = 4096
"""An Ed25519 key in PEM takes 119 bytes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the console until its window closes or a signal comes; gives the exit code."""
    chosen = _parser().parse_args(arguments)
    start.log_to_stderr()
    if len(chosen.socket) > MAX_LANES:
        return _say(f"one console watches at most {MAX_LANES} gates")
    try:
        key = read_key(chosen.key)
    except (OSError, TrustError) as error:
        problem = error.problem if isinstance(error, TrustError) else error.strerror
        return _say(f"the officer's key {chosen.key} cannot be used: {problem}")
    start.require_screen("egate-guard")
    return _run(chosen, key)


def read_key(path: Path) -> Ed25519PrivateKey:
    """The officer's private key from a PEM file; raises OSError or TrustError."""
    with path.open("rb") as stream:
        return officer_key_from_pem(stream.read(MAX_KEY_BYTES))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="egate-guard", description="The officer's console for up to ten gates.")
    parser.add_argument(
        "--socket", type=Path, action="append", required=True, help="message socket of a lane controller; once for each gate"
    )
    parser.add_argument("--officer", required=True, help="the officer's service name, known to the lanes")
    parser.add_argument("--key", type=Path, required=True, help="the officer's Ed25519 private key (PKCS #8 PEM)")
    start.common_arguments(parser)
    return parser


def _say(problem: str) -> int:
    sys.stderr.write(f"egate-guard: {problem}\n")
    return start.UNAVAILABLE


def _run(chosen: argparse.Namespace, key: Ed25519PrivateKey) -> int:
    from ui.common.program import run_screen  # noqa: PLC0415 - Qt is loaded only after we know that it can be
    from ui.guard.controller import ConsoleController  # noqa: PLC0415 - as above

    def console() -> ConsoleController:
        return ConsoleController(chosen.socket, chosen.officer, key, language=chosen.language, save_screens=chosen.save_screens)

    return run_screen("egate-guard", console, chosen, CONSOLE_PANEL, lambda both: both.console)


if __name__ == "__main__":
    sys.exit(main())
