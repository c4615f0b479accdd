"""Templates come from the deciding engine, with a stand-in for the engine's port that finds what it is told to find."""

from __future__ import annotations

import numpy as np
import pytest

from egate.faces.decode import encode_jpeg
from egate.faces.engine import Box, DetectedFace, FivePoints, Point, Template
from egate.model.errors import DeviceError
from enrolment.template import template_of

FACE = DetectedFace(Box(1, 1, 8, 8), FivePoints(*(Point(n, n) for n in range(5))), 0.9)


class PortEngine:
    """Only what `template_of` asks of the port."""

    model_id = "port-01234567"

    def __init__(self, faces: tuple[DetectedFace, ...]) -> None:
        self._faces = faces

    def detect(self, _frame: object) -> tuple[DetectedFace, ...]:
        return self._faces

    def embed(self, _frame: object, face: DetectedFace) -> Template:
        assert face is self._faces[0]
        return Template(np.array([0.6, 0.8]), 1.0)


def jpeg() -> bytes:
    return encode_jpeg(np.full((32, 32, 3), 128, dtype=np.uint8))


def test_a_template_keeps_its_model() -> None:
    template = template_of(PortEngine((FACE,)), jpeg())  # type: ignore[arg-type]  # the port's other methods are not asked
    assert template.engine == "port-01234567"
    assert np.frombuffer(template.values, "<f4").tolist() == pytest.approx([0.6, 0.8])


def test_an_image_without_a_face_gives_none() -> None:
    with pytest.raises(DeviceError, match="no face"):
        template_of(PortEngine(()), jpeg())  # type: ignore[arg-type]  # as above
