"""The console's panels, made of real labels and buttons so that a screen reader finds every word."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from egate.model.lane import OfficerAction, OfficerReason
from ui.common.theme import fit, wrapped_height
from ui.guard.marks import Mark
from ui.guard.view_state import Actions, AlarmRow, Header, NoticeKind

_NOTICE_KINDS = {
    NoticeKind.SENT: "quiet",
    NoticeKind.TAKEN: "good",
    NoticeKind.REFUSED: "bad",
    NoticeKind.SILENT: "bad",
    None: "quiet",
}
_NOTICE_SIGNS = {NoticeKind.SENT: "…", NoticeKind.TAKEN: "✓", NoticeKind.REFUSED: "✗", NoticeKind.SILENT: "✗", None: ""}

LEAST_PX = 8
"""The smallest letters of the console, in pixels of its smallest window."""

_LETTERS_OF_A_LINE, _WIDE_PX = 12, 400
"""A text's first letters tell how high its script makes a line, when they are not wrapped."""

_Row = TypeVar("_Row", bound=QWidget)


def label(kind: str = "body", *, wrap: bool = False) -> QLabel:
    """A plain-text label whose look the style sheet takes from its kind."""
    made = QLabel()
    made.setProperty("kind", kind)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    return made


class FittedLabel(QLabel):
    """A label whose text shrinks to the width there is, so that a long word in some language is never cut."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("kind", "body")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint the text on one line, as large as it fits."""
        painter = QPainter(self)
        wanted = self.font()
        face = fit(self.text(), self.width(), self.height(), (wanted.pixelSize(), LEAST_PX), bold=wanted.bold(), wrapped=False)
        painter.setFont(face)
        painter.setPen(self.palette().color(self.foregroundRole()))
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        start = Qt.AlignmentFlag.AlignAbsolute | (Qt.AlignmentFlag.AlignRight if mirrored else Qt.AlignmentFlag.AlignLeft)
        painter.drawText(self.rect(), start | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, self.text())


def set_kind(widget: QWidget, kind: str) -> None:
    """Change the look of a label or button."""
    if widget.property("kind") != kind:
        widget.setProperty("kind", kind)
        style = widget.style()
        if style is not None:
            style.unpolish(widget)
            style.polish(widget)
            widget.updateGeometry()


def panel(kind: str = "panel") -> QFrame:
    """A framed area."""
    frame = QFrame()
    frame.setProperty("kind", kind)
    return frame


def scrolling(inside: QWidget) -> QScrollArea:
    """A frameless area that scrolls up and down when there is more than fits."""
    scroll = QScrollArea()
    dress_scroll(scroll, inside)
    return scroll


def dress_scroll(scroll: QScrollArea, inside: QWidget) -> None:
    """Put what scrolls into its area and give that its look."""
    inside.setProperty("kind", inside.property("kind") or "clear")
    scroll.setWidget(inside)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)


class ScrolledText(QScrollArea):
    """A wrapped text that is as high as it needs up to some lines; what is longer scrolls and takes no room from the rest."""

    def __init__(self, most_lines: int) -> None:
        super().__init__()
        self._most_lines = most_lines
        self._label = label("body", wrap=True)
        self._label.setAlignment(Qt.AlignmentFlag.AlignTop)
        dress_scroll(self, self._label)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_text(self, text: str) -> None:
        """Change the text; an empty one takes no room."""
        self._label.setText(text)
        self.setVisible(bool(text))
        self.updateGeometry()

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """The height follows from the width, as with any wrapped text."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """The text's height at a width, but no more than the lines that it may have."""
        full = "\n".join([self._label.text()[:_LETTERS_OF_A_LINE]] * self._most_lines)
        return min(self._label.heightForWidth(width), wrapped_height(full, max(width, _WIDE_PX), self._label.font()))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The height at the width of the moment."""
        return QSize(0, self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """One line."""
        return QSize(0, self._label.fontMetrics().lineSpacing())


def grow(rows: list[_Row], count: int, make: Callable[[], _Row]) -> None:
    """Keep as many rows as were ever needed; the ones too many are hidden, not destroyed."""
    while len(rows) < count:
        rows.append(make())
    for index, row in enumerate(rows):
        row.setVisible(index < count)


class HeaderPanel(QFrame):
    """Title, totals, officer, time on post."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "header")
        self._title, self._officer, self._on_post = label("heading"), label("lead"), label("second")
        self._totals: list[tuple[QLabel, QLabel]] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(20, 8, 20, 8)
        self._row.setSpacing(12)
        self._row.addWidget(self._title)
        self._row.addSpacing(20)
        for _ in range(3):
            number, word = label("lead"), label("second")
            self._row.addWidget(number)
            self._row.addWidget(word)
            self._row.addSpacing(12)
            self._totals.append((number, word))
        self._row.addStretch(1)
        self._row.addWidget(self._on_post)
        self._row.addSpacing(16)
        self._row.addWidget(self._officer)

    def show_header(self, header: Header) -> None:
        """Change the line."""
        self._title.setText(header.title)
        self._officer.setText(header.officer)
        self._on_post.setText(header.on_post)
        set_kind(self._on_post, "warn" if header.too_long else "second")
        for (number, word), (count, name) in zip(self._totals, header.totals, strict=True):
            number.setText(count)
            word.setText(name)


class _AlarmLine(QFrame):
    """One alarm: mark, what, which gate, how long."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "raised")
        self._mark = Mark()
        self._title, self._lane, self._detail, self._age = (
            label("strong", wrap=True),
            label("second"),
            label("second", wrap=True),
            label("second"),
        )
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 10, 12, 10)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        grid.addWidget(self._mark, 0, 0, 2, 1, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self._title, 0, 1)
        grid.addWidget(self._age, 0, 2, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self._lane, 1, 1, 1, 2)
        grid.addWidget(self._detail, 2, 1, 1, 2)
        grid.setColumnStretch(1, 1)

    def show_alarm(self, row: AlarmRow, scale: float) -> None:
        """Change the alarm."""
        self._mark.set_side(round(32 * scale))
        self._mark.show_mark(row.severity)
        self._title.setText(row.title)
        self._lane.setText(f"{row.lane} · {row.severity_word}")
        self._age.setText(row.age)
        self._detail.setText(row.detail)
        self._detail.setVisible(bool(row.detail))
        self.setAccessibleName(f"{row.severity_word}: {row.title}, {row.lane}, {row.age}")


class AlarmPanel(QFrame):
    """All open alarms of all lanes; none is ever dropped, a long list scrolls."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "panel")
        self._title, self._order, self._none = label("heading"), label("second", wrap=True), label("second")
        self._rows: list[_AlarmLine] = []
        self._inside = QWidget()
        self._list = QVBoxLayout(self._inside)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(8)
        self._list.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.addWidget(self._title)
        column.addWidget(self._order)
        column.addWidget(self._none)
        column.addWidget(scrolling(self._inside), 1)

    def show_alarms(self, texts: tuple[str, str, str], rows: tuple[AlarmRow, ...], scale: float) -> None:
        """Change the list; `texts` are title, order, and what to say when there is none."""
        self._title.setText(f"{texts[0]} · {len(rows)}" if rows else texts[0])
        self._order.setText(texts[1])
        self._none.setText(texts[2])
        self._order.setVisible(bool(rows))
        self._none.setVisible(not rows)
        grow(self._rows, len(rows), self._new_row)
        for line, row in zip(self._rows, rows, strict=False):
            line.show_alarm(row, scale)

    def _new_row(self) -> _AlarmLine:
        line = _AlarmLine()
        self._list.insertWidget(self._list.count() - 1, line)
        return line


class ActionPanel(QFrame):
    """Reasons and actions. Emits `reason_pressed(reason)` and `action_pressed(action)`."""

    reason_pressed = pyqtSignal(object)
    action_pressed = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "clear")
        self._title, self._notice = label("strong"), label("quiet")
        self.reason_buttons: list[QPushButton] = []
        self.action_buttons: list[QPushButton] = []
        self._shown: Actions | None = None
        head = QHBoxLayout()
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(self._notice)
        self._reason_grid, self._action_row = QGridLayout(), QHBoxLayout()
        self._reason_grid.setSpacing(8)
        self._action_row.setSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(head)
        column.addLayout(self._reason_grid)
        column.addLayout(self._action_row)
        for index in range(len(OfficerReason)):
            button = self._button(self._press_reason, "reason")
            button.setCheckable(True)
            self.reason_buttons.append(button)
            self._reason_grid.addWidget(button, index // 4, index % 4)
        for _ in range(4):
            button = self._button(self._press_action, "action")
            self.action_buttons.append(button)
            self._action_row.addWidget(button, 1)

    def show_actions(self, actions: Actions) -> None:
        """Change texts, choice, and which actions can be pressed."""
        self._shown = actions
        self._title.setText(actions.title)
        self._notice.setText(f"{_NOTICE_SIGNS[actions.notice_kind]} {actions.notice}" if actions.notice else "")
        set_kind(self._notice, _NOTICE_KINDS[actions.notice_kind])
        for button, reason in zip(self.reason_buttons, actions.reasons, strict=True):
            _name(button, f"{reason.key}  {reason.text}", reason.text)
            button.setChecked(reason.chosen)
        for button, action in zip(self.action_buttons, actions.actions, strict=True):
            _name(button, f"{action.text}   [{action.key}]", action.text)
            button.setEnabled(action.enabled)
            set_kind(button, _action_kind(action.action, main=action.main))

    def _button(self, pressed: Callable[[], None], kind: str) -> QPushButton:
        button = QPushButton()
        button.setProperty("kind", kind)
        button.setAutoDefault(False)
        button.clicked.connect(pressed)
        return button

    def _press_reason(self) -> None:
        sender = self.sender()
        if self._shown is not None and isinstance(sender, QPushButton):
            self.reason_pressed.emit(self._shown.reasons[self.reason_buttons.index(sender)].reason)

    def _press_action(self) -> None:
        sender = self.sender()
        if self._shown is not None and isinstance(sender, QPushButton):
            self.action_pressed.emit(self._shown.actions[self.action_buttons.index(sender)].action)


def _action_kind(action: OfficerAction, *, main: bool) -> str:
    """The action that opens the exit is outlined, never filled: nobody presses it by habit."""
    if action is OfficerAction.CLEAR:
        return "danger"
    return "main" if main else "action"


def _name(button: QPushButton, text: str, name: str) -> None:
    button.setText(text)
    button.setAccessibleName(name)
