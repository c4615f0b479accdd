"""Made-up templates for tests of searches: unit vectors from a seed, and what an engine needs to be one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from egate.faces.calibration import Calibration, Evidence, OperatingPoint
from egate.faces.engine import DetectedFace, Frame, Template
from egate.faces.search.gallery import Entry, Gallery, GalleryLabel

MODEL = "sface-00000000"
Floats = NDArray[np.float64]


def unit(values: NDArray[np.floating]) -> Floats:
    rows = np.asarray(values, np.float64)
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float64)


def people(count: int, dimension: int, seed: int) -> Floats:
    return unit(np.random.default_rng(seed).standard_normal((count, dimension)))


def near(vectors: Floats, noise: float, seed: int) -> Floats:
    """Another picture of each: the same direction with noise of this length."""
    shaken = np.random.default_rng(seed).standard_normal(vectors.shape) / np.sqrt(vectors.shape[-1])
    return unit(vectors + noise * shaken)


def template(vector: NDArray[np.floating]) -> Template:
    return Template(np.asarray(vector, np.float64), 10.0)


def gallery_of(vectors: Floats, *, model: str = MODEL, names: list[str] | None = None) -> Gallery:
    gallery = Gallery(GalleryLabel("wanted-faces", model, vectors.shape[1]))
    gallery.add([Entry(name) for name in names or [f"p{number}" for number in range(len(vectors))]], vectors)
    return gallery


def calibration(*points: tuple[int, float, int, int], model: str = MODEL, flaw: str = "") -> Calibration:
    """Points as (ppm, threshold, comparisons, false matches) on one gate-like set."""
    held = tuple(OperatingPoint(ppm, limit, (Evidence("gate", trials, false, True),)) for ppm, limit, trials, false in points)
    return Calibration("sface", model, "sface-2026-11-24-0000", "2026-11-24", ("gate",), 1, held, (), None, (), "", flaw)


class CosineEngine:
    """An engine that compares made-up templates; it sees nothing."""

    def __init__(self, known: Calibration, model: str = MODEL, *, by_distance: bool = False) -> None:
        self.calibration, self.model_id, self._by_distance = known, model, by_distance

    def detect(self, frame: Frame) -> tuple[DetectedFace, ...]:
        return ()

    def embed(self, frame: Frame, face: DetectedFace) -> Template:
        raise NotImplementedError

    def compare(self, a: Template, b: Template) -> float:
        if self._by_distance:
            return 1.0 - float(np.linalg.norm(a.vector * a.norm - b.vector * b.norm))
        return float(a.vector @ b.vector)
