"""The passport pictures: how to place it, and that it is being read. See `ui.kiosk.pictograms` for the rules of painting."""

from __future__ import annotations

import math

from PyQt6.QtCore import QPointF, QRectF
from PyQt6.QtGui import QPainter, QPainterPath

from ui.common.tokens import TravellerColours
from ui.kiosk.brush import fill, part, rounded, stroke

_COVER = "#7A1E2E"
_COVER_EDGE = "#5E1522"
_GOLD = "#F0C75E"
_PAPER = "#FFFDF5"
_PAPER_SHADE = "#DCE4EC"
_GLASS = "#6CC7FF"


def paint_cover(painter: QPainter, width: float, height: float) -> None:
    """The outside of a passport around the origin: globe and the chip's sign in gold."""
    fill(painter, _COVER)
    rounded(painter, -width / 2, -height / 2, width, height, 18)
    stroke(painter, _GOLD, width * 0.022)
    radius = width * 0.2
    centre = QPointF(0, -height * 0.1)
    painter.drawEllipse(centre, radius, radius)
    painter.drawEllipse(centre, radius * 0.42, radius)
    for level in (-0.45, 0.0, 0.45):
        half = radius * math.sqrt(1 - level * level)
        painter.drawLine(QPointF(-half, centre.y() + level * radius), QPointF(half, centre.y() + level * radius))
    sign = QRectF(-width * 0.12, height * 0.24, width * 0.24, height * 0.11)
    painter.drawRoundedRect(sign, 8, 8)
    painter.drawEllipse(sign.center(), height * 0.025, height * 0.025)


def _photo_page(painter: QPainter, width: float, height: float) -> None:
    """The page with the photograph, around the origin; the machine readable lines are at its foot."""
    fill(painter, _PAPER)
    rounded(painter, -width / 2, -height / 2, width, height, 14)
    left, top = -width / 2, -height / 2
    fill(painter, "#9DB3C8")
    rounded(painter, left + width * 0.07, top + height * 0.13, width * 0.3, height * 0.5, 10)
    fill(painter, "#51677D")
    painter.drawEllipse(QPointF(left + width * 0.22, top + height * 0.31), width * 0.075, height * 0.105)
    shoulders = QPainterPath(QPointF(left + width * 0.1, top + height * 0.63))
    shoulders.quadTo(QPointF(left + width * 0.22, top + height * 0.3), QPointF(left + width * 0.34, top + height * 0.63))
    painter.drawPath(shoulders)
    fill(painter, "#C3CFDB")
    for row, share in enumerate((0.46, 0.34, 0.42, 0.26)):
        rounded(painter, left + width * 0.44, top + height * (0.16 + 0.125 * row), width * share, height * 0.05, 5)
    fill(painter, "#44566A")
    for level in (0.76, 0.86):
        rounded(painter, left + width * 0.07, top + height * level, width * 0.86, height * 0.045, 4)


def _reader(painter: QPainter, colours: TravellerColours, glow: float) -> None:
    """The passport reader seen from the front and a little from above: a block with a glass that glows."""
    fill(painter, colours.ink, 0.08)
    painter.drawEllipse(QPointF(0, 352), 350, 26)
    body = QPainterPath(QPointF(-330, 345))
    for point in ((-330, 250), (-262, 150), (262, 150), (330, 250), (330, 345)):
        body.lineTo(QPointF(*point))
    body.closeSubpath()
    fill(painter, colours.block)
    painter.drawPath(body)
    fill(painter, "#15304A")
    painter.drawRect(QRectF(-330, 250, 660, 95))
    fill(painter, _GLASS, 0.35 + 0.6 * glow)
    glass = QPainterPath(QPointF(-268, 238))
    for point in ((-218, 164), (218, 164), (268, 238)):
        glass.lineTo(QPointF(*point))
    glass.closeSubpath()
    painter.drawPath(glass)
    fill(painter, _GLASS, 0.5 + 0.5 * glow)
    rounded(painter, -90, 290, 180, 14, 7)


def _down_arrow(painter: QPainter, colours: TravellerColours, x: float, y: float, alpha: float) -> None:
    fill(painter, colours.accent, alpha)
    path = QPainterPath(QPointF(x - 22, y - 62))
    for point in ((x + 22, y - 62), (x + 22, y + 4), (x + 52, y + 4), (x, y + 66), (x - 52, y + 4), (x - 22, y + 4)):
        path.lineTo(QPointF(*point))
    path.closeSubpath()
    painter.drawPath(path)


def paint_place(painter: QPainter, colours: TravellerColours, phase: float, _progress: float) -> None:
    """A passport opens at the photo page, turns over and lies down on the glass."""
    cycle = (phase % 4.0) / 4.0
    opened, turned, sunk = part(cycle, 0.06, 0.26), part(cycle, 0.42, 0.6), part(cycle, 0.48, 0.72)
    gone = part(cycle, 0.94, 1.0)
    _reader(painter, colours, sunk * (0.6 + 0.4 * math.sin(phase * math.pi)))
    width, height = 380.0, 270.0
    painter.save()
    painter.setOpacity(1 - gone)
    painter.translate(0, -120 + 322 * sunk)
    flip = math.cos(math.pi * turned)
    squash = 1 - 0.72 * sunk
    painter.scale(1 - 0.1 * sunk, squash * (flip if abs(flip) > 0.04 else 0.04))
    if flip > 0:
        _open_booklet(painter, width, height, opened)
    else:
        _closed_side(painter, width, height)
    painter.restore()
    beckon = (1 - part(cycle, 0.62, 0.72)) * part(cycle, 0.24, 0.36)
    drop = 26 * math.sin(phase * math.pi * 1.5)
    for side in (-1.0, 1.0):
        _down_arrow(painter, colours, 318 * side, 10 + drop, beckon)


def _closed_side(painter: QPainter, width: float, height: float) -> None:
    """An open passport from outside, as it lies face down: spine in the middle, the globe on the front."""
    fill(painter, _COVER)
    rounded(painter, -width / 2 - 6, -height - 6, width + 12, 2 * height + 12, 20)
    stroke(painter, _COVER_EDGE, 6)
    painter.drawLine(QPointF(-width / 2 - 4, 0), QPointF(width / 2 + 4, 0))
    stroke(painter, _GOLD, 8)
    centre = QPointF(0, height / 2)
    painter.drawEllipse(centre, 62, 62)
    painter.drawEllipse(centre, 26, 62)
    painter.drawLine(centre + QPointF(-62, 0), centre + QPointF(62, 0))


def _open_booklet(painter: QPainter, width: float, height: float, opened: float) -> None:
    """A booklet whose upper half folds up while `opened` goes from 0 to 1; the lower half is the photo page."""
    leaf = math.cos(math.pi * opened)
    raised = height * max(0.0, -leaf)
    fill(painter, _COVER)
    rounded(painter, -width / 2 - 6, -raised - 6, width + 12, height + raised + 12, 20)
    painter.save()
    painter.translate(0, height / 2)
    _photo_page(painter, width, height)
    painter.restore()
    painter.save()
    painter.scale(1, leaf if abs(leaf) > 0.03 else 0.03)
    painter.translate(0, height / 2)
    if leaf > 0:
        paint_cover(painter, width + 12, height + 8)
    else:
        fill(painter, _PAPER)
        rounded(painter, -width / 2, -height / 2, width, height, 14)
        fill(painter, _PAPER_SHADE)
        for row in range(4):
            rounded(painter, -width * 0.38, -height * 0.22 + row * height * 0.16, width * 0.76, height * 0.04, 5)
    painter.restore()
    fill(painter, _PAPER_SHADE if leaf < 0 else _COVER_EDGE)
    painter.drawRect(QRectF(-width / 2, -3, width, 6))


def paint_read(painter: QPainter, colours: TravellerColours, phase: float, progress: float) -> None:
    """The passport inside a ring that fills while its chip is read; waves come out of the chip."""
    circle = QRectF(-330, -330, 660, 660)
    stroke(painter, colours.line, 36)
    painter.drawEllipse(circle)
    stroke(painter, colours.accent, 36)
    shown = max(progress, 0.02)
    painter.drawArc(circle, 90 * 16, -round(360 * 16 * shown))
    if progress < 1:
        _spark(painter, colours, phase)
    painter.save()
    painter.translate(0, -10)
    paint_cover(painter, 270, 380)
    painter.restore()
    for index in range(3):
        strength = 0.5 + 0.5 * math.sin(phase * math.pi - index * 0.9)
        stroke(painter, _GOLD, 11, 0.25 + 0.75 * strength)
        radius = 46 + 30 * index
        for start in (-40, 140):
            painter.drawArc(QRectF(-radius, 105 - radius, 2 * radius, 2 * radius), start * 16, 80 * 16)


def _spark(painter: QPainter, colours: TravellerColours, phase: float) -> None:
    """A light that runs round the ring: the reading goes on even while the share stands still."""
    angle = phase * math.pi * 0.8
    fill(painter, colours.on_accent, 0.9)
    painter.drawEllipse(QPointF(330 * math.sin(angle), -330 * math.cos(angle)), 11, 11)
