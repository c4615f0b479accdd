"""What the kiosk shows, as values. No Qt, and no field for a person, a check or a reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ui.common.tokens import Tone


class Picture(Enum):
    """The one large picture in the middle."""

    PLACE = "place"
    READ = "read"
    TO_GATE = "to_gate"
    SOON = "soon"
    WALK_IN = "walk_in"
    CAMERA = "camera"
    GO = "go"
    OFFICER = "officer"
    BACK = "back"
    CLOSED = "closed"
    EXIT = "exit"


@dataclass(frozen=True, slots=True)
class LanguageChoice:
    """One button of the language page: ISO code, the language's own name, and whether it is the one shown now."""

    code: str
    name: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class LanguagePage:
    """The page that lies over the screen while the traveller chooses a language."""

    title: str
    back: str
    choices: tuple[LanguageChoice, ...]


@dataclass(frozen=True, slots=True)
class Controls:
    """The bar at the bottom. A button whose text is empty is not shown."""

    language: str
    language_description: str
    help: str
    help_description: str
    help_is_called: bool


class Look(Enum):
    """Where a face is asked to look: a point at that edge of the screen, as the traveller sees it."""

    NOWHERE = ""
    LEFT = "look_left"
    RIGHT = "look_right"
    STRAIGHT = "look_straight"


@dataclass(frozen=True, slots=True)
class KioskScreen:
    """One whole screen. `step` is 1…4, or 0 where no step bar is shown; `progress` 0…1; texts are in `language`.

    `flood` is a colour (`#rrggbb`) that fills the screen while the camera looks, `look` where the eyes are asked to go.
    """

    moment: str
    tone: Tone
    picture: Picture
    step: int
    step_names: tuple[str, ...]
    gate_word: str
    gate_number: str
    title: str
    hint: str
    pill: str
    progress: float
    language: str
    right_to_left: bool
    controls: Controls
    languages: LanguagePage | None = None
    flood: str = ""
    look: Look = Look.NOWHERE
