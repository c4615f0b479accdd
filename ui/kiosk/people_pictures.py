"""The pictures of people and doors: walk in, go, wait for the officer, go back, closed, leave now.

See `ui.kiosk.pictograms` for the rules of painting.
"""

from __future__ import annotations

import math

from PyQt6.QtCore import QPointF, QRectF
from PyQt6.QtGui import QPainter, QPainterPath

from ui.common.theme import tint
from ui.common.tokens import TravellerColours
from ui.kiosk.brush import fill, part, polyline, rounded, stroke
from ui.kiosk.passport_pictures import paint_cover


def _person(painter: QPainter, colour: str, stride: float) -> None:
    """A walking person seen from behind, feet at the origin, 330 units high."""
    fill(painter, colour)
    painter.drawEllipse(QPointF(0, -290), 44, 44)
    body = QPainterPath(QPointF(-62, -215))
    body.quadTo(QPointF(0, -250), QPointF(62, -215))
    body.lineTo(QPointF(48, -98))
    body.lineTo(QPointF(-48, -98))
    body.closeSubpath()
    painter.drawPath(body)
    stroke(painter, colour, 34)
    swing = 20 * stride
    for side in (-1.0, 1.0):
        painter.drawLine(QPointF(side * 58, -200), QPointF(side * 74, -112 + side * swing))
        painter.drawLine(QPointF(side * 26, -100), QPointF(side * 28, -16 + side * swing * 0.8))


def _doorway(painter: QPainter, colours: TravellerColours, openness: float, light: str) -> None:
    """A gate with two glass leaves that slide apart; `openness` 0…1."""
    fill(painter, colours.block)
    rounded(painter, -300, -350, 600, 690, 26)
    fill(painter, light)
    painter.drawRect(QRectF(-250, -300, 500, 640))
    painter.save()
    painter.setClipRect(QRectF(-250, -300, 500, 640))
    shift = 205 * openness
    for side in (-1.0, 1.0):
        left = -250 - shift if side < 0 else shift
        fill(painter, "#9CC8E8", 0.96)
        painter.drawRect(QRectF(left, -300, 250, 640))
        stroke(painter, "#FFFFFF", 8, 0.8)
        painter.drawLine(QPointF(left + 70, -180), QPointF(left + 150, -260))
        painter.drawLine(QPointF(left + 70, -110), QPointF(left + 190, -230))
        fill(painter, colours.block)
        painter.drawRect(QRectF(left + 238 if side < 0 else left, -300, 12, 640))
    painter.restore()
    fill(painter, colours.line)
    rounded(painter, -350, 338, 700, 20, 10)


def paint_walk_in(painter: QPainter, colours: TravellerColours, phase: float, _progress: float) -> None:
    """The entry opens and somebody walks in, passport in hand."""
    cycle = (phase % 4.0) / 4.0
    opened = part(cycle, 0.0, 0.2) * (1 - part(cycle, 0.92, 1.0))
    _doorway(painter, colours, opened, "#D7F0E4")
    walked = part(cycle, 0.2, 0.85)
    painter.save()
    painter.setOpacity(1 - part(cycle, 0.8, 0.9))
    painter.translate(0, 392 - 120 * walked)
    scale = 1.18 - 0.38 * walked
    painter.scale(scale, scale)
    _person(painter, colours.accent, math.sin(phase * 7) if 0.2 < cycle < 0.85 else 0.0)
    painter.translate(100, -112)
    painter.rotate(10)
    paint_cover(painter, 74, 100)
    painter.restore()


def paint_to_gate(painter: QPainter, colours: TravellerColours, phase: float, _progress: float) -> None:
    """Somebody walks, passport in hand, to a small gate in the distance; a dotted path shows the way."""
    cycle = (phase % 4.0) / 4.0
    painter.save()
    painter.translate(190, -190)
    painter.scale(0.52, 0.52)
    _doorway(painter, colours, 0.0, "#D7F0E4")
    painter.restore()
    for index in range(5):
        strength = 0.5 + 0.5 * math.sin(phase * math.pi - index * 0.9)
        fill(painter, colours.accent, 0.25 + 0.6 * strength)
        painter.drawEllipse(QPointF(-90 + index * 62, 200 - index * 42), 17, 17)
    walked = part(cycle, 0.0, 0.9)
    painter.save()
    painter.translate(-240 + 60 * walked, 390 - 30 * walked)
    _person(painter, colours.accent, math.sin(phase * 7))
    painter.translate(100, -112)
    painter.rotate(10)
    paint_cover(painter, 74, 100)
    painter.restore()


def paint_soon(painter: QPainter, colours: TravellerColours, phase: float, _progress: float) -> None:
    """Somebody stands before a closed gate, another one leaves behind the glass; a ring that fills says: soon."""
    _doorway(painter, colours, 0.0, "#D7F0E4")
    painter.save()
    painter.translate(-150, 392)
    _person(painter, colours.accent, 0.0)
    painter.restore()
    turn = (phase % 4.0) / 4.0
    fill(painter, colours.ground)
    painter.drawEllipse(QPointF(150, 40), 128, 128)
    stroke(painter, colours.line, 26)
    painter.drawEllipse(QPointF(150, 40), 100, 100)
    stroke(painter, colours.accent, 26)
    painter.drawArc(QRectF(50, -60, 200, 200), 90 * 16, -round(16 * (30 + 300 * turn)))


def paint_go(painter: QPainter, colours: TravellerColours, phase: float, _progress: float) -> None:
    """A giant arrow forward, with waves that run along it."""
    rise = 22 * math.sin(phase * math.pi)
    fill(painter, colours.accent)
    path = QPainterPath(QPointF(0, -370 - rise))
    for x, y in ((300, -40), (128, -40), (128, 150), (-128, 150), (-128, -40), (-300, -40)):
        path.lineTo(QPointF(x, y - rise))
    path.closeSubpath()
    stroke(painter, colours.accent, 28)
    painter.setBrush(tint(colours.accent))
    painter.drawPath(path)
    for index in range(3):
        strength = 0.5 + 0.5 * math.sin(phase * math.pi * 1.2 + index * 1.1)
        stroke(painter, colours.accent, 34, 0.25 + 0.65 * strength)
        peak = 232 + index * 66 - rise * 0.5
        polyline(painter, (-112, peak + 34), (0, peak), (112, peak + 34))


def paint_officer(painter: QPainter, colours: TravellerColours, phase: float, _progress: float) -> None:
    """An officer with a peaked cap, and three dots that say: somebody is on the way."""
    colour = colours.accent
    fill(painter, colour)
    body = QPainterPath(QPointF(-290, 270))
    body.cubicTo(QPointF(-290, 90), QPointF(-190, 60), QPointF(-84, 30))
    body.lineTo(QPointF(84, 30))
    body.cubicTo(QPointF(190, 60), QPointF(290, 90), QPointF(290, 270))
    body.closeSubpath()
    painter.drawPath(body)
    _officer_collar(painter, colours)
    fill(painter, colour)
    head = QPainterPath(QPointF(-118, -150))
    head.lineTo(QPointF(-118, -80))
    head.cubicTo(QPointF(-118, 60), QPointF(118, 60), QPointF(118, -80))
    head.lineTo(QPointF(118, -150))
    head.closeSubpath()
    painter.drawPath(head)
    _officer_face(painter, colours)
    _officer_cap(painter, colours)
    for index in range(3):
        strength = 0.5 + 0.5 * math.sin(phase * math.pi - index * 1.0)
        fill(painter, colour, 0.3 + 0.7 * strength)
        painter.drawEllipse(QPointF((index - 1) * 74, 342), 20 + 5 * strength, 20 + 5 * strength)


def _officer_collar(painter: QPainter, colours: TravellerColours) -> None:
    fill(painter, colours.ground)
    for side in (-1.0, 1.0):
        flap = QPainterPath(QPointF(side * 92, 26))
        for point in ((side * 20, 120), (0, 88), (side * 40, 14)):
            flap.lineTo(QPointF(*point))
        flap.closeSubpath()
        painter.drawPath(flap)
        board = QPainterPath(QPointF(side * 196, 92))
        for point in ((side * 264, 152), (side * 250, 168), (side * 184, 110)):
            board.lineTo(QPointF(*point))
        board.closeSubpath()
        painter.drawPath(board)
    tie = QPainterPath(QPointF(0, 96))
    for point in ((20, 128), (26, 226), (0, 258), (-26, 226), (-20, 128)):
        tie.lineTo(QPointF(*point))
    tie.closeSubpath()
    painter.drawPath(tie)
    shield = QPainterPath(QPointF(96, 160))
    shield.lineTo(QPointF(134, 148))
    shield.lineTo(QPointF(172, 160))
    shield.cubicTo(QPointF(172, 212), QPointF(152, 232), QPointF(134, 242))
    shield.cubicTo(QPointF(116, 232), QPointF(96, 212), QPointF(96, 160))
    painter.drawPath(shield)


def _officer_face(painter: QPainter, colours: TravellerColours) -> None:
    """Two eyes and a friendly mouth: the screen blames nobody."""
    fill(painter, colours.ground)
    for side in (-1.0, 1.0):
        painter.drawEllipse(QPointF(side * 48, -84), 13, 16)
    stroke(painter, colours.ground, 12)
    smile = QPainterPath(QPointF(-44, -30))
    smile.quadTo(QPointF(0, 8), QPointF(44, -30))
    painter.drawPath(smile)


def _officer_cap(painter: QPainter, colours: TravellerColours) -> None:
    fill(painter, colours.accent)
    crown = QPainterPath(QPointF(-128, -190))
    crown.cubicTo(QPointF(-230, -250), QPointF(-190, -330), QPointF(0, -340))
    crown.cubicTo(QPointF(190, -330), QPointF(230, -250), QPointF(128, -190))
    crown.closeSubpath()
    painter.drawPath(crown)
    fill(painter, colours.ground)
    rounded(painter, -134, -196, 268, 14, 4)
    fill(painter, colours.accent)
    rounded(painter, -132, -182, 264, 36, 6)
    visor = QPainterPath(QPointF(-140, -148))
    visor.cubicTo(QPointF(-90, -84), QPointF(90, -84), QPointF(140, -148))
    visor.closeSubpath()
    stroke(painter, colours.ground, 8)
    painter.setBrush(tint(colours.accent))
    painter.drawPath(visor)
    fill(painter, colours.ground)
    painter.drawEllipse(QPointF(0, -252), 30, 34)


def paint_back(painter: QPainter, colours: TravellerColours, phase: float, _progress: float) -> None:
    """The way back: an arrow that turns round and leads out of the open entry."""
    _doorway(painter, colours, 0.88, colours.ground)
    slide = 14 * math.sin(phase * math.pi)
    stroke(painter, colours.accent, 70)
    turn = QPainterPath(QPointF(-110, 150))
    turn.lineTo(QPointF(-110, -70))
    turn.cubicTo(QPointF(-110, -230), QPointF(110, -230), QPointF(110, -70))
    turn.lineTo(QPointF(110, 110 + slide))
    painter.drawPath(turn)
    fill(painter, colours.accent)
    head = QPainterPath(QPointF(110, 270 + slide))
    for x, y in ((-8.0, 110.0), (228.0, 110.0)):
        head.lineTo(QPointF(x, y + slide))
    head.closeSubpath()
    stroke(painter, colours.accent, 16)
    painter.setBrush(tint(colours.accent))
    painter.drawPath(head)


def paint_closed(painter: QPainter, colours: TravellerColours, _phase: float, _progress: float) -> None:
    """Closed doors with the bar that everybody knows."""
    painter.save()
    painter.setOpacity(0.55)
    _doorway(painter, colours, 0.0, colours.line)
    painter.restore()
    fill(painter, colours.ground)
    painter.drawEllipse(QPointF(0, 20), 196, 196)
    fill(painter, colours.accent)
    painter.drawEllipse(QPointF(0, 20), 170, 170)
    fill(painter, colours.on_accent)
    rounded(painter, -108, -14, 216, 68, 16)


def paint_exit(painter: QPainter, colours: TravellerColours, phase: float, _progress: float) -> None:
    """Out, now: somebody runs through an open door, arrows point both ways."""
    fill(painter, colours.accent)
    rounded(painter, -210, -340, 420, 620, 20)
    fill(painter, colours.ground)
    painter.drawRect(QRectF(-160, -290, 320, 570))
    painter.save()
    painter.translate(0, 6)
    _runner(painter, colours.accent)
    painter.restore()
    push = 20 * math.sin(phase * math.pi)
    stroke(painter, colours.accent, 44)
    for side in (-1.0, 1.0):
        x = side * (300 + push)
        painter.drawLine(QPointF(side * 262, 0), QPointF(x + side * 34, 0))
        polyline(painter, (x - side * 22, -64), (x + side * 44, 0), (x - side * 22, 64))


def _runner(painter: QPainter, colour: str) -> None:
    fill(painter, colour)
    painter.drawEllipse(QPointF(44, -196), 44, 44)
    stroke(painter, colour, 60)
    polyline(painter, (12, -104), (-22, 30))
    stroke(painter, colour, 36)
    polyline(painter, (24, -116), (92, -60), (128, -104))
    polyline(painter, (4, -116), (-74, -96), (-98, -22))
    stroke(painter, colour, 42)
    polyline(painter, (-16, 40), (66, 96), (40, 208))
    polyline(painter, (-26, 36), (-66, 142), (-132, 152))
