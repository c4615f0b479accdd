"""Calibration: thresholds follow a false match rate with evidence, or are refused (D1, TR-03121 CMP-FI-VER)."""

from __future__ import annotations

import json
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egate.faces.calibration import Evidence, OperatingPoint, load_calibration, lower_bound, parse_calibration, upper_bound
from egate.model.errors import DeviceError, MalformedData


def shipped(engine: str) -> bytes:
    return resources.files("egate.faces.calibrations").joinpath(f"{engine}.json").read_bytes()


def test_bounds_agree_with_closed_forms_and_tables() -> None:
    """No success: 1 − 0.05^(1/n); all: 0.05^(1/n). One of twenty, five of a hundred: tables of the binomial distribution."""
    for trials in (1, 10, 300, 10_302):
        assert upper_bound(0, trials) == pytest.approx(1 - 0.05 ** (1 / trials), rel=1e-9)
        assert lower_bound(trials, trials) == pytest.approx(0.05 ** (1 / trials), rel=1e-9)
    assert upper_bound(1, 20) == pytest.approx(0.21611, abs=1e-5)
    assert lower_bound(1, 20) == pytest.approx(1 - 0.95 ** (1 / 20), rel=1e-9)
    assert upper_bound(5, 100) == pytest.approx(0.10225, abs=1e-4)
    assert upper_bound(0, 3_000) * 3_000 == pytest.approx(3.0, abs=0.01), "the rule of three"


@given(st.integers(1, 5000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_bounds_enclose_the_observed_rate(case: tuple[int, int]) -> None:
    successes, trials = case
    assert 0 <= lower_bound(successes, trials) <= successes / trials <= upper_bound(successes, trials) <= 1


@pytest.mark.parametrize(("engine", "threshold"), [("sface", 0.45), ("dlib", 0.53)])
def test_shipped_thresholds_for_a_tenth_of_a_percent(engine: str, threshold: float) -> None:
    calibration = load_calibration(engine)
    assert calibration.threshold_for(1000) == threshold
    assert calibration.threshold_for(20_000) == threshold, "a laxer target takes the stricter threshold that is known"
    assert calibration.limits
    assert calibration.comparisons > 29_000_000
    assert calibration.flaw == "", "signed by the project"


@pytest.mark.parametrize("engine", ["sface", "dlib"])
def test_unsupported_rates_are_refused(engine: str) -> None:
    """0.01 % is listed for SFace, but no gate-like set is large enough to support it."""
    with pytest.raises(DeviceError, match=r"not calibrated for 100 ppm: no rate below 1000 ppm"):
        load_calibration(engine).threshold_for(100)


def test_library_defaults_are_laxer_than_our_thresholds() -> None:
    """0.363 (OpenCV's) and a distance of 0.6 (face_recognition's) are never used."""
    assert load_calibration("sface").threshold_for(1000) > 0.363
    assert load_calibration("dlib").threshold_for(1000) > 1 - 0.6


def test_support_needs_a_gate_like_set_and_no_contradiction() -> None:
    news = Evidence("news", 29_000_000, 800, gate_like=False)
    gate = Evidence("gate", 10_302, 3, gate_like=True)
    small = Evidence("gate", 500, 0, gate_like=True)
    bad = Evidence("gate", 5_100, 23, gate_like=True)
    assert OperatingPoint(1000, 0.45, (gate, news)).supported
    assert not OperatingPoint(1000, 0.45, (news,)).supported, "another kind of picture does not carry over"
    assert not OperatingPoint(1000, 0.45, (small,)).supported, "too few comparisons support nothing"
    assert not OperatingPoint(1000, 0.45, (gate, bad)).supported, "one set contradicts"
    assert OperatingPoint(1000, 0.45, (gate, small)).supported, "a small set does not contradict"
    assert not OperatingPoint(1000, 0.45, ()).supported
    assert (news.measured, gate.measured) == (True, False), "the rule of 30"
    assert gate.fmr_ppm == pytest.approx(291.2, abs=0.1)


def test_reached_rate_is_read_from_the_table() -> None:
    calibration = load_calibration("sface")
    assert calibration.reached_fmr_ppm(0.05) is None
    assert calibration.reached_fmr_ppm(0.33) == 10_000
    assert calibration.reached_fmr_ppm(0.99) == 1_000


def test_identity_changes_with_the_content() -> None:
    content = shipped("sface")
    changed = content.replace(b"0.45", b"0.40")
    assert changed != content
    assert parse_calibration(content).identity != parse_calibration(changed).identity


def test_an_engine_without_calibration_may_not_decide() -> None:
    with pytest.raises(DeviceError, match="no calibration"):
        load_calibration("unknown")


def test_malformed_files_are_refused() -> None:
    good = json.loads(shipped("sface"))
    for broken in (b"", b"[]", b"null", b"{}", b"[" * 100_000, shipped("sface")[:-40], b" " * 300_000):
        with pytest.raises(MalformedData):
            parse_calibration(broken)
    for change in (
        {"points": [{"fmr_ppm": 0, "threshold": 0.4, "evidence": []}]},
        {"scores": [[0.3, float("nan")]]},
        {"points": 3},
    ):
        with pytest.raises(MalformedData):
            parse_calibration(json.dumps(good | change).encode())
    impossible = json.loads(shipped("sface"))
    impossible["points"][0]["evidence"][0]["false_matches"] = 10**9
    with pytest.raises(MalformedData):
        parse_calibration(json.dumps(impossible).encode())
