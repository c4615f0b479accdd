"""Every comparison is counted once, in the right group, at the score that the engine itself gives (D1)."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from egate.faces.evaluation import templates as templates_module
from egate.faces.evaluation.comparisons import compare_all, compare_pairs, group_rates
from egate.faces.evaluation.open_set import search_open_set
from egate.faces.evaluation.pictures import Pair, Role
from egate.faces.evaluation.rates import Rate, counts_of
from egate.faces.evaluation.splits import Part, describe, part_of
from egate.faces.evaluation.store import Found, Record
from egate.faces.evaluation.templates import measure_of, template_at, template_set
from egate.model.errors import DeviceError, MalformedData
from tests.unit.faces.evaluation.people import DrawnEngine, drawn_set


@pytest.mark.parametrize("metric", ["cosine", "euclid", "directions"])
@pytest.mark.parametrize("roles", [False, True], ids=["all", "roles"])
@pytest.mark.parametrize("rows", [1, 7, 512])
def test_blocks_count_what_the_engine_says(metric: str, roles: bool, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates_module, "BLOCK_ROWS", rows)
    engine = DrawnEngine(metric)
    pictures, records = drawn_set(9, 3, roles=roles)
    templates = template_set(pictures, records)
    found = compare_all(templates, measure_of(engine, templates))
    order = range(len(pictures))
    pairs = combinations(order, 2) if not roles else product(order, order)
    scores: dict[bool, list[float]] = {True: [], False: []}
    for one, two in pairs:
        if roles and (pictures[one].role is not Role.REFERENCE or pictures[two].role is not Role.PROBE):
            continue
        score = engine.compare(template_at(templates, one), template_at(templates, two))
        scores[pictures[one].identity == pictures[two].identity].append(score)
    assert np.abs(np.sort(found.mated_scores) - np.sort(scores[True])).max() < 2e-6
    assert found.counts.non_mated.sum() == len(scores[False])
    wanted, got = np.cumsum(counts_of(np.array(scores[False]))), np.cumsum(found.counts.non_mated)
    assert (wanted[:-2] <= got[1:-1]).all(), "no score is more than a step beside"
    assert (got[1:-1] <= wanted[2:]).all()
    lowest = min(one.score for one in found.suspects if one.mated)
    assert lowest == pytest.approx(min(scores[True]), abs=1e-5)


def test_an_engine_with_a_measure_of_its_own_is_refused() -> None:
    templates = template_set(*drawn_set(5, 2))
    with pytest.raises(DeviceError, match="neither a cosine nor"):
        measure_of(DrawnEngine("cube"), templates)


def test_named_pairs_alone_are_counted() -> None:
    pictures, records = drawn_set(4, 2)
    records[7] = Record(Found.NO_FACE)
    templates = template_set(pictures, records)
    measure = measure_of(DrawnEngine(), templates)
    pairs = (Pair("p0/0.jpg", "p0/1.jpg", True), Pair("p0/0.jpg", "p1/1.jpg", False), Pair("p3/0.jpg", "p3/1.jpg", True))
    found, lost = compare_pairs(templates, measure, pairs)
    assert (found.counts.mated.sum(), found.counts.non_mated.sum(), lost) == (1, 1, 1)
    with pytest.raises(MalformedData, match="disagree"):
        compare_pairs(templates, measure, (Pair("p0/0.jpg", "p1/0.jpg", True),))


def test_groups_are_counted_within_themselves() -> None:
    """D1: each group's own rates, at the thresholds of the whole set; unknown labels count nowhere."""
    pictures, records = drawn_set(12, 3, labels=True, noise=1.2)
    templates = template_set(pictures, records)
    measure = measure_of(DrawnEngine(), templates)
    thresholds = (0.2, 0.4)
    rows = {(row.label, row.value, row.threshold): row for row in group_rates(templates, measure, thresholds)}
    scores = measure(templates, slice(0, len(pictures)))
    for (label, value, threshold), row in rows.items():
        kind = {"sex": 0, "age": 1, "sex and age": -1}[label]
        false = missed = trials = mated_trials = 0
        for one, two in combinations(range(len(pictures)), 2):
            a, b = pictures[one].labels, pictures[two].labels
            if kind >= 0:
                inside = a[kind] != "" and b[kind] != "" and (value == a[kind] == b[kind] or value == _pooled(a[kind], b[kind]))
            else:
                inside = "" not in (*a[:2], *b[:2]) and value == ("same" if a[:2] == b[:2] else "different")
            if not inside:
                continue
            reached = bool(scores[one, two] >= threshold)
            if pictures[one].identity == pictures[two].identity:
                mated_trials, missed = mated_trials + 1, missed + (not reached)
            else:
                trials, false = trials + 1, false + reached
        assert (row.fmr, row.fnmr) == (Rate(false, trials), Rate(missed, mated_trials)), (label, value, threshold)
    assert {key[:2] for key in rows} >= {
        ("sex", "female"),
        ("sex", "male"),
        ("sex", "same"),
        ("sex", "different"),
        ("age", "18–29"),
    }


def _pooled(a: str, b: str) -> str:
    return "same" if a == b else "different"


def test_an_open_set_search_is_what_looking_through_the_list_finds() -> None:
    pictures, records = drawn_set(60, 3, noise=0.9)
    templates = template_set(pictures, records)
    measure = measure_of(DrawnEngine(), templates)
    found = search_open_set(templates, measure, 30, seed=4)
    assert found.enrolled == 30
    assert found.first_rank.trials % 2 == 0, "both further pictures of each enrolled person are searched"
    scores = measure(templates, slice(0, len(pictures)))
    for row in found.rates:
        assert 0 <= row.fpir.events <= row.fpir.trials
        assert row.fnir.trials == found.first_rank.trials
        assert row.fnir.events >= found.first_rank.trials - found.first_rank.events
    assert scores.shape == (180, 180)
    thresholds = [row.threshold for row in found.rates]
    assert thresholds == sorted(thresholds), "fewer strangers shown, a higher threshold"


def test_perfect_templates_are_always_found_and_strangers_never() -> None:
    templates = template_set(*drawn_set(40, 2, noise=0.01))
    found = search_open_set(templates, measure_of(DrawnEngine(), templates), 24, seed=1)
    assert found.first_rank == Rate(found.first_rank.trials, found.first_rank.trials)
    assert all(row.fnir.events == 0 for row in found.rates)


@pytest.mark.parametrize("enrolled", [41, 40])
def test_a_search_without_strangers_is_refused(enrolled: int) -> None:
    templates = template_set(*drawn_set(40, 2))
    with pytest.raises(DeviceError, match="searching an open set"):
        search_open_set(templates, measure_of(DrawnEngine(), templates), enrolled, seed=1)


def test_no_person_is_in_two_parts_and_a_seed_decides() -> None:
    people = [f"person {number}" for number in range(2000)]
    parts = {name: part_of(name, 7) for name in people}
    assert parts == {name: part_of(name, 7) for name in reversed(people)}
    assert parts != {name: part_of(name, 8) for name in people}
    counted = {part: list(parts.values()).count(part) for part in Part}
    assert counted[Part.TUNE] == pytest.approx(400, abs=70)
    assert counted[Part.CALIBRATE] == pytest.approx(800, abs=90)
    lines = describe(people + people[:10], 7)
    assert sum(line.identities for line in lines) == 2000
    assert sum(line.pictures for line in lines) == 2010
    assert lines == describe([*people[:10], *people[::-1]], 7), "the order of pictures changes nothing"


def test_a_set_without_two_templates_is_refused() -> None:
    pictures, records = drawn_set(2, 1)
    with pytest.raises(DeviceError, match="fewer than two"):
        template_set(pictures, [records[0], Record(Found.NO_FACE)])
