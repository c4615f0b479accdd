"""Which hint the traveller sees: one at a time, long enough to be read, never flickering (S9).

Frames ask for hints as they come; `guided` decides what is shown. Rule: between two changes lies at least `LEAST_SHOWN_S`, a
change needs the new wish for `STEADY_S` without a break, and a hint that nobody asked for since `STALE_S` gives way to the
newest wish. Within one frame the order of `ORDER` holds: what a traveller can act on first comes first.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from egate.model.face import CaptureHint

LEAST_SHOWN_S = 1.0
"""Three words are read in that time."""

STEADY_S = 0.25
"""Three frames at 12 a second: no chance find."""

STALE_S = 1.5
"""When wishes change with every frame, the shown one may not stay for ever."""

ORDER = (
    CaptureHint.SEVERAL_FACES,
    CaptureHint.NO_FACE,
    CaptureHint.COME_CLOSER,
    CaptureHint.STEP_BACK,
    CaptureHint.MOVE_LEFT,
    CaptureHint.MOVE_RIGHT,
    CaptureHint.TOO_HIGH,
    CaptureHint.TOO_LOW,
    CaptureHint.LOOK_STRAIGHT,
    CaptureHint.MORE_LIGHT,
    CaptureHint.LESS_LIGHT,
    CaptureHint.HOLD_STILL,
    CaptureHint.UNCOVER_FACE,
    CaptureHint.OPEN_EYES,
    CaptureHint.CLOSE_MOUTH,
)
"""Where to stand, where to look, light, stillness, then the face itself: a later fault is often only seen without an earlier."""


@dataclass(frozen=True, slots=True)
class Guidance:
    """What is shown since when, when it was last asked for, and what is asked for instead since when; times in seconds."""

    shown: CaptureHint | None = None
    shown_s: float = 0.0
    asked_s: float = 0.0
    wish: CaptureHint = CaptureHint.NONE
    wish_s: float = 0.0


def first_of(hints: Collection[CaptureHint]) -> CaptureHint:
    """The one hint of a frame that matters most; NONE when there is none."""
    return next((hint for hint in ORDER if hint in hints), CaptureHint.NONE)


def guided(state: Guidance, wish: CaptureHint, now_s: float) -> Guidance:
    """What is shown after a frame that asks for `wish`."""
    if state.shown is None:
        return Guidance(wish, now_s, now_s, wish, now_s)
    if wish is not state.wish:
        state = replace(state, wish=wish, wish_s=now_s)
    if wish is state.shown:
        return replace(state, asked_s=now_s)
    steady = now_s - state.wish_s >= STEADY_S or now_s - state.asked_s >= STALE_S
    if steady and now_s - state.shown_s >= LEAST_SHOWN_S:
        return replace(state, shown=wish, shown_s=now_s, asked_s=now_s)
    return state
