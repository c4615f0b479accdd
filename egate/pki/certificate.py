"""Certificates of the travel document PKI, as States really issue them (Doc 9303-12 §7).

`parse_certificate` reads; `verify_certificate` verifies one signature with one key. Names are kept as raw bytes and are good
for looking up a certificate in its own message only: trust is a matter of keys (names change, and link certificates have
equal names for different keys).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from egate.model.errors import MalformedData
from egate.pki.asn1 import DocumentTypeList, PrivateKeyUsagePeriod, children, core, decoding, x509
from egate.pki.keys import (
    CachedValue,
    PublicKey,
    SignatureScheme,
    key_from_cache,
    key_to_cache,
    number_from_cache,
    number_to_cache,
    parse_public_key,
    parse_scheme,
    scheme_from_cache,
    scheme_to_cache,
    verify_signature,
)

MAXIMUM_CERTIFICATE_BYTES = 32 * 1024
"""The largest certificate in master lists has 2.5 kB."""

MASTER_LIST_SIGNER = "2.23.136.1.1.3"
"""Extended key usage of who may sign a master list."""

DEVIATION_LIST_SIGNER = "2.23.136.1.1.8"
"""Extended key usage of who may sign a deviation list."""

DEFECT_LIST_SIGNER = "0.4.0.127.0.7.3.11.2.1.2"
"""Extended key usage of who may sign a defect list (TR-03129-2 §7.2)."""

ICAO_ROLES = "2.23.136.1.1."
"""Extended key usages of ICAO name roles that are not the document signer's: signers of master lists (.3), deviation lists (.8)
and visible digital seals (.14.2). Their keys come from the same CSCA and are kept by other people."""

_DOCUMENT_TYPES = "2.23.136.1.1.6.2"
_VERSION_TAG, _EXTENSIONS_TAG, _BMP_STRING = 0xA0, 0xA3, 0x1E
_COUNTRY = bytes.fromhex("0603550406")
"""The attribute `countryName` (2.5.4.6) as it is encoded."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_CACHE_VERSION = 1
"""Counts up whenever the order or the meaning of the cached values changes; another number is another parser's cache."""

CachedCertificate = tuple[CachedValue, ...]
"""A certificate taken apart: numbers, texts, byte strings, None, and tuples of them."""

_DOING = "reading a certificate"


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate. Names are raw DER; countries are upper case, empty when the name has none; dates are in UTC.

    `key_usage` and `extended_key_usage` are empty when the extension is absent; `document_types` likewise means any type.
    """

    der: bytes = field(repr=False)
    signed_part: bytes = field(repr=False, compare=False)
    signature: bytes = field(repr=False, compare=False)
    scheme: SignatureScheme | None = field(compare=False)
    serial_number: int
    issuer: bytes = field(repr=False)
    subject: bytes = field(repr=False)
    issuer_country: str
    subject_country: str
    not_before: datetime
    not_after: datetime
    public_key: PublicKey = field(repr=False)
    subject_key_identifier: bytes = field(repr=False, default=b"")
    authority_key_identifier: bytes = field(repr=False, default=b"")
    is_authority: bool = False
    path_length: int | None = None
    key_usage: frozenset[str] = frozenset()
    extended_key_usage: frozenset[str] = frozenset()
    signs_from: datetime | None = None
    signs_until: datetime | None = None
    document_types: frozenset[str] = frozenset()

    @property
    def is_self_issued(self) -> bool:
        """Whether issuer and subject have the same name: a root, or a link between two keys of one authority."""
        return self.issuer == self.subject

    def is_valid_on(self, day: date) -> bool:
        """Whether `day` (UTC) lies in the validity period, both ends included."""
        return self.not_before.date() <= day <= self.not_after.date()

    def may_sign(self, usage: str) -> bool:
        """Whether the key usage extension allows `usage`; an absent extension allows everything (RFC 5280 §4.2.1.3)."""
        return not self.key_usage or usage in self.key_usage

    def could_sign_on(self, day: date) -> bool:
        """Whether the private key was in use on `day` (UTC); without the extension always (Doc 9303-12 §7.1.1)."""
        begun = self.signs_from is None or self.signs_from.date() <= day
        return begun and (self.signs_until is None or day <= self.signs_until.date())

    def to_cache(self) -> CachedCertificate:
        """The certificate as plain values that CBOR can hold. Nothing in it is secret, and nothing in it is verified."""
        return _to_cache(self)

    @staticmethod
    def from_cache(cached: object) -> Certificate:
        """The certificate of `to_cache`, twenty times as fast as parsing it anew; MalformedData for anything else.

        It says what the cache says: whoever stores caches protects them (`egate.supply`).
        """
        return _from_cache(cached)


def parse_certificate(der: bytes) -> Certificate:
    """Read one certificate. Raises MalformedData; a key or signature scheme that we cannot use is no error yet."""
    if len(der) > MAXIMUM_CERTIFICATE_BYTES:
        raise MalformedData(_DOING, f"larger than {MAXIMUM_CERTIFICATE_BYTES} bytes")
    with decoding(_DOING):
        signed_part, algorithm, signature = children(der)
        encoded = children(signed_part)
        # The version comes first and may be left out; what follows it has fixed places, the extensions have a tag.
        body = encoded[encoded[0][0] == _VERSION_TAG :]
        serial_number, _, issuer, validity, subject, key = body[:6]
        begins, ends = children(validity)
        extensions = next((part for part in body[6:] if part[0] == _EXTENSIONS_TAG), b"")
        return Certificate(
            der=der,
            signed_part=signed_part,
            signature=bytes(core.OctetBitString.load(signature, strict=True).native),
            scheme=parse_scheme(algorithm),
            serial_number=int(core.Integer.load(serial_number, strict=True).native),
            issuer=issuer,
            subject=subject,
            issuer_country=country_of(issuer),
            subject_country=country_of(subject),
            not_before=_instant(x509.Time.load(begins, strict=True).native),
            not_after=_instant(x509.Time.load(ends, strict=True).native),
            public_key=parse_public_key(key),
            **_extensions(extensions),
        )


def _to_cache(certificate: Certificate) -> CachedCertificate:
    c = certificate
    start = c.der.index(c.signed_part)
    return (
        _CACHE_VERSION,
        c.der,
        start,
        start + len(c.signed_part),
        c.signature,
        scheme_to_cache(c.scheme),
        number_to_cache(c.serial_number),
        c.issuer,
        c.subject,
        c.issuer_country,
        c.subject_country,
        _stamp(c.not_before),
        _stamp(c.not_after),
        key_to_cache(c.public_key),
        c.subject_key_identifier,
        c.authority_key_identifier,
        c.is_authority,
        c.path_length,
        tuple(sorted(c.key_usage)),
        tuple(sorted(c.extended_key_usage)),
        _stamp(c.signs_from),
        _stamp(c.signs_until),
        tuple(sorted(c.document_types)),
    )


def _from_cache(cached: Any) -> Certificate:  # values from a file
    doing = "reading a cached certificate"
    try:
        version, der, start, end, signature, scheme, serial, *names, begins, ends, key, own, other = cached[:16]
        issuer, subject, issuer_country, subject_country = names
        is_authority, path_length, usage, extended, signs_from, signs_until, types = cached[16:]
        if version != _CACHE_VERSION or not isinstance(der, bytes) or not isinstance(signature, bytes):
            raise ValueError("another form of cache")
        not_before, not_after = _moment(begins), _moment(ends)
        if not_before is None or not_after is None:
            raise ValueError("no validity")
        return Certificate(
            der,
            der[start:end],
            signature,
            scheme_from_cache(scheme),
            number_from_cache(serial),
            issuer,
            subject,
            issuer_country,
            subject_country,
            not_before,
            not_after,
            key_from_cache(key),
            own,
            other,
            is_authority,
            path_length,
            frozenset(usage),
            frozenset(extended),
            _moment(signs_from),
            _moment(signs_until),
            frozenset(types),
        )
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, OSError):
        raise MalformedData(doing, "not what was stored") from None


def _stamp(moment: datetime | None) -> int | None:
    """Whole seconds since 1970, which no certificate goes below the second of."""
    return None if moment is None else int((moment - _EPOCH).total_seconds())


def _moment(stamp: int | None) -> datetime | None:
    return None if stamp is None else _EPOCH + timedelta(seconds=stamp)


def verify_certificate(certificate: Certificate, issuer_key: PublicKey) -> None:
    """Verify the signature on a certificate with a key; raises TrustError. Validity and usage are judged by the caller."""
    verify_signature(issuer_key, certificate.scheme, certificate.signature, certificate.signed_part)


def country_of(name: bytes) -> str:
    """The country of an X.501 name (DER) in upper case; empty when it has none. Call it inside `decoding`."""
    return value_in_name(name, _COUNTRY)


def value_in_name(name: bytes, attribute: bytes) -> str:
    """The first value of an attribute (its object identifier as encoded) of an X.501 name, in upper case."""
    for part in children(name):
        for entry in children(part):
            kind, value = children(entry)
            if kind == attribute:
                text = bytes(core.Any.load(value, strict=True).contents)
                return text.decode("utf-16-be" if value[0] == _BMP_STRING else "utf-8", "replace").strip().upper()
    return ""


def _instant(value: Any) -> datetime:  # a value of the untyped library
    if not isinstance(value, datetime):
        raise MalformedData(_DOING, "a date outside the calendar")
    return value.astimezone(UTC)


def _extensions(encoded: bytes) -> dict[str, Any]:
    """The extensions that we judge, as keyword arguments of Certificate; others, critical ones included, are of no use here."""
    found: dict[str, Any] = {}
    for extension in children(children(encoded)[0]) if encoded else ():
        parts = children(extension)
        reader = _READERS.get(parts[0])
        if reader is not None:
            found.update(reader(bytes(core.OctetString.load(parts[-1], strict=True).native)))
    return found


def _subject_key(value: bytes) -> dict[str, Any]:
    return {"subject_key_identifier": bytes(core.OctetString.load(value).native)}


def _authority_key(value: bytes) -> dict[str, Any]:
    identifier = x509.AuthorityKeyIdentifier.load(value)["key_identifier"].native
    return {"authority_key_identifier": bytes(identifier or b"")}


def _basic_constraints(value: bytes) -> dict[str, Any]:
    constraints = x509.BasicConstraints.load(value)
    length = constraints["path_len_constraint"].native
    return {"is_authority": bool(constraints["ca"].native), "path_length": None if length is None else int(length)}


def _key_usage(value: bytes) -> dict[str, Any]:
    return {"key_usage": frozenset(x509.KeyUsage.load(value).native)}


def _extended_key_usage(value: bytes) -> dict[str, Any]:
    return {"extended_key_usage": frozenset(entry.dotted for entry in x509.ExtKeyUsageSyntax.load(value))}


def _private_key_usage(value: bytes) -> dict[str, Any]:
    period = PrivateKeyUsagePeriod.load(value)
    begins, ends = (period[end].native for end in ("not_before", "not_after"))
    return {"signs_from": _instant(begins) if begins else None, "signs_until": _instant(ends) if ends else None}


def _document_types(value: bytes) -> dict[str, Any]:
    return {"document_types": frozenset(str(entry.native) for entry in DocumentTypeList.load(value)["types"])}


_READERS = {
    bytes(core.ObjectIdentifier(oid).dump()): reader
    for oid, reader in {
        "2.5.29.14": _subject_key,
        "2.5.29.35": _authority_key,
        "2.5.29.19": _basic_constraints,
        "2.5.29.15": _key_usage,
        "2.5.29.37": _extended_key_usage,
        "2.5.29.16": _private_key_usage,
        _DOCUMENT_TYPES: _document_types,
    }.items()
}
