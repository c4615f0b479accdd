"""Several cameras in the real worker with the real detector: a seated traveller is taken by the low camera (P12, L2)."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np
import pytest

from drivers.camera.controls import CameraControls, ExposureMode
from drivers.camera.geometry import Mounting
from drivers.camera.several import SeveralCameras
from drivers.camera.v4l2 import V4l2Camera
from drivers.camera.watched import PATIENCE, WatchedCamera
from drivers.sim.heights import seen_from, tall_scene
from drivers.sim.scene import Image, Portrait, write_scene
from egate.app.camera_config import CameraConfig, Tilting
from egate.app.clock import SystemClock
from egate.app.face_client import FaceClient
from egate.app.face_worker import locator, make_cameras
from egate.faces.engine import FaceEngine
from egate.faces.quality import assess
from egate.ipc.frames import FrameReader
from egate.model.errors import DeviceError
from egate.model.face import CaptureHint, CaptureState

LOW, HIGH = Mounting(112, 70), Mounting(156, 75)
SEATED_EYES_CM, STANDING_EYES_CM = 116.0, 165.0
SIZE = (600, 800)
RED, BLUE = (0, 0, 255), (255, 0, 0)


def marked(frames: list[Image], colour: tuple[int, int, int]) -> list[Image]:
    """Frames with a patch that tells the cameras apart, inside the square that the preview shows."""
    for frame in frames:
        frame[640:690, 10:60] = colour
    return frames


@pytest.fixture(scope="module")
def views(portraits: dict[str, Portrait]) -> dict[str, list[Image]]:
    """What the low camera (red) and the high one (blue) see of one traveller who sits and of one who stands."""
    scene = tall_scene(portraits["traveller_a"], size=SIZE, count=7)
    return {
        f"{posture}-{name}": marked(seen_from(camera, scene, eyes_cm, 100), colour)
        for posture, eyes_cm in (("seated", SEATED_EYES_CM), ("standing", STANDING_EYES_CM))
        for name, camera, colour in (("low", LOW, RED), ("high", HIGH, BLUE))
    }


def test_each_posture_is_usable_in_one_camera_only(views: dict[str, list[Image]], sface: FaceEngine) -> None:
    """What makes the choice worth its while: the other camera would tell the traveller to stand up or to bend down."""
    hints = {name: assess(frames[-1], sface.detect(frames[-1])).hint for name, frames in views.items()}
    assert hints["seated-low"] is hints["standing-high"] is CaptureHint.NONE
    assert hints["seated-high"] is CaptureHint.TOO_LOW
    assert hints["standing-low"] in (CaptureHint.TOO_HIGH, CaptureHint.NO_FACE)


def test_faces_are_located_as_the_engine_finds_them(views: dict[str, list[Image]], sface: FaceEngine) -> None:
    frame = views["seated-low"][-1]
    (located,), (found,) = locator(sface)(frame), sface.detect(frame)
    assert np.allclose(located, found.box, atol=0.04 * SIZE[0])


@pytest.mark.parametrize(("posture", "colour"), [("seated", RED), ("standing", BLUE)])
def test_the_worker_and_the_preview_follow_the_camera_that_sees_the_face(
    views: dict[str, list[Image]], tmp_path: Path, posture: str, colour: tuple[int, int, int]
) -> None:
    """P12: the best picture of the best placed camera; the kiosk's preview shows that camera and no other."""
    for name in ("low", "high"):
        write_scene(tmp_path / name, views[f"{posture}-{name}"])
    config = CameraConfig((f"files:{tmp_path / 'low'}@30", f"files:{tmp_path / 'high'}@30"))
    ring = tmp_path / "frames"
    command = (sys.executable, "-m", "egate.app.face_worker", *config.words(), "--frames", str(ring))

    async def story() -> None:
        client, reader, seen = FaceClient(command, SystemClock()), FrameReader(ring), []
        await client.start()
        try:
            outcome = await client.capture(1, 6.0, lambda _: seen.append(reader.read()))
        finally:
            await client.close()
            reader.close()
        assert outcome.state is CaptureState.CAPTURED
        assert outcome.probe is not None
        assert outcome.probe.quality.usable
        last = [frame for frame in seen if frame is not None][-1]
        patch = np.frombuffer(last.pixels, np.uint8).reshape(last.height, last.width, 4)[440:465, -40:-15, :3]
        assert np.abs(patch.reshape(-1, 3).mean(axis=0) - colour).max() < 60

    asyncio.run(story())


def test_a_camera_that_fails_in_a_capture_costs_no_capture(
    views: dict[str, list[Image]], tmp_path: Path, sface: FaceEngine, caplog: pytest.LogCaptureFixture
) -> None:
    """L2: one line, and the other camera's pictures."""
    for name in ("low", "high"):
        write_scene(tmp_path / name, views[f"standing-{name}"])
    cameras = make_cameras(CameraConfig((f"files:{tmp_path / 'low'}@120", f"files:{tmp_path / 'high'}@120")), sface)
    assert isinstance(cameras, SeveralCameras)
    cameras.open()
    try:
        assert cameras.frame().shape == (800, 600, 3)
        for path in (tmp_path / "low").iterdir():
            path.unlink()
        said: list[str] = []
        while not said:
            assert cameras.frame().shape == (800, 600, 3)
            said = [record.getMessage() for record in caplog.records if "lost" in record.getMessage()]
        assert [cameras.frame().shape for _ in range(3)] == [(800, 600, 3)] * 3
        assert cameras.chosen.endswith("high@120")
        assert len(said) == 1
    finally:
        cameras.close()
        caplog.clear()


def test_a_camera_that_is_back_is_proved_without_another_worker(views: dict[str, list[Image]], tmp_path: Path) -> None:
    """L2: a restart would load models for seconds; a look takes none."""
    write_scene(tmp_path / "low", views["seated-low"])
    command = (sys.executable, "-m", "egate.app.face_worker", "--camera", f"files:{tmp_path / 'low'}@60")

    async def story() -> None:
        client = FaceClient(command, SystemClock())
        await client.start()
        try:
            await client.look()
            worker = client._worker
            (tmp_path / "low").rename(tmp_path / "away")
            with pytest.raises(DeviceError, match="there is no such directory"):
                await client.look()
            (tmp_path / "away").rename(tmp_path / "low")
            await client.look()
            assert client._worker is worker
            assert (await client.capture(1, 6.0, lambda _: None)).state is CaptureState.CAPTURED
        finally:
            await client.close()

    asyncio.run(story())


def test_the_configuration_chooses_the_shape(sface: FaceEngine, tmp_path: Path) -> None:
    live = "v4l2:/dev/v4l/by-id/usb-cam-video-index0@25"
    assert make_cameras(CameraConfig(("none",)), sface) is None
    watched = make_cameras(CameraConfig((live,), CameraControls(gain=3)), sface)
    assert isinstance(watched, WatchedCamera)
    assert isinstance(watched.source, V4l2Camera)
    assert watched._patience == PATIENCE
    slow = make_cameras(CameraConfig((live.replace("@25", "@2"),)), sface)
    assert isinstance(slow, WatchedCamera)
    assert slow._patience.silent_s == 1.0, "two pictures' time"
    assert watched.source._settings.controls == CameraControls(gain=3)
    for config in (
        CameraConfig((live,), CameraControls(ExposureMode.FACE)),
        CameraConfig((live,), tilting=Tilting(-20, 20, -2, 60)),
        CameraConfig((live, f"files:{tmp_path}")),
    ):
        assert isinstance(make_cameras(config, sface), SeveralCameras)
    tilting = make_cameras(CameraConfig((live,), tilting=Tilting(-20, 20, -2, 60)), sface)
    assert isinstance(tilting, SeveralCameras)
    source = tilting._stations[0].camera.source
    assert isinstance(source, V4l2Camera)
    assert source._settings.controls.tilt_deg == -2, "it looks home each time it opens"


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (CameraConfig(("files:/x",), CameraControls(gain=3)), "a directory of images has no exposure, gain, focus or tilt"),
        (CameraConfig(("files:/x",), tilting=Tilting(-20, 20, 0, 60)), "a directory of images has no"),
        (CameraConfig(("v4l2:/dev/video0",)), "this name goes to whatever was plugged in first"),
    ],
)
def test_what_no_camera_can_do_is_refused(config: CameraConfig, sentence: str, sface: FaceEngine) -> None:
    """I14, L4."""
    with pytest.raises(DeviceError, match=sentence):
        make_cameras(config, sface)
