"""SignedData of CMS, as EF.SOD, EF.CardSecurity, master lists and deviation lists use it (RFC 5652, Doc 9303-10 §4.6.2).

Rule: signed attributes must name the type and the digest of exactly the content that is handed out. Without them the signature
is over the content itself (RFC 5652 §5.4), and then the content must be a SEQUENCE: signed attributes are a SET, and nobody can
pass off those of another signature as a content. The attributes are verified over the bytes that came, with only their tag put
right: some signers do not sort them as DER would.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any

from egate.model.errors import MalformedData, TrustError
from egate.pki.asn1 import MAXIMUM_OBJECT_BYTES, children, cms, core, decoding, refuse_endless_numbers, x509
from egate.pki.certificate import Certificate, parse_certificate
from egate.pki.keys import SignatureScheme, digest, parse_scheme, verify_signature

MAXIMUM_SIGNERS = 4
"""A security object has one signer, a master list one or two (change of key)."""

MAXIMUM_EMBEDDED_CERTIFICATES = 16
"""A security object carries one certificate, a master list its signer and that one's authority."""

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_SIGNING_TIME = "1.2.840.113549.1.9.5"
_TAKEN = (_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_TIME)
_CONTEXT_0, _SEQUENCE, _SET = 0xA0, 0x30, b"\x31"
_DOING = "reading signed data"


@dataclass(frozen=True, slots=True)
class Signer:
    """One SignerInfo: who signed (issuer and serial number, or key identifier), the signed attributes, the signature."""

    issuer: bytes
    serial_number: int | None
    key_identifier: bytes
    digest_oid: str
    scheme: SignatureScheme | None
    attributes: bytes = field(repr=False)
    content_type: str
    message_digest: bytes
    signature: bytes = field(repr=False)
    signing_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignedData:
    """The signed content with its type, the certificates that came along, and the signers."""

    content_type: str
    content: bytes = field(repr=False)
    certificates: tuple[Certificate, ...]
    signers: tuple[Signer, ...]


def parse_signed_data(data: bytes) -> SignedData:
    """Read a ContentInfo that holds SignedData. Raises MalformedData."""
    if len(data) > MAXIMUM_OBJECT_BYTES:
        raise MalformedData(_DOING, f"larger than {MAXIMUM_OBJECT_BYTES} bytes")
    refuse_endless_numbers(data, _DOING)
    with decoding(_DOING):
        info = cms.ContentInfo.load(data, strict=True)
        if info["content_type"].dotted != _SIGNED_DATA:
            raise MalformedData(_DOING, "another content type")
        (encoded,) = children(children(data)[1])
        encapsulated = info["content"]["encap_content_info"]
        content_type = str(encapsulated["content_type"].dotted)
        parts = children(encoded)
        return SignedData(content_type, _content(encapsulated["content"]), _certificates(parts), _signers(parts[-1]))


def _content(value: Any) -> bytes:  # a value of the untyped library
    if not isinstance(value, core.ParsableOctetString):
        raise MalformedData(_DOING, "no content")
    return bytes(value)


def _certificates(parts: tuple[bytes, ...]) -> tuple[Certificate, ...]:
    """The certificates in the optional [0]; other kinds of certificates are of no use here."""
    found = [entry for part in parts if part[0] == _CONTEXT_0 for entry in children(part) if entry[0] == _SEQUENCE]
    if len(found) > MAXIMUM_EMBEDDED_CERTIFICATES:
        raise MalformedData(_DOING, f"more than {MAXIMUM_EMBEDDED_CERTIFICATES} certificates")
    return tuple(parse_certificate(der) for der in found)


def _signers(encoded: bytes) -> tuple[Signer, ...]:
    entries = children(encoded)
    if not 1 <= len(entries) <= MAXIMUM_SIGNERS:
        raise MalformedData(_DOING, f"not 1 to {MAXIMUM_SIGNERS} signers")
    return tuple(_signer(entry) for entry in entries)


def _signer(encoded: bytes) -> Signer:
    parts = children(encoded)
    entry = cms.SignerInfo.load(encoded, strict=True)
    identity = entry["sid"]
    by_name = identity.name == "issuer_and_serial_number"
    digest_oid = str(entry["digest_algorithm"]["algorithm"].dotted)
    values = _attributes(entry["signed_attrs"])
    # What is signed is the SET OF attributes; inside the signer it is tagged [0] (RFC 5652 §5.4).
    attributes = next((_SET + part[1:] for part in parts[3:] if part[0] == _CONTEXT_0), b"")
    return Signer(
        issuer=children(parts[1])[0] if by_name else b"",
        serial_number=int(identity.chosen["serial_number"].native) if by_name else None,
        key_identifier=b"" if by_name else bytes(identity.chosen.native),
        digest_oid=digest_oid,
        scheme=parse_scheme(entry["signature_algorithm"].dump(), digest_oid),
        attributes=attributes,
        content_type=str(core.ObjectIdentifier.load(values[_CONTENT_TYPE]).dotted) if _CONTENT_TYPE in values else "",
        message_digest=bytes(core.OctetString.load(values[_MESSAGE_DIGEST]).native) if _MESSAGE_DIGEST in values else b"",
        signature=bytes(entry["signature"].native),
        signing_time=_time_of(values.get(_SIGNING_TIME)),
    )


def _time_of(value: bytes | None) -> datetime | None:
    """What the signer says about when he signed, in UTC."""
    moment = None if value is None else x509.Time.load(value).native
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None


def _attributes(attributes: Any) -> dict[str, bytes]:  # values of the untyped library
    """The single value of each attribute; one that is there twice, or has not exactly one value, is malformed."""
    found: dict[str, bytes] = {}
    for attribute in attributes if attributes.contents else ():
        oid = str(attribute["type"].dotted)
        values = attribute["values"]
        if oid in _TAKEN:
            if oid in found or len(values) != 1:
                raise MalformedData(_DOING, "a signed attribute that is not there exactly once")
            found[oid] = values[0].dump()
        else:
            found.setdefault(oid, b"")
    return found


def find_signer_certificate(signer: Signer, certificates: Iterable[Certificate]) -> Certificate | None:
    """The certificate that a signer names; failing that the only one there is (some States misspell the issuer's name)."""
    candidates = tuple(certificates)
    named = next((certificate for certificate in candidates if is_named(signer, certificate)), None)
    return candidates[0] if named is None and len(candidates) == 1 else named


def is_named(signer: Signer, certificate: Certificate) -> bool:
    """Whether a signer names this certificate, by key identifier or by issuer and serial number."""
    if signer.key_identifier:
        return certificate.subject_key_identifier == signer.key_identifier
    return (signer.serial_number, signer.issuer) == (certificate.serial_number, certificate.issuer)


def verify_signer(signed: SignedData, signer: Signer, certificate: Certificate) -> None:
    """Verify one signer's signature over the content with the key of a certificate; raises TrustError.

    1. without signed attributes, the signature over the content, which must be a SEQUENCE; with them, 2. they name the
    content's type; 3. they hold the content's digest; 4. the signature over them holds. The certificate is judged elsewhere.
    """
    doing = "verifying signed data"
    if not signer.attributes:
        if signed.content[:1] != bytes([_SEQUENCE]):
            raise TrustError(doing, "no signed attributes")
        verify_signature(certificate.public_key, signer.scheme, signer.signature, signed.content)
        return
    if signer.content_type != signed.content_type:
        raise TrustError(doing, "the signed attributes name another content type")
    if not compare_digest(signer.message_digest, digest(signer.digest_oid, signed.content)):
        raise TrustError(doing, "the content is not what was signed")
    verify_signature(certificate.public_key, signer.scheme, signer.signature, signer.attributes)
