"""How patiently a lane captures: attempts, a lane of assistance, and what the screen may ask (P12, S9)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from egate.app.config import ConfigError, LaneConfig, parse_config
from egate.app.inspector import capture_patience
from egate.checks.profile import default_profile, load_profile
from egate.model.errors import MalformedData
from egate.model.face import CaptureTerms
from tests.unit.app.test_config import BASE, GOOD


def config_of(lines: str) -> LaneConfig:
    """A lane's file with these lines in [camera]."""
    return parse_config(GOOD.replace('source = "none"\n', f'source = "none"\n{lines}'), BASE, "lane.toml")


def patience(config: LaneConfig) -> tuple[float, CaptureTerms]:
    return capture_patience(config, default_profile())


def test_one_attempt_of_the_configured_time_is_usual() -> None:
    assert patience(config_of("capture_timeout_s = 9\n")) == (9.0, CaptureTerms(1, "none"))


def test_attempts_come_before_the_officer_and_assistance_takes_its_time() -> None:
    assert patience(config_of("capture_attempts = 3\n")) == (10.0, CaptureTerms(3, "none"))
    assert patience(config_of("assistance = true\n")) == (20.0, CaptureTerms(2, "none"))
    assert patience(config_of("assistance = true\ncapture_attempts = 3\n")) == (20.0, CaptureTerms(3, "none"))


@pytest.mark.parametrize("line", ["capture_attempts = 0", "capture_attempts = 6", 'assistance = "yes"'])
def test_other_values_are_refused(line: str) -> None:
    with pytest.raises(ConfigError, match=line.split(" ", maxsplit=1)[0]):
        config_of(line + "\n")


def test_a_challenge_is_the_agencys_choice_and_off_by_default() -> None:
    profile = default_profile()
    assert profile.attack_challenge == "none"
    asked = replace(profile, attack_challenge="light")
    assert capture_patience(config_of(""), asked)[1] == CaptureTerms(1, "light")


def test_a_profile_names_a_challenge_that_there_is() -> None:
    from importlib.resources import files

    text = files("egate.checks.profiles").joinpath("eu-entry.toml").read_text("utf-8")
    assert load_profile(f'attack_challenge = "look"\n{text}').attack_challenge == "look"
    for wrong in ('"strobe"', "true"):
        with pytest.raises(MalformedData, match="attack_challenge must be one of none, light, look"):
            load_profile(f"attack_challenge = {wrong}\n{text}")
