"""A camera that is unplugged, exchanged or virtual is told by what the kernel says of it, at each capture."""

from __future__ import annotations

import pytest

from egate.app.camera_witness import CameraWitness, facts_at
from egate.app.face_worker import make_detection
from egate.faces.pad.injection import CameraFacts, SourceTrust, judge_source

REAL = CameraFacts("uvcvideo", "HD Camera", "usb-0000:00:14.0-5")
OTHER = CameraFacts("uvcvideo", "HD Camera", "usb-0000:00:14.0-6")
LOOPBACK = CameraFacts("v4l2 loopback", "Dummy video device", "platform:v4l2loopback-000")
SOURCES = ("v4l2:/dev/v4l/by-path/a@15", "files:/scenes@15", "v4l2:/dev/v4l/by-path/b")


def witness(now: dict[str, CameraFacts | None]) -> CameraWitness:
    """Two good cameras at the start; `now` is what is there afterwards."""
    answers: dict[str, CameraFacts | None] = {"/dev/v4l/by-path/a": REAL, "/dev/v4l/by-path/b": REAL}
    made = CameraWitness(SOURCES, lambda path: answers[path])
    answers.update(now)
    return made


@pytest.mark.parametrize(
    ("now", "trust"),
    [
        ({}, SourceTrust.PLAUSIBLE),
        ({"/dev/v4l/by-path/b": OTHER}, SourceTrust.SWAPPED),
        ({"/dev/v4l/by-path/a": None}, SourceTrust.GONE),
        ({"/dev/v4l/by-path/b": LOOPBACK}, SourceTrust.SWAPPED),
    ],
)
def test_each_camera_is_compared_with_itself_at_the_start(now: dict[str, CameraFacts | None], trust: SourceTrust) -> None:
    assert judge_source(*witness(now).now()) is trust


def test_a_virtual_camera_of_the_start_is_told() -> None:
    made = CameraWitness(("v4l2:/dev/v4l/by-path/c",), lambda _: LOOPBACK)
    assert judge_source(*made.now()) is SourceTrust.VIRTUAL


def test_cameras_that_are_no_devices_are_not_judged() -> None:
    assert CameraWitness(("files:/scenes@15", "video:/film.mp4@25")).now() == (None, None)
    assert facts_at("/dev/v4l/by-path/none") is None


def test_the_detection_of_a_capture_hears_the_witness() -> None:
    """P11: no look at the picture is needed to send a swapped camera's capture to an officer."""
    detection = make_detection("none", witness({"/dev/v4l/by-path/b": OTHER}))
    assert (detection._parts.started, detection._parts.captured) == (REAL, OTHER)
