"""How good a live face is for a comparison: hard bounds with one hint, OFIQ-style components, and one number for ranking."""

from egate.faces.quality.assessment import MAX_OFF_CENTRE, assess, with_norm
from egate.faces.quality.geometry import aligned_grey, pitch_deg, roll_deg, single_face, yaw_deg
from egate.faces.quality.light import exposure_of, sharpness_of
from egate.faces.quality.motion import motion_of

__all__ = [
    "MAX_OFF_CENTRE",
    "aligned_grey",
    "assess",
    "exposure_of",
    "motion_of",
    "pitch_deg",
    "roll_deg",
    "sharpness_of",
    "single_face",
    "with_norm",
    "yaw_deg",
]
