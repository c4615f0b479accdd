"""Relief and surroundings: a head has depth and turns before a still background; a sheet is flat and takes its edges along.

Between two frames, points are followed by optical flow. The picture of a plane moves by a homography (eight numbers, here to
second order); what a nose adds to that has the form of a nose. So two models are fitted to the flow, a plane's and a plane's
with a nose, and the gain of the second over the first is the measure. Points beside the head are then asked whether they moved
with the face. Where nothing moved, nothing is known, and the measures say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.faces.engine import FivePoints
from egate.faces.pad.cues.view import TRACK_EYES_PX, View

MOST_PAIRS = 4
"""Pairs of frames that are compared; each takes about two milliseconds."""

MOST_FACE_POINTS, MOST_SURROUND_POINTS = 90, 50
"""Chosen apart: a colourful hall would take all points from a face."""

FEWEST_FACE_POINTS = 24
"""Fewer followed points do not carry a fit of ten numbers."""

FEWEST_SURROUND_POINTS = 5

MOVED_PX = 0.8
"""A surrounding point tells something when the face's motion would have moved it so far."""

_HUBER_PX = 0.25
_WINDOW = (13, 13)
_Points = NDArray[np.float64]


class ReliefMeasures(NamedTuple):
    """What motion tells of depth.

    `depth`: logarithm of the gain by a nose (F statistic), best of the pairs; `parallax`: its size in thousandths of an eye
    distance; `misfit`: what no plane explains; `motion`: how far the face moved, logarithm; `follow`: share of the surroundings
    that went along; `nose_sway`: how much the nose moves against eyes and mouth, in thousandths.
    """

    depth: float
    parallax: float
    misfit: float
    motion: float
    follow: float
    nose_sway: float


UNKNOWN = ReliefMeasures(0.0, 0.0, 0.0, -3.0, 0.5, 0.0)
"""Nothing could be followed."""


def relief_measures(views: Sequence[View], chosen: int) -> ReliefMeasures:
    """The relief seen between the chosen view and those that differ most from it in place or pose."""
    sway = nose_sway([view.points for view in views])
    found = [pair for other in _partners(views, chosen) if (pair := _compare(views[chosen], views[other])) is not None]
    if not found:
        return UNKNOWN._replace(nose_sway=sway)
    depth, parallax, misfit, motion = (np.array(column) for column in list(zip(*found, strict=True))[:4])
    follows = [pair[4] for pair in found if pair[4] is not None]
    return ReliefMeasures(
        float(depth.max()),
        float(parallax[int(depth.argmax())]),
        float(misfit.max()),
        float(motion.max()),
        float(np.mean(follows)) if follows else 0.5,
        sway,
    )


def nose_sway(faces: Sequence[FivePoints]) -> float:
    """Standard deviation of the nose's place in the frame that eyes and mouth span, in thousandths of an eye distance."""
    if len(faces) < 3:
        return 0.0
    places = np.array([_nose_in_face(points) for points in faces])
    steady = places - np.median(places, axis=0)
    return float(np.hypot(*steady.std(axis=0))) * 1000


def _nose_in_face(points: FivePoints) -> tuple[float, float]:
    corners = np.array([points.right_eye, points.left_eye, points.right_mouth, points.left_mouth], np.float64)
    model = np.array([(-0.5, 0.0), (0.5, 0.0), (-0.4, 1.05), (0.4, 1.05)])
    basis = np.column_stack((corners, np.ones(4)))
    solution, *_ = np.linalg.lstsq(basis, model, rcond=None)
    x, y = np.array([*points.nose, 1.0]) @ solution
    return float(x), float(y)


def _partners(views: Sequence[View], chosen: int) -> list[int]:
    """The views that differ most from the chosen one in where the five points are, best first."""
    own = np.array(views[chosen].points)
    apart = [float(np.abs(np.array(view.points) - own).mean()) for view in views]
    order = sorted((index for index in range(len(views)) if index != chosen), key=lambda index: -apart[index])
    return order[:MOST_PAIRS]


def _compare(one: View, other: View) -> tuple[float, float, float, float, float | None] | None:
    followed = _follow(one, other)
    if followed is None:
        return None
    places, flow = followed
    on_face = (places[:, 0] / 0.95) ** 2 + ((places[:, 1] - 0.45) / 1.35) ** 2 < 1
    beside = _outside(places, 1.4, 2.0) & ~_outside(places, 2.1, 2.6) & (places[:, 1] < 1.3)
    if int(on_face.sum()) < FEWEST_FACE_POINTS:
        return None
    plane, _, plane_error = _fit(_plane_basis(places[on_face]), flow[on_face])
    head, weights, head_error = _fit(_head_basis(places[on_face]), flow[on_face])
    free = 2 * int(on_face.sum()) - head.size
    gain = max(0.0, plane_error - head_error) / 2 / max(head_error / free, 1e-6)
    motion = float(np.hypot(*flow[on_face].T).mean())
    parallax = float(np.hypot(*head[-2:])) / TRACK_EYES_PX * 1000
    misfit = float(np.log(np.sqrt(plane_error / (2 * max(1.0, float(weights.sum()) / 2))) + 0.02))
    return (
        float(np.log(gain + 0.1)),
        parallax,
        misfit,
        float(np.log(motion + 0.05)),
        _going_along(places[beside], flow[beside], plane),
    )


def _outside(places: _Points, across: float, down: float) -> NDArray[np.bool_]:
    """Which places lie outside an ellipse about the head, with half axes in inter-eye distances."""
    return np.asarray((places[:, 0] / across) ** 2 + ((places[:, 1] - 0.25) / down) ** 2 > 1)


def _follow(one: View, other: View) -> tuple[_Points, _Points] | None:
    """Places in inter-eye distances from between the eyes of the first view, and their motion in pixels of `track`."""
    corners = _corners(one)
    if len(corners) < FEWEST_FACE_POINTS:
        return None
    shift = np.subtract(_in_track(other), _in_track(one))
    start = corners + np.asarray(shift, np.float32)
    there, good, _ = cv2.calcOpticalFlowPyrLK(
        one.track, other.track, corners, start.copy(), winSize=_WINDOW, maxLevel=2, flags=cv2.OPTFLOW_USE_INITIAL_FLOW
    )
    back, good_back, _ = cv2.calcOpticalFlowPyrLK(
        other.track, one.track, there, corners.copy(), winSize=_WINDOW, maxLevel=2, flags=cv2.OPTFLOW_USE_INITIAL_FLOW
    )
    same = np.abs(back - corners).reshape(-1, 2).max(axis=1) < 0.4
    kept = same & (good.ravel() == 1) & (good_back.ravel() == 1)
    if int(kept.sum()) < FEWEST_FACE_POINTS:
        return None
    begin, end = corners.reshape(-1, 2)[kept].astype(np.float64), there.reshape(-1, 2)[kept].astype(np.float64)
    eyes = one.inter_eye_px * one.track_scale
    return (begin - _in_track(one)) / eyes, end - begin


def _corners(view: View) -> NDArray[np.float32]:
    """Places worth following, on the face and beside it."""
    eyes = view.inter_eye_px * view.track_scale
    x, y = (round(value) for value in _in_track(view))
    face, beside = np.zeros_like(view.track), np.zeros_like(view.track)
    middle = x, round(y + 0.45 * eyes)
    cv2.ellipse(face, middle, (round(0.95 * eyes), round(1.35 * eyes)), 0, 0, 360, 255, -1)
    cv2.ellipse(beside, middle, (round(2.2 * eyes), round(2.7 * eyes)), 0, 0, 360, 255, -1)
    cv2.ellipse(beside, middle, (round(1.35 * eyes), round(1.9 * eyes)), 0, 0, 360, 0, -1)
    found: list[object] = [  # OpenCV gives None for a flat picture, which its types do not say
        cv2.goodFeaturesToTrack(view.track, most, 0.004, 4, mask=mask)
        for mask, most in ((face, MOST_FACE_POINTS), (beside, MOST_SURROUND_POINTS))
    ]
    places = [np.asarray(corners, np.float32).reshape(-1, 1, 2) for corners in found if corners is not None]
    return np.concatenate(places) if places else np.zeros((0, 1, 2), np.float32)


def _in_track(view: View) -> tuple[float, float]:
    middle = view.points.eye_middle
    return (middle.x - view.track_origin[0]) * view.track_scale, (middle.y - view.track_origin[1]) * view.track_scale


def _plane_basis(places: _Points) -> _Points:
    """Rows for the horizontal motion, then for the vertical: a plane's eight numbers."""
    x, y = places[:, 0], places[:, 1]
    one, none = np.ones_like(x), np.zeros_like(x)
    across = np.column_stack((one, x, y, none, none, none, x * x, x * y))
    down = np.column_stack((none, none, none, one, x, y, x * y, y * y))
    return np.vstack((across, down))


def _head_basis(places: _Points) -> _Points:
    x, y = places[:, 0], places[:, 1]
    height = np.clip(1 - np.hypot(x / 0.36, (y - 0.58) / 0.6), 0, None) - 0.25 * x * x
    none = np.zeros_like(x)
    return np.column_stack((_plane_basis(places), np.concatenate((height, none)), np.concatenate((none, height))))


def _fit(basis: _Points, flow: _Points) -> tuple[_Points, _Points, float]:
    """Least squares that one runaway point does not rule: numbers, weights, and the weighted sum of squares."""
    target = flow.T.reshape(-1)
    weights = np.ones_like(target)
    numbers: _Points = np.zeros(basis.shape[1])
    for _ in range(4):
        root = np.sqrt(weights)
        numbers = np.asarray(np.linalg.lstsq(basis * root[:, None], target * root, rcond=None)[0], np.float64)
        left = np.abs(target - basis @ numbers)
        weights = np.where(left <= _HUBER_PX, 1.0, _HUBER_PX / np.maximum(left, 1e-9))
    return numbers, weights, float((weights * (target - basis @ numbers) ** 2).sum())


def _going_along(places: _Points, flow: _Points, plane: _Points) -> float | None:
    """The share of points beside the head that moved as the face's plane would have moved them, not as a still background."""
    if len(places) < FEWEST_SURROUND_POINTS:
        return None
    x, y = places[:, 0], places[:, 1]
    affine = np.column_stack((np.ones_like(x), x, y))
    expected = np.column_stack((affine @ plane[:3], affine @ plane[3:6]))
    telling = np.hypot(*expected.T) > MOVED_PX
    if int(telling.sum()) < FEWEST_SURROUND_POINTS:
        return None
    along = np.hypot(*(flow - expected)[telling].T) < np.hypot(*flow[telling].T)
    return float(along.mean())
