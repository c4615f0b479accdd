"""A face against lists of faces: candidates with their reasons in words, for an officer's eyes.

Rule: a candidate is never a decision and refers nobody by itself; the officer sees the score, the limit, and how often a stranger
would be shown. A list is searched only with the engine it was made with, at a threshold that was chosen for its size; when it has
grown since, it is not searched until the threshold was chosen again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from egate.faces.engine import FaceEngine, Template
from egate.faces.search.gallery import Gallery
from egate.faces.search.threshold import SearchThreshold, threshold_for_search
from egate.model.errors import DeviceError
from egate.model.watchlist import Hit, ListKind

MOST_CANDIDATES = 5
"""An officer compares so many pictures with a face without losing sight of it."""

RULE = "face_candidate"
"""The rule in a hit of a face list."""

COSINE_TOLERANCE = 1e-6
"""How exactly an engine's score must be the scalar product of its templates, so that a search ranks as the engine would."""

_DOING = "search faces"


@dataclass(frozen=True, slots=True)
class FaceList:
    """A gallery with the threshold that was chosen for it."""

    gallery: Gallery
    threshold: SearchThreshold


def list_for(engine: FaceEngine, gallery: Gallery, fpir: float, today: date) -> FaceList:
    """A gallery made ready for an engine: expired entries go, the threshold is chosen for those that stay.

    Raises DeviceError when the gallery is another engine's, the engine's score is no cosine (dlib's is not), or its calibration
    cannot support the size at this FPIR.
    """
    if gallery.label.model_id != engine.model_id:
        raise DeviceError(_DOING, f"the list is of {gallery.label.model_id}, the engine is {engine.model_id}")
    if not compares_by_cosine(engine, gallery.label.dimension):
        raise DeviceError(_DOING, f"scores of {engine.model_id} are no cosines of its templates; it searches no list")
    gallery.expire(today)
    return FaceList(gallery, threshold_for_search(engine.calibration, fpir, max(1, len(gallery))))


def search_lists(probe: Template, lists: Sequence[FaceList], most: int = MOST_CANDIDATES) -> tuple[Hit, ...]:
    """The candidates of every list, each list's best first. Raises DeviceError when a list outgrew its threshold."""
    hits: list[Hit] = []
    for listed in lists:
        gallery, limit = listed.gallery, listed.threshold
        if gallery.label.model_id != limit.model_id or len(gallery) > limit.templates:
            raise DeviceError(_DOING, f"the threshold of {gallery.label.list_name} is not for what it holds now")
        found = gallery.search(probe, limit.value, most)
        for candidate in found:
            evidence = (
                f"face: score {candidate.score:.3f}, limit {limit.value:.3f}; rank {candidate.rank} of {len(found)}",
                f"{limit.fpir:.4g} of all strangers reach the limit among {limit.templates} faces, by {limit.calibration}",
                f"list {gallery.label.list_name}, version {gallery.label.version}",
            )
            hits.append(Hit(ListKind.FACES, gallery.label.list_name, candidate.entry, RULE, evidence))
    return tuple(hits)


def compares_by_cosine(engine: FaceEngine, dimension: int) -> bool:
    """Whether the engine's comparison of two made-up templates is the scalar product of their directions."""
    a, b = np.ones(dimension), np.ones(dimension)
    b[: (dimension + 1) // 2] = -0.5
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    return abs(engine.compare(Template(a, 7.0), Template(b, 11.0)) - float(a @ b)) <= COSINE_TOLERANCE
