"""The capture as a reaction: frames come in, the best are kept, and an end is reached in every case (P12).

`step(state, event, now_s) -> (state, commands)`; no image passes through here, only what was found in each. Rules:

1. A usable frame has passed every bound of `egate.faces.quality`. The frames are ranked usable before unusable, then by value,
   and the best few stay; an unusable one only for the officer, never for a comparison. The reference has no say.
2. A covered face voids what came before it, and bare frames count again only when there are enough of them.
3. A frame that repeats the one before brings nothing. Frames that are no picture (frozen, torn, black) for `FAULTY_S` end the
   capture as a fault of the camera.
4. Several faces in a row end it at once, in every attempt: another person in the gate is no matter of patience.
5. Enough good frames end it early; the time-out of the last attempt ends it with the best there is.
6. After the end nothing happens any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from egate.faces.guidance import Guidance, guided
from egate.model.face import CaptureHint, CaptureProgress, CaptureState, QualityScore

DEFAULT_WANTED = 6
"""Usable frames that make a choice: half a second at 12 frames a second."""

DEFAULT_SEVERAL_IN_ROW = 4
"""Consecutive frames with several faces that are no chance find of the detector."""

DEFAULT_KEPT = 4
"""Best frames that stay: one decides, the others are compared beside it."""

MOST_ATTEMPTS = 5
"""No configuration asks for more before an officer comes."""

FAULTY_S = 2.0
"""A camera that starts gives a few black or torn frames; one that goes on so is broken."""

FAULTY_AT_END_S = 0.25
"""At the time-out a shorter fault is enough: what a broken camera gave before is not trusted."""


class FrameFault(Enum):
    """Why a frame is no picture; the value says it to the officer."""

    FROZEN = "the camera gives the same picture again and again"
    TORN = "the camera gives torn pictures"
    BLACK = "the camera gives black pictures"


@dataclass(frozen=True, slots=True)
class CaptureRules:
    """When a capture ends, and how many of the best frames stay.

    `timeout_s` is for one of the `attempts`; `wanted` usable frames end it early, so many with several faces in a row at once.
    """

    timeout_s: float
    wanted: int = DEFAULT_WANTED
    several_in_row: int = DEFAULT_SEVERAL_IN_ROW
    attempts: int = 1
    kept: int = DEFAULT_KEPT


@dataclass(frozen=True, slots=True)
class RankedFrame:
    """One of the best frames: its number (1 for the first frame seen) and its quality."""

    number: int
    quality: QualityScore

    @property
    def rank(self) -> tuple[bool, float]:
        """Usable before unusable, then the higher value."""
        return self.quality.usable, self.quality.value


@dataclass(frozen=True, slots=True)
class Gathering:
    """A capture under way, or ended (`end`). `ranked` are the best frames, best first; `fault` is the newest frame's."""

    rules: CaptureRules
    started_s: float
    attempt: int = 1
    frames_seen: int = 0
    good_seen: int = 0
    several_in_row: int = 0
    covered: bool = False
    ranked: tuple[RankedFrame, ...] = ()
    guidance: Guidance = field(default_factory=Guidance)
    faulty_since_s: float | None = None
    end: CaptureState | None = None
    fault: FrameFault | None = None

    @property
    def best(self) -> QualityScore | None:
        """The quality of the best frame so far."""
        return self.ranked[0].quality if self.ranked else None


@dataclass(frozen=True, slots=True)
class FrameSeen:
    """One frame was judged. `awaited`: something else (a challenge on the screen) still needs frames, so enough is not enough."""

    quality: QualityScore
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class FrameSpoilt:
    """A frame came that is no picture, or no new one."""

    fault: FrameFault


@dataclass(frozen=True, slots=True)
class TimePassed:
    """No frame, but the clock went on."""


@dataclass(frozen=True, slots=True)
class CameraLost:
    """The camera gives no more frames."""


@dataclass(frozen=True, slots=True)
class KeepFrame:
    """Keep the frame that was just seen, under this number."""

    number: int


@dataclass(frozen=True, slots=True)
class LetGo:
    """Forget the frame that was kept under this number."""

    number: int


@dataclass(frozen=True, slots=True)
class ShowProgress:
    """Tell the kiosk."""

    progress: CaptureProgress


@dataclass(frozen=True, slots=True)
class EndCapture:
    """Stop reading frames: the capture ended this way."""

    state: CaptureState


CaptureEvent = FrameSeen | FrameSpoilt | TimePassed | CameraLost
CaptureCommand = KeepFrame | LetGo | ShowProgress | EndCapture


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
    if isinstance(event, FrameSpoilt):
        seen, since_s = state.frames_seen + 1, _since(state, now_s)
        state = replace(state, frames_seen=seen, faulty_since_s=since_s, fault=event.fault)
        if now_s - since_s >= FAULTY_S:
            return _ended(state, CaptureState.ABORTED)
    if isinstance(event, FrameSeen):
        state, commands = _frame_seen(state, event.quality, now_s)
    ending = _ending(state, now_s, awaited=isinstance(event, FrameSeen) and event.awaited)
    if ending is None:
        return _next_attempt(state, now_s), commands
    ended, last = _ended(state, ending)
    return ended, commands + last


def _since(state: Gathering, now_s: float) -> float:
    return now_s if state.faulty_since_s is None else state.faulty_since_s


def _frame_seen(state: Gathering, quality: QualityScore, now_s: float) -> tuple[Gathering, tuple[CaptureCommand, ...]]:
    several = quality.hint is CaptureHint.SEVERAL_FACES
    number = state.frames_seen + 1
    state, voided = _uncovered(state, quality)
    ranked, commands = _ranked(state, RankedFrame(number, quality))
    state = replace(
        state,
        frames_seen=number,
        good_seen=state.good_seen + quality.good,
        several_in_row=state.several_in_row + 1 if several else 0,
        ranked=ranked,
        guidance=guided(state.guidance, quality.hint, now_s),
        faulty_since_s=None,
        fault=None,
    )
    progress = CaptureProgress(state.guidance.shown or CaptureHint.NONE, min(1.0, state.good_seen / state.rules.wanted))
    return replace(state, covered=state.covered and state.good_seen < state.rules.wanted), (
        *voided,
        *commands,
        ShowProgress(progress),
    )


def _uncovered(state: Gathering, quality: QualityScore) -> tuple[Gathering, tuple[CaptureCommand, ...]]:
    """A covered face voids the usable frames before it: of a covering, a frame now and then looks bare."""
    if quality.hint is not CaptureHint.UNCOVER_FACE:
        return state, ()
    stay = tuple(frame for frame in state.ranked if not frame.quality.usable)
    goes = tuple(LetGo(frame.number) for frame in state.ranked if frame.quality.usable)
    return replace(state, ranked=stay, good_seen=0, covered=True), goes


def _ranked(state: Gathering, frame: RankedFrame) -> tuple[tuple[RankedFrame, ...], tuple[CaptureCommand, ...]]:
    """The best frames with this one among them, where it is good enough; frames without a face are never kept.

    Of equals the earlier stays first, so that a long queue of the same picture changes nothing.
    """
    if frame.quality.inter_eye_px <= 0:
        return state.ranked, ()
    all_of_them = sorted((*state.ranked, frame), key=lambda kept: kept.rank, reverse=True)
    stay, goes = tuple(all_of_them[: state.rules.kept]), all_of_them[state.rules.kept :]
    if frame in goes:
        return stay, ()
    return stay, (KeepFrame(frame.number), *(LetGo(kept.number) for kept in goes))


def _ending(state: Gathering, now_s: float, *, awaited: bool) -> CaptureState | None:
    if state.several_in_row >= state.rules.several_in_row:
        return CaptureState.SEVERAL_FACES
    if state.good_seen >= state.rules.wanted and not awaited:
        return CaptureState.CAPTURED
    if now_s - state.started_s < state.rules.timeout_s:
        return None
    if now_s - _since(state, now_s) >= FAULTY_AT_END_S:
        return CaptureState.ABORTED
    if state.best is not None and state.best.usable and not state.covered:
        return CaptureState.CAPTURED
    return None if state.attempt < state.rules.attempts else CaptureState.NO_USABLE_FACE


def _next_attempt(state: Gathering, now_s: float) -> Gathering:
    """Begin the time anew where an attempt found nothing and another may follow; what was kept for the officer stays."""
    if now_s - state.started_s < state.rules.timeout_s:
        return state
    return replace(state, attempt=state.attempt + 1, started_s=now_s)


def _ended(state: Gathering, end: CaptureState) -> tuple[Gathering, tuple[CaptureCommand, ...]]:
    return replace(state, end=end), (EndCapture(end),)
