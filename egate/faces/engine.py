"""The one port for face engines, and the values that pass through it.

An engine finds faces in a frame, makes a template of one of them, and says how alike two templates are. Whatever a library
calls its result (a cosine, a distance), it leaves the engine as a similarity: larger is more alike. A score means nothing
without the calibration of the engine that gave it, so the port carries both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from egate.faces.calibration import Calibration
from egate.model.errors import DeviceError

Frame = NDArray[np.uint8]
"""H×W×3 array of 8-bit BGR values."""

Vector = NDArray[np.float64]
"""A template's direction; its length is 1."""

LEAST_NORM = 1e-6
"""A shorter template has no direction."""


class Point(NamedTuple):
    """A place in a frame, in pixels from the top left corner."""

    x: float
    y: float


class Box(NamedTuple):
    """A rectangle in a frame, in pixels."""

    left: float
    top: float
    width: float
    height: float

    @property
    def centre(self) -> Point:
        """The middle of the rectangle."""
        return Point(self.left + self.width / 2, self.top + self.height / 2)


class FivePoints(NamedTuple):
    """Eye centres, nose and mouth corners; right and left are the traveller's own (the right eye lies left in a frame)."""

    right_eye: Point
    left_eye: Point
    nose: Point
    right_mouth: Point
    left_mouth: Point

    @property
    def inter_eye_px(self) -> float:
        """The distance between the eye centres in pixels."""
        return float(np.hypot(self.left_eye.x - self.right_eye.x, self.left_eye.y - self.right_eye.y))

    @property
    def eye_middle(self) -> Point:
        """The point midway between the eyes."""
        return Point((self.right_eye.x + self.left_eye.x) / 2, (self.right_eye.y + self.left_eye.y) / 2)


@dataclass(frozen=True, slots=True)
class DetectedFace:
    """One face in a frame: its box, five points, and how sure the detector is (its own scale, larger is surer)."""

    box: Box
    points: FivePoints
    score: float


@dataclass(frozen=True, slots=True)
class Template:
    """What an engine keeps of a face: a unit vector and the length it had. Biometric data: never shown.

    `opaque` is what an operator's program gave, for that program alone; the vector is empty when only the program can compare.
    """

    vector: Vector = field(repr=False)
    norm: float = field(repr=False)
    opaque: bytes = field(repr=False, default=b"")


class FaceEngine(Protocol):
    """One way to detect and compare faces. Every method may take tens of milliseconds; none keeps anything of a face."""

    @property
    def model_id(self) -> str:
        """The engine's name and the first eight digits of the SHA-256 of its recognition weights."""
        ...

    @property
    def calibration(self) -> Calibration:
        """What the engine's scores mean."""
        ...

    def detect(self, frame: Frame) -> tuple[DetectedFace, ...]:
        """All faces of a frame, largest first."""
        ...

    def embed(self, frame: Frame, face: DetectedFace) -> Template:
        """The template of one face that `detect` found in this frame."""
        ...

    def compare(self, a: Template, b: Template) -> float:
        """How alike two templates of this engine are; larger is more alike."""
        ...


def template_of(values: NDArray[np.floating], network: str) -> Template:
    """The template of a network's numbers; raises DeviceError, naming the network, for NaN, infinity or no length."""
    vector = np.asarray(values, np.float64).reshape(-1)
    norm = float(np.linalg.norm(vector))
    if not np.isfinite(norm):
        raise DeviceError(f"use the {network}", "its template holds NaN or infinity")
    if norm < LEAST_NORM:
        raise DeviceError(f"use the {network}", "its template is zero")
    return Template(vector / norm, norm)


def largest_first(faces: list[DetectedFace]) -> tuple[DetectedFace, ...]:
    """The faces ordered by the area of their boxes, the largest first."""
    return tuple(sorted(faces, key=lambda face: -face.box.width * face.box.height))
