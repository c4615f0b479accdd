"""A person's terminal: how wide it is, whether it shows colours and marks, and a line that shows progress and goes away again.

Rule: colour never carries what a mark or a word does not say as well. NO_COLOR, a pipe, a narrow window and a terminal without
Unicode all show the same facts.
"""

from __future__ import annotations

import os
import shutil
import textwrap
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from egate.model.checks import CheckResult
from egate.supply.views import Paint

NARROWEST, WIDEST = 44, 120
"""Columns: below the first words would break, above the second lines are hard to read."""

_MARKS = {
    CheckResult.SUCCESSFUL: ("✔", "ok"),
    CheckResult.FAILED: ("✘", "XX"),
    CheckResult.UNDETERMINED: ("?", "??"),
    CheckResult.ABORTED: ("!", "!!"),
    CheckResult.NOT_SUPPORTED: ("–", "--"),
}
"""One mark for each result: with Unicode, and without."""

_BAR_COLUMNS = 20


@dataclass(frozen=True, slots=True)
class Look:
    """How to show things: colours, columns, and whether the terminal knows characters beyond ASCII."""

    paint: Paint
    columns: int = 80
    unicode: bool = True

    def mark(self, result: CheckResult) -> str:
        """The mark of a result, in its colour."""
        text = _MARKS[result][0 if self.unicode else 1]
        return self.coloured(text, result)

    @property
    def gap(self) -> str:
        """What follows a mark, so that titles stand below each other."""
        return "  " if self.unicode else " "

    def coloured(self, text: str, result: CheckResult) -> str:
        """Text in the colour of a result."""
        paint = self.paint
        colours = {CheckResult.SUCCESSFUL: paint.good, CheckResult.FAILED: paint.bad}
        return text if result is CheckResult.NOT_SUPPORTED else colours.get(result, paint.warn)(text)

    def wrapped(self, text: str, indent: int, first: str = "") -> list[str]:
        """Text in lines that fit; all but the first begin after `indent` columns. `first` stands in front, already painted."""
        lines = textwrap.wrap(text, max(self.columns - indent, NARROWEST // 2), break_on_hyphens=False) or [""]
        return [(first or " " * indent) + lines[0], *(" " * indent + line for line in lines[1:])]

    def plain(self, text: str) -> str:
        """Text of ours without the characters that this terminal lacks."""
        if self.unicode:
            return text
        for character, instead in (("–", "-"), ("→", "->"), ("·", "|"), ("…", "..."), ("─", "-"), ("‖", "||"), ("█", "#")):
            text = text.replace(character, instead)
        return text.encode("ascii", "replace").decode("ascii")


def look_of(stream: TextIO, environment: Mapping[str, str]) -> Look:
    """How to show things on this stream; COLUMNS says the width where there is no terminal."""
    terminal = stream.isatty()
    colours = terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    columns = shutil.get_terminal_size((80, 24)).columns if terminal or environment.get("COLUMNS") else 80
    encoding = (stream.encoding or "ascii").lower().replace("-", "")
    return Look(Paint(colours), min(max(columns, NARROWEST), WIDEST), encoding.startswith("utf"))


def foreign(text: str) -> str:
    """Text from a document without control characters, in its composed form."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(character if character.isprintable() else "?" for character in composed)


class ProgressLine:
    """One line that is written over and over, and cleared in the end; on a pipe it says nothing."""

    def __init__(self, stream: TextIO, look: Look) -> None:
        self._stream, self._look = stream, look
        self._shown = ""
        self._live = stream.isatty() and os.environ.get("TERM") != "dumb"

    def show(self, what: str, share: float) -> None:
        """What is under way, and how much is done, 0 to 1."""
        done = round(min(max(share, 0.0), 1.0) * _BAR_COLUMNS)
        bar = "█" * done + "·" * (_BAR_COLUMNS - done)
        self.say(f"{bar} {round(share * 100):3d} %  {what}")

    def say(self, text: str) -> None:
        """A line in place of the last one."""
        text = self._look.plain(text)[: self._look.columns - 1]
        if self._live and text != self._shown:
            self._shown = text
            self._stream.write(f"\r\x1b[K{text}")
            self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._shown = ""
            self._stream.write("\r\x1b[K")
            self._stream.flush()
