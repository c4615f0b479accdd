"""Scenes: reproducible, of the right size, and each with what it promises to the detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivers.sim.scene import Look, Portrait, empty_gate, live_frames, two_people, write_scene
from egate.app.demo.faces import ensure_demo_faces, portrait_of, read_photograph
from egate.faces.sface_engine import YunetDetector
from egate.model.errors import DeviceError


@pytest.fixture(scope="module")
def pair() -> tuple[Portrait, Portrait]:
    try:
        faces = ensure_demo_faces()
    except DeviceError as error:
        pytest.skip(f"the demo photographs are not to be had here: {error.problem}")
    return portrait_of(faces.traveller_a[1]), portrait_of(faces.traveller_b)


def test_the_same_seed_films_the_same_scene(pair: tuple[Portrait, Portrait]) -> None:
    first, second, other = (live_frames(pair[0], count=2, size=(360, 480), seed=seed) for seed in (7, 7, 8))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("size", [(720, 960), (1280, 720)])
def test_a_traveller_walks_up_and_stands(pair: tuple[Portrait, Portrait], size: tuple[int, int]) -> None:
    frames = live_frames(pair[0], count=9, size=size, seed=1)
    assert [frame.shape for frame in frames] == [(size[1], size[0], 3)] * 9
    eyes = []
    for frame in (frames[0], frames[2], frames[-1]):
        (face,) = YunetDetector().detect(frame)
        eyes.append(face.points.inter_eye_px)
    assert eyes[0] < 0.7 * eyes[2]
    assert eyes[0] < eyes[1] < 1.05 * eyes[2]
    assert abs(face.points.nose.x - size[0] / 2) < 0.1 * size[0]


def test_light_motion_and_noise_do_what_they_say(pair: tuple[Portrait, Portrait]) -> None:
    def film(look: Look) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return live_frames(pair[0], count=1, size=(360, 480), look=look, seed=3)[0].astype(np.float64)

    normal, dark, smeared = film(Look()), film(Look(light=0.3)), film(Look(motion_px=25))
    assert dark.mean() == pytest.approx(0.3 * normal.mean(), rel=0.1)
    assert np.abs(np.diff(smeared, axis=1)).mean() < 0.8 * np.abs(np.diff(normal, axis=1)).mean()


def test_two_people_are_two_faces_and_an_empty_gate_has_none(pair: tuple[Portrait, Portrait]) -> None:
    detector = YunetDetector()
    assert [len(detector.detect(frame)) for frame in two_people(*pair, count=3)] == [2, 2, 2]
    gate = empty_gate(count=2, seed=1)
    assert [detector.detect(frame) for frame in gate] == [(), ()]
    assert not np.array_equal(gate[0], gate[1]), "a sensor makes noise even when nobody is there"


def test_frames_are_written_in_order(tmp_path: Path) -> None:
    frames = empty_gate(count=3, size=(120, 160))
    paths = write_scene(tmp_path / "new" / "scene", frames)
    assert [path.name for path in paths] == ["frame-0000.jpg", "frame-0001.jpg", "frame-0002.jpg"]
    for path, frame in zip(paths, frames, strict=True):
        assert np.abs(read_photograph(path).astype(int) - frame).mean() < 4
