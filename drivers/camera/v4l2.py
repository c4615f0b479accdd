"""A live camera of the Linux kernel (Video4Linux 2): pictures through OpenCV, controls through the kernel's own calls.

The camera is named by its stable path (`/dev/v4l/by-path/…`); a name like `/dev/video0` goes to whatever was plugged in first
and is refused (L4). Exposure, gain, colour, mains frequency, focus and the direction it looks are set each time it opens,
because a camera forgets them with its power.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.camera import controls
from drivers.camera.controls import EXPOSURE_UNIT_US, CameraControls, ExposureMode, Reach
from drivers.camera.files import as_frame
from drivers.camera.v4l2_controls import ControlId, FrameSize, PictureFormat
from drivers.camera.v4l2_node import Ioctl, V4l2Node, kernel_ioctl
from egate.model.errors import DeviceError

COMPRESSED = "MJPG"
MISSED_LIMIT = 5  # frames in a row that did not come: the camera is lost
_BY_PATH = Path("/dev/v4l/by-path")
_NOTHING_ASKED = CameraControls()
_BY_TURN = re.compile(r"/dev/(?:\./)*video\d+")


@dataclass(frozen=True, slots=True)
class V4l2Settings:
    """Which camera, and what it is asked for; the camera may give the nearest that it can. `backend` is OpenCV's number."""

    device: str
    width: int = 1280
    height: int = 720
    fps: int = 30
    backend: int = cv2.CAP_V4L2
    controls: CameraControls = _NOTHING_ASKED


class V4l2Camera:
    """Fulfils `egate.ports.Camera` and `drivers.camera.guided.Adjustable`; `ioctl` reaches the kernel."""

    def __init__(self, settings: V4l2Settings, ioctl: Ioctl = kernel_ioctl) -> None:
        if _BY_TURN.fullmatch(settings.device):
            raise DeviceError(
                f"configure camera {settings.device}",
                f"this name goes to whatever was plugged in first; take one from: {_cameras_here()}",
            )
        self._settings = settings
        self._node = V4l2Node(settings.device, ioctl)
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
        try:
            self._set_up(capture)
        except DeviceError:
            capture.release()
            raise
        self._capture = capture

    def _set_up(self, capture: cv2.VideoCapture) -> None:
        """Form of the pictures, then the camera's controls."""
        settings = self._settings
        code = preferred_code(self._node.formats(), settings.width, settings.height)
        for setting, value in (
            *(((cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*code)),) if code else ()),
            (cv2.CAP_PROP_FRAME_WIDTH, settings.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, settings.height),
            (cv2.CAP_PROP_FPS, settings.fps),
            (cv2.CAP_PROP_BUFFERSIZE, 1),
        ):
            capture.set(setting, value)
        if settings.controls.asks_something:
            self._node.set_values(controls.plan(settings.controls, self._node.controls(), settings.device))

    def frame(self) -> NDArray[np.uint8]:
        """The next frame, H×W×3 BGR, when the camera has it; raises DeviceError when it gives none any more."""
        doing = f"take a frame from camera {self._settings.device}"
        if self._capture is None:
            raise DeviceError(doing, "the camera is not open")
        for _ in range(MISSED_LIMIT):
            try:
                came, image = self._capture.read()
            except cv2.error as error:
                raise DeviceError(doing, f"OpenCV gave it up ({error.code})") from None
            if came:
                return as_frame(image, doing)
        raise DeviceError(doing, "it gives no frames; check the cable, then open it again")

    def close(self) -> None:
        """Stop streaming; never raises."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def exposure_reach_us(self) -> Reach:
        """The exposure times that the camera can, in µs, and none longer than a frame; raises DeviceError."""
        reach = controls.exposure_reach_us(self._node.controls(), self._settings.device)
        return Reach(reach.least, min(reach.most, 1_000_000 / self._settings.fps))

    def exposure_us(self) -> int:
        """The exposure time in force; raises DeviceError."""
        return self._node.value(ControlId.EXPOSURE_ABSOLUTE) * EXPOSURE_UNIT_US

    def set_exposure_us(self, exposure_us: int) -> None:
        """Expose for so long, or the nearest that the camera can; raises DeviceError."""
        self._node.set_values(controls.manual_exposure(exposure_us, self._node.controls(), self._settings.device))

    def set_exposure_auto(self) -> None:
        """Let the camera rule its exposure again; raises DeviceError."""
        automatic = CameraControls(exposure=ExposureMode.AUTO)
        self._node.set_values(controls.plan(automatic, self._node.controls(), self._settings.device))

    def tilt_reach_deg(self) -> Reach:
        """The tilts that the camera can, in degrees, upwards positive; raises DeviceError."""
        return controls.tilt_reach_deg(self._node.controls(), self._settings.device)

    def set_tilt_deg(self, tilt_deg: float) -> None:
        """Look so far up or down; raises DeviceError."""
        self._node.set_values(controls.tilt(tilt_deg, self._node.controls(), self._settings.device))


def preferred_code(formats: Mapping[PictureFormat, tuple[FrameSize, ...]], width: int, height: int) -> str:
    """The coding to ask for: JPEG where the camera has it in this size, else what it likes (an empty text).

    USB 2 carries uncompressed pictures of 1280×720 ten times a second at best, and of 1920×1080 five times.
    """
    for form, sizes in formats.items():
        if form.code == COMPRESSED and any(size.width >= width and size.height >= height for size in sizes):
            return COMPRESSED
    return ""


def _cameras_here() -> str:
    """The stable names that exist now."""
    try:
        names = sorted(str(entry) for entry in _BY_PATH.iterdir())
    except OSError:
        names = []
    return ", ".join(names) or f"{_BY_PATH} (empty now)"
