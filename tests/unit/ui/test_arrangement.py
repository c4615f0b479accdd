"""Kiosk and console on one display: both whole, in the shape of their panels, never one upon the other."""

from __future__ import annotations

import pytest

from ui.common.arrangement import CONSOLE_PANEL, KIOSK_PANEL, Place, side_by_side
from ui.guard.screens import LEAST_SCALE

DISPLAYS = [(1366, 768), (1440, 900), (1920, 1080), (2560, 1080), (2560, 1440), (3840, 2160), (1280, 1024)]


@pytest.mark.parametrize(("width", "height"), DISPLAYS)
def test_both_windows_are_on_the_display_and_apart(width: int, height: int) -> None:
    both = side_by_side(Place(100, 30, width, height))
    for place in (both.kiosk, both.console):
        assert place.left >= 100
        assert place.left + place.width <= 100 + width
        assert place.top == 30
        assert place.height < height
    assert both.kiosk.left + both.kiosk.width < both.console.left


@pytest.mark.parametrize(("width", "height"), DISPLAYS)
def test_both_windows_keep_the_shape_of_their_panels(width: int, height: int) -> None:
    both = side_by_side(Place(0, 0, width, height))
    for place, (across, down) in ((both.kiosk, KIOSK_PANEL), (both.console, CONSOLE_PANEL)):
        assert place.width == pytest.approx(place.height * across / down, abs=1)


def test_the_console_is_not_smaller_than_it_can_be_on_a_notebook() -> None:
    console = side_by_side(Place(0, 0, 1366, 768)).console
    assert console.width >= CONSOLE_PANEL[0] * LEAST_SCALE
    assert console.height >= CONSOLE_PANEL[1] * LEAST_SCALE


def test_a_large_display_does_not_blow_the_windows_up() -> None:
    assert side_by_side(Place(0, 0, 7680, 4320)).console.height == CONSOLE_PANEL[1]
