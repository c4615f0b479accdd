"""What a broken walk prints: the shortest story, in words, that ends where the property broke (I13)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.unit.lane.test_mutants import MUTANTS, Mutant
from tests.unit.lane.walk import QUICK, Walk
from tests.unit.lane.walk_story import told
from tests.unit.lane.walk_world import Scope

STALE = """\
1. The controller starts.
2. The gate unit samples its sensors with nobody inside; the report is on its way.
3. The lane hears a report: entry locked, exit locked, nobody inside, after the last command was acknowledged; \
it stays in resync and asks: lock entry, lock exit.
4. The gate unit carries out 'lock exit' and acknowledges.
5. The gate unit samples its sensors with nobody inside; the report is on its way.
6. The lane hears a report: entry locked, exit locked, nobody inside, after the last command was acknowledged; \
it goes from resync to idle.
7. The lane hears 'document'; it goes from idle to reading and asks: read the document.
8. The lane hears 'decided entry ADMIT'; it goes from reading to entry_open and asks: UNLOCK entry for 4 s.
9. The lane hears that its timer ran out; it stays in entry_open and asks: UNLOCK entry for 2 s.
Broken: S4 an unlock on evidence older than the last command."""


@pytest.fixture(scope="module", params=MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def broken(request: pytest.FixtureRequest) -> Iterator[Walk]:
    """One walk of each mutant for all tests of its story."""
    mutant: Mutant = request.param
    with pytest.MonkeyPatch.context() as patch:
        mutant.apply(patch)
        yield Walk(mutant.scope, settings=replace(QUICK), limit=60_000).run()


def test_the_story_is_the_shortest_and_each_move_follows_from_the_last(broken: Walk) -> None:
    """Breadth first: worlds are numbered by their distance, so nothing nearer was left unseen when the property broke."""
    depth = [0]
    for number, (parent, _) in enumerate(broken.parents[1:], 1):
        depth.append(depth[parent] + 1)
        assert depth[number] >= depth[number - 1]
    assert len(broken.path) == depth[broken.path[-1]] + 1 == len(broken.trace) - 1
    for before, after, label in zip(broken.path, broken.path[1:], broken.trace[1:], strict=False):
        assert broken.parents[after] == (before, label)


def test_the_last_sentence_is_the_move_that_broke_it(broken: Walk) -> None:
    """A broken unlock, record or door shows in the last sentence but one, and every move is told in words."""
    lines = told(broken).splitlines()
    assert len(lines) == len(broken.trace) + 1
    assert lines[-1] == f"Broken: {broken.violation}."
    shows = {"S1": "", "S2": "UNLOCK", "S4": "UNLOCK", "S6": "UNLOCK", "S7": "record the crossing as ADMIT"}
    assert shows.get(broken.violation.split()[0], "") in lines[-2]
    assert all(line.endswith(".") and ". " in line for line in lines[:-1])


def test_a_deleted_rule_tells_this_story(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stale report of FACTS-gate §0.1, word for word."""
    mutant = next(entry for entry in MUTANTS if entry.name == "the interlock forgets fresh evidence")
    mutant.apply(monkeypatch)
    assert told(Walk(mutant.scope, settings=replace(QUICK), limit=60_000).run()) == STALE


def test_a_delivery_that_breaks_is_named_and_not_the_move_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """S1 breaks when the unit carries an order out, here at once: the story ends with that order."""
    mutant = next(entry for entry in MUTANTS if entry.name == "the interlock forgets the other door")
    mutant.apply(monkeypatch)
    scope = replace(mutant.scope, flying=0, late_reports=False)
    walk = Walk(scope, settings=replace(QUICK), limit=60_000, only="S1").run()
    assert walk.violation == "S1 exit unlocked while the entry is not closed and locked"
    assert "UNLOCK exit" in told(walk).splitlines()[-2]


def test_a_quiet_walk_has_no_story() -> None:
    scope = Scope(flying=1, persons=1, crash=False, emergency=False, late_work=False, officers=())
    assert told(Walk(scope, limit=500).run()) == ""
