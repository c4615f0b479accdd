"""A camera that plays image files of a directory in a loop, in the order of their names.

For the demo and for installation without a camera. The directory may be a symbolic link that is swapped while the camera
runs (another traveller steps in front of it): the files are listed again as soon as the link points elsewhere, and after each
round. It asks no clock: a `wait` that it is given lets the time between two frames pass.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.model.errors import DeviceError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp"})
MOST_FILES = 10_000  # a round longer than that is somebody's photo archive
LARGEST_FILE_BYTES = 32 * 1024 * 1024
LARGEST_SIDE = 8192  # pixels

Wait = Callable[[float], None]
"""Blocks for so many seconds."""


class FileCamera:
    """Fulfils `egate.ports.Camera`; `fps` frames a second."""

    def __init__(self, directory: Path, fps: float, wait: Wait) -> None:
        if not 0 < fps <= 120:
            raise DeviceError("configure the file camera", "frames per second must be above 0 and at most 120")
        self._directory = directory
        self._period_s = 1.0 / fps
        self._wait = wait
        self._target: Path | None = None
        self._files: list[Path] = []
        self._next = 0
        self._open = False

    def open(self) -> None:
        """List the files; raises DeviceError when there is nothing to play."""
        self._list_files()
        self._open = True

    def frame(self) -> NDArray[np.uint8]:
        """The next frame, H×W×3 BGR, after the time between two frames; raises DeviceError."""
        if not self._open:
            raise DeviceError("take a frame", "the camera is not open")
        self._wait(self._period_s)
        if self._next >= len(self._files) or self._directory.resolve() != self._target:
            self._list_files()
        path = self._files[self._next]
        self._next += 1
        return read_image(path)

    def close(self) -> None:
        """Forget the list."""
        self._open = False
        self._files = []

    def _list_files(self) -> None:
        """The directory's images in the order of their names."""
        doing = f"play the images in {self._directory}"
        target = self._directory.resolve()
        try:
            files = sorted(path for path in target.iterdir() if path.suffix.lower() in SUFFIXES)
        except OSError:
            raise DeviceError(doing, "there is no such directory; put one there or correct the camera's path") from None
        if not files:
            raise DeviceError(doing, f"it holds no image ({', '.join(sorted(SUFFIXES))})")
        self._target, self._files, self._next = target, files[:MOST_FILES], 0


def read_image(path: Path) -> NDArray[np.uint8]:
    """Decode one image file into an H×W×3 BGR array; raises DeviceError."""
    doing = f"read the image {path.name}"
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise DeviceError(doing, "the file is too large")
        coded = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError:
        raise DeviceError(doing, "the file cannot be read") from None
    image = cv2.imdecode(coded, cv2.IMREAD_COLOR) if coded.size else None
    if image is None:
        raise DeviceError(doing, "it is no image")
    return as_frame(image, doing)


def as_frame(image: object, doing: str) -> NDArray[np.uint8]:
    """What a frame must be: an array of 8-bit values, H×W×3; raises DeviceError."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise DeviceError(doing, "it is not a colour image of 8 bits")
    if not image.size or max(image.shape) > LARGEST_SIDE:
        raise DeviceError(doing, f"it is empty or larger than {LARGEST_SIDE} pixels")
    return image
