"""Numbered pictures of a screen at its telling moments: `--save-screens DIR`.

A moment is saved a little after the screen changed, when pictures have arrived and the animation is under way; a moment that
another one overtakes is saved just before the screen changes again. A file appears whole or not at all. Rule: the pictures show
faces and documents, so they and a folder made for them belong to their account alone, whatever the umask.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from PyQt6.QtCore import QBuffer, QIODevice, QTimer
from PyQt6.QtWidgets import QWidget

SETTLE_MS = 400
"""How long after a change the picture is taken."""

_LOG = logging.getLogger(__name__)

_FOLDER_MODE, _FILE_MODE, _OTHERS = 0o700, 0o600, 0o077

_PNG_QUALITY = 60
"""Qt's scale from best compression (0) to fastest (100)."""


class ScreenshotBook:
    """Pictures of one window as `NNN-<screen>-<moment>.png`; the numbers go on from what lies in the directory."""

    def __init__(self, directory: Path, window: QWidget, screen: str) -> None:
        make_private_folder(directory)
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
        picture = QBuffer()
        picture.open(QIODevice.OpenModeFlag.WriteOnly)
        if not self._window.grab().save(picture, "PNG", _PNG_QUALITY):
            return
        try:
            write_private(path, picture.data().data())
        except OSError as error:
            _LOG.error("a picture of the screen could not be saved: %s", error.strerror)


def make_private_folder(directory: Path) -> None:
    """Make a folder that only its account may enter. Raises OSError.

    One that was there before stays as it is: it may hold more than our pictures, which are private in any case. The log
    says that others can enter.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    try:
        directory.mkdir(mode=_FOLDER_MODE)
        directory.chmod(_FOLDER_MODE)
    except FileExistsError:
        if not directory.is_dir():
            raise
        if directory.stat().st_mode & _OTHERS:
            _LOG.warning("others may enter the folder of the pictures; chmod 700 closes it")


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its account may read; it appears whole or not at all. Raises OSError."""
    unfinished = path.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), _FILE_MODE)
            stream.write(data)
        os.replace(unfinished, path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def _last_number(directory: Path, screen: str) -> int:
    numbers = [int(path.name.split("-")[0]) for path in directory.glob(f"[0-9]*-{screen}-*.png")]
    return max(numbers, default=0)
