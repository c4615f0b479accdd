"""Score files carry everything a figure needs; calibrations made of them claim no more than they support (D1)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egate.faces.calibration import parse_calibration
from egate.faces.calibrations.signing import encode_table
from egate.faces.evaluation.calibrating import draft_calibration
from egate.faces.evaluation.rates import ScoreCounts, counts_of
from egate.faces.evaluation.score_file import (
    ScoreFile,
    ScoreHeader,
    encode_binary,
    encode_csv,
    parse_score_file,
)
from egate.model.errors import DeviceError, MalformedData

HEADER = ScoreHeader("sface", "sface-fb143eea", "Frontal, drawn: 9 people", "", True, 9, 18, "2026-11-24")


def scores(mated: list[float], others: list[float], header: ScoreHeader = HEADER) -> ScoreFile:
    return ScoreFile(header, ScoreCounts(counts_of(np.array(mated)), counts_of(np.array(others))))


def drawn(count: int, header: ScoreHeader = HEADER, shift: float = 0.0, seed: int = 1) -> ScoreFile:
    numbers = np.random.default_rng(seed)
    return scores(list(numbers.normal(0.8, 0.05, 500)), list(numbers.normal(0.1 + shift, 0.1, count)), header)


VALUES = st.lists(st.integers(-100_000, 100_000).map(lambda step: step / 100_000), max_size=30)


@given(VALUES, VALUES.filter(bool), st.sampled_from([encode_csv, encode_binary]))
def test_a_score_file_says_again_what_it_was_told(mated: list[float], others: list[float], encode: object) -> None:
    file = scores(mated, others)
    found = parse_score_file(encode(file))  # type: ignore[operator]  # one of the two encoders
    assert found.header == file.header
    assert np.array_equal(found.counts.mated, file.counts.mated)
    assert np.array_equal(found.counts.non_mated, file.counts.non_mated)


@pytest.mark.parametrize("encode", [encode_csv, encode_binary])
def test_a_file_cut_off_or_changed_in_form_is_refused(encode: object) -> None:
    content: bytes = encode(drawn(200))  # type: ignore[operator]  # one of the two encoders
    for end in [*range(0, 300, 7), len(content) - 1]:
        with pytest.raises(MalformedData):
            parse_score_file(content[:end])
    with pytest.raises(MalformedData):
        parse_score_file(content + b"0.1,2\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("gate_like: yes", "gate_like: perhaps"),
        ("identities: 9", "identities: -9"),
        ("# egate scores 1", "# scores"),
        ("score,mated,non_mated", "score,mated"),
        ("0.50000,1,0", "0.50000,-1,0"),
        ("0.50000,1,0", "5.00000,1,0"),
        ("0.50000,1,0", "nan,1,0"),
        ("0.50000,1,0", "0.50000,1,0\n0.40000,1,0"),
    ],
)
def test_a_score_file_with_a_wrong_line_is_refused(before: str, after: str) -> None:
    text = encode_csv(scores([0.5], [0.1])).decode()
    assert before in text
    with pytest.raises(MalformedData, match="no file of scores"):
        parse_score_file(text.replace(before, after).encode())


def test_a_calibration_offers_the_lowest_supported_threshold() -> None:
    """D1: a thousandth lower, and the bound exceeds the rate."""
    file = drawn(200_000)
    draft = draft_calibration([file], [1000, 100], "2026-11-24", ["drawn"], None)
    calibration = parse_calibration(encode_table(draft.table))
    assert [point.fmr_ppm for point in calibration.points] == [1000, 100]
    for point in calibration.points:
        assert point.supported
        lower = file.counts.fmr(point.threshold - 0.001)
        assert lower.bounds[1] * 1_000_000 > point.fmr_ppm
    assert "is not signed" in calibration.flaw
    assert calibration.comparisons == 200_000


def test_what_too_few_comparisons_cannot_show_is_said_and_not_offered() -> None:
    draft = draft_calibration([drawn(5_000)], [1000, 100], "2026-11-24", [], None)
    assert [point.fmr_ppm for point in draft.points] == [1000]
    assert draft.refused == (
        "FMR 0.01 % is not supported: it takes at least 29956 gate-like comparisons, the largest set has 5000.",
    )
    with pytest.raises(DeviceError, match="no rate below 1000 ppm"):
        replace(parse_calibration(encode_table(draft.table)), flaw="").threshold_for(100)


def test_a_set_that_contradicts_raises_the_threshold() -> None:
    """News pictures cannot support a threshold at a gate, and can refute one."""
    news = replace(HEADER, data_set="News", gate_like=False)
    alone = draft_calibration([drawn(50_000)], [1000], "2026-11-24", [], None)
    with_news = draft_calibration([drawn(50_000), drawn(300_000, news, shift=0.1)], [1000], "2026-11-24", [], None)
    assert with_news.points[0].threshold > alone.points[0].threshold + 0.05
    with pytest.raises(MalformedData, match="no set is gate-like"):
        draft_calibration([drawn(50_000, news)], [1000], "2026-11-24", [], None)


def test_sets_of_other_weights_or_twice_the_same_are_refused() -> None:
    other = replace(HEADER, model_id="sface-00000000", data_set="other")
    with pytest.raises(MalformedData, match="different engines or weights"):
        draft_calibration([drawn(5_000), drawn(5_000, other)], [1000], "2026-11-24", [], None)
    with pytest.raises(MalformedData, match="the same set"):
        draft_calibration([drawn(5_000), drawn(5_000)], [1000], "2026-11-24", [], None)
