"""People who do not exist, drawn with QPainter, for the pictures in the docs and the tests of the screens."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QBuffer, QIODevice, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QImage, QLinearGradient, QPainter, QPainterPath, QPen

from egate.ipc.frames import Frame


@dataclass(frozen=True, slots=True)
class Person:
    """A drawn person: colours, and how the hair falls (`long` or short)."""

    skin: str
    hair: str
    clothes: str
    long_hair: bool = False
    glasses: bool = False


ANNA = Person("#C98F6B", "#2B1B14", "#2E5E8C", long_hair=True)
OTTO = Person("#E0AC8A", "#6B4A2C", "#4A4F57", glasses=True)

_NO_PEN = Qt.PenStyle.NoPen


def portrait(person: Person, width: int, height: int, *, light: str = "#E4E8EC") -> QImage:
    """The person from the front on a plain ground, as a passport shows them."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ground = QLinearGradient(0, 0, 0, height)
    ground.setColorAt(0, QColor(light))
    ground.setColorAt(1, QColor(light).darker(112))
    painter.fillRect(image.rect(), ground)
    painter.translate(width / 2, height * 0.5)
    scale = min(width / 480, height / 600)
    painter.scale(scale, scale)
    _paint_person(painter, person, height / scale)
    painter.end()
    return image


def frame(person: Person, side: int) -> Frame:
    """The person before the camera, as the shared preview carries it."""
    image = portrait(person, side, side, light="#C9D3DC")
    bits = image.constBits()
    assert bits is not None
    return Frame(side, side, 1, bytes(bits.asstring(image.sizeInBytes())))


def jpeg(image: QImage) -> bytes:
    """The image as JPEG bytes."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "JPEG", 88)
    return bytes(buffer.data().data())


def _paint_person(painter: QPainter, person: Person, height: float) -> None:
    skin, shade = QColor(person.skin), QColor(person.skin).darker(116)
    painter.setPen(_NO_PEN)
    if person.long_hair:
        painter.setBrush(QColor(person.hair))
        painter.drawRoundedRect(QRectF(-140, -190, 280, 400), 120, 130)
    painter.setBrush(QColor(person.clothes))
    body = QPainterPath(QPointF(-230, height))
    body.cubicTo(QPointF(-230, 190), QPointF(-150, 180), QPointF(-62, 158))
    body.lineTo(QPointF(62, 158))
    body.cubicTo(QPointF(150, 180), QPointF(230, 190), QPointF(230, height))
    painter.drawPath(body)
    painter.setBrush(shade)
    painter.drawRoundedRect(QRectF(-52, 60, 104, 140), 46, 46)
    painter.setBrush(skin)
    for side in (-1.0, 1.0):
        painter.drawEllipse(QPointF(side * 122, -30), 20, 34)
    head = QPainterPath(QPointF(-120, -70))
    head.cubicTo(QPointF(-124, -220), QPointF(124, -220), QPointF(120, -70))
    head.cubicTo(QPointF(118, 60), QPointF(60, 130), QPointF(0, 132))
    head.cubicTo(QPointF(-60, 130), QPointF(-118, 60), QPointF(-120, -70))
    painter.drawPath(head)
    _paint_hair(painter, person)
    _paint_features(painter, person, shade)


def _paint_hair(painter: QPainter, person: Person) -> None:
    painter.setBrush(QColor(person.hair))
    hair = QPainterPath(QPointF(-130, -40))
    hair.cubicTo(QPointF(-150, -250), QPointF(150, -250), QPointF(130, -40))
    if person.long_hair:
        hair.cubicTo(QPointF(118, -120), QPointF(70, -150), QPointF(10, -158))
        hair.cubicTo(QPointF(-50, -140), QPointF(-110, -110), QPointF(-130, -40))
    else:
        hair.lineTo(QPointF(112, -100))
        hair.cubicTo(QPointF(80, -150), QPointF(-40, -130), QPointF(-112, -104))
    hair.closeSubpath()
    painter.drawPath(hair)


def _paint_features(painter: QPainter, person: Person, shade: QColor) -> None:
    for side in (-1.0, 1.0):
        painter.setPen(_NO_PEN)
        painter.setBrush(QColor("#FFFFFF"))
        painter.drawEllipse(QPointF(side * 50, -38), 23, 12)
        painter.setBrush(QColor("#3B2A20"))
        painter.drawEllipse(QPointF(side * 50, -38), 10, 11)
        painter.setBrush(QColor("#FFFFFF"))
        painter.drawEllipse(QPointF(side * 50 + 3, -42), 3, 3)
        painter.setPen(QPen(QColor(person.hair), 10, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(side * 26, -70), QPointF(side * 74, -72))
    painter.setPen(QPen(shade, 9, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    nose = QPainterPath(QPointF(-4, -22))
    nose.quadTo(QPointF(-22, 26), QPointF(12, 30))
    painter.drawPath(nose)
    painter.setPen(QPen(QColor("#9A4B48"), 11, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    mouth = QPainterPath(QPointF(-36, 70))
    mouth.quadTo(QPointF(0, 80), QPointF(36, 70))
    painter.drawPath(mouth)
    if person.glasses:
        painter.setPen(QPen(QColor("#2A2F36"), 6))
        for side in (-1.0, 1.0):
            painter.drawRoundedRect(QRectF(side * 50 - 36, -66, 72, 54), 22, 22)
        painter.drawLine(QPointF(-14, -44), QPointF(14, -44))
