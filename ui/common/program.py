"""How every screen program runs: dress the application, place and show its window, run until told to quit.

Import this only after `start.require_screen`: it loads Qt.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Protocol

from PyQt6.QtCore import QTimer, pyqtBoundSignal
from PyQt6.QtWidgets import QApplication, QWidget

from ui.common import crash, start
from ui.common.arrangement import Arrangement, Place, side_by_side
from ui.common.theme import dress


class Screen(Protocol):
    """What a program shows: a window with a `closed` signal, fed from `start` until `stop`."""

    @property
    def shown(self) -> QWidget:
        """The window."""
        ...

    @property
    def closed(self) -> pyqtBoundSignal:
        """Emitted when the window was closed."""
        ...

    def start(self) -> None:
        """Connect to the lanes."""
        ...

    def stop(self) -> None:
        """Let go of everything."""
        ...


def run_screen(
    name: str,
    make: Callable[[], Screen],
    chosen: argparse.Namespace,
    panel: tuple[int, int],
    side: Callable[[Arrangement], Place],
) -> int:
    """1 dress the application · 2 make the screen · 3 place and show it · 4 run until told to quit; gives the exit code.

    `panel` is the size where nobody looks, `side` this program's side of a shared display.
    """
    crash.install()
    application = QApplication([name])
    dress(application)
    screen = make()
    screen.closed.connect(application.quit)
    start.quit_on_signals(application.quit)
    awake = QTimer()
    awake.timeout.connect(_stay_awake)
    awake.start(start.SIGNAL_POLL_MS)
    place = _place(application, chosen.size, panel, side)
    screen.shown.setGeometry(place.left, place.top, place.width, place.height)
    if chosen.fullscreen:
        screen.shown.showFullScreen()
    else:
        screen.shown.show()
    screen.start()
    code = application.exec()
    screen.stop()
    return code


def _stay_awake() -> None:
    """Nothing: returning to Python lets a pending signal through."""


def _place(
    application: QApplication,
    size: tuple[int, int] | None,
    panel: tuple[int, int],
    side: Callable[[Arrangement], Place],
) -> Place:
    """The size that was asked for or the panel's where nobody looks, otherwise this program's side of the display."""
    screen = application.primaryScreen()
    if screen is None or application.platformName() in start.UNSEEN_PLATFORMS:
        return Place(0, 0, *(size or panel))
    free = screen.availableGeometry()
    place = side(side_by_side(Place(free.x(), free.y(), free.width(), free.height())))
    return place if size is None else Place(place.left, place.top, *size)
