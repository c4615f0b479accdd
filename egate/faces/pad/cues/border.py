"""Paper edges and bezels: long straight lines around the face that make the sides of one leaning rectangle.

Doors, signs and seams are straight too. What counts is therefore how many sides a face has at once, near the head, and parallel
in pairs; whether such a rectangle also moves with the face is the business of `relief`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from egate.faces.pad.cues.view import SURROUND_EYES, SURROUND_PX, Grey

SHORTEST_EYES = 1.1
"""A line shorter than that is hair, collar or wall."""

LEAN_DEG = 20.0
"""How far from level or upright a side may lean."""

NEAREST_EYES, FARTHEST_EYES = 0.95, 3.1
"""Where a side may lie, from the middle of the face."""

FULL_EYES = 4.0
"""A side of that length counts whole."""

_PX = SURROUND_PX / SURROUND_EYES
_MIDDLE = SURROUND_PX / 2
_CANNY = (40.0, 100.0)


class BorderMeasures(NamedTuple):
    """Length of the best line left, right, above and below (0…1 each), summed; the weakest of the best three; parallel pairs."""

    sides: float
    third: float
    pairs: float


def border_measures(surround: Grey) -> BorderMeasures:
    """The rectangle around the face in one picture of its surroundings."""
    smooth = cv2.GaussianBlur(surround, (3, 3), 0)
    edges = cv2.Canny(smooth, *_CANNY)
    shortest = round(SHORTEST_EYES * _PX)
    lines = cv2.HoughLinesP(edges, 1, np.pi / 90, threshold=shortest * 2 // 3, minLineLength=shortest, maxLineGap=4)
    best: dict[str, tuple[float, float]] = {}
    for x1, y1, x2, y2 in () if lines is None else lines.reshape(-1, 4).astype(float):
        found = _side(x1, y1, x2, y2)
        if found is not None and found[1] > best.get(found[0], (0.0, 0.0))[0]:
            best[found[0]] = (found[1], found[2])
    lengths = sorted((length for length, _ in best.values()), reverse=True)
    third = lengths[2] if len(lengths) > 2 else 0.0
    return BorderMeasures(sum(lengths), third, _pair(best, "left", "right") + _pair(best, "above", "below"))


def _side(x1: float, y1: float, x2: float, y2: float) -> tuple[str, float, float] | None:
    """Which side of the face a line is, its length (0…1) and its lean in degrees; None for other lines."""
    length = min(1.0, math.hypot(x2 - x1, y2 - y1) / (FULL_EYES * _PX))
    across, down = ((x1 + x2) / 2 - _MIDDLE) / _PX, ((y1 + y2) / 2 - _MIDDLE) / _PX
    angle = math.degrees(math.atan2(y2 - y1, x2 - x1))
    level = (angle + 90) % 180 - 90
    upright = angle % 180 - 90
    if abs(level) <= LEAN_DEG and NEAREST_EYES * 1.2 <= abs(down) <= FARTHEST_EYES and abs(across) < 1.8:
        return ("above" if down < 0 else "below"), length, level
    if abs(upright) <= LEAN_DEG and NEAREST_EYES <= abs(across) <= FARTHEST_EYES and abs(down) < 2.2:
        return ("left" if across < 0 else "right"), length, upright
    return None


def _pair(best: dict[str, tuple[float, float]], one: str, other: str) -> float:
    """The shorter of two opposite sides, if they are nearly parallel."""
    if one not in best or other not in best:
        return 0.0
    (first, lean), (second, other_lean) = best[one], best[other]
    return min(first, second) * max(0.0, 1 - abs(lean - other_lean) / 12)
