"""The marks of severities and results. Colour never speaks alone: shape and number or sign do too."""

from __future__ import annotations

import math
from itertools import pairwise

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QWidget

from egate.model.checks import CheckResult
from ui.common.theme import font, tint
from ui.common.tokens import tokens
from ui.guard.view_state import Severity

SEVERITY_COLOURS = {
    Severity.CRITICAL: tokens().console.critical,
    Severity.HIGH: tokens().console.high,
    Severity.MEDIUM: tokens().console.medium,
    Severity.LOW: tokens().console.low,
}

RESULT_COLOURS = {
    CheckResult.SUCCESSFUL: tokens().console.successful,
    CheckResult.FAILED: tokens().console.critical,
    CheckResult.ABORTED: tokens().console.high,
    CheckResult.UNDETERMINED: tokens().console.medium,
    CheckResult.NOT_SUPPORTED: tokens().console.neutral,
}

_SIDES = {Severity.CRITICAL: 8, Severity.HIGH: 3, Severity.MEDIUM: 4, Severity.LOW: 0}
"""Octagon, triangle, diamond, circle."""


def paint_severity(painter: QPainter, box: QRectF, severity: Severity) -> None:
    """The mark of a severity: its shape in its colour with its number."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(tint(SEVERITY_COLOURS[severity]))
    _paint_shape(painter, box, _SIDES[severity])
    painter.setPen(tint(tokens().console.on_signal))
    painter.setFont(font(box.height() * 0.56, bold=True))
    lowered = box.translated(0, box.height() * 0.1) if severity is Severity.HIGH else box
    painter.drawText(lowered, Qt.AlignmentFlag.AlignCenter, str(severity.value))


def _paint_shape(painter: QPainter, box: QRectF, sides: int) -> None:
    """A regular polygon in a box, or a circle for 0 sides."""
    if sides == 0:
        painter.drawEllipse(box.adjusted(1, 1, -1, -1))
        return
    turn = {8: math.pi / 8, 3: -math.pi / 2, 4: 0.0}[sides]
    radius = box.width() / 2 * (1.12 if sides == 3 else 1.0)
    centre = box.center() + QPointF(0, box.height() * 0.1 if sides == 3 else 0)
    corners = (turn + 2 * math.pi * index / sides for index in range(sides))
    painter.drawPolygon(QPolygonF([centre + QPointF(math.cos(a), math.sin(a)) * radius for a in corners]))


def paint_result(painter: QPainter, box: QRectF, result: CheckResult) -> None:
    """The mark of one of the five words: tick in a circle, cross in an octagon, `!`, `?`, dash."""
    colour = tint(RESULT_COLOURS[result])
    line = box.width() * 0.1
    pen = QPen(colour, line)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    inner = box.adjusted(line, line, -line, -line)
    if result is CheckResult.SUCCESSFUL:
        painter.drawEllipse(inner)
        _stroke(painter, box, (0.3, 0.52), (0.45, 0.67), (0.72, 0.36))
    elif result is CheckResult.NOT_SUPPORTED:
        painter.drawEllipse(inner)
        _stroke(painter, box, (0.32, 0.5), (0.68, 0.5))
    else:
        painter.setBrush(colour)
        painter.setPen(Qt.PenStyle.NoPen)
        _paint_shape(painter, box, {CheckResult.FAILED: 8, CheckResult.ABORTED: 3, CheckResult.UNDETERMINED: 4}[result])
        _paint_sign(painter, box, result)


def _paint_sign(painter: QPainter, box: QRectF, result: CheckResult) -> None:
    ink = tint(tokens().console.on_signal)
    if result is CheckResult.FAILED:
        pen = QPen(ink, box.width() * 0.13)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        _stroke(painter, box, (0.34, 0.34), (0.66, 0.66))
        _stroke(painter, box, (0.66, 0.34), (0.34, 0.66))
        return
    painter.setPen(ink)
    painter.setFont(font(box.height() * 0.62, bold=True))
    lowered = box.translated(0, box.height() * 0.08) if result is CheckResult.ABORTED else box
    painter.drawText(lowered, Qt.AlignmentFlag.AlignCenter, "!" if result is CheckResult.ABORTED else "?")


def _stroke(painter: QPainter, box: QRectF, *points: tuple[float, float]) -> None:
    placed = [QPointF(box.x() + x * box.width(), box.y() + y * box.height()) for x, y in points]
    for begin, end in pairwise(placed):
        painter.drawLine(begin, end)


class Mark(QWidget):
    """A severity or a result as a small painted mark beside its word."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: Severity | CheckResult | None = None
        self.set_side(22)

    def set_side(self, side: int) -> None:
        """Change the size in pixels."""
        self.setFixedSize(side, side)

    def show_mark(self, shown: Severity | CheckResult | None) -> None:
        """Change what is marked; None hides the mark."""
        self._shown = shown
        self.setVisible(shown is not None)
        self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint the mark."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if isinstance(self._shown, CheckResult):
            paint_result(painter, box, self._shown)
        elif self._shown is not None:
            paint_severity(painter, box, self._shown)
