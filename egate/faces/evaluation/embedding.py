"""Pictures → templates, with one engine, going on where an earlier run ended.

A picture that cannot be read or shows no face is an outcome, not an error: it is counted (failure to enrol for a reference, to
acquire for a probe, ISO/IEC 19795-1). Pictures are decoded under the limits of `egate.faces.decode`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from egate.faces.calibration import Calibration
from egate.faces.decode import MAX_IMAGE_BYTES, decode_face_image
from egate.faces.engine import DetectedFace, FaceEngine, Frame
from egate.faces.evaluation.pictures import Picture
from egate.faces.evaluation.store import Found, Record, WorkFolder
from egate.faces.quality import assess, with_norm
from egate.model.errors import DeviceError, EgateError, MalformedData

CHUNK_PICTURES = 64
"""Written together: what a killed run loses, two to ten seconds of work."""

Progress = Callable[[int, int], None]
"""Told after each new picture: pictures done, pictures in all."""


class Choice(Enum):
    """Which of several faces is meant: the largest, as at a gate, or the central one, as in LFW's pictures."""

    LARGEST = "largest"
    CENTRAL = "central"


@dataclass(frozen=True, slots=True)
class Pass:
    """What to embed with what: at most `limit` new pictures in this run, all of them when None."""

    engine: FaceEngine
    folder: WorkFolder
    choice: Choice = Choice.LARGEST
    limit: int | None = None

    @property
    def name(self) -> str:
        """Under which templates are kept: the weights, and the rule that chose the face."""
        return f"{self.engine.model_id}-{self.choice.value}"


def embed_all(run: Pass, pictures: Sequence[Picture], progress: Progress) -> tuple[Record, ...] | None:
    """A record for each picture, in order; None when the run's limit ended it early. Raises DeviceError for a missing file."""
    known = run.folder.records(run.name)
    keys: list[bytes] = []
    fresh: dict[bytes, Record] = {}
    made = 0
    for done, picture in enumerate(pictures, 1):
        content = _content(picture.path)
        key = hashlib.sha256(content).digest()
        keys.append(key)
        if key in known:
            continue
        if run.limit is not None and made >= run.limit:
            run.folder.add(run.name, fresh)
            return None
        fresh[key] = known[key] = _record(run, content)
        made += 1
        progress(done, len(pictures))
        if len(fresh) >= CHUNK_PICTURES:
            run.folder.add(run.name, fresh)
            fresh = {}
    if fresh:
        run.folder.add(run.name, fresh)
    return tuple(known[key] for key in keys)


def calibration_of(engine: FaceEngine) -> Calibration | None:
    """The engine's calibration; None for an engine that has none yet, or one of other weights (it is evaluated to get one)."""
    try:
        calibration = engine.calibration
    except EgateError:
        return None
    return calibration if calibration.model_id == engine.model_id else None


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_IMAGE_BYTES + 1)
    except OSError as error:
        raise DeviceError(f"reading {path}", error.strerror or "input/output error") from None


def _record(run: Pass, content: bytes) -> Record:
    try:
        frame = decode_face_image(content)
    except MalformedData:
        return Record(Found.UNREADABLE)
    faces = tuple(_chosen_first(run.choice, frame, run.engine.detect(frame)))
    if not faces:
        return Record(Found.NO_FACE)
    template = run.engine.embed(frame, faces[0])
    calibration = calibration_of(run.engine)
    scale = None if calibration is None else calibration.norm
    quality = assess(frame, faces)
    if scale is not None:
        quality = with_norm(quality, template.norm, scale)
    return Record(Found.TEMPLATE, template.vector.astype(np.float32), template.norm, quality.value)


def _chosen_first(choice: Choice, frame: Frame, faces: tuple[DetectedFace, ...]) -> Iterator[DetectedFace]:
    if choice is Choice.LARGEST:
        return iter(faces)
    middle_y, middle_x = frame.shape[0] / 2, frame.shape[1] / 2
    return iter(sorted(faces, key=lambda face: np.hypot(face.box.centre.x - middle_x, face.box.centre.y - middle_y)))
