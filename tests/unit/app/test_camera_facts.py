"""What `egate devices` tells about cameras, and how it tries several of them (T2, T3)."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.camera.v4l2 import _cameras_here
from drivers.camera.v4l2_controls import ControlId
from egate.app.clock import SystemClock
from egate.app.commands.devices import run
from egate.app.configuring.checking import check_text
from egate.app.devices.camera_facts import camera_lines
from tests.unit.app.test_config import GOOD
from tests.unit.drivers.camera_kernel import KernelCamera


@pytest.fixture
def node(tmp_path: Path) -> Path:
    path = tmp_path / "video0"
    path.write_bytes(b"")
    return path


def test_a_camera_is_described_in_the_words_of_the_file(node: Path) -> None:
    """T2: what stands there can be written into [camera]."""
    assert camera_lines(node, KernelCamera().ioctl) == (
        "pictures: MJPG up to 1920×1080, YUYV up to 640×480",
        "can be set: exposure_us 300 to 204700, gain 0 to 255, white_balance_k 2800 to 6500, focus 0 to 250, "
        "pan_deg -10 to 10, tilt_deg -20 to 20, power_line_hz 0, 50, 60",
    )


def test_a_camera_with_nothing_to_set_and_one_that_is_gone(node: Path) -> None:
    plain = KernelCamera(offered={})
    assert camera_lines(node, plain.ioctl)[1] == "can be set: nothing"
    few = KernelCamera()
    few.offered = {ControlId.GAIN: few.offered[ControlId.GAIN]}
    assert camera_lines(node, few.ioctl)[1] == "can be set: gain 0 to 255"
    assert camera_lines(node, KernelCamera(gone=True).ioctl) == ("cannot be asked: No such device",)
    assert camera_lines(node.with_name("video9"), plain.ioctl) == ("cannot be asked: No such file or directory",)


def lane_with(folders: list[Path], place: Path) -> Path:
    """A lane's file with these folders as cameras; nothing else of it is used."""
    sources = ", ".join(f'"files:{folder}@60"' for folder in folders)
    text = GOOD.replace('source = "none"', f"sources = [{sources}]")
    (place / "lane.toml").write_text(text)
    return place / "lane.toml"


def test_every_camera_of_a_lane_is_tried_and_one_that_is_bad_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T3."""
    low, high = tmp_path / "low", tmp_path / "high"
    low.mkdir()
    high.mkdir()
    cv2.imwrite(str(low / "1.png"), np.zeros((24, 32, 3), np.uint8))
    file = lane_with([low, high], tmp_path)
    arguments = argparse.Namespace(action="test", config=file, kind="camera", seconds=0.1)
    assert run(arguments) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert f"camera: files:{low}@60" in said
    assert "good: " in said
    assert f"camera: files:{high}@60" in said
    assert "bad: " in said
    assert "holds no image" in said
    cv2.imwrite(str(high / "1.png"), np.zeros((24, 32, 3), np.uint8))
    assert run(arguments) == 0
    capsys.readouterr()


def test_the_check_of_a_file_looks_at_every_camera(tmp_path: Path) -> None:
    """L4: the second camera is named by its turn."""
    text = GOOD.replace('source = "none"', 'sources = ["v4l2:/dev/v4l/by-id/a@15", "v4l2:/dev/video3@15"]')
    problems = check_text(text, tmp_path, "lane.toml", SystemClock()).problems
    assert [problem for problem in problems if "camera" in problem] == [
        "[camera] configure camera /dev/video3: this name goes to whatever was plugged in first; "
        f"take one from: {_cameras_here()}"
    ]
