"""How fast a face moves between two frames, in inter-eye distances a second, so that it does not depend on the distance.

Rule: the fastest of the five points counts, because a head that turns keeps its middle where it was.
"""

from __future__ import annotations

import math

from egate.faces.engine import FivePoints

SHORTEST_STEP_S = 0.01
"""Two frames nearer to each other in time would make a speed of the detector's noise."""


def motion_of(before: FivePoints, after: FivePoints, seconds: float) -> float:
    """Inter-eye distances a second between two frames that lie `seconds` apart; 0 when there is no scale."""
    scale = max(before.inter_eye_px, after.inter_eye_px)
    if scale <= 0:
        return 0.0
    farthest = max(math.hypot(b.x - a.x, b.y - a.y) for a, b in zip(before, after, strict=True))
    return farthest / scale / max(seconds, SHORTEST_STEP_S)
