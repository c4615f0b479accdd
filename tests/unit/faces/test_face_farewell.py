"""A face worker that is let go ends by itself and cleans up; one that does not is killed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from egate.app.clock import SystemClock
from egate.app.face_client import FaceClient
from egate.ipc.frames import FrameWriter

WORKER = """
import os, sys, time
from pathlib import Path
from egate.faces.messages import Ready, encode_answer
os.write(1, encode_answer(Ready(("engine",), ("calibration",))))
Path(sys.argv[1]).write_text(str(os.getpid()))
while os.read(0, 4096):
    pass
if sys.argv[2] == "polite":
    Path(sys.argv[1]).unlink()
else:
    time.sleep(60)
"""


def let_go(marker: Path, manners: str) -> int:
    async def story() -> int:
        client = FaceClient((sys.executable, "-c", WORKER, str(marker), manners), SystemClock())
        await client.start()
        while not marker.exists() or not marker.read_text():
            await asyncio.sleep(0.01)  # noqa: TID251 - a real process, in real time
        number = int(marker.read_text())
        await client.close()
        return number

    return asyncio.run(asyncio.wait_for(story(), 20))


def gone(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_wipes_what_it_showed_before_it_ends(tmp_path: Path) -> None:
    """The controller's end must not leave the last traveller's face in the preview file."""
    marker = tmp_path / "preview"
    assert gone(let_go(marker, "polite"))
    assert not marker.exists()


def test_one_that_stays_is_killed(tmp_path: Path) -> None:
    marker = tmp_path / "preview"
    assert gone(let_go(marker, "rude"))
    assert marker.exists()


def test_a_new_worker_wipes_the_preview_before_it_loads_anything(tmp_path: Path) -> None:
    """A killed worker leaves its last frame; even one that cannot load its engine takes that away."""
    FrameWriter(tmp_path / "frames", 480).write(np.full((480, 480, 3), 200, np.uint8))
    with (tmp_path / "frames").open("rb") as held:
        words = ("--engine", "no-such-engine", "--frames", str(tmp_path / "frames"))
        ran = subprocess.run([sys.executable, "-m", "egate.app.face_worker", *words], capture_output=True, check=False)
        assert ran.returncode == 1
        assert not any(held.read())
    assert not (tmp_path / "frames").exists()
