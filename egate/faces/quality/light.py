"""How sharp and how well lit the upright crop of a face is.

Pure arithmetic on pixels, with ISO/IEC 29794-5's definitions where it has one that needs no model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.faces.engine import Frame
from egate.faces.quality.geometry import CROP_EYES_ROW, CROP_PX

Grey = NDArray[np.uint8]

SHARPNESS_RANGE = (1.5, 6.0)
"""Natural logarithm of the weakest second derivative's variance: a smeared face, a crisp one."""

GOOD_LUMINANCE = (70.0, 190.0)
WORST_LUMINANCE = (15.0, 245.0)

_DARK, _BRIGHT = 12, 245
_UNDER_LEVEL, _OVER_LEVEL = 25, 247
_SKIN_A, _SKIN_B = (5.0, 25.0), (5.0, 35.0)
_SECOND_DERIVATIVES = tuple(
    np.array(rows, np.float32)
    for rows in (
        [[0, 0, 0], [1, -2, 1], [0, 0, 0]],
        [[0, 1, 0], [0, -2, 0], [0, 1, 0]],
        [[1, 0, 0], [0, -2, 0], [0, 0, 1]],
        [[0, 0, 1], [0, -2, 0], [1, 0, 0]],
    )
)
"""Across, down, and along both diagonals."""


@dataclass(frozen=True, slots=True)
class Light:
    """The light on a face.

    Mean and variance of its luminance (0…1), shares of pixels too dark or too bright for detail, entropy in bits, and how much
    the histograms of the two halves overlap (0…1); `colour_off` is the distance from the colours that skin has, in CIELAB.
    """

    mean: float
    variance: float
    under: float
    over: float
    entropy_bits: float
    uniformity: float
    colour_off: float


def inner(crop: Grey) -> Grey:
    """The face without hair and ground."""
    return crop[CROP_PX // 5 : -CROP_PX // 8, CROP_PX // 6 : -CROP_PX // 6]


def sharpness_of(crop: Grey) -> float:
    """0…1 from second derivatives over the inner face, with the crop's contrast evened out.

    The weakest of four directions counts: motion leaves the edges along it sharp and smears the others.
    """
    return _sharpness(inner(crop))


def eyes_sharpness_of(crop: Grey) -> float:
    """The same over the upper face alone, which a covering of the mouth leaves as it is."""
    return _sharpness(crop[CROP_EYES_ROW - 26 : CROP_EYES_ROW + 22, CROP_PX // 6 : -CROP_PX // 6])


def _sharpness(part: Grey) -> float:
    face = part.astype(np.float32)
    spread = max(float(face.std()), 1.0)
    even = cv2.GaussianBlur((face - face.mean()) * (40.0 / spread), (0, 0), 0.8)
    weakest = min(float(cv2.filter2D(even, cv2.CV_32F, kernel).var()) for kernel in _SECOND_DERIVATIVES)
    return ramp(math.log(weakest + 1e-6), *SHARPNESS_RANGE)


def exposure_of(crop: Grey) -> float:
    """0…1: 1 for a face of middling brightness without clipping."""
    face = inner(crop)
    mean = float(face.mean())
    level = min(ramp(mean, WORST_LUMINANCE[0], GOOD_LUMINANCE[0]), ramp(-mean, -WORST_LUMINANCE[1], -GOOD_LUMINANCE[1]))
    clipped = float(((face <= _DARK) | (face >= _BRIGHT)).mean())
    return level * max(0.0, 1.0 - 2.0 * clipped)


def light_of(crop: Frame, grey: Grey) -> Light:
    """Everything about the light on an upright crop."""
    face = inner(grey)
    shares = np.bincount(face.ravel(), minlength=256) / face.size
    levels = np.arange(256) / 255
    mean = float(shares @ levels)
    filled = shares[shares > 0]
    left, right = (np.bincount(half.ravel() >> 3, minlength=32) / half.size for half in np.array_split(face, 2, axis=1))
    return Light(
        mean,
        float(shares @ (levels - mean) ** 2),
        float(shares[: _UNDER_LEVEL + 1].sum()),
        float(shares[_OVER_LEVEL:].sum()),
        float(-(filled * np.log2(filled)).sum()),
        float(np.minimum(left, right).sum()),
        _colour_off(crop),
    )


def ramp(value: float, low: float, high: float) -> float:
    """0 at `low` and below, 1 at `high` and above, straight between."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _colour_off(crop: Frame) -> float:
    """How far the cheeks' mean colour lies from a and b of 5…25 and 5…35 (CIELAB), where skin of every tone lies."""
    cheeks = np.vstack((crop[60:74, 30:50].reshape(-1, 3), crop[60:74, 78:98].reshape(-1, 3)))
    mean = cheeks.mean(axis=0).astype(np.float32).reshape(1, 1, 3) / 255
    _, a, b = (float(value) for value in cv2.cvtColor(mean, cv2.COLOR_BGR2LAB).ravel())
    off = [max(low - value, 0.0, value - high) for value, (low, high) in ((a, _SKIN_A), (b, _SKIN_B))]
    return math.hypot(*off)
