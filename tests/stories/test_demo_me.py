"""`egate demo --me` with a video file: the person of the video passes, another person's passport is referred, nothing stays."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from drivers.sim.scene import live_frames
from egate.app.demo.faces import ensure_demo_faces, portrait_of
from egate.app.demo.me import FORGOTTEN, MEMORY
from egate.model.errors import DeviceError

pytestmark = [pytest.mark.story, pytest.mark.timeout(180), pytest.mark.xdist_group("demo")]

FPS = 15
FRAMES, WALKING = 45, 15


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of somebody who stands before a camera, from a photograph of the demo."""
    try:
        photograph = portrait_of(ensure_demo_faces().traveller_a[1])
    except DeviceError as error:
        pytest.skip(str(error))
    path = tmp_path_factory.mktemp("film") / "me.avi"
    frames = live_frames(photograph, count=FRAMES, seed=3)[WALKING:]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (frames[0].shape[1], frames[0].shape[0]))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def play(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "egate", "demo", "--headless", "--speed", "3", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)


def test_you_pass_and_another_persons_passport_is_referred(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    before = set(MEMORY.glob("egate-demo-*"))
    done = play("--me", str(film), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    you, other = (json.loads(line) for line in done.stdout.splitlines())
    assert (you["traveller"], you["outcome"], you["left_through"]) == ("you", "ADMIT", "exit")
    assert (other["traveller"], other["outcome"], other["left_through"]) == ("another-person", "REFER", "entry")
    assert other["checks"]["face_match"].startswith("failed")
    assert set(MEMORY.glob("egate-demo-*")) <= before, "the folder in memory is gone"
    assert not list(tmp_path.iterdir()), "nothing was written where it was started"


def test_a_video_without_a_face_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    done = play("--me", "absent.avi")
    assert done.returncode != 0
    assert "there is no such camera, video or folder" in done.stderr
    assert "Traceback" not in done.stderr
    assert FORGOTTEN not in done.stdout
