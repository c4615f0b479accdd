"""The observer's report and the narrator's words are made from events alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from egate.app.demo.narration import ALARMS, CHECKS, PHASES, because_text, line_of
from egate.app.demo.narrator import Narrator
from egate.app.demo.report import PassageReport
from egate.ipc.messages import PassageEvent
from egate.model.checks import CheckName
from egate.model.lane import Alarm, LanePhase


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


def test_an_admission_whose_record_failed_is_a_referral() -> None:
    """The exit was decided ADMIT, but nothing was durable: the exit never opened, and the report must not say otherwise."""
    told = _report(
        ("document", "presented", "", 0),
        ("decision", "entry:ADMIT", "", 500),
        ("decision", "exit:ADMIT", "", 900),
        ("record", "failed", "the disk is full", 905),
        ("alarm", "not_recorded", "", 906),
        ("phase", "referred", "", 906),
    ).as_json()
    assert (told["outcome"], told["recorded"], told["alarms"]) == ("REFER", False, ["not_recorded"])


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
    assert set(ALARMS) == set(Alarm)


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
    assert "exit door: REFER, because live face is the chip's face: failed (below threshold)" in printed


def test_a_quiet_narrator_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Narrator(quiet=True).tell(PassageEvent(1, "phase", "idle", "", 0))
    assert capsys.readouterr().out == ""


def test_a_trust_warning_is_told_as_its_sentence() -> None:
    event = PassageEvent(0, "trust", "master list", "the master list of UT is out of date in 20 days", 0)
    assert line_of(event, plain).split(maxsplit=1) == ["trust", "the master list of UT is out of date in 20 days"]


def plain(text: str, _colour: str) -> str:
    return text


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (("document", "presented", "issued by UTO"), "laid on the reader, issued by UTO"),
        (("chip", "pace", "completed ecdh-gm-aes"), "PACE, which opens it with its printed data: completed, ecdh-gm-aes"),
        (("chip", "active_authentication", "not_offered"), "active authentication, the older proof: not offered"),
        (("chip", "lost", "the passport left the reader"), "lost: the passport left the reader"),
        (("capture", "no_usable_face", "best of 55 frames"), "no usable picture: best of 55 frames"),
        (("score", "sface", "0.751, needs 0.450 (FMR 0.1 %)"), "sface: 0.751, needs 0.450 (false match rate 0.1 %)"),
        (
            ("officer", "clear", "identity_confirmed by 7731"),
            "officer 7731     lets the traveller through; reason: identity confirmed",
        ),
        (("record", "officer_act", "row 5 is durable"), "the officer's act, row 5 is on disk"),
        (("receipt", "centre", "holds every row up to 5"), "the centre holds every row up to 5"),
        (("door", "left_through", "none"), "nobody went in"),
        (("door", "left_through", "exit"), "the traveller left through the exit"),
        (("weather", "rain", "much_of_it"), "weather          rain: much of it"),
    ],
)
def test_every_event_has_its_line(event: tuple[str, str, str], words: str) -> None:
    assert words in line_of(PassageEvent(1, *event, 0), plain)


def test_a_reason_without_a_code_is_its_word() -> None:
    assert because_text("face_match:undetermined:") == "live face is the chip's face: undetermined"


def test_what_comes_late_is_told_with_its_own_traveller(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator(quiet=False)
    narrator.title("first", "Goes through.")
    narrator.tell(PassageEvent(1, "document", "presented", "", 0))
    narrator.verdict(PassageReport("first", outcome="ADMIT", left_through="exit"), "")
    narrator.title("second", "Comes later.")
    narrator.tell(PassageEvent(0, "record", "completion", "row 3 is durable", 0))
    narrator.tell(PassageEvent(2, "document", "presented", "", 0))
    printed = capsys.readouterr().out
    places = [
        printed.index(words) for words in ("first", "row 3", "=> ADMIT; left through the exit door", "second", "Comes later")
    ]
    assert places == sorted(places)


def test_what_was_held_is_told_when_the_demo_breaks_off(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator(quiet=False)
    narrator.title("first", "Goes through.")
    narrator.finish()
    narrator.finish()
    assert capsys.readouterr().out.count("Goes through.") == 1


def test_a_renewed_door_time_is_told_once_in_a_phase(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator(quiet=False)
    narrator.title("slow", "Takes time.")
    unlocked = PassageEvent(1, "door", "entry_unlocked", "for at most 3 s", 10)
    for event in (unlocked, unlocked, PassageEvent(1, "phase", "return_open", "", 20), unlocked):
        narrator.tell(event)
    assert capsys.readouterr().out.count("entry unlocked") == 2


def test_an_open_door_after_a_list_hit_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for hit in (True, False):
        narrator = Narrator(quiet=False)
        narrator.title("listed", "Walks in.")
        detail = "failed: document_listed" if hit else "successful"
        narrator.tell(PassageEvent(1, "check", "document_watchlist", detail, 1))
        narrator.tell(PassageEvent(1, "decision", "entry:ADMIT", "", 2))
        assert ("stays silent" in capsys.readouterr().out) is hit


def test_nothing_is_told_before_the_first_traveller(capsys: pytest.CaptureFixture[str]) -> None:
    Narrator(quiet=False).tell(PassageEvent(0, "phase", "idle", "", 0))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("kept", "words"), [(True, "--open /d/keys/sealing.pem"), (False, "with --keep DIR it stays")])
def test_the_end_says_what_became_of_the_records(capsys: pytest.CaptureFixture[str], *, kept: bool, words: str) -> None:
    Narrator(quiet=False).conclude(Path("/d/centre/ledger.db"), None, kept=kept, failed=False)
    printed = capsys.readouterr().out
    assert words in printed
    assert ("removed" in printed) is not kept


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (PassageReport("x", outcome="REFER", left_through="none"), "=> REFER; never entered the gate"),
        (
            PassageReport("x", outcome="REFER", left_through="exit", officer={"action": "clear", "reason": "identity_confirmed"}),
            "=> REFER, then cleared by an officer (identity confirmed); left through the exit door",
        ),
    ],
)
def test_the_verdict_is_a_sentence(capsys: pytest.CaptureFixture[str], report: PassageReport, words: str) -> None:
    narrator = Narrator(quiet=False)
    narrator.verdict(report, "")
    narrator.finish()
    assert words in capsys.readouterr().out
