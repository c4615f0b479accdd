"""Simulated morphs: two faces warped to the same shape by five points and a grid around them, then averaged.

For evaluation and tests only. Real morphs are made with many more points and by hand; figures on these say how a detector does on
these. Nothing is written to disk.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.faces.engine import FivePoints, Frame, Point

GRID = 5
"""Points along each side of the box around the face that hold the warp at its edge."""

BOX = (1.6, 1.7, 2.3)
"""The box around the eyes' middle in distances between the eyes: to each side, upwards, downwards."""

FEATHER = 0.16
"""Of the box's width: how softly the blended face passes into the outer picture."""

COARSE = 4
"""The warp is worked out at every fourth pixel and drawn out between them."""

Places = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Photograph:
    """A portrait and its five points."""

    frame: Frame = field(repr=False)
    points: FivePoints


def morph(one: Photograph, two: Photograph, share: float = 0.5) -> Photograph:
    """A face of the shape and look between two, `share` of the second, in the first one's picture (hair, clothes, background)."""
    two = _laid_over(two, one.points, one.frame.shape[:2])
    inner = (1 - share) * _inner(one) + share * _inner(two)
    places = np.vstack([inner, _edge(one.points)])
    first = _warped(one.frame, np.vstack([_inner(one), _edge(one.points)]), places)
    second = _warped(two.frame, np.vstack([_inner(two), _edge(one.points)]), places)
    mask = _mask(one.frame.shape[:2], one.points)[:, :, None]
    second = _toned(second, first, mask)
    blend = (1 - share) * first + share * second
    frame = np.asarray((mask * blend + (1 - mask) * one.frame).clip(0, 255), np.uint8)
    return Photograph(frame, FivePoints(*(Point(float(x), float(y)) for x, y in inner)))


def _inner(photograph: Photograph) -> Places:
    return np.array(photograph.points, np.float64)


def _edge(points: FivePoints) -> Places:
    """The grid of places that do not move: the sides of the box around the face."""
    left, top, right, bottom = _box(points)
    along = np.linspace(0, 1, GRID)
    xs, ys = left + (right - left) * along, top + (bottom - top) * along
    return np.array(
        [*((x, top) for x in xs), *((x, bottom) for x in xs), *((left, y) for y in ys[1:-1]), *((right, y) for y in ys[1:-1])]
    )


def _box(points: FivePoints) -> tuple[float, float, float, float]:
    (x, y), eyes = points.eye_middle, points.inter_eye_px
    side, up, down = BOX
    return x - side * eyes, y - up * eyes, x + side * eyes, y + down * eyes


def _laid_over(photograph: Photograph, target: FivePoints, shape: tuple[int, ...]) -> Photograph:
    """A photograph turned, scaled and moved so that its points lie as near the target's as that can bring them."""
    source = np.array(photograph.points, np.float64)
    matrix, _ = cv2.estimateAffinePartial2D(source, np.array(target, np.float64), method=cv2.LMEDS)
    frame = cv2.warpAffine(photograph.frame, matrix, (shape[1], shape[0]), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    moved = source @ matrix[:, :2].T + matrix[:, 2]
    return Photograph(np.asarray(frame, np.uint8), FivePoints(*(Point(float(x), float(y)) for x, y in moved)))


def _warped(frame: Frame, source: Places, target: Places) -> NDArray[np.float64]:
    """The frame with its source places moved to the target places, by thin plates between them."""
    height, width = frame.shape[:2]
    wide, high = -(-width // COARSE), -(-height // COARSE)
    xs, ys = np.meshgrid((np.arange(wide) + 0.5) * COARSE - 0.5, (np.arange(high) + 0.5) * COARSE - 0.5)
    shift = _plates(target, source - target, np.stack([xs.ravel(), ys.ravel()], axis=1)).reshape((high, wide, 2))
    shift = np.asarray(cv2.resize(shift, (wide * COARSE, high * COARSE)), np.float64)[:height, :width]
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    moved = (across + shift[:, :, 0]).astype(np.float32), (down + shift[:, :, 1]).astype(np.float32)
    return cv2.remap(frame, *moved, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).astype(np.float64)


def _plates(knots: Places, values: Places, at: Places) -> Places:
    """A thin-plate spline through values at knots, evaluated at places."""

    def basis(places: Places) -> NDArray[np.float64]:
        squared = ((places[:, None] - knots[None]) ** 2).sum(axis=2)
        bent = squared * np.log(np.maximum(squared, 1e-9))
        return np.hstack([bent, np.ones((len(places), 1)), places])

    count = len(knots)
    system = np.zeros((count + 3, count + 3))
    system[:count] = basis(knots)
    system[count:, :count] = system[:count, count:].T
    solved = np.linalg.solve(system, np.vstack([values, np.zeros((3, 2))]))
    evaluated: Places = basis(at) @ solved
    return evaluated


def _mask(shape: tuple[int, ...], points: FivePoints) -> NDArray[np.float64]:
    """1 on the face, 0 outside, soft between: hair, ears and clothes stay the first person's."""
    (x, y), eyes = points.eye_middle, points.inter_eye_px
    mask = np.zeros(shape, np.float64)
    cv2.ellipse(mask, (round(x), round(y + 0.45 * eyes)), (round(1.0 * eyes), round(1.45 * eyes)), 0, 0, 360, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), FEATHER * eyes), np.float64)


def _toned(picture: NDArray[np.float64], like: NDArray[np.float64], mask: NDArray[np.float64]) -> NDArray[np.float64]:
    """A picture with the mean and spread of another's colours within the mask."""
    weight = mask / mask.sum()
    mean, other = (weight * picture).sum(axis=(0, 1)), (weight * like).sum(axis=(0, 1))
    spread = np.sqrt((weight * (picture - mean) ** 2).sum(axis=(0, 1))) + 1e-6
    wanted = np.sqrt((weight * (like - other) ** 2).sum(axis=(0, 1)))
    toned: NDArray[np.float64] = (picture - mean) * (wanted / spread) + other
    return toned
