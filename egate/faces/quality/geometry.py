"""Where a face stands and how it is turned, from its five points; and the upright crop on which the other measures work.

Pure arithmetic. Angles are proxies from a rigid average head: yaw scatters by 3° between people, pitch by more, because noses and
chins differ. That is enough for the gate's bounds and not for an enrolment's ±5°.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.faces.engine import DetectedFace, FivePoints, Frame, Point
from egate.model.face import CaptureHint

SEVERAL_FACES_SHARE = 0.4
"""A second face this large beside the first (by width) belongs to somebody in the gate, not to somebody behind it."""

NOSE_DEPTH = 0.45
"""How far the tip of the nose stands before the eyes, in inter-eye distances (average adult head)."""

NOSE_DOWN = 0.56
"""Where the tip of the nose lies between the eyes and the mouth of a face that looks straight ahead, as a share."""

MOUTH_DOWN = 1.05
"""How far the mouth lies below the eyes, in inter-eye distances."""

CROP_PX = 128
CROP_INTER_EYE_PX = 48
CROP_EYES_ROW = 46
"""The crop: a square with the eyes 48 pixels apart in row 46; chin and forehead are just inside."""


def single_face(faces: tuple[DetectedFace, ...]) -> CaptureHint:
    """NO_FACE, SEVERAL_FACES, or NONE when exactly one counts; small faces far behind do not."""
    if not faces:
        return CaptureHint.NO_FACE
    widest = max(face.box.width for face in faces)
    counted = [face for face in faces if face.box.width >= SEVERAL_FACES_SHARE * widest]
    return CaptureHint.SEVERAL_FACES if len(counted) > 1 else CaptureHint.NONE


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


def pitch_deg(points: FivePoints) -> float:
    """Nod of the head, from where the nose lies between eyes and mouth; positive for a head that looks down."""
    eyes = points.inter_eye_px
    if eyes == 0:
        return 90.0
    down = Point((points.right_eye.y - points.left_eye.y) / eyes, (points.left_eye.x - points.right_eye.x) / eyes)
    middle, nose = points.eye_middle, points.nose
    mouth = Point((points.right_mouth.x + points.left_mouth.x) / 2, (points.right_mouth.y + points.left_mouth.y) / 2)
    to_nose = (nose.x - middle.x) * down.x + (nose.y - middle.y) * down.y
    to_mouth = (mouth.x - middle.x) * down.x + (mouth.y - middle.y) * down.y
    if to_mouth <= 0:
        return 90.0
    return math.degrees(math.atan((to_nose / to_mouth - NOSE_DOWN) * MOUTH_DOWN / NOSE_DEPTH))


def upright(frame: Frame, points: FivePoints) -> Frame:
    """The face upright at a fixed size in colour, so that measures do not depend on how near the traveller stands."""
    middle, eyes = points.eye_middle, max(points.inter_eye_px, 1.0)
    matrix = cv2.getRotationMatrix2D((middle.x, middle.y), roll_deg(points), CROP_INTER_EYE_PX / eyes)
    matrix[0, 2] += CROP_PX / 2 - middle.x
    matrix[1, 2] += CROP_EYES_ROW - middle.y
    shrink = cv2.INTER_AREA if eyes > CROP_INTER_EYE_PX else cv2.INTER_LINEAR
    crop = cv2.warpAffine(frame, matrix, (CROP_PX, CROP_PX), flags=shrink, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def grey_of(crop: Frame) -> NDArray[np.uint8]:
    """A crop in grey."""
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)


def aligned_grey(frame: Frame, points: FivePoints) -> NDArray[np.uint8]:
    """The face upright in grey."""
    return grey_of(upright(frame, points))
