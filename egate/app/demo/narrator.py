"""Tells a passage in lines that somebody who knows nothing about border control can read.

Every line comes from an event of the lane; the words for it are in `egate.app.demo.narration` and nowhere else. A record and its
receipt may come a moment after a traveller has left: they are told with that traveller, so the next one's head waits for the
next passport.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from egate.app.demo.narration import FIVE_WORDS, SILENT, hint_line, line_of
from egate.app.demo.report import PassageReport
from egate.ipc.messages import PassageEvent
from egate.model.checks import CheckName, CheckResult
from egate.model.face import CaptureHint

_WIDTH = 74
"""Columns of a traveller's head line."""

_LATE = ("record", "receipt")
"""What may still come when the traveller has left."""


class Narrator:
    """Prints to standard output; `quiet` prints nothing (for `--json`)."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._held: list[str] = []
        self._began = False
        self._clock_runs = False
        self._listed = False
        self._last = ""
        self._hint = CaptureHint.NONE

    def say(self, text: str = "") -> None:
        """One line as it is."""
        self.finish()
        self._print(text)

    def title(self, name: str, sentence: str) -> None:
        """The head of one traveller's story."""
        if not self._began:
            self._held.append(f"Every check ends in one of five words: {FIVE_WORDS}")
        self._began, self._listed = True, False
        self._held += [
            "",
            self._paint(f"━━ {name} ", "1") + self._paint("━" * max(4, _WIDTH - len(name)), "90"),
            f"   {sentence}",
        ]

    def tell(self, event: PassageEvent) -> None:
        """One event of the passage; what the lane does before the first traveller is not part of the story."""
        if not self._began:
            return
        late = bool(self._held) and event.what in _LATE
        if not late:
            self.finish()
        self._clock_runs = (self._clock_runs or event.what == "document") and not late
        self._remember(event)
        line = line_of(event, self._paint)
        if not line or line == self._last:
            return  # a door's time is renewed every second; once is enough
        self._last = line if event.what == "door" else ""
        time = f"{event.at_ms / 1000:7.2f} s" if self._clock_runs or event.at_ms else " " * 9
        self._print(f"  {time}  {line}")
        if self._listed and event.what == "decision" and event.name == "entry:ADMIT":
            self._print(f"  {time}  {'':<17}{SILENT}")

    def hint(self, hint: CaptureHint) -> None:
        """What the kiosk asks of the traveller now; each hint is told when it comes up."""
        if hint is not self._hint and hint is not CaptureHint.NONE and self._began and not self._held:
            self._print(f"  {'':<9}  {hint_line(hint)}")
        self._hint = hint

    def verdict(self, report: PassageReport, problem: str) -> None:
        """The last line of a traveller's story; it waits for what comes late."""
        self._clock_runs = False
        text = self._paint(f"=> {_ending(report)}", "1;31" if problem else "1")
        self._held.append(f"  {text}" + (f"  NOT AS EXPECTED: {problem}" if problem else ""))

    def finish(self) -> None:
        """Print what was held back."""
        held, self._held = self._held, []
        for line in held:
            self._print(line)

    def conclude(self, ledger: Path, pictures: Path | None, *, kept: bool | None, failed: bool) -> None:
        """The end of the demo: what became of everything. `kept` is None where nothing can be kept."""
        self.say()
        self.say("Some travellers did not end as they should." if failed else "Every traveller ended as they should.")
        if pictures is not None:
            self.say(f"Pictures of both screens are in {pictures}/ (they show the demo's photographs; do not publish them).")
        if not failed:
            self.say("Every record reached the centre, sealed, and the centre signed a receipt for it.")
        if kept:
            folder = ledger.parent.parent
            self.say(f"Everything is kept in {folder}. What arrived: .venv/bin/egate crossings --ledger {ledger}")
            self.say(f"Opened with the centre's key: the same with --open {folder / 'keys' / 'sealing.pem'}")
        elif kept is None:
            self.say("All of it was removed with the demo's folder, which lay in memory.")
        else:
            self.say("All of it was removed with the demo's folder; with --keep DIR it stays.")

    def _remember(self, event: PassageEvent) -> None:
        lists = (CheckName.DOCUMENT_WATCHLIST.value, CheckName.PERSON_WATCHLIST.value)
        if event.what == "check" and event.name in lists and event.detail.startswith(CheckResult.FAILED.word):
            self._listed = True

    def _print(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)

    def _paint(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text


def _ending(report: PassageReport) -> str:
    """Decision, the officer's act, and the way out."""
    words = [report.outcome]
    if report.officer:
        did = {"clear": "cleared by an officer", "release_to_entry": "led away by an officer"}
        act = did.get(report.officer["action"], f"officer: {report.officer['action']}")
        words.append(f"then {act} ({report.officer['reason']})")
    if report.left_through in ("", "none"):
        return f"{', '.join(words)}; never entered the gate".replace("_", " ")
    return f"{', '.join(words)}; left through the {report.left_through} door".replace("_", " ")
