"""A camera that plays a video file in a loop, at the file's own pace or slower: for the demo and for trials with a recording.

Rules: only a plain file is opened, never an address or a pattern that the library would understand too; a frame is never given
twice, because a picture that stands still looks like a replayed one. It asks no clock: a `wait` that it is given lets the time
between two frames pass. It begins anew each time it opens.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.camera.files import as_frame
from egate.model.errors import DeviceError

HIGHEST_FPS = 120.0
USUAL_FPS = 25.0  # of a file that does not say

Wait = Callable[[float], None]
"""Blocks for so many seconds."""


class VideoCamera:
    """Fulfils `egate.ports.Camera`; at most `fps` frames a second, frames in between are passed over."""

    def __init__(self, file: Path, fps: float, wait: Wait) -> None:
        if not 0 < fps <= HIGHEST_FPS:
            raise DeviceError("configure the video camera", f"frames per second must be above 0 and at most {HIGHEST_FPS:g}")
        self._file, self._fps, self._wait = file, fps, wait
        self._capture: cv2.VideoCapture | None = None
        self._step = 1.0
        self._due = 0.0
        self._taken = 0

    def open(self) -> None:
        """Open the file at its beginning; raises DeviceError that says what is wrong with it."""
        doing = f"play the video {self._file.name}"
        if not self._file.is_file():
            raise DeviceError(doing, "there is no such file; put one there or correct the camera's path")
        capture = cv2.VideoCapture(str(self._file.resolve()), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            capture.release()
            raise DeviceError(doing, "it is no video that can be played; MP4, WebM, Matroska and AVI are")
        own = capture.get(cv2.CAP_PROP_FPS)
        own = own if 0 < own <= 1000 else USUAL_FPS
        self.close()
        self._capture, self._step = capture, max(1.0, own / self._fps)
        self._due, self._taken = 0.0, 0
        self._period_s = self._step / own

    def frame(self) -> NDArray[np.uint8]:
        """The next frame, H×W×3 BGR, after the time between two frames; after the last one the first. Raises DeviceError."""
        doing = f"take a frame from the video {self._file.name}"
        if self._capture is None:
            raise DeviceError(doing, "the camera is not open")
        self._wait(self._period_s)
        image = self._next()
        if image is None:
            self.open()
            image = self._next()
        if image is None:
            raise DeviceError(doing, "it holds no picture")
        return as_frame(image, doing)

    def close(self) -> None:
        """Let go of the file; never raises."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _next(self) -> object:
        """The frame that is due, None at the end of the file."""
        assert self._capture is not None
        try:
            while self._taken < int(self._due):
                if not self._capture.grab():
                    return None
                self._taken += 1
            came, image = self._capture.read()
        except cv2.error as error:
            raise DeviceError(f"take a frame from the video {self._file.name}", f"OpenCV gave it up ({error.code})") from None
        self._taken += 1
        self._due += self._step
        return image if came else None
