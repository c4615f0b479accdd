"""How far a tilting camera turns so that a seated, small or tall traveller's face comes into the middle: a pure reaction.

`step(state, off, rules) -> state`; a turn is to be made where the tilt differs. Rules: within the dead band nothing turns; one
turn is bounded, and then some frames pass, because the picture is smeared while the camera moves; the end stops are never
passed. Without a face for a while the camera looks at its low place, home, its high place and home again, in turn. At the end
of a passage whoever runs this sets the tilt back to `home_deg`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from egate.model.errors import DeviceError

DEAD_BAND = 0.10
"""Of the frame's height: a face so near to the middle is good, and nobody is followed about by a nodding camera."""
LARGEST_TURN_DEG = 12.0
SETTLE_FRAMES = 5
SEARCH_FRAMES = 15
"""Frames without a face before the next place is looked at; a second at most gates' rates."""
SEARCH_SHARE = 0.8
"""Of the frame's height: how far the places of the search lie apart, so that none is left out between them."""
SMALLEST_TURN_DEG = 0.5
_PLACES = (-1, 0, 1, 0)


@dataclass(frozen=True, slots=True)
class TiltRules:
    """End stops and home in degrees, upwards positive, and the vertical angle of view in degrees."""

    least_deg: float
    most_deg: float
    home_deg: float
    view_deg: float

    def __post_init__(self) -> None:
        if not -90 <= self.least_deg <= self.home_deg <= self.most_deg <= 90:
            raise DeviceError(
                "configure a tilting camera",
                f"its home of {self.home_deg:g}° must lie between its stops of {self.least_deg:g}° and {self.most_deg:g}°",
            )
        if not 10 <= self.view_deg <= 150:
            raise DeviceError("configure a tilting camera", "its vertical angle of view must lie between 10° and 150°")


@dataclass(frozen=True, slots=True)
class TiltState:
    """Where the camera looks, frames that are still waited, frames without a face, and the place of the search."""

    tilt_deg: float
    settling: int = 0
    blind: int = 0
    place: int = 0


def at_home(rules: TiltRules) -> TiltState:
    """The state at the start of a passage."""
    return TiltState(rules.home_deg)


def step(state: TiltState, off: float | None, rules: TiltRules) -> TiltState:
    """The state after one frame. `off` is where the face is: −0.5 at the top of the frame, 0.5 at its foot, None for no face."""
    if state.settling:
        return replace(state, settling=state.settling - 1)
    if off is None:
        return _search(state, rules)
    seen = replace(state, blind=0, place=0)
    if abs(off) <= DEAD_BAND:
        return seen
    return _turned(seen, state.tilt_deg - _angle_deg(off, rules.view_deg), rules)


def _search(state: TiltState, rules: TiltRules) -> TiltState:
    blind = replace(state, blind=state.blind + 1)
    if blind.blind < SEARCH_FRAMES:
        return blind
    side = _PLACES[state.place % len(_PLACES)]
    wanted = _clamped(rules.home_deg + side * SEARCH_SHARE * rules.view_deg, rules)
    return TiltState(wanted, SETTLE_FRAMES if wanted != state.tilt_deg else 0, 0, state.place + 1)


def _turned(state: TiltState, wanted_deg: float, rules: TiltRules) -> TiltState:
    turn = min(LARGEST_TURN_DEG, max(-LARGEST_TURN_DEG, wanted_deg - state.tilt_deg))
    wanted = _clamped(state.tilt_deg + turn, rules)
    if abs(wanted - state.tilt_deg) < SMALLEST_TURN_DEG:
        return state
    return replace(state, tilt_deg=wanted, settling=SETTLE_FRAMES)


def _clamped(tilt_deg: float, rules: TiltRules) -> float:
    return min(rules.most_deg, max(rules.least_deg, tilt_deg))


def _angle_deg(off: float, view_deg: float) -> float:
    """The angle from the optical axis to a row of the frame (pinhole)."""
    return math.degrees(math.atan(2 * off * math.tan(math.radians(view_deg / 2))))
