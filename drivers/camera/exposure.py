"""The next exposure from the brightness of the traveller's face: pure, stepwise, bounded, and at rest while the face is good.

A camera's own automatic meters the whole picture. With a window behind the traveller the face drowns; in a dark hall a bright
shirt or a lamp darkens it. So only the face counts here: its mean, and how much of it is burnt out. Rules:

1. Nothing changes inside the outer band; once something changed, it goes on until the inner band is reached (hysteresis).
2. One step at most doubles or halves the exposure, and then the camera gets a few frames to follow.
3. The exposure never leaves the camera's range nor outlasts a frame, and from half a period of the mains on it is a whole number
   of half periods, so that lamps do not flicker in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OUTER_BAND = (70.0, 185.0)
"""Mean grey level of the face that is left alone: where `egate.faces.quality` finds no fault either."""
INNER_BAND = (95.0, 155.0)
TARGET = 122.0
MOST_BURNT = 0.25
"""Of the face: more than this at the upper end is too bright whatever the mean says."""
BURNT_LEVEL = 250
LARGEST_STEP = 2.0
RESPONSE = 1.6
"""Exposure grows with this power of the wanted brightness: pictures are coded with a gamma of about 2.2, faces hold shadows."""
SETTLE_FRAMES = 4
"""A camera shows a new exposure two to three frames later."""
BACKLIT_RATIO = 1.8
"""A frame this much brighter than the face in it is lit from behind."""
INNER_SHARE = 0.6
"""Of the face's box that is measured: hair and background begin beyond."""


GOOD_LIGHT = "good"


class FaceLight(NamedTuple):
    """Grey levels: the face's mean, its burnt share 0…1, and the whole frame's mean."""

    mean: float
    burnt: float
    around: float

    @property
    def words(self) -> str:
        """How the face is lit, for a technician."""
        if self.burnt > MOST_BURNT or self.mean > OUTER_BAND[1]:
            return "too bright"
        if self.mean >= OUTER_BAND[0]:
            return GOOD_LIGHT
        return "lit from behind" if self.around > BACKLIT_RATIO * max(self.mean, 1.0) else "too dark"


@dataclass(frozen=True, slots=True)
class ExposureLimits:
    """Shortest and longest exposure in µs, and the mains frequency whose lamps may flicker (0: none)."""

    least_us: int
    most_us: int
    power_line_hz: int = 50


@dataclass(frozen=True, slots=True)
class ExposureState:
    """The exposure in force, frames that are still waited, and whether a correction is under way."""

    exposure_us: int
    settling: int = 0
    correcting: bool = False


def measure(frame: NDArray[np.uint8], left: float, top: float, width: float, height: float) -> FaceLight | None:
    """The light on a face in a BGR frame, from the middle of its box; None when the box lies outside the frame."""
    rows, columns = frame.shape[:2]
    across, down = width * (1 - INNER_SHARE) / 2, height * (1 - INNER_SHARE) / 2
    x0, x1 = max(0, round(left + across)), min(columns, round(left + width - across))
    y0, y1 = max(0, round(top + down)), min(rows, round(top + height - down))
    if x1 <= x0 or y1 <= y0:
        return None
    grey = frame[y0:y1, x0:x1].astype(np.float32) @ np.array([0.114, 0.587, 0.299], np.float32)
    return FaceLight(float(grey.mean()), float((grey >= BURNT_LEVEL).mean()), float(frame[::8, ::8].mean()))


def next_exposure(state: ExposureState, light: FaceLight | None, limits: ExposureLimits) -> ExposureState:
    """The state after one frame; the exposure has to be set where it differs. Without a face nothing is corrected."""
    if state.settling:
        return replace(state, settling=state.settling - 1)
    if light is None or not _wrong(light, INNER_BAND if state.correcting else OUTER_BAND):
        return replace(state, correcting=False)
    wanted = bounded_us(state.exposure_us * _factor(light), limits)
    if wanted == state.exposure_us:
        return replace(state, correcting=False)
    return ExposureState(wanted, SETTLE_FRAMES, correcting=True)


def bounded_us(exposure_us: float, limits: ExposureLimits) -> int:
    """The nearest exposure inside the limits that makes no lamp flicker."""
    bounded = min(float(limits.most_us), max(float(limits.least_us), exposure_us))
    if limits.power_line_hz:
        half_us = 500_000 / limits.power_line_hz
        halves = round(bounded / half_us)
        if bounded >= half_us and limits.least_us <= halves * half_us <= limits.most_us:
            bounded = halves * half_us
        elif bounded >= half_us:
            bounded = max(float(limits.least_us), bounded // half_us * half_us)
    return round(bounded)


def _wrong(light: FaceLight, band: tuple[float, float]) -> bool:
    return light.burnt > MOST_BURNT or not band[0] <= light.mean <= band[1]


def _factor(light: FaceLight) -> float:
    if light.burnt > MOST_BURNT:
        return 1 / LARGEST_STEP
    wanted: float = (TARGET / max(light.mean, 1.0)) ** RESPONSE
    return min(LARGEST_STEP, max(1 / LARGEST_STEP, wanted))
