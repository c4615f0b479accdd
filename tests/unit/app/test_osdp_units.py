"""A gate of several OSDP units as a lane's file describes it: units, wiring, and a key for each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.gate.osdp import OsdpGate
from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.clock import SystemClock
from egate.app.config import ConfigError, LaneConfig, load_config
from egate.app.demo.installation import Installation, make_installation
from egate.app.parts import Parts
from egate.app.unit_keys import MOST_KEYS, parse_unit_keys
from egate.app.wiring import build_parts, read_unit_keys
from egate.model.errors import EgateError
from tests.unit.app.app_bench import TODAY
from tests.unit.drivers.osdp_lines import UNITS, WIRING

KEYS = {address: bytes((address,)) * 16 for address in (1, 2, 3)}
LINES = "\n".join(f"{address} {key.hex()}" for address, key in KEYS.items()) + "\n"


@pytest.fixture
def place(tmp_path: Path, issuer: SimulatedIssuer) -> Installation:
    return make_installation(tmp_path / "lane", issuer.csca_certificate, TODAY, [])[0]


def build(place: Installation, boards: str = UNITS, wiring: str = WIRING) -> Parts:
    def change(config: LaneConfig) -> LaneConfig:
        options = {**config.gate.options, "boards": boards, "wiring": wiring}
        return replace(config, gate=replace(config.gate, options=options))

    return build_parts(change(load_config(place.config)), SystemClock())


def test_three_units_of_a_lanes_file(place: Installation) -> None:
    place.key("gate.hex").write_text(LINES, "ascii")
    gate = build(place).gate
    assert isinstance(gate, OsdpGate)
    assert sorted(gate.unit_counters) == [1, 2, 3]


def test_one_key_for_all_units(place: Installation) -> None:
    assert isinstance(build(place).gate, OsdpGate)


def test_a_wiring_alone_is_about_the_one_unit(place: Installation) -> None:
    gate = build(place, boards="", wiring="emergency=!1.6").gate
    assert isinstance(gate, OsdpGate)
    assert sorted(gate.unit_counters) == [1]


def test_a_unit_without_a_key_is_named(place: Installation) -> None:
    """L5: there is no key that a unit has by default."""
    place.key("gate.hex").write_text("".join(LINES.splitlines(keepends=True)[:2]), "ascii")
    with pytest.raises(EgateError, match="configure OSDP address 3: the secure channel key must have 16 bytes"):
        build(place)


@pytest.mark.parametrize("boards", ["1:waveshare-relay-8", "1:osdp 1:osdp", "1:osdp"])
def test_a_lanes_file_that_cannot_be_is_refused(place: Installation, boards: str) -> None:
    """I14."""
    with pytest.raises(EgateError, match="configure the OSDP units"):
        build(place, boards=boards)


def test_keys_of_units_that_others_may_read_are_refused(place: Installation) -> None:
    """L6."""
    path = place.key("gate.hex")
    path.write_text(LINES, "ascii")
    assert read_unit_keys(path, "key_file") == (b"", KEYS)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600") as refused:
        read_unit_keys(path, "key_file")
    assert KEYS[2].hex() not in str(refused.value)


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda text: text + "4 zz", "no digits"),
        (lambda text: text + "2 " + "ab" * 16, "two keys for one unit"),
        (lambda text: text.replace("2 ", "two "), "a word"),
        (lambda text: text.replace("1 01", "1 "), "too short"),
        (lambda text: "ab" * 16, "one key"),
        (lambda text: "", "nothing"),
        (lambda text: "\n".join(f"{address} {'ab' * 16}" for address in range(MOST_KEYS + 1)), "too many"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_list_of_unit_keys(spoil: Callable[[str], str], what: str) -> None:
    """L6: it is read as no keys at all, so the file is refused as a whole."""
    assert parse_unit_keys(LINES) == KEYS
    assert parse_unit_keys(spoil(LINES)) == {}, what
