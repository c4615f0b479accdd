"""The kiosk's presenter: every step has its screen, a referral has one screen, and nothing outlives its traveller."""

from __future__ import annotations

import dataclasses

import pytest

from egate.ipc.messages import LanguageWished, TravellerHelpWished, TravellerHint, TravellerStep, TravellerView
from egate.model.face import CaptureHint
from ui.common.i18n import LANGUAGES
from ui.common.tokens import Tone
from ui.kiosk import presenter
from ui.kiosk.presenter import FORGET_CHOICE_S, HELP_SHOWN_S, KioskState, present
from ui.kiosk.view_state import KioskScreen, Picture

S = TravellerStep


def state_at(step: TravellerStep, passage: int = 1, **fields: object) -> KioskState:
    view = TravellerView(1, passage, step, **fields)  # type: ignore[arg-type]  # the test names fields of the view
    return presenter.viewed(presenter.welcomed(KioskState(), 3), view)


def after(state: KioskState, step: TravellerStep, passage: int, **fields: object) -> KioskState:
    view = TravellerView(2, passage, step, **fields)  # type: ignore[arg-type]  # the test names fields of the view
    return presenter.viewed(state, view)


@pytest.mark.parametrize("step", list(TravellerStep))
def test_every_step_has_its_own_screen(step: TravellerStep) -> None:
    screens = {other: present(state_at(other)) for other in TravellerStep}
    screen = screens[step]
    assert screen.moment == step.value
    assert screen.title
    assert bool(screen.hint) != bool(screen.pill)
    assert [other for other in TravellerStep if screens[other].title == screen.title] == [step]


@pytest.mark.parametrize("step", list(TravellerStep))
def test_a_screen_has_few_words(step: TravellerStep) -> None:
    screen = present(state_at(step))
    assert len(f"{screen.title} {screen.hint} {screen.pill}".split()) <= 12


def test_the_steps_count_up() -> None:
    order = [S.PLACE_DOCUMENT, S.KEEP_DOCUMENT, S.WALK_IN, S.LOOK_AT_CAMERA, S.GO]
    assert [present(state_at(step)).step for step in order] == [1, 2, 3, 3, 0]


def test_no_message_for_the_kiosk_has_a_field_for_a_person_a_check_or_a_reason() -> None:
    assert {field.name for field in dataclasses.fields(TravellerView)} == {
        "revision",
        "passage",
        "step",
        "hint",
        "camera_hint",
        "progress",
        "language",
        "place",
        "challenge",
    }
    words = {"reason", "check", "hit", "score", "name", "because", "outcome"}
    assert not words & {field.name for field in dataclasses.fields(KioskScreen)}


@pytest.mark.parametrize("before", [S.KEEP_DOCUMENT, S.WALK_IN, S.LOOK_AT_CAMERA, S.PLACE_DOCUMENT])
@pytest.mark.parametrize("hint", list(CaptureHint))
def test_a_referral_is_the_same_screen_wherever_it_comes_from(before: TravellerStep, hint: CaptureHint) -> None:
    state = after(state_at(before, camera_hint=hint, progress=0.7), S.WAIT_FOR_OFFICER, 1)
    assert present(state) == present(state_at(S.WAIT_FOR_OFFICER))


def test_only_the_camera_has_a_pill() -> None:
    screen = present(state_at(S.LOOK_AT_CAMERA, camera_hint=CaptureHint.COME_CLOSER))
    assert (screen.pill, screen.hint, screen.picture) == ("Come a little closer", "", Picture.CAMERA)


def test_presenting_again_asks_again() -> None:
    assert present(state_at(S.PLACE_DOCUMENT, hint=TravellerHint.PRESENT_AGAIN)).title == "Please place it again"


@pytest.mark.parametrize(("given", "shown"), [(-1.0, 0.0), (0.4, 0.4), (7.0, 1.0)])
def test_progress_stays_in_its_bounds(given: float, shown: float) -> None:
    assert present(state_at(S.KEEP_DOCUMENT, progress=given)).progress == shown


def test_a_silent_controller_is_a_closed_gate() -> None:
    assert present(KioskState()).tone is Tone.CLOSED
    gone = presenter.lost(state_at(S.LOOK_AT_CAMERA, language="ar"))
    screen = present(gone)
    assert (screen.tone, screen.moment, screen.language) == (Tone.CLOSED, "closed", "en")
    assert screen.gate_number == "3"
    assert screen.controls.help == ""


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_the_view_chooses_the_language_and_the_direction(language: object) -> None:
    screen = present(state_at(S.GO, language=language.code))  # type: ignore[attr-defined]  # parametrize loses the type
    assert screen.language == language.code  # type: ignore[attr-defined]
    assert screen.right_to_left is (screen.language == "ar")


def test_a_choice_turns_the_screen_and_tells_the_controller() -> None:
    state, messages = presenter.language_chosen(state_at(S.PLACE_DOCUMENT), "ar", 0.0)
    assert messages == (LanguageWished("ar"),)
    assert present(state).language == "ar"


def test_a_choice_lasts_through_the_passage_and_no_longer() -> None:
    state, _ = presenter.language_chosen(state_at(S.PLACE_DOCUMENT, 1), "de", 0.0)
    for step in (S.KEEP_DOCUMENT, S.WALK_IN, S.LOOK_AT_CAMERA, S.GO):
        state = after(state, step, 2)
        assert present(state).language == "de", step
    assert present(after(state, S.PLACE_DOCUMENT, 2)).language == "en"


def test_the_next_passage_begins_in_the_views_language_even_without_a_waiting_screen() -> None:
    state, _ = presenter.language_chosen(state_at(S.GO, 1), "de", 0.0)
    assert present(after(state, S.KEEP_DOCUMENT, 2)).language == "en"


def test_presenting_again_keeps_the_choice() -> None:
    state, _ = presenter.language_chosen(state_at(S.KEEP_DOCUMENT, 1), "de", 0.0)
    state = after(state, S.PLACE_DOCUMENT, 1, hint=TravellerHint.PRESENT_AGAIN)
    assert present(state).language == "de"


def test_a_choice_of_somebody_who_went_away_is_forgotten() -> None:
    state, _ = presenter.language_chosen(state_at(S.PLACE_DOCUMENT), "de", 10.0)
    kept, _ = presenter.time_passed(state, 10.0 + FORGET_CHOICE_S - 0.1)
    assert present(kept).language == "de"
    forgotten, _ = presenter.time_passed(state, 10.0 + FORGET_CHOICE_S)
    assert present(forgotten).language == "en"


def test_the_language_page_opens_and_closes() -> None:
    state = presenter.languages_opened(state_at(S.PLACE_DOCUMENT), 0.0)
    page = present(state).languages
    assert page is not None
    assert [(choice.code, choice.chosen) for choice in page.choices] == [("en", True), ("de", False), ("ar", False)]
    assert present(presenter.languages_left(state)).languages is None
    assert present(after(state, S.KEEP_DOCUMENT, 2)).languages is None
    assert present(after(state, S.EMERGENCY, 1)).languages is None


def test_help_is_called_once_and_the_notice_goes() -> None:
    state, messages = presenter.help_pressed(state_at(S.PLACE_DOCUMENT), 5.0)
    assert messages == (TravellerHelpWished(),)
    assert present(state).controls.help == "Help is called"
    assert presenter.help_pressed(state, 6.0) == (state, ())
    later, _ = presenter.time_passed(state, 5.0 + HELP_SHOWN_S)
    assert present(later).controls.help == "Help"


def test_help_is_not_offered_where_it_is_on_its_way_or_nobody_listens() -> None:
    for step in (S.WAIT_FOR_OFFICER, S.CLOSED, S.EMERGENCY):
        assert present(state_at(step)).controls.help == ""
    assert presenter.help_pressed(KioskState(), 0.0) == (KioskState(), ())


def test_the_notice_of_help_goes_with_the_step() -> None:
    state, _ = presenter.help_pressed(state_at(S.PLACE_DOCUMENT), 5.0)
    assert not present(after(state, S.KEEP_DOCUMENT, 2)).controls.help_is_called
