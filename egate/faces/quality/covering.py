"""What can be told of eyes and mouth without a landmark model: covered, shut, open: signs from pixels, added up.

The matcher accepts a face whose mouth and nose are covered, so this gate is separate from it. Bare lower faces have a dark line
between the lips, shadows, and more texture at the mouth than beside it; coverings lack the one or have the other. The weights
below were found on one half of the identities of a frontal set and of photographs in the wild with coverings drawn over them
(patches, masks plain and patterned, knitted scarves, hands) and tried on the other half; docs/faces.md has the figures. No colour
is used, so that neither skin nor cloth of a certain colour counts. All of it is a cue and no proof.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.faces.quality.geometry import CROP_EYES_ROW, CROP_INTER_EYE_PX, CROP_PX
from egate.faces.quality.light import Grey

COVERING_WEIGHTS = {"mouth": -1.3, "line": -9.5, "dark": -2.7, "beside": 10.7, "cheek": 0.67, "flat": 0.76}
COVERING_BASE = 3.6
"""Logarithm of the odds that the lower face is covered: this, and each sign times its weight."""

EYE_WEIGHTS = (-1.43, -8.59, 4.35, -8.87)
EYE_BASE = 7.75
"""The same for shut eyes: ratio of upright to lying edges, darkness of the iris, contrast along its row, and its span."""

MOUTH_DARK = 0.4
"""Of the cheeks' brightness: the inside of an open mouth is darker, lips and beards are not."""

_MIDDLE = CROP_PX // 2
_MOUTH_ROWS = slice(82, 112)
_EYES = (slice(CROP_EYES_ROW - 10, CROP_EYES_ROW + 10), slice(28, 100))
_MOUTH = (slice(84, 108), slice(36, 92))
_LOWER_CHEEKS = (slice(80, 104), (slice(24, 42), slice(86, 104)))
_FLAT_VARIANCE = 6.0

_Pixels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FaceParts:
    """Signs about the parts of a face.

    `covering` and `eyes_shut` are logarithms of odds: above 0 is more likely than not. `eyes_texture` is the eyes' texture over
    the mouth's: covered eyes have next to none. `mouth_open` is the height of the dark between the lips in inter-eye distances.
    """

    covering: float
    eyes_shut: float
    eyes_texture: float
    mouth_open: float


def parts_of(grey: Grey) -> FaceParts:
    """The signs of an upright grey crop."""
    pixels = grey.astype(np.float32)
    eyes, mouth = _texture(pixels[_EYES]), _texture(pixels[_MOUTH])
    return FaceParts(_covering(pixels, eyes, mouth), _eyes_shut(pixels), (eyes + 0.1) / (mouth + 0.1), _mouth_open(pixels))


def _covering(pixels: _Pixels, eyes: float, mouth: float) -> float:
    rows, cheeks = _LOWER_CHEEKS
    smooth = cv2.GaussianBlur(pixels, (0, 0), sigmaX=4, sigmaY=1.5)
    bend = np.asarray(cv2.Sobel(smooth, cv2.CV_32F, 0, 2, ksize=3), np.float32)[_MOUTH_ROWS] / (eyes + 0.5)
    spread = max(float(pixels[26:120, 22:106].std()), 4.0)
    lower = cv2.GaussianBlur(pixels[70:122, 20:108], (0, 0), 2)
    lips = smooth[_MOUTH[0], _MIDDLE - 18 : _MIDDLE + 18]
    cheek = sum(_texture(pixels[rows, columns]) for columns in cheeks) / 2
    signs = {
        "mouth": math.log((mouth + 0.5) / (eyes + 0.5)),
        "line": float(bend[:, _MIDDLE - 12 : _MIDDLE + 13].mean(axis=1).max()),
        "dark": float((np.median(lower) - lips.min()) / spread),
        "beside": float(np.concatenate((bend[:, 24:36].max(axis=0), bend[:, 93:104].max(axis=0))).mean()),
        "cheek": math.log((cheek + 0.5) / (eyes + 0.5)),
        "flat": _flat_share(pixels[72:122, 24:104]) - _flat_share(pixels[18:72, 24:104]),
    }
    return COVERING_BASE + sum(COVERING_WEIGHTS[name] * sign for name, sign in signs.items())


def _eyes_shut(pixels: _Pixels) -> float:
    """The eye that looks more shut counts for each sign."""
    half = CROP_INTER_EYE_PX / 2
    signs = np.minimum(*(_eye_signs(pixels, _MIDDLE + side * half) for side in (-1, 1)))
    return EYE_BASE + float(np.dot(EYE_WEIGHTS, signs))


def _eye_signs(pixels: _Pixels, column: float) -> NDArray[np.float64]:
    eye = np.asarray(cv2.getRectSubPix(pixels, (33, 21), (column, float(CROP_EYES_ROW))), np.float32)
    smooth = cv2.GaussianBlur(eye, (0, 0), 1.0)
    core = (slice(5, 16), slice(6, 27))
    upright = np.abs(cv2.Sobel(smooth, cv2.CV_32F, 1, 0))[core].mean()
    lying = np.abs(cv2.Sobel(smooth, cv2.CV_32F, 0, 1))[core].mean()
    disc = (cv2.GaussianBlur(eye, (0, 0), 5.0) - cv2.GaussianBlur(eye, (0, 0), 2.2))[5:16, 8:25].max()
    rows = smooth[7:15, 5:28]
    span = (rows.max(axis=1) - rows.min(axis=1)).max()
    signs = (
        upright / (lying + 0.5),
        disc / (eye.std() + 3),
        rows.std(axis=1).max() / (smooth.std() + 2),
        span / (np.median(eye) + 10),
    )
    return np.array(signs, np.float64)


def _mouth_open(pixels: _Pixels) -> float:
    """The longest dark run down the middle of the mouth, in inter-eye distances."""
    cheeks = np.median(np.concatenate((pixels[60:74, 30:50].ravel(), pixels[60:74, 78:98].ravel())))
    column = cv2.GaussianBlur(pixels, (0, 0), 1.0)[82:, _MIDDLE - 5 : _MIDDLE + 6].mean(axis=1)
    longest = run = 0
    for value in column:
        run = run + 1 if value < MOUTH_DARK * cheeks else 0
        longest = max(longest, run)
    return longest / CROP_INTER_EYE_PX


def _texture(region: _Pixels) -> float:
    smooth = cv2.GaussianBlur(region, (0, 0), 1.2)
    return float(np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)).mean())


def _flat_share(region: _Pixels) -> float:
    """How much of a region hardly varies."""
    mean = cv2.blur(region, (5, 5))
    return float((cv2.blur(region * region, (5, 5)) - mean * mean < _FLAT_VARIANCE).mean())
