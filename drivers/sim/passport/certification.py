"""The simulated States' office: certificates, security objects, master lists and revocation lists, encoded as real ones are.

For the demo and for tests. Keys of elliptic curves are derived from the entropy that is passed in, so a seeded issuer issues
the same keys again; curve parameters are spelled out in full, as Doc 9303-12 §4.1.6.3 demands. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from hashlib import sha1, sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from egate.mrtd.files.security_infos import encode_ec_public_key
from egate.mrtd.files.tlv import encode_tlv
from egate.pki.asn1 import (
    CscaMasterList,
    DocumentTypeList,
    LdsSecurityObject,
    PrivateKeyUsagePeriod,
    algos,
    cms,
    core,
    crl,
    keys,
    x509,
)

Entropy = Callable[[int], bytes]
"""Gives as many random bytes as asked."""

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_SECURITY_OBJECT, _MASTER_LIST = "2.23.136.1.1.1", "2.23.136.1.1.2"
_MASTER_LIST_SIGNER = "2.23.136.1.1.3"
_SALT_BYTES = 32
_RSA_BITS = 2048
_SOD_TAG = 0x77


class SigningKind(Enum):
    """What a simulated State signs with."""

    ECDSA_BRAINPOOL = "brainpoolP256r1"
    ECDSA_NIST = "secp256r1"
    RSA_PSS = "rsa-pss"


def elliptic_key(curve: ec.EllipticCurve, entropy: Entropy) -> ec.EllipticCurvePrivateKey:
    """A private key made from the entropy: as many bytes as the order has, and eight more against bias."""
    order = curve.group_order
    number = int.from_bytes(entropy((order.bit_length() + 7) // 8 + 8), "big") % (order - 1) + 1
    return ec.derive_private_key(number, curve)


def signing_key(kind: SigningKind, entropy: Entropy) -> PrivateKey:
    """A key of a kind. RSA keys come from the cryptography library's own generator and cannot be seeded."""
    if kind is SigningKind.RSA_PSS:
        return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    return elliptic_key(ec.BrainpoolP256R1() if kind is SigningKind.ECDSA_BRAINPOOL else ec.SECP256R1(), entropy)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate with its private key: a CSCA, a document signer or a master list signer."""

    key: PrivateKey = field(repr=False)
    certificate: bytes = field(repr=False)

    @property
    def parsed(self) -> Any:
        """The certificate as asn1crypto reads it."""
        return x509.Certificate.load(self.certificate)


@dataclass(frozen=True, slots=True)
class CertificatePlan:
    """What a certificate shall say. `lasts` counts from `begins`; `signs` is the private key's own period, if any."""

    country: str
    common_name: str
    serial_number: int
    begins: date
    lasts: timedelta
    usages: frozenset[str]
    signs: timedelta | None = None
    document_types: tuple[str, ...] = ()
    extended_usage: str = ""

    @property
    def is_authority(self) -> bool:
        """Whether it is the certificate of a CSCA."""
        return "key_cert_sign" in self.usages


def issue(plan: CertificatePlan, key: PrivateKey, issuer: Authority | None) -> Authority:
    """A certificate for `key`, signed by `issuer`, or by itself when there is none."""
    signer = issuer.key if issuer else key
    own_identifier = _key_identifier(key)
    issuer_identifier = bytes(issuer.parsed.key_identifier) if issuer else own_identifier
    name = _name(plan.country, plan.common_name)
    body = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": plan.serial_number,
            "signature": _algorithm(signer),
            "issuer": issuer.parsed.subject if issuer else name,
            "validity": {"not_before": _utc_time(plan.begins), "not_after": _utc_time(plan.begins + plan.lasts)},
            "subject": name,
            "subject_public_key_info": keys.PublicKeyInfo.load(_public_key_info(key)),
            "extensions": _extensions(plan, own_identifier, issuer_identifier),
        }
    )
    return Authority(
        key,
        x509.Certificate(
            {"tbs_certificate": body, "signature_algorithm": _algorithm(signer), "signature_value": _sign(signer, body.dump())}
        ).dump(),
    )


def encode_security_object(hashes_by_number: Mapping[int, bytes], signer: Authority) -> bytes:
    """EF.SOD over SHA-256 hashes of data groups (Doc 9303-10 §4.6.2), version 1 with LDS 1.8."""
    content = LdsSecurityObject(
        {
            "version": 1,
            "hash_algorithm": {"algorithm": "sha256"},
            "hashes": [{"number": number, "hash_value": value} for number, value in sorted(hashes_by_number.items())],
            "version_info": {"lds_version": "0108", "unicode_version": "040000"},
        }
    )
    return encode_tlv(_SOD_TAG, _signed_data(_SECURITY_OBJECT, content.dump(), signer, (signer.certificate,)))


def encode_master_list(certificates: Iterable[bytes], signer: Authority, authority: Authority) -> bytes:
    """A signed list of CSCA certificates that carries its signer's certificate and that one's authority (Doc 9303-12 §9)."""
    body = CscaMasterList({"version": 0, "certificates": [core.Any.load(der) for der in certificates]})
    return _signed_data(_MASTER_LIST, body.dump(), signer, (signer.certificate, authority.certificate))


def encode_revocation_list(serial_numbers: Iterable[int], authority: Authority, today: date) -> bytes:
    """A CRL of these serial numbers, valid for 90 days (Doc 9303-12 §7.1.4)."""
    entries = [{"user_certificate": number, "revocation_date": _utc_time(today)} for number in serial_numbers]
    body = crl.TbsCertList(
        {
            "version": "v2",
            "signature": _algorithm(authority.key),
            "issuer": authority.parsed.subject,
            "this_update": _utc_time(today),
            "next_update": _utc_time(today + timedelta(days=90)),
            **({"revoked_certificates": entries} if entries else {}),
        }
    )
    signature = _sign(authority.key, body.dump())
    return bytes(
        crl.CertificateList(
            {"tbs_cert_list": body, "signature_algorithm": _algorithm(authority.key), "signature": signature}
        ).dump()
    )


def _signed_data(content_type: str, content: bytes, signer: Authority, certificates: tuple[bytes, ...]) -> bytes:
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": [content_type]},
            {"type": "message_digest", "values": [sha256(content).digest()]},
        ]
    )
    certificate = signer.parsed
    identity = cms.IssuerAndSerialNumber({"issuer": certificate.issuer, "serial_number": certificate.serial_number})
    information = {
        "version": "v1",
        "sid": cms.SignerIdentifier({"issuer_and_serial_number": identity}),
        "digest_algorithm": {"algorithm": "sha256"},
        "signed_attrs": attributes,
        "signature_algorithm": _algorithm(signer.key),
        "signature": _sign(signer.key, attributes.dump()),
    }
    body = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": content_type, "content": content},
            "certificates": [cms.CertificateChoices({"certificate": x509.Certificate.load(der)}) for der in certificates],
            "signer_infos": [information],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": body}).dump())


def _public_key_info(key: PrivateKey) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encode_ec_public_key(key.public_key())


def _key_identifier(key: PrivateKey) -> bytes:
    """SHA-1 over the bits of the key, a name and no protection (RFC 5280 §4.2.1.2)."""
    bits = keys.PublicKeyInfo.load(_public_key_info(key))["public_key"]
    return sha1(bits.contents[1:], usedforsecurity=False).digest()


def _algorithm(key: PrivateKey) -> dict[str, Any]:
    """The AlgorithmIdentifier of our signatures with this key."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {"algorithm": "sha256_ecdsa"}
    sha256_identifier = {"algorithm": "sha256"}
    parameters = algos.RSASSAPSSParams(
        {
            "hash_algorithm": sha256_identifier,
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": sha256_identifier},
            "salt_length": _SALT_BYTES,
        }
    )
    return {"algorithm": "rsassa_pss", "parameters": parameters}


def _sign(key: PrivateKey, message: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    return key.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), _SALT_BYTES), hashes.SHA256())


def _name(country: str, common_name: str) -> Any:  # a value of the untyped library
    parts = (("country_name", country), ("organization_name", "Simulated State"), ("common_name", common_name))
    # The country is a PrintableString, the rest are UTF8Strings (Doc 9303-12 §7.1.1.1), which is how the library builds them.
    return x509.Name.build(dict(parts))


def _extensions(plan: CertificatePlan, own_identifier: bytes, issuer_identifier: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        _extension("authority_key_identifier", x509.AuthorityKeyIdentifier({"key_identifier": issuer_identifier})),
        _extension("key_identifier", core.OctetString(own_identifier)),
        _extension("key_usage", x509.KeyUsage(set(plan.usages)), critical=True),
    ]
    if plan.signs is not None:
        period = {"not_before": _moment(plan.begins), "not_after": _moment(plan.begins + plan.signs)}
        found.append(_extension("private_key_usage_period", PrivateKeyUsagePeriod(period)))
    if plan.is_authority:
        found.append(
            _extension("basic_constraints", x509.BasicConstraints({"ca": True, "path_len_constraint": 0}), critical=True)
        )
    if plan.document_types:
        types = DocumentTypeList({"version": 0, "types": list(plan.document_types)})
        found.append(_extension("2.23.136.1.1.6.2", types))
    if plan.extended_usage:
        found.append(_extension("extended_key_usage", x509.ExtKeyUsageSyntax([plan.extended_usage]), critical=True))
    return found


def _extension(name: str, value: Any, critical: bool = False) -> dict[str, Any]:  # values of the untyped library
    return {"extn_id": name, "critical": critical, "extn_value": core.ParsableOctetString(value.dump())}


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _utc_time(day: date) -> Any:  # a value of the untyped library
    return x509.Time({"utc_time" if day.year < 2050 else "general_time": _moment(day)})


def master_list_plan(country: str, begins: date, lasts: timedelta) -> CertificatePlan:
    """What the certificate of a master list signer says."""
    usages = frozenset({"digital_signature"})
    return CertificatePlan(country, "Master List Signer", 3, begins, lasts, usages, extended_usage=_MASTER_LIST_SIGNER)
