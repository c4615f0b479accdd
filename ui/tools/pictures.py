"""The pictures of the screens in the docs: `QT_QPA_PLATFORM=offscreen python -m ui.tools.pictures [DIRECTORY]`.

The people are drawn, the data are those of the examples in ICAO Doc 9303, the animation is held: the same code gives the same
pictures. Nothing here is shown at a gate.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QImage, QPainter
from PyQt6.QtWidgets import QApplication, QWidget

from egate.ipc.messages import LaneView, TravellerStep, TravellerView
from egate.model.face import CaptureHint
from egate.model.lane import OfficerReason
from ui.common.clock import FrameClock
from ui.common.i18n import catalogue
from ui.common.theme import dress
from ui.common.translator import speak
from ui.guard import state as reactions
from ui.guard.presenter import present as present_console
from ui.guard.screens import ConsoleWindow
from ui.guard.state import ConsoleState, Faces
from ui.kiosk import presenter
from ui.kiosk.screens import KioskWindow
from ui.kiosk.view_state import Picture
from ui.tools import people, samples

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "pictures"

NOW_S = 100.0
"""The moment at which the console is shown, in seconds after it began."""

PHASE_S = 1.5
"""The moment at which animations are held."""

_THUMB = QSize(405, 720)
_GAP = 14

STEPS = (
    TravellerView(1, 1, TravellerStep.PLACE_DOCUMENT),
    TravellerView(1, 1, TravellerStep.KEEP_DOCUMENT, progress=0.62),
    TravellerView(1, 1, TravellerStep.WALK_IN),
    TravellerView(1, 1, TravellerStep.LOOK_AT_CAMERA, camera_hint=CaptureHint.COME_CLOSER, progress=0.4),
    TravellerView(1, 1, TravellerStep.GO),
    TravellerView(1, 1, TravellerStep.WAIT_FOR_OFFICER),
)
"""The screens of the strip."""


def main(arguments: list[str]) -> int:
    """Draw all pictures into the directory."""
    directory = Path(arguments[0]) if arguments else DOCS
    directory.mkdir(parents=True, exist_ok=True)
    application = QApplication(["pictures"])
    dress(application)
    kiosk_strip(STEPS, "en").save(str(directory / "kiosk.png"))
    kiosk_strip(STEPS, "ar").save(str(directory / "kiosk-arabic.png"))
    console_picture("en").save(str(directory / "guard.png"))
    return 0


def kiosk_strip(views: Iterable[TravellerView], language: str) -> QImage:
    """The kiosk's screens side by side; in a language written from right to left they run that way."""
    pictures = [kiosk_picture(replace(view, language=language)) for view in views]
    if catalogue("kiosk", language).language.right_to_left:
        pictures.reverse()
    width = len(pictures) * (_THUMB.width() + _GAP) - _GAP
    strip = QImage(width, _THUMB.height(), QImage.Format.Format_RGB32)
    strip.fill(Qt.GlobalColor.white)
    painter = QPainter(strip)
    for index, picture in enumerate(pictures):
        scaled = picture.scaled(_THUMB, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
        painter.drawImage(index * (_THUMB.width() + _GAP), 0, scaled)
    painter.end()
    return strip


def kiosk_picture(view: TravellerView, size: tuple[int, int] = (1080, 1920)) -> QImage:
    """One screen of gate 3, with a drawn traveller before the camera."""
    state = presenter.viewed(presenter.welcomed(presenter.KioskState(), 3), view)
    screen = presenter.present(state)
    translator = speak(catalogue("kiosk", screen.language), None)
    clock = FrameClock()
    window = KioskWindow(screen, clock)
    window.resize(*size)
    if screen.picture is Picture.CAMERA:
        window.preview.show_frame(people.frame(people.ANNA, 720))
    clock.hold(PHASE_S)
    picture = _grab(window)
    QApplication.removeTranslator(translator)
    return picture


def console_state(*, faces: bool = True) -> ConsoleState:
    """Five lanes: one ready, one capturing, one with a referred traveller in the middle, one closed, one silent."""
    state = reactions.begin(5, "7731", 0.0)
    views: tuple[LaneView, ...] = (samples.IDLE, samples.CAPTURE, samples.REFERRED, samples.CLOSED)
    for place, view in enumerate(views):
        state, _ = reactions.viewed(state, place, view, NOW_S)
    state = reactions.lost(reactions.welcomed(state, 4, 5), 4, NOW_S - 40)
    state = reactions.reasoned(reactions.selected(state, 2), OfficerReason.TO_SECOND_LINE)
    if not faces:
        return state
    shown = Faces(
        samples.MISMATCH.passage,
        people.jpeg(people.portrait(people.OTTO, 480, 600)),
        people.jpeg(people.portrait(people.ANNA, 480, 600, light="#C9D3DC")),
    )
    lanes = (*state.lanes[:2], replace(state.lanes[2], faces=shown), *state.lanes[3:])
    return replace(state, lanes=lanes)


def console_picture(language: str, size: tuple[int, int] = (1920, 1080)) -> QImage:
    """The console in a language."""
    texts = catalogue("guard", language)
    translator = speak(texts, None)
    window = ConsoleWindow(present_console(console_state(), texts, NOW_S))
    window.resize(*size)
    picture = _grab(window)
    QApplication.removeTranslator(translator)
    return picture


def _grab(window: QWidget) -> QImage:
    window.show()
    QApplication.processEvents()
    picture = window.grab().toImage()
    window.hide()
    return picture


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
