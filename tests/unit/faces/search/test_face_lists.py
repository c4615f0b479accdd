"""A face against lists: candidates for an officer with their reasons, never with another engine, never at a stale threshold."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from egate.faces.engine import FaceEngine
from egate.faces.search.gallery import Entry, Gallery, GalleryLabel
from egate.faces.search.lists import compares_by_cosine, list_for, search_lists
from egate.model.errors import DeviceError
from egate.model.watchlist import ListKind
from tests.unit.faces.search.vectors import MODEL, CosineEngine, calibration, gallery_of, near, people, template

TODAY = date(2026, 11, 24)
KNOWN = calibration((100, 0.5, 1_000_000, 20))
ENGINE = CosineEngine(KNOWN)


def test_a_listed_face_is_a_candidate_with_reasons() -> None:
    vectors = people(100, 128, 1)
    listed = list_for(ENGINE, gallery_of(vectors), 0.01, TODAY)
    (hit,) = search_lists(template(near(vectors[7:8], 0.4, 2)[0]), [listed])
    assert (hit.kind, hit.list_name, hit.entry, hit.rule) == (ListKind.FACES, "wanted-faces", "p7", "face_candidate")
    assert "limit 0.500; rank 1 of 1" in hit.evidence[0]
    assert "0.01 of all strangers reach the limit among 100 faces" in hit.evidence[1]
    assert "version 1" in hit.evidence[2]
    assert "0.500" not in repr(hit), "the evidence is for the officer's screen alone"


def test_a_stranger_is_none() -> None:
    listed = list_for(ENGINE, gallery_of(people(100, 128, 1)), 0.01, TODAY)
    assert search_lists(template(people(1, 128, 99)[0]), [listed]) == ()


def test_every_list_is_searched() -> None:
    person = people(1, 128, 1)
    lists = [list_for(ENGINE, gallery_of(person, names=[name]), 0.01, TODAY) for name in ("a", "b")]
    assert [hit.entry for hit in search_lists(template(person[0]), lists)] == ["a", "b"]


def test_candidates_are_few() -> None:
    person = people(1, 128, 1)
    listed = list_for(ENGINE, gallery_of(near(np.repeat(person, 20, axis=0), 0.3, 4)), 0.01, TODAY)
    assert len(search_lists(template(person[0]), [listed])) == 5


def test_another_engines_list_is_refused() -> None:
    with pytest.raises(DeviceError, match="the list is of sface-1"):
        list_for(ENGINE, gallery_of(people(3, 8, 1), model="sface-1"), 0.01, TODAY)


def test_an_engine_whose_score_is_no_cosine_searches_nothing() -> None:
    assert compares_by_cosine(ENGINE, 128)
    assert not compares_by_cosine(CosineEngine(KNOWN, by_distance=True), 128)
    with pytest.raises(DeviceError, match="no cosines"):
        list_for(CosineEngine(KNOWN, by_distance=True), gallery_of(people(3, 8, 1)), 0.01, TODAY)


def test_expired_entries_go_before_the_threshold_is_chosen() -> None:
    vectors = people(101, 128, 1)
    gallery = Gallery(GalleryLabel("wanted-faces", MODEL, 128))
    gallery.add([Entry(f"p{number}", date(2026, 11, 23) if number == 5 else None) for number in range(101)], vectors)
    listed = list_for(ENGINE, gallery, 0.01, TODAY)
    assert listed.threshold.templates == 100
    assert search_lists(template(vectors[5]), [listed]) == ()


def test_a_list_that_grew_is_not_searched_at_the_old_threshold() -> None:
    gallery = gallery_of(people(99, 128, 1))
    listed = list_for(ENGINE, gallery, 0.01, TODAY)
    gallery.add([Entry("more")], people(1, 128, 2))
    with pytest.raises(DeviceError, match="not for what it holds now"):
        search_lists(template(people(1, 128, 3)[0]), [listed])


def test_an_empty_list_finds_nobody() -> None:
    listed = list_for(ENGINE, Gallery(GalleryLabel("nobody", MODEL, 128)), 0.01, TODAY)
    assert search_lists(template(people(1, 128, 3)[0]), [listed]) == ()


def test_the_shipped_engines_search_or_do_not(sface: FaceEngine, dlib_engine: FaceEngine) -> None:
    """SFace compares by cosine, dlib by distance."""
    assert compares_by_cosine(sface, 128)
    assert not compares_by_cosine(dlib_engine, 128)
