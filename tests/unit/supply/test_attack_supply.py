"""Attacks with a USB stick: genuine signed files to which somebody without any key has added something."""

from __future__ import annotations

import argparse
import base64
import io
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from drivers.sim.passport.issuer import SimulatedIssuer
from drivers.sim.passport.signed_objects import Deviation
from egate.app.commands import trust
from egate.model.errors import MalformedData, TrustError
from egate.pki.asn1 import cms, x509
from egate.storage.keys import create_signing_key, load_verify_key
from egate.supply.cache import CachePlace
from egate.supply.folder import Draft, Item, TrustFolder
from egate.supply.holdings import Holdings, holdings_of
from egate.supply.ldif import LdifEntry, LdifFault, read_ldif
from egate.supply.recognise import Piece, recognise_data
from egate.supply.store import load_trust
from tests.unit.supply.supply_place import BY, TODAY, fingerprint, folder_with, state, take

UTOPIA, GERMANY = state(), state("D", 2)
UT, DE = UTOPIA.csca_certificate, GERMANY.csca_certificate
FAR_AWAY = datetime(2049, 1, 1, tzinfo=UTC)


def held(folder: TrustFolder) -> Holdings:
    return holdings_of(folder, folder.entries())


def with_additions(signed: bytes, moment: datetime, *certificates: bytes, digest: str = "sha256") -> bytes:
    """Signed data with a signer in front who says that he signed at `moment`, and certificates; neither needs a key."""
    body: Any = cms.ContentInfo.load(signed)["content"]
    real = body["signer_infos"][0]
    added = cms.SignerInfo.load(real.dump())
    time = cms.CMSAttribute({"type": "signing_time", "values": [cms.Time({"utc_time": moment})]})
    added["signed_attrs"] = cms.CMSAttributes([*(cms.CMSAttribute.load(entry.dump()) for entry in real["signed_attrs"]), time])
    added["sid"] = cms.SignerIdentifier(
        {"issuer_and_serial_number": {"issuer": real["sid"].chosen["issuer"], "serial_number": 99_999}}
    )
    added["digest_algorithm"] = {"algorithm": digest}
    inside = [x509.Certificate.load(der) for der in certificates] + [entry.chosen for entry in body["certificates"]]
    changed = {
        "version": "v3",
        "digest_algorithms": body["digest_algorithms"].copy(),
        "encap_content_info": body["encap_content_info"].copy(),
        "certificates": [cms.CertificateChoices({"certificate": x509.Certificate.load(entry.dump())}) for entry in inside],
        "signer_infos": [added, cms.SignerInfo.load(real.dump())],
    }
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(changed)}).dump())


def signer_of(signed: bytes) -> bytes:
    """The first certificate inside signed data."""
    return bytes(cms.ContentInfo.load(signed)["content"]["certificates"][0].chosen.dump())


def other_form(certificate: bytes) -> bytes:
    """A certificate with its ECDSA signature (r, s) written as (r, n - s), which holds as well."""
    parsed: Any = x509.Certificate.load(certificate)
    order = 0xA9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7  # brainpoolP256r1
    r, s = decode_dss_signature(parsed["signature_value"].native)
    body, algorithm = (parsed[field].copy() for field in ("tbs_certificate", "signature_algorithm"))
    changed = {"tbs_certificate": body, "signature_algorithm": algorithm, "signature_value": encode_dss_signature(r, order - s)}
    return bytes(x509.Certificate(changed).dump())


def test_a_signer_without_signature_gives_a_master_list_no_day(tmp_path: Path) -> None:
    """Otherwise an old list looks new, and every later one is refused as older."""
    folder = folder_with(tmp_path, UTOPIA)
    take(folder, with_additions(UTOPIA.master_list(UT, DE), FAR_AWAY))
    assert held(folder).signed_list_dates() == {}
    assert dict(load_trust(folder, TODAY).list_dates) == {"UT": TODAY}, "the day on which it was taken in"


def test_a_signer_without_signature_gives_a_loose_master_list_no_day(tmp_path: Path) -> None:
    (tmp_path / "ut.cer").write_bytes(UT)
    (tmp_path / "ut.ml").write_bytes(with_additions(UTOPIA.master_list(UT, DE), FAR_AWAY))
    assert dict(load_trust(TrustFolder(tmp_path), TODAY).list_dates) == {"ut.ml": TODAY}


@pytest.mark.parametrize("digest", ["sha256", "md5"])
def test_additions_to_a_deviation_list_change_neither_its_state_nor_its_day(tmp_path: Path, digest: str) -> None:
    """A certificate that a stranger made in Germany's name must not turn Utopia's list into Germany's."""
    folder = folder_with(tmp_path / "trust", UTOPIA, GERMANY)
    stranger = SimulatedIssuer.create("D", random.Random(77).randbytes, TODAY)
    data = with_additions(UTOPIA.deviation_list(Deviation()), FAR_AWAY, signer_of(stranger.deviation_list()), digest=digest)
    assert take(folder, data).new["UT"] == 1
    assert take(folder, data).known == {"UT": 1}
    ((country, (_, found)),) = held(folder).deviation_lists().items()
    assert (country, found.country, found.signed) == ("UT", "UT", None)
    place = CachePlace(tmp_path / "cache", tmp_path / "key", random.Random(3).randbytes)
    for from_cache in (False, True):
        supplied = load_trust(folder, TODAY, place)
        assert supplied.from_cache is from_cache
        assert [(entry.country, entry.signed) for entry in supplied.store.deviations] == [("UT", None)]
        assert supplied.store.deviations[0].hash_oid == found.hash_oid == "2.16.840.1.101.3.4.2.1"


def test_a_withdrawn_certificate_does_not_come_back_in_another_form(tmp_path: Path) -> None:
    _, link = UTOPIA.roll_over()
    folder = folder_with(tmp_path, UTOPIA)
    assert take(folder, link).refused == ()
    name = fingerprint(link)
    with folder.locked():
        folder.commit([Draft("withdraw", "csca", name, name, "", "v", (Item("withdrawn", name, "withdrawn"),))], [], BY)
    again = other_form(link)
    assert fingerprint(again) != name
    (refusal,) = take(folder, again).refused
    assert refusal.why.startswith("it was withdrawn on 2026-11-24")
    assert [found.hows for found in held(folder).of("csca")] == [("anchor",)]


def test_a_file_of_begins_without_end_is_read_in_one_pass() -> None:
    """Looked for from each begin to the end of the file, the ends that are not there took days for 7 MB."""
    with pytest.raises(MalformedData, match="this is no master list"):
        list(recognise_data(b"-----BEGIN CERTIFICATE-----" * 250_000, "begins"))
    text = base64.b64encode(UT)
    nested = b"-----BEGIN A-----\n-----BEGIN B-----\n" + text + b"\n-----END A-----\n-----END B-----\n-----END B-----"
    assert [piece for piece in recognise_data(nested, "nested") if isinstance(piece, Piece)] == []


def test_an_entry_of_countless_short_lines_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five million lines of one character are 16 MB in the file and were 700 MB in memory."""
    monkeypatch.setattr("egate.supply.ldif.MAXIMUM_LINES", 50)
    long = b"dn: cn=long\nuserCertificate;binary:: " + b"\n A" * 60
    found = list(read_ldif(io.BytesIO(long + b"\n\ndn: cn=short\nsn: 1\n")))
    assert [type(entry) for entry in found] == [LdifFault, LdifEntry]
    assert [entry.name for entry in found] == ["", "cn=short"]


def test_the_name_of_a_refused_file_cannot_paint_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name on the stick that clears the line and writes another answer."""
    evil = tmp_path / "a\r\x1b[2Kok.cer: 1 new, 0 known"
    evil.write_bytes(b"nothing")
    monkeypatch.setenv("NO_COLOR", "1")
    parser = argparse.ArgumentParser()
    trust.add_arguments(parser)
    words = ["import", "--folder", str(tmp_path / "trust"), "--by", "A. Officer", "--why", "a reason", str(evil)]
    assert trust.run(parser.parse_args(words)) == trust.FAILED
    printed = capsys.readouterr().out
    assert printed.startswith("a??[2Kok.cer")
    assert "\x1b" not in printed


def test_signing_on_does_not_vouch_for_entries_of_a_stranger(tmp_path: Path) -> None:
    """Whoever may write the folder adds an entry that pins a key of his own, and waits for the next signed import."""
    create_signing_key(tmp_path / "trust.key", tmp_path / "trust.pub")
    for name, data in (("ut", UT), ("de", DE), ("crl", UTOPIA.revocation_list())):
        (tmp_path / name).write_bytes(data)

    def run(*words: object) -> int:
        parser = argparse.ArgumentParser()
        trust.add_arguments(parser)
        common = ("import", "--folder", tmp_path / "trust", "--by", "A. Officer", "--why", "a reason")
        return trust.run(parser.parse_args([str(word) for word in (*common, *words)]))

    signed = ("--sign-with", tmp_path / "trust.key")
    assert run(tmp_path / "ut", "--trust-anchor", "--fingerprint", fingerprint(UT)) == trust.WELL
    assert run(tmp_path / "crl", *signed) == trust.WELL, "a journal may begin to be signed"
    assert run(tmp_path / "de", "--trust-anchor", "--fingerprint", fingerprint(DE)) == trust.WELL
    with pytest.raises(TrustError, match="entry 3 came from somebody without this key"):
        run(tmp_path / "crl", *signed)
    with pytest.raises(TrustError, match="entry 3 is not signed"):
        TrustFolder(tmp_path / "trust", load_verify_key(tmp_path / "trust.pub")).entries()
