"""The console's window: every word fits, keys work, faces vanish with their case, everything has a name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QAbstractButton, QApplication, QLabel, QPushButton, QScrollArea
from pytestqt.qtbot import QtBot

from egate.checks.catalogue import CATALOGUE
from egate.ipc.messages import AlarmView, CheckView, LaneView
from egate.model.accuracy import Verdict
from egate.model.lane import Alarm, DoorState, OfficerAction, OfficerReason
from tests.unit.ui.press import press_key
from ui.common.i18n import LANGUAGES, catalogue
from ui.common.theme import fits, font, wrapped_height
from ui.common.translator import speak
from ui.guard import state as reactions
from ui.guard.gate_diagram import GateDiagram
from ui.guard.panels import LEAST_PX, FittedLabel, ScrolledText
from ui.guard.parts import DETAIL_HEIGHT, LEAST_DETAIL_PX, covered, decode
from ui.guard.presenter import present
from ui.guard.screens import ConsoleWindow
from ui.guard.state import ConsoleState
from ui.tools import people, pictures
from ui.tools.samples import IDLE, INACCURATE, MISMATCH, REFERRED, STALE

SIZES = [(1920, 1080), (1366, 768), (1152, 648)]
CODES = [language.code for language in LANGUAGES]
DEVICES = ("camera", "chip reader", "gate unit", "log", "mrz reader")


def window_of(state: ConsoleState, qtbot: QtBot, language: str = "en", size: tuple[int, int] = (1920, 1080)) -> ConsoleWindow:
    texts = catalogue("guard", language)
    speak(texts, None)
    window = ConsoleWindow(present(state, texts, pictures.NOW_S))
    qtbot.addWidget(window)
    window.resize(*size)
    window.show()
    QApplication.processEvents()
    return window


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", CODES)
def test_every_word_fits(dressed: QApplication, qtbot: QtBot, language: str, size: tuple[int, int]) -> None:
    assert_words_fit(window_of(pictures.console_state(), qtbot, language, size), size)


def assert_words_fit(window: ConsoleWindow, size: tuple[int, int]) -> None:
    """The window is no larger than its place, and no label or button is cut."""
    least = window.minimumSizeHint()
    assert least.width() <= size[0]
    assert least.height() <= size[1]
    for area in window.findChildren(QScrollArea):
        inside, port = area.widget(), area.viewport()
        assert inside is None or port is None or inside.width() <= port.width(), inside.findChildren(QLabel)[0].text()
    for label in window.findChildren(QLabel):
        if not label.isVisible() or not label.text():
            continue
        if isinstance(label, FittedLabel):
            smallest = font(LEAST_PX, bold=label.font().bold())
            assert fits(label.text(), label.width(), 0, smallest, wrapped=False), label.text()
            continue
        wanted = wrapped_height(label.text(), label.width(), label.font()) if label.wordWrap() else 0
        assert wanted <= label.height() + 2, label.text()
        if not label.wordWrap():
            assert label.fontMetrics().horizontalAdvance(label.text()) <= label.width() + 1, label.text()
    for button in window.findChildren(QPushButton):
        assert button.fontMetrics().horizontalAdvance(button.text()) <= button.width() - 8, button.text()


def longest(language: str, reasons: int) -> LaneView:
    """A case whose checks all have the longest words of their codes, with the longest rule, and every device lost."""
    texts = catalogue("guard", language)
    endings = [
        (entry, max(entry.endings, key=lambda end: len(texts.text(f"guard.code.{end.code}")))) for entry in CATALOGUE.values()
    ]
    checks = tuple(CheckView(entry.group, entry.name, end.result, end.code, "DG1, DG2, DG14") for entry, end in endings)
    hits = (replace(MISMATCH.hits[0], rule="name_joined"),) * 3
    case = replace(MISMATCH, checks=checks, because=tuple(check.name for check in checks)[:reasons], hits=hits)
    return replace(REFERRED, case=case, devices_lost=DEVICES, phase_age_s=3120.0)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("reasons", [4, 18])
def test_the_longest_findings_fit(
    dressed: QApplication, qtbot: QtBot, language: str, size: tuple[int, int], reasons: int
) -> None:
    """Long reasons scroll; they never squeeze scores, candidates, document or checks."""
    state, _ = reactions.viewed(pictures.console_state(), 2, longest(language, reasons), pictures.NOW_S)
    window = window_of(state, qtbot, language, size)
    assert_words_fit(window, size)
    because = window.findChild(ScrolledText)
    assert isinstance(because, ScrolledText)
    inside = because.widget()
    assert inside is not None
    bar = because.verticalScrollBar()
    assert bar is not None
    assert inside.height() <= because.height() + bar.maximum()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", CODES)
def test_every_lost_device_fits_its_tile(dressed: QApplication, qtbot: QtBot, language: str, size: tuple[int, int]) -> None:
    state, _ = reactions.viewed(pictures.console_state(), 2, longest(language, 4), pictures.NOW_S)
    window = window_of(state, qtbot, language, size)
    shown, scale = window.screen_shown.tiles[2], min(size[0] / 1920, size[1] / 1080)
    width = int(window.tiles[2].width() - 6 - 36 * scale)
    assert fits(f"{shown.age} · {shown.detail}", width, int(DETAIL_HEIGHT * scale), font(LEAST_DETAIL_PX * scale))


def test_ten_lanes_fit(dressed: QApplication, qtbot: QtBot) -> None:
    state = reactions.begin(10, "7731", 0.0)
    for place in range(10):
        state, _ = reactions.viewed(state, place, replace(IDLE, number=place + 1), 1.0)
    window = window_of(state, qtbot)
    assert window.minimumSizeHint().height() <= 1080
    assert all(window.rect().contains(tile.geometry()) for tile in window.tiles)


def test_every_button_has_a_name_and_takes_the_focus(dressed: QApplication, qtbot: QtBot) -> None:
    window = window_of(pictures.console_state(), qtbot)
    buttons = [button for button in window.findChildren(QAbstractButton) if button.isVisible()]
    assert len(buttons) >= 5 + 8 + 4
    for button in buttons:
        assert button.accessibleName(), button
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus, button.accessibleName()


def test_keys_choose_reason_action_and_lane(dressed: QApplication, qtbot: QtBot) -> None:
    window = window_of(pictures.console_state(), qtbot)
    with qtbot.waitSignal(window.reason_pressed) as reason:
        press_key(window, Qt.Key.Key_4)
    assert reason.args == [OfficerReason.TO_SECOND_LINE]
    with qtbot.waitSignal(window.action_pressed) as action:
        press_key(window, Qt.Key.Key_F6)
    assert action.args == [OfficerAction.RELEASE_TO_ENTRY]
    with qtbot.waitSignal(window.lane_pressed) as lane:
        press_key(window, Qt.Key.Key_Down)
    assert lane.args == [3]


def test_an_action_without_a_reason_cannot_be_pressed(dressed: QApplication, qtbot: QtBot) -> None:
    state = replace(pictures.console_state(), reason=None)
    window = window_of(state, qtbot)
    with qtbot.assertNotEmitted(window.action_pressed):
        press_key(window, Qt.Key.Key_F5)
        window.wishes.action_buttons[0].click()


def test_buttons_do_what_they_say(dressed: QApplication, qtbot: QtBot) -> None:
    window = window_of(pictures.console_state(), qtbot)
    with qtbot.waitSignal(window.reason_pressed) as reason:
        window.wishes.reason_buttons[0].click()
    assert reason.args == [OfficerReason.IDENTITY_CONFIRMED]
    with qtbot.waitSignal(window.action_pressed) as action:
        window.wishes.action_buttons[0].click()
    assert action.args == [OfficerAction.CLEAR]
    with qtbot.waitSignal(window.lane_pressed) as lane:
        window.tiles[1].click()
    assert lane.args == [1]


def test_nothing_of_a_case_stays_when_it_is_over(dressed: QApplication, qtbot: QtBot) -> None:
    state = pictures.console_state()
    window = window_of(state, qtbot)
    before = window.case.full.faces.empty
    over, _ = reactions.viewed(state, 2, replace(IDLE, lane="lane-3", number=3), pictures.NOW_S)
    window.show_screen(present(over, catalogue("guard", "en"), pictures.NOW_S))
    assert (before, window.case.full.faces.empty) == (False, True)
    texts = " ".join(label.text() for label in window.findChildren(QLabel))
    for word in ("ERIKSSON", "L898902C3", "12 AUG 74", "name: the same words", "a list fits the person"):
        assert word not in texts


def test_a_new_case_shows_no_face_of_the_last_one(dressed: QApplication, qtbot: QtBot) -> None:
    state = pictures.console_state()
    window = window_of(state, qtbot)
    known = state.lanes[2].view
    assert known is not None
    assert known.case is not None
    following = replace(known, case=replace(known.case, passage=99))
    state, _ = reactions.viewed(state, 2, following, pictures.NOW_S)
    window.show_screen(present(state, catalogue("guard", "en"), pictures.NOW_S))
    assert window.case.full.faces.empty


@pytest.mark.qt_log_ignore("JPEG")
@pytest.mark.parametrize("data", [b"", b"x", b"\xff\xd8\xff\xe0 broken", b"\x89PNG\r\n\x1a\n"])
def test_bytes_that_are_no_picture_are_no_picture(data: bytes) -> None:
    assert decode(data) is None


def test_a_face_is_shown_undistorted() -> None:
    for width, height in ((480, 600), (600, 400), (100, 900)):
        place = QRectF(0, 0, 300, 360)
        part = covered(QSize(width, height), place)
        assert part.width() / part.height() == pytest.approx(300 / 360)
        assert 0 <= part.x() <= part.right() <= width
        assert 0 <= part.y() <= part.bottom() <= height + 0.001


def test_a_jpeg_is_decoded(dressed: QApplication) -> None:
    image = decode(people.jpeg(people.portrait(people.OTTO, 120, 150)))
    assert image is not None
    assert (image.width(), image.height()) == (120, 150)


def test_arabic_puts_the_lanes_on_the_right(dressed: QApplication, qtbot: QtBot) -> None:
    window = window_of(pictures.console_state(), qtbot, "ar")
    tile = window.tiles[0]
    assert tile.mapTo(window, tile.rect().center()).x() > window.width() / 2
    centre = window.alarms.mapTo(window, window.alarms.rect().center())
    assert centre.x() < window.width() / 2


def test_the_outcome_keeps_room_around_its_word(dressed: QApplication, qtbot: QtBot) -> None:
    """The outcome appears after the window was laid out; its box must grow with its look."""
    state = pictures.console_state()
    window = window_of(reactions.selected(state, 1), qtbot)
    window.show_screen(present(state, catalogue("guard", "en"), pictures.NOW_S))
    QApplication.processEvents()
    chip = next(label for label in window.findChildren(QLabel) if label.text() == "Referred")
    assert chip.width() >= chip.fontMetrics().horizontalAdvance("Referred") + 20


@pytest.mark.parametrize("door", list(DoorState))
def test_a_gate_without_a_case_is_drawn_as_it_stands(dressed: QApplication, qtbot: QtBot, door: DoorState) -> None:
    """Every state of a door looks different, and so does every number of people."""

    def drawn(entry: DoorState, persons: int) -> QImage:
        state = reactions.begin(1, "7731", 0.0)
        state, _ = reactions.viewed(state, 0, replace(IDLE, entry=entry, persons=persons), 1.0)
        window = window_of(state, qtbot)
        diagram = window.findChild(GateDiagram)
        assert isinstance(diagram, GateDiagram)
        return diagram.grab().toImage()

    same = drawn(door, 1)
    assert drawn(door, 1) == same
    assert drawn(door, 2) != same
    assert all(drawn(other, 1) != same for other in DoorState if other is not door)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("name", ["UT", "W" * 40])
def test_stale_trust_is_an_alarm_whose_words_fit(
    dressed: QApplication, qtbot: QtBot, language: str, size: tuple[int, int], name: str
) -> None:
    """However many days it is open: the longest age before days are counted stands beside the title."""
    assert STALE.stale is not None
    view = replace(STALE, stale=replace(STALE.stale, country=name), alarms=(AlarmView(Alarm.TRUST_STALE, 172_799.0),))
    state, _ = reactions.viewed(pictures.console_state(), 0, view, pictures.NOW_S)
    window = window_of(state, qtbot, language, size)
    assert_words_fit(window, size)
    row = next(
        row for row in window.screen_shown.alarms if row.title == catalogue("guard", language).text("guard.alarm.trust_stale")
    )
    assert [label for label in window.findChildren(QLabel) if label.text() == row.detail and not label.isHidden()]
    gone, _ = reactions.viewed(state, 0, IDLE, pictures.NOW_S)
    assert row.title not in [entry.title for entry in present(gone, catalogue("guard", language), pictures.NOW_S).alarms]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("verdict", [Verdict.ABOVE, Verdict.BELOW])
def test_a_rate_out_of_its_band_is_an_alarm_whose_words_fit(
    dressed: QApplication, qtbot: QtBot, language: str, size: tuple[int, int], verdict: Verdict
) -> None:
    assert INACCURATE.accuracy is not None
    many = replace(INACCURATE.accuracy, verdict=verdict, comparisons=12_345_678, fmr_ppm=1234.5)
    state, _ = reactions.viewed(pictures.console_state(), 0, replace(INACCURATE, accuracy=many), pictures.NOW_S)
    window = window_of(state, qtbot, language, size)
    assert_words_fit(window, size)
    title = catalogue("guard", language).text("guard.alarm.fmr_out_of_band")
    row = next(row for row in window.screen_shown.alarms if row.title == title)
    assert [label for label in window.findChildren(QLabel) if label.text() == row.detail and not label.isHidden()]
