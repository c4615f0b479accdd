"""Tells a passage in lines that somebody who knows nothing about border control can read.

Every line comes from an event of the lane; the words for it are here and nowhere else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from egate.app.report import PassageReport
from egate.ipc.messages import PassageEvent
from egate.model.checks import CheckName, CheckResult

PHASES: Mapping[str, str] = {
    "idle": "the lane is free",
    "reading": "the chip is being read; the kiosk says: keep it there",
    "referred_outside": "the entry door stays locked; the kiosk says: please wait, an officer will come",
    "entry_open": "the entry door may be opened; the kiosk says: walk in, take your passport",
    "entry_closing": "somebody is inside; the entry door locks",
    "capture": "both doors locked, one person inside; the kiosk says: look at the camera",
    "recording": "decided; writing the record before any door moves",
    "exit_open": "the record is durable; the exit door may be opened; the kiosk says: go",
    "exit_closing": "the traveller left; the exit door locks",
    "referred": "both doors locked; the kiosk says: please wait, an officer will come",
    "return_open": "the entry door may be opened; the kiosk says: please go back",
    "return_closing": "the traveller left through the entry door, which locks",
    "emergency": "EMERGENCY: the doors are free by hardware, the lane keeps out of the way",
    "resync": "nothing opens before both doors are proved closed and locked",
    "out_of_service": "the lane is closed",
}
"""What each phase means to a bystander."""

CHECKS: Mapping[CheckName, str] = {
    CheckName.MRZ_CHECK_DIGITS: "printed zone adds up",
    CheckName.DOCUMENT_EXPIRY: "document is in date",
    CheckName.CHIP_ACCESS: "chip could be opened",
    CheckName.SECURITY_OBJECT_SIGNATURE: "chip data carry a signature",
    CheckName.CERTIFICATE_CHAIN: "signer belongs to a trusted State",
    CheckName.DATA_GROUP_HASHES: "chip data are unchanged",
    CheckName.CHIP_GENUINE: "chip is no copy",
    CheckName.MRZ_MATCHES_CHIP: "print and chip agree",
    CheckName.ISSUER_MATCHES_CERTIFICATE: "issuer and signer agree",
    CheckName.SINGLE_PERSON: "one person in the gate",
    CheckName.FACE_CAPTURE: "a good live image",
    CheckName.FACE_MATCH: "live face is the chip's face",
    CheckName.PRESENTATION_ATTACK: "no mask, print or screen",
    CheckName.DOCUMENT_WATCHLIST: "document on no list",
    CheckName.PERSON_WATCHLIST: "person on no list",
    CheckName.ELIGIBILITY: "may use the gate",
    CheckName.MULTIPLE_USE: "not used twice",
    CheckName.LANE_HEALTH: "lane is sound",
}
"""Each check in plain words."""

_MARK: Mapping[str, tuple[str, str]] = {
    CheckResult.SUCCESSFUL.word: ("✔", "32"),
    CheckResult.FAILED.word: ("✘", "31"),
    CheckResult.UNDETERMINED.word: ("?", "33"),
    CheckResult.ABORTED.word: ("!", "33"),
    CheckResult.NOT_SUPPORTED.word: ("–", "90"),
}


class Narrator:
    """Prints to standard output; `quiet` prints nothing (for `--json`)."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def say(self, text: str = "") -> None:
        """One line as it is."""
        if not self._quiet:
            print(text, flush=True)

    def title(self, name: str, sentence: str) -> None:
        """The head of one traveller's story."""
        self.say()
        self.say(self._paint(f"━━ {name} ", "1") + self._paint("━" * max(4, 74 - len(name)), "90"))
        self.say(f"   {sentence}")

    def tell(self, event: PassageEvent) -> None:
        """One event of the passage."""
        line = self._line(event)
        if line:
            time = f"{event.at_ms / 1000:7.2f} s" if event.at_ms or event.what == "document" else " " * 9
            self.say(f"  {time}  {line}")

    def verdict(self, report: PassageReport, problem: str) -> None:
        """The last line of a traveller's story."""
        entered = report.left_through not in ("", "none")
        left = f"left through the {report.left_through} door" if entered else "never entered the gate"
        act = f"; officer: {report.officer['action']} ({report.officer['reason']})" if report.officer else ""
        text = f"{report.outcome}: {left}{act}".replace("_", " ")
        self.say(
            "  " + self._paint(f"=> {text}", "1;31" if problem else "1") + (f"  NOT AS EXPECTED: {problem}" if problem else "")
        )

    def conclude(self, ledger: Path, pictures: Path | None, *, failed: bool) -> None:
        """The end of the demo."""
        self.say()
        self.say("Some travellers did not end as they should." if failed else "Every traveller ended as they should.")
        if pictures is not None:
            self.say(f"Pictures of both screens are in {pictures}/ (they show the demo's photographs; do not publish them).")
        if ledger.exists() and not failed:
            self.say("Every record reached the centre, sealed, and was receipted; then it was removed with the demo's folder.")
            self.say("`--keep DIR` keeps everything; then `egate crossings --ledger DIR/centre/ledger.db` lists what arrived.")

    def _line(self, event: PassageEvent) -> str:
        if event.what == "phase":
            return self._paint(f"{event.name.replace('_', ' '):<17}", "36") + PHASES.get(event.name, "")
        if event.what == "check":
            return self._check_line(event)
        word = {"left_through": "left through"}.get(event.name, event.name.replace("_", " "))
        label = f"{event.what:<17}"
        if event.what == "decision":
            return self._decision_line(event)
        if event.what in ("alarm", "officer"):
            label = self._paint(label, "35")
        return f"{label}{word}{': ' + event.detail.replace('_', ' ') if event.detail else ''}"

    def _check_line(self, event: PassageEvent) -> str:
        word, _, code = event.detail.partition(": ")
        mark, colour = _MARK.get(word, ("?", "33"))
        plain = CHECKS[CheckName(event.name)]
        text = f"  {mark} {plain:<33} {word}"
        return f"{'check':<17}" + self._paint(text, colour) + (f" ({code.replace('_', ' ')})" if code else "")

    def _decision_line(self, event: PassageEvent) -> str:
        point, _, outcome = event.name.partition(":")
        door = {"entry": "entry door", "exit": "exit door"}[point]
        text = self._paint(outcome, "1;32" if outcome == "ADMIT" else "1;33")
        because = event.detail.replace("_", " ")
        return f"{'decision':<17}{door}: {text}" + (f", because {because}" if because else "")

    def _paint(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text
