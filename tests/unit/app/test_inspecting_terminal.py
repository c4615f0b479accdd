"""A person at a terminal sees colours; a pipe, NO_COLOR and a terminal without Unicode show the same facts without them."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest

from egate.app.inspecting.terminal import NARROWEST, WIDEST, Look, ProgressLine, foreign, look_of
from egate.model.checks import CheckResult
from egate.supply.views import Paint


class Screen(io.StringIO):
    """A stream that says whether it is a terminal, and in which characters it writes."""

    def __init__(self, *, terminal: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self._terminal, self._named = terminal, encoding

    def isatty(self) -> bool:
        return self._terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a text stream's attribute, read only
        return self._named


@pytest.mark.parametrize("environment", [{}, {"TERM": "xterm-256color"}])
def test_each_result_has_its_colour_on_a_terminal(environment: Mapping[str, str]) -> None:
    look = look_of(Screen(terminal=True), environment)
    painted = {look.mark(result) for result in CheckResult}
    assert len(painted) == len(CheckResult)
    good, bad, warn = (look.coloured("word", CheckResult[name]) for name in ("SUCCESSFUL", "FAILED", "UNDETERMINED"))
    assert len({good, bad, warn}) == 3
    assert all(text.startswith("\x1b[") and "word" in text for text in (good, bad, warn))


@pytest.mark.parametrize(
    ("terminal", "environment"), [(False, {}), (True, {"NO_COLOR": "1"}), (True, {"TERM": "dumb"})], ids=["pipe", "asked", "dumb"]
)
def test_no_colours_elsewhere(terminal: bool, environment: Mapping[str, str]) -> None:
    look = look_of(Screen(terminal=terminal), environment)
    marks = [look.mark(result) for result in CheckResult]
    assert not any("\x1b" in mark for mark in marks)
    assert len(set(marks)) == len(CheckResult), "a mark tells results apart without colour"


def test_a_terminal_without_unicode_shows_other_marks() -> None:
    look = look_of(Screen(terminal=False, encoding="ascii"), {})
    shown = "".join(look.mark(result) for result in CheckResult) + look.plain("a – b → c · d … e █ é")
    assert shown.isascii()
    assert len({look.mark(result) for result in CheckResult}) == len(CheckResult)


@pytest.mark.parametrize(("columns", "shown"), [("20", NARROWEST), ("100", 100), ("400", WIDEST)])
def test_the_width_stays_readable(monkeypatch: pytest.MonkeyPatch, columns: str, shown: int) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert look_of(Screen(terminal=False), {"COLUMNS": columns}).columns == shown


def test_text_of_a_document_moves_no_cursor() -> None:
    assert foreign("A\x1b[2JB\r\nC\u202eD\u0065\u0301") == "A?[2JB??C?D\u00e9"


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_one_line_that_goes_away(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    monkeypatch.delenv("TERM", raising=False)
    screen = Screen(terminal=terminal)
    line = ProgressLine(screen, Look(Paint(False)))
    for share in (0.0, 0.5, 0.5, 1.0):
        line.show("DG2", share)
    line.clear()
    if not terminal:
        assert screen.getvalue() == ""
        return
    shown = screen.getvalue().split("\r\x1b[K")
    assert [part.split()[1] for part in shown if part] == ["0", "50", "100"]
    assert shown[-1] == ""
    assert "\n" not in screen.getvalue()
