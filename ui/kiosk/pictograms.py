"""The kiosk's moving pictures, drawn with QPainter; own work, recoloured from the tokens.

Every function paints into a field of 800 × 800 units around the origin and depends on nothing but its arguments: `phase` is
seconds, so a held phase gives the same pixels each time. Nothing flashes; the fastest thing is a pulse of half a hertz.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QPainter, QPainterPath, QPen

from ui.common.theme import tint
from ui.common.tokens import TravellerColours
from ui.kiosk.view_state import Picture

FIELD = 800.0
"""Side of the square field in units."""

_COVER = "#7A1E2E"
_COVER_EDGE = "#5E1522"
_GOLD = "#F0C75E"
_PAPER = "#FFFDF5"
_PAPER_SHADE = "#DCE4EC"
_GLASS = "#6CC7FF"
_NO_PEN = Qt.PenStyle.NoPen

Painting = Callable[[QPainter, TravellerColours, float, float], None]


def paint_picture(painter: QPainter, picture: Picture, colours: TravellerColours, phase: float, progress: float) -> None:
    """Paint one picture; `CAMERA` has none, it shows the live image."""
    painting = _PAINTINGS.get(picture)
    if painting is not None:
        painting(painter, colours, phase, progress)


def ease(value: float) -> float:
    """A gentle start and a gentle end for a motion from 0 to 1."""
    bounded = min(1.0, max(0.0, value))
    return bounded * bounded * (3 - 2 * bounded)


def part(phase: float, begin: float, end: float) -> float:
    """How far a motion is that runs from `begin` to `end` of a phase of 0…1, eased."""
    return ease((phase - begin) / (end - begin))


def _fill(painter: QPainter, colour: str, alpha: float = 1.0) -> None:
    painter.setPen(_NO_PEN)
    painter.setBrush(tint(colour, alpha))


def _stroke(painter: QPainter, colour: str, width: float, alpha: float = 1.0) -> None:
    pen = QPen(tint(colour, alpha), width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _rounded(painter: QPainter, x: float, y: float, width: float, height: float, radius: float) -> None:
    painter.drawRoundedRect(QRectF(x, y, width, height), radius, radius)


def _polyline(painter: QPainter, *points: tuple[float, float]) -> None:
    path = QPainterPath(QPointF(*points[0]))
    for point in points[1:]:
        path.lineTo(QPointF(*point))
    painter.drawPath(path)


# -- the passport ---------------------------------------------------------------------------------------------------------


def _cover(painter: QPainter, width: float, height: float) -> None:
    """The outside of a passport around the origin: globe and the chip's sign in gold."""
    _fill(painter, _COVER)
    _rounded(painter, -width / 2, -height / 2, width, height, 18)
    _stroke(painter, _GOLD, width * 0.022)
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
    _fill(painter, _PAPER)
    _rounded(painter, -width / 2, -height / 2, width, height, 14)
    left, top = -width / 2, -height / 2
    _fill(painter, "#9DB3C8")
    _rounded(painter, left + width * 0.07, top + height * 0.13, width * 0.3, height * 0.5, 10)
    _fill(painter, "#51677D")
    painter.drawEllipse(QPointF(left + width * 0.22, top + height * 0.31), width * 0.075, height * 0.105)
    shoulders = QPainterPath(QPointF(left + width * 0.1, top + height * 0.63))
    shoulders.quadTo(QPointF(left + width * 0.22, top + height * 0.3), QPointF(left + width * 0.34, top + height * 0.63))
    painter.drawPath(shoulders)
    _fill(painter, "#C3CFDB")
    for row, share in enumerate((0.46, 0.34, 0.42, 0.26)):
        _rounded(painter, left + width * 0.44, top + height * (0.16 + 0.125 * row), width * share, height * 0.05, 5)
    _fill(painter, "#44566A")
    for level in (0.76, 0.86):
        _rounded(painter, left + width * 0.07, top + height * level, width * 0.86, height * 0.045, 4)


def _reader(painter: QPainter, colours: TravellerColours, glow: float) -> None:
    """The passport reader seen from the front and a little from above: a block with a glass that glows."""
    _fill(painter, colours.ink, 0.08)
    painter.drawEllipse(QPointF(0, 352), 350, 26)
    body = QPainterPath(QPointF(-330, 345))
    for point in ((-330, 250), (-262, 150), (262, 150), (330, 250), (330, 345)):
        body.lineTo(QPointF(*point))
    body.closeSubpath()
    _fill(painter, colours.block)
    painter.drawPath(body)
    _fill(painter, "#15304A")
    painter.drawRect(QRectF(-330, 250, 660, 95))
    _fill(painter, _GLASS, 0.35 + 0.6 * glow)
    glass = QPainterPath(QPointF(-268, 238))
    for point in ((-218, 164), (218, 164), (268, 238)):
        glass.lineTo(QPointF(*point))
    glass.closeSubpath()
    painter.drawPath(glass)
    _fill(painter, _GLASS, 0.5 + 0.5 * glow)
    _rounded(painter, -90, 290, 180, 14, 7)


def _down_arrow(painter: QPainter, colours: TravellerColours, x: float, y: float, alpha: float) -> None:
    _fill(painter, colours.accent, alpha)
    path = QPainterPath(QPointF(x - 22, y - 62))
    for point in ((x + 22, y - 62), (x + 22, y + 4), (x + 52, y + 4), (x, y + 66), (x - 52, y + 4), (x - 22, y + 4)):
        path.lineTo(QPointF(*point))
    path.closeSubpath()
    painter.drawPath(path)


def _place(painter: QPainter, colours: TravellerColours, phase: float, _progress: float) -> None:
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
    _fill(painter, _COVER)
    _rounded(painter, -width / 2 - 6, -height - 6, width + 12, 2 * height + 12, 20)
    _stroke(painter, _COVER_EDGE, 6)
    painter.drawLine(QPointF(-width / 2 - 4, 0), QPointF(width / 2 + 4, 0))
    _stroke(painter, _GOLD, 8)
    centre = QPointF(0, height / 2)
    painter.drawEllipse(centre, 62, 62)
    painter.drawEllipse(centre, 26, 62)
    painter.drawLine(centre + QPointF(-62, 0), centre + QPointF(62, 0))


def _open_booklet(painter: QPainter, width: float, height: float, opened: float) -> None:
    """A booklet whose upper half folds up while `opened` goes from 0 to 1; the lower half is the photo page."""
    leaf = math.cos(math.pi * opened)
    raised = height * max(0.0, -leaf)
    _fill(painter, _COVER)
    _rounded(painter, -width / 2 - 6, -raised - 6, width + 12, height + raised + 12, 20)
    painter.save()
    painter.translate(0, height / 2)
    _photo_page(painter, width, height)
    painter.restore()
    painter.save()
    painter.scale(1, leaf if abs(leaf) > 0.03 else 0.03)
    painter.translate(0, height / 2)
    if leaf > 0:
        _cover(painter, width + 12, height + 8)
    else:
        _fill(painter, _PAPER)
        _rounded(painter, -width / 2, -height / 2, width, height, 14)
        _fill(painter, _PAPER_SHADE)
        for row in range(4):
            _rounded(painter, -width * 0.38, -height * 0.22 + row * height * 0.16, width * 0.76, height * 0.04, 5)
    painter.restore()
    _fill(painter, _PAPER_SHADE if leaf < 0 else _COVER_EDGE)
    painter.drawRect(QRectF(-width / 2, -3, width, 6))


def _read(painter: QPainter, colours: TravellerColours, phase: float, progress: float) -> None:
    """The passport inside a ring that fills while its chip is read; waves come out of the chip."""
    circle = QRectF(-330, -330, 660, 660)
    _stroke(painter, colours.line, 36)
    painter.drawEllipse(circle)
    _stroke(painter, colours.accent, 36)
    shown = max(progress, 0.02)
    painter.drawArc(circle, 90 * 16, -round(360 * 16 * shown))
    if progress < 1:
        _spark(painter, colours, phase)
    painter.save()
    painter.translate(0, -10)
    _cover(painter, 270, 380)
    painter.restore()
    for index in range(3):
        strength = 0.5 + 0.5 * math.sin(phase * math.pi - index * 0.9)
        _stroke(painter, _GOLD, 11, 0.25 + 0.75 * strength)
        radius = 46 + 30 * index
        for start in (-40, 140):
            painter.drawArc(QRectF(-radius, 105 - radius, 2 * radius, 2 * radius), start * 16, 80 * 16)


def _spark(painter: QPainter, colours: TravellerColours, phase: float) -> None:
    """A light that runs round the ring: the reading goes on even while the share stands still."""
    angle = phase * math.pi * 0.8
    _fill(painter, colours.on_accent, 0.9)
    painter.drawEllipse(QPointF(330 * math.sin(angle), -330 * math.cos(angle)), 11, 11)


# -- people and doors -----------------------------------------------------------------------------------------------------


def _person(painter: QPainter, colour: str, stride: float) -> None:
    """A walking person seen from behind, feet at the origin, 330 units high."""
    _fill(painter, colour)
    painter.drawEllipse(QPointF(0, -290), 44, 44)
    body = QPainterPath(QPointF(-62, -215))
    body.quadTo(QPointF(0, -250), QPointF(62, -215))
    body.lineTo(QPointF(48, -98))
    body.lineTo(QPointF(-48, -98))
    body.closeSubpath()
    painter.drawPath(body)
    _stroke(painter, colour, 34)
    swing = 20 * stride
    for side in (-1.0, 1.0):
        painter.drawLine(QPointF(side * 58, -200), QPointF(side * 74, -112 + side * swing))
        painter.drawLine(QPointF(side * 26, -100), QPointF(side * 28, -16 + side * swing * 0.8))


def _doorway(painter: QPainter, colours: TravellerColours, openness: float, light: str) -> None:
    """A gate with two glass leaves that slide apart; `openness` 0…1."""
    _fill(painter, colours.block)
    _rounded(painter, -300, -350, 600, 690, 26)
    _fill(painter, light)
    painter.drawRect(QRectF(-250, -300, 500, 640))
    painter.save()
    painter.setClipRect(QRectF(-250, -300, 500, 640))
    shift = 205 * openness
    for side in (-1.0, 1.0):
        left = -250 - shift if side < 0 else shift
        _fill(painter, "#9CC8E8", 0.96)
        painter.drawRect(QRectF(left, -300, 250, 640))
        _stroke(painter, "#FFFFFF", 8, 0.8)
        painter.drawLine(QPointF(left + 70, -180), QPointF(left + 150, -260))
        painter.drawLine(QPointF(left + 70, -110), QPointF(left + 190, -230))
        _fill(painter, colours.block)
        painter.drawRect(QRectF(left + 238 if side < 0 else left, -300, 12, 640))
    painter.restore()
    _fill(painter, colours.line)
    _rounded(painter, -350, 338, 700, 20, 10)


def _walk_in(painter: QPainter, colours: TravellerColours, phase: float, _progress: float) -> None:
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
    _cover(painter, 74, 100)
    painter.restore()


def _go(painter: QPainter, colours: TravellerColours, phase: float, _progress: float) -> None:
    """A giant arrow forward, with waves that run along it."""
    rise = 22 * math.sin(phase * math.pi)
    _fill(painter, colours.accent)
    path = QPainterPath(QPointF(0, -370 - rise))
    for x, y in ((300, -40), (128, -40), (128, 150), (-128, 150), (-128, -40), (-300, -40)):
        path.lineTo(QPointF(x, y - rise))
    path.closeSubpath()
    _stroke(painter, colours.accent, 28)
    painter.setBrush(tint(colours.accent))
    painter.drawPath(path)
    for index in range(3):
        strength = 0.5 + 0.5 * math.sin(phase * math.pi * 1.2 + index * 1.1)
        _stroke(painter, colours.accent, 34, 0.25 + 0.65 * strength)
        peak = 232 + index * 66 - rise * 0.5
        _polyline(painter, (-112, peak + 34), (0, peak), (112, peak + 34))


def _officer(painter: QPainter, colours: TravellerColours, phase: float, _progress: float) -> None:
    """An officer with a peaked cap, and three dots that say: somebody is on the way."""
    colour = colours.accent
    _fill(painter, colour)
    body = QPainterPath(QPointF(-290, 270))
    body.cubicTo(QPointF(-290, 90), QPointF(-190, 60), QPointF(-84, 30))
    body.lineTo(QPointF(84, 30))
    body.cubicTo(QPointF(190, 60), QPointF(290, 90), QPointF(290, 270))
    body.closeSubpath()
    painter.drawPath(body)
    _officer_collar(painter, colours)
    _fill(painter, colour)
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
        _fill(painter, colour, 0.3 + 0.7 * strength)
        painter.drawEllipse(QPointF((index - 1) * 74, 342), 20 + 5 * strength, 20 + 5 * strength)


def _officer_collar(painter: QPainter, colours: TravellerColours) -> None:
    _fill(painter, colours.ground)
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
    _fill(painter, colours.ground)
    for side in (-1.0, 1.0):
        painter.drawEllipse(QPointF(side * 48, -84), 13, 16)
    _stroke(painter, colours.ground, 12)
    smile = QPainterPath(QPointF(-44, -30))
    smile.quadTo(QPointF(0, 8), QPointF(44, -30))
    painter.drawPath(smile)


def _officer_cap(painter: QPainter, colours: TravellerColours) -> None:
    _fill(painter, colours.accent)
    crown = QPainterPath(QPointF(-128, -190))
    crown.cubicTo(QPointF(-230, -250), QPointF(-190, -330), QPointF(0, -340))
    crown.cubicTo(QPointF(190, -330), QPointF(230, -250), QPointF(128, -190))
    crown.closeSubpath()
    painter.drawPath(crown)
    _fill(painter, colours.ground)
    _rounded(painter, -134, -196, 268, 14, 4)
    _fill(painter, colours.accent)
    _rounded(painter, -132, -182, 264, 36, 6)
    visor = QPainterPath(QPointF(-140, -148))
    visor.cubicTo(QPointF(-90, -84), QPointF(90, -84), QPointF(140, -148))
    visor.closeSubpath()
    _stroke(painter, colours.ground, 8)
    painter.setBrush(tint(colours.accent))
    painter.drawPath(visor)
    _fill(painter, colours.ground)
    painter.drawEllipse(QPointF(0, -252), 30, 34)


def _back(painter: QPainter, colours: TravellerColours, phase: float, _progress: float) -> None:
    """The way back: an arrow that turns round and leads out of the open entry."""
    _doorway(painter, colours, 0.88, colours.ground)
    slide = 14 * math.sin(phase * math.pi)
    _stroke(painter, colours.accent, 70)
    turn = QPainterPath(QPointF(-110, 150))
    turn.lineTo(QPointF(-110, -70))
    turn.cubicTo(QPointF(-110, -230), QPointF(110, -230), QPointF(110, -70))
    turn.lineTo(QPointF(110, 110 + slide))
    painter.drawPath(turn)
    _fill(painter, colours.accent)
    head = QPainterPath(QPointF(110, 270 + slide))
    for x, y in ((-8.0, 110.0), (228.0, 110.0)):
        head.lineTo(QPointF(x, y + slide))
    head.closeSubpath()
    _stroke(painter, colours.accent, 16)
    painter.setBrush(tint(colours.accent))
    painter.drawPath(head)


def _closed(painter: QPainter, colours: TravellerColours, _phase: float, _progress: float) -> None:
    """Closed doors with the bar that everybody knows."""
    painter.save()
    painter.setOpacity(0.55)
    _doorway(painter, colours, 0.0, colours.line)
    painter.restore()
    _fill(painter, colours.ground)
    painter.drawEllipse(QPointF(0, 20), 196, 196)
    _fill(painter, colours.accent)
    painter.drawEllipse(QPointF(0, 20), 170, 170)
    _fill(painter, colours.on_accent)
    _rounded(painter, -108, -14, 216, 68, 16)


def _exit(painter: QPainter, colours: TravellerColours, phase: float, _progress: float) -> None:
    """Out, now: somebody runs through an open door, arrows point both ways."""
    _fill(painter, colours.accent)
    _rounded(painter, -210, -340, 420, 620, 20)
    _fill(painter, colours.ground)
    painter.drawRect(QRectF(-160, -290, 320, 570))
    painter.save()
    painter.translate(0, 6)
    _runner(painter, colours.accent)
    painter.restore()
    push = 20 * math.sin(phase * math.pi)
    _stroke(painter, colours.accent, 44)
    for side in (-1.0, 1.0):
        x = side * (300 + push)
        painter.drawLine(QPointF(side * 262, 0), QPointF(x + side * 34, 0))
        _polyline(painter, (x - side * 22, -64), (x + side * 44, 0), (x - side * 22, 64))


def _runner(painter: QPainter, colour: str) -> None:
    _fill(painter, colour)
    painter.drawEllipse(QPointF(44, -196), 44, 44)
    _stroke(painter, colour, 60)
    _polyline(painter, (12, -104), (-22, 30))
    _stroke(painter, colour, 36)
    _polyline(painter, (24, -116), (92, -60), (128, -104))
    _polyline(painter, (4, -116), (-74, -96), (-98, -22))
    _stroke(painter, colour, 42)
    _polyline(painter, (-16, 40), (66, 96), (40, 208))
    _polyline(painter, (-26, 36), (-66, 142), (-132, 152))


_PAINTINGS: dict[Picture, Painting] = {
    Picture.PLACE: _place,
    Picture.READ: _read,
    Picture.WALK_IN: _walk_in,
    Picture.GO: _go,
    Picture.OFFICER: _officer,
    Picture.BACK: _back,
    Picture.CLOSED: _closed,
    Picture.EXIT: _exit,
}
