"""Finding lines of print of even height and even pitch in the picture of a page: the machine readable zone is two or three.

Source: ICAO Doc 9303-3 §4.2 (position, OCR-B size 1, 10 characters an inch, so 30, 36 or 44 marks in a line). Rule: geometry
only; whether a line says anything is found out later. Marks are joined from left to right by height, distance and slope, so a
page that lies a little turned is found as well as a straight one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
Numbers = NDArray[np.float64]

WORKING_WIDTH_PX = 1600
"""Pages are looked at in this width: characters are then 12 to 40 pixels high whatever the camera."""
MINIMUM_MARKS = 18
"""A line of 30 positions keeps at least so many marks where some are lost in the pattern of the paper."""
MAXIMUM_LINES = 400
"""No page has more; a picture of noise would keep us busy."""
_NEIGHBOURHOODS_PX = (31, 61)
"""Sizes of the neighbourhood that tells ink from paper: fine print, and print on a dark or patterned ground."""
_INK_CONTRAST = 12
_SMALLEST_MARK_PX, _LARGEST_MARK_SHARE = 10, 0.05
_LOOK_AHEAD = 60
_FARTHEST_HEIGHTS = 3.2
_OFF_LINE_HEIGHTS = 0.35
_HEIGHT_RATIOS = (0.45, 1.6)
_MARKS_FOR_A_SLOPE = 6


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of marks: centre of the first and of the last, y = slope · x + offset, height and number of marks. In pixels."""

    left: float
    right: float
    slope: float
    offset: float
    height: float
    marks: int

    def y_at(self, x: float) -> float:
        """The height of the line at a position."""
        return self.slope * x + self.offset

    @property
    def middle(self) -> tuple[float, float]:
        """The centre of the line."""
        x = (self.left + self.right) / 2
        return x, self.y_at(x)


def find_lines(page: Gray) -> tuple[TextLine, ...]:
    """All lines of print with enough marks, each once, the fullest first."""
    factor = WORKING_WIDTH_PX / page.shape[1]
    method = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    resized = cv2.resize(page, None, fx=factor, fy=factor, interpolation=method)
    smooth = cv2.GaussianBlur(resized, (3, 3), 0)
    found: list[TextLine] = []
    for neighbourhood in _NEIGHBOURHOODS_PX:
        ink = cv2.adaptiveThreshold(
            smooth, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY_INV, neighbourhood, _INK_CONTRAST
        )
        found += _chains(*_marks(ink.astype(np.uint8)))
    scaled = [
        replace(
            line, left=line.left / factor, right=line.right / factor, offset=line.offset / factor, height=line.height / factor
        )
        for line in found[:MAXIMUM_LINES]
    ]
    return _each_once(scaled)


def _marks(ink: Gray) -> tuple[Numbers, Numbers, Numbers]:
    """Centres and heights of connected marks that may be characters, from left to right."""
    _, _, boxes, centres = cv2.connectedComponentsWithStats(ink, connectivity=8)
    largest = ink.shape[1] * _LARGEST_MARK_SHARE
    heights, widths = boxes[:, cv2.CC_STAT_HEIGHT], boxes[:, cv2.CC_STAT_WIDTH]
    fits = (heights >= _SMALLEST_MARK_PX) & (heights <= largest) & (widths >= 3) & (widths <= largest)
    fits[0] = False  # the ground
    chosen = np.flatnonzero(fits)
    order = chosen[np.argsort(centres[chosen, 0])]
    return centres[order, 0], centres[order, 1], heights[order].astype(np.float64)


def _chains(xs: Numbers, ys: Numbers, heights: Numbers) -> list[TextLine]:
    used = np.zeros(len(xs), dtype=bool)
    lines: list[TextLine] = []
    for start in range(len(xs)):
        if used[start]:
            continue
        chain = _follow(start, xs, ys, heights, used)
        if len(chain) < MINIMUM_MARKS:
            continue
        used[chain] = True
        slope, offset = np.polyfit(xs[chain], ys[chain], 1)
        height = float(np.percentile(heights[chain], 75))
        lines.append(TextLine(float(xs[chain[0]]), float(xs[chain[-1]]), float(slope), float(offset), height, len(chain)))
    return lines


def _follow(start: int, xs: Numbers, ys: Numbers, heights: Numbers, used: NDArray[np.bool_]) -> list[int]:
    """The marks that continue a line from a mark on: near enough, of like height, where the slope so far says."""
    chain, slope = [start], 0.0
    while True:
        last = chain[-1]
        ahead = slice(int(np.searchsorted(xs, xs[last] + 1)), int(np.searchsorted(xs, xs[last] + 1)) + _LOOK_AHEAD)
        height = float(np.median(heights[chain[-8:]]))
        away = xs[ahead] - xs[last]
        near = (away < _FARTHEST_HEIGHTS * height) & (np.abs(ys[ahead] - ys[last] - slope * away) < _OFF_LINE_HEIGHTS * height)
        alike = (heights[ahead] > _HEIGHT_RATIOS[0] * height) & (heights[ahead] < _HEIGHT_RATIOS[1] * height)
        following = np.flatnonzero(near & alike & ~used[ahead])
        if len(following) == 0:
            return chain
        chain.append(ahead.start + int(following[0]))
        if len(chain) >= _MARKS_FOR_A_SLOPE:
            recent = chain[-20:]
            slope = float(np.polyfit(xs[recent], ys[recent], 1)[0])


def _each_once(lines: Sequence[TextLine]) -> tuple[TextLine, ...]:
    """Both neighbourhoods find most lines: keep the fuller."""
    kept: list[TextLine] = []
    for line in sorted(lines, key=lambda line: -line.marks):
        x, y = line.middle
        if all(
            abs(y - other.y_at(x)) > 0.5 * line.height or line.right < other.left or line.left > other.right for other in kept
        ):
            kept.append(line)
    return tuple(kept)


def find_stacks(lines: Sequence[TextLine]) -> tuple[tuple[TextLine, ...], ...]:
    """Two or three parallel lines of like height below each other and flush left, the lowest on the page first."""
    ordered = sorted(lines, key=lambda line: line.middle[1])
    stacks = []
    for place, first in enumerate(ordered):
        stack = [first]
        for line in ordered[place + 1 :]:
            if len(stack) < 3 and _belongs_below(stack[-1], line):
                stack.append(line)
        if len(stack) > 1:
            stacks.append(tuple(stack))
    return tuple(sorted(stacks, key=lambda stack: -stack[-1].middle[1]))


def _belongs_below(upper: TextLine, lower: TextLine) -> bool:
    x, y = upper.middle
    height = (upper.height + lower.height) / 2
    gap = lower.y_at(x) - y
    like = 0.6 < lower.height / upper.height < 1.6 and abs(lower.slope - upper.slope) < 0.05
    return like and 1.1 * height < gap < 4 * height and abs(lower.left - upper.left) < 4 * height
