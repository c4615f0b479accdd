"""Which engines there are, what a listing says of them, two in one score, and what dlib never opens (D1)."""

from __future__ import annotations

import ctypes
import os
import struct
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from egate.app.demo.faces import DemoFaces, read_photograph
from egate.faces.calibration import load_calibration
from egate.faces.comparison import Judge, probe_templates, ranking_template, reference_templates
from egate.faces.dlib_engine import DlibEngine
from egate.faces.engine import FaceEngine, FivePoints, Point
from egate.faces.engines.registry import list_engines, make_engine
from egate.faces.fused_engine import DLIB_WEIGHT, FusedEngine, predictor_box
from egate.faces.weights import DLIB_RESNET
from egate.model.errors import DeviceError, MalformedData
from egate.weights import weights_path

NOWHERE = Path("/nowhere")
IN_OPEN, IN_NONBLOCK = 0x20, 0x800
EVENT = struct.Struct("iIII")


def now() -> float:
    return 0.0


@pytest.fixture(scope="module")
def fused() -> FusedEngine:
    engine = make_engine("fused", NOWHERE, now)
    assert isinstance(engine, FusedEngine)
    return engine


def test_names_make_the_engines_that_come_along(sface: FaceEngine, fused: FusedEngine) -> None:
    assert sface.model_id == "sface-fb143eea"
    assert fused.model_id.startswith("fused-")


@pytest.mark.parametrize("name", ["arcface", "", "onnx", "SFACE", "egate.faces"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(DeviceError, match="is none of dlib, fused, sface, onnx:PATH, program:PATH"):
        make_engine(name, NOWHERE, now)


@pytest.mark.parametrize("kind", ["onnx", "program"])
def test_a_description_that_is_no_description_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DeviceError, match=r"gone.toml cannot be read \(No such file"):
        make_engine(f"{kind}:gone.toml", tmp_path, now)
    for content, words in (
        (b"= 3", "no TOML"),
        (b"\xff", "no TOML"),
        (b"#" * 70_000, "more than 65536 bytes"),
        (b"", "name is missing"),
    ):
        (tmp_path / "bad.toml").write_bytes(content)
        with pytest.raises(MalformedData, match=words):
            make_engine(f"{kind}:bad.toml", tmp_path, now)


def test_the_listing_tells_weights_licence_and_calibration(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text(
        'name = "acme"\nlicence = "contract 7"\n[recogniser]\npath = "gone.onnx"\nside_px = 112\ncolours = "rgb"\n'
        f'sha256 = "{"ab" * 32}"\ndimension = 512\nmetric = "cosine"\n'
    )
    (tmp_path / "bad.toml").write_text("name = 3")
    entries = {entry.name: entry for entry in list_engines(tmp_path, ["onnx:acme.toml", "onnx:bad.toml", "arcface"])}
    assert list(entries) == ["sface", "dlib", "fused", "onnx:acme.toml", "onnx:bad.toml", "arcface"]
    assert entries["sface"].model_id == load_calibration("sface").model_id
    assert entries["sface"].calibration == f"{load_calibration('sface').identity}, down to FMR 0.1 %"
    assert [file.name for file in entries["dlib"].files] == [
        DLIB_RESNET.place.rpartition("/")[2],
        "shape_predictor_5_face_landmarks.dat",
    ]
    assert "CC0" in entries["dlib"].licence
    assert not entries["dlib"].problem
    acme = entries["onnx:acme.toml"]
    assert (acme.licence, acme.calibration) == ("contract 7", "none: it may not decide")
    assert acme.problem.startswith("gone.onnx cannot be read")
    assert entries["onnx:bad.toml"].problem == "name must be a text of 1 to 200 characters"
    assert "begins with neither" in entries["arcface"].problem


def test_a_fused_score_is_the_weighted_mean_of_both_cosines(
    fused: FusedEngine, sface: FaceEngine, dlib_engine: FaceEngine, demo_faces: DemoFaces
) -> None:
    templates = []
    for path in (demo_faces.traveller_a[0], demo_faces.traveller_a[1], demo_faces.traveller_b):
        frame = read_photograph(path)
        face = fused.detect(frame)[0]
        other = replace(face, box=predictor_box(face.points))
        templates.append((fused.embed(frame, face), sface.embed(frame, face), dlib_engine.embed(frame, other)))
    for a in templates:
        for b in templates:
            cosines = float(a[1].vector @ b[1].vector), float(a[2].vector @ b[2].vector)
            assert fused.compare(a[0], b[0]) == pytest.approx((cosines[0] + DLIB_WEIGHT * cosines[1]) / (1 + DLIB_WEIGHT))
    same, other_person = fused.compare(templates[0][0], templates[1][0]), fused.compare(templates[0][0], templates[2][0])
    assert same > other_person + 0.1


def test_the_predictors_box_is_where_dlibs_own_detector_puts_it(
    dlib_engine: FaceEngine, sface: FaceEngine, demo_faces: DemoFaces
) -> None:
    frame = read_photograph(demo_faces.traveller_a[1])
    own, ours = dlib_engine.detect(frame)[0].box, predictor_box(sface.detect(frame)[0].points)
    assert ours.width == pytest.approx(own.width, rel=0.25)
    assert ours.centre.x == pytest.approx(own.centre.x, abs=own.width / 6)
    assert ours.centre.y == pytest.approx(own.centre.y, abs=own.width / 6)
    point = Point(5, 5)
    assert predictor_box(FivePoints(point, point, point, point, point)).width == 1, "points that are no face give no empty box"


def test_frames_are_ranked_by_a_glance_and_compared_by_the_whole(
    fused: FusedEngine, sface: FaceEngine, demo_faces: DemoFaces
) -> None:
    frame = read_photograph(demo_faces.traveller_b)
    face = fused.detect(frame)[0]
    known = ranking_template(fused, frame, face)
    assert known.vector.size == 128
    assert np.array_equal(ranking_template(sface, frame, face).vector, known.vector)
    judges = (Judge(fused, 0.5, 1000),)
    probe, reference = probe_templates(judges, frame, face, known).templates[0], reference_templates(judges, frame).templates[0]
    assert probe is not None
    assert reference is not None
    assert fused.compare(reference, probe) == pytest.approx(1)
    assert probe.vector.size == 256


def test_the_listing_says_what_the_calibration_of_fused_says(fused: FusedEngine) -> None:
    entry = next(entry for entry in list_engines(NOWHERE) if entry.name == "fused")
    assert entry.model_id == fused.model_id
    shipped = resources.files("egate.faces.calibrations").joinpath("fused.json").is_file()
    assert entry.calibration.startswith("fused-2" if shipped else "refused: fused has no calibration")


def test_dlib_opens_its_five_points_and_no_68(demo_faces: DemoFaces) -> None:
    """The kernel reports each file that is opened beside dlib's weights: the 68-point model, which is there, is none of them."""
    place = weights_path(DLIB_RESNET).parent
    assert (place / "shape_predictor_68_face_landmarks.dat").exists(), "it lies there, so that opening it would be seen"
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(IN_NONBLOCK)
    assert libc.inotify_add_watch(watch, os.fsencode(place), IN_OPEN) >= 0
    try:
        engine = DlibEngine()
        frame = read_photograph(demo_faces.traveller_b)
        engine.embed(frame, engine.detect(frame)[0])
        opened = _names(os.read(watch, 1 << 16))
    finally:
        os.close(watch)
    assert opened == {"shape_predictor_5_face_landmarks.dat", "dlib_face_recognition_resnet_model_v1.dat"}


def _names(events: bytes) -> set[str]:
    names, at = set(), 0
    while at < len(events):
        *_, length = EVENT.unpack_from(events, at)
        name = events[at + EVENT.size : at + EVENT.size + length].rstrip(b"\0").decode()
        names.add(name)
        at += EVENT.size + length
    return names - {""}
