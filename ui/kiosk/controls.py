"""The kiosk's buttons: language, help, and the page of languages. Large, named for screen readers, mirrored for Arabic."""

from __future__ import annotations

from enum import Enum

from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QFont, QPainter, QPainterPath, QPaintEvent, QPen
from PyQt6.QtWidgets import QAbstractButton, QLabel, QWidget

from ui.common.theme import fit, tint
from ui.common.tokens import Tone, TravellerColours, tokens
from ui.kiosk.view_state import LanguagePage

BUTTON_HEIGHT = 128
"""In pixels of the 1080 × 1920 panel: 32 mm; targets must not be smaller than 96 (24 mm)."""

_GAP = 26
_LEAST_PX = 30

_BY_KEY = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)


class Icon(Enum):
    """What stands before a button's word."""

    NONE = 0
    GLOBE = 1
    QUESTION = 2
    TICK = 3


class TouchButton(QAbstractButton):
    """A rounded button with an icon and a word, filled or outlined; the focus ring shows only after a key was used."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._icon = Icon.NONE
        self._filled = False
        self._scale = 1.0
        self._colours = tokens().traveller[Tone.DAY]
        self._keyboard = False
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def dress(self, icon: Icon, colours: TravellerColours, scale: float, *, filled: bool) -> None:
        """Change icon, colours and size."""
        self._icon, self._colours, self._scale, self._filled = icon, colours, scale, filled
        self.update()

    def name(self, text: str, description: str = "") -> None:
        """Give the button its word, which is also its accessible name."""
        self.setText(text)
        self.setAccessibleName(text)
        self.setAccessibleDescription(description)

    def focusInEvent(self, event: QFocusEvent | None) -> None:  # noqa: N802 - Qt's name
        """Remember whether a key brought the focus: only then the ring helps."""
        self._keyboard = event is not None and event.reason() in _BY_KEY
        super().focusInEvent(event)

    def text_width(self) -> int:
        """Pixels that the word may take."""
        icon = 0.0 if self._icon is Icon.NONE else 88 * self._scale
        return round(self.width() - icon - 2 * _GAP * self._scale)

    def font_used(self) -> QFont:
        """The font of the word: smaller where the word is long."""
        sizes = (tokens().kiosk_type.button * self._scale, _LEAST_PX * self._scale)
        return fit(self.text(), self.text_width(), self.height(), sizes, bold=True, wrapped=False)

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint body, icon, word, and the focus ring."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours, scale = self._colours, self._scale
        body = QRectF(self.rect()).adjusted(6 * scale, 6 * scale, -6 * scale, -6 * scale)
        radius = 28 * scale
        ground = colours.accent if self._filled else colours.ground
        ink = colours.on_accent if self._filled else colours.ink
        if self.isDown():
            ground, ink = ink, ground
        painter.setPen(QPen(tint(colours.accent if self._filled else ink), 4 * scale))
        painter.setBrush(tint(ground))
        painter.drawRoundedRect(body, radius, radius)
        if self.hasFocus() and self._keyboard:
            painter.setPen(QPen(tint(colours.ink), 6 * scale, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(body.adjusted(10 * scale, 10 * scale, -10 * scale, -10 * scale), radius * 0.7, radius * 0.7)
        self._paint_content(painter, body, ink)

    def _paint_content(self, painter: QPainter, body: QRectF, ink: str) -> None:
        scale = self._scale
        painter.setFont(self.font_used())
        painter.setPen(tint(ink))
        if self._icon is Icon.NONE:
            painter.drawText(body, Qt.AlignmentFlag.AlignCenter, self.text())
            return
        word = float(painter.fontMetrics().horizontalAdvance(self.text()))
        icon, gap = 60 * scale, 22 * scale
        left = body.center().x() - (icon + gap + word) / 2
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        icon_x = left + word + gap if mirrored else left
        word_x = left if mirrored else left + icon + gap
        painter.drawText(QRectF(word_x - 4, body.top(), word + 8, body.height()), Qt.AlignmentFlag.AlignCenter, self.text())
        _paint_icon(painter, self._icon, QPointF(icon_x + icon / 2, body.center().y()), icon / 2, ink)


def _paint_icon(painter: QPainter, icon: Icon, centre: QPointF, radius: float, ink: str) -> None:
    pen = QPen(tint(ink), radius * 0.16)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(centre, radius * 0.86, radius * 0.86)
    if icon is Icon.GLOBE:
        painter.drawEllipse(centre, radius * 0.38, radius * 0.86)
        for level in (-0.4, 0.4):
            half = radius * 0.86 * float((1 - level * level) ** 0.5)
            y = centre.y() + level * radius * 0.86
            painter.drawLine(QPointF(centre.x() - half, y), QPointF(centre.x() + half, y))
    elif icon is Icon.QUESTION:
        path = QPainterPath(centre + QPointF(-0.26, -0.2) * radius)
        path.cubicTo(
            centre + QPointF(-0.26, -0.62) * radius, centre + QPointF(0.34, -0.6) * radius, centre + QPointF(0.28, -0.16) * radius
        )
        path.cubicTo(
            centre + QPointF(0.24, 0.02) * radius, centre + QPointF(0.0, 0.02) * radius, centre + QPointF(0.0, 0.22) * radius
        )
        painter.drawPath(path)
        painter.setBrush(tint(ink))
        painter.drawEllipse(centre + QPointF(0, 0.46) * radius, radius * 0.04, radius * 0.04)
    else:
        path = QPainterPath(centre + QPointF(-0.36, 0.02) * radius)
        path.lineTo(centre + QPointF(-0.1, 0.3) * radius)
        path.lineTo(centre + QPointF(0.38, -0.28) * radius)
        painter.drawPath(path)


class LanguageSheet(QWidget):
    """Lies over the whole screen while a language is chosen. Emits `chosen(code)` or `left()`."""

    chosen = pyqtSignal(str)
    left = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAutoFillBackground(True)
        self.title = QLabel(self)
        self.title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.title.setWordWrap(True)
        self.back = TouchButton(self)
        self.back.clicked.connect(self.left)
        self.buttons: list[TouchButton] = []
        self._page: LanguagePage | None = None

    def show_page(self, page: LanguagePage, scale: float, column_x: int) -> None:
        """Lay the page out for the window's size; `column_x` is where the 1080-wide column begins."""
        colours = tokens().traveller[Tone.DAY]
        self._page = page
        palette = self.palette()
        palette.setColor(self.backgroundRole(), tint(colours.ground))
        self.setPalette(palette)
        self.title.setText(page.title)
        self.title.setStyleSheet(f"color: {colours.ink}")
        kinds = tokens().kiosk_type
        width = round(960 * scale)
        self.title.setFont(
            fit(page.title, width, round(240 * scale), (kinds.title * scale, kinds.title_least * scale), bold=True)
        )
        self.title.setGeometry(column_x + round(60 * scale), round(200 * scale), width, round(240 * scale))
        while len(self.buttons) < len(page.choices):
            button = TouchButton(self)
            button.clicked.connect(self._choose)
            button.show()
            self.buttons.append(button)
        for index, (button, choice) in enumerate(zip(self.buttons, page.choices, strict=True)):
            button.name(choice.name)
            button.dress(Icon.TICK if choice.chosen else Icon.NONE, colours, scale, filled=choice.chosen)
            button.setGeometry(
                column_x + round(140 * scale), round((520 + 190 * index) * scale), round(800 * scale), round(150 * scale)
            )
        self.back.name(page.back)
        self.back.dress(Icon.NONE, colours, scale, filled=False)
        self.back.setGeometry(
            column_x + round(290 * scale), round(1720 * scale), round(500 * scale), round(BUTTON_HEIGHT * scale)
        )

    def _choose(self) -> None:
        pressed = self.sender()
        if self._page is None or not isinstance(pressed, TouchButton):
            return
        self.chosen.emit(self._page.choices[self.buttons.index(pressed)].code)
