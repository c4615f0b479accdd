"""An engine that comes along, with the operator's own calibration: `calibrated:PATH.toml`.

    engine = "sface"
    calibration = "own.json"
    calibration_key = "…"          # raw Ed25519 public key, 64 hexadecimal digits

The rule: the operator's calibration takes the place of the shipped one whole, nothing is mixed; an engine with weights that it is
not for is refused when it is appointed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from egate.faces.calibration import Calibration
from egate.faces.engine import DetectedFace, FaceEngine, Frame, Template
from egate.faces.engines.calibrated import SignedCalibration, take_calibration
from egate.faces.engines.pinned import Fields, parse_description
from egate.model.errors import MalformedData

_DOING = "read the description of a calibrated engine"


@dataclass(frozen=True, slots=True)
class CalibratedDescription:
    """Which engine, and whose calibration."""

    engine: str
    calibration: SignedCalibration


class RecalibratedEngine:
    """Another engine in everything but its calibration."""

    def __init__(self, engine: FaceEngine, calibration: Calibration) -> None:
        self._engine = engine
        self._calibration = calibration

    @property
    def model_id(self) -> str:
        """The engine's own."""
        return self._engine.model_id

    @property
    def calibration(self) -> Calibration:
        """The operator's."""
        return self._calibration

    def detect(self, frame: Frame) -> tuple[DetectedFace, ...]:
        """As the engine does."""
        return self._engine.detect(frame)

    def embed(self, frame: Frame, face: DetectedFace) -> Template:
        """As the engine does."""
        return self._engine.embed(frame, face)

    def compare(self, a: Template, b: Template) -> float:
        """As the engine does."""
        return self._engine.compare(a, b)


def parse_calibrated_description(content: bytes, base: Path) -> CalibratedDescription:
    """What the bytes of a description name, paths relative to `base`; raises MalformedData."""
    fields = Fields(parse_description(content, _DOING), "", _DOING)
    engine = fields.name("engine")
    calibration = take_calibration(fields, base)
    if calibration is None:
        raise MalformedData(_DOING, "calibration and calibration_key are missing; without them name the engine itself")
    fields.end()
    return CalibratedDescription(engine, calibration)
