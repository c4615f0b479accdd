"""The search finds what brute force finds, ties and all; what is removed is gone."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egate.faces.search import gallery as module
from egate.faces.search.gallery import Candidate, Entry, Gallery, GalleryLabel, checked_rows, rounding_error
from egate.model.errors import DeviceError, MalformedData
from tests.unit.faces.search.vectors import MODEL, Floats, gallery_of, near, people, template, unit


def brute_force(gallery: Gallery, probe: Floats, threshold: float, most: int) -> tuple[Candidate, ...]:
    """The definition: each score in 64 bits of the stored 32-bit values, the best picture of each entry, sorted."""
    vector = np.asarray(probe, np.float32).astype(np.float64)
    best: dict[str, float] = {}
    for entry, row in zip(gallery.entries, gallery.rows, strict=True):
        score = float(np.sum(row.astype(np.float64) * vector))
        if score >= threshold:
            best[entry.entry] = max(score, best.get(entry.entry, -2.0))
    order = sorted(best.items(), key=lambda found: (-found[1], found[0]))
    if not order or most < 1:
        return ()
    least = order[min(most, len(order)) - 1][1]
    return tuple(
        Candidate(entry, score, 1 + sum(other > score for _, other in order)) for entry, score in order if score >= least
    )


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**31),
    count=st.integers(1, 120),
    dimension=st.integers(2, 40),
    most=st.integers(1, 12),
    threshold=st.sampled_from((-1.1, -0.2, 0.0, 0.3, 0.7, 1.0)),
    doubles=st.integers(0, 6),
)
def test_a_search_finds_what_brute_force_finds(
    seed: int, count: int, dimension: int, most: int, threshold: float, doubles: int
) -> None:
    vectors = people(count, dimension, seed)
    twins = np.repeat(vectors[:1], doubles, axis=0)
    everybody = np.concatenate([vectors, twins])
    gallery = gallery_of(everybody)
    probe = near(vectors[:1], 0.3, seed + 1)[0]
    assert gallery.search(template(probe), threshold, most) == brute_force(gallery, probe, threshold, most)


@pytest.mark.parametrize("threshold", [-2.0, 0.0, 0.2])
def test_narrowing_down_loses_nothing(monkeypatch: pytest.MonkeyPatch, threshold: float) -> None:
    """With more rows than are computed twice at once, the best still are those of brute force, pictures and ties included."""
    monkeypatch.setattr(module, "FEW", 8)
    vectors = people(900, 16, 5)
    vectors[100:130] = vectors[3]
    names = [f"p{number % 300}" for number in range(900)]
    gallery = gallery_of(vectors, names=names)
    for row in (0, 3, 700):
        for most in (1, 2, 30):
            expected = brute_force(gallery, vectors[row], threshold, most)
            assert gallery.search(template(vectors[row]), threshold, most) == expected


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), min_size=1, max_size=200), st.integers(1, 40))
def test_a_quick_look_never_promises_more_than_there_is(scores: list[float], needed: int) -> None:
    values = np.asarray(scores, np.float32)
    value = module.reached_by(values, needed)
    assert value == -np.inf or int((values >= np.float32(value)).sum()) >= needed


def test_scores_that_differ_by_less_than_32_bits_tell_are_ordered_in_64() -> None:
    """Two templates whose 32-bit products are equal or swapped: the last bit of one value decides."""
    base = people(1, 128, 1).astype(np.float32)
    close = np.repeat(base, 40, axis=0)
    for row in range(1, 40):
        close[row, row] = np.nextafter(close[row, row], np.float32(2.0 if close[row, row] > 0 else -2.0), dtype=np.float32)
    gallery = gallery_of(close.astype(np.float64))
    found = gallery.search(template(base[0]), 0.5, 3)
    assert found == brute_force(gallery, base[0].astype(np.float64), 0.5, 3)
    assert found[0].score > found[-1].score


def test_a_threshold_is_met_by_the_score_that_equals_it() -> None:
    vectors = people(20, 8, 3)
    gallery = gallery_of(vectors)
    best = gallery.search(template(vectors[4]), -2.0, 1)[0]
    assert gallery.search(template(vectors[4]), best.score, 1) == (best,)
    assert gallery.search(template(vectors[4]), np.nextafter(best.score, 2.0), 1) == ()


def test_everybody_who_equals_the_last_is_returned_with_the_same_rank() -> None:
    vectors = np.repeat(people(1, 8, 3), 5, axis=0)
    found = gallery_of(vectors, names=["e", "d", "c", "b", "a"]).search(template(vectors[0]), 0.9, 2)
    assert [(one.entry, one.rank) for one in found] == [("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1)]


def test_pictures_of_one_entry_are_one_candidate_with_the_best_score() -> None:
    person = people(1, 16, 9)
    pictures = np.concatenate([person, near(person, 0.5, 1), near(person, 0.9, 2), people(1, 16, 10)])
    found = gallery_of(pictures, names=["a", "a", "a", "b"]).search(template(person[0]), 0.3, 5)
    assert [one.entry for one in found].count("a") == 1
    assert found[0].score == pytest.approx(1.0)


def test_the_error_bound_of_32_bit_products_holds() -> None:
    for dimension in (8, 128, 512):
        rows = people(2000, dimension, dimension).astype(np.float32)
        rough = rows @ rows[0]
        exact = np.sum(rows.astype(np.float64) * rows[0].astype(np.float64), axis=1)
        assert np.abs(rough - exact).max() < rounding_error(dimension)


def test_entries_come_go_and_expire_and_leave_nothing() -> None:
    vectors = people(200, 16, 4)
    gallery = Gallery(GalleryLabel("wanted-faces", MODEL, 16))
    last = date(2026, 11, 24)
    for number in range(200):
        gallery.add([Entry(f"p{number}", last if number % 2 else None)], vectors[number : number + 1])
    assert gallery.remove("p0")
    assert not gallery.remove("p0")
    assert gallery.expire(last) == 0
    assert gallery.expire(date(2026, 11, 25)) == 100
    assert len(gallery) == 99
    assert {entry.entry for entry in gallery.entries} == {f"p{number}" for number in range(2, 200, 2)}
    assert gallery.search(template(vectors[1]), 0.99, 1) == ()
    assert [one.entry for one in gallery.search(template(vectors[2]), 0.99, 1)] == ["p2"]
    assert not gallery._buffer.values[len(gallery) :].any(), "rows that were given up are zero"
    gallery.close()
    assert not gallery._buffer.values.any()
    assert gallery.search(template(vectors[2]), -2.0, 1) == ()


def test_a_person_has_a_bounded_number_of_pictures_and_a_refusal_adds_nothing() -> None:
    vectors = people(module.MOST_PICTURES + 1, 8, 2)
    gallery = Gallery(GalleryLabel("wanted-faces", MODEL, 8))
    with pytest.raises(DeviceError, match="pictures"):
        gallery.add([Entry("a")] * len(vectors), vectors)
    assert len(gallery) == 0
    gallery.add([Entry("a")] * (len(vectors) - 1), vectors[:-1])
    with pytest.raises(DeviceError, match="pictures"):
        gallery.add([Entry("a")], vectors[-1:])
    gallery.remove("a")
    gallery.add([Entry("a")], vectors[-1:])


@pytest.mark.parametrize(
    "rows",
    [
        np.ones((1, 8)),
        np.zeros((1, 8)),
        np.full((1, 8), np.nan),
        np.full((1, 8), np.inf),
        unit(np.ones((1, 9))),
        unit(np.ones(8)),
    ],
    ids=["too long", "nothing", "not a number", "infinite", "another dimension", "no rows"],
)
def test_what_is_no_template_is_refused(rows: Floats) -> None:
    with pytest.raises(MalformedData):
        checked_rows(rows, 8)
    with pytest.raises(MalformedData):
        gallery_of(people(3, 8, 1)).search(template(rows[0] if rows.ndim == 2 else np.ones(3)), 0.5, 1)


def test_entries_and_templates_must_agree() -> None:
    with pytest.raises(MalformedData, match="number"):
        Gallery(GalleryLabel("wanted-faces", MODEL, 8)).add([Entry("a")], people(2, 8, 1))


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", "müller"])
def test_names_are_bounded_and_plain(name: str) -> None:
    with pytest.raises(MalformedData):
        Entry(name)
    with pytest.raises(MalformedData):
        GalleryLabel(name, MODEL, 8)


def test_a_gallery_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TEMPLATES", 70)
    gallery = gallery_of(people(70, 8, 1))
    with pytest.raises(DeviceError, match="more than 70"):
        gallery.add([Entry("x")], people(1, 8, 2))
    assert len(gallery) == 70
    with pytest.raises(DeviceError, match="more than 70"):
        Gallery(GalleryLabel("wanted-faces", MODEL, 8), 71)
