"""Blinks and stirring eyes: signs that a person gives and a still picture does not.

A capture lasts a second or two and people blink every few seconds, so a missing blink says nothing; only its presence speaks,
and it speaks against a still picture alone: a video blinks too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from egate.faces.pad.cues.view import FACE_EYES, FACE_PX, FACE_TOP, Colours, Plane

_PER_EYES = FACE_PX / FACE_EYES
_ROW, _HALF_EYES = round(FACE_PX * FACE_TOP), round(_PER_EYES / 2)
_TALL, _WIDE = 6, 9


class LifeMeasures(NamedTuple):
    """`blink`: how far the eyes' opening fell, as a share of its median; `stir`: change of the eyes over that of the cheeks."""

    blink: float
    stir: float


def life_measures(faces: Sequence[Colours]) -> LifeMeasures:
    """Signs of life over the upright faces of a session, in order."""
    if len(faces) < 3:
        return LifeMeasures(0.0, 0.0)
    greys = [np.asarray(face.mean(axis=2), np.float32) for face in faces]
    openings = np.array([eye_opening(grey) for grey in greys])
    usual = float(np.median(openings))
    blink = (usual - float(openings.min())) / max(usual, 0.02)
    return LifeMeasures(min(1.0, max(0.0, blink)), _stir(greys))


def eye_opening(grey: Plane) -> float:
    """How much darker than the cheeks the darkest parts of both eyes are, as a share: iris and lashes, gone under closed lids."""
    cheeks = float(np.median(grey[_ROW + 14 : _ROW + 30, _HALF_EYES // 2 : -_HALF_EYES // 2]))
    middle = FACE_PX // 2
    darkest = [float(np.percentile(_eye(grey, middle + side * _HALF_EYES), 12)) for side in (-1, 1)]
    return max(0.0, 1 - float(np.mean(darkest)) / max(cheeks, 1.0))


def _eye(grey: Plane, column: int) -> Plane:
    return grey[_ROW - _TALL : _ROW + _TALL, column - _WIDE : column + _WIDE]


def _stir(greys: Sequence[Plane]) -> float:
    """Logarithm of the eyes' change from frame to frame over that of the face between eyes and mouth."""
    middle = FACE_PX // 2
    changes = np.abs(np.diff(np.stack(greys), axis=0)).mean(axis=0)
    eyes = np.mean([_eye(changes, middle + side * _HALF_EYES).mean() for side in (-1, 1)])
    rest = float(changes[_ROW + 12 : _ROW + 28, middle - _HALF_EYES : middle + _HALF_EYES].mean())
    return float(np.log((float(eyes) + 0.1) / (rest + 0.1)))
