"""A live camera of the Linux kernel (Video4Linux 2) through OpenCV.

The camera is named by its stable path (`/dev/v4l/by-path/…`), because `/dev/video0` is whatever was plugged in first (L4).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.camera.files import as_frame
from egate.model.errors import DeviceError

MISSED_LIMIT = 5  # frames in a row that did not come: the camera is lost
_BY_PATH = Path("/dev/v4l/by-path")


@dataclass(frozen=True, slots=True)
class V4l2Settings:
    """Which camera, and what it is asked for; the camera may give the nearest that it can. `backend` is OpenCV's number."""

    device: str
    width: int = 1280
    height: int = 720
    fps: int = 30
    backend: int = cv2.CAP_V4L2


class V4l2Camera:
    """Fulfils `egate.ports.Camera`."""

    def __init__(self, settings: V4l2Settings) -> None:
        self._settings = settings
        self._capture: cv2.VideoCapture | None = None

    def open(self) -> None:
        """Start streaming; raises DeviceError with one sentence that says what is missing."""
        settings = self._settings
        doing = f"open camera {settings.device}"
        if not Path(settings.device).exists():
            raise DeviceError(doing, f"there is no such device; plug the camera in, or take a name from: {_cameras_here()}")
        capture = cv2.VideoCapture(settings.device, settings.backend)
        if not capture.isOpened():
            capture.release()
            raise DeviceError(doing, "it does not open; another program may use it (fuser -v), or the group video is missing")
        for setting, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, settings.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, settings.height),
            (cv2.CAP_PROP_FPS, settings.fps),
            (cv2.CAP_PROP_BUFFERSIZE, 1),
        ):
            capture.set(setting, value)
        self._capture = capture

    def frame(self) -> NDArray[np.uint8]:
        """The next frame, H×W×3 BGR, when the camera has it; raises DeviceError when it gives none any more."""
        doing = f"take a frame from camera {self._settings.device}"
        if self._capture is None:
            raise DeviceError(doing, "the camera is not open")
        for _ in range(MISSED_LIMIT):
            came, image = self._capture.read()
            if came:
                return as_frame(image, doing)
        raise DeviceError(doing, "it gives no frames; check the cable, then open it again")

    def close(self) -> None:
        """Stop streaming; never raises."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()


def _cameras_here() -> str:
    """The stable names that exist now."""
    try:
        names = sorted(str(entry) for entry in _BY_PATH.iterdir())
    except OSError:
        names = []
    return ", ".join(names) or f"{_BY_PATH} (empty now)"
