"""Frames that come again: a live sensor never gives the same frame twice, and its noise is never quite absent.

An injected still picture repeats itself exactly, a looped file repeats a sequence, and a drawn or denoised stream does not change
where nothing moves. A video that is played in a loop before the camera repeats the face but not the noise (`loop_measure`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from egate.faces.pad.cues.view import Colours, Plane

SAME_LEVELS = 0.02
"""Mean difference in grey levels of two samples of one and the same frame."""

SHORTEST_LOOP = 3
"""Frames; a head at rest looks alike in neighbours."""

_SMALL = (24, 24)


class RepetitionMeasures(NamedTuple):
    """`same`: share of frames seen before, to the bit; `frozen`: share of samples that do not change from a frame to the next."""

    same: float
    frozen: float


def repetition_measures(proofs: Sequence[Colours]) -> RepetitionMeasures:
    """What comes again over the samples of a session's frames, in order; nothing for frames of several sizes."""
    if len(proofs) < 2 or any(proof.shape != proofs[0].shape for proof in proofs):
        return RepetitionMeasures(0.0, 0.0)
    stack = np.stack(proofs).astype(np.int16)
    before = [bool((np.abs(stack[:at] - stack[at]).mean(axis=(1, 2, 3)) < SAME_LEVELS).any()) for at in range(1, len(stack))]
    frozen = (np.diff(stack, axis=0) == 0).all(axis=3).mean(axis=(1, 2))
    return RepetitionMeasures(float(np.mean(before)), float(np.median(frozen)))


def loop_measure(faces: Sequence[Colours]) -> float:
    """Logarithm of the best lag's mean difference over the lags' median; 0 when there are too few frames."""
    if len(faces) < 2 * SHORTEST_LOOP + 2:
        return 0.0
    small = np.stack([_even(face) for face in faces])
    lags = range(SHORTEST_LOOP, len(small) - SHORTEST_LOOP)
    differences = np.array([float(np.abs(small[lag:] - small[:-lag]).mean()) for lag in lags])
    if len(differences) < 2:
        return 0.0
    return float(min(0.0, np.log((differences.min() + 0.02) / (np.median(differences) + 0.02))))


def _even(face: Colours) -> Plane:
    """A face so small that noise is gone, without its brightness."""
    small = cv2.resize(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY), _SMALL, interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray((small - small.mean()) / max(1.0, float(small.std())) * 10, np.float32)
