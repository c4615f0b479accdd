"""Hints: one at a time, long enough to be read, in the order in which travellers can act on them (S9)."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from egate.faces.guidance import LEAST_SHOWN_S, ORDER, STALE_S, STEADY_S, Guidance, first_of, guided
from egate.model.face import CaptureHint

H = CaptureHint
FRAME_S = 1 / 15


def shown(wishes: list[CaptureHint], frame_s: float = FRAME_S) -> list[tuple[float, CaptureHint]]:
    """Each change of what is shown, with its time."""
    state, changes = Guidance(), list[tuple[float, CaptureHint]]()
    for number, wish in enumerate(wishes):
        state = guided(state, wish, number * frame_s)
        assert state.shown is not None
        if not changes or changes[-1][1] is not state.shown:
            changes.append((number * frame_s, state.shown))
    return changes


def test_the_first_wish_is_shown_at_once() -> None:
    assert shown([H.COME_CLOSER]) == [(0.0, H.COME_CLOSER)]


def test_a_wish_of_one_frame_changes_nothing() -> None:
    wishes = [H.COME_CLOSER] * 30
    wishes[20] = H.HOLD_STILL
    assert shown(wishes) == [(0.0, H.COME_CLOSER)]


def test_a_steady_wish_waits_until_the_shown_one_could_be_read() -> None:
    (_, first), (at_s, second) = shown([H.COME_CLOSER] * 2 + [H.LOOK_STRAIGHT] * 40)
    assert (first, second) == (H.COME_CLOSER, H.LOOK_STRAIGHT)
    assert LEAST_SHOWN_S <= at_s <= LEAST_SHOWN_S + 2 * FRAME_S


def test_flicker_between_two_is_quiet_and_a_stale_hint_gives_way() -> None:
    assert len(shown([H.COME_CLOSER, H.HOLD_STILL] * 40)) == 1
    changes = shown([H.NO_FACE] * 3 + [H.COME_CLOSER, H.HOLD_STILL] * 30)
    assert changes[0][1] is H.NO_FACE
    assert STALE_S <= changes[1][0] <= STALE_S + LEAST_SHOWN_S


@given(st.lists(st.sampled_from(list(H)), max_size=200), st.floats(0.01, 0.3))
def test_no_story_makes_hints_flicker(wishes: list[CaptureHint], frame_s: float) -> None:
    changes = shown(wishes, frame_s)
    assert all(after[0] - before[0] >= LEAST_SHOWN_S - 1e-9 for before, after in pairwise(changes))
    assert all(hint in wishes for _, hint in changes)


@given(st.lists(st.sampled_from(list(H)), max_size=40), st.sampled_from(list(H)))
def test_a_lasting_wish_is_shown_in_time(before: list[CaptureHint], lasting: CaptureHint) -> None:
    frames = round((LEAST_SHOWN_S + max(STEADY_S, STALE_S)) / FRAME_S) + 2
    assert shown([*before, *[lasting] * frames])[-1][1] is lasting


def test_every_hint_has_its_place_and_the_first_of_several_is_shown() -> None:
    assert sorted(hint.value for hint in ORDER) == sorted(hint.value for hint in H if hint is not H.NONE)
    assert first_of([H.CLOSE_MOUTH, H.COME_CLOSER, H.LOOK_STRAIGHT]) is H.COME_CLOSER
    assert first_of([]) is H.NONE
