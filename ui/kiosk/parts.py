"""The parts of the kiosk's screen: gate block, step bar, pictogram, live preview. Words stand in real labels; paint decorates."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PyQt6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PyQt6.QtWidgets import QLabel, QWidget

from egate.ipc.frames import Frame
from ui.common.theme import fit, font, tint
from ui.common.tokens import Tone, TravellerColours, tokens
from ui.kiosk.pictograms import FIELD, paint_picture
from ui.kiosk.view_state import KioskScreen, Picture

_OVAL_WIDTH = 0.56
_OVAL_HEIGHT = 0.78
"""Share of the preview that the oval takes: a face at arm's length fills it."""

_CAMERA_RADIUS = 0.06


class Pictogram(QWidget):
    """The large moving picture; `set_phase` moves it on, so a held phase gives the same pixels."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._picture = Picture.CLOSED
        self._colours = tokens().traveller[Tone.CLOSED]
        self._phase = 0.0
        self._progress = 0.0

    def show_picture(self, picture: Picture, colours: TravellerColours, progress: float) -> None:
        """Change what is painted."""
        self._picture, self._colours, self._progress = picture, colours, progress
        self.update()

    def set_phase(self, phase_s: float) -> None:
        """Move the animation to a moment in seconds."""
        self._phase = phase_s
        self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint the picture into the middle of the widget."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(self.width() / 2, self.height() / 2)
        scale = min(self.width(), self.height()) / FIELD
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft and self._picture is Picture.BACK
        painter.scale(-scale if mirrored else scale, scale)
        paint_picture(painter, self._picture, self._colours, self._phase, self._progress)


class StepBar(QWidget):
    """The four steps: done ones ticked, the one under way filled and bold, the others outlined."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._labels: list[QLabel] = []
        self._step = 1
        self._scale = 1.0
        self._colours = tokens().traveller[Tone.DAY]

    def show_steps(self, screen: KioskScreen, colours: TravellerColours, scale: float, grown: float) -> None:
        """Show the steps of a screen; `grown` enlarges the words for scripts with small letters."""
        names, step = screen.step_names, screen.step
        self._step, self._colours, self._scale = step, colours, scale
        while len(self._labels) < len(names):
            label = QLabel(self)
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
            label.show()
            self._labels.append(label)
        for index, (label, name) in enumerate(zip(self._labels, names, strict=True)):
            current = index + 1 == step
            label.setText(name)
            label.setStyleSheet(f"color: {colours.ink if current else colours.second}")
            width = self.width() // len(names)
            label.setFont(
                fit(name, width - 4, round(52 * scale), (tokens().kiosk_type.step * scale * grown, 26 * scale), bold=current)
            )
            label.setGeometry(round(self._centre(index) - width / 2), round(92 * scale), width, self.height() - round(92 * scale))
        self.update()

    def _centre(self, index: int) -> float:
        """Where a step's circle stands; the first is on the side where reading begins."""
        width = self.width() / max(1, len(self._labels))
        if self.layoutDirection() is Qt.LayoutDirection.RightToLeft:
            index = len(self._labels) - 1 - index
        return width * (index + 0.5)

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint the line and the circles."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        y = 44 * self._scale
        for index in range(len(self._labels) - 1):
            done = index + 1 < self._step
            painter.setPen(QPen(tint(self._colours.accent if done else self._colours.line), 7 * self._scale))
            painter.drawLine(QPointF(self._centre(index), y), QPointF(self._centre(index + 1), y))
        for index in range(len(self._labels)):
            self._paint_circle(painter, QPointF(self._centre(index), y), index + 1)

    def _paint_circle(self, painter: QPainter, centre: QPointF, number: int) -> None:
        colours, scale = self._colours, self._scale
        reached = number <= self._step
        radius = (42 if number == self._step else 33) * scale
        painter.setPen(QPen(tint(colours.accent if reached else colours.line), 7 * scale))
        painter.setBrush(tint(colours.accent if reached else colours.ground))
        painter.drawEllipse(centre, radius, radius)
        painter.setPen(QPen(tint(colours.on_accent if reached else colours.second), 8 * scale))
        if number < self._step:
            path = QPainterPath(centre + QPointF(-14, 1) * scale)
            path.lineTo(centre + QPointF(-4, 12) * scale)
            path.lineTo(centre + QPointF(15, -11) * scale)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(path)
            return
        painter.setFont(font(36 * scale, bold=True))
        box = QRectF(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(number))


class Preview(QWidget):
    """The live image as in a mirror, with an oval to fit the face into and the progress around it.

    It keeps one frame, and `forget` drops it: nothing of a traveller stays.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._pixmap: QPixmap | None = None
        self._mask: QPixmap | None = None
        self._colours = tokens().traveller[Tone.DAY]
        self._progress = 0.0
        self._phase = 0.0

    @property
    def empty(self) -> bool:
        """Whether no image is kept."""
        return self._pixmap is None

    def show_progress(self, colours: TravellerColours, progress: float) -> None:
        """Change colours and the share of frames gathered."""
        self._colours, self._progress = colours, progress
        self.update()

    def set_phase(self, phase_s: float) -> None:
        """Move the animation to a moment in seconds."""
        self._phase = phase_s

    def show_frame(self, frame: Frame) -> None:
        """Take the newest frame, mirrored, at the size of the widget."""
        image = QImage(frame.pixels, frame.width, frame.height, QImage.Format.Format_RGB32)
        mirrored = image.mirrored(True, False)
        side = QSize(self.width(), self.height())
        if mirrored.size() != side:
            mirrored = mirrored.scaled(side, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
        self._pixmap = QPixmap.fromImage(mirrored)
        self.update()

    def forget(self) -> None:
        """Drop the image."""
        self._pixmap = None
        self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint image, veil, oval and progress."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = QPainterPath()
        radius = self.width() * _CAMERA_RADIUS
        card.addRoundedRect(QRectF(self.rect()), radius, radius)
        painter.fillPath(card, tint("#D9E0E7"))
        if self._pixmap is not None:
            painter.drawPixmap(self.rect(), self._pixmap)
        else:
            self._paint_outline(painter)
        painter.drawPixmap(0, 0, self._veil())
        self._paint_oval(painter)

    def _oval(self) -> QRectF:
        width, height = self.width() * _OVAL_WIDTH, self.height() * _OVAL_HEIGHT
        return QRectF((self.width() - width) / 2, (self.height() - height) * 0.44, width, height)

    def _veil(self) -> QPixmap:
        """What dims the image outside the oval and rounds its corners; rendered once for each size and ground."""
        if self._mask is not None and self._mask.size() == self.size():
            return self._mask
        mask = QPixmap(self.size())
        mask.fill(Qt.GlobalColor.transparent)
        painter = QPainter(mask)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole, card, oval = QPainterPath(), QPainterPath(), QPainterPath()
        whole.addRect(QRectF(self.rect()))
        radius = self.width() * _CAMERA_RADIUS
        card.addRoundedRect(QRectF(self.rect()), radius, radius)
        oval.addEllipse(self._oval())
        painter.fillPath(card.subtracted(oval), tint(self._colours.ground, 0.62))
        painter.fillPath(whole.subtracted(card), tint(self._colours.ground))
        painter.end()
        self._mask = mask
        return mask

    def _paint_outline(self, painter: QPainter) -> None:
        """A neutral head and shoulders while there is no image."""
        oval = self._oval()
        painter.save()
        clip = QPainterPath()
        clip.addEllipse(oval)
        painter.setClipPath(clip)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tint("#A9B8C6"))
        centre = oval.center()
        painter.drawEllipse(centre + QPointF(0, -oval.height() * 0.06), oval.width() * 0.26, oval.height() * 0.24)
        painter.drawEllipse(centre + QPointF(0, oval.height() * 0.48), oval.width() * 0.5, oval.height() * 0.26)
        painter.restore()

    def _paint_oval(self, painter: QPainter) -> None:
        oval = self._oval()
        width = self.width() * 0.021
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(tint("#FFFFFF"), width * 1.5))
        painter.drawEllipse(oval)
        painter.setPen(QPen(tint(self._colours.line), width * 0.5))
        painter.drawEllipse(oval)
        pen = QPen(tint(self._colours.accent), width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawArc(oval, 90 * 16, -round(360 * 16 * self._progress))


def square_in(rect: QRect) -> QRect:
    """The largest centred square in a rectangle."""
    side = min(rect.width(), rect.height())
    return QRect(rect.x() + (rect.width() - side) // 2, rect.y() + (rect.height() - side) // 2, side, side)
