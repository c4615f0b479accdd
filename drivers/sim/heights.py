"""What cameras at different heights see of one traveller, seated or standing: frames of `drivers.sim.scene` through a pinhole.

The same walk, the same light, the same moment for all cameras; only the row of the eyes differs, as the geometry of mounting
height, angle of view and distance says. A traveller whose eyes lie outside a camera's frame is not in it.
"""

from __future__ import annotations

import numpy as np

from drivers.camera.geometry import Mounting, row_of
from drivers.sim.scene import EYES_DOWN, Image, Portrait, live_frames

_TALL = 2
"""The scene is drawn so many times as high as a frame, and the frame cut out of it."""


def frames_seen_from(
    mounting: Mounting, photo: Portrait, eyes_cm: float, distance_cm: float, *, size: tuple[int, int], count: int
) -> list[Image]:
    """`count` frames of `size` (width, height) of a traveller with eyes at that height, seen by a camera that hangs there."""
    width, height = size
    tall = live_frames(photo, count=count, size=(width, _TALL * height), seed=5)
    top = round(_TALL * height * EYES_DOWN - row_of(eyes_cm, mounting, distance_cm) * height)
    rows = np.clip(np.arange(top, top + height), 0, _TALL * height - 1)
    return [np.ascontiguousarray(frame[rows]) for frame in tall]
