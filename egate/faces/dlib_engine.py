"""dlib's HOG detector, five-point predictor and ResNet, driven directly; the only user of dlib.

The weights come from the package that the face_recognition library uses, and the result is that library's, to the last
digits, without importing it: importing it would load a 68-point model whose licence excludes commercial use, and its default
tolerance of 0.6 stands for a false match rate near 1 %. dlib measured FNMR 11 % at FMR 0.1 %, which fails BSI's 2 %, so it
serves as a second opinion; an agency may choose it, and the start says what that costs.
"""

from __future__ import annotations

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from egate.faces.calibration import Calibration, load_calibration
from egate.faces.engine import Box, DetectedFace, FivePoints, Frame, Point, Template, largest_first, template_of
from egate.faces.weights import DLIB_FIVE_POINTS, DLIB_RESNET
from egate.weights import read_weights, weights_path

DETECTION_SIDE_PX = 640
"""Frames are reduced to this long side before detection; HOG costs 337 ms at 1280×720 otherwise."""

UPSAMPLE = 1
"""Times the image is doubled before HOG, so that faces of 40 px are found (face_recognition's default)."""

HOG_MARGIN = 0.3
"""The score from which a find counts: frontal faces score 1.2 or more, finds in clothes about 0.1, which dlib's 0 lets pass."""

_MOUTH_DOWN = 0.95
"""Where the mouth corners lie below the eyes, in inter-eye distances: the five-point predictor has no mouth."""

_MOUTH_APART = 0.8
"""How far apart the mouth corners are, in inter-eye distances."""


class DlibEngine:
    """The second opinion."""

    def __init__(self) -> None:
        read_weights(DLIB_FIVE_POINTS)
        read_weights(DLIB_RESNET)
        self._detector = dlib.get_frontal_face_detector()
        self._predictor = dlib.shape_predictor(str(weights_path(DLIB_FIVE_POINTS)))
        self._net = dlib.face_recognition_model_v1(str(weights_path(DLIB_RESNET)))
        self._calibration = load_calibration("dlib")

    @property
    def model_id(self) -> str:
        """`dlib-` and the start of the weights' hash."""
        return f"dlib-{DLIB_RESNET.short_hash}"

    @property
    def calibration(self) -> Calibration:
        """What 1 − distance means."""
        return self._calibration

    def detect(self, frame: Frame) -> tuple[DetectedFace, ...]:
        """All faces, largest first. The points are dlib's; the mouth corners, which it lacks, stand where faces have them."""
        rgb = _rgb(frame)
        scale = min(1.0, DETECTION_SIDE_PX / max(frame.shape[:2]))
        small = rgb if scale == 1.0 else cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        boxes, scores, _ = self._detector.run(small, UPSAMPLE, HOG_MARGIN)
        return largest_first([self._face(rgb, box, score, scale) for box, score in zip(boxes, scores, strict=True)])

    def embed(self, frame: Frame, face: DetectedFace) -> Template:
        """The 128 numbers of the ResNet for the aligned face, as a direction and a length."""
        rgb = _rgb(frame)
        shape = self._predictor(rgb, _rectangle(face.box))
        return template_of(np.asarray(self._net.compute_face_descriptor(rgb, shape, 1), np.float64), "recogniser of dlib")

    def compare(self, a: Template, b: Template) -> float:
        """1 − the Euclidean distance that dlib defines: 1 for the same image; face_recognition's 0.6 would be 0.4."""
        return 1.0 - float(np.linalg.norm(a.vector * a.norm - b.vector * b.norm))

    def _face(self, rgb: NDArray[np.uint8], found: dlib.rectangle, score: float, scale: float) -> DetectedFace:
        left, top = round(found.left() / scale), round(found.top() / scale)
        box = Box(left, top, round(found.right() / scale) - left, round(found.bottom() / scale) - top)
        parts = [(float(part.x), float(part.y)) for part in self._predictor(rgb, _rectangle(box)).parts()]
        return DetectedFace(box, _five_points(parts), float(score))


def _five_points(parts: list[tuple[float, float]]) -> FivePoints:
    """The predictor's five are: left eye's corners (outer, inner), right eye's corners (outer, inner), base of the nose."""
    left_eye, right_eye = _middle(parts[0], parts[1]), _middle(parts[2], parts[3])
    along_x, along_y = left_eye.x - right_eye.x, left_eye.y - right_eye.y
    middle = _middle(left_eye, right_eye)
    mouth = Point(middle.x - _MOUTH_DOWN * along_y, middle.y + _MOUTH_DOWN * along_x)
    half_x, half_y = along_x * _MOUTH_APART / 2, along_y * _MOUTH_APART / 2
    right_mouth, left_mouth = Point(mouth.x - half_x, mouth.y - half_y), Point(mouth.x + half_x, mouth.y + half_y)
    return FivePoints(right_eye, left_eye, Point(*parts[4]), right_mouth, left_mouth)


def _middle(a: tuple[float, float], b: tuple[float, float]) -> Point:
    return Point((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)


def _rectangle(box: Box) -> dlib.rectangle:
    left, top = round(box.left), round(box.top)
    return dlib.rectangle(left, top, left + round(box.width), top + round(box.height))


def _rgb(frame: Frame) -> NDArray[np.uint8]:
    return np.ascontiguousarray(frame[:, :, ::-1])
