"""The photographs of the demo: fetched once from published packages, checked, kept outside the repository.

No picture of a person is committed here. Two archives from the package index carry a few photographs that may be shown: three
of one public figure, one of another, and one portrait in the public domain. Each archive is named by its SHA-256 and so is each
picture in it; anything else is refused. The passports that the demo puts them on are invented (State of Utopia).
`python -m egate.app.demo.faces` fetches them and says what it does; the second run only compares hashes.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from drivers.sim.scene import Portrait
from egate.faces.comparison import surroundings
from egate.faces.engine import FivePoints, Frame, Point
from egate.faces.sface_engine import YunetDetector
from egate.model.errors import DeviceError, EgateError, MalformedData

DOWNLOAD_LIMIT_S = 600
"""17 MB; a slower line has to be helped by hand."""

MAX_PICTURE_BYTES = 4 * 1024 * 1024
"""The largest picture has 0.8 MB."""

CHIP_WIDTH_PX, CHIP_HEIGHT_PX = 300, 400
"""The portrait on the demo's chips."""

CHIP_BYTES = 15_000
"""What passports spend on the portrait (15 to 20 KB)."""

CHIP_EYES_DOWN = 0.6
"""Of the width: how far below the top edge the eyes lie (ISO/IEC 19794-5 token image)."""

CHIP_EYES_APART = 0.25
"""Of the width: the distance between the eyes (ISO/IEC 19794-5 token image)."""

CLOSE_UP_MARGIN = 1.0
"""Around a face, in box sizes, when it is found a second time for the exact places of its points."""

_DOING = "get the demo photographs"
_NEVER_SAY: Callable[[str], None] = lambda _line: None  # noqa: E731 - a default that says nothing


@dataclass(frozen=True, slots=True)
class _Archive:
    """A published archive: requirement, SHA-256, and pip's words to get exactly this file on any machine."""

    requirement: str
    sha256: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Picture:
    name: str
    archive: _Archive
    member: str
    sha256: str


_FACES = _Archive(
    "face-recognition==1.3.0",
    "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
    ("--no-binary", ":all:", "--no-build-isolation"),
)
_PORTRAITS = _Archive(
    "scikit-image==0.26.0",
    "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    ("--only-binary", ":all:", "--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_24_x86_64",
     "--implementation", "cp", "--python-version", "3.11", "--abi", "cp311"),
)  # fmt: skip
_IMAGES = "face_recognition-1.3.0/tests/test_images/"
_PICTURES = (
    _Picture("obama.jpg", _FACES, _IMAGES + "obama.jpg", "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6"),
    _Picture("obama2.jpg", _FACES, _IMAGES + "obama2.jpg", "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6"),
    _Picture("obama3.jpg", _FACES, _IMAGES + "obama3.jpg", "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3"),
    _Picture("biden.jpg", _FACES, _IMAGES + "biden.jpg", "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c"),
    _Picture(
        "astronaut.png",
        _PORTRAITS,
        "skimage/data/astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    ),
)


@dataclass(frozen=True, slots=True)
class DemoFaces:
    """Photographs by role: three different ones of traveller A (chip, live, another live), one each of B and C."""

    traveller_a: tuple[Path, Path, Path]
    traveller_b: Path
    traveller_c: Path


def default_directory() -> Path:
    """Where the photographs are kept: `$XDG_CACHE_HOME/egate/demo-faces`, by default below `~/.cache`."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if Path(cache).is_absolute() else Path.home() / ".cache") / "egate" / "demo-faces"


def ensure_demo_faces(directory: Path | None = None, tell: Callable[[str], None] = _NEVER_SAY) -> DemoFaces:
    """The demo's photographs, fetched if they are not there; raises DeviceError that says how to place them by hand.

    `tell` receives a line for each thing done. Files that are there and right are left alone.
    """
    folder = default_directory() if directory is None else directory
    missing = [picture for picture in _PICTURES if not _is_right(folder / picture.name, picture.sha256)]
    for archive in dict.fromkeys(picture.archive for picture in missing):
        tell(f"fetching {archive.requirement} for its photographs")
        try:
            _take_out(archive, [picture for picture in missing if picture.archive is archive], folder)
        except (OSError, subprocess.SubprocessError, tarfile.TarError, zipfile.BadZipFile, KeyError) as error:
            raise _cannot(folder, f"{archive.requirement} could not be had ({_reason(error)})") from None
    tell(f"{len(_PICTURES)} photographs are in {folder}")
    a, a2, a3, b, c = (folder / picture.name for picture in _PICTURES)
    return DemoFaces((a3, a, a2), b, c)


def read_photograph(path: Path) -> Frame:
    """Any photograph as a frame; raises MalformedData."""
    frame = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if frame is None:
        raise MalformedData("read a photograph", f"{path.name} is no picture that OpenCV reads")
    return np.asarray(frame, np.uint8)


def portrait_of(path: Path) -> Portrait:
    """A photograph with the eyes of its largest face, for `drivers.sim.scene`; raises MalformedData when there is no face."""
    frame = read_photograph(path)
    points = _points(frame, path.name)
    return Portrait(frame, points.right_eye, points.left_eye)


def chip_portrait(path: Path) -> bytes:
    """The portrait that a passport would carry, from any photograph: 300×400, about 15 KB of JPEG 2000."""
    frame = read_photograph(path)
    return portrait_jpeg2000(frame, _points(frame, path.name))


def portrait_from(frame: Frame) -> bytes:
    """The same from a frame; raises MalformedData when there is no face in it."""
    return portrait_jpeg2000(frame, _points(frame, "the picture"))


def portrait_jpeg2000(frame: Frame, points: FivePoints) -> bytes:
    """The token image of a face (upright, eyes level and at their place) as JPEG 2000 of at most about 15 KB."""
    eyes = (points.left_eye.x - points.right_eye.x, points.left_eye.y - points.right_eye.y)
    angle = float(np.degrees(np.arctan2(eyes[1], eyes[0])))
    middle = points.eye_middle
    scale = CHIP_EYES_APART * CHIP_WIDTH_PX / max(float(np.hypot(*eyes)), 1.0)
    matrix = cv2.getRotationMatrix2D((middle.x, middle.y), angle, scale)
    matrix[:, 2] += np.array((CHIP_WIDTH_PX / 2 - middle.x, CHIP_EYES_DOWN * CHIP_WIDTH_PX - middle.y))
    if scale < 1:
        frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), 0.4 / scale), np.uint8)
    chip = cv2.warpAffine(frame, matrix, (CHIP_WIDTH_PX, CHIP_HEIGHT_PX), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    target = io.BytesIO()
    ratio = CHIP_WIDTH_PX * CHIP_HEIGHT_PX * 3 / CHIP_BYTES
    Image.fromarray(np.ascontiguousarray(chip[:, :, ::-1])).save(
        target, "JPEG2000", quality_mode="rates", quality_layers=[ratio], irreversible=True
    )
    return target.getvalue()


def main() -> int:
    """Fetch the photographs and say so; exit status 1 with one clear sentence when they cannot be had."""
    try:
        ensure_demo_faces(tell=lambda line: print(line, flush=True))  # noqa: T201 - a command of its own
    except EgateError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command of its own
        return 1
    return 0


def _points(frame: Frame, name: str) -> FivePoints:
    """The largest face's points; found twice, because a small face in a large photograph is placed more exactly close up."""
    detector = YunetDetector()
    faces = detector.detect(frame)
    if not faces:
        raise MalformedData("find the face in a photograph", f"no face found in {name}")
    part, corner = surroundings(frame, faces[0], CLOSE_UP_MARGIN)
    near = detector.detect(part)
    if not near:
        return faces[0].points
    return FivePoints(*(Point(point.x + corner.x, point.y + corner.y) for point in near[0].points))


def _is_right(path: Path, sha256: str) -> bool:
    try:
        if path.stat().st_size > MAX_PICTURE_BYTES:
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def _take_out(archive: _Archive, pictures: list[_Picture], folder: Path) -> None:
    """Download one archive into a temporary place, take the pictures out, and move each into the folder when it is right."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="egate-demo-faces-") as place:
        content = _download(archive, Path(place)).read_bytes()
        if hashlib.sha256(content).hexdigest() != archive.sha256:
            raise OSError(f"the archive has another SHA-256 than {archive.sha256}")
        for picture in pictures:
            data = _member(content, picture.member)
            if hashlib.sha256(data).hexdigest() != picture.sha256:
                raise OSError(f"{picture.name} has another SHA-256 than expected")
            _place(data, folder / picture.name)


def _download(archive: _Archive, place: Path) -> Path:
    """One file from the package index; pip compares its SHA-256 before it looks inside."""
    listed = place / "requirements.txt"
    listed.write_text(f"{archive.requirement} --hash=sha256:{archive.sha256}\n")
    target = place / "archive"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    command += [*archive.words, "--dest", str(target), "--requirement", str(listed)]
    subprocess.run(command, check=True, capture_output=True, timeout=DOWNLOAD_LIMIT_S)
    (found,) = target.iterdir()
    return found


def _member(content: bytes, name: str) -> bytes:
    """One file of a tar or zip archive, no larger than a picture may be."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as zipped, zipped.open(name) as stream:
            return stream.read(MAX_PICTURE_BYTES)
    with tarfile.open(fileobj=io.BytesIO(content)) as tarred:
        member = tarred.extractfile(name)
        if member is None:
            raise KeyError(name)
        return member.read(MAX_PICTURE_BYTES)


def _place(data: bytes, path: Path) -> None:
    """Write beside the target, then rename: another process sees the whole picture or none."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as stream:
        try:
            stream.write(data)
            stream.flush()
            Path(stream.name).replace(path)
        except OSError:
            Path(stream.name).unlink(missing_ok=True)
            raise


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = (error.stderr or b"").decode(errors="replace").strip().splitlines()
        return next((line for line in reversed(lines) if line.startswith("ERROR")), "pip failed")[:200]
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer within {DOWNLOAD_LIMIT_S} s"
    return str(error)[:200]


def _cannot(folder: Path, why: str) -> DeviceError:
    names = ", ".join(
        f"{picture.name} (SHA-256 {picture.sha256[:12]}…, from {picture.archive.requirement})" for picture in _PICTURES
    )
    return DeviceError(_DOING, f"{why}. Without a network, place these files in {folder} by hand: {names}")


if __name__ == "__main__":
    raise SystemExit(main())
