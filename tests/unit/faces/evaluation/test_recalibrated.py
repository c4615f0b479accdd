"""A named engine runs on the operator's own calibration when the configured key signed it, and on nothing else (D1)."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from egate.faces.calibrations.signing import encode_table, parse_table, signed
from egate.faces.comparison import appoint
from egate.faces.engines.registry import list_engines, make_engine
from egate.model.errors import DeviceError, MalformedData, TrustError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw().hex()


def described(tmp_path: Path, text: str, key: Ed25519PrivateKey = KEY, **other: object) -> str:
    """A calibration like the shipped one but laxer by a hair, signed, and its description."""
    table = parse_table(resources.files("egate.faces.calibrations").joinpath("sface.json").read_bytes())
    table["points"][0]["threshold"] = 0.47
    (tmp_path / "own.json").write_bytes(encode_table(signed({**table, **other}, key)))
    (tmp_path / "own.toml").write_text(text)
    return "calibrated:own.toml"


WHOLE = f'engine = "sface"\ncalibration = "own.json"\ncalibration_key = "{PUBLIC}"\n'


def test_the_operators_calibration_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    name = described(tmp_path, WHOLE)
    engine = make_engine(name, tmp_path, lambda: 0.0)
    assert engine.model_id == "sface-fb143eea"
    assert appoint(engine, 1000).threshold == 0.47
    entry = next(one for one in list_engines(tmp_path, (name,)) if one.name == name)
    assert (entry.model_id, entry.problem) == ("sface-fb143eea", "")
    assert "down to FMR 0.1 %" in entry.calibration


def test_a_stranger_signed_it_and_the_engine_is_refused(tmp_path: Path) -> None:
    """D1: tampered, foreign or for other weights: no engine, in words, in the listing too."""
    name = described(tmp_path, WHOLE, Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
    with pytest.raises(TrustError, match="trusted are"):
        make_engine(name, tmp_path, lambda: 0.0)
    (entry,) = [one for one in list_engines(tmp_path, (name,)) if one.name == name]
    assert "refused: own.json: its calibration is signed by the key" in entry.calibration
    name = described(tmp_path, WHOLE, model_id="sface-00000000")
    with pytest.raises(DeviceError, match="the calibration is for sface-00000000"):
        appoint(make_engine(name, tmp_path, lambda: 0.0), 1000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('engine = "sface"\n', "calibration and calibration_key are missing"),
        (f'engine = "sface"\ncalibration_key = "{PUBLIC}"\n', "calibration is missing"),
        (WHOLE + "threshold = 0.3\n", "threshold is no key"),
        (WHOLE.replace(PUBLIC, "00"), "calibration_key"),
        ("engine =\n", "no TOML"),
    ],
)
def test_a_wrong_description_is_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    name = described(tmp_path, text)
    with pytest.raises(MalformedData, match=words):
        make_engine(name, tmp_path, lambda: 0.0)
    (entry,) = [one for one in list_engines(tmp_path, (name,)) if one.name == name]
    assert words in entry.problem


def test_an_unknown_engine_is_named(tmp_path: Path) -> None:
    name = described(tmp_path, WHOLE.replace('"sface"', '"best"'))
    with pytest.raises(DeviceError, match="'best' is none of"):
        make_engine(name, tmp_path, lambda: 0.0)
    (entry,) = [one for one in list_engines(tmp_path, (name,)) if one.name == name]
    assert "best is none of" in entry.problem
