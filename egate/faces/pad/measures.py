"""All measures of a session's views in one row: what the fusion reads, under names that its weights are kept by.

Measures of single frames are taken around the chosen frame and averaged, measures of motion over the whole session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from egate.faces.pad.cues.border import BorderMeasures, border_measures
from egate.faces.pad.cues.life import LifeMeasures, life_measures
from egate.faces.pad.cues.relief import ReliefMeasures, relief_measures
from egate.faces.pad.cues.repetition import loop_measure
from egate.faces.pad.cues.spectrum import SpectrumMeasures, band_strength, banding, spectrum_measures
from egate.faces.pad.cues.texture import TextureMeasures, texture_measures
from egate.faces.pad.cues.view import View

MOST_LOOKED_AT = 5
"""Frames around the chosen one whose single pictures are measured."""


class BandingMeasures(NamedTuple):
    """Bands over the frames (see `spectrum`)."""

    peak: float
    strength: float


Row = tuple[tuple[str, float], ...]
"""Names (`cue.measure`) with their values, always in the same order."""

CUES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("border", BorderMeasures._fields),
    ("spectrum", SpectrumMeasures._fields),
    ("texture", TextureMeasures._fields),
    ("banding", BandingMeasures._fields),
    ("relief", ReliefMeasures._fields),
    ("life", LifeMeasures._fields),
    ("repetition", ("loop",)),
)
"""The cues and their measures."""

NAMES = tuple(f"{cue}.{name}" for cue, names in CUES for name in names)
"""Every measure of a row, in order."""


def measure(views: Sequence[View], chosen: int) -> Row:
    """The row of a session whose chosen frame is `views[chosen]`."""
    near = sorted(range(len(views)), key=lambda index: abs(index - chosen))[:MOST_LOOKED_AT]
    looked_at = [views[index] for index in near]
    rows, faces = [view.rows for view in views], [view.face for view in views]
    values = (
        *_mean([border_measures(view.surround) for view in looked_at]),
        *_mean([spectrum_measures(view.detail) for view in looked_at]),
        *_mean([texture_measures(view.face, view.detail) for view in looked_at]),
        *BandingMeasures(banding(rows), band_strength(rows)),
        *relief_measures(views, chosen),
        *life_measures(faces),
        loop_measure(faces),
    )
    return tuple(zip(NAMES, (float(value) for value in values), strict=True))


def _mean(several: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(float(value) for value in np.mean(np.array(several, np.float64), axis=0))
