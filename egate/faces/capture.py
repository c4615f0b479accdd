"""The capture as a reaction: frames come in, the best is kept, and an end is reached in every case (P12).

`step(state, event, now_s) -> (state, commands)`; no image passes through here, only what was found in each. Rules: a usable
frame has passed every bound of `egate.faces.quality`; the usable frame of the highest value is the best, and until there is a
usable one, the best unusable one is kept for the officer, never for a comparison. Several faces in a row end the capture at
once. Enough usable frames end it early, the time-out ends it with what there is. After the end nothing happens any more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from egate.model.face import CaptureHint, CaptureProgress, CaptureState, QualityScore

DEFAULT_WANTED = 6
"""Usable frames that make a choice: half a second at 12 frames a second."""

DEFAULT_SEVERAL_IN_ROW = 4
"""Consecutive frames with several faces that are no chance find of the detector."""


@dataclass(frozen=True, slots=True)
class CaptureRules:
    """When a capture ends: usable frames wanted, frames in a row with several faces, and the time-out in seconds."""

    timeout_s: float
    wanted: int = DEFAULT_WANTED
    several_in_row: int = DEFAULT_SEVERAL_IN_ROW


@dataclass(frozen=True, slots=True)
class Gathering:
    """A capture under way, or ended (`end`)."""

    rules: CaptureRules
    started_s: float
    frames_seen: int = 0
    usable_seen: int = 0
    several_in_row: int = 0
    best: QualityScore | None = None
    end: CaptureState | None = None


@dataclass(frozen=True, slots=True)
class FrameSeen:
    """One frame was judged."""

    quality: QualityScore


@dataclass(frozen=True, slots=True)
class TimePassed:
    """No frame, but the clock went on."""


@dataclass(frozen=True, slots=True)
class CameraLost:
    """The camera gives no more frames."""


@dataclass(frozen=True, slots=True)
class KeepFrame:
    """Keep the frame that was just seen as the best so far, and let go of the one before."""


@dataclass(frozen=True, slots=True)
class ShowProgress:
    """Tell the kiosk."""

    progress: CaptureProgress


@dataclass(frozen=True, slots=True)
class EndCapture:
    """Stop reading frames: the capture ended this way."""

    state: CaptureState


CaptureEvent = FrameSeen | TimePassed | CameraLost
CaptureCommand = KeepFrame | ShowProgress | EndCapture


def begin(rules: CaptureRules, now_s: float) -> Gathering:
    """A capture that starts now."""
    return Gathering(rules, now_s)


def step(state: Gathering, event: CaptureEvent, now_s: float) -> tuple[Gathering, tuple[CaptureCommand, ...]]:
    """What one event changes, and what is to be done about it."""
    if state.end is not None:
        return state, ()
    if isinstance(event, CameraLost):
        return _ended(state, CaptureState.ABORTED)
    commands: tuple[CaptureCommand, ...] = ()
    if isinstance(event, FrameSeen):
        state, commands = _frame_seen(state, event.quality)
    ending = _ending(state, now_s)
    if ending is None:
        return state, commands
    ended, last = _ended(state, ending)
    return ended, commands + last


def _frame_seen(state: Gathering, quality: QualityScore) -> tuple[Gathering, tuple[CaptureCommand, ...]]:
    several = quality.hint is CaptureHint.SEVERAL_FACES
    keep = _better(quality, state.best)
    state = replace(
        state,
        frames_seen=state.frames_seen + 1,
        usable_seen=state.usable_seen + quality.usable,
        several_in_row=state.several_in_row + 1 if several else 0,
        best=quality if keep else state.best,
    )
    progress = CaptureProgress(quality.hint, min(1.0, state.usable_seen / state.rules.wanted))
    return state, ((KeepFrame(), ShowProgress(progress)) if keep else (ShowProgress(progress),))


def _better(quality: QualityScore, best: QualityScore | None) -> bool:
    """Usable before unusable, then the higher value; frames without a face are never kept."""
    if quality.inter_eye_px <= 0:
        return False
    return best is None or (quality.usable, quality.value) > (best.usable, best.value)


def _ending(state: Gathering, now_s: float) -> CaptureState | None:
    if state.several_in_row >= state.rules.several_in_row:
        return CaptureState.SEVERAL_FACES
    if state.usable_seen >= state.rules.wanted:
        return CaptureState.CAPTURED
    if now_s - state.started_s >= state.rules.timeout_s:
        return CaptureState.CAPTURED if state.usable_seen else CaptureState.NO_USABLE_FACE
    return None


def _ended(state: Gathering, end: CaptureState) -> tuple[Gathering, tuple[CaptureCommand, ...]]:
    return replace(state, end=end), (EndCapture(end),)
