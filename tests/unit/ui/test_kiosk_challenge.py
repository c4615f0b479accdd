"""What the kiosk asks of a face: a colour over the whole screen or a point, only while the camera looks, never as a strobe."""

from __future__ import annotations

import pytest
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from egate.app.views import challenge_word
from egate.ipc.messages import TravellerStep, TravellerView
from egate.model.face import Challenge, ChallengeKind
from ui.common.clock import FrameClock
from ui.kiosk import presenter
from ui.kiosk.challenge import SHORTEST_COLOUR_MS
from ui.kiosk.presenter import KioskState, present
from ui.kiosk.screens import KioskWindow
from ui.kiosk.view_state import KioskScreen, Look

LOOKING = TravellerStep.LOOK_AT_CAMERA


def screen(challenge: str, step: TravellerStep = LOOKING) -> KioskScreen:
    return present(presenter.viewed(KioskState(), TravellerView(1, 1, step, challenge=challenge)))


@pytest.fixture
def window(qtbot: QtBot, dressed: QApplication) -> KioskWindow:
    made = KioskWindow(screen(""), FrameClock())
    qtbot.addWidget(made)
    made.resize(270, 480)
    made.show()
    return made


def colours_of(window: KioskWindow) -> set[str]:
    image = window.grab().toImage()
    width, height = image.width(), image.height()
    return {QColor(image.pixel(x * width // 10, y * height // 10)).name() for x in range(10) for y in range(10)}


def test_each_challenge_has_its_word_and_its_screen() -> None:
    assert challenge_word(None) == ""
    assert screen(challenge_word(Challenge(ChallengeKind.LIGHT, (255, 16, 0)))).flood == "#ff1000"
    for kind, look in ((ChallengeKind.LOOK_LEFT, Look.LEFT), (ChallengeKind.LOOK_RIGHT, Look.RIGHT)):
        shown = screen(challenge_word(Challenge(kind)))
        assert (shown.flood, shown.look, shown.pill) == ("", look, "Look at the point")


@pytest.mark.parametrize("challenge", ["", "#ff", "red", "#ff10001", "look_up", "#FF1000"])
def test_what_is_no_challenge_shows_none(challenge: str) -> None:
    assert (screen(challenge).flood, screen(challenge).look) == ("", Look.NOWHERE)


@pytest.mark.parametrize("step", [step for step in TravellerStep if step is not LOOKING])
def test_only_while_the_camera_looks(step: TravellerStep) -> None:
    assert screen("#ff1000", step) == screen("", step)


def test_a_colour_fills_the_screen_and_ends_with_the_capture(window: KioskWindow) -> None:
    window.show_screen(screen("#ff1000"))
    assert colours_of(window) == {"#ff1000"}
    window.show_screen(screen("", TravellerStep.GO))
    assert "#ff1000" not in colours_of(window)
    assert not window.challenge.isVisible()


def test_colours_never_change_more_than_three_times_a_second(window: KioskWindow, qtbot: QtBot) -> None:
    assert SHORTEST_COLOUR_MS >= 1000 / 3
    window.show_screen(screen("#ff0000"))
    window.show_screen(screen("#00ff00"))
    window.show_screen(screen("#0000ff"))
    assert window.challenge.flood == "#ff0000", "the newer ones wait"
    qtbot.waitUntil(lambda: window.challenge.flood == "#0000ff", timeout=5000)


def test_a_point_lies_at_the_edge_that_is_meant(window: KioskWindow) -> None:
    before = window.grab().toImage()
    for challenge, x in (("look_left", 0.08), ("look_right", 0.92)):
        window.show_screen(screen(challenge))
        after = window.grab().toImage()
        at = (round(x * after.width()), round(0.3 * after.height()))
        assert after.pixel(*at) != before.pixel(*at)
