"""Strokes, fills and timing that all the kiosk's pictures share."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QPainter, QPainterPath, QPen

from ui.common.theme import tint


def ease(value: float) -> float:
    """A gentle start and a gentle end for a motion from 0 to 1."""
    bounded = min(1.0, max(0.0, value))
    return bounded * bounded * (3 - 2 * bounded)


def part(phase: float, begin: float, end: float) -> float:
    """How far a motion is that runs from `begin` to `end` of a phase of 0…1, eased."""
    return ease((phase - begin) / (end - begin))


def fill(painter: QPainter, colour: str, alpha: float = 1.0) -> None:
    """Fill what is drawn next with a colour, without an outline."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(tint(colour, alpha))


def stroke(painter: QPainter, colour: str, width: float, alpha: float = 1.0) -> None:
    """Draw lines with a colour and round ends, unfilled."""
    pen = QPen(tint(colour, alpha), width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def rounded(painter: QPainter, x: float, y: float, width: float, height: float, radius: float) -> None:
    """Draw a rounded rectangle."""
    painter.drawRoundedRect(QRectF(x, y, width, height), radius, radius)


def polyline(painter: QPainter, *points: tuple[float, float]) -> None:
    """Draw lines from point to point."""
    path = QPainterPath(QPointF(*points[0]))
    for point in points[1:]:
        path.lineTo(QPointF(*point))
    painter.drawPath(path)
