"""`egate demo --me`: your own portrait, taken with your camera, for a simulated passport that exists in memory only.

The portrait is taken by the same face worker that a lane runs, so a video or a camera is looked at nowhere else. Rule: nothing of
you reaches a disk. The demo's folder lies in memory, no pictures of the screens are saved, and at the end your portrait is gone
with it; `egate demo` refuses `--keep` and `--pictures` beside `--me`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import drivers
from egate.app.clock import SystemClock
from egate.app.config import ConfigError
from egate.app.demo.faces import portrait_from
from egate.app.face_client import FaceClient
from egate.faces.confinement import decode_confined
from egate.faces.decode import decode_face_image
from egate.model.errors import DeviceError
from egate.model.face import CaptureHint, CaptureProgress, CaptureState

PORTRAIT_S = 20.0
"""How long you may take to find a good place before the camera."""

FPS = 15
MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, where a folder of the owner's alone is made
_CAMERAS = (Path("/dev/v4l/by-id"), Path("/dev/v4l/by-path"))

WHAT_HAPPENS = (
    "This is about you. The demo takes your portrait with {camera}, makes an invented passport of it in memory, and lets you",
    "pass the simulated gate with your live face. Then you try another person's passport, and the gate calls an officer.",
    "Nothing of you is written to a disk, nothing leaves this machine, and at the end both faces are forgotten.",
)
"""Said before the camera is opened; `camera` is filled in."""

FORGOTTEN = "Your portrait, your live pictures and both passports are gone: they were only ever in this machine's memory."
NO_CAMERA = "no camera is plugged in here; plug a webcam in, or name a video of yourself: egate demo --me film.mp4"

_HINTS = {
    CaptureHint.NO_FACE: "stand before the camera",
    CaptureHint.SEVERAL_FACES: "only one of you, please",
    CaptureHint.COME_CLOSER: "come closer",
    CaptureHint.STEP_BACK: "step back a little",
    CaptureHint.HOLD_STILL: "hold still",
    CaptureHint.LOOK_STRAIGHT: "look straight into the camera",
    CaptureHint.MORE_LIGHT: "more light on your face",
    CaptureHint.UNCOVER_FACE: "uncover your face",
}

Tell = Callable[[str], None]


def camera_words(source: str, folders: Sequence[Path] = _CAMERAS) -> str:
    """What the lane calls the camera that `--me SOURCE` names; raises ConfigError that says in one sentence what to do.

    `source`: words of a driver, a video file, a folder of pictures, or nothing for the first camera that is plugged in.
    """
    if not source:
        found = next((camera for folder in folders if folder.is_dir() for camera in sorted(folder.iterdir())), None)
        if found is None:
            raise ConfigError(NO_CAMERA)
        return f"v4l2:{found}@{FPS}"
    kind, _, rest = source.partition(":")
    if kind in drivers.CAMERAS and rest:
        return source if "@" in rest else f"{source}@{FPS}"
    path = Path(source)
    if path.is_dir():
        return f"files:{path.resolve()}@{FPS}"
    if path.is_file():
        return f"video:{path.resolve()}@{FPS}"
    raise ConfigError(f"--me {source}: there is no such camera, video or folder; without a name the first camera is taken")


def camera_name(words: str) -> str:
    """The camera in plain words."""
    kind, _, path = words.partition(":")
    named = path.rpartition("@")[0].rpartition("/")[2]
    return {"video": f"the video {named}", "files": f"the pictures in {named}"}.get(kind, f"the camera {named}")


async def take_portrait(words: str, tell: Tell) -> bytes:
    """A passport's portrait (JPEG 2000) of the person before the camera; raises DeviceError that says what to do."""
    program = (sys.executable, "-m", "egate.app.face_worker", "--camera", words)
    client = FaceClient(program, SystemClock())
    last: list[CaptureHint] = []

    def progress(value: CaptureProgress) -> None:
        if value.hint in _HINTS and last[-1:] != [value.hint]:
            last.append(value.hint)
            tell(f"  {_HINTS[value.hint]}")

    try:
        await client.start()
        outcome = await client.capture(0, PORTRAIT_S, progress)
    finally:
        await client.close()
    if outcome.state is not CaptureState.CAPTURED or outcome.probe is None:
        reason = outcome.detail or outcome.state.value.replace("_", " ")
        raise DeviceError("taking your portrait", f"{reason}; stand alone, upright and well lit before the camera, and try again")
    return portrait_from(decode_confined(decode_face_image, outcome.probe.image))
