"""Reference against probe by one or two engines, each at its threshold for the lane's false match rate.

The deciding engine comes first in every tuple. The second opinion is for the officer; it decides nothing and may be silent
(a detector that does not find the face gives no score). Templates live as long as the values here and are nowhere stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from egate.faces.engine import DetectedFace, FaceEngine, Frame, Point, Template
from egate.model.errors import DeviceError
from egate.model.face import ComparisonScore

PROBE_MARGIN = 0.6
"""Around a face, in widths and heights of its box, that the second engine sees; its detector needs context, not the hall."""


@dataclass(frozen=True, slots=True)
class Judge:
    """An engine with the threshold that its calibration gives for the lane's rate."""

    engine: FaceEngine
    threshold: float
    fmr_ppm: int

    def score(self, reference: Template, probe: Template) -> ComparisonScore:
        """The comparison of two templates of this engine."""
        calibration = self.engine.calibration
        value = self.engine.compare(reference, probe)
        return ComparisonScore(calibration.engine, value, self.threshold, self.fmr_ppm, calibration.identity)


@dataclass(frozen=True, slots=True)
class FaceTemplates:
    """One face's templates, in the order of the judges; None where an engine did not find it."""

    templates: tuple[Template | None, ...] = field(repr=False)

    @property
    def found(self) -> bool:
        """Whether the deciding engine found a face."""
        return self.templates[0] is not None


@runtime_checkable
class Glancing(Protocol):
    """An engine whose whole template takes too long for every frame: it ranks frames by a quicker one."""

    def glance(self, frame: Frame, face: DetectedFace) -> Template:
        """A template for its length alone."""
        ...


def ranking_template(engine: FaceEngine, frame: Frame, face: DetectedFace) -> Template:
    """The template by whose length a live frame is ranked; `probe_templates` takes it as `known`."""
    return engine.glance(frame, face) if isinstance(engine, Glancing) else engine.embed(frame, face)


def appoint(engine: FaceEngine, fmr_ppm: int) -> Judge:
    """A judge for an engine; raises DeviceError when its calibration is for other weights or does not support the rate."""
    if engine.calibration.model_id != engine.model_id:
        raise DeviceError(
            "choose the threshold of a face engine",
            f"the calibration is for {engine.calibration.model_id}, the weights are {engine.model_id}",
        )
    return Judge(engine, engine.calibration.threshold_for(fmr_ppm), fmr_ppm)


def reference_templates(judges: tuple[Judge, ...], frame: Frame) -> FaceTemplates:
    """The templates of the largest face of a reference image."""
    return FaceTemplates(tuple(_largest(judge.engine, frame) for judge in judges))


def probe_templates(judges: tuple[Judge, ...], frame: Frame, face: DetectedFace, known: Template | None = None) -> FaceTemplates:
    """The templates of a face that the deciding engine found (and perhaps embedded already: `known`, of `ranking_template`).

    The other engines look for it again in its surroundings.
    """
    engine = judges[0].engine
    deciding = engine.embed(frame, face) if known is None or isinstance(engine, Glancing) else known
    around, _ = surroundings(frame, face, PROBE_MARGIN)
    return FaceTemplates((deciding, *(_largest(judge.engine, around) for judge in judges[1:])))


def compare_faces(judges: tuple[Judge, ...], reference: FaceTemplates, probe: FaceTemplates) -> tuple[ComparisonScore, ...]:
    """The scores, deciding engine first; none at all when that one has no face on either side."""
    if not (reference.found and probe.found):
        return ()
    pairs = zip(judges, reference.templates, probe.templates, strict=True)
    return tuple(judge.score(a, b) for judge, a, b in pairs if a is not None and b is not None)


def surroundings(frame: Frame, face: DetectedFace, margin: float) -> tuple[Frame, Point]:
    """The part of a frame around a face, `margin` box sizes to each side where the frame reaches so far, and its corner."""
    box = face.box
    left, top = max(0, round(box.left - margin * box.width)), max(0, round(box.top - margin * box.height))
    right, bottom = round(box.left + (1 + margin) * box.width), round(box.top + (1 + margin) * box.height)
    return frame[top:bottom, left:right].copy(), Point(left, top)


def _largest(engine: FaceEngine, frame: Frame) -> Template | None:
    faces = engine.detect(frame)
    return engine.embed(frame, faces[0]) if faces else None
