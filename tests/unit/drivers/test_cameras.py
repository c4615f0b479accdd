"""Cameras: files in a loop, a live device through OpenCV (here a video file stands in for the kernel's device)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers import CameraSettings, make_camera
from drivers.camera import files
from drivers.camera.files import FileCamera, as_frame, read_image
from drivers.camera.v4l2 import V4l2Camera, V4l2Settings
from egate.model.errors import DeviceError
from egate.ports import Camera


def picture(blue: int, size: tuple[int, int] = (24, 32)) -> NDArray[np.uint8]:
    image = np.zeros((*size, 3), np.uint8)
    image[:, :, 0] = blue
    return image


def fill(folder: Path, blues: dict[str, int]) -> Path:
    folder.mkdir()
    for name, blue in blues.items():
        assert cv2.imwrite(str(folder / name), picture(blue))
    return folder


def blues(source: FileCamera, count: int) -> list[int]:
    return [int(source.frame()[0, 0, 0]) for _ in range(count)]


def test_files_play_in_a_loop_by_name_and_are_paced(tmp_path: Path) -> None:
    waits: list[float] = []
    source = FileCamera(fill(tmp_path / "a", {"2.png": 20, "1.png": 10, "3.bmp": 30}), 25.0, waits.append)
    as_port: Camera = source
    as_port.open()
    frame = source.frame()
    assert frame.shape == (24, 32, 3)
    assert frame.dtype == np.dtype(np.uint8)
    assert blues(source, 5) == [20, 30, 10, 20, 30]
    assert waits == [1 / 25.0] * 6
    source.close()
    with pytest.raises(DeviceError, match="not open"):
        source.frame()


def test_a_swapped_link_is_followed_at_once(tmp_path: Path) -> None:
    first, second = fill(tmp_path / "a", {"1.png": 10, "2.png": 11}), fill(tmp_path / "b", {"1.png": 50})
    link = tmp_path / "now"
    link.symlink_to(first)
    source = FileCamera(link, 25.0, lambda seconds: None)
    source.open()
    assert blues(source, 1) == [10]
    (tmp_path / "next").symlink_to(second)
    (tmp_path / "next").rename(link)
    assert blues(source, 2) == [50, 50]


def test_new_files_are_seen_after_a_round(tmp_path: Path) -> None:
    folder = fill(tmp_path / "a", {"1.png": 10})
    source = FileCamera(folder, 25.0, lambda seconds: None)
    source.open()
    assert blues(source, 1) == [10]
    cv2.imwrite(str(folder / "2.png"), picture(20))
    assert blues(source, 2) == [10, 20]


def test_what_is_missing_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no such directory"):
        FileCamera(tmp_path / "nothing", 25.0, lambda seconds: None).open()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DeviceError, match="holds no image"):
        FileCamera(tmp_path / "empty", 25.0, lambda seconds: None).open()


@pytest.mark.parametrize("fps", [0, -1, 121])
def test_an_impossible_rate_is_refused(tmp_path: Path, fps: float) -> None:
    """I14."""
    with pytest.raises(DeviceError, match="frames per second"):
        FileCamera(tmp_path, fps, lambda seconds: None)


def test_files_that_are_no_images_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty.png").write_bytes(b"")
    for name, words in (("text.png", "no image"), ("empty.png", "no image"), ("gone.png", "cannot be read")):
        with pytest.raises(DeviceError, match=words):
            read_image(tmp_path / name)
    monkeypatch.setattr(files, "LARGEST_FILE_BYTES", 4)
    with pytest.raises(DeviceError, match="too large"):
        read_image(tmp_path / "text.png")


@pytest.mark.parametrize(
    "image", [None, np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_frame_is_refused(image: object) -> None:
    with pytest.raises(DeviceError):
        as_frame(image, "take a frame")


def test_a_missing_live_camera_is_one_sentence(tmp_path: Path) -> None:
    source = V4l2Camera(V4l2Settings("/dev/v4l/by-path/none-video-index0"))
    with pytest.raises(DeviceError, match="there is no such device; plug the camera in"):
        source.open()
    with pytest.raises(DeviceError, match="not open"):
        source.frame()
    source.close()


def test_something_that_is_no_camera_does_not_open(tmp_path: Path) -> None:
    (tmp_path / "video").write_bytes(b"nothing")
    with pytest.raises(DeviceError, match="does not open"):
        V4l2Camera(V4l2Settings(str(tmp_path / "video"))).open()


def test_a_stream_is_played_and_its_end_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "stream.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    for _ in range(3):
        writer.write(picture(200, (48, 64)))
    writer.release()
    source = V4l2Camera(V4l2Settings(str(path), backend=cv2.CAP_OPENCV_MJPEG))
    as_port: Camera = source
    as_port.open()
    frames = [source.frame() for _ in range(3)]
    assert all(frame.shape == (48, 64, 3) and abs(int(frame[0, 0, 0]) - 200) < 10 for frame in frames)
    with pytest.raises(DeviceError, match="gives no frames"):
        source.frame()
    source.close()
    source.close()


def test_the_table_makes_both(tmp_path: Path) -> None:
    assert isinstance(make_camera("files", CameraSettings(str(tmp_path)), lambda seconds: None), FileCamera)
    assert isinstance(make_camera("v4l2", CameraSettings("/dev/v4l/by-path/x"), lambda seconds: None), V4l2Camera)
