"""The open-set evaluation on sets whose answers are known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from egate.faces.search.evaluate import Share, open_set, open_set_at, threshold_for_share
from egate.faces.search.threshold import fmr_of_search
from egate.model.errors import DeviceError
from tests.unit.faces.search.vectors import Floats, gallery_of, near, people, template


def at_angle(axis: Floats, cosine: float, towards: Floats) -> Floats:
    """The unit vector with this cosine to `axis`, in the plane with `towards`, which is at right angles to it."""
    return np.asarray(cosine * axis + math.sqrt(1 - cosine * cosine) * towards, np.float64)


def test_counts_are_those_that_were_put_in() -> None:
    """Ten people on ten axes; eight probes find themselves, one finds another, one is far away; strangers at 0.05 … 0.95."""
    axes = np.eye(24)
    gallery = gallery_of(axes[:10])
    mated = [(f"p{number}", template(at_angle(axes[number], 0.93, axes[10]))) for number in range(8)]
    mated += [("p8", template(at_angle(axes[9], 0.9, axes[11]))), ("p9", template(at_angle(axes[9], 0.2, axes[12])))]
    strangers = [template(at_angle(axes[0], step / 20, axes[13])) for step in range(1, 20)]
    found = open_set(gallery, mated, strangers, (0.5, 0.1, 0.0))
    assert found.templates == 10
    assert found.first_rank == Share(9, 10)
    assert [(point.fpir, point.fnir) for point in found.points] == [
        (Share(9, 19), Share(2, 10)),
        (Share(1, 19), Share(2, 10)),
        (Share(0, 19), Share(10, 10)),
    ]
    assert found.points[0].threshold == pytest.approx(0.5, abs=1e-6)


def test_a_place_that_is_shared_with_another_is_no_success() -> None:
    person = people(1, 16, 1)
    gallery = gallery_of(np.repeat(person, 2, axis=0))
    assert open_set(gallery, [("p0", template(person[0]))], [template(people(1, 16, 2)[0])]).first_rank == Share(0, 1)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.25, 1), (0.5, 2), (0.99, 3), (1.0, 4)])
def test_the_threshold_lets_at_most_the_share_through(share: float, expected: int) -> None:
    scores = [0.9, 0.7, 0.5, 0.3]
    threshold = threshold_for_share(scores, share)
    assert sum(score >= threshold for score in scores) == expected


def test_equal_scores_are_let_through_together_or_not_at_all() -> None:
    assert sum(score >= threshold_for_share([0.9, 0.9, 0.9, 0.1], 0.5) for score in [0.9, 0.9, 0.9, 0.1]) == 0


def test_the_formula_keeps_its_promise_on_seeded_faces() -> None:
    """Random directions in 128 dimensions: the threshold for FMR = FPIR ⁄ N from other pairs gives about that FPIR."""
    enrolled, fpir = 400, 0.1
    pairs = people(2000, 128, 1) @ people(2000, 128, 2).T
    threshold = float(np.quantile(pairs, 1 - fmr_of_search(fpir, enrolled)))
    vectors = people(enrolled, 128, 3)
    mated = [(f"p{number}", template(one)) for number, one in enumerate(near(vectors, 0.8, 4))]
    strangers = [template(one) for one in people(1500, 128, 5)]
    point = open_set_at(gallery_of(vectors), mated, strangers, fpir, threshold)
    assert 0.07 < point.fpir.value < 0.13
    assert point.fnir.value < 0.01


def test_both_sides_are_needed() -> None:
    gallery = gallery_of(people(2, 8, 1))
    with pytest.raises(DeviceError, match="strangers"):
        open_set(gallery, [], [template(people(1, 8, 2)[0])])
    with pytest.raises(DeviceError, match="strangers"):
        open_set(gallery, [("p0", template(people(1, 8, 2)[0]))], [])
    assert math.isnan(Share(0, 0).value)
