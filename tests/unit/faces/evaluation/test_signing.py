"""A calibration is what a trusted key signed, or its engine does not run (D1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from egate.faces.calibration import Evidence, OperatingPoint, load_calibration, parse_calibration, read_calibration
from egate.faces.calibrations.signing import encode_table, fingerprint, parse_table, signed
from egate.faces.comparison import appoint
from egate.model.errors import DeviceError, MalformedData, TrustError
from tests.unit.faces.evaluation.people import DrawnEngine

OPERATOR = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


def shipped(engine: str = "sface") -> bytes:
    return resources.files("egate.faces.calibrations").joinpath(f"{engine}.json").read_bytes()


class Engine(DrawnEngine):
    """The drawn engine with a calibration and weights of our choice."""

    def __init__(self, content: bytes, *keys: Ed25519PrivateKey, model_id: str = "sface-fb143eea") -> None:
        super().__init__(model_id=model_id)
        self._calibration = parse_calibration(content, [key.public_key() for key in keys] or None)

    @property
    def calibration(self) -> Any:
        return self._calibration


@pytest.mark.parametrize("engine", ["sface", "dlib"])
def test_shipped_calibrations_are_signed_by_the_project(engine: str) -> None:
    calibration = load_calibration(engine)
    assert calibration.flaw == ""
    assert len(bytes.fromhex(calibration.signature)) == 64


def test_every_changed_value_is_noticed() -> None:
    """D1: no digit of a threshold, a count, a name or a limit changes unnoticed."""
    table = parse_table(shipped())
    changed = 0
    for put in _changes(table, lambda: parse_table(shipped())):
        calibration = parse_calibration(encode_table(put))
        assert calibration.flaw, put
        with pytest.raises(TrustError, match="sface: its calibration"):
            replace(calibration, engine="sface").threshold_for(1000)
        changed += 1
    assert changed > 30


def _changes(table: dict[str, Any], fresh: Callable[[], dict[str, Any]]) -> list[dict[str, Any]]:
    """Copies of the table with one number or word changed each; what could no longer be read is left out."""
    found = []
    for path in _leaves(table, ()):
        other = fresh()
        place: Any = other
        for step in path[:-1]:
            place = place[step]
        value = place[path[-1]]
        place[path[-1]] = value + 1 if isinstance(value, int | float) and not isinstance(value, bool) else f"{value}x"
        try:
            parse_calibration(encode_table(other))
        except MalformedData:
            continue
        found.append(other)
    return found


def _leaves(value: object, path: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in _leaves(inner, (*path, name))]
    if isinstance(value, list):
        return [leaf for at, inner in enumerate(value) for leaf in _leaves(inner, (*path, at))]
    return [path]


def test_line_breaks_may_change_and_the_engine_runs() -> None:
    assert parse_calibration(json.dumps(parse_table(shipped())).encode()).flaw == ""


def test_unsigned_foreign_and_named_keys_are_refused_in_words() -> None:
    table = parse_table(shipped())
    assert "is not signed" in parse_calibration(encode_table({**table, "signature": ""})).flaw
    foreign = encode_table(signed(table, STRANGER))
    assert f"signed by the key {fingerprint(STRANGER.public_key())}, trusted are:" in parse_calibration(foreign).flaw
    pretended = {**parse_table(foreign), "key": table["key"]}
    assert "was changed after the key" in parse_calibration(encode_table(pretended)).flaw
    for words in ("zz", "00", table["signature"][:-2]):
        assert "was changed after" in parse_calibration(encode_table({**table, "signature": words})).flaw
    with pytest.raises(TrustError, match="is not signed"):
        appoint(Engine(encode_table({**table, "signature": ""})), 1000)
    with pytest.raises(TrustError, match="trusted are"):
        appoint(Engine(foreign), 1000)


def test_an_operators_key_vouches_for_the_operators_file_alone(tmp_path: Path) -> None:
    """D1: a calibration made on the operator's own pictures is trusted through the key that the operator names."""
    path = tmp_path / "own.json"
    path.write_bytes(encode_table(signed(parse_table(shipped()), OPERATOR)))
    assert read_calibration(path, [OPERATOR.public_key()]).threshold_for(1000) > 0
    with pytest.raises(TrustError, match=r"own\.json: its calibration is signed by the key"):
        read_calibration(path, [STRANGER.public_key()])
    with pytest.raises(TrustError, match="trusted are: none"):
        read_calibration(path, [])
    with pytest.raises(DeviceError, match="cannot be read"):
        read_calibration(tmp_path / "gone.json", [OPERATOR.public_key()])
    assert appoint(Engine(path.read_bytes(), OPERATOR), 1000).fmr_ppm == 1000


def test_a_signature_does_not_carry_over_to_other_weights() -> None:
    with pytest.raises(DeviceError, match="the calibration is for sface-fb143eea, the weights are sface-00000000"):
        appoint(Engine(shipped(), model_id="sface-00000000"), 1000)


@pytest.mark.parametrize(
    ("comparisons", "false_matches", "supported"),
    [(2994, 0, False), (2995, 0, True), (4741, 1, False), (4742, 1, True), (30_000, 30, False), (30_000, 20, True)],
)
def test_too_few_comparisons_support_nothing(comparisons: int, false_matches: int, supported: bool) -> None:
    """D1: for 0.1 %, none seen needs 2,995 comparisons (rule of three), and thirty seen need more than thirty thousand."""
    point = OperatingPoint(1000, 0.4, (Evidence("gate", comparisons, false_matches, gate_like=True),))
    assert point.supported is supported


def test_a_name_that_is_there_twice_is_refused() -> None:
    """Two readers of one file could take either value."""
    text = shipped().decode().replace('"engine": "sface",', '"engine": "other", "engine": "sface",', 1)
    with pytest.raises(MalformedData, match="a name twice"):
        parse_calibration(text.encode())
    for word in ("NaN", "Infinity"):
        with pytest.raises(MalformedData):
            parse_calibration(shipped().replace(b"0.45", word.encode(), 1))
