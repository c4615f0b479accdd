"""Which eye heights the cameras of a gate can see: a pinhole's arithmetic over mounting height, angle of view, tilt and distance.

A traveller of 140 to 200 cm must find a camera without kneeling or climbing, and so must one who sits in a wheelchair. The
middle of a face counts where a capture takes it: in the middle part of the frame only. Pure; a configuration that states its
geometry and does not cover what it must is refused with the gap in words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

EYES_OF_STATURE = 0.936
"""Eye height of a standing adult as a share of body height, the usual ratio of anthropometry (Drillis and Contini)."""
BODY_HEIGHTS_CM = (140.0, 200.0)
"""Travellers that a gate must serve (TR-03121 AH-FI-EGT)."""
SEATED_EYES_CM = (109.0, 129.5)
"""Eye level in an adult's wheelchair: 43 to 51 inches (ADA Standards, figure A3)."""
FACE_BELOW_EYES_CM = 3.5
"""The middle of a face, as a detector boxes it, below the eyes."""
USABLE_SHARE = 0.44
"""Of the frame's height, about its middle: where a capture takes a face (`egate.faces.quality.MAX_OFF_CENTRE` on both sides)."""


@dataclass(frozen=True, slots=True)
class Mounting:
    """One camera: height of its lens, vertical angle of view, the tilts that it can take (upwards positive; both 0: level)."""

    height_cm: float
    view_deg: float
    least_tilt_deg: float = 0.0
    most_tilt_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class Band:
    """Heights from `low_cm` to `high_cm`."""

    low_cm: float
    high_cm: float

    @property
    def words(self) -> str:
        """The band for a person."""
        return f"{self.low_cm:.0f} to {self.high_cm:.0f} cm"


def standing_eyes() -> Band:
    """The eye heights of standing travellers."""
    low, high = BODY_HEIGHTS_CM
    return Band(low * EYES_OF_STATURE, high * EYES_OF_STATURE)


def seated_eyes() -> Band:
    """The eye heights of seated travellers."""
    return Band(*SEATED_EYES_CM)


def seen_eyes(mounting: Mounting, distance_cm: float) -> Band:
    """The eye heights that one camera brings into the usable part of its frame at this distance."""
    half_deg = math.degrees(math.atan(USABLE_SHARE * math.tan(math.radians(mounting.view_deg / 2))))
    low, high = mounting.least_tilt_deg - half_deg, mounting.most_tilt_deg + half_deg
    faces = [mounting.height_cm + distance_cm * math.tan(math.radians(max(-85.0, min(85.0, angle)))) for angle in (low, high)]
    return Band(faces[0] + FACE_BELOW_EYES_CM, faces[1] + FACE_BELOW_EYES_CM)


def row_of(eyes_cm: float, mounting: Mounting, distance_cm: float) -> float:
    """Where eyes of that height appear in the frame of a camera at its lowest tilt: 0 is the top, 1 the foot."""
    angle = math.atan2(eyes_cm - mounting.height_cm, distance_cm) - math.radians(mounting.least_tilt_deg)
    return 0.5 - math.tan(angle) / (2 * math.tan(math.radians(mounting.view_deg / 2)))


def gaps(needed: Band, mountings: Sequence[Mounting], distance_cm: float) -> tuple[Band, ...]:
    """The parts of the needed eye heights that no camera sees, from the lowest up."""
    found = []
    reached = needed.low_cm
    for band in sorted((seen_eyes(one, distance_cm) for one in mountings), key=lambda band: band.low_cm):
        if band.low_cm > reached and reached < needed.high_cm:
            found.append(Band(reached, min(band.low_cm, needed.high_cm)))
        reached = max(reached, band.high_cm)
    if reached < needed.high_cm:
        found.append(Band(reached, needed.high_cm))
    return tuple(found)


def uncovered(mountings: Sequence[Mounting], distance_cm: float, *, seated: bool) -> str:
    """One sentence about travellers whose eyes no camera sees; empty when every one is seen."""
    groups = [("standing travellers of 140 to 200 cm", standing_eyes())]
    groups += [("seated travellers", seated_eyes())] if seated else []
    sentences = []
    for who, needed in groups:
        missing = gaps(needed, mountings, distance_cm)
        if missing:
            heights = " and ".join(gap.words for gap in missing)
            sentences.append(f"of {who} (eyes at {needed.words}) nobody sees eyes at {heights}")
    if not sentences:
        return ""
    return "; ".join(sentences) + "; mount a camera at another height, add one, or let one tilt"
