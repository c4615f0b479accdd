"""A lane loads its trust folder proven: never an older one, never somebody else's, and it says what becomes stale."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.clock import SystemClock
from egate.app.config import ConfigError, load_config
from egate.app.demo.installation import Installation, make_installation
from egate.app.parts import Parts
from egate.app.wiring import build_parts
from egate.model.errors import EgateError
from egate.supply.expiry import StaleWarning
from egate.supply.folder import Authorship, Draft, TrustFolder
from tests.unit.app.app_bench import TODAY
from tests.unit.supply.supply_place import BY, fingerprint, take


@pytest.fixture
def place(tmp_path: Path, issuer: SimulatedIssuer) -> Installation:
    """An installation whose plain folder became one with a journal."""
    place = make_installation(tmp_path / "lane", issuer.csca_certificate, TODAY, [("UTO", "L00000001")])[0]
    (place.root / "trust" / "utopia.cer").unlink()
    take(folder_of(place), issuer.csca_certificate, fingerprint(issuer.csca_certificate), pin=True)
    return place


def folder_of(place: Installation) -> TrustFolder:
    return TrustFolder(place.root / "trust")


def add_entry(place: Installation, by: Authorship = BY) -> None:
    folder = folder_of(place)
    with folder.locked():
        folder.commit([Draft("import", "certificate", "file", "00", "", "nothing new", ())], [], by)


def build(place: Installation) -> Parts:
    return build_parts(load_config(place.config), SystemClock())


def refusal(place: Installation) -> str:
    with pytest.raises((ConfigError, EgateError)) as refused:
        build(place)
    return str(refused.value)


def test_a_lane_loads_the_journal_and_next_time_the_cache(place: Installation, issuer: SimulatedIssuer) -> None:
    first, second = build(place), build(place)
    assert [c.der for c in first.trust.certificates] == [issuer.csca_certificate]
    assert first.supplied is not None
    assert second.supplied is not None
    assert (first.supplied.from_cache, second.supplied.from_cache) == (False, True)
    assert second.trust.certificates == first.trust.certificates
    assert dict(second.versions)["trust"].startswith("1 "), "each record says which trust decided"
    cache = load_config(place.config).database.with_suffix(".trust.cache")
    assert cache.stat().st_mode & 0o077 == 0


def test_an_older_trust_folder_never_comes_back(place: Installation, tmp_path: Path) -> None:
    build(place)
    shutil.copytree(place.root / "trust", tmp_path / "older")
    add_entry(place)
    build(place)
    shutil.rmtree(place.root / "trust")
    shutil.copytree(tmp_path / "older", place.root / "trust")
    assert "is older than, or another than, the one this lane used before" in refusal(place)


def test_another_journal_or_none_is_refused(place: Installation, issuer: SimulatedIssuer) -> None:
    build(place)
    shutil.rmtree(place.root / "trust")
    forged = SimulatedIssuer.create("UTO", lambda count: b"\x07" * count, TODAY).csca_certificate
    take(folder_of(place), forged, fingerprint(forged), pin=True)
    assert "is older than, or another than" in refusal(place)
    shutil.rmtree(place.root / "trust")
    (place.root / "trust").mkdir()
    (place.root / "trust" / "utopia.cer").write_bytes(issuer.csca_certificate)
    assert "is older than, or another than" in refusal(place)


def test_a_changed_folder_stops_the_lane_whatever_the_cache_says(place: Installation) -> None:
    add_entry(place)
    build(place)
    path = place.root / "trust" / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b"A. Officer", b"B. Officer", 1))
    assert "line 2 does not follow from the line before" in refusal(place)


def test_a_lane_that_asks_for_a_signature_takes_nothing_else(place: Installation) -> None:
    key = Ed25519PrivateKey.generate()
    (place.root / "trust.pub").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    text = place.config.read_text()
    place.config.write_text(text.replace('directory = "trust"\n', 'directory = "trust"\nsigner = "trust.pub"\n'))
    assert "entry 1 is not signed" in refusal(place)
    add_entry(place, replace(BY, sign=key.sign))
    assert build(place).trust.certificates
    shutil.rmtree(place.root / "trust")
    (place.root / "trust").mkdir()
    assert "[trust] signer asks for a signed one" in refusal(place)


def test_a_damaged_memory_stops_the_lane(place: Installation) -> None:
    build(place)
    memory = load_config(place.config).database.with_suffix(".trust.json")
    for text in ("", "[]", "{}", '{"head": 3}', "[" * 10_000):
        memory.write_text(text)
        assert "remembers the trust journal used before" in refusal(place)


def test_a_missing_folder_says_how_to_make_one(place: Installation) -> None:
    shutil.rmtree(place.root / "trust")
    assert "make it with `egate trust import`" in refusal(place)


def test_what_becomes_stale_is_said_at_the_start(
    place: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from egate.supply.expiry import Stale

    warning = StaleWarning(Stale.MASTER_LIST, "UT", TODAY, 0)
    monkeypatch.setattr("egate.app.wiring.stale_soon", lambda _supplied, _today: (warning,))
    with caplog.at_level(logging.WARNING):
        build(place)
    assert f"trust: {warning.text}" in caplog.messages


def test_files_beside_a_journal_are_named(place: Installation, caplog: pytest.LogCaptureFixture) -> None:
    (place.root / "trust" / "intruder.cer").write_bytes(b"anything")
    with caplog.at_level(logging.WARNING):
        build(place)
    assert any("intruder.cer" in message and "is not used" in message for message in caplog.messages)


def test_a_newcomers_lane_has_its_states_revocation_list_and_a_signed_journal(tmp_path: Path, issuer: SimulatedIssuer) -> None:
    revocations = issuer.revocation_list()
    place = make_installation(tmp_path / "signed", issuer.csca_certificate, TODAY, [], revocations)[0]
    parts = build(place)
    assert [c.der for c in parts.trust.certificates] == [issuer.csca_certificate]
    csca = parts.trust.certificates[0]
    assert parts.trust.revocations_for(csca) is not None, "Not revoked would stay undetermined on every passage"
    add_entry(place)
    assert "sign" in refusal(place)
