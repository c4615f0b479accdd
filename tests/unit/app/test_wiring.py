"""A lane that is not set up right does not start, and says in one sentence what is missing and where."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.gate.framed_profile import shipped_profiles
from drivers.gate.modbus import ModbusGate
from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.clock import SystemClock
from egate.app.config import ConfigError, LaneConfig, load_config
from egate.app.demo.installation import Installation, make_installation
from egate.app.optical_reader import OpticalMrzReader
from egate.app.parts import Parts
from egate.app.wiring import build_parts, face_command, read_hex_key
from egate.checks.profile import default_profile
from egate.model.errors import EgateError
from egate.storage.keys import load_signing_key
from egate.watchlist.lists import ListHeader, encode_list
from egate.watchlist.persons import PersonEntry, encode_persons
from tests.unit.app.app_bench import TODAY
from tests.unit.drivers.modbus_wires import ONE

ENTRIES = [PersonEntry("UTO-P-0001", (("NOBODY", "AT ALL"),), ())]


@pytest.fixture
def place(tmp_path: Path, issuer: SimulatedIssuer) -> Installation:
    return make_installation(tmp_path / "lane", issuer.csca_certificate, TODAY, [("UTO", "L00000001")])[0]


def build(place: Installation, change: Callable[[LaneConfig], LaneConfig] = lambda config: config) -> Parts:
    return build_parts(change(load_config(place.config)), SystemClock())


def refusal(place: Installation, change: Callable[[LaneConfig], LaneConfig] = lambda config: config) -> str:
    """The one sentence."""
    with pytest.raises((ConfigError, EgateError)) as refused:
        build(place, change)
    text = str(refused.value)
    assert "\n" not in text
    assert "Traceback" not in text
    assert 20 < len(text) < 300
    return text


def test_a_complete_installation_is_wired(place: Installation, issuer: SimulatedIssuer) -> None:
    parts = build(place)
    assert set(parts.officers) == {"7731"}
    assert [certificate.der for certificate in parts.trust.certificates] == [issuer.csca_certificate]
    assert dict(parts.versions)["list stolen-documents"] == "1"
    assert dict(parts.versions)["profile"] == "eu-entry"
    assert parts.profile.second_opinion == "dlib"
    assert parts.lists.current_at(TODAY)
    assert not parts.log_is_open


@pytest.mark.parametrize("driver", ["page_folder", "page_camera"])
def test_pictures_of_pages_may_stand_in_for_a_swipe_reader(place: Installation, driver: str) -> None:
    parts = build(place, lambda config: replace(config, mrz=replace(config.mrz, driver=driver)))
    assert isinstance(parts.mrz, OpticalMrzReader)


def test_a_modbus_gate_needs_no_key(place: Installation) -> None:
    """Its boards and its wiring stand in the lane's file instead."""

    def change(config: LaneConfig) -> LaneConfig:
        options = {"emulated": True, "boards": ONE}
        return replace(config, gate=replace(config.gate, driver="modbus", options=options))

    assert isinstance(build(place, change).gate, ModbusGate)


def test_a_shipped_profile_that_is_no_gate_unit_says_why(place: Installation) -> None:
    """No published board has a timed unlock and lock contacts, so each is refused as the unit of a lane."""

    def change(config: LaneConfig) -> LaneConfig:
        options = {"emulated": True, "profile": next(iter(shipped_profiles()))}
        return replace(config, gate=replace(config.gate, driver="framed", options=options))

    assert "gate" in refusal(place, change)


@pytest.mark.parametrize(("kind", "word"), [("mrz", "mrz_serial"), ("chip", "pn532"), ("gate", "osdp")])
def test_an_unknown_driver_is_named_with_those_there_are(place: Installation, kind: str, word: str) -> None:
    def change(config: LaneConfig) -> LaneConfig:
        device = replace(getattr(config, kind), driver="telepathy")
        return replace(config, **{kind: device})

    text = refusal(place, change)
    assert "there is no driver 'telepathy'" in text
    assert word in text


def test_without_trust_no_lane_starts(place: Installation) -> None:
    for certificate in (place.root / "trust").iterdir():
        certificate.unlink()
    assert "holds no country signing certificate (*.cer)" in refusal(place)


def test_a_certificate_that_is_none_is_named_and_not_used(place: Installation, caplog: pytest.LogCaptureFixture) -> None:
    (place.root / "trust" / "other.cer").write_bytes(b"nonsense")
    assert len(build(place).trust.certificates) == 1
    assert "a certificate in" in caplog.text
    (place.root / "trust" / "utopia.cer").unlink()
    assert "no certificate in" in refusal(place)


def test_a_folder_of_lists_that_is_not_there_is_named(place: Installation) -> None:
    assert "is not there" in refusal(place, lambda config: replace(config, watchlists=place.root / "absent"))


def test_without_an_officer_no_lane_starts(place: Installation) -> None:
    (place.root / "officers" / "7731.pem").unlink()
    assert "holds no officer's public key (NAME.pem)" in refusal(place)


@pytest.mark.parametrize(("name", "what"), [("gate.hex", "[devices.gate] key_file"), ("lists.hex", "[watchlists] key_file")])
@pytest.mark.parametrize("content", ["", "SECRETCANARY", "ab" * 15, "ab" * 17, "zz" * 16, "ab" * 16 + "\n" + "ab" * 16])
def test_a_key_that_is_none_is_named_and_not_shown(place: Installation, name: str, what: str, content: str) -> None:
    place.key(name).write_text(content)
    text = refusal(place)
    assert what in text
    assert name in text
    assert "32 or 64 hexadecimal digits" in text
    assert not content.strip() or content.strip() not in text


@pytest.mark.parametrize("name", ["gate.hex", "lists.hex"])
def test_a_key_that_others_may_read_is_refused(place: Installation, name: str) -> None:
    place.key(name).chmod(0o640)
    text = refusal(place)
    assert "chmod 600" in text
    assert name in text


def test_a_key_file_that_is_not_named_or_not_there(place: Installation) -> None:
    with pytest.raises(ConfigError, match="missing"):
        read_hex_key(None, "[devices.gate] key_file")
    place.key("gate.hex").unlink()
    assert "No such file" in refusal(place)


def persons(place: Installation, version: int, signer: Ed25519PrivateKey | None = None) -> None:
    parts = build(place)
    (header,) = (entry.header for entry in parts.lists.persons)
    newer: ListHeader = replace(header, version=version)
    owner = signer or load_signing_key(place.key("lists.pem"))
    (place.root / "lists" / "persons.list").write_bytes(encode_list(newer, encode_persons(ENTRIES), owner))


def test_an_older_list_never_comes_back(place: Installation) -> None:
    """P21: the versions used before are remembered beside the log."""
    before = (place.root / "lists" / "persons.list").read_bytes()
    persons(place, 5)
    assert dict(build(place).versions)["list wanted-persons"] == "5"
    (place.root / "lists" / "persons.list").write_bytes(before)
    assert "older than the version used before" in refusal(place)


def test_a_list_that_went_missing_is_still_remembered(place: Installation) -> None:
    persons(place, 5)
    build(place)
    kept = (place.root / "lists" / "persons.list").read_bytes()
    (place.root / "lists" / "persons.list").unlink()
    build(place)
    memory = load_config(place.config).database.with_suffix(".lists.json")
    assert json.loads(memory.read_text())["wanted-persons"] == 5
    (place.root / "lists" / "persons.list").write_bytes(kept)
    build(place)


def test_a_list_of_another_signer_is_refused(place: Installation) -> None:
    persons(place, 5, Ed25519PrivateKey.generate())
    assert "signature" in refusal(place)


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"wanted-persons": "1"}', '{"wanted-persons": true}'])
def test_a_damaged_memory_of_versions_stops_the_lane(place: Installation, damaged: str) -> None:
    memory = load_config(place.config).database.with_suffix(".lists.json")
    memory.write_text(damaged)
    text = refusal(place)
    assert "is damaged; it remembers the list versions used before" in text
    assert memory.name in text


def test_lists_without_their_keys_are_refused(place: Installation) -> None:
    for name in ("watchlist_key", "watchlist_signer"):
        assert "needs key_file and signer" in refusal(place, lambda config, name=name: replace(config, **{name: None}))  # type: ignore[misc]


def test_a_lane_without_lists_has_none_and_says_they_are_not_current(place: Installation) -> None:
    parts = build(place, lambda config: replace(config, watchlists=None))
    assert not parts.lists.current_at(TODAY)


def test_a_timer_that_does_not_exist_is_refused(place: Installation) -> None:
    assert "is unknown" in refusal(place, lambda config: replace(config, timers={"exit_open": 5.0}))


def test_the_face_worker_is_told_what_the_profile_asks(place: Installation) -> None:
    config = load_config(place.config)
    command = face_command(config, replace(default_profile(), second_opinion="dlib", fmr_ppm=500))
    assert command[command.index("--fmr-ppm") + 1] == "500"
    assert command[command.index("--second") + 1] == "dlib"
    assert command[command.index("--camera") + 1] == config.camera
    assert "--second" not in face_command(config, replace(default_profile(), second_opinion=""))
