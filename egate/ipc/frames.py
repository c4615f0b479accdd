"""The live preview of the camera, shared with the kiosk through one small file in the runtime directory.

One frame, never a history: each frame overwrites the last, and `clear` overwrites it with zeros, so nothing of a traveller
stays behind. A counter before the pixels is odd while they change (a seqlock): a reader that meets an odd or a changed
counter tries again, and the camera never waits for a screen. Pixels are BGRA, the form that Qt shows without conversion,
a centred square no larger than the kiosk shows.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from egate.model.errors import DeviceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_SIDE_PX = 720
"""The largest side of a frame; the kiosk's preview is not larger."""

MIN_SIDE_PX = 16
"""The smallest side that makes sense."""

READ_ATTEMPTS = 3
"""How often a reader tries again when the writer was at work; then it keeps the frame it has."""

_MAGIC = b"EGFRAME1"
_HEADER = struct.Struct("<8sIIII")
"""Magic, counter, width, height, largest side."""
_COUNTER = struct.Struct("<I")
_COUNTER_AT = len(_MAGIC)
_BYTES_PER_PIXEL = 4


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: `pixels` are rows of BGRA bytes without padding; `number` grows with every frame."""

    width: int
    height: int
    number: int
    pixels: bytes = field(repr=False)


class FrameWriter:
    """The camera's end. `size` is the side in pixels of the square that the kiosk shows."""

    def __init__(self, path: Path, size: int) -> None:
        if not MIN_SIDE_PX <= size <= MAX_SIDE_PX:
            raise DeviceError("share the preview", f"the side must lie in {MIN_SIDE_PX}…{MAX_SIDE_PX} pixels")
        self._path = path
        self._size = size
        self._counter = 0
        self._map = _create(path, size)

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Replace the shared frame by an H×W×3 BGR picture: its centred square, reduced to the agreed side."""
        pixels = _square_bgra(picture, self._size)
        side = pixels.shape[0]
        self._begin()
        self._put_header(side, side)
        self._map[_HEADER.size : _HEADER.size + pixels.nbytes] = pixels.tobytes()
        self._end()

    def clear(self) -> None:
        """Overwrite the frame with zeros; readers see that there is none."""
        self._begin()
        self._put_header(0, 0)
        self._map[_HEADER.size :] = bytes(len(self._map) - _HEADER.size)
        self._end()

    def close(self) -> None:
        """Clear the frame and remove the file; never raises."""
        if not self._map.closed:
            self.clear()
            self._map.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _begin(self) -> None:
        self._counter = (self._counter + 1) & 0xFFFFFFFF
        _COUNTER.pack_into(self._map, _COUNTER_AT, self._counter)

    def _end(self) -> None:
        self._begin()

    def _put_header(self, width: int, height: int) -> None:
        _HEADER.pack_into(self._map, 0, _MAGIC, self._counter, width, height, self._size)


class FrameReader:
    """The kiosk's end: standard library only. Opens the file when it appears; survives its removal and renewal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._map: mmap.mmap | None = None
        self._identity: tuple[int, int] = (0, 0)

    def read(self) -> Frame | None:
        """The newest frame; None when there is none, or when the writer was at work at every attempt."""
        shared = self._open()
        if shared is None:
            return None
        for _ in range(READ_ATTEMPTS):
            frame = _read_once(shared)
            if frame is not None:
                return frame if frame.width else None
        return None

    def close(self) -> None:
        """Let go of the file; never raises."""
        if self._map is not None:
            self._map.close()
        self._map = None

    def _open(self) -> mmap.mmap | None:
        """The file as it is now: another file at the same path (a restarted controller) replaces the old map."""
        try:
            status = self._path.stat()
        except OSError:
            self.close()
            return None
        identity = (status.st_ino, status.st_size)
        if self._map is None or identity != self._identity:
            self.close()
            self._map = _map_for_reading(self._path)
            self._identity = identity
        return self._map


def _create(path: Path, size: int) -> mmap.mmap:
    length = _HEADER.size + size * size * _BYTES_PER_PIXEL
    try:
        _wipe(path)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, length)
            shared = mmap.mmap(descriptor, length)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DeviceError("share the preview", f"{error.strerror or 'failed'} ({path})") from None
    _HEADER.pack_into(shared, 0, _MAGIC, 0, 0, 0, size)
    return shared


def _wipe(path: Path) -> None:
    """Overwrite what a killed writer left: a screen may still map that file, and a face must not stay on a disk.

    A link at that place is not followed; whatever stands there is removed afterwards.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
                size = min(found.st_size, _HEADER.size + MAX_SIDE_PX * MAX_SIDE_PX * _BYTES_PER_PIXEL)
                os.pwrite(descriptor, bytes(size), 0)
        finally:
            os.close(descriptor)


def _map_for_reading(path: Path) -> mmap.mmap | None:
    """The mapped file when it is one of ours and whole; its length is compared before anything in it is used."""
    try:
        with path.open("rb") as stream:
            shared = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None
    if len(shared) >= _HEADER.size:
        magic, _counter, _width, _height, side = _HEADER.unpack_from(shared, 0)
        if magic == _MAGIC and side <= MAX_SIDE_PX and len(shared) == _HEADER.size + side * side * _BYTES_PER_PIXEL:
            return shared
    shared.close()
    return None


def _read_once(shared: mmap.mmap) -> Frame | None:
    """One attempt: None when the writer was at work before or during it."""
    _magic, before, width, height, side = _HEADER.unpack_from(shared, 0)
    if before % 2 or width > side or height > side:
        return None
    pixels = bytes(shared[_HEADER.size : _HEADER.size + width * height * _BYTES_PER_PIXEL])
    (after,) = _COUNTER.unpack_from(shared, _COUNTER_AT)
    return Frame(width, height, before // 2, pixels) if before == after else None


def _square_bgra(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The centred square as BGRA. Large pictures are averaged down by a whole factor and then thinned out to `size`."""
    import numpy  # noqa: PLC0415 - the reader's side must not need numpy

    side = min(picture.shape[0], picture.shape[1])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    square = picture[top : top + side, left : left + side]
    factor = side // size
    if factor > 1:
        kept = side // factor
        blocks = square[: kept * factor, : kept * factor].reshape(kept, factor, kept, factor, 3)
        square = blocks.mean(axis=(1, 3)).astype(numpy.uint8)
        side = kept
    if side > size:
        chosen = numpy.arange(size) * side // size
        square = square[chosen[:, None], chosen[None, :]]
        side = size
    framed = numpy.full((side, side, _BYTES_PER_PIXEL), 255, dtype=numpy.uint8)
    framed[:, :, :3] = square
    return framed
