"""The observer's report and the narrator's words are made from events alone."""

from __future__ import annotations

import pytest

from egate.app.narrator import CHECKS, PHASES, Narrator
from egate.app.report import PassageReport
from egate.ipc.messages import PassageEvent
from egate.model.checks import CheckName
from egate.model.lane import LanePhase


def _report(*events: tuple[str, str, str, int]) -> PassageReport:
    report = PassageReport("somebody")
    for what, name, detail, at_ms in events:
        report.take(PassageEvent(1, what, name, detail, at_ms))
    return report


def test_an_admitted_passage() -> None:
    report = _report(
        ("document", "presented", "issued by UTO", 0),
        ("phase", "reading", "", 1),
        ("check", "face_match", "successful", 900),
        ("decision", "entry:ADMIT", "", 500),
        ("decision", "exit:ADMIT", "", 901),
        ("record", "crossing", "row 2", 905),
        ("phase", "exit_open", "", 910),
        ("door", "left_through", "exit", 2000),
    )
    told = report.as_json()
    assert (told["outcome"], told["because"], told["left_through"], told["recorded"]) == ("ADMIT", [], "exit", True)
    assert told["checks"] == {"face_match": "successful"}
    assert told["stages_ms"]["exit_open"] == 910
    assert told["officer"] is None


def test_a_referral_keeps_its_reason_and_the_officers_act() -> None:
    report = _report(
        ("document", "presented", "", 0),
        ("decision", "entry:ADMIT", "", 500),
        ("decision", "exit:REFER", "face_match:failed:below_threshold, single_person:failed:", 900),
        ("officer", "clear", "identity_confirmed by officer-7", 3000),
    )
    told = report.as_json()
    assert told["outcome"] == "REFER"
    assert told["because"] == ["face_match:failed:below_threshold", "single_person:failed:"]
    assert told["officer"] == {"action": "clear", "reason": "identity_confirmed", "officer": "officer-7"}


def test_a_referral_by_the_lane_itself_shows_its_alarm() -> None:
    report = _report(("alarm", "tailgating", "", 10), ("phase", "referred", "", 11))
    assert report.as_json()["outcome"] == "REFER"
    assert report.as_json()["alarms"] == ["tailgating"]


def test_a_document_presented_again_starts_its_times_anew() -> None:
    report = _report(
        ("document", "presented", "", 0),
        ("phase", "reading", "", 5),
        ("document", "presented", "", 0),
        ("phase", "reading", "", 7),
    )
    assert report.presented == 2
    assert report.stages_ms == {"reading": 7}


def test_every_phase_and_check_has_plain_words() -> None:
    assert set(PHASES) == {phase.value for phase in LanePhase}
    assert set(CHECKS) == set(CheckName)


def test_the_narrator_writes_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator(quiet=False)
    narrator.title("lookalike", "Somebody tries.")
    narrator.tell(PassageEvent(1, "check", "face_match", "failed: below_threshold", 4321))
    narrator.tell(PassageEvent(1, "decision", "exit:REFER", "face_match:failed:below_threshold", 4322))
    printed = capsys.readouterr().out
    assert "lookalike" in printed
    assert "4.32 s" in printed
    assert "✘ live face is the chip's face" in printed
    assert "failed (below threshold)" in printed
    assert "exit door: REFER, because face match:failed:below threshold" in printed


def test_a_quiet_narrator_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Narrator(quiet=True).tell(PassageEvent(1, "phase", "idle", "", 0))
    assert capsys.readouterr().out == ""
