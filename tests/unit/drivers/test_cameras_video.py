"""A video file as a camera: frames in their order, at its pace, in a loop, and a sentence for everything that is no video."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

import drivers
from drivers.camera.controls import CameraControls, ExposureMode
from drivers.camera.video import VideoCamera
from egate.app.face_worker import make_camera
from egate.model.errors import DeviceError

FRAMES, FPS = 20, 20.0
LEVEL_STEP = 10


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Twenty grey frames, each brighter than the one before, in Motion JPEG."""
    path = tmp_path / "short.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (64, 48))
    assert writer.isOpened()
    for number in range(FRAMES):
        writer.write(np.full((48, 64, 3), 20 + number * LEVEL_STEP, np.uint8))
    writer.release()
    return path


class Played:
    """What a camera gave, and how long it waited before each frame."""

    def __init__(self, file: Path, fps: float) -> None:
        self.waits: list[float] = []
        self.camera = VideoCamera(file, fps, self.waits.append)
        self.camera.open()

    def numbers(self, count: int) -> list[int]:
        """The number of each frame in the file, read from its brightness."""
        return [round((float(self.camera.frame().mean()) - 20) / LEVEL_STEP) for _ in range(count)]


def test_frames_come_in_order_and_begin_again(video: Path) -> None:
    played = Played(video, FPS)
    assert played.numbers(FRAMES + 5) == [*range(FRAMES), *range(5)]
    assert played.waits == pytest.approx([1 / FPS] * (FRAMES + 5))


def test_a_lower_rate_passes_frames_over(video: Path) -> None:
    played = Played(video, 8.0)
    numbers = played.numbers(8)
    assert numbers == [0, 2, 5, 7, 10, 12, 15, 17]
    assert played.waits == pytest.approx([1 / 8] * 8)


def test_a_higher_rate_gives_no_frame_twice(video: Path) -> None:
    played = Played(video, 60.0)
    numbers = played.numbers(FRAMES)
    assert all(later == earlier + 1 for earlier, later in pairwise(numbers))
    assert sum(played.waits) == pytest.approx(FRAMES / FPS)


def test_it_begins_anew_when_it_opens(video: Path) -> None:
    played = Played(video, FPS)
    played.numbers(7)
    played.camera.close()
    with pytest.raises(DeviceError, match="not open"):
        played.camera.frame()
    played.camera.open()
    assert played.numbers(2) == [0, 1]


@pytest.mark.parametrize("words", ["absent.mp4", "", "http://127.0.0.1/a.mp4", "frame-%04d.jpg"])
def test_only_a_plain_file_is_opened(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cv2, "VideoCapture", None)
    with pytest.raises(DeviceError, match="no such file"):
        VideoCamera(Path(words), 30, lambda _: None).open()


@pytest.mark.parametrize("content", [b"", b"no video at all", b"RIFF\x00\x00\x00\x00AVI LIST"])
def test_what_is_no_video_is_said(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.avi"
    path.write_bytes(content)
    with pytest.raises(DeviceError, match="no video that can be played"):
        VideoCamera(path, 30, lambda _: None).open()


def test_a_file_that_is_cut_off_plays_what_is_there(video: Path) -> None:
    video.write_bytes(video.read_bytes()[: video.stat().st_size * 2 // 3])
    numbers = Played(video, FPS).numbers(2 * FRAMES)
    assert numbers[:3] == [0, 1, 2]
    assert 0 in numbers[1:], "it begins again"


def test_the_table_knows_it(video: Path) -> None:
    camera = make_camera(f"video:{video}@20")
    assert isinstance(camera, VideoCamera)
    with pytest.raises(DeviceError, match="no exposure"):
        drivers.make_camera(
            "video", drivers.CameraSettings(str(video), 20, CameraControls(exposure=ExposureMode.AUTO)), lambda _: None
        )


@pytest.mark.parametrize("fps", [0, -1, 121])
def test_impossible_rates_are_refused(video: Path, fps: float) -> None:
    with pytest.raises(DeviceError, match="frames per second"):
        VideoCamera(video, fps, lambda _: None)
