"""How good a live face is for a comparison: hard bounds first, then one number for ranking (TR-03121 QA-FI-PRE).

Pure arithmetic over one frame and the faces found in it; the picture on the chip has no say here, so a frame is never
preferred because it resembles the document. A frame that misses a bound carries the one hint that would help most, in the
order of `egate.faces.guidance`. A frame without a hint is good; one with a gentle hint (eyes, mouth) is usable where nothing
better comes, because nobody is to be refused for the shape of their eyes; any other is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from egate.faces.calibration import NormScale
from egate.faces.engine import DetectedFace, Frame
from egate.faces.guidance import first_of
from egate.faces.quality.components import Measured, components_of
from egate.faces.quality.covering import FaceParts, parts_of
from egate.faces.quality.geometry import grey_of, pitch_deg, roll_deg, single_face, upright, yaw_deg
from egate.faces.quality.light import GOOD_LUMINANCE, exposure_of, eyes_sharpness_of, light_of, ramp, sharpness_of
from egate.model.face import CaptureHint, QualityScore

MIN_INTER_EYE_PX = 60.0
"""Below, detail that tells people apart is lost (target 120, TR-03121 BIP-FI-APP)."""

TARGET_INTER_EYE_PX = 120.0
"""More brings nothing."""

MAX_INTER_EYE_SHARE = 0.32
"""Of the frame's shorter side; closer, the head leaves the frame."""

MAX_YAW_DEG = 15.0
"""Five points give yaw to 3° (standard deviation), which is enough for this bound."""

MAX_PITCH_DEG = 25.0
"""Pitch scatters more between people, so only a head that plainly nods is told."""

MAX_ROLL_DEG = 15.0
"""The matcher aligns faces, so roll costs little below it. YuNet reports a tenth too little here, more beyond."""

MAX_OFF_CENTRE = 0.22
"""Of the frame's width or height: how far the middle of the face may lie from the middle of the frame."""

MAX_MOTION = 4.0
"""Inter-eye distances a second; faster, the shutter of a gate's camera smears, and the next frame shows another place."""

MIN_SHARPNESS = 0.10
"""Good gate frames measure 0.22 or more, motion of 15 px at 90 px between the eyes 0.13 at most, of 30 px 0.04 at most (there
one in five is not recognised)."""

MIN_EXPOSURE = 0.35
"""Too dark, too bright, or clipped over a third of the face."""

MAX_COVERING = 1.0
"""Logarithm of odds (`FaceParts.covering`)."""

MIN_EYES_TEXTURE = 0.18
"""Of the mouth's: bare faces have 0.45 or more, covered eyes next to none."""

MAX_EYES_SHUT = 0.5
"""Logarithm of odds (`FaceParts.eyes_shut`)."""

EYES_NEED_SHARPNESS = 0.3
"""In a softer frame an iris cannot be told from a lid."""

MAX_MOUTH_OPEN = 0.22
"""Inter-eye distances of dark between the lips; a smile shows none."""

DARK_FRAME = 30.0
"""Mean grey level of a frame in which nobody could be found for lack of light."""

GENTLE_PENALTY = 0.5
"""What a gentle hint leaves of a frame's value."""

_DETECTOR_RANGE = (0.65, 0.95)
_WORST_OVER = 0.6
_STILL, _MOVING = 0.5, MAX_MOTION
_WEIGHTS = {"detector": 0.55, "sharpness": 0.2, "light": 0.15, "pose": 0.04, "size": 0.03, "still": 0.03}
"""Found on one half of the identities of LFW with degraded probes, tried on the other (docs/faces.md has the figures)."""
_NORM_WEIGHT = 0.5
_NORM_MARGINS = (1.0, 2.0)
"""Lengths beyond a calibration's poor and good ones still rank."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What was measured of one face."""

    frame: Frame
    face: DetectedFace
    measured: Measured
    exposure: float
    eyes_sharpness: float
    motion: float


def assess(frame: Frame, faces: tuple[DetectedFace, ...], motion: float = 0.0) -> QualityScore:
    """The quality of the largest face of a frame, with the one hint that matters most; all 0 when there is no face.

    `motion` is the speed of the face since the frame before, in inter-eye distances a second.
    """
    if not faces:
        dark = float(frame[::8, ::8].mean()) < DARK_FRAME
        return QualityScore(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, CaptureHint.MORE_LIGHT if dark else CaptureHint.NO_FACE)
    points = faces[0].points
    crop = upright(frame, points)
    grey = grey_of(crop)
    pose = (yaw_deg(points), pitch_deg(points), roll_deg(points))
    measured = Measured(*pose, sharpness_of(grey), light_of(crop, grey), parts_of(grey))
    look = _Look(frame, faces[0], measured, exposure_of(grey), eyes_sharpness_of(grey), motion)
    hint = first_of({single_face(faces), *_position_hints(look), *_pose_hints(look), *_light_hints(look), *_part_hints(look)})
    value = _value(look) * (GENTLE_PENALTY if hint in QualityScore.GENTLE else 1.0)
    return QualityScore(
        value,
        points.inter_eye_px,
        measured.yaw_deg,
        measured.roll_deg,
        measured.sharpness,
        look.exposure,
        hint,
        measured.pitch_deg,
        components_of(frame, faces, measured),
    )


def with_norm(quality: QualityScore, norm: float, scale: NormScale) -> QualityScore:
    """The same quality with the length of the engine's feature vector mixed in, the best single predictor of failure."""
    share = ramp(norm, scale.poor - _NORM_MARGINS[0], scale.good + _NORM_MARGINS[1])
    return replace(quality, value=(1 - _NORM_WEIGHT) * quality.value + _NORM_WEIGHT * share)


def _value(look: _Look) -> float:
    measured, eyes = look.measured, look.face.points.inter_eye_px
    parts = {
        "detector": ramp(look.face.score, *_DETECTOR_RANGE),
        "sharpness": measured.sharpness,
        "light": 1.0 - ramp(measured.light.over, 0.0, _WORST_OVER),
        "pose": max(0.0, 1.0 - max(abs(measured.yaw_deg) / (2 * MAX_YAW_DEG), abs(measured.roll_deg) / (2 * MAX_ROLL_DEG))),
        "size": min(1.0, eyes / TARGET_INTER_EYE_PX),
        "still": 1.0 - ramp(look.motion, _STILL, _MOVING),
    }
    return sum(_WEIGHTS[name] * part for name, part in parts.items())


def _position_hints(look: _Look) -> set[CaptureHint]:
    """Directions are the traveller's: a frame is not mirrored."""
    height, width = look.frame.shape[:2]
    eyes, box = look.face.points.inter_eye_px, look.face.box
    across, down = box.centre.x / width - 0.5, box.centre.y / height - 0.5
    wishes = {
        CaptureHint.COME_CLOSER: eyes < MIN_INTER_EYE_PX,
        CaptureHint.STEP_BACK: eyes > MAX_INTER_EYE_SHARE * min(height, width),
        CaptureHint.MOVE_LEFT: across < -MAX_OFF_CENTRE,
        CaptureHint.MOVE_RIGHT: across > MAX_OFF_CENTRE,
        CaptureHint.TOO_HIGH: down < -MAX_OFF_CENTRE,
        CaptureHint.TOO_LOW: down > MAX_OFF_CENTRE,
    }
    return {hint for hint, asked in wishes.items() if asked}


def _pose_hints(look: _Look) -> set[CaptureHint]:
    pose = look.measured
    turned = abs(pose.yaw_deg) > MAX_YAW_DEG or abs(pose.roll_deg) > MAX_ROLL_DEG or abs(pose.pitch_deg) > MAX_PITCH_DEG
    return {CaptureHint.LOOK_STRAIGHT} if turned else set()


def _light_hints(look: _Look) -> set[CaptureHint]:
    wishes = set()
    if look.exposure < MIN_EXPOSURE:
        dark = 255 * look.measured.light.mean < GOOD_LUMINANCE[0]
        wishes.add(CaptureHint.MORE_LIGHT if dark else CaptureHint.LESS_LIGHT)
    if max(look.measured.sharpness, look.eyes_sharpness) < MIN_SHARPNESS or look.motion > MAX_MOTION:
        wishes.add(CaptureHint.HOLD_STILL)
    return wishes


def _part_hints(look: _Look) -> set[CaptureHint]:
    parts: FaceParts = look.measured.parts
    sharp = look.measured.sharpness >= EYES_NEED_SHARPNESS
    wishes = {
        CaptureHint.UNCOVER_FACE: parts.covering > MAX_COVERING or parts.eyes_texture < MIN_EYES_TEXTURE,
        CaptureHint.OPEN_EYES: sharp and parts.eyes_shut > MAX_EYES_SHUT,
        CaptureHint.CLOSE_MOUTH: parts.mouth_open > MAX_MOUTH_OPEN,
    }
    return {hint for hint, asked in wishes.items() if asked}
