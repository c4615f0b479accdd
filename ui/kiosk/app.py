"""The traveller's kiosk: `python -m ui.kiosk --socket PATH`. Wires link, presenter, frames and window; decides nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ui.common import start
from ui.common.arrangement import KIOSK_PANEL, Place, side_by_side

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the kiosk until its window closes or a signal comes; gives the exit code."""
    chosen = _parser().parse_args(arguments)
    start.log_to_stderr()
    start.require_screen("egate-kiosk")
    return _run(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="egate-kiosk", description="The traveller's screen of one gate.")
    parser.add_argument("--socket", type=Path, required=True, help="message socket of the lane controller")
    start.common_arguments(parser)
    return parser


def _run(chosen: argparse.Namespace) -> int:
    """1 dress the application · 2 build window and link · 3 show · 4 run until told to quit."""
    from PyQt6.QtCore import QTimer  # noqa: PLC0415 - Qt is loaded only after we know that it can be
    from PyQt6.QtWidgets import QApplication  # noqa: PLC0415 - as above

    from ui.common import crash  # noqa: PLC0415 - as above
    from ui.common.theme import dress  # noqa: PLC0415 - as above
    from ui.kiosk.controller import KioskController  # noqa: PLC0415 - as above

    crash.install()
    application = QApplication(["egate-kiosk"])
    dress(application)
    controller = KioskController(chosen.socket, chosen.language, chosen.save_screens)
    controller.window.closed.connect(application.quit)
    start.quit_on_signals(application.quit)
    awake = QTimer()
    awake.timeout.connect(_stay_awake)
    awake.start(start.SIGNAL_POLL_MS)
    place = _place(application, chosen.size)
    controller.window.setGeometry(place.left, place.top, place.width, place.height)
    if chosen.fullscreen:
        controller.window.showFullScreen()
    else:
        controller.window.show()
    controller.start()
    code = application.exec()
    controller.stop()
    return code


def _stay_awake() -> None:
    """Nothing: returning to Python lets a pending signal through."""


def _place(application: QApplication, size: tuple[int, int] | None) -> Place:
    """The size that was asked for or the panel's where nobody looks, otherwise this screen's side of the display."""
    screen = application.primaryScreen()
    if screen is None or application.platformName() in start.UNSEEN_PLATFORMS:
        return Place(0, 0, *(size or KIOSK_PANEL))
    free = screen.availableGeometry()
    place = side_by_side(Place(free.x(), free.y(), free.width(), free.height())).kiosk
    return place if size is None else Place(place.left, place.top, *size)


if __name__ == "__main__":
    sys.exit(main())
