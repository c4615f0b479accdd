"""What the cues look at: one frame reduced to the few small pictures that they need, made once for all of them.

Every picture is placed by the eyes, so that measures do not depend on where the traveller stands. Lengths are in inter-eye
distances ("eyes") unless they say pixels. A view lives as long as its session.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.faces.engine import DetectedFace, FivePoints, Frame

Grey = NDArray[np.uint8]
Colours = NDArray[np.uint8]
Plane = NDArray[np.float32]

MIN_INTER_EYE_PX = 30.0
"""Smaller faces have no detail that a cue could read."""

SURROUND_PX = 160
"""Side of the picture around the face."""

SURROUND_EYES = 6.4
"""Its side in inter-eye distances: head, and as much again on every side."""

TRACK_EYES_PX = 56.0
"""Inter-eye distance in the picture that motion is followed in."""

TRACK_EYES = 5.0
"""Its side in inter-eye distances."""

FACE_PX = 96
FACE_EYES = 2.4
"""Side of the upright picture of the face, in pixels and inter-eye distances."""

FACE_TOP = 0.38
"""Where the eyes are in it, from its top."""

DETAIL_PX = 192
"""Side of the piece of the frame that is looked at pixel by pixel, never resampled."""

ROWS_EYES = 4.0
"""Height of the strip whose rows are averaged for banding."""

ROWS = 128

PROOF_STEP = 16
"""Every so many pixels of the frame are kept to know a frame again."""


@dataclass(frozen=True, slots=True)
class View:
    """One frame with one face, as the cues see it.

    `surround`: grey, placed by the eyes and not turned; `track`: grey at a steady scale around a fixed centre, for optical flow,
    with `track_origin` and `track_scale` (frame pixels to its pixels); `face`: upright colours; `detail`: unresampled grey;
    `rows`: mean grey of rows across the face; `proof`: a sparse sample of the whole frame; `ambient`: see `_ambient`.
    """

    points: FivePoints = field(repr=False)
    surround: Grey = field(repr=False)
    track: Grey = field(repr=False)
    track_origin: tuple[float, float]
    track_scale: float
    face: Colours = field(repr=False)
    detail: Grey = field(repr=False)
    rows: Plane = field(repr=False)
    proof: Colours = field(repr=False)
    ambient: tuple[float, float, float]

    @property
    def inter_eye_px(self) -> float:
        """Distance between the eyes in the frame."""
        return self.points.inter_eye_px


@dataclass(frozen=True, slots=True)
class Anchor:
    """The place around which motion is followed, the same for a whole session: centre and inter-eye distance in pixels."""

    x: float
    y: float
    inter_eye_px: float


def anchor_of(face: DetectedFace) -> Anchor:
    """The anchor that the first face of a session sets."""
    middle = face.points.eye_middle
    return Anchor(middle.x, middle.y, face.points.inter_eye_px)


def make_view(frame: Frame, face: DetectedFace, anchor: Anchor) -> View | None:
    """The view of a frame; None for a face too small or outside the frame."""
    points = face.points
    height, width = frame.shape[:2]
    middle, eyes = points.eye_middle, points.inter_eye_px
    if eyes < MIN_INTER_EYE_PX or not (0 <= middle.x < width and 0 <= middle.y < height) or min(height, width) < DETAIL_PX // 2:
        return None
    grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)
    surround = _square(grey, middle.x, middle.y + 0.3 * eyes, SURROUND_EYES * eyes, SURROUND_PX)
    scale = TRACK_EYES_PX / anchor.inter_eye_px
    side = round(TRACK_EYES * TRACK_EYES_PX)
    track = _square(grey, anchor.x, anchor.y + 0.3 * anchor.inter_eye_px, TRACK_EYES * anchor.inter_eye_px, side)
    origin = anchor.x - side / 2 / scale, anchor.y + 0.3 * anchor.inter_eye_px - side / 2 / scale
    detail = _cut(grey, middle.x, middle.y + 0.5 * eyes, DETAIL_PX)
    return View(
        points,
        surround,
        track,
        origin,
        scale,
        upright_face(frame, points),
        detail,
        _rows(grey, points),
        np.ascontiguousarray(frame[PROOF_STEP // 2 :: PROOF_STEP, PROOF_STEP // 2 :: PROOF_STEP]),
        _ambient(frame),
    )


def upright_face(frame: Frame, points: FivePoints) -> Colours:
    """The face upright in colour: eyes level, FACE_EYES wide."""
    middle, eyes = points.eye_middle, points.inter_eye_px
    scale = FACE_PX / (FACE_EYES * eyes)
    angle = float(np.degrees(np.arctan2(points.left_eye.y - points.right_eye.y, points.left_eye.x - points.right_eye.x)))
    matrix = cv2.getRotationMatrix2D((middle.x, middle.y), angle, scale)
    matrix[:, 2] += np.array((FACE_PX / 2 - middle.x, FACE_PX * FACE_TOP - middle.y))
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.warpAffine(frame, matrix, (FACE_PX, FACE_PX), flags=shrink, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _square(grey: Grey, x: float, y: float, side: float, side_px: int) -> Grey:
    """A square of the frame at another size; what lies outside repeats the edge."""
    whole = max(2, round(side))
    if whole > side_px:  # average what is reduced: a warp alone would alias
        part = _cut(grey, x, y, whole)
        return np.asarray(cv2.resize(part, (side_px, side_px), interpolation=cv2.INTER_AREA), np.uint8)
    scale = side_px / side
    matrix = np.array([[scale, 0, side_px / 2 - scale * x], [0, scale, side_px / 2 - scale * y]])
    return np.asarray(cv2.warpAffine(grey, matrix, (side_px, side_px), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _cut(grey: Grey, x: float, y: float, side: int) -> Grey:
    """A square of the frame as it is; what lies outside repeats the edge."""
    height, width = grey.shape
    left, top = round(x - side / 2), round(y - side / 2)
    if left >= 0 and top >= 0 and left + side <= width and top + side <= height:
        return grey[top : top + side, left : left + side].copy()
    rows = np.arange(top, top + side).clip(0, height - 1)
    columns = np.arange(left, left + side).clip(0, width - 1)
    return np.asarray(grey[rows[:, None], columns[None, :]], np.uint8)


def _rows(grey: Grey, points: FivePoints) -> Plane:
    middle, eyes = points.eye_middle, points.inter_eye_px
    height, width = grey.shape
    top, bottom = max(0, round(middle.y - 1.6 * eyes)), min(height, round(middle.y + (ROWS_EYES - 1.6) * eyes))
    left, right = max(0, round(middle.x - 1.3 * eyes)), min(width, round(middle.x + 1.3 * eyes))
    means = grey[top:bottom, left:right].mean(axis=1, dtype=np.float32).reshape(-1, 1)
    return np.asarray(cv2.resize(means, (1, ROWS), interpolation=cv2.INTER_AREA), np.float32).reshape(-1)


def _ambient(frame: Frame) -> tuple[float, float, float]:
    """Mean colour (blue, green, red) of the frame's upper corners, where nobody stands."""
    height, width = frame.shape[:2]
    tall, wide = max(1, height // 4), max(1, width // 6)
    corners = frame[:tall:4, :wide:4].reshape(-1, 3), frame[:tall:4, -wide::4].reshape(-1, 3)
    blue, green, red = (float(value) for value in np.concatenate(corners).mean(axis=0))
    return blue, green, red
