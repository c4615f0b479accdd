"""Pages and pictures that are known: what a page reader's program leaves in a folder, and what a camera sees.

Each picture is of one shade, so whoever reads it can tell which it was, also after a lossy code.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = (48, 64)  # height and width in pixels
TOLERANCE = 10  # of a shade, after JPEG
SHADES = (30, 80, 130, 180, 230)
STREAM_FPS = 25.0


def picture(shade: int) -> NDArray[np.uint8]:
    """A picture of one shade, H×W×3 BGR."""
    return np.full((*SIZE, 3), shade, np.uint8)


def coded(shade: int, suffix: str = ".png") -> bytes:
    """The picture as a file."""
    made, data = cv2.imencode(suffix, picture(shade))
    assert made
    return data.tobytes()


def shade_of(data: bytes) -> int | None:
    """The shade of a picture file, None for what is none of ours."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    return None if image is None else shade_of_frame(image)


def shade_of_frame(frame: object) -> int | None:
    """The shade of a frame, None for what is none of ours."""
    image = np.asarray(frame)
    if image.shape != (*SIZE, 3) or image.dtype != np.uint8:
        return None
    mean = round(float(image.mean()))
    near = [shade for shade in SHADES if abs(shade - mean) <= TOLERANCE]
    return near[0] if near and int(image.max()) - int(image.min()) <= 2 * TOLERANCE else None


def fill_folder(folder: Path, suffix: str = ".png") -> None:
    """A picture of each shade, named in their order."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, shade in enumerate(SHADES):
        (folder / f"{number:02}{suffix}").write_bytes(coded(shade, suffix))


def write_stream(path: Path, rounds: int = 40) -> None:
    """A film of the shades in their order, again and again: it stands for a live camera's device."""
    draft = path.with_name(path.name + ".avi")
    writer = cv2.VideoWriter(str(draft), cv2.VideoWriter.fourcc(*"MJPG"), STREAM_FPS, SIZE[::-1])
    for _ in range(rounds):
        for shade in SHADES:
            writer.write(picture(shade))
    writer.release()
    draft.replace(path)
