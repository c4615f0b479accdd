"""Drawn templates: every person a direction, every picture that direction with noise. No face is involved."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from egate.faces.calibration import Calibration, load_calibration
from egate.faces.engine import Box, DetectedFace, FivePoints, Frame, Point, Template
from egate.faces.evaluation.pictures import Picture, Role
from egate.faces.evaluation.store import Found, Record

POINTS = FivePoints(Point(30, 40), Point(70, 40), Point(50, 60), Point(35, 80), Point(65, 80))


class DrawnEngine:
    """A whole engine: the template of a picture is its pixels, reduced; black pictures show no face."""

    def __init__(self, metric: str = "cosine", model_id: str = "drawn-00000001") -> None:
        self.metric = metric
        self.model_id = model_id
        self.made = 0

    @property
    def calibration(self) -> Calibration:
        return load_calibration("sface")

    def detect(self, frame: Frame) -> tuple[DetectedFace, ...]:
        height, width = frame.shape[:2]
        return (DetectedFace(Box(0, 0, width, height), POINTS, 0.9),) if frame.max() > 40 else ()

    def embed(self, frame: Frame, face: DetectedFace) -> Template:
        self.made += 1
        vector = frame[::16, ::16].astype(np.float64).ravel() - 128
        norm = float(np.linalg.norm(vector))
        return Template(vector / norm, norm)

    def compare(self, a: Template, b: Template) -> float:
        match self.metric:
            case "cosine":
                return float(a.vector @ b.vector)
            case "euclid":
                return 1.0 - float(np.linalg.norm(a.vector * a.norm - b.vector * b.norm))
            case "directions":
                return 1.0 - float(np.linalg.norm(a.vector - b.vector))
        return float(a.vector @ b.vector) ** 3


def drawn_set(
    people: int, pictures: int, seed: int = 5, *, noise: float = 0.6, roles: bool = False, labels: bool = False
) -> tuple[list[Picture], list[Record]]:
    """So many people with so many pictures each; with `roles` the first is the reference; with `labels` sex and age vary."""
    drawn = np.random.default_rng(seed)
    found, records = [], []
    for person in range(people):
        centre = drawn.normal(size=32)
        values = ("female" if person % 2 else "male", "18–29" if person % 3 else "", "", "") if labels else ("",) * 4
        for number in range(pictures):
            vector = centre + noise * drawn.normal(size=32)
            name = f"p{person}/{number}.jpg"
            role = (Role.PROBE if number else Role.REFERENCE) if roles else Role.EITHER
            found.append(Picture(name, Path(name), f"p{person}", role, values))
            unit = (vector / np.linalg.norm(vector)).astype(np.float32)
            records.append(Record(Found.TEMPLATE, unit, float(drawn.uniform(0.1, 0.5)), float(drawn.uniform())))
    return found, records
