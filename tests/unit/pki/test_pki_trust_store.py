"""The trust store: who is believed, found by key and never by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drivers.sim.passport.certification import CertificatePlan, SigningKind, encode_master_list, issue, signing_key
from drivers.sim.passport.issuer import SimulatedIssuer
from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData, TrustError
from egate.pki import trust_store
from egate.pki.asn1 import unwrap_application
from egate.pki.certificate import parse_certificate
from egate.pki.revocation import parse_revocation_list
from egate.pki.trust_store import TrustStore, load_master_list
from tests.unit.sim.sample_state import TODAY, chip, seeded, trust, utopia

CSCA_USAGES = frozenset({"key_cert_sign", "crl_sign"})


def test_unusable_certificates_are_left_out_with_their_reason() -> None:
    state = utopia()
    found = TrustStore.from_certificates([state.csca_certificate, b"\x30\x00", state.signer.certificate], "mixed", TODAY)
    assert [entry.der for entry in found.certificates] == [state.csca_certificate]
    assert len(found.rejected) == 2
    assert found.rejected[0].startswith("certificate 2: not the ASN.1")
    assert found.rejected[1] == "certificate 3: it may not sign certificates"
    assert (found.source, found.dated) == ("mixed", TODAY)


def test_repeated_certificate_counts_once() -> None:
    der = utopia().csca_certificate
    assert len(TrustStore.from_certificates([der, der], "twice", TODAY).certificates) == 1


def test_certificate_with_an_unusable_key_is_left_out() -> None:
    """A CSCA on a curve of its own: one bit of its order differs."""
    der = utopia().csca_certificate
    order = bytes.fromhex("a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7")
    assert der.count(order) == 1
    found = TrustStore.from_certificates([der.replace(order, order[:-1] + b"\xa5")], "own curve", TODAY)
    assert found.certificates == ()
    assert found.rejected == ("certificate 1: its key uses a curve that is not accepted",)


def test_number_of_certificates_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_store, "MAXIMUM_CERTIFICATES", 1)
    with pytest.raises(TrustError, match="more than 1"):
        TrustStore.from_certificates([utopia().csca_certificate] * 2, "too many", TODAY)


@pytest.mark.parametrize("kind", SigningKind)
def test_issuer_is_found_by_key_identifier_and_by_trying(kind: SigningKind) -> None:
    signer = parse_certificate(utopia(kind).signer.certificate)
    csca = parse_certificate(utopia(kind).csca_certificate)
    everyone = TrustStore.from_certificates([utopia(other).csca_certificate for other in SigningKind], "all", TODAY)
    assert everyone.issuer_of(signer, TODAY) == csca
    assert everyone.issuer_of(replace(signer, authority_key_identifier=b""), TODAY) == csca
    assert everyone.issuer_of(replace(signer, authority_key_identifier=b"misspelt"), TODAY) == csca


def test_name_does_not_make_an_issuer() -> None:
    """The impostor's signer names the State as its issuer, and even its key; the key is what counts."""
    impostor = parse_certificate(utopia().impostor.certificate)
    csca = parse_certificate(utopia().csca_certificate)
    assert impostor.issuer == csca.subject
    assert trust().issuer_of(impostor, TODAY) is None
    assert trust().issuer_of(replace(impostor, authority_key_identifier=csca.subject_key_identifier), TODAY) is None


def test_valid_certificate_is_preferred_to_an_expired_one_with_the_same_key() -> None:
    key = signing_key(SigningKind.ECDSA_NIST, seeded(b"one key"))
    long_ago = TODAY - timedelta(days=4000)
    old = issue(CertificatePlan("UT", "Old name", 1, long_ago, timedelta(days=3650), CSCA_USAGES), key, None)
    new = issue(CertificatePlan("UT", "New name", 2, TODAY, timedelta(days=3650), CSCA_USAGES), key, None)
    leaf_plan = CertificatePlan("UT", "Signer", 3, TODAY, timedelta(days=90), frozenset({"digital_signature"}))
    leaf = parse_certificate(issue(leaf_plan, signing_key(SigningKind.ECDSA_NIST, seeded(b"leaf")), old).certificate)
    both = TrustStore.from_certificates([old.certificate, new.certificate], "both", TODAY)
    found = both.issuer_of(leaf, TODAY)
    assert found is not None
    assert found.serial_number == 2
    only_old = TrustStore.from_certificates([old.certificate], "old", TODAY).issuer_of(leaf, TODAY)
    assert only_old is not None
    assert only_old.serial_number == 1


def test_master_list_is_taken() -> None:
    state, other = utopia(), utopia(SigningKind.RSA_PSS)
    found = load_master_list(state.master_list(state.csca_certificate, other.csca_certificate), trust(), "list", TODAY)
    assert {entry.der for entry in found.certificates} == {state.csca_certificate, other.csca_certificate}
    assert (found.source, found.dated) == ("list", TODAY)


def test_master_list_of_a_stranger_is_refused() -> None:
    """The list carries its own authority, which proves nothing."""
    stranger = SimulatedIssuer.create("D", seeded(b"stranger"), TODAY)
    with pytest.raises(TrustError, match="no trusted signer"):
        load_master_list(stranger.master_list(stranger.csca_certificate), trust(), "list", TODAY)


def test_master_list_signed_by_a_document_signer_is_refused() -> None:
    """A document signer is trusted for passports only: it lacks the usage for lists."""
    state = utopia()
    data = encode_master_list([state.csca_certificate], state.signer, state.csca)
    with pytest.raises(TrustError, match="no trusted signer"):
        load_master_list(data, trust(), "list", TODAY)


def test_master_list_after_its_signer_expired_is_refused() -> None:
    data = utopia().master_list(utopia().csca_certificate)
    with pytest.raises(TrustError, match="no trusted signer"):
        load_master_list(data, trust(), "list", TODAY + timedelta(days=11 * 365))


def test_master_list_with_a_changed_certificate_is_refused() -> None:
    state = utopia()
    data = state.master_list(utopia(SigningKind.ECDSA_NIST).csca_certificate)
    changed = data.replace(b"Simulated State", b"Simulated Stata", 1)
    assert changed != data
    with pytest.raises(TrustError):
        load_master_list(changed, trust(), "list", TODAY)


def test_security_object_is_no_master_list() -> None:
    sod = unwrap_application(chip().files[ElementaryFile.SOD], 0x17, "test")
    with pytest.raises(TrustError, match="not a master list"):
        load_master_list(sod, trust(), "list", TODAY)
    with pytest.raises(MalformedData):
        load_master_list(b"\x30\x00", trust(), "list", TODAY)


def test_revocations_are_taken_and_found() -> None:
    state = utopia()
    revoked = trust().with_revocations(parse_revocation_list(state.revocation_list(7, state.signer_serial_number)))
    signer = parse_certificate(state.signer.certificate)
    assert revoked.is_revoked(signer)
    assert not trust().is_revoked(signer)
    assert not revoked.is_revoked(replace(signer, serial_number=8))
    assert not revoked.is_revoked(replace(signer, issuer_country="DE"))


def test_revocations_of_a_stranger_are_refused() -> None:
    stranger = SimulatedIssuer.create("UTO", seeded(b"another utopia"), TODAY)
    with pytest.raises(TrustError, match="not signed by a trusted key"):
        trust().with_revocations(parse_revocation_list(stranger.revocation_list(2)))


def test_older_revocations_are_refused() -> None:
    newer = parse_revocation_list(utopia().revocation_list(2))
    older = replace(newer, this_update=newer.this_update - timedelta(days=1))
    store = trust().with_revocations(newer)
    with pytest.raises(TrustError, match="older"):
        store.with_revocations(older)
    assert store.with_revocations(newer).revocations == store.revocations


def test_empty_revocation_list() -> None:
    found = parse_revocation_list(utopia().revocation_list())
    assert (found.country, found.serial_numbers, found.this_update) == ("UT", frozenset(), TODAY)
    assert found.next_update == TODAY + timedelta(days=90)


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"\x30\x03\x30\x01\x00", bytes(5 * 1024 * 1024)])
def test_what_is_no_revocation_list_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_revocation_list(data)
