"""The kiosk's window: every text fits, Arabic is mirrored, referrals are the same pixels, nothing of a traveller stays."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from egate.ipc.messages import TravellerHint, TravellerStep, TravellerView
from egate.model.face import CaptureHint
from tests.unit.ui.press import press_key
from ui.common.clock import FrameClock
from ui.common.i18n import LANGUAGES
from ui.common.theme import fits
from ui.common.tokens import tokens
from ui.kiosk import presenter
from ui.kiosk.controls import BUTTON_HEIGHT, TouchButton
from ui.kiosk.presenter import KioskState, present
from ui.kiosk.screens import KioskWindow
from ui.kiosk.view_state import KioskScreen
from ui.tools import people

SIZES = [(1080, 1920), (540, 960), (1280, 800)]
CODES = [language.code for language in LANGUAGES]


def screen_of(view: TravellerView, *, choosing: bool = False, help_called: bool = False) -> KioskScreen:
    state = presenter.viewed(presenter.welcomed(KioskState(), 3), view)
    if choosing:
        state = presenter.languages_opened(state, 0.0)
    if help_called:
        state, _ = presenter.help_pressed(state, 0.0)
    return present(state)


def every_screen(language: str) -> list[KioskScreen]:
    views = [TravellerView(1, 1, step, language=language) for step in TravellerStep]
    views += [TravellerView(1, 1, TravellerStep.LOOK_AT_CAMERA, camera_hint=h, language=language) for h in CaptureHint]
    views += [TravellerView(1, 1, TravellerStep.PLACE_DOCUMENT, hint=h, language=language) for h in TravellerHint]
    screens = [screen_of(view) for view in views]
    waiting = TravellerView(1, 1, TravellerStep.PLACE_DOCUMENT, language=language)
    return [*screens, screen_of(waiting, choosing=True), screen_of(waiting, help_called=True)]


@pytest.fixture
def window(qtbot: QtBot, dressed: QApplication) -> KioskWindow:
    clock = FrameClock()
    clock.hold(1.0)
    made = KioskWindow(screen_of(TravellerView(1, 1, TravellerStep.PLACE_DOCUMENT)), clock)
    qtbot.addWidget(made)
    made.resize(540, 960)
    made.show()
    return made


def picture(window: KioskWindow) -> QImage:
    return window.grab().toImage()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", CODES)
def test_no_text_is_cut(window: KioskWindow, language: str, size: tuple[int, int]) -> None:
    window.resize(*size)
    for screen in every_screen(language):
        window.show_screen(screen)
        for label in window.findChildren(QLabel):
            if label.isVisible() and label.text():
                assert fits(label.text(), label.width(), label.height(), label.font()), (screen.moment, label.text())
                assert window.rect().contains(label.mapTo(window, label.rect().topLeft())), label.text()
                assert window.rect().contains(label.mapTo(window, label.rect().bottomRight())), label.text()
        for button in window.findChildren(TouchButton):
            if button.isVisible():
                face = button.font_used()
                assert fits(button.text(), button.text_width(), button.height(), face, wrapped=False), button.text()


@pytest.mark.parametrize("language", CODES)
def test_titles_and_pills_do_not_overlap_the_picture(window: KioskWindow, language: str) -> None:
    window.resize(1080, 1920)
    for screen in every_screen(language):
        window.show_screen(screen)
        shown = window.preview if window.preview.isVisible() else window.pictogram
        for label in (window.title, window.hint, window.pill):
            if label.isVisible():
                assert label.geometry().bottom() <= shown.geometry().top(), (screen.moment, label.text())
        assert shown.geometry().bottom() <= window.language.geometry().top()


def test_targets_are_large_enough(window: KioskWindow) -> None:
    window.resize(1080, 1920)
    window.show_screen(every_screen("en")[-2])
    for button in window.findChildren(TouchButton):
        assert button.height() >= 96, button.text()
        assert button.width() >= 96, button.text()
    assert BUTTON_HEIGHT >= 96


def test_arabic_is_mirrored(window: KioskWindow) -> None:
    window.resize(1080, 1920)
    view = TravellerView(1, 1, TravellerStep.PLACE_DOCUMENT)
    window.show_screen(screen_of(view))
    places = [part.geometry() for part in (window.gate, window.language, window.help)]
    left_steps = [label.geometry().center().x() for label in window.steps.findChildren(QLabel)]
    window.show_screen(screen_of(TravellerView(1, 1, TravellerStep.PLACE_DOCUMENT, language="ar")))
    mirrored = [part.geometry() for part in (window.gate, window.language, window.help)]
    for place, other in zip(places, mirrored, strict=True):
        assert abs((1080 - place.right() - 1) - other.left()) <= 1
    right_steps = [label.geometry().center().x() for label in window.steps.findChildren(QLabel)]
    assert left_steps == sorted(left_steps)
    assert right_steps == sorted(right_steps, reverse=True)
    assert window.layoutDirection() is Qt.LayoutDirection.RightToLeft


def test_arabic_letters_are_joined(dressed: QApplication, qtbot: QtBot) -> None:
    """Shaped letters of one word are narrower than the same letters kept apart by a non-joiner."""
    label = QLabel()
    qtbot.addWidget(label)
    word = "الكاميرا"
    metrics = label.fontMetrics()
    apart = "\u200c".join(word)
    assert metrics.horizontalAdvance(word) < metrics.horizontalAdvance(apart)


@pytest.mark.parametrize("before", [TravellerStep.KEEP_DOCUMENT, TravellerStep.WALK_IN, TravellerStep.LOOK_AT_CAMERA])
@pytest.mark.parametrize("language", CODES)
def test_a_referral_is_the_same_pixels_whatever_came_before(window: KioskWindow, before: TravellerStep, language: str) -> None:
    referral = screen_of(TravellerView(9, 4, TravellerStep.WAIT_FOR_OFFICER, language=language))
    window.show_screen(referral)
    expected = picture(window)
    state = presenter.viewed(presenter.welcomed(KioskState(), 3), TravellerView(1, 7, before, progress=0.9, language=language))
    window.show_screen(present(state))
    if before is TravellerStep.LOOK_AT_CAMERA:
        window.preview.show_frame(people.frame(people.ANNA, 240))
    state = presenter.viewed(state, TravellerView(2, 7, TravellerStep.WAIT_FOR_OFFICER, language=language))
    window.show_screen(present(state))
    assert picture(window) == expected


def test_the_same_screen_gives_the_same_pixels_and_another_one_does_not(window: KioskWindow) -> None:
    first = picture(window)
    assert picture(window) == first
    window.show_screen(screen_of(TravellerView(1, 1, TravellerStep.GO)))
    assert picture(window) != first


def test_nothing_of_a_face_stays_after_the_camera_step(window: KioskWindow) -> None:
    window.show_screen(screen_of(TravellerView(1, 1, TravellerStep.LOOK_AT_CAMERA)))
    empty = picture(window)
    window.preview.show_frame(people.frame(people.ANNA, 240))
    assert picture(window) != empty
    window.show_screen(screen_of(TravellerView(1, 1, TravellerStep.GO)))
    assert window.preview.empty
    window.show_screen(screen_of(TravellerView(1, 2, TravellerStep.LOOK_AT_CAMERA)))
    assert picture(window) == empty


def test_the_preview_is_a_mirror(window: KioskWindow) -> None:
    window.show_screen(screen_of(TravellerView(1, 1, TravellerStep.LOOK_AT_CAMERA)))
    frame = people.frame(people.ANNA, 240)
    row = frame.pixels[: 240 * 4]
    half = bytes(row[: 120 * 4]).replace(row[:4], b"\x00\x00\xff\xff") + row[120 * 4 :]
    red_left = type(frame)(240, 240, 2, half * 240)
    window.preview.show_frame(red_left)
    image = window.preview.grab().toImage()
    middle = image.height() // 2
    left = image.pixelColor(image.width() // 2 - 30, middle)
    right = image.pixelColor(image.width() // 2 + 30, middle)
    assert right.red() - right.blue() > left.red() - left.blue()


def test_buttons_say_what_was_pressed(window: KioskWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.language_pressed):
        window.language.click()
    with qtbot.waitSignal(window.help_pressed):
        window.help.click()
    window.show_screen(every_screen("en")[-2])
    with qtbot.waitSignal(window.language_chosen) as chosen:
        window.sheet.buttons[2].click()
    assert chosen.args == ["ar"]
    with qtbot.waitSignal(window.languages_left):
        window.sheet.back.click()


def test_every_button_can_be_reached_by_key_and_has_a_name(window: KioskWindow) -> None:
    for screen in (every_screen("en")[0], every_screen("en")[-2]):
        window.show_screen(screen)
        for button in window.findChildren(TouchButton):
            if button.isVisible():
                assert button.accessibleName()
                assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    window.show_screen(every_screen("en")[0])
    press_key(window, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() in (window.language, window.help)


def test_the_pictures_rest_while_hidden(window: KioskWindow, qtbot: QtBot) -> None:
    clock = FrameClock()
    other = KioskWindow(window.screen_shown, clock)
    qtbot.addWidget(other)
    seen = []
    for change in (other.show, other.hide):
        change()
        seen.append(clock.running)
    assert seen == [True, False]


def test_the_pictures_move(window: KioskWindow) -> None:
    before = picture(window)
    window.pictogram.set_phase(2.4)
    assert picture(window) != before


def test_a_green_go_fills_the_whole_screen(window: KioskWindow) -> None:
    window.show_screen(screen_of(TravellerView(1, 1, TravellerStep.GO)))
    image = picture(window)
    for corner in (QPoint(1, 1), QPoint(538, 1), QPoint(1, 958), QPoint(538, 958)):
        assert image.pixelColor(corner).name().upper() == tokens().traveller[window.screen_shown.tone].ground


def test_every_step_has_its_own_picture_at_every_moment(window: KioskWindow) -> None:
    """Over a whole turn of the animation no two steps look alike, and every picture paints something."""
    steps = [step for step in TravellerStep if step is not TravellerStep.LOOK_AT_CAMERA]
    for phase in (0.0, 0.5, 1.5, 2.5, 3.5, 3.9):
        seen = []
        for step in steps:
            window.show_screen(screen_of(TravellerView(1, 1, step, progress=0.5)))
            window.pictogram.set_phase(phase)
            seen.append(window.pictogram.grab().toImage())
        assert all(one != other for index, one in enumerate(seen) for other in seen[:index])
