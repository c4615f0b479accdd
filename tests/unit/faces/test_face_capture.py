"""The capture reaction: every short sequence is walked, longer ones are drawn (P9, P12, S9)."""

from __future__ import annotations

from itertools import permutations, product

from hypothesis import given
from hypothesis import strategies as st

from egate.faces.capture import (
    FAULTY_S,
    CameraLost,
    CaptureCommand,
    CaptureEvent,
    CaptureRules,
    EndCapture,
    FrameFault,
    FrameSeen,
    FrameSpoilt,
    Gathering,
    KeepFrame,
    LetGo,
    ShowProgress,
    TimePassed,
    begin,
    step,
)
from egate.model.face import CaptureHint, CaptureState, QualityScore

RULES = CaptureRules(timeout_s=10.0, wanted=3, several_in_row=2, kept=2)


def quality(value: float, hint: CaptureHint = CaptureHint.NONE) -> QualityScore:
    eyes = 0.0 if hint is CaptureHint.NO_FACE else 90.0
    return QualityScore(value, eyes, 0.0, 0.0, 0.5, 1.0, hint)


GOOD, BETTER = FrameSeen(quality(0.5)), FrameSeen(quality(0.8))
BLURRED = FrameSeen(quality(0.9, CaptureHint.HOLD_STILL))
SEVERAL = FrameSeen(quality(0.9, CaptureHint.SEVERAL_FACES))
NOBODY = FrameSeen(quality(0.0, CaptureHint.NO_FACE))
COVERED = FrameSeen(quality(0.9, CaptureHint.UNCOVER_FACE))
BLINK = FrameSeen(quality(0.7, CaptureHint.OPEN_EYES))
FROZEN = FrameSpoilt(FrameFault.FROZEN)
EVENTS: tuple[CaptureEvent, ...] = (GOOD, BETTER, BLURRED, COVERED, BLINK, SEVERAL, NOBODY, FROZEN, TimePassed(), CameraLost())


class Shelf:
    """The frames that whoever carries the commands out holds, by number; commands that cannot be carried out fail."""

    def __init__(self, rules: CaptureRules = RULES) -> None:
        self.state = begin(rules, 100.0)
        self.held: dict[int, FrameSeen] = {}
        self.told: list[CaptureCommand] = []

    def take(self, event: CaptureEvent, now_s: float) -> None:
        self.state, commands = step(self.state, event, now_s)
        for command in commands:
            if isinstance(command, KeepFrame):
                assert isinstance(event, FrameSeen)
                self.held[command.number] = event
            if isinstance(command, LetGo):
                del self.held[command.number]
        self.told += commands
        assert {frame.number: frame.quality for frame in self.state.ranked} == {
            number: seen.quality for number, seen in self.held.items()
        }

    @property
    def chosen(self) -> FrameSeen | None:
        return self.held[self.state.ranked[0].number] if self.state.ranked else None


def play(events: tuple[CaptureEvent, ...], gap_s: float = 0.1, rules: CaptureRules = RULES) -> Shelf:
    shelf = Shelf(rules)
    for number, event in enumerate(events, 1):
        shelf.take(event, 100.0 + number * gap_s)
    return shelf


def test_every_sequence_of_four_events_obeys_the_rules() -> None:
    for events in product(EVENTS, repeat=4):
        shelf = play(events)
        ends = [command for command in shelf.told if isinstance(command, EndCapture)]
        assert len(ends) == (shelf.state.end is not None), "one end, said once"
        if ends:
            assert shelf.told[-1] == ends[0] == EndCapture(shelf.state.end) if shelf.state.end else True
        assert shelf.state.frames_seen <= 4
        check_end(shelf.state, events)


def check_end(state: Gathering, events: tuple[CaptureEvent, ...]) -> None:
    """An independent statement of when a capture that has not timed out ends."""
    good = several = 0
    expected = None
    for event in events:
        if isinstance(event, CameraLost):
            expected = CaptureState.ABORTED
        elif isinstance(event, FrameSeen):
            good = 0 if event is COVERED else good + event.quality.good
            several = several + 1 if event is SEVERAL else 0
            if several == RULES.several_in_row:
                expected = CaptureState.SEVERAL_FACES
            elif good == RULES.wanted:
                expected = CaptureState.CAPTURED
        if expected:
            break
    assert state.end is expected


def test_the_best_usable_frame_is_kept_and_usable_comes_before_value() -> None:
    assert play((GOOD, BETTER, GOOD)).chosen is BETTER
    assert play((BETTER, GOOD, GOOD)).chosen is BETTER
    assert play((BLURRED, GOOD, NOBODY)).chosen is GOOD, "a usable frame beats a nicer unusable one"
    assert play((GOOD, BLURRED, NOBODY)).chosen is GOOD
    assert play((NOBODY, BLURRED, NOBODY)).chosen is BLURRED, "for the officer, never for a comparison"
    assert play((NOBODY, NOBODY)).chosen is None


def test_the_best_few_are_the_same_in_any_order_of_frames() -> None:
    """P12: the list is sorted, and it is the best of all that came, whenever they came."""
    frames = tuple(
        FrameSeen(quality(value / 10, hint)) for value in (2, 5, 9) for hint in (CaptureHint.NONE, CaptureHint.TOO_LOW)
    )
    patient = CaptureRules(timeout_s=60.0, wanted=9, kept=3)
    lists = {tuple(entry.rank for entry in play(order, rules=patient).state.ranked) for order in permutations(frames)}
    assert lists == {((True, 0.9), (True, 0.5), (True, 0.2))}


def test_timeout_ends_with_the_best_image_or_says_there_is_none() -> None:
    """P12: configurable time-out, best image."""
    late = CaptureRules(timeout_s=1.0, wanted=9)
    assert play((GOOD, NOBODY), 0.6, late).state.end is CaptureState.CAPTURED
    assert play((BLURRED, NOBODY), 0.6, late).state.end is CaptureState.NO_USABLE_FACE
    assert play((TimePassed(), TimePassed()), 0.6, late).state.end is CaptureState.NO_USABLE_FACE
    assert play((NOBODY,), 0.6, late).state.end is None


def test_further_attempts_come_before_the_officer_and_are_counted() -> None:
    twice = CaptureRules(timeout_s=1.0, wanted=9, several_in_row=2, attempts=2)
    assert play((BLURRED, NOBODY), 0.6, twice).state.end is None
    assert play((BLURRED, NOBODY), 0.6, twice).state.attempt == 2
    assert play((BLURRED, NOBODY, NOBODY, NOBODY), 0.6, twice).state.end is CaptureState.NO_USABLE_FACE
    assert play((BLURRED, NOBODY, GOOD, NOBODY), 0.6, twice).state.end is CaptureState.CAPTURED
    assert play((NOBODY, NOBODY, SEVERAL, SEVERAL), 0.6, twice).state.end is CaptureState.SEVERAL_FACES, "no matter of patience"


def test_a_covered_face_voids_what_came_before_and_asks_for_enough_bare_frames() -> None:
    """FACTS-face §4.3: the matcher accepts a covered mouth, and of a covering a frame now and then looks bare."""
    late = CaptureRules(timeout_s=1.0, wanted=3)
    shelf = play((GOOD, BETTER, COVERED))
    assert shelf.chosen is COVERED, "for the officer; the frames before are gone"
    assert play((GOOD, COVERED, GOOD, GOOD)).state.end is None
    assert play((GOOD, COVERED, GOOD, GOOD, GOOD)).state.end is CaptureState.CAPTURED
    assert play((COVERED, GOOD, NOBODY), 0.5, late).state.end is CaptureState.NO_USABLE_FACE, "one bare frame is no proof"
    assert play((NOBODY, GOOD, NOBODY), 0.5, late).state.end is CaptureState.CAPTURED


def test_shut_eyes_are_waited_for_and_are_no_reason_to_refuse() -> None:
    patient = CaptureRules(timeout_s=2.0, wanted=3)
    assert play((BLINK,) * 9, 0.1, patient).state.end is None
    assert play((BLINK,) * 9, 0.3, patient).state.end is CaptureState.CAPTURED


def test_several_faces_need_consecutive_frames() -> None:
    assert play((SEVERAL, SEVERAL)).state.end is CaptureState.SEVERAL_FACES
    assert play((SEVERAL, GOOD, SEVERAL)).state.end is None


def test_frames_that_are_no_picture_end_the_capture_as_the_cameras_fault() -> None:
    for fault in FrameFault:
        spoilt = FrameSpoilt(fault)
        state = play((GOOD, *[spoilt] * 30), FAULTY_S / 10).state
        assert (state.end, state.fault) == (CaptureState.ABORTED, fault)
        assert play((spoilt,) * 9, FAULTY_S / 10).state.end is None, "a camera that starts gives a few"
        assert play((*[spoilt] * 9, GOOD, *[spoilt] * 9), FAULTY_S / 10).state.end is None
        late = play((GOOD, *[spoilt] * 3), 0.4, CaptureRules(timeout_s=1.2)).state
        assert (late.end, late.fault) == (CaptureState.ABORTED, fault), "at the time-out a shorter fault is enough"
    assert play((GOOD, *[FROZEN] * 5)).state.good_seen == 1, "the same picture again brings nothing"


def test_a_challenge_under_way_is_waited_for_and_ends_with_the_time() -> None:
    asked = FrameSeen(GOOD.quality, awaited=True)
    assert play((asked,) * 5).state.end is None
    assert play((asked,) * 5 + (GOOD,)).state.end is CaptureState.CAPTURED
    assert play((asked,) * 200).state.end is CaptureState.CAPTURED


def test_nothing_happens_after_the_end() -> None:
    state = play((SEVERAL, SEVERAL)).state
    for event in EVENTS:
        assert step(state, event, 500.0) == (state, ())


def test_progress_carries_the_steady_hint_and_the_share() -> None:
    told = play((BLURRED, GOOD, GOOD, BETTER)).told
    shown = [command.progress for command in told if isinstance(command, ShowProgress)]
    assert [progress.hint for progress in shown] == [CaptureHint.HOLD_STILL] * 4, "no hint flickers"
    assert [round(progress.share, 2) for progress in shown] == [0.0, 0.33, 0.67, 1.0]


frames = st.builds(
    lambda value, hint, awaited: FrameSeen(quality(value, hint), awaited),
    st.floats(0, 1),
    st.sampled_from(list(CaptureHint)),
    st.booleans(),
)
spoilt = st.builds(FrameSpoilt, st.sampled_from(FrameFault))
stories = st.lists(st.one_of(frames, frames, spoilt, st.just(TimePassed()), st.just(CameraLost())), max_size=60)
all_rules = st.builds(
    CaptureRules,
    timeout_s=st.floats(0.5, 5.0),
    wanted=st.integers(1, 6),
    several_in_row=st.integers(1, 4),
    attempts=st.integers(1, 3),
    kept=st.integers(1, 4),
)


@given(stories, st.floats(0.01, 2.0), all_rules)
def test_a_stream_in_any_order_never_passes_without_a_usable_probe(
    events: list[CaptureEvent], gap_s: float, rules: CaptureRules
) -> None:
    """Issue 5: whatever comes in whatever order, CAPTURED has a usable best frame, and the best never gets worse."""
    shelf, best = Shelf(rules), (False, -1.0)
    covered_at = 0
    seen: list[QualityScore] = []
    for number, event in enumerate(events, 1):
        if shelf.state.end is not None:
            break
        shelf.take(event, 100.0 + number * gap_s)
        if isinstance(event, FrameSeen):
            covered = event.quality.hint is CaptureHint.UNCOVER_FACE
            seen = [entry for entry in seen if not (covered and entry.usable)] + [event.quality]
            best, covered_at = ((False, -1.0), number) if covered else (best, covered_at)
        ranks = [frame.rank for frame in shelf.state.ranked]
        assert ranks == sorted(ranks, reverse=True)
        assert len(ranks) <= rules.kept
        assert not ranks or ranks[0] >= best, "more frames never worsen the best, but for a covered one"
        best = ranks[0] if ranks else best
    faces = sorted(((entry.usable, entry.value) for entry in seen if entry.inter_eye_px > 0), reverse=True)
    assert covered_at or [frame.rank for frame in shelf.state.ranked] == faces[: rules.kept]
    if shelf.state.end is CaptureState.CAPTURED:
        assert shelf.chosen is not None
        assert shelf.chosen.quality.usable
    if shelf.state.end is CaptureState.NO_USABLE_FACE:
        assert covered_at or not any(entry.usable for entry in seen)


@given(stories, st.floats(0.05, 1.0), all_rules)
def test_no_end_is_missed(events: list[CaptureEvent], gap_s: float, rules: CaptureRules) -> None:
    """Whatever comes, and even if nothing does, a capture is over when the time of all its attempts is."""
    shelf = Shelf(rules)
    latest_s = rules.attempts * (rules.timeout_s + gap_s)
    number = 0
    while number * gap_s < latest_s + gap_s:
        number += 1
        event = events[number % len(events)] if events else TimePassed()
        shelf.take(event, 100.0 + number * gap_s)
    assert shelf.state.end is not None
