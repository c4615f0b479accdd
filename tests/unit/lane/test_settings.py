"""Settings out of range are refused with a sentence that names them (I3, I14)."""

from __future__ import annotations

import dataclasses
import math

import pytest

from egate.lane.settings import LONGEST_LEASE_S, RANGES, LaneSettings, SettingsError, settings_from


def test_the_defaults_are_the_documented_ones() -> None:
    settings = LaneSettings()
    assert (settings.lease_s, settings.entry_open_s, settings.exit_open_s) == (3.0, 8.0, 10.0)
    assert (settings.inside_max_s, settings.officer_hold_s, settings.read_max_s) == (45.0, 120.0, 30.0)
    kinds = {"topology", "pipelined", "closing_tries"}
    assert set(RANGES) | kinds == {entry.name for entry in dataclasses.fields(LaneSettings)}
    assert LONGEST_LEASE_S == 10.0


@pytest.mark.parametrize("name", list(RANGES))
@pytest.mark.parametrize("value", ["below", "above", math.nan, math.inf])
def test_values_out_of_range_are_refused(name: str, value: object) -> None:
    least, most = RANGES[name]
    bad = {"below": least - 0.01, "above": most + 0.01}.get(str(value), value)
    with pytest.raises(SettingsError, match=name):
        settings_from({name: bad})  # type: ignore[dict-item]  # the parameter mixes words and numbers


@pytest.mark.parametrize(
    ("timers", "word"),
    [
        ({"tick_s": 2.0}, "tick_s"),
        ({"closing_s": 3.5}, "closing_s"),
        ({"lease_s": 9.0}, "entry_open_s"),
        ({"lease_s": 9.0, "entry_open_s": 9.0, "exit_open_s": 8.0}, "exit_open_s"),
    ],
)
def test_unsafe_combinations_are_refused(timers: dict[str, float], word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        settings_from(timers)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"entry_opens.*known are tick_s, lease_s"):
        settings_from({"entry_opens": 3.0})


def test_settings_can_be_changed_one_by_one() -> None:
    assert settings_from({"entry_open_s": 12}).entry_open_s == 12
    assert settings_from({}) == LaneSettings()
    assert LaneSettings(tick_s=0.5).ticks(8.0) == 16
    assert LaneSettings().ticks(0.1) == 1
