"""What a lane's own comparisons say of its accuracy (TR-03121-3 EVA-VER-nCIR-1): the verdict that screens and records share."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """Where the false match rate lies that was observed among strangers: in the band that the threshold promises, or not."""

    TOO_FEW = "too_few"
    WITHIN = "within"
    ABOVE = "above"
    BELOW = "below"

    @property
    def alarming(self) -> bool:
        """Whether the rate left the band."""
        return self in (Verdict.ABOVE, Verdict.BELOW)
