"""What simulated States sign: security objects, EF.CardSecurity, master lists, deviation and defect lists, revocation lists.

Sources: RFC 5652 (CMS), RFC 5280 §5 (CRL), ICAO Doc 9303-10 §4.6.2, Doc 9303-12 §7.1.4, §9, §10, BSI TR-03129-2 §7. Rule: each
object can also be made in the unusual ways of issued ones (no certificate inside, a signer named by key identifier, a list signed
by an older key).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from drivers.sim.passport.certificates import Authority, extension, moment_of
from drivers.sim.passport.signing import algorithm, digest_of, sign
from egate.mrtd.files.tlv import encode_tlv
from egate.pki.asn1 import CscaMasterList, LdsSecurityObject, cms, core, crl, x509

_SECURITY_OBJECT, _MASTER_LIST, _DEVIATION_LIST = "2.23.136.1.1.1", "2.23.136.1.1.2", "2.23.136.1.1.7"
_CARD_SECURITY, _DEFECT_LIST = "0.4.0.127.0.7.3.2.1", "0.4.0.127.0.7.3.1.5"
_SOD_TAG = 0x77
CRL_LIFE = timedelta(days=90)
_SHA256 = "2.16.840.1.101.3.4.2.1"
SOD_SIGNATURE_WRONG = "2.23.136.1.1.7.2.3"
"""Deviation type: the security object's signature is wrong (Doc 9303-12 §10)."""


@dataclass(frozen=True, slots=True)
class SecurityObjectPlan:
    """How a security object is made: hash of the data groups, whether the signer's certificate is inside, how it is named.

    `lds_version` empty makes the older version 0 of the LDS security object, which states no version of the LDS.
    """

    digest: str = "sha256"
    certificate_inside: bool = True
    by_key_identifier: bool = False
    lds_version: str = "0108"


USUAL = SecurityObjectPlan()


def encode_security_object(hashes_by_number: Mapping[int, bytes], signer: Authority, plan: SecurityObjectPlan = USUAL) -> bytes:
    """EF.SOD over the hashes of data groups (Doc 9303-10 §4.6.2)."""
    content: dict[str, Any] = {
        "version": 1 if plan.lds_version else 0,
        "hash_algorithm": {"algorithm": plan.digest},
        "hashes": [{"number": number, "hash_value": value} for number, value in sorted(hashes_by_number.items())],
    }
    if plan.lds_version:
        content["version_info"] = {"lds_version": plan.lds_version, "unicode_version": "040000"}
    return encode_tlv(_SOD_TAG, signed_data(_SECURITY_OBJECT, LdsSecurityObject(content).dump(), signer, plan=plan))


def encode_card_security(security_infos: bytes, signer: Authority) -> bytes:
    """EF.CardSecurity around a DER SET of SecurityInfos (Doc 9303-11 §9.2.9)."""
    return signed_data(_CARD_SECURITY, security_infos, signer)


def encode_master_list(certificates: Iterable[bytes], signer: Authority, authority: Authority) -> bytes:
    """A signed list of CSCA certificates that carries its signer's certificate and that one's authority (Doc 9303-12 §9)."""
    body = CscaMasterList({"version": 0, "certificates": [core.Any.load(der) for der in certificates]})
    return signed_data(_MASTER_LIST, body.dump(), signer, (authority.certificate,))


@dataclass(frozen=True, slots=True)
class Deviation:
    """Documents of one document signer, or with these numbers, and what was made wrong about them.

    `signer` names the document signer by issuer and serial number; `issued` is the first and last day on which they were issued.
    """

    kinds: tuple[str, ...] = (SOD_SIGNATURE_WRONG,)
    document_type: str = "P<"
    signer: Authority | None = None
    issued: tuple[date, date] | None = None
    document_numbers: tuple[str, ...] = ()


def encode_deviation_list(deviations: Iterable[Deviation], signer: Authority, authority: Authority) -> bytes:
    """A signed deviation list (Doc 9303-12 §10), with its signer's certificate and that one's authority."""
    entries = encode_tlv(0x31, b"".join(sorted(map(_deviation, deviations))))
    body = encode_tlv(0x30, core.Integer(0).dump() + entries)
    return signed_data(_DEVIATION_LIST, body, signer, (authority.certificate,))


def _deviation(deviation: Deviation) -> bytes:
    documents = encode_tlv(0x80, deviation.document_type.encode("ascii")) if deviation.document_type else b""
    if deviation.signer is not None:
        documents += encode_tlv(0xA1, encode_tlv(0x30, _identity(deviation.signer).contents))
    if deviation.issued is not None:
        documents += encode_tlv(0xA4, b"".join(_generalized(day) for day in deviation.issued))
    if deviation.document_numbers:
        numbers = sorted(encode_tlv(0x13, number.encode("ascii")) for number in deviation.document_numbers)
        documents += encode_tlv(0xA5, b"".join(numbers))
    kinds = sorted(encode_tlv(0x30, core.ObjectIdentifier(kind).dump()) for kind in deviation.kinds)
    return encode_tlv(0x30, encode_tlv(0x30, documents) + encode_tlv(0x31, b"".join(kinds)))


@dataclass(frozen=True, slots=True)
class ListedDefect:
    """One document signer, named in one of three ways, what is wrong with his documents: type below the root, parameter (DER).

    `description` makes it an entry of version 2, and `named_by` is `name` (issuer and serial number), `key` or `hash`.
    """

    signer: Authority
    defects: tuple[tuple[str, bytes], ...]
    named_by: str = "name"
    with_hash: bool = False
    description: str = ""


def encode_defect_list(
    defects: Iterable[ListedDefect], signer: Authority, authority: Authority, *, signed_at: date | None = None
) -> bytes:
    """A signed defect list (TR-03129-2 §7.1), of version 2 where an entry has a description."""
    listed = tuple(defects)
    second = any(entry.description for entry in listed)
    entries = encode_tlv(0x31, b"".join(sorted(_listed_defect(entry, second=second) for entry in listed)))
    body = core.Integer(int(second)).dump() + core.ObjectIdentifier(_SHA256).dump() + entries
    return signed_data(_DEFECT_LIST, encode_tlv(0x30, body), signer, (authority.certificate,), signed_at=signed_at)


def _listed_defect(entry: ListedDefect, *, second: bool) -> bytes:
    content = b""
    if entry.named_by == "name":
        content = bytes(_identity(entry.signer).dump())
    elif entry.named_by == "key":
        content = encode_tlv(0x80, bytes(entry.signer.parsed.key_identifier))
    if entry.with_hash or entry.named_by == "hash":
        content += encode_tlv(0x04, digest_of("sha256", entry.signer.certificate))
    text = encode_tlv(0x0C, entry.description.encode()) if entry.description else b""
    content += encode_tlv(0x31, b"".join(sorted(_known_defect(*known, second=second) for known in entry.defects))) + text
    return encode_tlv(0x30, content)


def _known_defect(kind: str, parameter: bytes, *, second: bool) -> bytes:
    oid = bytes(core.ObjectIdentifier(f"{_DEFECT_LIST}.{kind}").dump())
    if not second:
        return encode_tlv(0x30, oid + parameter)
    around = encode_tlv(0xA0, parameter) if parameter else b""
    return encode_tlv(0xA0, oid + around + encode_tlv(0x81, b"made wrong"))


def _generalized(day: date) -> bytes:
    return bytes(core.GeneralizedTime(datetime.combine(day, time(), UTC)).dump())


def encode_revocation_list(
    serial_numbers: Iterable[int], authority: Authority, today: date, *, number: int = 1, lasts: timedelta = CRL_LIFE
) -> bytes:
    """A CRL of these serial numbers by any key of the State, the older ones included (Doc 9303-12 §7.1.4)."""
    entries = [{"user_certificate": serial, "revocation_date": moment_of(today)} for serial in serial_numbers]
    issuer = x509.AuthorityKeyIdentifier({"key_identifier": bytes(authority.parsed.key_identifier)})
    body = crl.TbsCertList(
        {
            "version": "v2",
            "signature": algorithm(authority.scheme),
            "issuer": authority.parsed.subject,
            "this_update": moment_of(today),
            "next_update": moment_of(today + lasts),
            **({"revoked_certificates": entries} if entries else {}),
            "crl_extensions": [extension("authority_key_identifier", issuer), extension("crl_number", core.Integer(number))],
        }
    )
    signature = sign(authority.key, authority.scheme, body.dump())
    return bytes(
        crl.CertificateList(
            {"tbs_cert_list": body, "signature_algorithm": algorithm(authority.scheme), "signature": signature}
        ).dump()
    )


def _identity(signer: Authority) -> Any:  # a value of the untyped library
    certificate = signer.parsed
    return cms.IssuerAndSerialNumber({"issuer": certificate.issuer, "serial_number": certificate.serial_number})


def signed_data(
    content_type: str,
    content: bytes,
    signer: Authority,
    further: tuple[bytes, ...] = (),
    *,
    plan: SecurityObjectPlan = USUAL,
    signed_at: date | None = None,
) -> bytes:
    """CMS SignedData over content, with the signer's certificate unless the plan leaves it out, and further ones.

    `signed_at` adds the time of signing to what is signed.
    """
    digest = signer.scheme.digest
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": [content_type]},
            {"type": "message_digest", "values": [digest_of(digest, content)]},
            *([{"type": "signing_time", "values": [cms.Time.load(moment_of(signed_at).dump())]}] if signed_at else []),
        ]
    )
    certificates = ((signer.certificate,) if plan.certificate_inside else ()) + further
    body: dict[str, Any] = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": digest}],
        "encap_content_info": {"content_type": content_type, "content": content},
        "signer_infos": [_signer_information(signer, attributes, by_key_identifier=plan.by_key_identifier)],
    }
    if certificates:
        body["certificates"] = [cms.CertificateChoices({"certificate": x509.Certificate.load(der)}) for der in certificates]
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(body)}).dump())


def _signer_information(signer: Authority, attributes: Any, *, by_key_identifier: bool) -> dict[str, Any]:
    identifier = (
        cms.SignerIdentifier({"subject_key_identifier": bytes(signer.parsed.key_identifier)})
        if by_key_identifier
        else cms.SignerIdentifier({"issuer_and_serial_number": _identity(signer)})
    )
    return {
        "version": "v3" if by_key_identifier else "v1",
        "sid": identifier,
        "digest_algorithm": {"algorithm": signer.scheme.digest},
        "signed_attrs": attributes,
        "signature_algorithm": algorithm(signer.scheme),
        "signature": sign(signer.key, signer.scheme, attributes.dump()),
    }
