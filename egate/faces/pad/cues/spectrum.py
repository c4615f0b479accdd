"""Moiré and banding: what a raster of ink or pixels, and a display's refresh, leave in the spectrum of a frame.

Skin has a spectrum that falls smoothly. A raster beats with the sensor's and leaves narrow peaks, away from both axes' origin; a
refresh leaves bands across the picture, which wander from frame to frame.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from egate.faces.pad.cues.view import DETAIL_PX, ROWS, Grey, Plane

LOWEST_CYCLES = 0.08
"""Cycles a pixel below which a face's own features lie."""

NARROW = 1.6
"""Over its ring (logarithm): no texture of skin or hair stands out so far."""

_WINDOW = np.asarray(np.outer(np.hanning(DETAIL_PX), np.hanning(DETAIL_PX)), np.float32)
_ACROSS = np.fft.fftfreq(DETAIL_PX)[None, :]
_DOWN = np.fft.fftfreq(DETAIL_PX)[:, None]
_RADIUS = np.hypot(_ACROSS, _DOWN)
_RINGS = np.minimum((_RADIUS * 64).astype(int), 45)
_HALF = (_DOWN >= 0) & (_RADIUS >= LOWEST_CYCLES)
_RING_ORDER = np.argsort(_RINGS.ravel(), kind="stable")
_RING_ENDS = np.cumsum(np.bincount(_RINGS.ravel()))
_LOWEST_BAND, _HIGHEST_BAND = 3, ROWS // 4


class SpectrumMeasures(NamedTuple):
    """Height of the strongest narrow peak over its ring (logarithm), and how many such peaks there are, in thousandths."""

    peak: float
    peaks: float


def spectrum_measures(detail: Grey) -> SpectrumMeasures:
    """The spectrum of a piece of the face, pixel by pixel; logarithms of amplitudes."""
    patch = detail.astype(np.float32)
    patch = (patch - float(patch.mean())) * _WINDOW
    planes = cv2.dft(patch, flags=cv2.DFT_COMPLEX_OUTPUT)
    strength = np.log(cv2.magnitude(planes[:, :, 0], planes[:, :, 1]) + 1.0)
    strength = np.asarray(cv2.GaussianBlur(strength, (3, 3), 0), np.float32)
    rings = _ring_means(strength)
    over = (strength - rings[_RINGS])[_HALF]
    peak = float(over.max())
    return SpectrumMeasures(peak, float((over > NARROW).mean()) * 1000)


def _ring_means(strength: Plane) -> Plane:
    sums = np.concatenate(([0.0], np.cumsum(strength.ravel()[_RING_ORDER], dtype=np.float64)))
    ends = np.concatenate(([0], _RING_ENDS))
    counts = np.maximum(1, np.diff(ends))
    return np.asarray(np.diff(sums[ends]) / counts, np.float32)


def banding(rows: list[Plane]) -> float:
    """How strongly bands wander over the frames: the peak of the row profile's changes over their usual level (a logarithm)."""
    if len(rows) < 3:
        return 0.0
    stack = np.stack(rows)
    stack = stack / np.maximum(1.0, stack.mean(axis=1, keepdims=True))
    changes = stack - stack.mean(axis=0, keepdims=True)
    spectra = np.abs(np.fft.rfft(changes * np.hanning(ROWS), axis=1)).mean(axis=0)
    bands = spectra[1:_HIGHEST_BAND]
    return float(np.log(bands[: _HIGHEST_BAND // 2].max() / (np.median(spectra[_HIGHEST_BAND:]) + 1e-9)))


def band_strength(rows: list[Plane]) -> float:
    """Size of the rows' changes from frame to frame, relative to their brightness, in thousandths."""
    if len(rows) < 3:
        return 0.0
    stack = np.stack(rows)
    stack = stack / np.maximum(1.0, stack.mean(axis=1, keepdims=True))
    return float(np.abs(np.diff(stack, axis=0)).mean()) * 1000
