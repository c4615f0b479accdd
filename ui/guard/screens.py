"""The officer's one window: lanes at the side where reading begins, the case in the middle, alarms at the other side.

It is laid out for 1920 × 1080 and scales with the window. Everything works with the keyboard: arrows choose a lane, digits a
reason, function keys an action.
"""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent
from PyQt6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLayout, QVBoxLayout, QWidget

from egate.model.lane import OfficerAction
from ui.guard.case_panel import CasePanel
from ui.guard.panels import ActionPanel, AlarmPanel, HeaderPanel, label
from ui.guard.parts import LaneTile
from ui.guard.style import style_sheet
from ui.guard.view_state import ConsoleScreen

PANEL_WIDTH, PANEL_HEIGHT = 1920, 1080

LEAST_SCALE = 0.5
"""Below this the words become too small to read; the window gets no smaller. Beside a kiosk on 1366 pixels it is 0.53."""

ONE_COLUMN = 5
"""Up to this many lanes stand below each other, more in two columns."""

_REASON_KEYS = {Qt.Key(Qt.Key.Key_1.value + index): index for index in range(8)}
_ACTION_KEYS = {Qt.Key.Key_F5: 0, Qt.Key.Key_F6: 1, Qt.Key.Key_F7: 2, Qt.Key.Key_F8: 3}
_LANE_KEYS = {Qt.Key.Key_Up: -1, Qt.Key.Key_PageUp: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageDown: 1}


class ConsoleWindow(QWidget):
    """Emits `lane_pressed(place)`, `reason_pressed(reason)`, `action_pressed(action)`, `closed`."""

    lane_pressed = pyqtSignal(int)
    reason_pressed = pyqtSignal(object)
    action_pressed = pyqtSignal(object)
    closed = pyqtSignal()

    def __init__(self, screen: ConsoleScreen) -> None:
        super().__init__()
        self.setObjectName("console")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumSize(round(PANEL_WIDTH * LEAST_SCALE), round(PANEL_HEIGHT * LEAST_SCALE))
        self._screen = screen
        self._scale = LEAST_SCALE
        self._spaces: list[_Space] = []
        self.header, self.case, self.alarms, self.wishes = HeaderPanel(), CasePanel(), AlarmPanel(), ActionPanel()
        self._keys = label("quiet")
        self.tiles = [LaneTile() for _ in screen.tiles]
        for tile in self.tiles:
            tile.clicked.connect(self._press_lane)
        self.wishes.reason_pressed.connect(self.reason_pressed)
        self.wishes.action_pressed.connect(self.action_pressed)
        self._lanes = self._lane_column()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFocus()
        self._arrange()
        self.show_screen(screen)
        self._spaces = [_space_of(layout) for layout in self.findChildren(QLayout)]
        self._rescale()

    @property
    def screen_shown(self) -> ConsoleScreen:
        """What the window shows now."""
        return self._screen

    def show_screen(self, screen: ConsoleScreen) -> None:
        """Show another console state."""
        self._screen = screen
        self.header.show_header(screen.header)
        for tile, state in zip(self.tiles, screen.tiles, strict=True):
            tile.show_tile(state, self._scale)
        self.case.show_case(screen.case, self._scale)
        self.alarms.show_alarms((screen.alarms_title, screen.alarms_order, screen.no_alarms), screen.alarms, self._scale)
        self.wishes.show_actions(screen.actions)
        self._keys.setText(screen.header.keys)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Scale the words with the window."""
        super().resizeEvent(event)
        self._rescale()

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802 - Qt's name
        """The window was closed: so is the program."""
        super().closeEvent(event)
        self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Digits choose a reason, function keys an action, arrows a lane."""
        if event is None or event.isAutoRepeat() or not self._take_key(Qt.Key(event.key())):
            super().keyPressEvent(event)

    def _take_key(self, key: Qt.Key) -> bool:
        if key in _REASON_KEYS:
            self.reason_pressed.emit(self._screen.actions.reasons[_REASON_KEYS[key]].reason)
        elif key in _ACTION_KEYS:
            self._press_action(_ACTION_KEYS[key])
        elif key in _LANE_KEYS:
            place = next(index for index, tile in enumerate(self._screen.tiles) if tile.selected)
            self.lane_pressed.emit(place + _LANE_KEYS[key])
        else:
            return False
        return True

    def _press_action(self, index: int) -> None:
        action = self._screen.actions.actions[index]
        if action.enabled:
            chosen: OfficerAction = action.action
            self.action_pressed.emit(chosen)

    def _press_lane(self) -> None:
        sender = self.sender()
        if isinstance(sender, LaneTile):
            self.lane_pressed.emit(self.tiles.index(sender))

    def _rescale(self) -> None:
        scale = max(LEAST_SCALE, min(self.width() / PANEL_WIDTH, self.height() / PANEL_HEIGHT))
        if abs(scale - self._scale) < 0.005 and self.styleSheet():
            return
        self._scale = scale
        self.setStyleSheet(style_sheet(scale))
        for space in self._spaces:
            space.rescale(scale)
        self._lanes.setFixedWidth(round((310 if len(self.tiles) <= ONE_COLUMN else 560) * scale))
        self.alarms.setFixedWidth(round(296 * scale))
        self.show_screen(self._screen)

    def _lane_column(self) -> QWidget:
        column = QWidget()
        grid = QGridLayout(column)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(10)
        columns = 1 if len(self.tiles) <= ONE_COLUMN else 2
        for index, tile in enumerate(self.tiles):
            grid.addWidget(tile, index // columns, index % columns)
        grid.setRowStretch(len(self.tiles), 1)
        return column

    def _arrange(self) -> None:
        middle = QFrame()
        middle.setProperty("kind", "panel")
        inside = QVBoxLayout(middle)
        inside.setContentsMargins(18, 14, 18, 14)
        inside.setSpacing(12)
        inside.addWidget(self.case, 1)
        inside.addWidget(self.wishes)
        body = QHBoxLayout()
        body.setContentsMargins(14, 12, 14, 4)
        body.setSpacing(12)
        body.addWidget(self._lanes)
        body.addWidget(middle, 1)
        body.addWidget(self.alarms)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 8)
        whole.setSpacing(0)
        whole.addWidget(self.header)
        whole.addLayout(body, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 0, 20, 0)
        foot.addWidget(self._keys)
        foot.addStretch(1)
        whole.addLayout(foot)


@dataclass(frozen=True, slots=True)
class _Space:
    """A layout with its margins and spacings as they were built for the full size."""

    layout: QLayout
    margins: tuple[int, int, int, int]
    across: int
    down: int

    def rescale(self, scale: float) -> None:
        """Set margins and spacings for a scale."""
        self.layout.setContentsMargins(*(round(margin * scale) for margin in self.margins))
        if isinstance(self.layout, QGridLayout):
            self.layout.setHorizontalSpacing(round(self.across * scale))
            self.layout.setVerticalSpacing(round(self.down * scale))
        else:
            self.layout.setSpacing(round(self.down * scale))


def _space_of(layout: QLayout) -> _Space:
    margins = layout.contentsMargins()
    sides = (margins.left(), margins.top(), margins.right(), margins.bottom())
    if isinstance(layout, QGridLayout):
        return _Space(layout, sides, layout.horizontalSpacing(), layout.verticalSpacing())
    return _Space(layout, sides, 0, max(0, layout.spacing()))
