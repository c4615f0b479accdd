"""Quality components under the names of ISO/IEC 29794-5, each with its measure and a scalar in 0…100.

OFIQ-style, not conformant: names and the published form of the mapping (a sigmoid with the parameters of the reference
implementation's configuration, BSI OFIQ 1.0) are the standard's; the measures come from five points and pixels, without its
models for landmarks, segmentation, pose and expression, so they may not be compared with OFIQ's own. Components that need those
models (background, head coverings, expression, compression, the unified score) are left out, not guessed. Real OFIQ plugs in
beside them (`egate.faces.quality.foreign`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from egate.faces.engine import DetectedFace, Frame
from egate.faces.quality.covering import FaceParts
from egate.faces.quality.light import Light
from egate.model.face import QualityComponent

CHIN_DOWN = 1.9
"""How far the chin lies below the eyes, in inter-eye distances; the head is measured from there (no landmark model)."""

_EYES_OPEN_AT, _EYES_OPEN_WIDTH = 0.0, 0.6
_COVERING_WIDTH = 1.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What the components are made of. Angles in degrees, `sharpness` in 0…1."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    sharpness: float
    light: Light
    parts: FaceParts


def components_of(frame: Frame, faces: tuple[DetectedFace, ...], measured: Measured) -> tuple[QualityComponent, ...]:
    """The components of the largest face of a frame."""
    return (*_geometry(frame, faces, measured), *_light(measured), *_parts(measured.parts))


def sigmoid(value: float, middle: float, width: float) -> float:
    """0…1, a half at `middle`; a negative `width` falls."""
    return 1.0 / (1.0 + math.exp(max(-60.0, min(60.0, (middle - value) / width))))


def _geometry(frame: Frame, faces: tuple[DetectedFace, ...], measured: Measured) -> tuple[QualityComponent, ...]:
    face, height, width = faces[0], frame.shape[0], frame.shape[1]
    eyes, middle = face.points.inter_eye_px, face.points.eye_middle
    second = max((other.box.width * other.box.height for other in faces[1:]), default=0.0)
    crowd = second / max(face.box.width * face.box.height, 1.0)
    size = CHIN_DOWN * eyes / height
    return (
        _component("SingleFacePresent", crowd, 1 - crowd),
        _component("InterEyeDistance", eyes, sigmoid(eyes, 70.0, 20.0)),
        _component("HeadSize", size, 2 * (1 - sigmoid(abs(size - 0.45), 0.0, 0.05))),
        _component("LeftwardCropOfTheFaceImage", middle.x / eyes if eyes else 0.0, _crop(middle.x, eyes, 0.9)),
        _component("RightwardCropOfTheFaceImage", (width - middle.x) / eyes if eyes else 0.0, _crop(width - middle.x, eyes, 0.9)),
        _component("MarginAboveOfTheFaceImage", middle.y / eyes if eyes else 0.0, _crop(middle.y, eyes, 1.4)),
        _component("MarginBelowOfTheFaceImage", (height - middle.y) / eyes if eyes else 0.0, _crop(height - middle.y, eyes, 1.8)),
        *(
            _component(f"HeadPose{name}", angle, max(0.0, math.cos(math.radians(angle))) ** 2)
            for name, angle in (("Yaw", measured.yaw_deg), ("Pitch", measured.pitch_deg), ("Roll", measured.roll_deg))
        ),
    )


def _light(measured: Measured) -> tuple[QualityComponent, ...]:
    light = measured.light
    return (
        _component("IlluminationUniformity", light.uniformity, light.uniformity**0.3),
        _component("LuminanceMean", light.mean, sigmoid(light.mean, 0.2, 0.05) * (1 - sigmoid(light.mean, 0.8, 0.05))),
        _component("LuminanceVariance", light.variance, math.sin(60 * light.variance / (60 * light.variance + 1) * math.pi)),
        _component("UnderExposurePrevention", light.under, 1.2 * (0.832 - sigmoid(light.under, 0.92, 0.05))),
        _component("OverExposurePrevention", light.over, 0.01 / (light.over + 0.01)),
        _component("DynamicRange", light.entropy_bits, light.entropy_bits / 8),
        _component("Sharpness", measured.sharpness, measured.sharpness),
        _component("NaturalColour", light.colour_off, 2 * (1 - sigmoid(light.colour_off, 0.0, 10.0))),
    )


def _parts(parts: FaceParts) -> tuple[QualityComponent, ...]:
    bare = 1 - sigmoid(parts.covering, 0.0, _COVERING_WIDTH)
    return (
        _component("EyesOpen", parts.eyes_shut, 1 - sigmoid(parts.eyes_shut, _EYES_OPEN_AT, _EYES_OPEN_WIDTH)),
        _component("EyesVisible", parts.eyes_texture, sigmoid(parts.eyes_texture, 0.3, 0.08)),
        _component("MouthClosed", parts.mouth_open, 1 - sigmoid(parts.mouth_open, 0.2, 0.06)),
        _component("MouthOcclusionPrevention", parts.covering, bare),
    )


def _crop(distance: float, eyes: float, middle: float) -> float:
    return sigmoid(distance / eyes, middle, 0.1) if eyes else 0.0


def _component(name: str, measure: float, share: float) -> QualityComponent:
    return QualityComponent(name, round(measure, 4), round(100 * min(1.0, max(0.0, share))))
