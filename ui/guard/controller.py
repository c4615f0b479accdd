"""Joins the console's parts: messages and presses go into the state, the state's screen goes to the window."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PyQt6.QtCore import QObject, QTimer, pyqtBoundSignal
from PyQt6.QtWidgets import QWidget

from egate.ipc.messages import CasePictures, LaneView, Message, Role, Welcome, WishAnswer
from egate.ipc.wishes import PRESENCE_EVERY_S
from egate.model.lane import OfficerAction, OfficerReason
from ui.common.clock import stopwatch, wall_ns
from ui.common.i18n import catalogue
from ui.common.link import LaneLink
from ui.common.screenshots import ScreenshotBook
from ui.common.translator import speak
from ui.guard import state as reactions
from ui.guard.presenter import present
from ui.guard.screens import ConsoleWindow
from ui.guard.state import ConsoleState

TICK_MS = 500
"""How often ages are brought up to date."""


class ConsoleController(QObject):
    """One console: window, a link to each lane, the officer's key, and the state between them."""

    def __init__(
        self,
        sockets: list[Path],
        officer: str,
        key: Ed25519PrivateKey,
        *,
        language: str = "en",
        save_screens: Path | None = None,
        now_s: Callable[[], float] | None = None,
    ) -> None:
        super().__init__()
        self._now_s = now_s or stopwatch()
        self._key = key
        self._texts = catalogue("guard", language)
        self._translator = speak(self._texts, None)
        self.state = reactions.begin(len(sockets), officer, self._now_s())
        self.window = ConsoleWindow(present(self.state, self._texts, self._now_s()))
        self.window.setWindowTitle(self._texts.text("guard.window"))
        self.links = [LaneLink(path, Role.GUARD, officer, now_s=now_s, parent=self) for path in sockets]
        self._book = ScreenshotBook(save_screens, self.window, "guard") if save_screens else None
        self._connect()
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self.tick)
        self._presence = QTimer(self)
        self._presence.setInterval(round(PRESENCE_EVERY_S * 1000))
        self._presence.timeout.connect(self.tell_presence)

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
        for link in self.links:
            link.start()
        self._tick.start()
        self._presence.start()

    def stop(self) -> None:
        """Sign off and drop the connections."""
        self._tick.stop()
        self._presence.stop()
        self.tell_presence(here=False)
        for link in self.links:
            link.stop()

    def tick(self) -> None:
        """Bring ages up to date, and tell what did not come in time."""
        self._show(reactions.time_passed(self.state, self._now_s()))

    def tell_presence(self, *, here: bool = True) -> None:
        """Tell each lane that its officer is there, or goes; a lane takes travellers only while somebody watches (S5)."""
        for place, presence in reactions.presences(self.state, self._key, wall_ns(), here=here):
            self.links[place].send(presence)

    def _connect(self) -> None:
        """The links live exactly as long as this object, so a partial that names the lane keeps nothing alive."""
        for place, link in enumerate(self.links):
            link.received.connect(partial(self._receive, place))
            link.alive_changed.connect(partial(self._alive_changed, place))
        self.window.lane_pressed.connect(self._select)
        self.window.reason_pressed.connect(self._reason)
        self.window.action_pressed.connect(self._wish)

    def _receive(self, place: int, message: Message) -> None:
        now_s = self._now_s()
        if isinstance(message, Welcome):
            self._show(reactions.welcomed(self.state, place, message.number))
        elif isinstance(message, LaneView):
            first = self.state.lanes[place].view is None
            state, asked = reactions.viewed(self.state, place, message, now_s)
            for question in asked:
                self.links[place].send(question)
            self._show(state)
            if first:
                self.tell_presence()
        elif isinstance(message, CasePictures):
            self._show(reactions.pictured(self.state, place, message))
        elif isinstance(message, WishAnswer):
            self._show(reactions.answered(self.state, place, message, now_s))

    def _alive_changed(self, place: int, alive: bool) -> None:
        if not alive:
            self._show(reactions.lost(self.state, place, self._now_s()))

    def _select(self, place: int) -> None:
        self._show(reactions.selected(self.state, place))

    def _reason(self, reason: OfficerReason) -> None:
        self._show(reactions.reasoned(self.state, reason))

    def _wish(self, action: OfficerAction) -> None:
        place = self.state.selected
        state, wish = reactions.wished(self.state, action, self._key, self._now_s(), wall_ns())
        if wish is not None:
            self.links[place].send(wish)
        self._show(state)

    def _show(self, state: ConsoleState) -> None:
        self.state = state
        screen = present(state, self._texts, self._now_s())
        shown = self.window.screen_shown
        if screen == shown:
            return
        moved = screen.moment != shown.moment
        if moved and self._book is not None:
            self._book.save_pending()
        self.window.show_screen(screen)
        if moved and self._book is not None:
            self._book.note(screen.moment)
