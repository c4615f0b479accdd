"""The kiosk's one window: it lays a `KioskScreen` out on a 1080 × 1920 panel of any size, mirrored for Arabic.

The window decides nothing: buttons emit what was pressed, `show_screen` shows what the presenter made. All measures are pixels
of the 1080 × 1920 panel and are multiplied by one scale, so a small window is the large one seen from further away.
"""

from __future__ import annotations

from PyQt6.QtCore import QRect, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QHideEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PyQt6.QtWidgets import QLabel, QWidget

from ui.common.clock import FrameClock
from ui.common.theme import fit, font, tint
from ui.common.tokens import TravellerColours, tokens
from ui.kiosk.challenge import ChallengeSheet
from ui.kiosk.controls import BUTTON_HEIGHT, Icon, LanguageSheet, TouchButton
from ui.kiosk.parts import Pictogram, Preview, StepBar, square_in
from ui.kiosk.view_state import KioskScreen, Picture

PANEL_WIDTH, PANEL_HEIGHT = 1080, 1920

ARABIC_GROWS = 1.15
"""Arabic letters are small for their type size; lesser texts grow by this to read alike."""

_MARGIN = 60
_STEPS = QRect(60, 236, 960, 160)
_TITLE_WITH_STEPS = QRect(50, 416, 980, 224)
_HINT_WITH_STEPS = QRect(70, 660, 940, 130)
_TITLE_ALONE = QRect(50, 290, 980, 250)
_HINT_ALONE = QRect(70, 550, 940, 140)
_PILL = QRect(60, 676, 960, 104)
_STAGE_WITH_STEPS = QRect(110, 810, 860, 860)
_STAGE_ALONE = QRect(110, 740, 860, 880)
_GATE_BLOCK = QRect(60, 56, 210, 140)
_CONTROLS_Y = 1732


class KioskWindow(QWidget):
    """The window. Emits `language_pressed`, `language_chosen(code)`, `languages_left`, `help_pressed`, `closed`."""

    language_pressed = pyqtSignal()
    language_chosen = pyqtSignal(str)
    languages_left = pyqtSignal()
    help_pressed = pyqtSignal()
    closed = pyqtSignal()

    def __init__(self, screen: KioskScreen, clock: FrameClock) -> None:
        super().__init__()
        self._screen = screen
        self._clock = clock
        self.gate = QLabel(self)
        self.gate_word = QLabel(self)
        self.steps = StepBar(self)
        self.title = _label(self)
        self.hint = _label(self)
        self.pill = _label(self)
        self.pictogram = Pictogram(self)
        self.preview = Preview(self)
        self.language = TouchButton(self)
        self.help = TouchButton(self)
        self.challenge = ChallengeSheet(self)
        self.sheet = LanguageSheet(self)
        self.language.clicked.connect(self.language_pressed)
        self.help.clicked.connect(self.help_pressed)
        self.sheet.chosen.connect(self.language_chosen)
        self.sheet.left.connect(self.languages_left)
        clock.ticked.connect(self.pictogram.set_phase)
        clock.ticked.connect(self.preview.set_phase)
        self.show_screen(screen)

    @property
    def screen_shown(self) -> KioskScreen:
        """What the window shows now."""
        return self._screen

    def show_screen(self, screen: KioskScreen) -> None:
        """Show another screen at once."""
        self._screen = screen
        if screen.picture is not Picture.CAMERA:
            self.preview.forget()
        self._lay_out()

    def resizeEvent(self, _event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Lay everything out again for the new size."""
        self._lay_out()

    def showEvent(self, _event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Let the pictures move while they can be seen."""
        self._clock.run()

    def hideEvent(self, _event: QHideEvent | None) -> None:  # noqa: N802 - Qt's name
        """Let the pictures rest."""
        self._clock.rest()

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802 - Qt's name
        """The window was closed: so is the program."""
        super().closeEvent(event)
        self.closed.emit()

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint the ground in the colour of the moment, the gate's block, and the pill."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = self._colours()
        painter.fillRect(self.rect(), tint(colours.ground))
        painter.setPen(Qt.PenStyle.NoPen)
        if self._screen.gate_number:
            painter.setBrush(tint(colours.block))
            radius = 26 * self._scale()
            painter.drawRoundedRect(self._placed(_GATE_BLOCK).toRectF(), radius, radius)
        if self._screen.pill:
            painter.setBrush(tint(colours.accent))
            pill = self._pill_rect().toRectF()
            painter.drawRoundedRect(pill, pill.height() / 2, pill.height() / 2)

    # -- layout -----------------------------------------------------------------------------------------------------------

    def _colours(self) -> TravellerColours:
        return tokens().traveller[self._screen.tone]

    def _scale(self) -> float:
        return min(self.width() / PANEL_WIDTH, self.height() / PANEL_HEIGHT)

    def _column_x(self) -> int:
        return round((self.width() - PANEL_WIDTH * self._scale()) / 2)

    def _placed(self, rect: QRect) -> QRect:
        """A rectangle of the panel in this window, mirrored when the language is written from right to left."""
        scale = self._scale()
        x = PANEL_WIDTH - rect.x() - rect.width() if self._screen.right_to_left else rect.x()
        top = (self.height() - PANEL_HEIGHT * scale) / 2
        return QRect(
            self._column_x() + round(x * scale),
            round(top + rect.y() * scale),
            round(rect.width() * scale),
            round(rect.height() * scale),
        )

    def _lay_out(self) -> None:
        """1 direction · 2 gate · 3 steps · 4 texts · 5 picture · 6 buttons · 7 challenge · 8 the page of languages over all."""
        direction = Qt.LayoutDirection.RightToLeft if self._screen.right_to_left else Qt.LayoutDirection.LeftToRight
        self.setLayoutDirection(direction)
        self._lay_out_gate()
        self._lay_out_steps()
        self._lay_out_texts()
        self._lay_out_picture()
        self._lay_out_controls()
        self._lay_out_challenge()
        self._lay_out_sheet()
        self.update()

    def _lay_out_gate(self) -> None:
        colours, scale = self._colours(), self._scale()
        block = self._placed(_GATE_BLOCK)
        word_height = round(block.height() * 0.36)
        self.gate_word.setGeometry(block.x(), block.y() + round(10 * scale), block.width(), word_height)
        self.gate.setGeometry(block.x(), block.y() + word_height, block.width(), block.height() - word_height)
        self.gate_word.setText(self._screen.gate_word)
        self.setWindowTitle(f"{self._screen.gate_word} {self._screen.gate_number}".strip())
        self.gate.setText(self._screen.gate_number)
        self.gate_word.setFont(font(32 * scale))
        self.gate.setFont(font(tokens().kiosk_type.gate * scale, bold=True))
        for label in (self.gate_word, self.gate):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setStyleSheet(f"color: {colours.on_block}")
            label.setVisible(bool(self._screen.gate_number))

    def _lay_out_steps(self) -> None:
        self.steps.setVisible(self._screen.step > 0)
        if self._screen.step:
            self.steps.setGeometry(self._placed(_STEPS))
            grown = ARABIC_GROWS if self._screen.right_to_left else 1.0
            self.steps.show_steps(self._screen, self._colours(), self._scale(), grown)

    def _lay_out_texts(self) -> None:
        screen, kinds, colours = self._screen, tokens().kiosk_type, self._colours()
        with_steps = screen.step > 0
        biggest = kinds.title if with_steps else kinds.display
        self._set_text(self.title, screen.title, _TITLE_WITH_STEPS if with_steps else _TITLE_ALONE, (biggest, kinds.title_least))
        self._set_text(self.hint, screen.hint, _HINT_WITH_STEPS if with_steps else _HINT_ALONE, (kinds.hint, kinds.hint_least))
        self._set_text(self.pill, screen.pill, _PILL.adjusted(50, 0, -50, 0), (kinds.pill, kinds.pill_least))
        self.title.setStyleSheet(f"color: {colours.ink}")
        self.hint.setStyleSheet(f"color: {colours.second}")
        self.pill.setStyleSheet(f"color: {colours.on_accent}")

    def _set_text(self, label: QLabel, text: str, rect: QRect, sizes: tuple[int, int]) -> None:
        placed = self._placed(rect)
        bold = label is not self.hint
        scale = self._scale() * (ARABIC_GROWS if self._screen.right_to_left and not bold else 1.0)
        label.setFont(fit(text, placed.width(), placed.height(), (sizes[0] * scale, sizes[1] * scale), bold=bold))
        label.setGeometry(placed)
        label.setText(text)
        label.setVisible(bool(text))

    def _pill_rect(self) -> QRect:
        """The pill is as wide as its words."""
        whole = self._placed(_PILL)
        wanted = self.pill.fontMetrics().horizontalAdvance(self._screen.pill) + round(110 * self._scale())
        width = min(whole.width(), wanted)
        return QRect(whole.x() + (whole.width() - width) // 2, whole.y(), width, whole.height())

    def _lay_out_picture(self) -> None:
        screen = self._screen
        stage = square_in(self._placed(_STAGE_WITH_STEPS if screen.step else _STAGE_ALONE))
        camera = screen.picture is Picture.CAMERA
        self.preview.setVisible(camera)
        self.pictogram.setVisible(not camera)
        if camera:
            self.preview.setGeometry(stage)
            self.preview.show_progress(self._colours(), screen.progress)
        else:
            self.pictogram.setGeometry(stage)
            self.pictogram.show_picture(screen.picture, self._colours(), screen.progress)

    def _lay_out_controls(self) -> None:
        controls, scale, colours = self._screen.controls, self._scale(), self._colours()
        width = (PANEL_WIDTH - 2 * _MARGIN - 40) // 2
        self.language.setGeometry(self._placed(QRect(_MARGIN, _CONTROLS_Y, width, BUTTON_HEIGHT)))
        self.help.setGeometry(self._placed(QRect(PANEL_WIDTH - _MARGIN - width, _CONTROLS_Y, width, BUTTON_HEIGHT)))
        self.language.dress(Icon.GLOBE, colours, scale, filled=False)
        self.help.dress(Icon.TICK if controls.help_is_called else Icon.QUESTION, colours, scale, filled=True)
        self.language.name(controls.language, controls.language_description)
        self.help.name(controls.help, controls.help_description)
        self.language.setVisible(bool(controls.language))
        self.help.setVisible(bool(controls.help))

    def _lay_out_challenge(self) -> None:
        self.challenge.setGeometry(self.rect())
        if self._screen.picture is Picture.CAMERA:
            self.challenge.show_challenge(self._screen.flood, self._screen.look, self._colours())
            self.challenge.raise_()
        else:
            self.challenge.forget()

    def _lay_out_sheet(self) -> None:
        page = self._screen.languages
        self.sheet.setVisible(page is not None)
        if page is not None:
            self.sheet.setGeometry(self.rect())
            self.sheet.show_page(page, self._scale(), self._column_x())
            self.sheet.raise_()


def _label(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
