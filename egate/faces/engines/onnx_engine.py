"""An operator's ONNX networks as a face engine, proved before the lane opens.

What is proved at the start, so that a mistake in the description is told then and not at a traveller:

1. every file has its hash;
2. the graph takes one picture of the described size;
3. its template has the described dimension, is finite and not zero;
4. the same picture gives the same template, and another picture another one: a network that ignores its input would find
   everybody alike.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from egate.faces.calibration import Calibration
from egate.faces.engine import DetectedFace, Frame, Template, template_of
from egate.faces.engines.alignment import aligned
from egate.faces.engines.calibrated import calibration_from, not_calibrated
from egate.faces.engines.onnx_description import DetectorDescription, OnnxDescription
from egate.faces.engines.onnx_detector import RowsDetector
from egate.faces.engines.onnx_graph import OnnxGraph
from egate.faces.engines.pinned import check_hash
from egate.faces.sface_engine import YunetDetector
from egate.model.errors import DeviceError

STEADY = 1e-3
"""Two runs on one picture differ by less than this share of the template's length."""

APART = 1e-3
"""Two pictures without any likeness differ by more."""

WHAT = "recogniser's ONNX graph"


class Detector(Protocol):
    """Whatever finds faces."""

    def detect(self, frame: Frame) -> tuple[DetectedFace, ...]:
        """All faces, largest first."""
        ...


class OnnxEngine:
    """A recogniser by its description, with its own detector or YuNet; raises DeviceError for what it cannot use."""

    def __init__(self, description: OnnxDescription) -> None:
        recogniser = description.recogniser
        self._description = description
        self._side_px = recogniser.form.width_px
        self._graph = OnnxGraph(check_hash(recogniser.file, f"load the {WHAT}"), recogniser.form, WHAT)
        self._output = self._graph.output(recogniser.output)
        self._prove()
        self._detector = _detector(description.detector)
        self._calibration = calibration_from(description.calibration)

    @property
    def model_id(self) -> str:
        """The description's name and the start of a hash over weights and settings."""
        return self._description.model_id

    @property
    def calibration(self) -> Calibration:
        """What the scores mean; raises DeviceError while there is none."""
        if self._calibration is None:
            raise not_calibrated(self._description.name)
        return self._calibration

    def detect(self, frame: Frame) -> tuple[DetectedFace, ...]:
        """All faces, largest first."""
        return self._detector.detect(frame)

    def embed(self, frame: Frame, face: DetectedFace) -> Template:
        """Align the face and take the network's numbers; raises DeviceError for numbers that are no template."""
        return self._template(aligned(frame, face.points, self._description.recogniser.points, self._side_px))

    def compare(self, a: Template, b: Template) -> float:
        """The cosine, or 1 − the Euclidean distance of the untouched templates: larger is more alike in both."""
        if self._description.recogniser.metric == "cosine":
            return float(a.vector @ b.vector)
        return 1.0 - float(np.linalg.norm(a.vector * a.norm - b.vector * b.norm))

    def _template(self, picture: Frame) -> Template:
        values = self._graph.run(picture, self._output).reshape(-1)
        wanted = self._description.recogniser.dimension
        if len(values) != wanted:
            raise DeviceError(f"use the {WHAT}", f"its template has {len(values)} numbers, the description says {wanted}")
        return template_of(values, WHAT)

    def _prove(self) -> None:
        """Rules 3 and 4 of this file."""
        first, again, other = (self._template(_pattern(self._side_px, turned)) for turned in (False, False, True))
        if _apart(first, again) > STEADY:
            raise DeviceError(f"use the {WHAT}", "it gives two templates for one picture")
        if _apart(first, other) < APART:
            raise DeviceError(f"use the {WHAT}", "it gives one template for any picture: everybody would match")


def _apart(a: Template, b: Template) -> float:
    return float(np.linalg.norm(a.vector - b.vector))


def _pattern(side_px: int, turned: bool) -> Frame:
    """A picture without a face: waves of different length in each colour, across or down."""
    places = np.arange(side_px, dtype=np.float64)
    waves = np.stack([127.5 + 127.5 * np.sin(places * rate) for rate in (0.07, 0.19, 0.41)], axis=-1)
    picture = np.broadcast_to(waves[None], (side_px, side_px, 3)) * (places[:, None, None] + 1) / side_px
    return np.asarray(picture.transpose(1, 0, 2)[:, ::-1, ::-1] if turned else picture, np.uint8)


def _detector(description: DetectorDescription | None) -> Detector:
    if description is None:
        return YunetDetector()
    content = check_hash(description.file, "load the detector's ONNX graph")
    if description.form is None:
        return YunetDetector(content)
    return RowsDetector(content, description, description.form)
