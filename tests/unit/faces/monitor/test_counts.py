"""The counts: what is added, what an officer's word changes, what is forgotten, and what is never reported (P11, D1, D2)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from egate.faces.monitor.counts import (
    FEWEST_TRAVELLERS,
    HOURS_KEPT,
    MOST_GROUPS,
    Genuine,
    GroupTally,
    Impostors,
    MonitorState,
    Said,
    Tally,
    all_groups,
    observe,
    reported_groups,
    total,
)
from egate.faces.monitor.subject import Groups

HOUR = 500_000
ANNA = Groups("45-59", "F", "UTO", "D")


def probe(comparisons: int = 10, errors: int = 0, groups: Groups = ANNA) -> Impostors:
    part = Tally(comparisons // 2, errors)
    return Impostors(groups, Tally(comparisons, errors), (part, part, Tally(), Tally(comparisons, errors)))


def observed(*seen: Impostors | Genuine, hour: int = HOUR, state: MonitorState | None = None) -> MonitorState:
    state = state or MonitorState()
    for one in seen:
        state = observe(state, one, hour)
    return state


def test_comparisons_add_up_in_all_and_by_group() -> None:
    state = observed(probe(10, 1), probe(20), probe(30, 2, Groups(sex="M")))
    whole = total(state)
    assert (whole.zero_effort, whole.travellers, whole.mistaken) == (Tally(60, 3), 3, 2)
    assert all_groups(state) == {
        ("age_group", "45-59"): GroupTally(Tally(15, 1), 2),
        ("sex", "F"): GroupTally(Tally(15, 1), 2),
        ("issuer", "D"): GroupTally(Tally(30, 1), 2),
        ("sex", "M"): GroupTally(Tally(15, 2), 1),
    }


def test_the_first_traveller_of_a_day_has_nobody_to_be_compared_with() -> None:
    assert total(observed(probe(0))).travellers == 0


def test_an_officers_word_decides_whether_a_non_match_counts() -> None:
    whole = total(
        observed(
            Genuine(matched=True),
            Genuine(matched=True),
            Genuine(matched=False, said=Said.SAME_PERSON),
            Genuine(matched=False, said=Said.UNKNOWN),
            Genuine(matched=False),
        )
    )
    assert (whole.genuine, whole.excluded) == (Tally(3, 1), 2)


def test_a_week_is_kept_and_no_more() -> None:
    state = observed(probe(10), hour=HOUR)
    state = observed(probe(20), hour=HOUR + HOURS_KEPT - 1, state=state)
    assert [known.hour for known in state.hours] == [HOUR, HOUR + HOURS_KEPT - 1]
    state = observed(probe(40), hour=HOUR + HOURS_KEPT, state=state)
    assert total(state).zero_effort.comparisons == 60
    assert state.forget(HOUR + 3 * HOURS_KEPT) == MonitorState()


def test_a_clock_that_was_set_back_leaves_no_hours_of_the_future() -> None:
    state = observed(probe(10), hour=HOUR + 5)
    assert [known.hour for known in observed(probe(20), hour=HOUR, state=state).hours] == [HOUR]


def test_groups_are_bounded() -> None:
    state = observed(*(probe(groups=Groups(nationality=f"{number:03d}")) for number in range(3)))
    assert not all_groups(state), "no comparison coincided in nationality"
    many = [
        Impostors(Groups(issuer=f"{number}"), Tally(1), (Tally(), Tally(), Tally(), Tally(1)))
        for number in range(MOST_GROUPS + 9)
    ]
    assert len(all_groups(observed(*many))) == MOST_GROUPS


def test_a_group_of_few_travellers_is_not_reported() -> None:
    few = observed(*[probe()] * (FEWEST_TRAVELLERS - 1))
    assert reported_groups(few) == {}
    enough = reported_groups(observed(probe(), state=few))
    assert set(enough) == {("age_group", "45-59"), ("issuer", "D"), ("sex", "F")}


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 50), st.integers(0, 50), st.booleans()), max_size=60))
def test_totals_are_the_sum_of_what_was_seen_in_the_week_before_the_last(
    seen: list[tuple[int, int, int, bool]],
) -> None:
    state = MonitorState()
    for hour, comparisons, errors, matched in sorted(seen):
        state = observe(state, Impostors(ANNA, Tally(comparisons, min(errors, comparisons))), hour)
        state = observe(state, Genuine(matched), hour)
    last = max((hour for hour, *_ in seen), default=0)
    kept = [entry for entry in seen if last - HOURS_KEPT < entry[0]]
    whole = total(state)
    assert whole.zero_effort.comparisons == sum(comparisons for _, comparisons, _, _ in kept)
    assert whole.zero_effort.errors == sum(min(errors, comparisons) for _, comparisons, errors, _ in kept)
    assert whole.genuine.comparisons == sum(matched for *_, matched in kept)
    assert len(state.hours) <= HOURS_KEPT
