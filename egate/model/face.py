"""Faces: the reference from the document, the live probe, quality, presentation attack scores, comparison scores.

Words from ISO/IEC 2382-37 and BSI TR-03121. Images hold personal data and never show in a `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar


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
    LESS_LIGHT = "less_light"
    UNCOVER_FACE = "uncover_face"
    OPEN_EYES = "open_eyes"
    CLOSE_MOUTH = "close_mouth"


@dataclass(frozen=True, slots=True)
class QualityComponent:
    """One measure of a face image under its name in ISO/IEC 29794-5: what was measured, and its scalar in 0…100 (100 is best).

    OFIQ-style and not conformant: the measures are computed from five points and the pixels, without OFIQ's models.
    """

    name: str
    measure: float
    scalar: int


@dataclass(frozen=True, slots=True)
class QualityScore:
    """Quality of one live face for ranking (`value` in 0…1) and the measures behind it (TR-03121 QA-FI-PRE).

    `inter_eye_px` is in pixels, angles in degrees, `sharpness` and `exposure` in 0…1; `components` for officers and records.
    """

    value: float
    inter_eye_px: float
    yaw_deg: float
    roll_deg: float
    sharpness: float
    exposure: float
    hint: CaptureHint = CaptureHint.NONE
    pitch_deg: float = 0.0
    components: tuple[QualityComponent, ...] = ()

    GENTLE: ClassVar[frozenset[CaptureHint]] = frozenset({CaptureHint.OPEN_EYES, CaptureHint.CLOSE_MOUTH})
    """Hints that are worth a wait and no reason to refuse: nobody fails for the shape of their eyes."""

    @property
    def good(self) -> bool:
        """Whether nothing could be better, so that the frame counts towards an early end."""
        return self.hint is CaptureHint.NONE

    @property
    def usable(self) -> bool:
        """Whether the frame passes every hard bound, so that a comparison may be made with it."""
        return self.good or self.hint in self.GENTLE


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
class BestFrame:
    """One of the best frames of a capture: the value that ranked it, and the deciding engine's similarity to the reference."""

    value: float
    score: float


@dataclass(frozen=True, slots=True)
class MorphSignal:
    """How much a portrait looks like two faces blended into one: experimental, for an officer, decides nothing by itself.

    `score` is 0 for one face, 1 for a blend; None with the reason in `omitted` when nothing could be said. `measures` by name.
    """

    score: float | None
    measures: tuple[tuple[str, float], ...] = ()
    omitted: str = ""


@dataclass(frozen=True, slots=True)
class CaptureOutcome:
    """A finished capture and comparison: how it ended, the probe, the scores (the deciding engine first).

    `best` are the best frames, the probe's first, as they compare; only the probe's score decides. `morph` is what they say of
    the portrait; None where nobody looked.
    """

    state: CaptureState
    probe: FaceProbe | None = None
    scores: tuple[ComparisonScore, ...] = ()
    reference_jpeg: bytes = field(repr=False, default=b"")
    detail: str = ""
    best: tuple[BestFrame, ...] = ()
    morph: MorphSignal | None = None


@dataclass(frozen=True, slots=True)
class CaptureTerms:
    """How patiently a capture goes: attempts before an officer comes, and what the kiosk's screen may ask of a face.

    `challenge` is `none`, `light` or `look`.
    """

    attempts: int = 1
    challenge: str = "none"


@dataclass(frozen=True, slots=True)
class CaptureProgress:
    """What the kiosk shows while a capture runs: the hint, the share of frames gathered (0…1), a challenge if there is one."""

    hint: CaptureHint
    share: float
    challenge: Challenge | None = None
