"""Profiles: the shipped one holds, and whatever is out of range, unknown or unsafe is refused by name (I14)."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from egate.checks.profile import MAXIMUM_PROFILE_CHARACTERS, access_policy, default_profile, load_profile
from egate.model.checks import Acceptance, CheckName, CheckRule, DecisionPoint, RunMode, Weakness
from egate.model.errors import MalformedData
from egate.mrtd.access_policy import AccessPolicy
from egate.mrtd.crypto.ciphers import CipherSuite

TEXT = files("egate.checks.profiles").joinpath("eu-entry.toml").read_text("utf-8")


def changed(pattern: str, replacement: str) -> str:
    """The shipped profile with one line replaced; the pattern must be there."""
    text, count = re.subn(pattern, replacement, TEXT, flags=re.MULTILINE)
    assert count == 1, pattern
    return text


def test_default_profile() -> None:
    profile = default_profile()
    assert (profile.name, profile.fmr_ppm, profile.minimum_age_years) == ("eu-entry", 1000, 12)
    assert set(profile.rules) == set(CheckName)
    assert profile.rules[CheckName.CHIP_GENUINE].mode is RunMode.CONDITIONALLY_IGNORED
    assert profile.rules[CheckName.PRESENTATION_ATTACK].mode is RunMode.MANDATORY
    for name in (CheckName.DOCUMENT_WATCHLIST, CheckName.PERSON_WATCHLIST, CheckName.FACE_MATCH):
        assert profile.rules[name] == CheckRule(RunMode.MANDATORY, DecisionPoint.EXIT)
    assert profile.rules[CheckName.DATA_GROUP_HASHES] == CheckRule(RunMode.MANDATORY, DecisionPoint.ENTRY)


def test_values_are_taken_and_left_out_ones_have_defaults() -> None:
    profile = load_profile(changed("^fmr_ppm = 1000.*$", "fmr_ppm = 100"))
    assert profile.fmr_ppm == 100
    assert load_profile(changed("^fmr_ppm = 1000.*$", "")).fmr_ppm == 1000
    assert load_profile(changed("^multiple_use_window_s = 600.*$", "multiple_use_window_s = 90.5")).multiple_use_window_s == 90.5


@pytest.mark.parametrize(
    ("pattern", "replacement", "problem"),
    [
        ("^fmr_ppm = 1000.*$", "fmr_ppm = 1001", "fmr_ppm must be a number from 1 to 1000"),
        ("^fmr_ppm = 1000.*$", "fmr_ppm = 0", "fmr_ppm must be"),
        ("^fmr_ppm = 1000.*$", "fmr_ppm = 99.5", "fmr_ppm must be"),
        ("^document_codes = .*$", 'document_codes = ["p"]', "document_codes must be a list of document codes"),
        ("^document_codes = .*$", 'document_codes = "P"', "document_codes must be"),
        ("^document_codes = .*$", 'document_codes = ["*"]', "document_codes must be"),
        ("^fmr_ppm = 1000.*$", "fmr_ppm = true", "fmr_ppm must be"),
        ("^fmr_ppm = 1000.*$", 'fmr_ppm = "1000"', "fmr_ppm must be"),
        ("^minimum_age_years = 12$", "minimum_age_years = -1", "minimum_age_years must be a number from 0 to 99"),
        ("^multiple_use_window_s = 600.*$", "multiple_use_window_s = 90000", "multiple_use_window_s must be"),
        ("^multiple_use_window_s = 600.*$", "multiple_use_window_s = nan", "multiple_use_window_s must be"),
        ("^pace_before_bac = true$", "pace_before_bac = 1", "pace_before_bac must be true or false"),
        ('^face_engine = "sface"$', 'face_engine = ""', "face_engine must be a text"),
        ('^face_engine = "sface"$', "face_engine = 1", "face_engine must be a text"),
        ('^second_opinion = "".*$', 'second_opinion = "sface"', "another engine"),
        ('^name = "eu-entry"$', "", "name is missing"),
        ('^name = "eu-entry"$', 'name = "x"\ncolour = 1', "colour is no key"),
        ("^face_match = .*$", "", "checks.face_match is missing"),
        ("^face_match = .*$", 'face_match = "mandatory"', "checks.face_match must have mode and at"),
        ("^face_match = .*$", 'face_match = { mode = "mandatory" }', "checks.face_match must have mode and at"),
        ("^face_match = .*$", 'face_match = { mode = "maybe", at = "exit" }', "checks.face_match.mode must be one of"),
        ("^face_match = .*$", 'face_match = { mode = "mandatory", at = "roof" }', "checks.face_match.at must be one of"),
        ("^face_match = .*$", 'face_match = { mode = "evaluatory", at = "exit" }', "must be mandatory"),
        ("^face_match = .*$", 'face_match = { mode = "mandatory", at = "entry" }', "must be exit"),
        ("^lane_health = (.*)$", r"lane_health = \1\niris = \1", "checks.iris is no check"),
        (r"^\[checks\]$", "[rules]", r"the table \[checks\] is missing"),
        (r"^\[checks\]$", "[checks", "no TOML"),
        ("^certificate_revocation = .*$", "", "checks.certificate_revocation is missing"),
        ("^revocation_grace_days = 3.*$", "revocation_grace_days = 91", "revocation_grace_days must be a number from 0 to 90"),
        ('^sha1 = "note"$', 'sha1 = "maybe"', "algorithm_policy.sha1 must be one of accept, note, refuse"),
        ('^sha1 = "note"$', "sha1 = 1", "algorithm_policy.sha1 must be one of"),
        ('^sha1 = "note"$', 'md5 = "accept"', "algorithm_policy.md5 is none of sha1, sha224"),
        (r"^\[algorithm_policy\]$", "[algorithms]", "algorithms is no key"),
        ("^pace_mappings = .*$", 'pace_mappings = ["gm", "gm"]', "pace_mappings must be a list of cam, gm, im"),
        ("^pace_mappings = .*$", 'pace_mappings = ["hm"]', "pace_mappings must be a list"),
        ("^pace_mappings = .*$", 'pace_mappings = "gm"', "pace_mappings must be a list"),
        ("^pace_mappings = .*$", "pace_mappings = []", "pace_mappings must be a list"),
        ("^minimum_cipher = .*$", 'minimum_cipher = "des"', "minimum_cipher must be one of 3des, aes-128"),
        ("^allow_bac = .*$", "allow_bac = 1", "allow_bac must be true or false"),
    ],
)
def test_wrong_profiles_are_refused_by_name(pattern: str, replacement: str, problem: str) -> None:
    with pytest.raises(MalformedData, match=problem):
        load_profile(changed(pattern, replacement))


@pytest.mark.parametrize("name", ["security_object_signature", "certificate_chain", "data_group_hashes", "single_person"])
def test_what_a_gate_lives_on_must_be_mandatory(name: str) -> None:
    for mode in ("conditionally_ignored", "optional", "evaluatory"):
        text = re.sub(rf'^{name} = {{ mode = "mandatory"', f'{name} = {{ mode = "{mode}"', TEXT, flags=re.MULTILINE)
        with pytest.raises(MalformedData, match=f"checks.{name}.mode must be mandatory"):
            load_profile(text)


def test_policy_of_access_is_what_the_profile_says() -> None:
    assert access_policy(default_profile()) == AccessPolicy()
    strict = load_profile(
        changed('^minimum_cipher = "3des".*$', 'minimum_cipher = "aes-192"')
        .replace('["cam", "gm", "im"]', '["gm"]')
        .replace("allow_bac = true", "allow_bac = false")
    )
    expected = AccessPolicy(mappings=("gm",), allow_bac=False, minimum_cipher=CipherSuite.AES192)
    assert access_policy(strict) == expected


def test_algorithm_policy_may_be_left_out_and_must_be_a_table() -> None:
    without = re.sub(r"(?ms)^\[algorithm_policy\]$.*?^\[checks\]$", "[checks]", TEXT)
    assert load_profile(without).algorithm_policy == {}
    assert load_profile(TEXT).algorithm_policy[Weakness.SHA1] is Acceptance.NOTE
    with pytest.raises(MalformedData, match="algorithm_policy must be a table"):
        load_profile('algorithm_policy = "strict"\n' + without)


def test_entry_without_a_mandatory_check_is_refused() -> None:
    with pytest.raises(MalformedData, match="no check is mandatory at the entry"):
        load_profile(TEXT.replace('mode = "mandatory", at = "entry"', 'mode = "mandatory", at = "exit"'))


def test_too_long_profile_is_refused() -> None:
    with pytest.raises(MalformedData, match="longer"):
        load_profile("#" * (MAXIMUM_PROFILE_CHARACTERS + 1))
