"""The traveller's kiosk: `python -m ui.kiosk --socket PATH`. Wires link, presenter, frames and window; decides nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ui.common import start

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication

_PANEL = (1080, 1920)
_SCREEN_SHARE = 0.92
"""How much of a display's height a window takes that is not full screen."""


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
    controller.window.resize(*(chosen.size or _window_size(application)))
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


def _window_size(application: QApplication) -> tuple[int, int]:
    """The panel's size where there is no display or room for it, otherwise the largest that fits in the panel's shape."""
    screen = application.primaryScreen()
    if screen is None or application.platformName() in start.UNSEEN_PLATFORMS:
        return _PANEL
    free = screen.availableGeometry()
    scale = min(1.0, free.height() * _SCREEN_SHARE / _PANEL[1], free.width() / _PANEL[0])
    return round(_PANEL[0] * scale), round(_PANEL[1] * scale)


if __name__ == "__main__":
    sys.exit(main())
