"""Reading a profile: the agency's policy from a TOML file, with every value checked (I14).

Rule: an unknown key, a value out of range or an unsafe combination is refused with a sentence that names it. A profile that
would let a lane admit without authentic data, without one live face, or without that face matching is no policy but a mistake.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from egate.model.checks import Acceptance, CheckName, CheckRule, DecisionPoint, Profile, RunMode, Weakness
from egate.model.errors import MalformedData
from egate.mrtd.access_policy import MAPPINGS, AccessPolicy
from egate.mrtd.crypto.ciphers import CipherSuite

MAXIMUM_PROFILE_CHARACTERS = 64 * 1024
"""A profile is a page of text."""

_DOING = "reading a profile"

_NUMBERS: Mapping[str, tuple[float, float]] = {
    "fmr_ppm": (1, 1000),  # D1: at most 0.1 %
    "minimum_age_years": (0, 99),
    "multiple_use_window_s": (0, 86_400),
    "revocation_grace_days": (0, 90),
}
"""Numeric keys with their smallest and largest value."""

_TEXTS = ("name", "face_engine", "second_opinion")
CHALLENGES = ("none", "light", "look")
"""What the kiosk's screen may ask of a face while the camera looks."""

_MAY_BE_EMPTY = ("second_opinion",)
_FLAGS = ("pace_before_bac", "allow_bac", "bac_after_refusal", "bac_after_broken", "own_parameters")
_CIPHERS = {suite.word: suite for suite in CipherSuite}

_DOCUMENT_CODE = re.compile(r"[A-Z](\*|[A-Z])?")

_ALWAYS_MANDATORY = (
    CheckName.SECURITY_OBJECT_SIGNATURE,
    CheckName.CERTIFICATE_CHAIN,
    CheckName.DATA_GROUP_HASHES,
    CheckName.ISSUER_MATCHES_CERTIFICATE,
    CheckName.SINGLE_PERSON,
    CheckName.FACE_CAPTURE,
    CheckName.FACE_MATCH,
)
"""Without these a gate proves nothing."""

_ONLY_AT_EXIT = (CheckName.SINGLE_PERSON, CheckName.FACE_CAPTURE, CheckName.FACE_MATCH, CheckName.PRESENTATION_ATTACK)
"""In a two-step gate the face is captured between the doors."""


def load_profile(toml_text: str) -> Profile:
    """The profile of a TOML text; raises MalformedData with a sentence that says which key is wrong and what it may be."""
    if len(toml_text) > MAXIMUM_PROFILE_CHARACTERS:
        raise MalformedData(_DOING, f"longer than {MAXIMUM_PROFILE_CHARACTERS} characters")
    try:
        table = tomllib.loads(toml_text)
    except tomllib.TOMLDecodeError as error:
        raise MalformedData(_DOING, f"no TOML: {error}") from None
    rules = _rules(table.pop("checks", None))
    policy = _algorithms(table.pop("algorithm_policy", {}))
    profile = Profile(rules=rules, algorithm_policy=policy, **_settings(table))
    _refuse_unsafe(profile)
    return profile


def default_profile() -> Profile:
    """The profile `eu-entry` that comes with the project."""
    return load_profile(files("egate.checks.profiles").joinpath("eu-entry.toml").read_text("utf-8"))


def _settings(table: dict[str, Any]) -> dict[str, Any]:
    """The values outside the checks, as keyword arguments of Profile; keys that are left out keep the model's defaults."""
    if "name" not in table:
        raise MalformedData(_DOING, "name is missing")
    for key, value in table.items():
        problem = _problem(key, value)
        if problem:
            raise MalformedData(_DOING, f"{key} {problem}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def _are_mappings(value: object) -> bool:
    known = isinstance(value, list) and bool(value) and all(entry in MAPPINGS for entry in value)
    return known and isinstance(value, list) and len(set(value)) == len(value)


def _are_codes(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) and _DOCUMENT_CODE.fullmatch(entry) for entry in value)


def access_policy(profile: Profile) -> AccessPolicy:
    """How a profile wants a chip to be opened, for the reading."""
    return AccessPolicy(
        mappings=profile.pace_mappings,
        pace_before_bac=profile.pace_before_bac,
        allow_bac=profile.allow_bac,
        minimum_cipher=_CIPHERS[profile.minimum_cipher],
        bac_after_refusal=profile.bac_after_refusal,
        bac_after_broken=profile.bac_after_broken,
        own_parameters=profile.own_parameters,
    )


def _problem(key: str, value: object) -> str:
    """What is wrong with a value, or nothing."""
    if key in _NUMBERS:
        low, high = _NUMBERS[key]
        whole = isinstance(value, int) or (key.endswith("_s") and isinstance(value, float))
        fits = whole and not isinstance(value, bool) and low <= value <= high  # type: ignore[operator]  # whole says it is one
        return "" if fits else f"must be a number from {low:g} to {high:g}"
    if key in _TEXTS:
        return "" if isinstance(value, str) and (value or key in _MAY_BE_EMPTY) else "must be a text"
    if key in _FLAGS:
        return "" if isinstance(value, bool) else "must be true or false"
    if key == "document_codes":
        return "" if _are_codes(value) else 'must be a list of document codes as "P*", "I", "ID"'
    if key == "attack_challenge":
        return "" if value in CHALLENGES else f"must be one of {', '.join(CHALLENGES)}"
    if key == "minimum_cipher":
        return "" if isinstance(value, str) and value in _CIPHERS else f"must be one of {', '.join(_CIPHERS)}"
    if key == "pace_mappings":
        return "" if _are_mappings(value) else f"must be a list of {', '.join(MAPPINGS)}"
    return "is no key of a profile"


def _rules(table: object) -> dict[CheckName, CheckRule]:
    if not isinstance(table, dict):
        raise MalformedData(_DOING, "the table [checks] is missing")
    known = {name.value for name in CheckName}
    for key in table:
        if key not in known:
            raise MalformedData(_DOING, f"checks.{key} is no check")
    for name in CheckName:
        if name.value not in table:
            raise MalformedData(_DOING, f"checks.{name.value} is missing: say evaluatory if it shall not count")
    return {name: _rule(name.value, table[name.value]) for name in CheckName}


def _rule(key: str, value: object) -> CheckRule:
    if not isinstance(value, dict) or set(value) != {"mode", "at"}:
        raise MalformedData(_DOING, f"checks.{key} must have mode and at, and nothing else")
    modes, points = {mode.value: mode for mode in RunMode}, {point.value: point for point in DecisionPoint}
    if value["mode"] not in modes:
        raise MalformedData(_DOING, f"checks.{key}.mode must be one of {', '.join(modes)}")
    if value["at"] not in points:
        raise MalformedData(_DOING, f"checks.{key}.at must be one of {', '.join(points)}")
    return CheckRule(modes[value["mode"]], points[value["at"]])


def _algorithms(table: object) -> dict[Weakness, Acceptance]:
    """The table [algorithm_policy]; it may be left out, and so may each of its keys."""
    if not isinstance(table, dict):
        raise MalformedData(_DOING, "algorithm_policy must be a table")
    weaknesses, choices = {weakness.value: weakness for weakness in Weakness}, {choice.value: choice for choice in Acceptance}
    for key, value in table.items():
        if key not in weaknesses:
            raise MalformedData(_DOING, f"algorithm_policy.{key} is none of {', '.join(weaknesses)}")
        if not isinstance(value, str) or value not in choices:
            raise MalformedData(_DOING, f"algorithm_policy.{key} must be one of {', '.join(choices)}")
    return {weaknesses[key]: choices[value] for key, value in table.items()}


def _refuse_unsafe(profile: Profile) -> None:
    for name in _ALWAYS_MANDATORY:
        if profile.rules[name].mode is not RunMode.MANDATORY:
            raise MalformedData(_DOING, f"checks.{name.value}.mode must be mandatory: without it the gate proves nothing")
    for name in _ONLY_AT_EXIT:
        if profile.rules[name].at is not DecisionPoint.EXIT:
            raise MalformedData(_DOING, f"checks.{name.value}.at must be exit: there is no face before the entry door")
    if not any(rule.at is DecisionPoint.ENTRY and rule.mode is RunMode.MANDATORY for rule in profile.rules.values()):
        raise MalformedData(_DOING, "no check is mandatory at the entry: the entry door would open for anything")
    if profile.second_opinion == profile.face_engine:
        raise MalformedData(_DOING, "second_opinion must be another engine than face_engine")
