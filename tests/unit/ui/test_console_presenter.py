"""What the console shows: five words, scores against thresholds, candidates with evidence, and who is on post."""

from __future__ import annotations

from dataclasses import replace

import pytest

from egate.ipc.messages import AlarmView, LaneView, StaleView, WishAnswer
from egate.model.accuracy import Verdict
from egate.model.checks import CheckName, CheckResult, Outcome
from egate.model.lane import Alarm, LanePhase, OfficerReason
from egate.supply.expiry import Stale
from ui.common.i18n import catalogue
from ui.guard import state as reactions
from ui.guard.case_presenter import date_text
from ui.guard.presenter import HAND_OVER_S, NO_BREAK, age_text, present
from ui.guard.state import ConsoleState
from ui.guard.view_state import CaseScreen, ConsoleScreen, EmptyCase, Severity
from ui.tools.samples import CAPTURE, CLOSED, IDLE, INACCURATE, MISMATCH, REFERRED, STALE

EN = catalogue("guard", "en")


def console(*views: LaneView) -> ConsoleState:
    state = reactions.begin(len(views), "7731", 0.0)
    for place, view in enumerate(views):
        state, _ = reactions.viewed(state, place, view, 100.0)
    return state


def show(*views: LaneView, now_s: float = 100.0, language: str = "en") -> ConsoleScreen:
    return present(console(*views), catalogue("guard", language), now_s)


def case_of(view: LaneView, language: str = "en") -> CaseScreen:
    case = show(view, language=language).case
    assert isinstance(case, CaseScreen)
    return case


def plain(text: str) -> str:
    return text.replace("\u2066", "").replace("\u2069", "").replace(NO_BREAK, " ")


def test_every_check_is_shown_once_with_its_word() -> None:
    rows = [row for column in case_of(REFERRED).checks for _, group in column.groups for row in group]
    assert len(rows) == len(CheckName)
    words = {row.result: row.word for row in rows}
    assert words == {
        CheckResult.SUCCESSFUL: "successful",
        CheckResult.FAILED: "failed",
        CheckResult.UNDETERMINED: "undetermined",
        CheckResult.ABORTED: "aborted",
        CheckResult.NOT_SUPPORTED: "not supported",
    }


def test_the_decision_says_why() -> None:
    case = case_of(REFERRED)
    assert case.outcome == "Referred"
    assert plain(case.because) == "because of: Same face (the faces differ, sface), Person lists (a list fits the person)"
    undecided = case_of(CAPTURE)
    assert (undecided.outcome, undecided.because) == ("", "")


def test_a_code_has_words_in_every_language_or_stands_as_it_is() -> None:
    check = next(check for check in MISMATCH.checks if check.name is CheckName.FACE_MATCH)
    words = {}
    for code in ("face_differs", "code_of_a_newer_lane"):
        case = replace(MISMATCH, because=(check.name,), checks=(replace(check, code=code, detail=""),))
        words[code] = [plain(case_of(replace(REFERRED, case=case), language).because) for language in ("en", "de", "ar")]
    assert words["face_differs"][0].endswith("(the faces differ)")
    assert words["face_differs"][1].endswith("(die Gesichter weichen ab)")
    assert words["face_differs"][2].endswith("(الوجهان مختلفان)")
    assert all(text.endswith("(code of a newer lane)") for text in words["code_of_a_newer_lane"])


def test_scores_stand_against_their_threshold_with_the_claimed_rate() -> None:
    gate, second = case_of(REFERRED).scores
    assert gate.title == "Gate's comparison · sface"
    assert gate.threshold_text == "threshold 0.450 · claimed FMR 0.1 %"
    assert (gate.value_text, gate.verdict, gate.reached) == ("0.214", "below", False)
    assert (second.title, second.second_opinion) == ("Second opinion · dlib", True)


def test_a_score_on_the_threshold_is_reached() -> None:
    score = replace(MISMATCH.scores[0], value=0.450)
    assert case_of(replace(REFERRED, case=replace(MISMATCH, scores=(score,)))).scores[0].reached


def test_a_score_outside_the_usual_range_stays_on_its_bar() -> None:
    for value in (-0.3, 1.7):
        score = replace(MISMATCH.scores[0], value=value)
        row = case_of(replace(REFERRED, case=replace(MISMATCH, scores=(score,)))).scores[0]
        assert row.low <= value <= row.high


def test_candidates_come_with_evidence_and_the_reminder_to_be_silent() -> None:
    hits = case_of(REFERRED).hits
    assert hits is not None
    assert "Do not tell the traveller" in hits.reminder
    assert plain(hits.entries[0][0]) == "same name, same date of birth · wanted-persons · 17"
    assert len(hits.entries[0][1]) == 2
    assert case_of(CAPTURE).hits is None


def test_a_rule_without_a_text_is_shown_as_it_is_called() -> None:
    hit = replace(MISMATCH.hits[0], rule="name_sounds_alike")
    hits = case_of(replace(REFERRED, case=replace(MISMATCH, hits=(hit,)))).hits
    assert hits is not None
    assert plain(hits.entries[0][0]).startswith("name sounds alike · ")


@pytest.mark.parametrize("phase", [LanePhase.READING, LanePhase.ENTRY_OPEN, LanePhase.ENTRY_CLOSING, LanePhase.CAPTURE])
def test_nobody_is_called_admitted_before_the_face_is_compared(phase: LanePhase) -> None:
    at_entry = replace(REFERRED, phase=phase, case=replace(MISMATCH, outcome=Outcome.ADMIT))
    assert case_of(at_entry).outcome == "May walk in"
    assert case_of(replace(at_entry, phase=LanePhase.RECORDING)).outcome == "Admitted"
    assert case_of(replace(at_entry, case=MISMATCH)).outcome == "Referred"


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Cleared"), ("de", "Freigegeben"), ("ar", "سمح الموظف بالعبور")], ids=["en", "de", "ar"]
)
@pytest.mark.parametrize("phase", [LanePhase.EXIT_OPEN, LanePhase.EXIT_CLOSING])
def test_who_was_cleared_is_not_called_referred_any_more(language: str, words: str, phase: LanePhase) -> None:
    case = case_of(replace(REFERRED, phase=phase), language)
    assert (case.outcome, case.referred) == (words, False)
    assert case.because
    assert case_of(replace(REFERRED, phase=phase, case=replace(MISMATCH, outcome=Outcome.ADMIT)), language).outcome != words


def test_a_cleared_case_keeps_why_it_was_referred() -> None:
    assert plain(case_of(replace(REFERRED, phase=LanePhase.EXIT_OPEN)).because).startswith("referred because of: Same face (")


@pytest.mark.parametrize("phase", [LanePhase.REFERRED, LanePhase.REFERRED_OUTSIDE, LanePhase.RETURN_OPEN, LanePhase.EMERGENCY])
def test_only_the_exit_makes_a_referral_cleared(phase: LanePhase) -> None:
    case = case_of(replace(REFERRED, phase=phase))
    assert (case.outcome, case.referred) == ("Referred", True)


def test_lost_devices_are_named_in_the_officers_language() -> None:
    lost = replace(CLOSED, devices_lost=("camera", "chip reader", "scale of a newer lane"))
    details = [plain(show(lost, language=language).tiles[0].detail) for language in ("en", "de", "ar")]
    assert details == [
        "Not answering: camera · chip reader · scale of a newer lane",
        "Ohne Antwort: Kamera · Chipleser · scale of a newer lane",
        "لا يستجيب: الكاميرا · قارئ الشريحة · scale of a newer lane",
    ]


def test_what_will_not_come_any_more_is_not_called_yet() -> None:
    referred, waiting = case_of(REFERRED), case_of(CAPTURE)
    assert (referred.no_scores, referred.photos.none_text) == ("No comparison", "No picture")
    assert (waiting.no_scores, waiting.photos.none_text) == ("No comparison yet", "No picture yet")


def test_the_document_is_shown_without_an_invented_century() -> None:
    document = dict(case_of(REFERRED).document)
    assert document["Name"] == "ERIKSSON / ANNA MARIA"
    assert plain(document["Born, sex"]) == "12 AUG 74 · F"
    assert plain(document["Expires"]) == "15 APR 32"
    for printed in ("7408<<", "741312", "740012", "74081", "7408²2"):
        assert date_text(printed) == printed
    assert date_text("") == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (59.9, "59 s"),
        (60, "1:00 min"),
        (125, "2:05 min"),
        (3600, "1:00 h"),
        (7384, "2:03 h"),
        (172_799, "47:59 h"),
        (172_800, "2 d"),
    ],
)
def test_ages_are_short(seconds: float, text: str) -> None:
    assert plain(age_text(seconds)) == text


def test_ages_go_on_between_views() -> None:
    assert plain(show(REFERRED, now_s=109.0).tiles[0].age) == "30 s"


def test_tiles_are_calm_or_call() -> None:
    tiles = show(IDLE, CAPTURE, REFERRED, CLOSED).tiles
    assert [tile.severity.value if tile.severity else 0 for tile in tiles] == [0, 0, 1, 4]
    assert tiles[2].doors == "Entry locked · Exit locked"
    assert tiles[3].detail == "Not answering: page reader"
    assert "Gate 3" in tiles[2].accessible


def test_a_tiles_segments_take_the_worst_of_their_group() -> None:
    results = [segment.result for segment in show(REFERRED).tiles[0].segments]
    assert results == [
        CheckResult.SUCCESSFUL,
        CheckResult.ABORTED,
        CheckResult.SUCCESSFUL,
        CheckResult.FAILED,
        CheckResult.FAILED,
    ]


def test_a_lost_lane_says_so_and_keeps_no_case() -> None:
    state = reactions.lost(console(REFERRED), 0, 100.0)
    screen = present(state, EN, 140.0)
    assert screen.tiles[0].title == "Connection lost"
    assert not screen.tiles[0].alive
    assert isinstance(screen.case, EmptyCase)
    assert "ERIKSSON" not in str(screen)
    assert [row.title for row in screen.alarms] == ["Gate not answering"]


def test_an_idle_lane_has_no_case() -> None:
    assert isinstance(show(IDLE).case, EmptyCase)


def test_totals_are_those_of_all_lanes() -> None:
    assert show(IDLE, REFERRED).header.totals[0] == ("800", "admitted")


def test_an_officer_too_long_on_post_is_told() -> None:
    assert not show(IDLE, now_s=HAND_OVER_S - 1).header.too_long
    header = show(IDLE, now_s=HAND_OVER_S).header
    assert header.too_long
    assert header.on_post == "On post 60 min – hand over"


def test_actions_wait_for_a_reason() -> None:
    state = console(REFERRED)
    assert not any(action.enabled for action in present(state, EN, 100.0).actions.actions)
    ready = present(reactions.reasoned(state, OfficerReason.TO_DESK), EN, 100.0).actions
    assert [(action.key, action.enabled) for action in ready.actions] == [("F5", True), ("F6", True), ("F7", True), ("F8", True)]
    assert [reason.key for reason in ready.reasons if reason.chosen] == ["5"]


def test_a_closed_lane_is_offered_service() -> None:
    actions = show(CLOSED).actions.actions
    assert actions[3].text == "Into service"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (WishAnswer(taken=True), "Taken by gate 3"),
        (WishAnswer(taken=False, code="expired"), "Not taken by gate 3: too late, try again"),
        (WishAnswer(taken=False, code="new_word"), "Not taken by gate 3: new_word"),
    ],
)
def test_a_wishs_answer_is_shown(answer: WishAnswer, text: str) -> None:
    assert present(reactions.answered(console(REFERRED), 0, answer, 100.0), EN, 100.0).actions.notice == text


def test_personal_data_do_not_show_in_a_repr() -> None:
    assert "ERIKSSON" not in repr(show(REFERRED))
    assert "surname one letter off" not in repr(show(REFERRED))


@pytest.mark.parametrize(
    ("language", "title", "detail"),
    [
        (
            "en",
            "Trust material goes stale",
            "The master list of UT is out of date from 20 DEC 2026. 2 more warnings. Tell the technician.",
        ),
        (
            "de",
            "Prüfdaten veralten",
            "Die Masterliste von UT ist ab 20 DEC 2026 veraltet. 2 weitere Warnungen. Bitte der Technik melden.",
        ),
        ("ar", "بيانات الثقة تتقادم", "القائمة الرئيسية لـ UT تصبح قديمة من 20 DEC 2026. وتحذيران آخران. أبلغ الفني."),
    ],
)
def test_stale_trust_says_what_and_until_when(language: str, title: str, detail: str) -> None:
    (row,) = show(STALE, language=language).alarms
    assert (row.title, plain(row.detail), row.severity, plain(row.age)) == (title, detail, Severity.LOW, "2:00 h")


@pytest.mark.parametrize("language", ["en", "de", "ar"])
@pytest.mark.parametrize("already", [False, True])
@pytest.mark.parametrize("what", list(Stale))
def test_everything_that_goes_stale_has_a_sentence_of_its_own(what: Stale, already: bool, language: str) -> None:
    stale = StaleView(what.value, "UT", "2026-12-20", already)
    key = f"guard.stale.{what.value.replace(' ', '_')}_{'since' if already else 'soon'}"
    texts = catalogue("guard", language)
    assert texts.known(key)
    detail = show(replace(STALE, stale=stale), language=language).alarms[0].detail
    assert plain(detail) == f"{texts.text(key, country='UT', due='20 DEC 2026')} {texts.text('guard.stale.tell')}"


def test_stale_trust_of_a_newer_lane_is_shown_as_it_is_called() -> None:
    newer = replace(STALE, stale=StaleView("deviation list", "UT", "2026-12-20", already=True, others=1))
    assert plain(show(newer).alarms[0].detail) == "deviation list: UT, 2026-12-20. 1 more warning. Tell the technician."
    assert show(replace(STALE, stale=None)).alarms[0].detail == ""


def test_stale_trust_marks_the_lane_but_never_a_travellers_case() -> None:
    alarm = AlarmView(Alarm.TRUST_STALE, 1.0)
    shown = replace(CAPTURE, alarms=(alarm,), stale=STALE.stale)
    assert show(shown).tiles[0].severity is Severity.LOW
    assert case_of(shown).severity is None
    assert case_of(replace(shown, alarms=(AlarmView(Alarm.REFERRAL, 1.0), alarm))).severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("language", "title", "detail"),
    [
        (
            "en",
            "False matches out of range",
            "Of 48200 comparisons of different people 0.2 % matched; 0.1 % is the limit. Compare every face yourself."
            " Tell the technician.",
        ),
        (
            "de",
            "Falsche Treffer außerhalb des Rahmens",
            "Von 48200 Vergleichen verschiedener Personen stimmten 0.2 % überein; 0.1 % ist die Grenze."
            " Bitte jedes Gesicht selbst vergleichen. Bitte der Technik melden.",
        ),
        (
            "ar",
            "المطابقات الخاطئة خارج الحدود",
            "من بين 48200 مقارنة لأشخاص مختلفين تطابق 0.2 %، والحد هو 0.1 %. قارن كل وجه بنفسك. أبلغ الفني.",
        ),
    ],
)
def test_a_rate_out_of_its_band_says_what_was_counted_and_what_to_do(language: str, title: str, detail: str) -> None:
    (row,) = show(INACCURATE, language=language).alarms
    assert (row.title, plain(row.detail), row.severity) == (title, detail, Severity.MEDIUM)


def test_a_rate_far_below_its_band_says_that_people_may_be_referred_for_nothing() -> None:
    assert INACCURATE.accuracy is not None
    rare = replace(INACCURATE, accuracy=replace(INACCURATE.accuracy, verdict=Verdict.BELOW, fmr_ppm=0.0))
    assert "only 0 % matched; the limit is 0.1 %" in plain(show(rare).alarms[0].detail)
    assert show(replace(INACCURATE, accuracy=None)).alarms[0].detail == ""


def test_a_rate_out_of_its_band_marks_the_lane_but_never_a_travellers_case() -> None:
    shown = replace(CAPTURE, alarms=INACCURATE.alarms, accuracy=INACCURATE.accuracy)
    assert show(shown).tiles[0].severity is Severity.MEDIUM
    assert case_of(shown).severity is None
