"""What cameras at different heights see of one traveller, seated or standing: frames of `drivers.sim.scene` through a pinhole.

The same walk, the same light, the same moment for all cameras; only the row of the eyes differs, as the geometry of mounting
height, angle of view and distance says. A traveller whose eyes lie outside a camera's frame is not in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivers.camera.geometry import Mounting, row_of
from drivers.sim.scene import EYES_DOWN, Image, Portrait, live_frames

_TALL = 2
"""The scene is drawn so many times as high as a frame, and the frame cut out of it."""


def tall_scene(photo: Portrait, *, size: tuple[int, int], count: int) -> list[Image]:
    """The walk of one traveller, drawn higher than any camera's frame of `size` (width, height)."""
    width, height = size
    return live_frames(photo, count=count, size=(width, _TALL * height), seed=5)


def seen_from(mounting: Mounting, scene: Sequence[Image], eyes_cm: float, distance_cm: float) -> list[Image]:
    """What a camera that hangs there sees of a scene whose traveller has eyes at that height."""
    tall = scene[0].shape[0]
    height = tall // _TALL
    top = round(tall * EYES_DOWN - row_of(eyes_cm, mounting, distance_cm) * height)
    rows = np.clip(np.arange(top, top + height), 0, tall - 1)
    return [np.ascontiguousarray(frame[rows]) for frame in scene]
