"""An agency's attack network: the right file with the right contract is asked, every other one is refused in words."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from egate.faces.engine import Box, DetectedFace, FivePoints, Point
from egate.faces.pad.network import FaceNetwork, NetworkSpec, crop_around
from egate.model.errors import DeviceError
from tests.onnx_writer import ints, model, node, tensor, value_info

SIDE = 80
FACE = DetectedFace(
    Box(200.0, 150.0, 100.0, 120.0),
    FivePoints(Point(225, 190), Point(275, 190), Point(250, 215), Point(230, 240), Point(270, 240)),
    0.9,
)


def network(place: Path, factor: float = 0.02, classes: int = 3, side: int = SIDE) -> NetworkSpec:
    """A network whose class n rises with the mean of colour channel n: blue, green (here: live), red."""
    weights = np.zeros((classes, 3, 1, 1), np.float32)
    for number in range(min(classes, 3)):
        weights[number, number] = factor
    content = model(
        [
            node("GlobalAveragePool", ["input"], ["mean"]),
            node("Conv", ["mean", "weights"], ["mixed"], ints("kernel_shape", [1, 1])),
            node("Flatten", ["mixed"], ["output"]),
        ],
        [tensor("weights", weights)],
        [value_info("input", [1, 3, side, side])],
        [value_info("output", [1, classes])],
    )
    path = place / "attack.onnx"
    path.write_bytes(content)
    return NetworkSpec(path, hashlib.sha256(content).hexdigest())


def frame_of(blue: int, green: int, red: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((480, 640, 3), (blue, green, red), np.uint8)


def test_values_go_in_as_bgr_up_to_255_and_come_out_through_a_softmax(tmp_path: Path) -> None:
    net = FaceNetwork(network(tmp_path))
    assert net.opinion(frame_of(20, 200, 20), FACE) == pytest.approx(1 - 1 / (1 + 2 * np.exp(-0.02 * 180)), abs=2e-3)
    assert net.opinion(frame_of(200, 20, 20), FACE) > 0.9
    assert net.opinion(frame_of(100, 100, 100), FACE) == pytest.approx(2 / 3, abs=2e-3)
    assert net.model_id.startswith("pad-")


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    spec = network(tmp_path)
    spec.path.write_bytes(spec.path.read_bytes() + b"\0")
    with pytest.raises(DeviceError, match="SHA-256"):
        FaceNetwork(spec)


def test_a_missing_file_and_a_file_that_is_no_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="cannot be read"):
        FaceNetwork(NetworkSpec(tmp_path / "nothing.onnx", "0" * 64))
    path = tmp_path / "text.onnx"
    path.write_bytes(b"no network at all")
    with pytest.raises(DeviceError, match="OpenCV"):
        FaceNetwork(NetworkSpec(path, hashlib.sha256(b"no network at all").hexdigest()))


def test_another_number_of_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="2 values; 3 were agreed"):
        FaceNetwork(network(tmp_path, classes=2))


@pytest.mark.parametrize("factor", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(tmp_path: Path, factor: float) -> None:
    with pytest.raises(DeviceError, match="no numbers"):
        FaceNetwork(network(tmp_path, factor))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"side_px": 8}, "side_px"),
        ({"side_px": 4096}, "side_px"),
        ({"crop_scale": 0.1}, "crop_scale"),
        ({"crop_scale": 100.0}, "crop_scale"),
        ({"classes": 1}, "classes"),
        ({"bona_fide_index": 3}, "bona_fide_index"),
        ({"bona_fide_index": -1}, "bona_fide_index"),
    ],
)
def test_contracts_that_no_network_has_are_refused(tmp_path: Path, change: dict[str, float], words: str) -> None:
    spec = network(tmp_path)
    with pytest.raises(DeviceError, match=words):
        FaceNetwork(NetworkSpec(spec.path, spec.sha256, **change))  # type: ignore[arg-type]  # every field by its name


def test_a_crop_is_the_box_enlarged_and_kept_inside_the_frame() -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[90:330, 150:350] = 255
    assert crop_around(frame, FACE.box, 1.9, SIDE).min() >= 250
    assert crop_around(frame, FACE.box, 2.4, SIDE)[0].max() == 0
    for box in (Box(0, 0, 60, 60), Box(600, 440, 60, 60), Box(-30, -30, 50, 50), Box(0, 0, 640, 480), Box(10, 10, 0, 0)):
        assert crop_around(frame, box, 2.7, SIDE).shape == (SIDE, SIDE, 3)
