"""Real photographs, real engines, real scenes: made once for all tests of faces."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.sim.scene import Portrait, blurred_frames, empty_gate, live_frames, two_people, write_scene
from egate.app.demo.faces import DemoFaces, ensure_demo_faces, portrait_of
from egate.app.face_worker import make_engine
from egate.faces.engine import FaceEngine
from egate.model.errors import DeviceError

SCENE_FRAMES = 12
SIZE = (600, 800)


@pytest.fixture(scope="session")
def demo_faces() -> DemoFaces:
    try:
        return ensure_demo_faces()
    except DeviceError as error:
        pytest.skip(f"the demo photographs are not to be had here: {error.problem}")


@pytest.fixture(scope="session")
def portraits(demo_faces: DemoFaces) -> dict[str, Portrait]:
    """The live photograph of each traveller by role."""
    return {
        "traveller_a": portrait_of(demo_faces.traveller_a[1]),
        "traveller_b": portrait_of(demo_faces.traveller_b),
        "traveller_c": portrait_of(demo_faces.traveller_c),
    }


@pytest.fixture(scope="session")
def scenes(portraits: dict[str, Portrait], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with one directory of frames for each scene."""
    place = tmp_path_factory.mktemp("scenes")
    a, b = portraits["traveller_a"], portraits["traveller_b"]
    for role, portrait in portraits.items():
        write_scene(place / role, live_frames(portrait, count=SCENE_FRAMES, size=SIZE, seed=2))
    write_scene(place / "blurred", blurred_frames(a, count=SCENE_FRAMES, size=SIZE, seed=2))
    write_scene(place / "two_people", two_people(a, b, count=SCENE_FRAMES, size=SIZE, seed=2))
    write_scene(place / "empty", empty_gate(count=4, size=SIZE, seed=2))
    return place


@pytest.fixture(scope="session")
def sface() -> FaceEngine:
    return make_engine("sface")


@pytest.fixture(scope="session")
def dlib_engine() -> FaceEngine:
    return make_engine("dlib")
