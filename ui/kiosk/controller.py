"""Joins the kiosk's parts: messages and button presses go into the presenter, its screens go to the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, QTimer, pyqtBoundSignal
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QWidget

from egate.ipc.frames import FrameReader
from egate.ipc.messages import Message, Place, Role, TravellerView, Welcome
from ui.common.clock import FRAME_MS, UNSEEN_FRAME_MS, FrameClock, stopwatch
from ui.common.i18n import catalogue
from ui.common.link import LaneLink
from ui.common.screenshots import ScreenshotBook
from ui.common.start import UNSEEN_PLATFORMS
from ui.common.translator import speak
from ui.kiosk import presenter
from ui.kiosk.presenter import KioskState
from ui.kiosk.screens import KioskWindow
from ui.kiosk.view_state import Picture

FRAME_STALE_S = 1.0
"""A picture older than this is not live any more and is taken off."""

TICK_MS = 1000
"""How often what is older than its time is forgotten."""


class KioskController(QObject):
    """One kiosk: window, link, and the state between them."""

    def __init__(
        self,
        socket: Path,
        language: str,
        save_screens: Path | None = None,
        *,
        place: Place = Place.OUTSIDE,
        now_s: Callable[[], float] | None = None,
    ) -> None:
        super().__init__()
        self._now_s = now_s or stopwatch()
        self.state = KioskState(home_language=language, place=place)
        unseen = QGuiApplication.platformName() in UNSEEN_PLATFORMS
        self.clock = FrameClock(self, interval_ms=UNSEEN_FRAME_MS if unseen else FRAME_MS)
        self.window = KioskWindow(presenter.present(self.state), self.clock)
        self.link = LaneLink(socket, Role.KIOSK, "kiosk", now_s=now_s, parent=self)
        self._frames: FrameReader | None = None
        self._frame_number = -1
        self._frame_s = 0.0
        self._translator = speak(catalogue("kiosk", language), None)
        self._book = ScreenshotBook(save_screens, self.window, "kiosk") if save_screens else None
        self._connect()
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self.tick)

    @property
    def shown(self) -> QWidget:
        """The window."""
        return self.window

    @property
    def closed(self) -> pyqtBoundSignal:
        """Emitted when the window was closed."""
        return self.window.closed

    def start(self) -> None:
        """Begin to listen."""
        self.link.start()
        self._tick.start()

    def stop(self) -> None:
        """Drop the connection and what was on the screen."""
        self._tick.stop()
        self.link.stop()
        if self._frames is not None:
            self._frames.close()

    def tick(self) -> None:
        """Forget what is older than its time."""
        self._take(presenter.time_passed(self.state, self._now_s()))

    def _connect(self) -> None:
        self.link.received.connect(self._receive)
        self.link.alive_changed.connect(self._alive_changed)
        self.window.language_pressed.connect(self._open_languages)
        self.window.languages_left.connect(self._leave_languages)
        self.window.language_chosen.connect(self._choose_language)
        self.window.help_pressed.connect(self._call_help)
        self.clock.ticked.connect(self._show_frame)

    def _receive(self, message: Message) -> None:
        if isinstance(message, Welcome):
            self._frames = FrameReader(Path(message.frames_path)) if message.frames_path else None
            self._frame_number = -1
            self._show(presenter.welcomed(self.state, message.number))
        elif isinstance(message, TravellerView):
            self._show(presenter.viewed(self.state, message))

    def _alive_changed(self, alive: bool) -> None:
        if not alive:
            self._show(presenter.lost(self.state))

    def _open_languages(self) -> None:
        self._show(presenter.languages_opened(self.state, self._now_s()))

    def _leave_languages(self) -> None:
        self._show(presenter.languages_left(self.state))

    def _choose_language(self, code: str) -> None:
        self._take(presenter.language_chosen(self.state, code, self._now_s()))

    def _call_help(self) -> None:
        self._take(presenter.help_pressed(self.state, self._now_s()))

    def _take(self, taken: tuple[KioskState, tuple[Message, ...]]) -> None:
        state, messages = taken
        for message in messages:
            self.link.send(message)
        self._show(state)

    def _show(self, state: KioskState) -> None:
        """Show a state; pictures for the book are taken before and after a change of step."""
        self.state = state
        screen = presenter.present(state)
        shown = self.window.screen_shown
        if screen == shown:
            return
        moved = screen.moment != shown.moment
        if moved and self._book is not None:
            self._book.save_pending()
        if screen.language != shown.language:
            self._translator = speak(catalogue("kiosk", screen.language), self._translator)
        self.window.show_screen(screen)
        if moved and self._book is not None:
            self._book.note(screen.moment)

    def _show_frame(self, _phase_s: float) -> None:
        """Bring the newest camera frame onto the screen; without one, nothing of an older one stays."""
        if self._frames is None or self.window.screen_shown.picture is not Picture.CAMERA:
            return
        frame = self._frames.read()
        if frame is not None and frame.number != self._frame_number:
            self._frame_number, self._frame_s = frame.number, self._now_s()
            self.window.preview.show_frame(frame)
        elif self._now_s() - self._frame_s >= FRAME_STALE_S:
            self.window.preview.forget()
