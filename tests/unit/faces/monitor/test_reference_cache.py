"""The cache compares with strangers only, holds few and forgets; nothing of a template is to be found outside a comparison."""

from __future__ import annotations

import gc
from dataclasses import fields

import numpy as np
import pytest
from cryptography.exceptions import InvalidTag

from egate.faces.comparison import Judge
from egate.faces.engine import Template
from egate.faces.monitor.cache import HELD_S, ReferenceCache
from egate.faces.monitor.counts import Impostors, Tally
from egate.faces.monitor.limits import LONGEST_HOURS, MOST_REFERENCES
from egate.faces.monitor.subject import Groups, Subject
from tests.unit.faces.search.vectors import CosineEngine, calibration, near, people, template

JUDGE = Judge(CosineEngine(calibration((1000, 0.5, 100_000, 20))), 0.5, 1000)
FACES = people(50, 128, 1)
HOUR = 3600.0


def cache(most: int = 10, hours: float = 1, key: bytes = bytes(32)) -> ReferenceCache:
    return ReferenceCache(JUDGE, most, hours * HOUR, key)


def subject(number: int, groups: Groups | None = None) -> Subject:
    return Subject((b"d%d" % number, b"p%d" % number), groups or Groups("18-29", "F", "UTO", "UTO"))


def cross(kept: ReferenceCache, number: int, now_s: float, probe: Template | None = None, **told: Subject) -> Impostors:
    """Traveller `number` is compared with their own reference at the gate, then the monitor looks."""
    kept.hold(template(FACES[number]), probe or template(near(FACES[number : number + 1], 0.2, number)[0]), now_s)
    found = kept.observe(told.get("as_subject") or subject(number), now_s)
    assert found is not None
    return found


def test_each_probe_meets_everybody_before_and_not_its_own_reference() -> None:
    kept = cache()
    assert [cross(kept, number, 0.0).zero_effort for number in range(5)] == [Tally(number, 0) for number in range(5)]


def test_a_face_like_another_traveller_is_a_false_match() -> None:
    kept = cache()
    for number in range(4):
        cross(kept, number, 0.0)
    twin = template(near(FACES[2:3], 0.3, 9)[0])
    assert cross(kept, 7, 1.0, probe=twin).zero_effort == Tally(4, 1)


def test_the_same_person_is_no_stranger_and_is_held_once() -> None:
    kept = cache()
    cross(kept, 1, 0.0)
    cross(kept, 2, 0.0)
    again = cross(kept, 1, 5.0)
    assert again.zero_effort == Tally(1, 0)
    assert len(kept) == 2
    renewed = Subject((b"another document", b"p1"), Groups())
    assert cross(kept, 1, 6.0, as_subject=renewed).zero_effort == Tally(1, 0)
    assert len(kept) == 2


def test_groups_are_counted_where_they_coincide_and_are_stated() -> None:
    kept = cache()
    cross(kept, 1, 0.0, as_subject=subject(1, Groups("18-29", "F", "UTO", "D")))
    cross(kept, 2, 0.0, as_subject=subject(2, Groups("18-29", "M", "", "D")))
    cross(kept, 3, 0.0, as_subject=subject(3, Groups("", "F", "", "UTO")))
    twin = template(near(FACES[1:2], 0.3, 9)[0])
    found = cross(kept, 4, 0.0, probe=twin, as_subject=subject(4, Groups("18-29", "F", "", "D")))
    assert found.zero_effort == Tally(3, 1)
    assert found.coinciding == (Tally(2, 1), Tally(2, 1), Tally(0, 0), Tally(2, 1))


def test_the_oldest_goes_when_there_are_enough() -> None:
    kept = cache(most=3)
    for number in range(6):
        assert cross(kept, number, 0.0).zero_effort.comparisons == min(number, 3)
    assert len(kept) == 3
    twin = template(near(FACES[0:1], 0.3, 9)[0])
    assert cross(kept, 7, 0.0, probe=twin).zero_effort == Tally(3, 0), "the first traveller is forgotten"


def test_references_are_forgotten_in_time_even_if_nobody_comes() -> None:
    kept = cache(hours=1)
    cross(kept, 1, 0.0)
    cross(kept, 2, 600.0)
    kept.forget_old(HOUR - 0.1)
    assert len(kept) == 2
    kept.forget_old(HOUR)
    assert len(kept) == 1
    assert cross(kept, 3, 2 * HOUR).zero_effort == Tally(0, 0), "and before a comparison"


def test_a_capture_waits_a_moment_and_is_used_once() -> None:
    kept = cache()
    assert kept.observe(subject(1), 0.0) is None
    kept.hold(template(FACES[1]), template(FACES[1]), 0.0)
    assert kept.observe(subject(1), 1.0) is not None
    assert kept.observe(subject(1), 1.0) is None
    kept.hold(template(FACES[1]), template(FACES[1]), 2.0)
    kept.release()
    assert kept.observe(subject(1), 2.0) is None
    kept.hold(template(FACES[1]), template(FACES[1]), 3.0)
    kept.forget_old(3.0 + HELD_S)
    assert kept.observe(subject(1), 3.0 + HELD_S) is None


def test_a_kept_reference_is_sealed() -> None:
    """No object that the cache holds has the bytes of a template, and two seals of one template differ."""
    kept = cache()
    cross(kept, 1, 0.0)
    cross(kept, 1, 0.0, as_subject=subject(8))
    gc.collect()
    stored = kept._kept
    assert len({one.sealed for one in stored}) == 2
    pieces = [np.asarray(FACES[1], kind).tobytes()[:16] for kind in ("<f8", "<f4")]
    for one in stored:
        assert not any(piece in one.sealed for piece in pieces)
        assert {entry.name for entry in fields(one)} == {"subject", "since_s", "number", "sealed"}
        assert "sealed" not in repr(one)


def test_another_process_could_not_open_what_is_kept() -> None:
    kept, other = cache(), cache(key=bytes(range(32)))
    cross(kept, 1, 0.0)
    with pytest.raises(InvalidTag):
        other._opened(kept._kept[0])
    assert np.allclose(kept._opened(kept._kept[0]).vector, FACES[1])


def test_what_a_program_gave_comes_back_whole() -> None:
    """An operator's program may keep a template of its own form: no vector, bytes that only it understands."""
    kept = cache()
    kept.hold(Template(np.empty(0), 3.5, b"only for the program"), template(FACES[1]), 0.0)
    kept.observe(subject(1), 0.0)
    opened = kept._opened(kept._kept[0])
    assert (opened.vector.size, opened.norm, opened.opaque) == (0, 3.5, b"only for the program")


@pytest.mark.parametrize(("most", "hours"), [(0, 1), (MOST_REFERENCES + 1, 1), (10, 0), (10, LONGEST_HOURS + 1)])
def test_its_bounds_are_bounded(most: int, hours: float) -> None:
    with pytest.raises(ValueError, match="references"):
        cache(most, hours)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        cache(key=bytes(16))
