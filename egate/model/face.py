"""Faces: the reference from the document, the live probe, quality, presentation attack scores, comparison scores.

Words from ISO/IEC 2382-37 and BSI TR-03121. Images hold personal data and never show in a `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class ImageFormat(Enum):
    """How a face image is encoded (ISO/IEC 19794-5 allows the two)."""

    JPEG = "jpeg"
    JPEG2000 = "jpeg2000"


@dataclass(frozen=True, slots=True)
class FaceReference:
    """The image that the traveller is compared with: from DG2 or from an enrolment."""

    image: bytes = field(repr=False)
    format: ImageFormat
    width: int = 0
    height: int = 0


class CaptureHint(Enum):
    """What would make the next frame better; at most one is shown to the traveller (S9)."""

    NONE = "none"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    COME_CLOSER = "come_closer"
    STEP_BACK = "step_back"
    MOVE_LEFT = "move_left"
    MOVE_RIGHT = "move_right"
    TOO_HIGH = "too_high"
    TOO_LOW = "too_low"
    LOOK_STRAIGHT = "look_straight"
    HOLD_STILL = "hold_still"
    MORE_LIGHT = "more_light"
    UNCOVER_FACE = "uncover_face"


@dataclass(frozen=True, slots=True)
class QualityScore:
    """Quality of one live face for ranking (`value` in 0…1) and the measures behind it (TR-03121 QA-FI-PRE).

    `inter_eye_px` is in pixels, angles in degrees, `sharpness` and `exposure` in 0…1.
    """

    value: float
    inter_eye_px: float
    yaw_deg: float
    roll_deg: float
    sharpness: float
    exposure: float
    hint: CaptureHint = CaptureHint.NONE

    @property
    def usable(self) -> bool:
        """Whether the frame passes every hard bound, so that a comparison may be made with it."""
        return self.hint is CaptureHint.NONE


@dataclass(frozen=True, slots=True)
class PadResult:
    """How much a presentation looks like an attack (TR-03121-3 PAD-FI-APP): for officers and records, never for the traveller.

    `score` is 0 for a bona fide presentation, 1 for an attack, in fine steps; None with the reason in `omitted` when nothing
    could be judged. `cues` name what spoke, the strongest first, each in 0…1.
    """

    score: float | None
    cues: tuple[tuple[str, float], ...] = ()
    omitted: str = ""


class ChallengeKind(Enum):
    """What the kiosk's screen asks of a face."""

    LIGHT = "light"
    LOOK_LEFT = "look_left"
    LOOK_RIGHT = "look_right"
    LOOK_STRAIGHT = "look_straight"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the kiosk's screen is to show now: `colour` (red, green, blue, each 0…255) fills it, or a look is asked for."""

    kind: ChallengeKind
    colour: tuple[int, int, int] = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class FaceProbe:
    """The best live image of a capture: a JPEG crop for the officer, its quality, and how many frames were seen.

    `pad` is the finding on presentation attacks for this image; None says that no detector looked.
    """

    image: bytes = field(repr=False)
    quality: QualityScore
    frames_seen: int
    pad: PadResult | None = None


@dataclass(frozen=True, slots=True)
class ComparisonScore:
    """Similarity of reference and probe by one engine; larger is more alike. `threshold` holds for `fmr_ppm`."""

    engine: str
    value: float
    threshold: float
    fmr_ppm: int
    calibration: str

    @property
    def matched(self) -> bool:
        """Whether the score reaches the threshold."""
        return self.value >= self.threshold


class CaptureState(Enum):
    """How a capture ended."""

    CAPTURED = "captured"
    NO_USABLE_FACE = "no_usable_face"
    SEVERAL_FACES = "several_faces"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class CaptureOutcome:
    """A finished capture and comparison: how it ended, the probe, the scores (the deciding engine first)."""

    state: CaptureState
    probe: FaceProbe | None = None
    scores: tuple[ComparisonScore, ...] = ()
    reference_jpeg: bytes = field(repr=False, default=b"")
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CaptureProgress:
    """What the kiosk shows while a capture runs: the hint of the newest frame and the share of frames gathered (0…1)."""

    hint: CaptureHint
    share: float
