"""The capture reaction: every short sequence is walked, longer ones are drawn (P9, P12, S9)."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from egate.faces.capture import (
    CameraLost,
    CaptureCommand,
    CaptureEvent,
    CaptureRules,
    EndCapture,
    FrameSeen,
    Gathering,
    KeepFrame,
    ShowProgress,
    TimePassed,
    begin,
    step,
)
from egate.model.face import CaptureHint, CaptureState, QualityScore

RULES = CaptureRules(timeout_s=10.0, wanted=3, several_in_row=2)


def quality(value: float, hint: CaptureHint = CaptureHint.NONE) -> QualityScore:
    eyes = 0.0 if hint is CaptureHint.NO_FACE else 90.0
    return QualityScore(value, eyes, 0.0, 0.0, 0.5, 1.0, hint)


GOOD, BETTER = FrameSeen(quality(0.5)), FrameSeen(quality(0.8))
BLURRED = FrameSeen(quality(0.9, CaptureHint.HOLD_STILL))
SEVERAL = FrameSeen(quality(0.9, CaptureHint.SEVERAL_FACES))
NOBODY = FrameSeen(quality(0.0, CaptureHint.NO_FACE))
EVENTS: tuple[CaptureEvent, ...] = (GOOD, BETTER, BLURRED, SEVERAL, NOBODY, TimePassed(), CameraLost())


def play(
    events: tuple[CaptureEvent, ...], gap_s: float = 0.1, rules: CaptureRules = RULES
) -> tuple[Gathering, list[CaptureCommand]]:
    state = begin(rules, 100.0)
    told: list[CaptureCommand] = []
    for number, event in enumerate(events, 1):
        state, commands = step(state, event, 100.0 + number * gap_s)
        told += commands
    return state, told


def kept(events: tuple[CaptureEvent, ...], gap_s: float = 0.1) -> CaptureEvent | None:
    """The event whose frame is kept at the end."""
    state, best = begin(RULES, 100.0), None
    for number, event in enumerate(events, 1):
        state, commands = step(state, event, 100.0 + number * gap_s)
        if KeepFrame() in commands:
            best = event
    return best


def test_every_sequence_of_five_events_obeys_the_rules() -> None:
    for events in product(EVENTS, repeat=5):
        state, told = play(events)
        ends = [command for command in told if isinstance(command, EndCapture)]
        assert len(ends) == (state.end is not None), "one end, said once"
        if ends:
            assert told[-1] == ends[0] == EndCapture(state.end) if state.end else True
        assert state.frames_seen <= 5
        check_end(state, events)


def check_end(state: Gathering, events: tuple[CaptureEvent, ...]) -> None:
    """An independent statement of when a capture that has not timed out ends."""
    usable = several = 0
    expected = None
    for event in events:
        if isinstance(event, CameraLost):
            expected = CaptureState.ABORTED
        elif isinstance(event, FrameSeen):
            usable += event.quality.usable
            several = several + 1 if event is SEVERAL else 0
            if several == RULES.several_in_row:
                expected = CaptureState.SEVERAL_FACES
            elif usable == RULES.wanted:
                expected = CaptureState.CAPTURED
        if expected:
            break
    assert state.end is expected


def test_the_best_usable_frame_is_kept_and_usable_comes_before_value() -> None:
    assert kept((GOOD, BETTER, GOOD)) is BETTER
    assert kept((BETTER, GOOD, GOOD)) is BETTER
    assert kept((BLURRED, GOOD, NOBODY)) is GOOD, "a usable frame beats a nicer unusable one"
    assert kept((GOOD, BLURRED, NOBODY)) is GOOD
    assert kept((NOBODY, BLURRED, NOBODY)) is BLURRED, "for the officer, never for a comparison"
    assert kept((NOBODY, NOBODY)) is None


def test_timeout_ends_with_the_best_image_or_says_there_is_none() -> None:
    """P12: configurable time-out, best image."""
    late = CaptureRules(timeout_s=1.0, wanted=9)
    assert play((GOOD, NOBODY), 0.6, late)[0].end is CaptureState.CAPTURED
    assert play((BLURRED, NOBODY), 0.6, late)[0].end is CaptureState.NO_USABLE_FACE
    assert play((TimePassed(), TimePassed()), 0.6, late)[0].end is CaptureState.NO_USABLE_FACE
    assert play((NOBODY,), 0.6, late)[0].end is None


def test_several_faces_need_consecutive_frames() -> None:
    assert play((SEVERAL, SEVERAL))[0].end is CaptureState.SEVERAL_FACES
    assert play((SEVERAL, GOOD, SEVERAL))[0].end is None


def test_nothing_happens_after_the_end() -> None:
    state, _ = play((SEVERAL, SEVERAL))
    for event in EVENTS:
        assert step(state, event, 500.0) == (state, ())


def test_progress_carries_the_hint_and_the_share() -> None:
    _, told = play((BLURRED, GOOD, GOOD, BETTER))
    shown = [command.progress for command in told if isinstance(command, ShowProgress)]
    assert [progress.hint for progress in shown] == [CaptureHint.HOLD_STILL, *[CaptureHint.NONE] * 3]
    assert [round(progress.share, 2) for progress in shown] == [0.0, 0.33, 0.67, 1.0]


frames = st.builds(lambda value, hint: FrameSeen(quality(value, hint)), st.floats(0, 1), st.sampled_from(list(CaptureHint)))


@given(st.lists(st.one_of(frames, st.just(TimePassed())), max_size=60), st.floats(0.01, 2.0))
def test_any_story_ends_in_time_and_keeps_the_maximum(events: list[CaptureEvent], gap_s: float) -> None:
    state, best = begin(RULES, 0.0), None
    seen: list[QualityScore] = []
    for number, event in enumerate(events, 1):
        if state.end is not None:
            break
        state, commands = step(state, event, number * gap_s)
        if isinstance(event, FrameSeen):
            seen.append(event.quality)
            best = event.quality if KeepFrame() in commands else best
        assert state.end is not None or number * gap_s < RULES.timeout_s
    faces = [entry for entry in seen if entry.inter_eye_px > 0]
    assert best == state.best
    if faces:
        assert best is not None
        assert (best.usable, best.value) == max((entry.usable, entry.value) for entry in faces)
    if state.end is CaptureState.CAPTURED:
        assert best is not None
        assert best.usable
    if state.end is CaptureState.NO_USABLE_FACE:
        assert not any(entry.usable for entry in seen)
