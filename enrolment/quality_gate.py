"""The quality gate of an enrolment: stricter than a gate's capture, because this image is compared with for years.

Rule: every item that fails carries one sentence that says how to mend it; a face is enrolled only when no item fails.
Sources: BSI TR-03121 BIP-FI-APP (eye distance), QA-FI-BCL (pose). The yaw measured from five points scatters by 3 degrees, so
its bound is 10 instead of the 5 of the guideline; a bound of 5 would refuse one frontal face in ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from egate.model.face import CaptureHint, CaptureOutcome, CaptureState, QualityScore


class QualityItem(Enum):
    """What is looked at, and the sentence that mends it."""

    ONE_FACE = "Only the person who enrols may be in the picture."
    FACE_FOUND = "Stand in front of the camera and look into it."
    EYE_DISTANCE = "Come closer to the camera."
    YAW = "Turn the head until the nose points at the camera."
    ROLL = "Hold the head upright."
    SHARPNESS = "Hold still, and clean the camera if the picture stays unsharp."
    EXPOSURE = "Give the face more and even light; avoid a window behind it."
    POSTURE = "Follow the hint on the screen, then hold still."

    @property
    def mending(self) -> str:
        """One sentence for the person or the operator."""
        return self.value


@dataclass(frozen=True, slots=True)
class QualityBounds:
    """Least and largest values; distances in pixels, angles in degrees, the rest in 0…1."""

    min_inter_eye_px: float = 120.0
    max_yaw_deg: float = 10.0
    max_roll_deg: float = 8.0
    min_sharpness: float = 0.15
    min_exposure: float = 0.45


@dataclass(frozen=True, slots=True)
class QualityFinding:
    """One item: what was measured, the bound, and whether it is kept."""

    item: QualityItem
    measured: float
    bound: float
    passed: bool


def assess_capture(outcome: CaptureOutcome, bounds: QualityBounds) -> tuple[QualityFinding, ...]:
    """Every item of the gate for a finished capture; a capture without a face fails in its first item."""
    if outcome.state is CaptureState.SEVERAL_FACES:
        return (QualityFinding(QualityItem.ONE_FACE, 2, 1, False),)
    if outcome.state is not CaptureState.CAPTURED or outcome.probe is None:
        return (QualityFinding(QualityItem.FACE_FOUND, 0, 1, False),)
    return assess(outcome.probe.quality, bounds)


def assess(quality: QualityScore, bounds: QualityBounds) -> tuple[QualityFinding, ...]:
    """Every item of the gate for one face. A value that is no number fails."""
    hint_free = quality.hint is CaptureHint.NONE
    return (
        _at_least(QualityItem.EYE_DISTANCE, quality.inter_eye_px, bounds.min_inter_eye_px),
        _at_most(QualityItem.YAW, abs(quality.yaw_deg), bounds.max_yaw_deg),
        _at_most(QualityItem.ROLL, abs(quality.roll_deg), bounds.max_roll_deg),
        _at_least(QualityItem.SHARPNESS, quality.sharpness, bounds.min_sharpness),
        _at_least(QualityItem.EXPOSURE, quality.exposure, bounds.min_exposure),
        QualityFinding(QualityItem.POSTURE, float(hint_free), 1, hint_free),
    )


def mendings(findings: tuple[QualityFinding, ...]) -> tuple[str, ...]:
    """The sentences for everything that failed, in the order of the items."""
    return tuple(finding.item.mending for finding in findings if not finding.passed)


def _at_least(item: QualityItem, measured: float, bound: float) -> QualityFinding:
    return QualityFinding(item, measured, bound, measured >= bound)


def _at_most(item: QualityItem, measured: float, bound: float) -> QualityFinding:
    return QualityFinding(item, measured, bound, measured <= bound)
