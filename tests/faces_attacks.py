"""Simulated presentations of the Face Research Lab London Set: what the attack detection learns from and is measured with.

Everything here is simulated (`drivers.sim.presentations`). People are split once (`egate.faces.pad.learning.part_of`): some
teach, some set the limit, the rest are reported on, and nobody has two parts. Rows are kept below a cache folder, one JSON line
each, because drawing takes longer than judging; pictures are never kept.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from drivers.sim.presentations import ATTACKS, FPS, Presentation, presentation
from drivers.sim.scene import Portrait
from egate.faces.pad.evaluation import Judged
from egate.faces.pad.fusion import Fusion
from egate.faces.pad.learning import Labelled, Part, part_of
from egate.faces.pad.measures import NAMES, Row
from egate.faces.pad.session import PadParts, PadSession
from egate.faces.quality import assess
from egate.faces.sface_engine import YunetDetector
from egate.model.errors import MalformedData
from egate.model.face import PadResult

FRAMES = 12
MOODS = ("neutral", "smiling")
BONA_FIDE_SEEDS = {Part.LEARN: (1,), Part.LIMIT: (1, 2), Part.REPORT: (1, 2)}
ATTACK_MOODS = {Part.LEARN: ("neutral",), Part.LIMIT: ("neutral",), Part.REPORT: ("neutral",)}


@dataclass(frozen=True, slots=True)
class Person:
    """A person of the set: number, group (ethnicity as the set says it), and a picture."""

    identity: str
    group: str
    mood: str
    path: Path


@dataclass(frozen=True, slots=True)
class Shown:
    """One presentation: whether a frame of it passed the quality gate, and its row; None when nothing could be judged."""

    identity: str
    group: str
    kind: Presentation
    usable: bool
    row: Row | None


def people(folder: Path) -> list[Person]:
    """Everybody of the set below `folder`, each with two pictures."""
    with (folder / "london_info.csv").open(newline="", encoding="utf-8") as table:
        groups = {row["face_id"]: row["face_eth"] for row in csv.DictReader(table)}
    return [
        Person(path.name[:3], groups.get(path.name[:3], ""), mood, path)
        for mood in MOODS
        for path in sorted((folder / f"{mood}_front").glob("*.jpg"))
    ]


def portrait(path: Path, detector: YunetDetector) -> Portrait:
    """A picture with its eyes."""
    picture = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)
    (face, *_) = detector.detect(picture)
    right, left = face.points.right_eye, face.points.left_eye
    return Portrait(picture, (right.x, right.y), (left.x, left.y))


def observed(kind: Presentation, photo: Portrait, seed: int, detector: YunetDetector) -> tuple[PadSession, int]:
    """A session that saw a presentation, and the frame that would be chosen: the best that passes the quality gate, or −1."""
    session = PadSession(PadParts(fusion=BLANK))
    session.begin(0.0)
    best, chosen = 0.0, -1
    for index, frame in enumerate(presentation(kind, photo, count=FRAMES, seed=seed)):
        faces = detector.detect(frame)
        session.observe(frame, faces, index / FPS)
        quality = assess(frame, faces)
        if quality.usable and quality.value > best:
            best, chosen = quality.value, index
    return session, chosen


BLANK = Fusion((), (), 0.0, 0.0, "blank")
"""Rows are measured before there are weights."""


def jobs(person: Person) -> list[tuple[Presentation, int]]:
    """Which presentations are drawn of a person's picture, with their seeds."""
    part, place = part_of(person.identity), 100 * int(person.identity) + 10 * MOODS.index(person.mood)
    kinds = [(Presentation.BONA_FIDE, place + seed) for seed in BONA_FIDE_SEEDS[part]]
    return kinds + [(kind, place + 1) for kind in ATTACKS if person.mood in ATTACK_MOODS[part]]


def draw(folder: Path, cache: Path) -> Iterator[Shown]:
    """Every presentation of the set; those in the cache are not drawn again."""
    known = {line["key"]: line for line in _lines(cache)}
    detector = YunetDetector()
    cache.parent.mkdir(parents=True, exist_ok=True)
    with cache.open("a", encoding="utf-8") as file:
        for person in people(folder):
            photo: Portrait | None = None
            for kind, seed in jobs(person):
                key = f"{person.identity}-{person.mood}-{kind.value}-{seed}"
                if key not in known:
                    photo = photo or portrait(person.path, detector)
                    known[key] = {"key": key} | _measured(kind, photo, seed, detector)
                    file.write(json.dumps(known[key]) + "\n")
                    file.flush()
                row = known[key]["row"]
                named = None if row is None else tuple((name, row[name]) for name in NAMES)
                yield Shown(person.identity, person.group, kind, known[key]["usable"], named)


def labelled(shown: list[Shown]) -> list[Labelled]:
    """The rows for learning."""
    return [Labelled(one.identity, one.kind is not Presentation.BONA_FIDE, one.row) for one in shown if one.row is not None]


def judged(shown: list[Shown], fusion: Fusion) -> list[Judged]:
    """What the fusion says of the people that are reported on; presentations that the quality gate held back are left out."""
    told = []
    for one in shown:
        if part_of(one.identity) is Part.REPORT and one.usable:
            result = PadResult(None, omitted="not judged") if one.row is None else PadResult(*fusion.judge(one.row))
            told.append(Judged(one.kind.value, one.group, result))
    return told


def _measured(kind: Presentation, photo: Portrait, seed: int, detector: YunetDetector) -> dict[str, Any]:
    session, chosen = observed(kind, photo, seed, detector)
    try:
        return {"usable": chosen >= 0, "row": dict(session.measured(chosen))}
    except MalformedData:
        return {"usable": chosen >= 0, "row": None}


def _lines(cache: Path) -> list[dict[str, Any]]:
    if not cache.exists():
        return []
    return [json.loads(line) for line in cache.read_text("utf-8").splitlines()]
