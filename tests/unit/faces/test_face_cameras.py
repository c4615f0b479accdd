"""The words that choose the worker's camera: every driver of the table with its rate, and a clear sentence for all else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import drivers
from drivers.camera.files import FileCamera
from drivers.camera.v4l2 import V4l2Camera
from egate.app.face_worker import make_camera
from egate.model.errors import DeviceError
from egate.ports import Camera

Made = list[drivers.CameraSettings]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """What the table's factories were asked for; they still make their cameras."""
    asked: Made = []

    def noting(factory: Callable[..., Camera]) -> Callable[..., Camera]:
        def make(settings: drivers.CameraSettings, wait: drivers.Wait) -> Camera:
            asked.append(settings)
            return factory(settings, wait)

        return make

    monkeypatch.setattr(drivers, "CAMERAS", {name: noting(factory) for name, factory in drivers.CAMERAS.items()})
    return asked


@pytest.mark.parametrize(
    ("words", "kind", "path", "fps"),
    [
        ("files:/pictures@12.5", FileCamera, "/pictures", 12.5),
        ("files:/pictures", FileCamera, "/pictures", 30.0),
        ("files:/one@two@20", FileCamera, "/one@two", 20.0),
        ("files:/one@two", FileCamera, "/one@two", 30.0),
        ("v4l2:/dev/v4l/by-path/pci-0:1:2-video", V4l2Camera, "/dev/v4l/by-path/pci-0:1:2-video", 30.0),
        ("v4l2:/dev/v4l/by-path/pci-0:1:2-video@15", V4l2Camera, "/dev/v4l/by-path/pci-0:1:2-video", 15.0),
    ],
)
def test_words_reach_the_table(made: Made, words: str, kind: type, path: str, fps: float) -> None:
    assert isinstance(make_camera(words), kind)
    assert made == [drivers.CameraSettings(path, fps)]


def test_a_live_camera_is_asked_for_the_rate() -> None:
    camera = make_camera("v4l2:/dev/v4l/by-id/usb-7@15")
    assert isinstance(camera, V4l2Camera)
    assert (camera._settings.device, camera._settings.fps) == ("/dev/v4l/by-id/usb-7", 15)


def test_a_lane_may_have_none(made: Made) -> None:
    assert make_camera("none") is None
    assert made == []


@pytest.mark.parametrize("words", ["usb", "usb:1", "files", "files:", "v4l2:", "", ":/dev/video0"])
def test_other_words_are_answered_with_what_is_known(words: str) -> None:
    with pytest.raises(DeviceError, match=r"is none of files:PATH@FPS, v4l2:PATH@FPS, video:PATH@FPS, none"):
        make_camera(words)


@pytest.mark.parametrize("rate", ["0", "-3", "121", "nan", "inf", "0.2"])
@pytest.mark.parametrize("kind", ["files", "v4l2"])
def test_rates_that_no_camera_has(kind: str, rate: str) -> None:
    with pytest.raises(DeviceError, match="needs a path, and 1 to 120 frames a second"):
        make_camera(f"{kind}:/here@{rate}")


def test_a_rate_alone_is_no_camera() -> None:
    with pytest.raises(DeviceError, match="needs a path"):
        make_camera("files:@15")
