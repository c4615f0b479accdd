"""The shared pictures as sets that `egate faces evaluate` reads: unpacked, listed, and made into chip portraits or poor probes.

Everything is made below one folder of mode 0700 and nothing of it enters the repository. What is drawn (which probe becomes poor
in which way) follows from a seed.
"""

from __future__ import annotations

import csv
import io
import random
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.app.demo.faces import portrait_jpeg2000
from egate.faces.decode import decode_face_image
from egate.faces.engine import Frame
from egate.faces.evaluation.pictures import pictures_of_folder, without_errata
from egate.faces.sface_engine import YunetDetector

DEGRADED_PEOPLE = 1000
SEED = 2026


@dataclass(frozen=True, slots=True)
class FaceSet:
    """A folder of pictures with its lists, as the command takes them."""

    folder: Path
    options: tuple[str, ...]


def lfw(shared: Path, place: Path) -> FaceSet:
    """All pictures of the developers' part, in a folder for each person."""
    folder = place / "lfw"
    if not (place / "lfw.done").exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tarfile.open(shared / "lfw_dev.tar") as archive:
            archive.extractall(folder, filter="data")
        (place / "lfw.done").touch()
    return FaceSet(folder, ("--errata", str(shared / "lfw_errata.csv"), "--face", "central"))


def lfw_four(shared: Path, place: Path) -> FaceSet:
    """The first four pictures of every person who has two or more: a set on which slow engines can be compared."""
    whole = lfw(shared, place)
    rows: list[tuple[str, ...]] = [("image", "identity")]
    for person in sorted(path for path in whole.folder.iterdir() if path.is_dir()):
        images = sorted(person.glob("*.jpg"))
        rows += [(f"{person.name}/{image.name}", person.name) for image in images[:4] if len(images) > 1]
    return FaceSet(whole.folder, ("--list", _table(place / "lfw-four.csv", rows), *whole.options))


def london(shared: Path, place: Path) -> FaceSet:
    """The neutral picture as a chip portrait against the smiling one, with age, sex and ethnicity."""
    folder = _london_folder(shared, place)
    rows: list[tuple[str, ...]] = [("image", "identity", "role", "age", "sex", "ethnicity")]
    for person in people_of(shared):
        known = (person["face_age"], person["face_gender"], person["face_eth"])
        labels = tuple("" if value == "NA" else value for value in known)
        rows.append((f"chip/{person['face_id']}.jp2", person["face_id"], "reference", *labels))
        rows.append((f"live/{person['face_id']}_08.jpg", person["face_id"], "probe", *labels))
    return FaceSet(folder, ("--list", _table(place / "london.csv", rows), "--gate-like"))


def london_both(shared: Path, place: Path) -> FaceSet:
    """The chip portrait against the smiling picture of the same person, and against both live pictures of everybody else."""
    folder = _london_folder(shared, place)
    names = [person["face_id"] for person in people_of(shared)]
    images: list[tuple[str, ...]] = [("image", "identity")]
    pairs: list[tuple[str, ...]] = [("reference", "probe", "mated")]
    for one in names:
        images += [(f"chip/{one}.jp2", one), (f"live/{one}_08.jpg", one), (f"live/{one}_03.jpg", one)]
        pairs.append((f"chip/{one}.jp2", f"live/{one}_08.jpg", "1"))
        pairs += [(f"chip/{one}.jp2", f"live/{two}_{kind}.jpg", "0") for two in names if two != one for kind in ("08", "03")]
    lists = ("--list", _table(place / "london-both.csv", images), "--pairs", _table(place / "london-pairs.csv", pairs))
    return FaceSet(folder, (*lists, "--gate-like"))


def degraded(shared: Path, place: Path) -> FaceSet:
    """Good references of LFW against probes made poor at random: blur, motion, dark, over-exposed, small, compressed."""
    whole = lfw(shared, place).folder
    folder = place / "degraded"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pictures = without_errata(pictures_of_folder(whole), shared / "lfw_errata.csv")
    people: dict[str, list[Path]] = {}
    for one in pictures:
        people.setdefault(one.identity, []).append(one.path)
    drawn = random.Random(SEED)
    several = [name for name in sorted(people) if len(people[name]) > 1]
    rows: list[tuple[str, ...]] = [("image", "identity", "role")]
    for name in sorted(drawn.sample(several, min(DEGRADED_PEOPLE, len(several)))):
        reference, probe = folder / f"{name}-reference.jpg", folder / f"{name}-probe.jpg"
        seed = drawn.randrange(2**32)
        if not probe.exists():
            reference.write_bytes(people[name][0].read_bytes())
            probe.write_bytes(poor(decode_face_image(people[name][1].read_bytes()), seed))
        rows += [(reference.name, name, "reference"), (probe.name, name, "probe")]
    return FaceSet(folder, ("--list", _table(place / "degraded.csv", rows), "--face", "central"))


def poor(frame: Frame, seed: int) -> bytes:
    """A JPEG of the frame made poor in one way that the seed chooses; one in seven stays as it is."""
    drawn = np.random.default_rng(seed)
    kind, strength = int(drawn.integers(7)), float(drawn.uniform())
    wide: NDArray[Any] = frame.astype(np.float32)
    match kind:
        case 1:
            wide = cv2.GaussianBlur(wide, (0, 0), 1.0 + 2.5 * strength)
        case 2:
            length = 5 + 2 * round(5 * strength)
            kernel = np.zeros((length, length), np.float32)
            kernel[length // 2] = 1 / length
            wide = cv2.filter2D(wide, -1, kernel)
        case 3:
            wide *= 10 ** (-0.5 - 1.3 * strength)
            wide += drawn.normal(0, 2.0, wide.shape).astype(np.float32)
        case 4:
            wide *= 1.5 + 1.2 * strength
        case 5:
            small = cv2.resize(wide, None, fx=0.5 - 0.25 * strength, fy=0.5 - 0.25 * strength, interpolation=cv2.INTER_AREA)
            wide = cv2.resize(small, (frame.shape[1], frame.shape[0]), interpolation=cv2.INTER_CUBIC)
        case 6:
            _, packed = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, round(25 - 20 * strength)])
            wide = decode_face_image(packed.tobytes()).astype(np.float32)
    _, packed = cv2.imencode(".jpg", np.clip(wide, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 95])
    return packed.tobytes()


def _london_folder(shared: Path, place: Path) -> Path:
    """Chip portraits (15 KB of JPEG 2000, as the demo's) and live pictures beside each other."""
    source, folder = shared / "london_frl", place / "london"
    for part in ("chip", "live"):
        (folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    detector: YunetDetector | None = None
    for path in sorted((source / "neutral_front").glob("*.jpg")):
        chip = folder / "chip" / f"{path.stem.removesuffix('_03')}.jp2"
        (folder / "live" / path.name).write_bytes(path.read_bytes())
        if not chip.exists():
            detector = detector or YunetDetector()
            frame = decode_face_image(path.read_bytes())
            chip.write_bytes(portrait_jpeg2000(frame, detector.detect(frame)[0].points))
    for path in sorted((source / "smiling_front").glob("*.jpg")):
        (folder / "live" / path.name).write_bytes(path.read_bytes())
    return folder


def people_of(shared: Path) -> list[dict[str, str]]:
    text = (shared / "london_frl" / "london_info.csv").read_text("utf-8")
    there = {path.stem.removesuffix("_03") for path in (shared / "london_frl" / "neutral_front").glob("*.jpg")}
    return [row for row in csv.DictReader(io.StringIO(text)) if row["face_id"] in there]


def _table(path: Path, rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue(), "utf-8")
    return str(path)
