"""Random selection: the share asked for, the same answer to the same question, never when off."""

from __future__ import annotations

import pytest

from egate.risk.selection import is_selected

SEED = bytes(range(32))
PASSAGES = [f"lane-1/{number}" for number in range(20_000)]


@pytest.mark.parametrize("rate_ppm", [10_000, 100_000, 500_000])
def test_share(rate_ppm: int) -> None:
    """Within five standard deviations; seeded, so it is the same in every run."""
    share = sum(is_selected(passage, rate_ppm, SEED) for passage in PASSAGES)
    expected = len(PASSAGES) * rate_ppm / 1e6
    assert abs(share - expected) < 5 * (expected * (1 - rate_ppm / 1e6)) ** 0.5


def test_off_and_always() -> None:
    assert not any(is_selected(passage, 0, SEED) for passage in PASSAGES[:1000])
    assert all(is_selected(passage, 1_000_000, SEED) for passage in PASSAGES[:1000])


def test_the_seed_decides_and_nothing_else() -> None:
    first = [is_selected(passage, 100_000, SEED) for passage in PASSAGES[:1000]]
    assert first == [is_selected(passage, 100_000, SEED) for passage in PASSAGES[:1000]]
    assert first != [is_selected(passage, 100_000, SEED[::-1]) for passage in PASSAGES[:1000]]


def test_who_is_selected_stays_selected_at_a_higher_rate() -> None:
    for passage in PASSAGES[:1000]:
        assert is_selected(passage, 200_000, SEED) or not is_selected(passage, 100_000, SEED)


@pytest.mark.parametrize(("rate_ppm", "seed"), [(-1, SEED), (1_000_001, SEED), (10, b"short")])
def test_impossible_arguments(rate_ppm: int, seed: bytes) -> None:
    with pytest.raises(ValueError, match="of selection"):
        is_selected("x", rate_ppm, seed)
