"""A full-page reader whose own program leaves one picture file for each document in a folder.

That is what makers' programs can all do, whatever their library is like. Rule: a file is taken when it stopped growing, and it is
deleted as soon as it was read, because it is somebody's passport; files that were there before the start are deleted unread.
"""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

from drivers.counters import DeviceCounters
from egate.model.errors import DeviceError
from egate.ports import Clock

POLL_S = 0.1
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"})
MAX_PICTURE_BYTES = 16 * 1024 * 1024
"""An A6 page at 400 dots an inch without compression has 11 MB."""
_DOING = "waiting for a page"
_LOG = logging.getLogger("egate.drivers.page")


class FolderPages:
    """Fulfils `egate.ports.PageReader` for a folder."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.counters = DeviceCounters()
        self._folder, self._clock = folder, clock
        self._started = False
        self._lost = False
        self._sizes: dict[Path, int] = {}

    async def start(self) -> None:
        """See that the folder is there, and empty it of the pictures of earlier travellers."""
        if not self._folder.is_dir():
            raise DeviceError(_DOING, f"{self._folder} is no folder; create it, and let the page reader's program write there")
        if self._started:
            return
        for path in self._pictures():
            _delete(path)
        self._sizes.clear()
        self._started, self._lost = True, False

    async def close(self) -> None:
        """Nothing is held; who waits is told."""
        self._sizes.clear()
        self._started = False

    @property
    def online(self) -> bool:
        """Whether it was started and the folder is there."""
        return self._started and self._folder.is_dir()

    async def read_page(self) -> bytes:
        """The next picture, oldest first; the file is gone afterwards."""
        while True:
            self._look()
            for path in self._pictures():
                content = self._take(path)
                if content is not None:
                    self.counters.exchanges += 1
                    return content
            await self._clock.sleep(POLL_S)

    def _look(self) -> None:
        """See that it is started and the folder is there; a loss and a return are each told once in the log (L2)."""
        if not self._started:
            raise DeviceError(_DOING, "the page reader is not started")
        there = self._folder.is_dir()
        if there and self._lost:
            _LOG.info("the folder of the page reader is back")
        if not there and not self._lost:
            _LOG.warning("the folder of the page reader is gone (%s)", self._folder)
        self._lost = not there
        if not there:
            raise DeviceError(_DOING, f"{self._folder} is not there any more; create it again")

    def _pictures(self) -> list[Path]:
        try:
            found = [path for path in self._folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.is_symlink()]
            return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))
        except OSError:
            return []

    def _take(self, path: Path) -> bytes | None:
        """The content of a file that has kept its size since the last look, None while it grows."""
        try:
            size = path.stat().st_size
            if size == 0 or self._sizes.get(path) != size:
                self._sizes[path] = size
                return None
            content = path.read_bytes() if size <= MAX_PICTURE_BYTES else b""
        except OSError:
            return None
        self._sizes.pop(path, None)
        _delete(path)
        return content or None


def _delete(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
