"""The exhaustive walk over the shipping `step()` (I13): every topology, in worlds that run to their end; larger ones `slow`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from egate.lane import events as e
from egate.lane.diagram import LANES
from egate.lane.settings import LaneSettings
from egate.lane.table import OVERRIDES, TABLE
from egate.model.lane import Degradation, DoorState, LanePhase, OfficerAction, Topology
from tests.unit.lane.lane_bench import ADMIT_ENTRY, ADMIT_EXIT, Bench, reach
from tests.unit.lane.walk import Walk, cannot_rest
from tests.unit.lane.walk_scopes import WORLDS
from tests.unit.lane.walk_story import told
from tests.unit.lane.walk_world import Scope

RESTS = ("answers", "object", "battery", "station", "one step, emergency", "segregated", "pipelined, closed")
"""Walks in which a way back to IDLE is searched from every state: at least one of each topology."""


class Walks(Mapping[str, Walk]):
    """The walks by name, each done when it is first asked for."""

    def __init__(self) -> None:
        self._done: dict[str, Walk] = {}

    def __getitem__(self, name: str) -> Walk:
        if name not in self._done:
            scope, settings = WORLDS[name]
            self._done[name] = Walk(scope, settings).run(keep_edges=name in RESTS)
        return self._done[name]

    def __iter__(self) -> Iterator[str]:
        return iter(WORLDS)

    def __len__(self) -> int:
        return len(WORLDS)


@pytest.fixture(scope="module")
def walks() -> Walks:
    return Walks()


@pytest.mark.parametrize("name", list(WORLDS))
def test_nothing_is_broken_in_any_reachable_state(
    walks: Walks, name: str, record_property: Callable[[str, object], None]
) -> None:
    """S1, S2, S3, S4, S5, S6, S7, S9 (P1, P9, P10, P16, P17, P21, P22, I1, I2, I5, I9, I11, I13), at every move of each state."""
    walk = walks[name]
    record_property(f"{name}_states", walk.states)
    record_property(f"{name}_transitions", walk.transitions)
    assert walk.violation == "", told(walk)
    assert walk.states < walk.limit, "the walk did not come to its end"


def test_the_walks_are_as_large_as_they_were(walks: Walks) -> None:
    """A world that lost a way to move would prove less without anybody noticing (N5: at least 50 000 states)."""
    assert sum(walk.states for walk in walks.values()) > 350_000
    assert {walk.lanes[world.lane].phase for walk in walks.values() for world in walk.worlds} == set(LanePhase)
    for topology in Topology:
        of_it = [walk for walk in walks.values() if walk.settings.topology is topology]
        assert sum(walk.states for walk in of_it) > 30_000, topology
    assert sum(walk.states for walk in walks.values() if walk.settings.pipelined) > 50_000


def test_every_state_leads_back_to_idle(walks: Walks) -> None:
    """S8, and once more without anybody leaving through the exit: the way back out is always there."""
    for name in RESTS:
        assert cannot_rest(walks[name]) == [], name
    for name in ("answers", "object", "segregated", "pipelined, closed"):
        assert cannot_rest(walks[name], forbidden="out through exit") == [], name


def test_the_table_says_where_each_rule_leads(walks: Walks) -> None:
    """No rule leads where the table does not say for this topology (the diagrams are true)."""
    overriding = {phase for override in OVERRIDES for phase in override.row.leads_to}
    for walk in walks.values():
        for before, kind, after in walk.phases:
            row = TABLE[before].get(kind)
            named = row.arrows(walk.settings) if row else ()
            assert before is after or after in named or after in overriding, f"{before} {kind} {after}"


def _corners() -> set[tuple[LanePhase, type[e.Event], LanePhase]]:
    """Transitions that need a broken sensor, or evidence that turns void at one moment; told here step by step."""
    taken: set[tuple[LanePhase, type[e.Event], LanePhase]] = set()
    for phase in LanePhase:
        bench = reach(phase)
        bench.entry = bench.exit = DoorState.OPEN
        bench.report()
        taken.add((phase, e.GateReported, bench.state.phase))
    for before, decision in ((LanePhase.READING, ADMIT_ENTRY), (LanePhase.CAPTURE, ADMIT_EXIT)):
        bench = reach(before)
        bench.with_state(last_command=bench.state.last_command + 1).decided(decision)
        bench.recorded()
        waiting = bench.state.phase
        bench.report()
        taken.add((waiting, e.GateReported, bench.state.phase))
    return taken | _closing_corners() | _service_corners()


def _service_corners() -> set[tuple[LanePhase, type[e.Event], LanePhase]]:
    taken: set[tuple[LanePhase, type[e.Event], LanePhase]] = set()
    for close, reopen in (
        (e.OfficerPresence(False), e.OfficerPresence(True)),
        (e.ModeChanged(frozenset({Degradation.LOG_FULL})), e.ModeChanged(frozenset())),
    ):
        bench = Bench().to_idle()
        for event in (close, reopen):
            before = bench.state.phase
            bench.tell(event)
            taken.add((before, type(event), bench.state.phase))
    bench = Bench().to_left_object()
    bench.object_left = False
    bench.report()
    bench.officer(OfficerAction.CLEAR)
    return taken | {(LanePhase.LEFT_OBJECT, e.OfficerWished, bench.state.phase)}


def _closing_corners() -> set[tuple[LanePhase, type[e.Event], LanePhase]]:
    taken: set[tuple[LanePhase, type[e.Event], LanePhase]] = set()
    closing = Bench().to_reading().with_state(in_service=False)
    closing.tell(e.DocumentRemoved(closing.state.passage))
    taken.add((LanePhase.READING, e.DocumentRemoved, closing.state.phase))
    closing = Bench().to_referred_outside().with_state(in_service=False)
    closing.tick(20)
    taken.add((LanePhase.REFERRED_OUTSIDE, e.TimerExpired, closing.state.phase))
    waiting = Bench().to_referred()
    waiting.officer(OfficerAction.CLEAR)
    waiting.with_state(last_command=waiting.state.last_command + 1).recorded()
    waiting.report()
    taken.add((LanePhase.REFERRED, e.GateReported, waiting.state.phase))
    return taken


def test_every_arrow_of_the_table_is_taken(walks: Walks) -> None:
    """Every arrow somewhere, and those of one topology in a walk of that topology."""
    everywhere = {entry for walk in walks.values() for entry in walk.phases} | _corners()
    common = {arrow for arrow in _arrows(LaneSettings()) if all(arrow in _arrows(entry) for entry in LANES)}
    missing = common - everywhere
    for lane in LANES:
        kin = [walk for walk in walks.values() if walk.settings.topology is lane.topology]
        taken = {entry for walk in kin for entry in walk.phases} | (_corners() if lane.topology is Topology.TWO_STEP else set())
        alone = _arrows(lane) - _arrows(LaneSettings()) if lane.topology is not Topology.TWO_STEP else _arrows(lane) - common
        missing |= {arrow for arrow in alone if arrow not in taken}
    assert sorted(f"{before.value} {kind.__name__} {after.value}" for before, kind, after in missing) == []


def _arrows(settings: LaneSettings) -> set[tuple[LanePhase, type[e.Event], LanePhase]]:
    return {
        (before, kind, after) for before, rows in TABLE.items() for kind, row in rows.items() for after in row.arrows(settings)
    }


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nothing_is_broken_in_the_larger_world() -> None:
    """Everything at once, three commands in flight, sensor faults; as far as the limit goes, breadth first.

    No unlock is delivered once the lane knows of an emergency: the controller withdraws what was not sent
    (tests/unit/app/test_controller.py), and the driver settles an order before it takes the next sample.
    """
    scope = Scope(flying=3, records=2, withdraws=True, gate_lost=True, officers=tuple(OfficerAction), faults=True)
    walk = Walk(scope, limit=1_000_000).run()
    assert walk.violation == "", told(walk)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.xfail(strict=True, reason="such a wire needs the hard-wired interlock (docs/lane.md)")
def test_a_wire_that_keeps_an_unlock_through_an_emergency_is_beyond_the_lane() -> None:
    """S1 then rests on the unit's own interlock: the exit was pushed open, and the old unlock opens the entry."""
    scope = Scope(flying=3, records=2, late_in_emergency=True, gate_lost=True, officers=tuple(OfficerAction), faults=True)
    walk = Walk(scope, limit=1_000_000).run()
    assert walk.violation == "", told(walk)
