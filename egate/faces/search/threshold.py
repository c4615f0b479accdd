"""The threshold of a search: from the share of strangers that may be shown (FPIR), never from a raw score.

One search is N comparisons, and a stranger is a false candidate when any of them matches falsely: FPIR ≤ N × FMR, whether or not
the comparisons depend on each other (for independent ones FPIR = 1 − (1 − FMR)ᴺ, a little less). So a search needs the threshold
for FMR = FPIR ⁄ N, and takes it from the engine's calibration through the same port as the gate. Nothing is extrapolated: where
the calibration has not seen enough comparisons for so small a rate, the search is refused and says how many it would take.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from egate.faces.calibration import PPM, Calibration
from egate.model.errors import DeviceError

SMALLEST_FPIR, LARGEST_FPIR = 1e-6, 0.5
"""Outside nobody sets up a watchlist search."""

RULE_OF_THREE = 3
"""Without any false match, this many ÷ rate comparisons are needed for 95 % confidence."""

_DOING = "choose the threshold of a search"


@dataclass(frozen=True, slots=True)
class SearchThreshold:
    """A threshold with what it is for: the FPIR, for how many templates, and the calibration behind it."""

    value: float
    fpir: float
    templates: int
    fmr_ppm: int
    model_id: str
    calibration: str


def fmr_of_search(fpir: float, templates: int) -> float:
    """The false match rate that keeps N comparisons within the FPIR, whatever depends on what; raises DeviceError."""
    if not SMALLEST_FPIR <= fpir <= LARGEST_FPIR or templates < 1:
        raise DeviceError(_DOING, f"it takes an FPIR from {SMALLEST_FPIR:g} to {LARGEST_FPIR:g} and a face in the gallery")
    return fpir / templates


def threshold_for_search(calibration: Calibration, fpir: float, templates: int) -> SearchThreshold:
    """The threshold for a gallery of this size; raises DeviceError when the calibration cannot support it, TrustError."""
    fmr = fmr_of_search(fpir, templates)
    ppm = math.floor(PPM * fmr + 1e-9)
    try:
        if ppm < 1:
            raise DeviceError(_DOING, "calibrations end at one in a million")
        value = calibration.threshold_for(ppm)
    except DeviceError as error:
        needed = math.ceil(RULE_OF_THREE / fmr)
        raise DeviceError(
            _DOING,
            f"{templates} faces with an FPIR of {fpir:g} need a false match rate of {PPM * fmr:.3g} ppm, which takes at least "
            f"{needed} comparisons of gate-like pictures ({error.problem}); this calibration carries "
            f"{most_templates(calibration, fpir)} faces",
        ) from None
    return SearchThreshold(value, fpir, templates, ppm, calibration.model_id, calibration.identity)


def most_templates(calibration: Calibration, fpir: float) -> int:
    """The largest gallery that a calibration supports at an FPIR; 0 when it supports none."""
    rates = [point.fmr_ppm for point in calibration.points if point.supported]
    return 0 if calibration.flaw or not rates else math.floor(PPM * fpir / min(rates) + 1e-9)
