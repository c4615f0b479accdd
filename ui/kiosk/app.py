"""The traveller's kiosk: `python -m ui.kiosk --socket PATH`. Wires link, presenter, frames and window; decides nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from egate.ipc.messages import Place
from ui.common import start
from ui.common.arrangement import KIOSK_PANEL


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the kiosk until its window closes or a signal comes; gives the exit code."""
    chosen = _parser().parse_args(arguments)
    start.log_to_stderr()
    start.require_screen("egate-kiosk")
    return _run(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="egate-kiosk", description="The traveller's screen of one gate.")
    parser.add_argument("--socket", type=Path, required=True, help="message socket of the lane controller")
    parser.add_argument(
        "--place",
        choices=[place.value for place in Place if place is not Place.ANYWHERE],
        default=Place.OUTSIDE.value,
        help="where the screen stands: before the gate, inside, or at a kiosk where documents are read for several gates",
    )
    start.common_arguments(parser)
    return parser


def _run(chosen: argparse.Namespace) -> int:
    from ui.common.program import run_screen  # noqa: PLC0415 - Qt is loaded only after we know that it can be
    from ui.kiosk.controller import KioskController  # noqa: PLC0415 - as above

    def kiosk() -> KioskController:
        return KioskController(chosen.socket, chosen.language, chosen.save_screens, place=Place(chosen.place))

    return run_screen("egate-kiosk", kiosk, chosen, KIOSK_PANEL, lambda both: both.kiosk)


if __name__ == "__main__":
    sys.exit(main())
