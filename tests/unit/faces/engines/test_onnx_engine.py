"""An operator's ONNX network: plugged in by a page of TOML, proved before the lane opens, or refused in words (D1)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from egate.app.demo.faces import DemoFaces, read_photograph
from egate.faces.calibrations.signing import encode_table, signed
from egate.faces.comparison import appoint
from egate.faces.engine import Box, DetectedFace, FaceEngine, FivePoints, Point
from egate.faces.engines.registry import make_engine
from egate.faces.weights import SFACE
from egate.model.errors import DeviceError, EgateError, TrustError
from egate.weights import read_weights
from tests.onnx_writer import recogniser, rows_detector, stripped
from tests.unit.faces.engines.descriptions import calibration_table

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
DIMENSION = 16
WEIGHTS = np.random.default_rng(5).normal(size=(192, DIMENSION)).astype(np.float32)
COLUMNS = ["left", "top", "right", "bottom", "score", "skip"] + [
    f"{part}_{axis}" for part in ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth") for axis in "xy"
]
ROW = [20, 10, 60, 60, 0.9, 7, 30, 25, 50, 25, 40, 35, 32, 48, 48, 48]
FACE = DetectedFace(
    Box(20, 10, 40, 50), FivePoints(Point(30, 25), Point(50, 25), Point(40, 35), Point(32, 48), Point(48, 48)), 1.0
)
FRAME = np.random.default_rng(6).integers(0, 255, (80, 100, 3), np.uint8)


class Plugin:
    """A folder with a description and the files that it names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = {"name": '"acme"', "licence": '"contract 7"'}
        self.recogniser = {"side_px": "112", "colours": '"rgb"', "mean": "127.5", "std": "128", "dimension": str(DIMENSION)}
        self.recogniser["metric"] = '"cosine"'
        self.detector: dict[str, str] = {}
        self.network(recogniser(WEIGHTS))

    def network(self, content: bytes) -> None:
        self.recogniser |= self._file("recogniser.onnx", content)

    def finder(self, rows: NDArray[np.float32], columns: list[str]) -> None:
        self.detector = self._file("detector.onnx", rows_detector(rows, 320, 240))
        self.detector |= {"kind": '"rows"', "width_px": "320", "height_px": "240", "colours": '"bgr"', "least_score": "0.5"}
        self.detector["columns"] = str(columns).replace("'", '"')

    def make(self) -> FaceEngine:
        tables = [("", self.keys), ("recogniser", self.recogniser), ("detector", self.detector)]
        lines = []
        for name, table in tables:
            lines += [f"[{name}]"] * bool(name and table) + [f"{key} = {value}" for key, value in table.items()]
        (self.folder / "acme.toml").write_text("\n".join(lines))
        return make_engine("onnx:acme.toml", self.folder, lambda: 0.0)

    def _file(self, name: str, content: bytes) -> dict[str, str]:
        (self.folder / name).write_bytes(content)
        return {"path": f'"{name}"', "sha256": f'"{hashlib.sha256(content).hexdigest()}"'}


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


def test_a_network_runs_from_one_page_of_toml(plugin: Plugin) -> None:
    engine = plugin.make()
    assert engine.model_id.startswith("acme-")
    template = engine.embed(FRAME, FACE)
    assert template.vector.shape == (DIMENSION,)
    assert np.linalg.norm(template.vector) == pytest.approx(1)
    assert engine.compare(template, template) == pytest.approx(1)
    other = engine.embed(FRAME[::-1].copy(), FACE)
    assert engine.compare(template, other) < 1


def test_distances_become_similarities(plugin: Plugin) -> None:
    plugin.recogniser["metric"] = '"euclid"'
    engine = plugin.make()
    a, b = engine.embed(FRAME, FACE), engine.embed(FRAME[::-1].copy(), FACE)
    assert engine.compare(a, a) == pytest.approx(1)
    distance = float(np.linalg.norm(a.vector * a.norm - b.vector * b.norm))
    assert engine.compare(a, b) == pytest.approx(1 - distance)


def test_the_gates_own_recogniser_gives_the_same_numbers_through_the_plug(
    plugin: Plugin, sface: FaceEngine, demo_faces: DemoFaces
) -> None:
    """Alignment, colours and runtime agree with OpenCV's own SFace on real photographs."""
    plugin.network(stripped(read_weights(SFACE)))
    plugin.recogniser |= {"mean": "0", "std": "1", "dimension": "128", "fold_quantised": "true"}
    engine = plugin.make()
    for path in (demo_faces.traveller_a[0], demo_faces.traveller_b):
        frame = read_photograph(path)
        face = sface.detect(frame)[0]
        ours, theirs = engine.embed(frame, face), sface.embed(frame, face)
        assert float(ours.vector @ theirs.vector) > 0.999
        assert ours.norm == pytest.approx(theirs.norm, rel=0.02)
        assert engine.detect(frame) == sface.detect(frame), "YuNet finds the faces where no detector is described"


def _hash(plugin: Plugin) -> None:
    plugin.recogniser["sha256"] = f'"{"0" * 64}"'


def _changed_file(plugin: Plugin) -> None:
    content = bytearray((plugin.folder / "recogniser.onnx").read_bytes())
    content[-3] ^= 1
    (plugin.folder / "recogniser.onnx").write_bytes(content)


def _gone(plugin: Plugin) -> None:
    (plugin.folder / "recogniser.onnx").unlink()


def _dimension(plugin: Plugin) -> None:
    plugin.recogniser["dimension"] = "512"


def _nan(plugin: Plugin) -> None:
    plugin.network(recogniser(np.full((192, DIMENSION), np.nan, np.float32)))


def _infinite(plugin: Plugin) -> None:
    plugin.network(recogniser(WEIGHTS, bias=np.inf))


def _zero(plugin: Plugin) -> None:
    plugin.network(recogniser(np.zeros((192, DIMENSION), np.float32)))


def _constant(plugin: Plugin) -> None:
    plugin.network(recogniser(np.zeros((192, DIMENSION), np.float32), bias=1.0))


def _more_inputs(plugin: Plugin) -> None:
    plugin.network(recogniser(WEIGHTS, more=[f"stale_{at}" for at in range(29)]))


def _unfolded_sface(plugin: Plugin) -> None:
    plugin.network(read_weights(SFACE))


def _other_size(plugin: Plugin) -> None:
    plugin.network(recogniser(WEIGHTS, side=160))


def _other_layout(plugin: Plugin) -> None:
    plugin.recogniser["layout"] = '"nhwc"'


def _no_network(plugin: Plugin) -> None:
    plugin.network(b"\x08\x08 this is no network")


def _empty(plugin: Plugin) -> None:
    plugin.network(b"")


def _outside_weights(plugin: Plugin) -> None:
    (plugin.folder / "weights.bin").write_bytes(WEIGHTS.tobytes())
    plugin.network(recogniser(WEIGHTS, external="weights.bin"))


def _no_output(plugin: Plugin) -> None:
    plugin.recogniser["output"] = '"features"'


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_hash, "recogniser.onnx has SHA-256 .* the description says 000"),
        (_changed_file, "recogniser.onnx has SHA-256"),
        (_gone, "recogniser.onnx cannot be read"),
        (_dimension, "its template has 16 numbers, the description says 512"),
        (_nan, "NaN or infinity"),
        (_infinite, "NaN or infinity"),
        (_zero, "its template is zero"),
        (_constant, "one template for any picture: everybody would match"),
        (_more_inputs, r"asks for 29 inputs beside its picture \(stale_0, stale_1, stale_2, …\), which nobody feeds: fold"),
        (_unfolded_sface, "asks for 29 inputs beside its picture"),
        (_other_size, "its input is 1×3×160×160, the description makes 1×3×112×112"),
        (_other_layout, "its input is 1×3×112×112, the description makes 1×112×112×3"),
        (_no_network, "does not load it"),
        (_empty, "does not load it"),
        (_outside_weights, "does not load it"),
        (_no_output, "has no output features, but template"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(
    plugin: Plugin, spoil: Callable[[Plugin], None], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plugin.folder)
    spoil(plugin)
    with pytest.raises(DeviceError, match=words):
        plugin.make()


def test_weights_beside_the_hashed_file_are_never_read(plugin: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph alone is covered by the hash; a file beside it, even in the working folder, must not count."""
    monkeypatch.chdir(plugin.folder)
    _outside_weights(plugin)
    assert os.path.getsize("weights.bin") == WEIGHTS.nbytes
    with pytest.raises(DeviceError):
        plugin.make()


def test_a_detector_by_rows_places_faces_in_the_frame(plugin: Plugin) -> None:
    rows = np.array([ROW, [value + 1 for value in ROW], [*ROW[:4], 0.2, *ROW[5:]]], np.float32)
    large = np.array([100, 80, 200, 220, 0.8, 7, 120, 110, 170, 110, 145, 150, 125, 190, 165, 190], np.float32)
    plugin.finder(np.vstack([rows, large]), COLUMNS)
    faces = plugin.make().detect(np.zeros((480, 640, 3), np.uint8))
    assert [tuple(face.box) for face in faces] == [(200, 160, 200, 280), (42, 22, 80, 100)], "scaled back, largest first"
    assert faces[1].points.right_eye == Point(62, 52)
    assert faces[1].score == pytest.approx(1.9), "of two rows that overlap the surest stays"


def test_a_detector_in_shares_of_its_input(plugin: Plugin) -> None:
    size = np.array([320, 240, 320, 240, 1, 1] + [320, 240] * 5)
    plugin.finder((np.array(ROW) / size).astype(np.float32)[None], COLUMNS)
    plugin.detector["units"] = '"share"'
    face = plugin.make().detect(np.zeros((480, 640, 3), np.uint8))[0]
    assert tuple(face.box) == pytest.approx((40, 20, 80, 100), abs=1e-3)
    assert face.points.left_mouth == pytest.approx((96, 96), abs=1e-3)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (COLUMNS[:-1], "lack left_mouth_y: a detector must give five points"),
        (["left", "top", "right", "bottom", "score"], "lack right_eye_x: a detector must give five points"),
        (["height" if name == "bottom" else name for name in COLUMNS], "must name left, top, right and bottom"),
        ([*COLUMNS, "score"], "and the points once"),
        ([*COLUMNS, "skip"], "its rows have 16 columns, the description names 17"),
    ],
)
def test_a_detector_without_five_points_is_refused(plugin: Plugin, columns: list[str], words: str) -> None:
    plugin.finder(np.array([ROW], np.float32), columns)
    with pytest.raises(EgateError, match=words):
        plugin.make()


def test_without_calibration_an_engine_can_be_calibrated_but_not_appointed(plugin: Plugin) -> None:
    engine = plugin.make()
    with pytest.raises(DeviceError, match="acme has no calibration"):
        appoint(engine, 1000)


def test_a_calibration_serves_the_settings_it_was_made_with(plugin: Plugin) -> None:
    model_id = plugin.make().model_id
    (plugin.folder / "acme.json").write_bytes(encode_table(signed(calibration_table(model_id), KEY)))
    plugin.keys |= {"calibration": '"acme.json"', "calibration_key": f'"{KEY.public_key().public_bytes_raw().hex()}"'}
    assert appoint(plugin.make(), 1000).threshold == 0.6
    for key, value in (
        ("colours", '"bgr"'),
        ("mean", "127"),
        ("metric", '"euclid"'),
        ("points", str([[9 * at, at] for at in range(5)])),
    ):
        changed = Plugin(plugin.folder)
        changed.keys |= plugin.keys
        changed.recogniser[key] = value
        with pytest.raises(DeviceError, match=f"the calibration is for {model_id}, the weights are acme-"):
            appoint(changed.make(), 1000)


def test_a_calibration_of_another_hand_is_refused(plugin: Plugin) -> None:
    model_id = plugin.make().model_id
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw().hex()
    (plugin.folder / "acme.json").write_bytes(encode_table(signed(calibration_table(model_id), KEY)))
    plugin.keys |= {"calibration": '"acme.json"', "calibration_key": f'"{stranger}"'}
    with pytest.raises(TrustError, match="is signed by the key"):
        plugin.make()
