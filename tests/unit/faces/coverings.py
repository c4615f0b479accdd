"""Coverings, shut eyes and open mouths drawn over a photograph: simulated, from five points, seeded.

Nothing here is a photograph of a mask; figures made with it are figures of simulations and are reported so.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.faces.engine import FivePoints, Frame

COVERINGS = ("patch", "skin_patch", "surgical_mask", "patterned_mask", "scarf", "hand")

_Real = NDArray[np.float32]
_PATCH = ((-0.75, 0.45), (0.75, 0.45), (0.75, 1.65), (-0.75, 1.65))
_MASK = (
    (-1.05, 0.25), (-0.5, 0.42), (0, 0.35), (0.5, 0.42), (1.05, 0.25),
    (1.0, 1.1), (0.6, 1.75), (0, 1.95), (-0.6, 1.75), (-1.0, 1.1),
)  # fmt: skip
_SCARF = ((-1.6, 0.3), (0, 0.42), (1.6, 0.3), (1.8, 3), (-1.8, 3))


class _Face:
    """Places on a face in inter-eye distances: across from the middle of the eyes, and down from it."""

    def __init__(self, frame: Frame, points: FivePoints) -> None:
        self.frame, self.eyes = frame, points.inter_eye_px
        self.middle = np.array(points.eye_middle)
        self.across = (np.array(points.left_eye) - np.array(points.right_eye)) / self.eyes
        self.down = np.array([-self.across[1], self.across[0]])
        mouth = (np.array(points.right_mouth) + np.array(points.left_mouth)) / 2
        self.mouth_down = float((mouth - self.middle) @ self.down / self.eyes)
        x, y = np.meshgrid(np.arange(frame.shape[1], dtype=np.float32), np.arange(frame.shape[0], dtype=np.float32))
        self.u: _Real = ((x - self.middle[0]) * self.across[0] + (y - self.middle[1]) * self.across[1]) / self.eyes
        self.v: _Real = ((x - self.middle[0]) * self.down[0] + (y - self.middle[1]) * self.down[1]) / self.eyes

    def at(self, u: float, v: float) -> NDArray[np.float64]:
        return np.asarray(self.middle + self.eyes * (u * self.across + v * self.down), np.float64)

    def skin(self) -> NDArray[np.float64]:
        near = [self.frame[(abs(self.u - side) < 0.1) & (abs(self.v - 0.45) < 0.1)] for side in (-0.35, 0.35)]
        return np.asarray(np.median(np.concatenate(near), axis=0), np.float64)

    def laid(self, shape: tuple[tuple[float, float], ...], cloth: _Real) -> Frame:
        corners = np.array([self.at(*corner) for corner in shape])
        mask = np.zeros(self.frame.shape[:2], np.float32)
        cv2.fillPoly(mask, [np.round(corners * 8).astype(np.int32)], 1.0, cv2.LINE_AA, 3)
        return self.blended(mask, cloth)

    def blended(self, mask: _Real, cloth: _Real) -> Frame:
        soft = cv2.GaussianBlur(mask, (0, 0), max(self.eyes / 90, 0.5))[..., None]
        return np.asarray(np.clip(self.frame * (1 - soft) + cloth * soft, 0, 255), np.uint8)

    def cloth(self, colour: NDArray[np.float64], pattern: NDArray[Any] | float, draw: np.random.Generator) -> _Real:
        """A colour, darker towards the sides, times a pattern, with the noise of a camera."""
        shade = 1 - 0.15 * np.clip(np.abs(self.u), 0, 1.5) ** 2
        noise = draw.normal(0, 2, self.u.shape)
        return np.asarray(colour * (shade * pattern)[..., None] + noise[..., None], np.float32)


def cover(kind: str, frame: Frame, points: FivePoints, draw: np.random.Generator) -> Frame:
    """The face with mouth and nose covered."""
    face = _Face(frame, points)
    colour = draw.uniform(30, 230, 3)
    if kind == "patch":
        return face.laid(_PATCH, face.cloth(colour, 1.0, draw))
    if kind == "skin_patch":
        return face.laid(_PATCH, face.cloth(face.skin(), 1.0, draw))
    if kind == "surgical_mask":
        pleats = 1 - 0.18 * np.exp(-(((((face.v - 0.5) / 0.33) % 1 - 0.5) / 0.08) ** 2))
        return face.laid(_MASK, face.cloth(np.array([225.0, 205.0, 160.0]), pleats, draw))
    if kind == "patterned_mask":
        turn, often = draw.uniform(0, math.pi), draw.uniform(3, 9) * 2 * math.pi
        first = face.u * math.cos(turn) + face.v * math.sin(turn)
        second = face.v * math.cos(turn) - face.u * math.sin(turn)
        return face.laid(_MASK, face.cloth(colour, 1 + 0.4 * np.sin(often * first) * np.sin(often * second), draw))
    if kind == "scarf":
        knit = 0.25 * np.sin(2 * math.pi * 14 * face.u) * np.abs(np.sin(2 * math.pi * 9 * face.v))
        folds = 0.2 * np.sin(2 * math.pi * (1.2 * face.v + 0.3 * np.sin(2 * face.u) + draw.random()))
        return face.laid(_SCARF, face.cloth(colour, 1 + knit + folds, draw))
    return _hand(face, draw)


def _hand(face: _Face, draw: np.random.Generator) -> Frame:
    """Four fingers across the mouth, in the colour of the skin."""
    frame, skin = face.frame, face.skin()
    side, tilt = draw.choice([-1, 1]), draw.uniform(-0.35, 0.35)
    angle = math.degrees(math.atan2(face.across[1], face.across[0]) + tilt)
    for finger in range(4):
        middle = tuple(round(value) for value in face.at(side * 0.25, 0.72 + 0.26 * finger))
        mask = np.zeros(frame.shape[:2], np.float32)
        cv2.ellipse(mask, middle, (round(face.eyes), round(0.15 * face.eyes)), angle, 0, 360, 1.0, -1, cv2.LINE_AA)
        round_ = 0.55 + 0.45 * cv2.GaussianBlur(mask, (0, 0), 0.04 * face.eyes)
        face.frame = face.blended(mask, face.cloth(skin * draw.uniform(0.9, 1.08), np.asarray(round_, np.float32), draw))
    return face.frame


def shut_eyes(frame: Frame, points: FivePoints) -> Frame:
    """Lids of the skin around the eyes, with a line of lashes."""
    face = _Face(frame, points)
    eyes, angle = face.eyes, math.degrees(math.atan2(face.across[1], face.across[0]))
    for side in (-0.5, 0.5):
        middle = tuple(round(value) for value in face.at(side, 0))
        lid = np.zeros(frame.shape[:2], np.uint8)
        cv2.ellipse(lid, middle, (round(0.27 * eyes), round(0.125 * eyes)), angle, 0, 360, 255, -1)
        frame = np.asarray(cv2.inpaint(frame, lid, round(0.06 * eyes) + 2, cv2.INPAINT_TELEA), np.uint8)
        lash = np.zeros(frame.shape[:2], np.float32)
        size, thick = (round(0.24 * eyes), round(0.075 * eyes)), max(1, round(0.03 * eyes))
        cv2.ellipse(lash, middle, size, angle, 15, 165, 1.0, thick, cv2.LINE_AA)
        soft = cv2.GaussianBlur(lash, (0, 0), max(0.5, 0.012 * eyes))[..., None]
        frame = np.asarray(frame * (1 - 0.55 * soft), np.uint8)
    return frame


def open_mouth(frame: Frame, points: FivePoints, height: float = 0.4) -> Frame:
    """The lower lip and chin pulled down by `height` inter-eye distances, and the dark between the lips."""
    face = _Face(frame, points)
    below = face.v - face.mouth_down
    gap = height * np.sqrt(np.clip(1 - (face.u / 0.36) ** 2, 0, 1))
    shift = np.where(below > gap, gap * np.clip(1 - (below - gap) / 0.9, 0, 1), np.clip(below, 0, None)) * face.eyes
    x, y = np.meshgrid(np.arange(frame.shape[1]), np.arange(frame.shape[0]))
    from_x, from_y = (np.asarray(axis - shift * face.down[number], np.float32) for number, axis in enumerate((x, y)))
    face.frame = np.asarray(cv2.remap(frame, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    inside = ((below > 0.01) & (below < gap)).astype(np.float32)
    return face.blended(inside, np.asarray(np.broadcast_to(face.skin() * [0.18, 0.16, 0.22], frame.shape), np.float32))
