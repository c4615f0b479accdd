"""A full-page reader whose own program leaves one picture file for each document in a folder.

That is what makers' programs can all do, whatever their library is like. Rule: a file is taken when it stopped growing, and it is
deleted as soon as it was read, because it is somebody's passport; files that were there before the start are deleted unread.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from egate.model.errors import DeviceError
from egate.ports import Clock

POLL_S = 0.1
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"})
MAX_PICTURE_BYTES = 16 * 1024 * 1024
"""An A6 page at 400 dots an inch without compression has 11 MB."""
_DOING = "waiting for a page"


class FolderPages:
    """Fulfils `egate.ports.PageReader` for a folder."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._sizes: dict[Path, int] = {}

    async def start(self) -> None:
        """See that the folder is there, and empty it of the pictures of earlier travellers."""
        if not self._folder.is_dir():
            raise DeviceError(_DOING, f"{self._folder} is no folder; create it, and let the page reader's program write there")
        for path in self._pictures():
            _delete(path)
        self._sizes.clear()

    async def close(self) -> None:
        """Nothing is held."""
        self._sizes.clear()

    @property
    def online(self) -> bool:
        """Whether the folder is there."""
        return self._folder.is_dir()

    async def read_page(self) -> bytes:
        """The next picture, oldest first; the file is gone afterwards."""
        while True:
            for path in self._pictures():
                content = self._take(path)
                if content is not None:
                    return content
            if not self.online:
                raise DeviceError(_DOING, f"{self._folder} is not there any more")
            await self._clock.sleep(POLL_S)

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
