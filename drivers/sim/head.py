"""A head with depth out of one photograph: it turns, nods and blinks as a warp of the picture, so that noses move before ears.

Lengths are in inter-eye distances from the point between the eyes: x to the right, y down, depth towards the camera. The relief
is an average one (an ellipsoid with a nose): enough for parallax, and no likeness of anybody's profile. Simulated, and to be
said so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float32]

PIVOT_DEPTH = -1.3
"""The neck's axis lies behind the face."""

NOSE_HEIGHT = 0.42
"""How far the tip of a nose stands before the cheeks."""

LID_TRAVEL = 0.2
"""How far an upper lid falls in a blink."""

_HEAD_MIDDLE, _HEAD_HALF_WIDTH, _HEAD_HALF_HEIGHT, _HEAD_DEPTH = 0.35, 1.25, 1.75, 1.15
_CHIN = 1.9


@dataclass(frozen=True, slots=True)
class HeadPose:
    """A pose of a head: `yaw_deg` to the frame's right, `pitch_deg` down, and lids from 0 (open) to 1 (closed)."""

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    lids: float = 0.0


STRAIGHT = HeadPose()
"""The pose of the photograph itself."""


def relief(x: Grid, y: Grid) -> Grid:
    """The depth of the surface at places of the face."""
    inside = 1.0 - (x / _HEAD_HALF_WIDTH) ** 2 - ((y - _HEAD_MIDDLE) / _HEAD_HALF_HEIGHT) ** 2
    skull = _HEAD_DEPTH * np.sqrt(np.clip(inside, 0.0, None)) - _HEAD_DEPTH
    nose = NOSE_HEIGHT * np.exp(-((x / 0.2) ** 2) - ((y - 0.6) / np.where(y < 0.6, 0.38, 0.16)) ** 2)
    sockets = -0.07 * (
        np.exp(-(((x - 0.5) / 0.24) ** 2) - (y / 0.16) ** 2) + np.exp(-(((x + 0.5) / 0.24) ** 2) - (y / 0.16) ** 2)
    )
    return np.asarray(skull + nose + sockets, np.float32)


def turned(x: Grid, y: Grid, pose: HeadPose) -> tuple[Grid, Grid]:
    """Where the picture has to be sampled so that it shows the head in a pose; the shoulders stay."""
    share = np.clip((_CHIN + 0.5 - y) / 0.9, 0.0, 1.0)
    yaw, pitch = math.radians(pose.yaw_deg), math.radians(pose.pitch_deg)
    from_x, from_y = x, y
    for _ in range(2):  # the relief belongs to the source: two rounds find it for angles of a few degrees
        arm = relief(from_x, from_y) - PIVOT_DEPTH
        from_x = np.asarray(x - share * (math.sin(yaw) * arm + (math.cos(yaw) - 1) * from_x), np.float32)
        from_y = np.asarray(y - share * (math.sin(pitch) * arm + (math.cos(pitch) - 1) * from_y), np.float32)
    return from_x, np.asarray(from_y - pose.lids * _lids(from_x, from_y), np.float32)


def _lids(x: Grid, y: Grid) -> Grid:
    """How far above an open eye the skin lies that covers it when it is closed."""
    eyes = np.exp(-(((np.abs(x) - 0.5) / 0.2) ** 4) - ((y - 0.02) / 0.13) ** 4)
    return np.asarray(LID_TRAVEL * eyes, np.float32)
