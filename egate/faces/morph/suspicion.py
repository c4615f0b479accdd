"""Is the portrait a blend of two faces? A differential look: several live pictures against the reference.

A morph is accepted with both of its contributors because it lies between their faces. So it is less like either than pictures of
one person are like each other, and the blending leaves a smoother skin than a camera does. Two measures are weighed together:

* `likeness`: the mean similarity of the live pictures with the portrait, as a share of their similarity with each other;
* `texture`: how much fine detail the portrait's face holds, at a fixed size of the face.

The weights were learned on simulated morphs (docs/morphs.md) and hold for one engine. Rule: this is an experimental measure, for
an officer at most: portraits of another day are less like their holder too, and the measures cannot tell the two apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import cv2
import numpy as np

from egate.faces.engine import FivePoints, Frame, Template
from egate.model.face import MorphSignal

FEWEST_PROBES = 3
"""Fewer live pictures say too little of how alike one person's pictures are."""

MOST_PROBES = 16
"""More add nothing."""

LEAST_LIKENESS_AMONG_PROBES = 0.5
"""Live pictures that differ more than this from each other are too poor to measure with, or show two people."""

EYES_PX = 75.0
"""Distance between the eyes at which texture is measured: that of a token image of 300 pixels."""

DETAIL_PX = 1.2
"""Standard deviation below which detail counts as fine."""

FACE = (0.8, 1.2, 0.45)
"""The face's ellipse in distances between the eyes: half its width, half its height, its middle below the eyes."""

ENGINE = "sface"
"""The engine whose similarities the weights were learned on."""

WEIGHTS = (19.17, -18.59, -8.77)
"""Constant, likeness, texture: `python -m tests.bench.evaluate_morphs` learns and prints them."""


@dataclass(frozen=True, slots=True)
class MorphReference:
    """The portrait: its picture, the five points in it, and its template."""

    frame: Frame = field(repr=False)
    points: FivePoints
    template: Template = field(repr=False)


def judge(engine: str, reference: MorphReference, probes: Sequence[Template]) -> MorphSignal:
    """How much the portrait looks like a blend, from the templates of several live pictures of one person, best first.

    `engine` is the name of the templates' engine. The score lies in 0…1; it is None, with the reason, where nothing can be said.
    """
    if engine != ENGINE:
        return MorphSignal(None, omitted=f"no weights for the engine {engine}")
    if len(probes) < FEWEST_PROBES:
        return MorphSignal(None, omitted=f"fewer than {FEWEST_PROBES} live pictures")
    vectors = [probe.vector for probe in probes[:MOST_PROBES]]
    among = float(np.mean([a @ b for a, b in combinations(vectors, 2)]))
    if not among >= LEAST_LIKENESS_AMONG_PROBES:
        return MorphSignal(None, omitted="the live pictures differ too much")
    likeness = float(np.mean([reference.template.vector @ vector for vector in vectors])) / among
    detail = texture(reference.frame, reference.points)
    if detail is None:
        return MorphSignal(None, omitted="the face in the portrait is too small")
    return MorphSignal(score_of(likeness, detail), (("likeness", round(likeness, 3)), ("texture", round(detail, 3))))


def score_of(likeness: float, detail: float) -> float:
    """The two measures weighed: 0 speaks for one face, 1 for a blend; in steps of a thousandth."""
    constant, by_likeness, by_texture = WEIGHTS
    value = constant + by_likeness * likeness + by_texture * detail
    return round(1 / (1 + math.exp(-max(-30.0, min(30.0, value)))), 3)


def texture(frame: Frame, points: FivePoints) -> float | None:
    """The logarithm of the mean fine detail within the face, in grey levels; None for a face that is too small to measure."""
    scale = EYES_PX / points.inter_eye_px if points.inter_eye_px > 0 else math.inf
    if not scale <= 2.0:
        return None
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(np.float32)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    grey = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=method), np.float32)
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), DETAIL_PX))
    across, up, down = FACE
    middle = points.eye_middle
    centre = (round(middle.x * scale), round(middle.y * scale + down * EYES_PX))
    face = np.zeros(grey.shape, np.uint8)
    cv2.ellipse(face, centre, (round(across * EYES_PX), round(up * EYES_PX)), 0, 0, 360, 1, -1)
    inside = fine[face > 0]
    return float(np.log(inside.mean() + 0.05)) if inside.size else None
