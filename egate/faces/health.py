"""Whether a frame is a picture at all: a frozen, torn or black one is the camera's fault and no traveller's (P12).

Pure arithmetic on a coarse grid of each frame. Rule: only what no working sensor gives counts as a fault. A live sensor has
noise, so it never repeats a picture exactly and never gives a band of one colour across its whole width, unless the band is
black or blown out, which is light and not a fault.
"""

from __future__ import annotations

import numpy as np

from egate.faces.capture import FrameFault
from egate.faces.engine import Frame

GRID_PX = 4
"""Every fourth pixel in both directions: 58,000 of a 1280×720 frame, 0.2 ms."""

BLACK_LEVEL, BRIGHT_SHARE = 10, 0.01
"""No more than one value in a hundred is above that level in a covered camera's picture."""

TORN_SHARE = 0.1
"""Of the rows, in one block, in one colour: the part of a picture that never came (half-green frames, cut JPEGs)."""

FLAT_RANGE = 1
"""Grey levels between the darkest and the brightest pixel of a row that never came."""

_DARKEST, _BRIGHTEST = 12, 243


def fault_of(frame: Frame, before: Frame | None) -> FrameFault | None:
    """What is wrong with a frame that followed `before` (None: the first one)."""
    coarse = frame[::GRID_PX, ::GRID_PX]
    if float((coarse > BLACK_LEVEL).mean()) < BRIGHT_SHARE:
        return FrameFault.BLACK
    if before is not None and frame.shape == before.shape and np.array_equal(coarse, before[::GRID_PX, ::GRID_PX]):
        return FrameFault.FROZEN
    return FrameFault.TORN if _longest_flat_block(coarse) >= TORN_SHARE * coarse.shape[0] else None


def _longest_flat_block(coarse: Frame) -> int:
    """The most rows one below the other that are each, and together, of one colour that is neither black nor blown out."""
    low, high = coarse.min(axis=1).astype(np.int16), coarse.max(axis=1).astype(np.int16)
    flat = ((high - low) <= FLAT_RANGE).all(axis=1) & (high.max(axis=1) > _DARKEST) & (low.min(axis=1) < _BRIGHTEST)
    longest = run = 0
    for row in range(len(flat)):
        same = row > 0 and bool((np.abs(low[row] - low[row - 1]) <= FLAT_RANGE).all())
        run = (run + 1 if run and same else 1) if flat[row] else 0
        longest = max(longest, run)
    return longest
