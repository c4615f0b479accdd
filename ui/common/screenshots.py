"""Numbered pictures of a screen at its telling moments: `--save-screens DIR`.

A moment is saved a little after the screen changed, when pictures have arrived and the animation is under way; a moment that
another one overtakes is saved just before the screen changes again. A file appears whole or not at all.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QWidget

SETTLE_MS = 400
"""How long after a change the picture is taken."""

_PNG_QUALITY = 60
"""Qt's scale from best compression (0) to fastest (100)."""


class ScreenshotBook:
    """Pictures of one window as `NNN-<screen>-<moment>.png`; the numbers go on from what lies in the directory."""

    def __init__(self, directory: Path, window: QWidget, screen: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._window = window
        self._screen = screen
        self._pending = ""
        self._number = _last_number(directory, screen)
        self._timer = QTimer(window)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(self.save_pending)

    def note(self, moment: str) -> None:
        """The screen has just changed to this moment; its picture will be taken."""
        self._pending = re.sub(r"[^a-z0-9_-]", "", moment.lower())
        self._timer.start()

    def save_pending(self) -> None:
        """Take the picture that is due, if one is; call it before the screen changes."""
        self._timer.stop()
        if not self._pending:
            return
        self._number += 1
        path = self._directory / f"{self._number:03d}-{self._screen}-{self._pending}.png"
        self._pending = ""
        unfinished = path.with_suffix(".part")
        if self._window.grab().save(str(unfinished), "PNG", _PNG_QUALITY):
            os.replace(unfinished, path)


def _last_number(directory: Path, screen: str) -> int:
    numbers = [int(path.name.split("-")[0]) for path in directory.glob(f"[0-9]*-{screen}-*.png")]
    return max(numbers, default=0)
