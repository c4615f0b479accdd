"""Turning a face into the upright square that a recogniser was trained on, by its five points.

The rule: one similarity (turn, scale, shift; no shear, no mirror) brings the five points nearest to the template's, in the
least squares sense (Umeyama 1991). A network trained on one template and fed by another loses accuracy silently, so the
template belongs to the engine's identity.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.faces.engine import FivePoints, Frame
from egate.model.errors import DeviceError

ARCFACE_SIDE_PX = 112
"""The side of the square in which the customary template is given."""

ARCFACE_POINTS = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
"""Right eye, left eye, nose, right and left mouth corner: the template of ArcFace, SFace, MobileFaceNet and their kin."""

LEAST_SPREAD_PX = 1.0
"""Points closer together than this are no face: nothing can be aligned by them."""

MAX_PLACE_PX = 1e6
"""A point farther away is none."""

Template5 = tuple[tuple[float, float], ...]


def arcface_points(side_px: int) -> Template5:
    """The customary template in a square of another side."""
    scale = side_px / ARCFACE_SIDE_PX
    return tuple((x * scale, y * scale) for x, y in ARCFACE_POINTS)


def similarity(points: FivePoints, template: Template5) -> NDArray[np.float64]:
    """The 2×3 matrix that brings `points` onto `template`; raises DeviceError for points without extent."""
    source, target = np.asarray(points, np.float64), np.asarray(template, np.float64)
    if not (np.abs(source) <= MAX_PLACE_PX).all():  # NaN compares false
        raise DeviceError("align a face", "its points lie nowhere near a frame")
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - source_mean, target - target_mean
    spread = float((a**2).sum())
    if spread < LEAST_SPREAD_PX**2:
        raise DeviceError("align a face", "its five points lie on one another")
    # Complex numbers say "turn and scale" in one factor: the best one is <a, b> / <a, a>.
    x = float((a * b).sum()) / spread
    y = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / spread
    turn = np.array([[x, -y], [y, x]])
    return np.hstack([turn, (target_mean - turn @ source_mean)[:, None]])


def aligned(frame: Frame, points: FivePoints, template: Template5, side_px: int) -> Frame:
    """The face in its square of `side_px`; what lies outside the frame is black."""
    matrix = similarity(points, template)
    return np.asarray(cv2.warpAffine(frame, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR), np.uint8)
