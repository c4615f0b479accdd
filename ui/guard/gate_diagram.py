"""A gate from above while it has no case: both doors as they stand, and who is inside. Painted; the words are beside it."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from egate.model.lane import DoorState
from ui.common.theme import tint
from ui.common.tokens import tokens
from ui.guard.view_state import GatePlan

_WIDTH, _HEIGHT = 520.0, 220.0
_WALL = 10.0
_DOOR_AT = 60.0
"""How far a door is from the end of the walls."""

MAX_DRAWN = 6
"""People drawn at most; the words give the number."""


class GateDiagram(QWidget):
    """Walls, doors, people. The entry is where reading begins."""

    def __init__(self) -> None:
        super().__init__()
        self._plan: GatePlan | None = None
        self.set_scale(1.0)

    def set_scale(self, scale: float) -> None:
        """Change the size."""
        self.setFixedSize(round(_WIDTH * scale), round(_HEIGHT * scale))

    def show_plan(self, plan: GatePlan | None) -> None:
        """Change what is painted; None hides the diagram."""
        self._plan = plan
        self.setVisible(plan is not None)
        self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint the plan in its own units."""
        if self._plan is None:
            return
        colours = tokens().console
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(self.width() / _WIDTH, self.height() / _HEIGHT)
        if self.layoutDirection() is Qt.LayoutDirection.RightToLeft:
            painter.translate(_WIDTH, 0)
            painter.scale(-1, 1)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tint(colours.raised))
        painter.drawRect(QRectF(_DOOR_AT, 30, _WIDTH - 2 * _DOOR_AT, _HEIGHT - 60))
        painter.setBrush(tint(colours.line))
        for y in (30 - _WALL, _HEIGHT - 30):
            painter.drawRoundedRect(QRectF(0, y, _WIDTH, _WALL), 4, 4)
        _paint_door(painter, _DOOR_AT, self._plan.entry)
        _paint_door(painter, _WIDTH - _DOOR_AT, self._plan.exit)
        _paint_people(painter, min(self._plan.persons, MAX_DRAWN))
        _paint_way(painter)


def _paint_door(painter: QPainter, x: float, state: DoorState) -> None:
    """Closed leaves meet in the middle; open ones have slid into the walls; locked ones carry a bolt."""
    colours = tokens().console
    colour = {DoorState.OPEN: colours.successful, DoorState.FAULT: colours.critical}.get(state, colours.second)
    reach = 26.0 if state is DoorState.OPEN else (_HEIGHT - 60) / 2 - 2
    pen = QPen(tint(colour), 9, Qt.PenStyle.DashLine if state is DoorState.FAULT else Qt.PenStyle.SolidLine)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    painter.drawLine(QPointF(x, 30), QPointF(x, 30 + reach))
    painter.drawLine(QPointF(x, _HEIGHT - 30), QPointF(x, _HEIGHT - 30 - reach))
    if state is DoorState.LOCKED:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tint(colour))
        painter.drawRoundedRect(QRectF(x - 13, _HEIGHT / 2 - 11, 26, 22), 5, 5)
        painter.setBrush(tint(colours.ground))
        painter.drawEllipse(QPointF(x, _HEIGHT / 2), 4, 4)


def _paint_people(painter: QPainter, count: int) -> None:
    """Heads and shoulders from above, side by side."""
    painter.setPen(Qt.PenStyle.NoPen)
    for index in range(count):
        centre = QPointF(_WIDTH / 2 + (index - (count - 1) / 2) * 58, _HEIGHT / 2)
        painter.setBrush(tint(tokens().console.accent, 0.55))
        painter.drawEllipse(centre, 13, 30)
        painter.setBrush(tint(tokens().console.accent))
        painter.drawEllipse(centre, 14, 14)


def _paint_way(painter: QPainter) -> None:
    """A chevron before each door: the way through."""
    pen = QPen(tint(tokens().console.line), 6)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    for x in (22.0, _WIDTH - 34):
        painter.drawLine(QPointF(x, _HEIGHT / 2 - 16), QPointF(x + 12, _HEIGHT / 2))
        painter.drawLine(QPointF(x + 12, _HEIGHT / 2), QPointF(x, _HEIGHT / 2 + 16))
