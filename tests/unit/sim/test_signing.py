"""The simulated States' signatures and lists: every scheme verifies, and each unusual form is what it says."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import pytest

from drivers.sim.passport.certificates import Authority, CertificatePlan, deviation_list_plan, issue, link_certificate
from drivers.sim.passport.certification import (
    SCHEMES,
    Deviation,
    PrivateKey,
    SecurityObjectPlan,
    SignatureScheme,
    encode_deviation_list,
    encode_revocation_list,
    encode_security_object,
    signing_key,
)
from drivers.sim.passport.signing import Padding, SeededEntropy, digest_of
from egate.pki.asn1 import cms, unwrap_application
from egate.pki.certificate import parse_certificate
from egate.pki.cms import parse_signed_data
from egate.pki.deviations import parse_deviation_list
from egate.pki.passive_auth import ChainState, HashState, SignatureState, hash_state, inspect_security_object
from egate.pki.revocation import parse_revocation_list
from egate.pki.trust_store import TrustStore

TODAY = date(2026, 11, 24)
DATA = b"the data group"
YEAR = timedelta(days=365)
CSCA_PLAN = CertificatePlan("UT", "CSCA", 1, TODAY - YEAR, 10 * YEAR, frozenset({"key_cert_sign", "crl_sign"}))
SIGNER_PLAN = CertificatePlan("UT", "Document Signer", 2, TODAY - YEAR, 5 * YEAR, frozenset({"digital_signature"}))
EVERY_KEY_AND_HASH = [word for word in SCHEMES if not word.startswith(("rsa-3072", "rsa-4096"))]


@cache
def key_of(kind: str) -> PrivateKey:
    return signing_key(SignatureScheme(kind), SeededEntropy(kind.encode()))


def state(scheme: SignatureScheme) -> tuple[Authority, Authority]:
    """A CSCA and its document signer, both of the scheme."""
    csca = issue(CSCA_PLAN, key_of(scheme.key), None, scheme)
    return csca, issue(SIGNER_PLAN, key_of(scheme.key), csca, scheme)


def store(*authorities: Authority) -> TrustStore:
    return TrustStore.from_certificates([authority.certificate for authority in authorities], "test", TODAY)


def sod(signer: Authority, plan: SecurityObjectPlan) -> bytes:
    return encode_security_object({1: digest_of(plan.digest, DATA)}, signer, plan)


@pytest.mark.parametrize("word", EVERY_KEY_AND_HASH)
def test_every_scheme_verifies(word: str) -> None:
    csca, signer = state(SCHEMES[word])
    findings = inspect_security_object(sod(signer, SecurityObjectPlan()), store(csca), TODAY)
    assert (findings.signature, findings.chain) == (SignatureState.VERIFIED, ChainState.TRUSTED)
    spoiled = sod(signer, SecurityObjectPlan())
    spoiled = spoiled[:-1] + bytes((spoiled[-1] ^ 1,))
    assert inspect_security_object(spoiled, store(csca), TODAY).signature is not SignatureState.VERIFIED


@pytest.mark.parametrize("digest", ["sha1", "sha224", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("lds_version", ["0108", ""])
def test_hashes_of_data_groups(digest: str, lds_version: str) -> None:
    csca, signer = state(SignatureScheme("secp256r1"))
    findings = inspect_security_object(sod(signer, SecurityObjectPlan(digest, lds_version=lds_version)), store(csca), TODAY)
    assert hash_state(findings, 1, DATA) is HashState.MATCHES
    assert hash_state(findings, 1, DATA + b"x") is HashState.DIFFERS


@pytest.mark.parametrize("by_key_identifier", [False, True])
@pytest.mark.parametrize("inside", [False, True])
def test_how_the_signer_is_named(by_key_identifier: bool, inside: bool) -> None:
    csca, signer = state(SignatureScheme("brainpoolP256r1"))
    encoded = sod(signer, SecurityObjectPlan(certificate_inside=inside, by_key_identifier=by_key_identifier))
    content = cms.ContentInfo.load(unwrap_application(encoded, 0x17, "test"))["content"]
    assert len(content["certificates"]) == int(inside)
    named = content["signer_infos"][0]["sid"].name
    assert named == ("subject_key_identifier" if by_key_identifier else "issuer_and_serial_number")
    found = inspect_security_object(encoded, store(csca), TODAY)
    assert (found.signature is SignatureState.VERIFIED) is inside


def test_digest_info_without_null_is_another_signature() -> None:
    csca = issue(CSCA_PLAN, key_of("rsa-2048"), None, SignatureScheme("rsa-2048", padding=Padding.PKCS1_WITHOUT_NULL))
    usual = issue(CSCA_PLAN, key_of("rsa-2048"), None, SignatureScheme("rsa-2048", padding=Padding.PKCS1))
    assert parse_certificate(csca.certificate).signature != parse_certificate(usual.certificate).signature


def test_same_seed_same_bytes() -> None:
    scheme = SignatureScheme("brainpoolP384r1", "sha384")
    first, second = (issue(CSCA_PLAN, signing_key(scheme, SeededEntropy(b"1")), None, scheme) for _ in range(2))
    assert first.certificate == second.certificate
    other = issue(CSCA_PLAN, signing_key(scheme, SeededEntropy(b"2")), None, scheme)
    assert other.certificate != first.certificate
    assert "1" not in repr(SeededEntropy(b"1"))


def test_link_certificate_is_the_new_key_signed_by_the_old() -> None:
    scheme = SignatureScheme("secp256r1")
    old, _ = state(scheme)
    new_plan = CertificatePlan("UT", "CSCA 2", 9, TODAY, 10 * YEAR, frozenset({"key_cert_sign", "crl_sign"}))
    new = issue(new_plan, key_of("secp384r1"), None, SignatureScheme("secp384r1"))
    link = parse_certificate(link_certificate(new_plan, new, old))
    assert link.subject_key_identifier == parse_certificate(new.certificate).subject_key_identifier
    assert link.authority_key_identifier == parse_certificate(old.certificate).subject_key_identifier
    signer = issue(SIGNER_PLAN, key_of("secp224r1"), new)
    trusted = TrustStore.from_certificates([old.certificate, link_certificate(new_plan, new, old)], "test", TODAY)
    assert inspect_security_object(sod(signer, SecurityObjectPlan()), trusted, TODAY).chain is ChainState.TRUSTED


def test_revocation_list_by_an_older_key() -> None:
    old, _ = state(SignatureScheme("secp256r1"))
    parsed = parse_revocation_list(encode_revocation_list([2, 70], old, TODAY, number=5, lasts=timedelta(days=30)))
    assert 70 in parsed.serial_numbers
    assert parsed.next_update is not None
    assert (parsed.next_update - TODAY).days == 30


def test_deviation_list_names_documents_and_what_is_wrong() -> None:
    csca, signer = state(SignatureScheme("secp256r1"))
    list_signer = issue(deviation_list_plan("UT", TODAY - YEAR, 2 * YEAR), key_of("secp256r1"), csca)
    deviation = Deviation(signer=signer, issued=(TODAY, TODAY), document_numbers=("X0000002", "X0000001"))
    encoded = encode_deviation_list([deviation], list_signer, csca)
    parsed = parse_deviation_list(encoded, parse_signed_data(encoded), "UT")
    found = parsed.entries[0]
    assert found.document_numbers is not None
    assert (len(found.document_numbers), found.issued, len(found.descriptions)) == (2, (TODAY, TODAY), 1)
    assert found.signer_identifier is not None


@pytest.mark.parametrize(("key", "digest"), [("rsa-1024", "sha256"), ("secp256k1", "sha256"), ("secp256r1", "md5")])
def test_schemes_that_are_not_played(key: str, digest: str) -> None:
    with pytest.raises(ValueError, match="is one of"):
        SignatureScheme(key, digest)


def test_words_of_schemes_are_their_names() -> None:
    assert all(scheme.word == word for word, scheme in SCHEMES.items())
    assert SignatureScheme("secp256r1", named=True).word == "secp256r1-sha256-named"
    assert SignatureScheme("rsa-2048", "sha1", Padding.PKCS1_WITHOUT_NULL).word == "rsa-2048-pkcs1-no-null-sha1"
