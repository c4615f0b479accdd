"""The case in the middle of the console: faces, scores, candidates, checks, document."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from ui.guard.gate_diagram import GateDiagram
from ui.guard.marks import Mark
from ui.guard.panels import FittedLabel, ScrolledText, grow, label, panel, scrolling, set_kind
from ui.guard.parts import FacePair, ScoreBar
from ui.guard.view_state import CaseScreen, CheckColumn, CheckRow, EmptyCase, HitBox, ScoreRow

CHECKS_HEIGHT = 168
"""Room for six lines of checks from the beginning, in pixels of the full size: nothing jumps while they come in."""

LEAST_ENTRIES_PX = 18
"""Room for a line of list candidates on the smallest window; Qt would want more there. They get what is left over."""

MOST_REASON_LINES = 3
"""How many lines the reasons of a decision take at most; more of them scroll, so that scores and candidates keep their room."""


class _Score(QWidget):
    """One comparison: title and value, the bar, threshold with its claimed error rate."""

    def __init__(self) -> None:
        super().__init__()
        self._title, self._value, self._threshold = label("body"), label("lead"), label("second", wrap=True)
        self._bar = ScoreBar()
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._value)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self._bar)
        column.addWidget(self._threshold)

    def show_score(self, row: ScoreRow, scale: float) -> None:
        """Change the comparison; a second opinion is quieter than the gate's own."""
        self._title.setText(row.title)
        self._value.setText(f"{row.value_text} · {row.verdict}")
        self._threshold.setText(row.threshold_text)
        self._bar.set_height(round(20 * scale))
        self._bar.show_score(row)
        set_kind(self._title, "second" if row.second_opinion else "strong")
        set_kind(self._value, "good" if row.reached else "bad")


class _Check(QWidget):
    """One check: mark, name, word, and below it what the lane says when it was not successful."""

    def __init__(self) -> None:
        super().__init__()
        self._mark, self._name, self._word = Mark(), FittedLabel(), label("second")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 1, 0, 1)
        row.setSpacing(7)
        row.addWidget(self._mark)
        row.addWidget(self._name, 1)
        row.addWidget(self._word)

    def show_check(self, row: CheckRow, scale: float) -> None:
        """Change the check."""
        self._mark.set_side(round(21 * scale))
        self._mark.show_mark(row.result)
        self._name.setText(row.name)
        self._word.setText(row.word)
        set_kind(self._word, row.result.name.lower())
        set_kind(self._name, "strong-small" if row.result.value > 1 else "small")
        self.setToolTip(row.detail)
        self.setAccessibleName(f"{row.name}: {row.word}")


class _Column(QWidget):
    """The checks of one or two groups."""

    def __init__(self) -> None:
        super().__init__()
        self._headings = [label("second") for _ in range(2)]
        self._rows: list[list[_Check]] = [[], []]
        self._boxes = [QVBoxLayout(), QVBoxLayout()]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for heading, box in zip(self._headings, self._boxes, strict=True):
            box.setSpacing(0)
            column.addWidget(heading)
            column.addLayout(box)
        column.addStretch(1)

    def show_column(self, column: CheckColumn, scale: float) -> None:
        """Change the checks."""
        for index, (heading, rows, box) in enumerate(zip(self._headings, self._rows, self._boxes, strict=True)):
            name, checks = column.groups[index] if index < len(column.groups) else ("", ())
            heading.setText(name)
            heading.setVisible(bool(name))
            while len(rows) < len(checks):
                rows.append(_Check())
                box.addWidget(rows[-1])
            for at, row in enumerate(rows):
                row.setVisible(at < len(checks))
                if at < len(checks):
                    row.show_check(checks[at], scale)


class _Hits(QFrame):
    """The list candidates."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "alert")
        self._title, self._reminder, self._entries = label("bad"), label("body", wrap=True), label("body", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 8, 14, 8)
        column.setSpacing(2)
        self._entries.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.addWidget(self._title)
        column.addWidget(self._reminder)
        entries = scrolling(self._entries)
        entries.setMinimumHeight(LEAST_ENTRIES_PX)
        column.addWidget(entries, 1)

    def show_hits(self, hits: HitBox | None) -> None:
        """Change the candidates; None hides the box and forgets what was in it."""
        self.setVisible(hits is not None)
        if hits is None:
            self._entries.clear()
            return
        self._title.setText(f"{hits.title} · {len(hits.entries)}")
        self._reminder.setText(hits.reminder)
        lines = ["\n".join((f"• {entry}", *(f"    – {part}" for part in evidence))) for entry, evidence in hits.entries]
        self._entries.setText("\n".join(lines))


class _FullCase(QWidget):
    """A case: head, faces beside scores and candidates, checks, document."""

    def __init__(self) -> None:
        super().__init__()
        self._mark, self._title, self._since = Mark(), label("heading"), label("lead")
        self._outcome, self._because = label("chip-refer"), ScrolledText(MOST_REASON_LINES)
        self.faces = FacePair()
        self._scores: list[_Score] = []
        self._no_scores, self._hits = label("second"), _Hits()
        self._columns = [_Column() for _ in range(4)]
        self._checks = panel("raised")
        self._document = [(label("second"), label("strong")) for _ in range(6)]
        self._score_box = QVBoxLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(self._head())
        column.addWidget(self._because)
        column.addLayout(self._middle(), 1)
        column.addWidget(self._document_panel())
        column.addWidget(self._check_panel())

    def show_case(self, case: CaseScreen, scale: float) -> None:
        """Change the case."""
        self._mark.set_side(round(36 * scale))
        self._mark.show_mark(case.severity)
        self._title.setText(case.title)
        self._since.setText(case.since)
        self._outcome.setText(case.outcome)
        self._outcome.setVisible(bool(case.outcome))
        set_kind(self._outcome, "chip-refer" if case.referred else "chip-admit")
        self._because.set_text(case.because)
        self.faces.show_photos(case.photos, scale)
        self._checks.setMinimumHeight(round(CHECKS_HEIGHT * scale))
        self._no_scores.setText(case.no_scores)
        self._no_scores.setVisible(not case.scores)
        grow(self._scores, len(case.scores), self._new_score)
        for shown, score in zip(self._scores, case.scores, strict=False):
            shown.show_score(score, scale)
        self._hits.show_hits(case.hits)
        for check_column, checks in zip(self._columns, case.checks, strict=True):
            check_column.show_column(checks, scale)
        for (name, value), (name_text, value_text) in zip(self._document, case.document, strict=True):
            name.setText(name_text)
            value.setText(value_text)

    def forget(self) -> None:
        """Drop everything that belongs to a traveller."""
        self.faces.forget()
        self._hits.show_hits(None)
        self._because.set_text("")
        for _name, value in self._document:
            value.clear()

    def _head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(14)
        row.addWidget(self._mark)
        row.addWidget(self._title)
        row.addWidget(self._outcome)
        row.addStretch(1)
        row.addWidget(self._since)
        return row

    def _middle(self) -> QHBoxLayout:
        side = QVBoxLayout()
        side.setSpacing(14)
        self._score_box.setSpacing(14)
        side.addLayout(self._score_box)
        side.addWidget(self._no_scores)
        side.addWidget(self._hits, 1)
        side.addStretch(0)
        row = QHBoxLayout()
        row.setSpacing(20)
        row.addWidget(self.faces, 10)
        row.addLayout(side, 9)
        return row

    def _check_panel(self) -> QWidget:
        row = QHBoxLayout(self._checks)
        row.setContentsMargins(14, 10, 14, 10)
        row.setSpacing(14)
        for column in self._columns:
            row.addWidget(column, 1)
        return self._checks

    def _document_panel(self) -> QWidget:
        frame = panel("raised")
        grid = QGridLayout(frame)
        grid.setContentsMargins(14, 8, 14, 8)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(2)
        for index, (name, value) in enumerate(self._document):
            row, column = index // 3, (index % 3) * 2
            grid.addWidget(name, row, column)
            grid.addWidget(value, row, column + 1)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
            grid.setColumnStretch(column + 1, 1)
        return frame

    def _new_score(self) -> _Score:
        score = _Score()
        self._score_box.addWidget(score)
        return score


class CasePanel(QWidget):
    """The middle: a case, or a word about why there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.full = _FullCase()
        self._empty = QWidget()
        self._title, self._words, self._detail = label("heading"), label("body"), label("second", wrap=True)
        self._diagram = GateDiagram()
        column = QVBoxLayout(self._empty)
        column.setSpacing(16)
        column.addStretch(1)
        column.addWidget(self._diagram, 0, Qt.AlignmentFlag.AlignHCenter)
        for part in (self._title, self._words, self._detail):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(part)
        column.addStretch(1)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.full)

    def show_case(self, case: CaseScreen | EmptyCase, scale: float) -> None:
        """Change the middle; when a case ends, nothing of it is kept."""
        if isinstance(case, CaseScreen):
            self.full.show_case(case, scale)
            self._stack.setCurrentWidget(self.full)
            return
        self.full.forget()
        self._title.setText(case.title)
        self._detail.setText(case.detail)
        self._words.setText(case.plan_words)
        self._words.setVisible(bool(case.plan_words))
        self._diagram.set_scale(scale)
        self._diagram.show_plan(case.plan)
        self._stack.setCurrentWidget(self._empty)
