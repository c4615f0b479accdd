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
from ui.common.arrangement import CONSOLE_PANEL, Place, side_by_side

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from PyQt6.QtWidgets import QApplication

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
    """1 dress the application · 2 build window and links · 3 show · 4 run until told to quit."""
    from PyQt6.QtCore import QTimer  # noqa: PLC0415 - Qt is loaded only after we know that it can be
    from PyQt6.QtWidgets import QApplication  # noqa: PLC0415 - as above

    from ui.common import crash  # noqa: PLC0415 - as above
    from ui.common.theme import dress  # noqa: PLC0415 - as above
    from ui.guard.controller import ConsoleController  # noqa: PLC0415 - as above

    crash.install()
    application = QApplication(["egate-guard"])
    dress(application)
    controller = ConsoleController(chosen.socket, chosen.officer, key, language=chosen.language, save_screens=chosen.save_screens)
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
        return Place(0, 0, *(size or CONSOLE_PANEL))
    free = screen.availableGeometry()
    place = side_by_side(Place(free.x(), free.y(), free.width(), free.height())).console
    return place if size is None else Place(place.left, place.top, *size)


if __name__ == "__main__":
    sys.exit(main())
