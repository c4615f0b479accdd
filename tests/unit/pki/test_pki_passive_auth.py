"""Passive authentication: every state that a security object can be in, reached from bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from drivers.sim.passport.certification import (
    Authority,
    CertificatePlan,
    SigningKind,
    encode_security_object,
    issue,
    signing_key,
)
from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData, TrustError
from egate.mrtd.files.tlv import encode_tlv
from egate.pki import asn1, certificate, cms
from egate.pki.asn1 import unwrap_application
from egate.pki.certificate import parse_certificate
from egate.pki.cms import find_signer_certificate, parse_signed_data, verify_signer
from egate.pki.passive_auth import (
    ChainState,
    HashState,
    SecurityObjectFindings,
    SignatureState,
    hash_state,
    inspect_security_object,
)
from egate.pki.revocation import parse_revocation_list
from tests.unit.sim.sample_state import TODAY, chip, seeded, trust, utopia

HASHES = {1: sha256(b"one").digest(), 2: sha256(b"two").digest()}
SOD = chip().files[ElementaryFile.SOD]


def inspect(sod: bytes, today: date = TODAY) -> SecurityObjectFindings:
    return inspect_security_object(sod, trust(), today)


def rebuilt(**changes: object) -> bytes:
    """A security object whose SignedData has other fields than the issuer gave it."""
    info = asn1.cms.ContentInfo.load(unwrap_application(SOD, 0x17, "test"))
    body = info["content"]
    for name, value in changes.items():
        body[name] = value
    return bytes(asn1.cms.ContentInfo({"content_type": "signed_data", "content": body}).dump(force=True))


def signer_with(plan_changes: dict[str, object]) -> Authority:
    plan = CertificatePlan("UT", "Signer", 9, TODAY - timedelta(days=5), timedelta(days=900), frozenset({"digital_signature"}))
    key = signing_key(SigningKind.ECDSA_NIST, seeded(b"other signer"))
    return issue(replace(plan, **plan_changes), key, utopia().csca)  # type: ignore[arg-type]  # names are checked by replace


def test_sound_object() -> None:
    found = inspect(SOD)
    assert (found.signature, found.chain) == (SignatureState.VERIFIED, ChainState.TRUSTED)
    assert (found.signature_reason, found.chain_reason) == ("", "")
    assert (found.hash_algorithm, sorted(found.hashes)) == ("sha256", [1, 2, 14])
    assert found.csca_country == "UT"
    assert found.signer is not None
    assert found.csca is not None


def test_object_without_its_tag_is_read_too() -> None:
    assert inspect(unwrap_application(SOD, 0x17, "test")) == inspect(SOD)


@pytest.mark.parametrize(
    "data", [b"", b"\x77", b"\x77\x00", b"\x77\x82\xff\xff", SOD[:-1], SOD + b"\x00", b"\x77\x02\x30\x00", bytes(300)]
)
def test_what_is_no_object_is_malformed(data: bytes) -> None:
    found = inspect(data)
    assert (found.signature, found.chain) == (SignatureState.MALFORMED, ChainState.NOT_CHECKED)
    assert found.signature_reason
    assert hash_state(found, 1, b"") is HashState.NO_HASHES


def test_too_large_object_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asn1, "MAXIMUM_OBJECT_BYTES", 100)
    assert inspect(SOD).signature is SignatureState.MALFORMED


def test_changed_hash_breaks_the_signature() -> None:
    digest = sha256(chip().files[ElementaryFile.DG2]).digest()
    found = inspect(SOD.replace(digest, sha256(b"another portrait").digest()))
    assert (found.signature, found.signature_reason) == (SignatureState.INVALID, "the content is not what was signed")
    assert found.chain is ChainState.TRUSTED  # the signer is genuine; that the content is not, the signature says


def test_changed_attribute_breaks_the_signature() -> None:
    """The attributes hold the right digest of a wrong content: then the signature over them must fail."""
    signed = parse_signed_data(unwrap_application(SOD, 0x17, "test"))
    other = SOD.replace(signed.signers[0].message_digest, sha256(b"forged").digest())
    assert inspect(other).signature_reason == "the content is not what was signed"
    forged = SOD.replace(signed.signers[0].signature[-8:], bytes(8))
    found = inspect(forged)
    assert (found.signature, found.signature_reason) == (SignatureState.INVALID, "it does not hold")


def test_object_without_certificate() -> None:
    found = inspect(rebuilt(certificates=[]))
    assert (found.signature, found.chain) == (SignatureState.NO_CERTIFICATE, ChainState.NOT_CHECKED)
    assert found.chain_reason
    assert sorted(found.hashes) == [1, 2, 14]


def test_object_of_another_content_type_is_malformed() -> None:
    body = {"content_type": "2.23.136.1.1.2", "content": b"\x30\x00"}
    assert inspect(rebuilt(encap_content_info=body)).signature is SignatureState.MALFORMED


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"begins": TODAY + timedelta(days=1)}, ChainState.SIGNER_NOT_VALID),
        ({"lasts": timedelta(days=4)}, ChainState.SIGNER_NOT_VALID),
        ({"lasts": timedelta(days=5)}, ChainState.TRUSTED),
        ({"usages": frozenset({"key_encipherment"})}, ChainState.WRONG_USAGE),
        ({"usages": frozenset({"digital_signature", "key_cert_sign"})}, ChainState.WRONG_USAGE),
    ],
)
def test_signer_that_must_not_sign(changes: dict[str, object], state: ChainState) -> None:
    found = inspect(encode_security_object(HASHES, signer_with(changes)))
    assert (found.signature, found.chain) == (SignatureState.VERIFIED, state)
    assert bool(found.chain_reason) is (state is not ChainState.TRUSTED)


def test_expired_csca() -> None:
    eternal = signer_with({"lasts": timedelta(days=20 * 365)})
    found = inspect(encode_security_object(HASHES, eternal), TODAY + timedelta(days=15 * 365))
    assert found.chain is ChainState.ISSUER_NOT_VALID


def test_revoked_signer() -> None:
    store = trust().with_revocations(parse_revocation_list(utopia().revocation_list(utopia().signer_serial_number)))
    assert inspect_security_object(SOD, store, TODAY).chain is ChainState.REVOKED


@pytest.mark.parametrize("numbers", [{0: b"x"}, {17: b"x"}])
def test_impossible_data_group_numbers_are_malformed(numbers: dict[int, bytes]) -> None:
    assert inspect(encode_security_object(numbers, utopia().signer)).signature is SignatureState.MALFORMED


def test_hash_states() -> None:
    found = inspect(encode_security_object(HASHES, utopia().signer))
    assert hash_state(found, 1, b"one") is HashState.MATCHES
    assert hash_state(found, 1, b"two") is HashState.DIFFERS
    assert hash_state(found, 15, b"one") is HashState.NOT_LISTED
    assert hash_state(replace(found, hash_oid="1.2.840.113549.2.5"), 1, b"one") is HashState.UNKNOWN_ALGORITHM


def test_signed_attributes_are_compared_with_the_content() -> None:
    signed = parse_signed_data(unwrap_application(SOD, 0x17, "test"))
    signer, own = signed.signers[0], signed.certificates[0]
    verify_signer(signed, signer, own)
    for changed, problem in (
        (replace(signer, attributes=b""), "does not hold"),
        (replace(signer, content_type="1.2.3"), "another content type"),
        (replace(signer, message_digest=b""), "not what was signed"),
        (replace(signer, digest_oid="1.2.840.113549.2.5"), "not accepted"),
        (replace(signer, scheme=None), "not accepted"),
    ):
        with pytest.raises(TrustError, match=problem):
            verify_signer(signed, changed, own)


def test_signer_certificate_is_found_by_name_by_identifier_or_because_it_is_the_only_one() -> None:
    signed = parse_signed_data(unwrap_application(SOD, 0x17, "test"))
    own, other = signed.certificates[0], parse_certificate(utopia().csca_certificate)
    signer = signed.signers[0]
    by_key = replace(signer, issuer=b"", serial_number=None, key_identifier=own.subject_key_identifier)
    misspelt = replace(signer, issuer=b"misspelt")
    assert find_signer_certificate(signer, [other, own]) is own
    assert find_signer_certificate(by_key, [other, own]) is own
    assert find_signer_certificate(misspelt, [own]) is own
    assert find_signer_certificate(misspelt, [other, own]) is None
    assert find_signer_certificate(signer, []) is None


def signer_infos(attributes: list[dict[str, object]] | None, count: int = 1) -> list[object]:
    info = asn1.cms.ContentInfo.load(unwrap_application(SOD, 0x17, "test"))["content"]["signer_infos"][0]
    fields = {name: info[name] for name in ("version", "sid", "digest_algorithm", "signature_algorithm", "signature")}
    if attributes is not None:
        fields["signed_attrs"] = asn1.cms.CMSAttributes(attributes)
    return [asn1.cms.SignerInfo(fields)] * count


CONTENT_TYPE: dict[str, object] = {"type": "content_type", "values": ["2.23.136.1.1.1"]}
DIGEST: dict[str, object] = {"type": "message_digest", "values": [bytes(32)]}


def test_attributes_taken_away_leave_a_signature_over_something_else() -> None:
    found = inspect(rebuilt(signer_infos=signer_infos(None)))
    assert (found.signature, found.signature_reason) == (SignatureState.INVALID, "it does not hold")


def test_content_may_be_signed_directly_and_attributes_are_no_content() -> None:
    """RFC 5652 §5.4 without attributes; those of a genuine signature, handed out as a content, are refused: they are a SET."""
    signed = parse_signed_data(unwrap_application(SOD, 0x17, "test"))
    signer, own = signed.signers[0], signed.certificates[0]
    key = utopia().signer.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    direct = replace(signer, attributes=b"", signature=key.sign(signed.content, ec.ECDSA(hashes.SHA256())))
    verify_signer(signed, direct, own)
    with pytest.raises(TrustError, match="no signed attributes"):
        verify_signer(replace(signed, content=signer.attributes), replace(signer, attributes=b""), own)


@pytest.mark.parametrize(
    "infos",
    [
        signer_infos([CONTENT_TYPE, DIGEST, DIGEST]),
        signer_infos([CONTENT_TYPE, {"type": "message_digest", "values": [bytes(32), bytes(32)]}]),
        signer_infos([CONTENT_TYPE, DIGEST], count=0),
        signer_infos([CONTENT_TYPE, DIGEST], count=cms.MAXIMUM_SIGNERS + 1),
    ],
    ids=["digest twice", "two digests", "no signer", "too many signers"],
)
def test_odd_signers_are_malformed(infos: list[object]) -> None:
    assert inspect(rebuilt(signer_infos=infos)).signature is SignatureState.MALFORMED


def test_other_attributes_are_carried_along() -> None:
    moment = parse_certificate(utopia().csca_certificate).not_before
    extra: dict[str, object] = {"type": "signing_time", "values": [asn1.cms.Time({"utc_time": moment})]}
    found = inspect(rebuilt(signer_infos=signer_infos([CONTENT_TYPE, DIGEST, extra])))
    assert found.signature_reason == "the content is not what was signed"


def test_too_many_certificates_are_malformed() -> None:
    one = asn1.cms.CertificateChoices({"certificate": asn1.x509.Certificate.load(utopia().csca_certificate)})
    many = [one] * (cms.MAXIMUM_EMBEDDED_CERTIFICATES + 1)
    assert inspect(rebuilt(certificates=many)).signature is SignatureState.MALFORMED


def test_signed_data_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    data = unwrap_application(SOD, 0x17, "test")
    with pytest.raises(MalformedData, match="another content type"):
        parse_signed_data(asn1.cms.ContentInfo({"content_type": "data", "content": b"x"}).dump())
    with pytest.raises(MalformedData, match="no content"):
        parse_signed_data(rebuilt(encap_content_info={"content_type": "2.23.136.1.1.1"}))
    monkeypatch.setattr(cms, "MAXIMUM_OBJECT_BYTES", 10)
    with pytest.raises(MalformedData, match="larger"):
        parse_signed_data(data)


def test_certificate_limits_and_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    der = utopia().signer.certificate
    found = parse_certificate(der)
    first, last = found.not_before.date(), found.not_after.date()
    assert [found.is_valid_on(day) for day in (first - timedelta(days=1), first, last, last + timedelta(days=1))] == [
        False,
        True,
        True,
        False,
    ]
    assert found.may_sign("digital_signature")
    assert not found.may_sign("key_cert_sign")
    assert replace(found, key_usage=frozenset()).may_sign("key_cert_sign")
    monkeypatch.setattr(certificate, "MAXIMUM_CERTIFICATE_BYTES", 10)
    with pytest.raises(MalformedData, match="larger"):
        parse_certificate(der)


def test_country_is_upper_case_and_may_be_missing() -> None:
    lower = signer_with({"country": "ut"})
    assert parse_certificate(lower.certificate).subject_country == "UT"
    nameless = asn1.x509.Name.build({"common_name": "Nobody"})
    assert certificate.country_of(nameless.dump()) == ""


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_number_without_end_costs_nothing(wrapped: bool) -> None:
    """One arc of 100 kB kept the process that watches the doors busy for four seconds (I5)."""
    endless = encode_tlv(0x06, b"\x2a" + b"\xff" * 100_000 + b"\x01")
    content = encode_tlv(0x30, endless if wrapped else encode_tlv(0x04, endless))
    found = inspect(encode_tlv(0x77, content))
    assert found.signature is SignatureState.MALFORMED
    assert found.signature_reason == "a number that does not end"
    with pytest.raises(MalformedData, match="does not end"):
        parse_signed_data(content)


@pytest.mark.parametrize("role", ["2.23.136.1.1.3", "2.23.136.1.1.8", "2.23.136.1.1.14.2"])
def test_a_key_of_another_role_signs_no_documents(role: str) -> None:
    """Signers of lists and of visible seals hang below the same CSCA; their keys are kept elsewhere (Doc 9303-12 §7.1.1)."""
    found = inspect(encode_security_object(HASHES, signer_with({"extended_usage": role})))
    assert found.signature is SignatureState.VERIFIED
    assert found.chain is ChainState.WRONG_USAGE
    other = inspect(encode_security_object(HASHES, signer_with({"extended_usage": "1.3.6.1.5.5.7.3.36"})))
    assert other.chain is ChainState.TRUSTED
