"""The painted parts of the console: score bar, faces, lane tile."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QImage, QImageReader, QPainter, QPainterPath, QPaintEvent, QPen
from PyQt6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from egate.model.checks import CheckResult
from ui.common.theme import fit, fits, font, tint
from ui.common.tokens import tokens
from ui.guard.marks import RESULT_COLOURS, SEVERITY_COLOURS, paint_severity
from ui.guard.view_state import Photos, ScoreRow, Tile

MAX_PICTURE_MB = 32
"""How large a picture may become when it is decoded; a face crop takes one or two."""

DETAIL_HEIGHT = 44
"""Room for two lines in a lane's tile, in pixels of the full size, as are the two below."""

ONE_LINE_PX, LEAST_DETAIL_PX = 14, 11
"""Letters no smaller than these keep a line whole, and keep two lines in their room."""


class ScoreBar(QWidget):
    """A comparison as a bar from low to high with the threshold as a line across it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row: ScoreRow | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_height(20)

    def set_height(self, height: int) -> None:
        """Change the height in pixels."""
        self.setFixedHeight(height)

    def show_score(self, row: ScoreRow) -> None:
        """Change the comparison."""
        self._row = row
        self.setAccessibleName(f"{row.title}: {row.value_text}, {row.threshold_text}, {row.verdict}")
        self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint track, value and threshold; the low end is where reading begins."""
        if self._row is None:
            return
        row, colours = self._row, tokens().console
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.layoutDirection() is Qt.LayoutDirection.RightToLeft:
            painter.translate(self.width(), 0)
            painter.scale(-1, 1)
        height = self.height() * (0.36 if row.second_opinion else 0.52)
        track = QRectF(0, (self.height() - height) / 2, self.width(), height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tint(colours.raised))
        painter.drawRoundedRect(track, height / 2, height / 2)
        painter.setBrush(tint(colours.successful if row.reached else colours.critical))
        length = max(height, self._share(row.value) * self.width())
        painter.drawRoundedRect(QRectF(0, track.y(), length, height), height / 2, height / 2)
        x = self._share(row.threshold) * self.width()
        painter.setPen(QPen(tint(colours.ground), 7))
        painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.setPen(QPen(tint(colours.ink), 3))
        painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))

    def _share(self, value: float) -> float:
        row = self._row
        return 0.0 if row is None else (value - row.low) / (row.high - row.low)


class FacePair(QWidget):
    """The two faces side by side at equal height. An image is kept only as long as its bytes are shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._photos = Photos(b"", b"")
        self._caption_px = float(tokens().console_type.body)
        self._images: dict[str, QImage | None] = {"reference": None, "probe": None}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def empty(self) -> bool:
        """Whether no face is kept."""
        return all(image is None for image in self._images.values())

    def show_photos(self, photos: Photos, scale: float) -> None:
        """Change the faces; bytes that are the same are not decoded again."""
        self._caption_px = tokens().console_type.body * scale
        if photos.reference != self._photos.reference:
            self._images["reference"] = decode(photos.reference)
        if photos.probe != self._photos.probe:
            self._images["probe"] = decode(photos.probe)
        self._photos = photos
        self.setAccessibleName(f"{photos.reference_caption}, {photos.probe_caption}")
        self.update()

    def forget(self) -> None:
        """Drop both faces."""
        self._photos = Photos(b"", b"")
        self._images = {"reference": None, "probe": None}
        self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint both boxes; the chip's face stands where reading begins."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        gap = 14.0
        width = (self.width() - gap) / 2
        boxes = [QRectF(0, 0, width, self.height()), QRectF(width + gap, 0, width, self.height())]
        if self.layoutDirection() is Qt.LayoutDirection.RightToLeft:
            boxes.reverse()
        self._paint_box(painter, boxes[0], self._images["reference"], self._photos.reference_caption)
        self._paint_box(painter, boxes[1], self._images["probe"], self._photos.probe_caption)

    def _paint_box(self, painter: QPainter, box: QRectF, image: QImage | None, caption: str) -> None:
        colours = tokens().console
        size = self._caption_px
        place = box.adjusted(0, 0, 0, -size * 1.9)
        clip = QPainterPath()
        clip.addRoundedRect(place, 10, 10)
        painter.fillPath(clip, tint(colours.raised))
        painter.setFont(font(size))
        painter.setPen(tint(colours.second))
        painter.drawText(QRectF(box.x(), place.bottom(), box.width(), size * 1.9), Qt.AlignmentFlag.AlignCenter, caption)
        if image is None:
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._photos.none_text)
            return
        painter.save()
        painter.setClipPath(clip)
        painter.drawImage(place, image, covered(image.size(), place))
        painter.restore()


def covered(size: QSize, place: QRectF) -> QRectF:
    """The part of an image that fills a place without distortion: full height or width, the middle of the other."""
    wanted = place.width() / place.height()
    if size.width() / size.height() > wanted:
        width = size.height() * wanted
        return QRectF((size.width() - width) / 2, 0, width, size.height())
    height = size.width() / wanted
    return QRectF(0, (size.height() - height) * 0.35, size.width(), height)


def decode(data: bytes) -> QImage | None:
    """The image of JPEG bytes, within limits; None for no bytes or for bytes that are no image."""
    if not data:
        return None
    QImageReader.setAllocationLimit(MAX_PICTURE_MB)
    image = QImage.fromData(data, "JPEG")
    return None if image.isNull() else image


class LaneTile(QAbstractButton):
    """One lane in the overview: number, phase, people, doors, groups of checks, and the mark of its worst alarm."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tile: Tile | None = None
        self._scale = 1.0
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_tile(self, tile: Tile, scale: float) -> None:
        """Change the lane's state."""
        self._tile, self._scale = tile, scale
        self.setChecked(tile.selected)
        self.setAccessibleName(tile.accessible)
        self.setMinimumHeight(round(166 * scale))
        self.setMaximumHeight(round(184 * scale))
        self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint the tile; a calm lane is grey, a calling one has the colour and shape of its alarm."""
        if self._tile is None:
            return
        tile, colours, scale = self._tile, tokens().console, self._scale
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        calling = SEVERITY_COLOURS[tile.severity] if tile.severity is not None else ""
        body = QRectF(self.rect()).adjusted(3, 3, -3, -3)
        painter.setBrush(tint(colours.panel))
        painter.setPen(QPen(tint(calling or colours.line), 3 if calling else 1.5))
        painter.drawRoundedRect(body, 12, 12)
        if tile.selected or self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(
                QPen(
                    tint(colours.accent),
                    3,
                    Qt.PenStyle.DotLine if self.hasFocus() and not tile.selected else Qt.PenStyle.SolidLine,
                )
            )
            painter.drawRoundedRect(body.adjusted(5, 5, -5, -5), 9, 9)
        content = body.adjusted(18 * scale, 12 * scale, -18 * scale, -12 * scale)
        self._paint_words(painter, tile, content, calling)
        self._paint_segments(painter, tile, content)

    def _paint_words(self, painter: QPainter, tile: Tile, content: QRectF, calling: str) -> None:
        colours, kinds, scale = tokens().console, tokens().console_type, self._scale
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        start = Qt.AlignmentFlag.AlignAbsolute | (Qt.AlignmentFlag.AlignRight if mirrored else Qt.AlignmentFlag.AlignLeft)
        number = QRectF(content.x(), content.y() - 6 * scale, 56 * scale, 50 * scale)
        mark = QRectF(content.right() - 34 * scale, content.y() - 2 * scale, 34 * scale, 34 * scale)
        title = QRectF(
            content.x() + 60 * scale, number.y(), content.width() - (60 + (42 if calling else 0)) * scale, number.height()
        )
        if mirrored:
            number.moveRight(content.right())
            mark.moveLeft(content.x())
            title.moveRight(content.right() - 60 * scale)
        painter.setPen(tint(colours.ink if tile.alive else colours.quiet))
        painter.setFont(font(kinds.display * scale, bold=True))
        painter.drawText(number, start | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip, tile.number)
        painter.setPen(tint(calling or colours.ink))
        painter.setFont(fit(tile.title, int(title.width()), int(title.height()), (kinds.lead * scale, 13 * scale), bold=True))
        painter.drawText(title, start | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap, tile.title)
        painter.setPen(tint(colours.second))
        lines = QRectF(content.x(), number.bottom() + 2 * scale, content.width(), DETAIL_HEIGHT * scale)
        self._paint_detail(painter, tile, lines, start)
        if tile.severity is not None:
            paint_severity(painter, mark, tile.severity)

    def _paint_detail(self, painter: QPainter, tile: Tile, place: QRectF, start: Qt.AlignmentFlag) -> None:
        """Age and people, or the devices that are lost, on one line or two; the doors on the next."""
        width, small, least = int(place.width()), tokens().console_type.small * self._scale, LEAST_DETAIL_PX * self._scale
        detail = " · ".join(part for part in (tile.age, tile.detail) if part)
        if fits(detail, width, 0, font(ONE_LINE_PX * self._scale), wrapped=False):
            place.setHeight(place.height() / 2)
            painter.setFont(fit(detail, width, 0, (small, least), wrapped=False))
        else:
            painter.setFont(fit(detail, width, int(place.height()), (small, least)))
        painter.drawText(place, start | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap, detail)
        doors = QRectF(place.x(), place.bottom(), place.width(), DETAIL_HEIGHT / 2 * self._scale)
        painter.setFont(fit(tile.doors, width, 0, (small, least), wrapped=False))
        painter.drawText(doors, start | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, tile.doors)

    def _paint_segments(self, painter: QPainter, tile: Tile, content: QRectF) -> None:
        if not tile.segments:
            return
        gap, height = 6 * self._scale, 9 * self._scale
        width = (content.width() - gap * (len(tile.segments) - 1)) / len(tile.segments)
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        painter.setPen(Qt.PenStyle.NoPen)
        for index, segment in enumerate(tile.segments):
            place = len(tile.segments) - 1 - index if mirrored else index
            colour = tokens().console.raised if segment.result is None else RESULT_COLOURS[segment.result]
            grown = height * (1.6 if segment.result is not None and segment.result > CheckResult.SUCCESSFUL else 1.0)
            painter.setBrush(tint(colour))
            box = QRectF(content.x() + place * (width + gap), content.bottom() - grown, width, grown)
            painter.drawRoundedRect(box, 4, 4)
