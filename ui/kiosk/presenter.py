"""From the controller's view to the kiosk's screen. Pure: the same state gives the same screen; no Qt, no clock.

The traveller's own choice of language lives as long as the traveller: it is made before or during a passage and ends when the
lane is ready for the next one, or when nobody came for a while. Everything else the screen says comes from the newest view;
the kiosk never announces a step by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from egate.ipc.messages import (
    LanguageWished,
    Message,
    Place,
    TravellerHelpWished,
    TravellerHint,
    TravellerStep,
    TravellerView,
)
from ui.common.i18n import LANGUAGES, Catalogue, catalogue, language_of
from ui.common.tokens import Tone
from ui.kiosk.view_state import Controls, KioskScreen, LanguageChoice, LanguagePage, Picture
from ui.kiosk.view_state import Look as LookAt

FORGET_CHOICE_S = 30.0
"""A language chosen at an idle gate by somebody who went away is forgotten after this."""

HELP_SHOWN_S = 15.0
"""How long the help button says that help was called."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a step looks: tone, picture, its place among the four steps, and the id of its texts."""

    tone: Tone
    picture: Picture
    step: int
    texts: str


LOOKS: dict[TravellerStep, Look] = {
    TravellerStep.PLACE_DOCUMENT: Look(Tone.DAY, Picture.PLACE, 1, "kiosk.place"),
    TravellerStep.KEEP_DOCUMENT: Look(Tone.DAY, Picture.READ, 2, "kiosk.keep"),
    TravellerStep.GO_TO_GATE: Look(Tone.DAY, Picture.TO_GATE, 3, "kiosk.to_gate"),
    TravellerStep.WAIT_FOR_GATE: Look(Tone.DAY, Picture.SOON, 3, "kiosk.soon"),
    TravellerStep.WALK_IN: Look(Tone.DAY, Picture.WALK_IN, 3, "kiosk.walk"),
    TravellerStep.LOOK_AT_CAMERA: Look(Tone.DAY, Picture.CAMERA, 3, "kiosk.look"),
    TravellerStep.GO: Look(Tone.GO, Picture.GO, 0, "kiosk.go"),
    TravellerStep.WAIT_FOR_OFFICER: Look(Tone.WAIT, Picture.OFFICER, 0, "kiosk.wait"),
    TravellerStep.RETURN: Look(Tone.WAIT, Picture.BACK, 0, "kiosk.return"),
    TravellerStep.CLOSED: Look(Tone.CLOSED, Picture.CLOSED, 0, "kiosk.closed"),
    TravellerStep.EMERGENCY: Look(Tone.EMERGENCY, Picture.EXIT, 0, "kiosk.emergency"),
}
"""Every step has exactly one look. The referral has one, whatever its reason."""

LOOK_OF_HINT = {
    TravellerHint.PRESENT_AGAIN: Look(Tone.DAY, Picture.PLACE, 1, "kiosk.again"),
    TravellerHint.KIOSK_FIRST: Look(Tone.DAY, Picture.PLACE, 1, "kiosk.kiosk_first"),
}
"""Hints that say another sentence than their step."""

_WITHOUT_HELP = frozenset({TravellerStep.CLOSED, TravellerStep.EMERGENCY, TravellerStep.WAIT_FOR_OFFICER})
_COLOUR = re.compile("#[0-9a-f]{6}")
_LOOKS_AT = {look.value: look for look in LookAt if look is not LookAt.NOWHERE}
_WITHOUT_LANGUAGE = frozenset({TravellerStep.EMERGENCY})


@dataclass(frozen=True, slots=True)
class KioskState:
    """What the kiosk knows; times are seconds on the monotonic clock.

    `choice` is the traveller's language or empty, `home_language` the one to speak while no controller says another, `place`
    where the screen stands.
    """

    view: TravellerView | None = None
    number: int = 0
    alive: bool = False
    choice: str = ""
    choice_s: float = field(default=0.0)
    choosing: bool = False
    help_called_s: float | None = None
    home_language: str = "en"
    place: Place = Place.OUTSIDE


def welcomed(state: KioskState, number: int) -> KioskState:
    """The controller said which gate this is."""
    return replace(state, number=number)


def lost(state: KioskState) -> KioskState:
    """The controller is gone: whatever belonged to a traveller goes with it."""
    return replace(state, alive=False, view=None, choice="", choosing=False, help_called_s=None)


def concerns(state: KioskState, view: TravellerView) -> bool:
    """Whether a view is for the place where this screen stands. A kiosk far from the gate shows nothing of the gate."""
    return view.place is state.place or (view.place is Place.ANYWHERE and state.place is not Place.KIOSK)


def viewed(state: KioskState, view: TravellerView) -> KioskState:
    """A new view came. A traveller who left takes language, open pages and the call for help along."""
    if not concerns(state, view):
        return replace(state, alive=True)
    before = state.view
    stepped = before is None or before.step is not view.step
    state = replace(state, view=view, alive=True, choosing=state.choosing and not stepped)
    if stepped:
        state = replace(state, help_called_s=None)
    return replace(state, choice="") if _next_traveller(before, view) else state


def language_chosen(state: KioskState, code: str, now_s: float) -> tuple[KioskState, tuple[Message, ...]]:
    """The traveller picked a language: the screen turns at once, the controller is told."""
    chosen = language_of(code).code
    return replace(state, choice=chosen, choice_s=now_s, choosing=False), (LanguageWished(chosen, state.place),)


def languages_opened(state: KioskState, now_s: float) -> KioskState:
    """The language page was opened."""
    return replace(state, choosing=True, choice_s=now_s)


def languages_left(state: KioskState) -> KioskState:
    """The language page was left without a choice."""
    return replace(state, choosing=False)


def help_pressed(state: KioskState, now_s: float) -> tuple[KioskState, tuple[Message, ...]]:
    """The traveller called for help; pressing again while it is on its way changes nothing."""
    if state.help_called_s is not None or not state.alive:
        return state, ()
    return replace(state, help_called_s=now_s), (TravellerHelpWished(state.place),)


def time_passed(state: KioskState, now_s: float) -> tuple[KioskState, tuple[Message, ...]]:
    """Forget what is older than its time: a called help's notice, and the language of somebody who went away."""
    if state.help_called_s is not None and now_s - state.help_called_s >= HELP_SHOWN_S:
        state = replace(state, help_called_s=None)
    waiting = state.view is not None and state.view.step is TravellerStep.PLACE_DOCUMENT
    if (state.choice or state.choosing) and waiting and now_s - state.choice_s >= FORGET_CHOICE_S:
        return replace(state, choice="", choosing=False), ()
    return state, ()


def present(state: KioskState) -> KioskScreen:
    """The screen for a state; a silent controller is a closed gate."""
    view = state.view if state.alive and state.view is not None else _closed_view(state)
    language = language_of(state.choice or view.language)
    texts = catalogue("kiosk", language.code)
    look = LOOK_OF_HINT.get(view.hint, LOOKS[view.step])
    camera = look.picture is Picture.CAMERA
    return KioskScreen(
        moment=view.step.value,
        tone=look.tone,
        picture=look.picture,
        step=look.step,
        step_names=_step_names(texts) if look.step else (),
        gate_word=texts.text("kiosk.gate"),
        gate_number=str(state.number) if state.number else "",
        title=texts.text(f"{look.texts}.title"),
        hint="" if camera else texts.text(f"{look.texts}.hint"),
        pill=_pill(view, texts) if camera else "",
        progress=min(1.0, max(0.0, view.progress)),
        language=language.code,
        right_to_left=language.right_to_left,
        controls=_controls(state, view.step, texts),
        languages=_language_page(texts) if state.choosing and view.step not in _WITHOUT_LANGUAGE else None,
        flood=view.challenge if camera and _COLOUR.fullmatch(view.challenge) else "",
        look=_LOOKS_AT.get(view.challenge, LookAt.NOWHERE) if camera else LookAt.NOWHERE,
    )


def _pill(view: TravellerView, texts: Catalogue) -> str:
    """The one sentence beside the camera's picture: where to look while that is asked, else the hint."""
    if view.challenge in _LOOKS_AT:
        return texts.text("kiosk.challenge.look")
    return texts.text(f"kiosk.camera.{view.camera_hint.value}")


def _closed_view(state: KioskState) -> TravellerView:
    """What stands in for a view when the controller is silent."""
    return TravellerView(0, 0, TravellerStep.CLOSED, language=state.home_language)


def _next_traveller(before: TravellerView | None, view: TravellerView) -> bool:
    """Whether the one who chose a language is gone: the lane waits for a document again, or went to another passage.

    A passage that begins from the waiting screen belongs to the one who chose there, and a document that was taken away too
    early is presented again by the same traveller.
    """
    if before is None:
        return False
    if view.step is TravellerStep.PLACE_DOCUMENT:
        return before.step is not TravellerStep.PLACE_DOCUMENT and view.hint is not TravellerHint.PRESENT_AGAIN
    return before.passage != view.passage and before.step is not TravellerStep.PLACE_DOCUMENT


def _step_names(texts: Catalogue) -> tuple[str, ...]:
    return tuple(texts.text(f"kiosk.step.{name}") for name in ("passport", "chip", "face", "go"))


def _controls(state: KioskState, step: TravellerStep, texts: Catalogue) -> Controls:
    called = state.help_called_s is not None
    return Controls(
        language="" if step in _WITHOUT_LANGUAGE else texts.language.name,
        language_description=texts.text("kiosk.languages.description"),
        help="" if step in _WITHOUT_HELP else texts.text("kiosk.help.sent" if called else "kiosk.help"),
        help_description=texts.text("kiosk.help.description"),
        help_is_called=called,
    )


def _language_page(texts: Catalogue) -> LanguagePage:
    choices = tuple(LanguageChoice(entry.code, entry.name, entry.code == texts.language.code) for entry in LANGUAGES)
    return LanguagePage(texts.text("kiosk.languages.title"), texts.text("kiosk.languages.back"), choices)
