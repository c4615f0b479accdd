"""The suspicion of morphs: what it says of drawn vectors and of a simulated morph, and where it says nothing."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egate.app.demo.faces import DemoFaces, read_photograph
from egate.faces.engine import FaceEngine, FivePoints, Frame, Point, Template
from egate.faces.morph.suspicion import EYES_PX, FEWEST_PROBES, WEIGHTS, MorphReference, judge, score_of, texture
from tests.bench.evaluate_morphs import live_picture, reference_of
from tests.bench.morphs import Photograph, morph

POINTS = FivePoints(Point(112, 180), Point(187, 180), Point(150, 220), Point(120, 260), Point(180, 260))


def grain(deviation: float) -> Frame:
    noise = np.random.default_rng(3).standard_normal((400, 300, 1)) * deviation
    return np.asarray((128 + noise).clip(0, 255).repeat(3, axis=2), np.uint8)


def template(cosine: float, axis: int = 1) -> Template:
    vector = np.zeros(128)
    vector[0], vector[axis] = cosine, np.sqrt(1 - cosine**2)
    return Template(vector, 10.0)


REFERENCE = MorphReference(grain(4.0), POINTS, template(1.0))


def probes(likeness: float, count: int = 5) -> list[Template]:
    return [template(likeness)] * count


def test_the_less_alike_and_the_smoother_the_more_suspicious() -> None:
    scores = [judge("sface", REFERENCE, probes(likeness)).score for likeness in (0.95, 0.8, 0.65, 0.5)]
    assert None not in scores
    assert scores == sorted(scores, key=lambda score: score or 0.0)
    smooth = MorphReference(grain(1.0), POINTS, template(1.0))
    honest, blend = judge("sface", REFERENCE, probes(0.8)), judge("sface", smooth, probes(0.8))
    assert honest.score is not None
    assert blend.score is not None
    assert honest.score < blend.score
    assert dict(honest.measures)["likeness"] == 0.8
    assert WEIGHTS[1] < 0 > WEIGHTS[2]


@pytest.mark.parametrize(
    ("engine", "reference", "live", "reason"),
    [
        ("dlib", REFERENCE, probes(0.9), "no weights"),
        ("sface", REFERENCE, probes(0.9, FEWEST_PROBES - 1), "fewer than"),
        ("sface", REFERENCE, [template(0.3, axis) for axis in range(1, 6)], "differ too much"),
        ("sface", MorphReference(grain(4), FivePoints(*[Point(5, 5)] * 5), template(1.0)), probes(0.9), "too small"),
    ],
)
def test_where_nothing_can_be_said_the_reason_is(
    engine: str, reference: MorphReference, live: list[Template], reason: str
) -> None:
    signal = judge(engine, reference, live)
    assert signal.score is None
    assert reason in signal.omitted


@given(likeness=st.floats(-2, 2), detail=st.floats(-5, 5))
def test_every_score_is_a_share(likeness: float, detail: float) -> None:
    assert 0.0 <= score_of(likeness, detail) <= 1.0


def test_texture_is_measured_at_one_size_of_the_face() -> None:
    """A portrait twice as large says nearly the same."""
    soft = np.asarray(cv2.GaussianBlur(grain(40), (0, 0), 2), np.uint8)
    large = np.asarray(cv2.resize(soft, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)
    doubled = FivePoints(*(Point(point.x * 2, point.y * 2) for point in POINTS))
    one, two = texture(soft, POINTS), texture(large, doubled)
    assert one is not None
    assert two is not None
    assert abs(one - two) < 0.25
    assert POINTS.inter_eye_px == EYES_PX


def test_a_simulated_morph_is_told_from_its_contributors_portrait(demo_faces: DemoFaces, sface: FaceEngine) -> None:
    """One morph of two photographs: an example that it works, not a figure (docs/morphs.md has those)."""
    one, two = (_photograph(sface, path) for path in (demo_faces.traveller_a[1], demo_faces.traveller_b))
    blend = reference_of(sface, morph(one, two))
    honest = judge("sface", reference_of(sface, one), _live(sface, one)).score
    first, second = (judge("sface", blend, _live(sface, photograph)).score for photograph in (one, two))
    assert honest is not None
    assert first is not None
    assert second is not None
    assert honest < 0.1
    assert first > honest + 0.2
    assert second > 0.5


def _photograph(engine: FaceEngine, path: Path) -> Photograph:
    frame = read_photograph(path)
    return Photograph(frame, engine.detect(frame)[0].points)


def _live(engine: FaceEngine, photograph: Photograph) -> list[Template]:
    dice = np.random.default_rng(1)
    frames = [live_picture(photograph, dice) for _ in range(5)]
    return [engine.embed(frame, faces[0]) for frame in frames if (faces := engine.detect(frame))]
