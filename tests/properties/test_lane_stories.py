"""Random stories: whatever happens in whatever order, the lane keeps its rules. The exhaustive walk proves, this surprises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.interlock import may_unlock
from egate.lane.machine import initial, step
from egate.lane.settings import LONGEST_LEASE_S, LaneSettings
from egate.lane.state import LaneState
from egate.model.checks import Check, CheckName, CheckResult, Decision, DecisionPoint, Outcome
from egate.model.lane import Door, DoorState, GateReport, OfficerAction, OfficerReason

SETTINGS = LaneSettings()
BECAUSE = (Check(CheckName.FACE_MATCH, CheckResult.FAILED, "x"),)

sensors = st.sampled_from([DoorState.LOCKED] * 5 + list(DoorState))
recent = st.sampled_from([0, 0, 0, 0, -1, -2, 3])
reports = st.tuples(
    st.just("report"), recent, sensors, sensors, st.sampled_from([0, 1, 1, 2]), st.sampled_from([False] * 9 + [True])
)
others = st.tuples(
    st.sampled_from(["document", "removed", "decided", "recorded", "not recorded", "help", "timer", "lost"]),
    st.sampled_from([0, 0, 0, -1]),
    st.sampled_from(list(DecisionPoint)),
    st.sampled_from(list(Outcome)),
)
officers = st.tuples(st.just("officer"), st.sampled_from(list(OfficerAction)))
stories = st.lists(st.one_of(reports, reports, others, others, officers), max_size=120)


def as_event(move: tuple, state: LaneState) -> e.Event:  # type: ignore[type-arg]  # a drawn tuple of one of three shapes
    kind = move[0]
    if kind == "report":
        _, age, entry, exit_, persons, emergency = move
        return e.GateReported(GateReport(max(0, state.last_command + age), entry, exit_, persons, emergency))
    if kind == "officer":
        return e.OfficerWished(move[1], OfficerReason.TECHNICAL, "o")
    _, age, point, outcome = move
    passage = state.passage + age
    decision = Decision(outcome, point, BECAUSE if outcome is Outcome.REFER else ())
    events: dict[str, e.Event] = {
        "document": e.DocumentPresented(),
        "removed": e.DocumentRemoved(passage),
        "decided": e.Decided(passage, decision),
        "recorded": e.Recorded(passage, state.records + age),
        "not recorded": e.NotRecorded(passage, state.records + age),
        "help": e.HelpWished(),
        "timer": e.TimerExpired(state.timer + age),
        "lost": e.GateLost(),
    }
    return events[kind]


@given(stories)
def test_any_story_keeps_the_rules(story: list) -> None:  # type: ignore[type-arg]  # see `as_event`
    state, number, leased = initial(SETTINGS), 0, None
    for move in story:
        event = as_event(move, state)
        after, commands = step(state, event, SETTINGS)
        for command in commands:
            if isinstance(command, c.Lock | c.Unlock):
                assert command.number == number + 1, "numbers go up one by one"
                number = command.number
            if isinstance(command, c.Lock) and leased is command.door:
                leased = None
            if isinstance(command, c.Unlock):
                assert leased in (None, command.door), "never two leases (I1)"
                assert 0 < command.lease_s <= LONGEST_LEASE_S
                leased = command.door
        assert after.last_command == number
        assert after.ticks >= 0
        assert len(after.awaiting) <= 8
        assert step(state, event, SETTINGS) == (after, commands), "pure"
        state = after


@given(stories)
def test_nothing_but_evidence_gives_the_right_to_open(story: list) -> None:  # type: ignore[type-arg]  # see `as_event`
    """After any story: with void evidence the interlock refuses both doors (I2)."""
    state = initial(SETTINGS)
    for move in story:
        state, _ = step(state, as_event(move, state), SETTINGS)
        if not state.fresh:
            assert not any(may_unlock(door, state) for door in Door)
