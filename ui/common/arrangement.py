"""Where windows go that are not full screen: kiosk and console beside each other on one display. Pure, no Qt.

At a gate each screen covers a display of its own (`--fullscreen`). On a desk, as in the demo, both share one: the kiosk stands at
the left, the console at the right, equally high. Neither knows whether the other one is there, so both always keep to their side.
"""

from __future__ import annotations

from dataclasses import dataclass

KIOSK_PANEL = (1080, 1920)
"""The kiosk's full size in pixels."""

CONSOLE_PANEL = (1920, 1080)
"""The console's full size in pixels."""

HEIGHT_SHARE = 0.92
"""How much of the display's height a window takes; the rest is for its frame."""

GAP = 8
"""Pixels beside and between the windows."""


@dataclass(frozen=True, slots=True)
class Place:
    """A window in pixels of the display."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Both windows of one display."""

    kiosk: Place
    console: Place


def side_by_side(free: Place) -> Arrangement:
    """Both windows in the free part of a display, in the shape of their panels, as large as they can be without overlapping."""
    kiosk_shape, console_shape = (across / down for across, down in (KIOSK_PANEL, CONSOLE_PANEL))
    fitting = (free.width - 3 * GAP) / (kiosk_shape + console_shape)
    height = round(min(free.height * HEIGHT_SHARE, fitting, CONSOLE_PANEL[1]))
    kiosk_width, console_width = round(height * kiosk_shape), round(height * console_shape)
    return Arrangement(
        kiosk=Place(free.left + GAP, free.top, kiosk_width, height),
        console=Place(free.left + free.width - GAP - console_width, free.top, console_width, height),
    )
