"""How good a live face is for a comparison: hard bounds first, then one number for ranking (TR-03121 QA-FI-PRE).

Pure arithmetic over one frame and the faces found in it; the picture on the chip has no say here, so a frame is never
preferred because it resembles the document. A frame that misses a bound carries the one hint that would help most, in the
order in which travellers can act on hints; a frame without a hint is usable. The measures follow OFIQ's names where they can
be computed from five points, and are not conformant to it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.faces.calibration import NormScale
from egate.faces.engine import DetectedFace, FivePoints, Frame, Point
from egate.model.face import CaptureHint, QualityScore

MIN_INTER_EYE_PX = 60.0
"""Below, detail that tells people apart is lost (target 120, TR-03121 BIP-FI-APP)."""

TARGET_INTER_EYE_PX = 120.0
"""More brings nothing."""

MAX_INTER_EYE_SHARE = 0.32
"""Of the frame's shorter side; closer, the head leaves the frame."""

MAX_YAW_DEG = 15.0
"""Five points give yaw to 3° (standard deviation), which is enough for this bound."""

MAX_ROLL_DEG = 15.0
"""The matcher aligns faces, so roll costs little below it. YuNet reports a tenth too little here, more beyond."""

MAX_OFF_CENTRE = 0.22
"""Of the frame's width or height: how far the middle of the face may lie from the middle of the frame."""

MIN_SHARPNESS = 0.10
"""Good gate frames measure 0.22 or more, motion of 15 px at 90 px between the eyes 0.13 at most, of 30 px 0.04 at most (there
one in five is not recognised)."""

MIN_EXPOSURE = 0.35
"""Too dark, too bright, or clipped over a third of the face."""

MIN_TEXTURE_SHARE = 0.18
"""Of the eyes' contrast that the mouth region must have, and the reverse. Bare faces have 0.45 or more, a flat patch none; a
patterned scarf passes, so this is a cue and no proof."""

DARK_FRAME = 30.0
"""Mean grey level of a frame in which nobody could be found for lack of light."""

SEVERAL_FACES_SHARE = 0.4
"""A second face this large beside the first (by width) belongs to somebody in the gate, not to somebody behind it."""

NOSE_DEPTH = 0.45
"""How far the tip of the nose stands before the eyes, in inter-eye distances (average adult head)."""

_CROP_PX = 128
_CROP_INTER_EYE_PX = 48
_SHARPNESS_RANGE = (1.5, 6.0)
"""Natural logarithm of the weakest second derivative's variance: a smeared face, a crisp one."""
_SECOND_DERIVATIVES = tuple(
    np.array(rows, np.float32)
    for rows in (
        [[0, 0, 0], [1, -2, 1], [0, 0, 0]],
        [[0, 1, 0], [0, -2, 0], [0, 1, 0]],
        [[1, 0, 0], [0, -2, 0], [0, 0, 1]],
        [[0, 0, 1], [0, -2, 0], [1, 0, 0]],
    )
)
"""Across, down, and along both diagonals."""
_DARK, _BRIGHT = 12, 245
_GOOD_LUMINANCE = (70.0, 190.0)
_WORST_LUMINANCE = (15.0, 245.0)
_DETECTOR_RANGE = (0.6, 0.95)
_WEIGHTS = {"detector": 0.25, "sharpness": 0.25, "exposure": 0.15, "pose": 0.2, "size": 0.15}
_NORM_WEIGHT = 0.4


def single_face(faces: tuple[DetectedFace, ...]) -> CaptureHint:
    """NO_FACE, SEVERAL_FACES, or NONE when exactly one counts; small faces far behind do not."""
    if not faces:
        return CaptureHint.NO_FACE
    widest = max(face.box.width for face in faces)
    counted = [face for face in faces if face.box.width >= SEVERAL_FACES_SHARE * widest]
    return CaptureHint.SEVERAL_FACES if len(counted) > 1 else CaptureHint.NONE


def assess(frame: Frame, faces: tuple[DetectedFace, ...]) -> QualityScore:
    """The quality of the largest face of a frame, with the one hint that matters most; all 0 when there is no face."""
    if not faces:
        dark = float(frame[::8, ::8].mean()) < DARK_FRAME
        return QualityScore(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, CaptureHint.MORE_LIGHT if dark else CaptureHint.NO_FACE)
    face = faces[0]
    crop = aligned_grey(frame, face.points)
    sharpness, exposure = sharpness_of(crop), exposure_of(crop)
    yaw, roll = yaw_deg(face.points), roll_deg(face.points)
    hint = single_face(faces)
    if hint is CaptureHint.NONE:
        hint = _position_hint(frame, face) or _pose_hint(yaw, roll) or _light_hint(crop, sharpness, exposure) or CaptureHint.NONE
    parts = {
        "detector": _ramp(face.score, *_DETECTOR_RANGE),
        "sharpness": sharpness,
        "exposure": exposure,
        "pose": max(0.0, 1.0 - max(abs(yaw) / (2 * MAX_YAW_DEG), abs(roll) / (2 * MAX_ROLL_DEG))),
        "size": min(1.0, face.points.inter_eye_px / TARGET_INTER_EYE_PX),
    }
    value = sum(_WEIGHTS[name] * part for name, part in parts.items())
    return QualityScore(value, face.points.inter_eye_px, yaw, roll, sharpness, exposure, hint)


def with_norm(quality: QualityScore, norm: float, scale: NormScale) -> QualityScore:
    """The same quality with the length of the engine's feature vector mixed in, the best single predictor of failure."""
    share = _ramp(norm, scale.poor, scale.good)
    value = (1 - _NORM_WEIGHT) * quality.value + _NORM_WEIGHT * share
    return QualityScore(
        value, quality.inter_eye_px, quality.yaw_deg, quality.roll_deg, quality.sharpness, quality.exposure, quality.hint
    )


def yaw_deg(points: FivePoints) -> float:
    """Turn of the head about the vertical, from where the nose lies between the eyes; positive towards the frame's right."""
    eyes = points.inter_eye_px
    if eyes == 0:
        return 90.0
    along = Point((points.left_eye.x - points.right_eye.x) / eyes, (points.left_eye.y - points.right_eye.y) / eyes)
    middle = points.eye_middle
    offset = ((points.nose.x - middle.x) * along.x + (points.nose.y - middle.y) * along.y) / eyes
    return math.degrees(math.atan(offset / NOSE_DEPTH))


def roll_deg(points: FivePoints) -> float:
    """Tilt of the head in the plane of the frame; positive clockwise as the frame shows it."""
    return math.degrees(math.atan2(points.left_eye.y - points.right_eye.y, points.left_eye.x - points.right_eye.x))


def aligned_grey(frame: Frame, points: FivePoints) -> NDArray[np.uint8]:
    """The face upright in grey at a fixed size, so that measures do not depend on how near the traveller stands."""
    middle, eyes = points.eye_middle, max(points.inter_eye_px, 1.0)
    matrix = cv2.getRotationMatrix2D((middle.x, middle.y), roll_deg(points), _CROP_INTER_EYE_PX / eyes)
    matrix[0, 2] += _CROP_PX / 2 - middle.x
    matrix[1, 2] += _CROP_PX * 0.36 - middle.y
    shrink = cv2.INTER_AREA if eyes > _CROP_INTER_EYE_PX else cv2.INTER_LINEAR
    crop = cv2.warpAffine(frame, matrix, (_CROP_PX, _CROP_PX), flags=shrink, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)


def sharpness_of(crop: NDArray[np.uint8]) -> float:
    """0…1 from second derivatives over the inner face, with the crop's contrast evened out.

    The weakest of four directions counts: motion leaves the edges along it sharp and smears the others.
    """
    inner = crop[_CROP_PX // 5 : -_CROP_PX // 8, _CROP_PX // 6 : -_CROP_PX // 6].astype(np.float32)
    spread = max(float(inner.std()), 1.0)
    even = cv2.GaussianBlur((inner - inner.mean()) * (40.0 / spread), (0, 0), 0.8)
    weakest = min(float(cv2.filter2D(even, cv2.CV_32F, kernel).var()) for kernel in _SECOND_DERIVATIVES)
    return _ramp(math.log(weakest + 1e-6), *_SHARPNESS_RANGE)


def exposure_of(crop: NDArray[np.uint8]) -> float:
    """0…1: 1 for a face of middling brightness without clipping."""
    inner = crop[_CROP_PX // 5 : -_CROP_PX // 8, _CROP_PX // 6 : -_CROP_PX // 6]
    mean = float(inner.mean())
    level = min(_ramp(mean, _WORST_LUMINANCE[0], _GOOD_LUMINANCE[0]), _ramp(-mean, -_WORST_LUMINANCE[1], -_GOOD_LUMINANCE[1]))
    clipped = float(((inner <= _DARK) | (inner >= _BRIGHT)).mean())
    return level * max(0.0, 1.0 - 2.0 * clipped)


def texture_shares(crop: NDArray[np.uint8]) -> tuple[float, float]:
    """Contrast of the mouth over that of the eyes, and the reverse; a covered region is flat."""
    eyes_row = round(_CROP_PX * 0.36)
    half = _CROP_INTER_EYE_PX // 2
    middle = _CROP_PX // 2
    eyes = crop[eyes_row - 10 : eyes_row + 10, middle - half - 12 : middle + half + 12]
    mouth_row = eyes_row + round(1.05 * _CROP_INTER_EYE_PX)
    mouth = crop[mouth_row - 12 : mouth_row + 12, middle - half - 4 : middle + half + 4]
    eye_texture, mouth_texture = _texture(eyes), _texture(mouth)
    return mouth_texture / max(eye_texture, 0.1), eye_texture / max(mouth_texture, 0.1)


def _texture(region: NDArray[np.uint8]) -> float:
    smooth = cv2.GaussianBlur(region.astype(np.float32), (0, 0), 1.2)
    return float(np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)).mean())


def _position_hint(frame: Frame, face: DetectedFace) -> CaptureHint | None:
    """Distance first, then left and right, then height. Directions are the traveller's: a frame is not mirrored."""
    height, width = frame.shape[:2]
    if face.points.inter_eye_px < MIN_INTER_EYE_PX:
        return CaptureHint.COME_CLOSER
    if face.points.inter_eye_px > MAX_INTER_EYE_SHARE * min(height, width):
        return CaptureHint.STEP_BACK
    across, down = face.box.centre.x / width - 0.5, face.box.centre.y / height - 0.5
    if abs(across) > MAX_OFF_CENTRE:
        return CaptureHint.MOVE_LEFT if across < 0 else CaptureHint.MOVE_RIGHT
    if abs(down) > MAX_OFF_CENTRE:
        return CaptureHint.TOO_HIGH if down < 0 else CaptureHint.TOO_LOW
    return None


def _pose_hint(yaw: float, roll: float) -> CaptureHint | None:
    return CaptureHint.LOOK_STRAIGHT if abs(yaw) > MAX_YAW_DEG or abs(roll) > MAX_ROLL_DEG else None


def _light_hint(crop: NDArray[np.uint8], sharpness: float, exposure: float) -> CaptureHint | None:
    """Too dark asks for light; too bright and blurred ask to hold still while the camera adapts."""
    if exposure < MIN_EXPOSURE:
        return CaptureHint.MORE_LIGHT if float(crop.mean()) < _GOOD_LUMINANCE[0] else CaptureHint.HOLD_STILL
    if sharpness < MIN_SHARPNESS:
        return CaptureHint.HOLD_STILL
    if min(texture_shares(crop)) < MIN_TEXTURE_SHARE:
        return CaptureHint.UNCOVER_FACE
    return None


def _ramp(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))
