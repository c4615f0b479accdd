"""Texture, gloss and colour: ink has fewer colours and no black, paper has fibres, a screen shines and is blue; skin is neither.

All measures are of the upright face alone and are shares or ratios, so that light and exposure move them little.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from egate.faces.pad.cues.view import FACE_PX, Colours, Grey, Plane

_TOP, _BOTTOM, _LEFT, _RIGHT = FACE_PX // 5, FACE_PX - FACE_PX // 8, FACE_PX // 5, FACE_PX - FACE_PX // 5


class TextureMeasures(NamedTuple):
    """Measures of one face's colours (see `texture_measures`)."""

    saturation: float
    saturation_spread: float
    hue_spread: float
    darkest: float
    brightest: float
    redness: float
    blueness: float
    grain: float
    evenness: float


def texture_measures(face: Colours, detail: Grey) -> TextureMeasures:
    """Saturation and its spread, spread of hue, tones of the darkest and brightest parts, colour balance, grain.

    `grain` is the finest texture over that of features, `evenness` the grain of flat parts over that of the whole.
    """
    inner = face[_TOP:_BOTTOM, _LEFT:_RIGHT].astype(np.float32)
    grey = np.asarray(inner.mean(axis=2), np.float32)
    mean = max(1.0, float(grey.mean()))
    span = inner.max(axis=2) - inner.min(axis=2)
    saturation = span / np.maximum(1.0, inner.max(axis=2))
    red, blue = (
        (inner[:, :, 2] - inner[:, :, 1]) / np.maximum(8.0, grey),
        (inner[:, :, 0] - inner[:, :, 1]) / np.maximum(8.0, grey),
    )
    darkest, brightest = (float(value) for value in np.percentile(grey, (1, 99)))
    grain, evenness = _grain(detail)
    return TextureMeasures(
        float(saturation.mean()),
        float(saturation.std()),
        float(np.hypot(red.std(), blue.std())),
        darkest / mean,
        brightest / mean,
        float(red.mean()),
        float(blue.mean()),
        grain,
        evenness,
    )


def _grain(detail: Grey) -> tuple[float, float]:
    """Logarithms: the finest texture over that of features, and the grain of the flattest tenth over the median's."""
    picture = detail.astype(np.float32)
    fine = picture - cv2.GaussianBlur(picture, (0, 0), 1.0)
    coarse = cv2.GaussianBlur(picture, (0, 0), 1.5) - cv2.GaussianBlur(picture, (0, 0), 4.0)
    energy = _blocks(fine)
    flat, usual = np.percentile(energy, (10, 50))
    return float(np.log((usual + 0.05) / (float(np.abs(coarse).mean()) + 0.05))), float(np.log((flat + 0.05) / (usual + 0.05)))


def _blocks(fine: Plane) -> Plane:
    height, width = fine.shape
    side = 12
    blocks = np.abs(fine)[: height // side * side, : width // side * side].reshape(height // side, side, width // side, side)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)
