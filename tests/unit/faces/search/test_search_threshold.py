"""Thresholds of searches come from FPIR and the size of the gallery, and are refused where the calibration has too few pairs."""

from __future__ import annotations

import pytest

from egate.faces.calibration import load_calibration
from egate.faces.search.threshold import fmr_of_search, most_templates, threshold_for_search
from egate.model.errors import DeviceError, TrustError
from tests.unit.faces.search.vectors import calibration

LARGE = calibration((1000, 0.40, 100_000, 20), (100, 0.50, 1_000_000, 30), (10, 0.60, 1_000_000, 1), (1, 0.70, 4_000_000, 0))


def test_the_rate_is_the_share_of_strangers_divided_by_the_faces() -> None:
    assert fmr_of_search(0.01, 1) == 0.01
    assert fmr_of_search(0.01, 100_000) == pytest.approx(1e-7)


@pytest.mark.parametrize("templates", [1, 7, 1000, 100_000])
@pytest.mark.parametrize("fpir", [0.001, 0.01, 0.1])
def test_independent_comparisons_stay_below_the_promise(fpir: float, templates: int) -> None:
    """FPIR = 1 − (1 − FMR)ᴺ for independent comparisons: below what was asked for, and not by more than half of it squared."""
    given = 1 - (1 - fmr_of_search(fpir, templates)) ** templates
    assert fpir - fpir * fpir / 2 - 1e-9 <= given <= fpir + 1e-9


@pytest.mark.parametrize(
    ("fpir", "templates", "limit", "ppm"),
    [
        (0.01, 10, 0.40, 1000),
        (0.01, 11, 0.50, 909),
        (0.01, 100, 0.50, 100),
        (0.01, 101, 0.60, 99),
        (0.01, 10_000, 0.70, 1),
        (0.1, 10_000, 0.60, 10),
    ],
)
def test_the_threshold_grows_with_the_gallery(fpir: float, templates: int, limit: float, ppm: int) -> None:
    chosen = threshold_for_search(LARGE, fpir, templates)
    assert (chosen.value, chosen.fmr_ppm, chosen.templates, chosen.fpir) == (limit, ppm, templates, fpir)
    assert (chosen.model_id, chosen.calibration) == (LARGE.model_id, LARGE.identity)


def test_too_few_comparisons_refuse_and_say_how_many_it_takes() -> None:
    few = calibration((1000, 0.45, 10_302, 3), (100, 0.50, 10_302, 1))
    assert most_templates(few, 0.01) == 10
    assert threshold_for_search(few, 0.01, 10).value == 0.45
    with pytest.raises(DeviceError, match=r"1500 faces .* 6\.67 ppm, .* at least 450000 comparisons .* carries 10 faces"):
        threshold_for_search(few, 0.01, 1500)


def test_below_one_in_a_million_nothing_is_extrapolated() -> None:
    with pytest.raises(DeviceError, match="30000000 comparisons"):
        threshold_for_search(LARGE, 0.01, 100_000)


def test_a_calibration_that_nobody_signed_gives_none() -> None:
    with pytest.raises(TrustError):
        threshold_for_search(calibration((1000, 0.4, 100_000, 0), flaw="it has no signature"), 0.01, 10)
    assert most_templates(calibration((1000, 0.4, 100_000, 0), flaw="it has no signature"), 0.01) == 0


@pytest.mark.parametrize(("fpir", "templates"), [(0.0, 10), (0.6, 10), (float("nan"), 10), (0.01, 0)])
def test_impossible_wishes_are_refused(fpir: float, templates: int) -> None:
    with pytest.raises(DeviceError, match="FPIR"):
        threshold_for_search(LARGE, fpir, templates)


def test_the_shipped_calibration_says_how_large_a_list_may_be() -> None:
    """Its frontal set carries small lists only; a longer one is refused instead of searched at a guess."""
    shipped = load_calibration("sface")
    carried = most_templates(shipped, 0.01)
    assert carried >= 1
    assert threshold_for_search(shipped, 0.01, carried).value > 0
    with pytest.raises(DeviceError, match="comparisons"):
        threshold_for_search(shipped, 0.01, 10**6)
