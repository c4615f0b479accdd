"""Card verifiable certificates: what chips verify when a terminal asks for fingerprints.

Sources: BSI TR-03110-3 §C.1 (profile), §C.2 (requests), §C.4 (roles and rights), §D.2 (data objects).
Rule: a parser returns a value or raises MalformedData; whether a certificate may be believed is the matter of `cvc_chain`. What
was signed is kept as it came and never encoded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from egate.model.errors import MalformedData
from egate.mrtd.files.security_infos import decode_oid, encode_oid
from egate.mrtd.files.tlv import Tlv, encode_tlv, parse_one, parse_tlvs, read_header
from egate.pki.cvc_keys import CvPublicKey, Signer, encode_key, parse_key, verify_message

MAXIMUM_CERTIFICATE_BYTES = 4096
"""A CVCA certificate of RSA with 4096 bits has 1.2 kB; chips take no more than they can buffer."""
MAXIMUM_EXTENSIONS = 16
"""The guideline defines four."""
MAXIMUM_REFERENCE_BYTES = 16
"""Country (2), mnemonic (up to 9) and sequence number (5), §A.6.1."""
MAXIMUM_RIGHTS_BYTES = 8
"""Inspection systems have one byte of rights, authentication terminals five."""

_CERTIFICATE, _BODY, _SIGNATURE, _PROFILE = 0x7F21, 0x7F4E, 0x5F37, 0x5F29
_AUTHORITY, _KEY, _HOLDER, _AUTHORIZATION = 0x42, 0x7F49, 0x5F20, 0x7F4C
_EFFECTIVE, _EXPIRES, _EXTENSIONS, _EXTENSION = 0x5F25, 0x5F24, 0x65, 0x73
_AUTHENTICATED_REQUEST, _OID, _RIGHTS = 0x67, 0x06, 0x53
_DOING = "reading a card verifiable certificate"


class Role(Enum):
    """Who a certificate is for: the two highest bits of its rights (§C.4)."""

    TERMINAL = 0
    FOREIGN_VERIFIER = 1
    DOMESTIC_VERIFIER = 2
    CVCA = 3

    @property
    def is_verifier(self) -> bool:
        """Whether it is a document verifier, of whatever kind."""
        return self in {Role.FOREIGN_VERIFIER, Role.DOMESTIC_VERIFIER}


INSPECTION_SYSTEM_OID = "0.4.0.127.0.7.3.1.2.1"
AUTHENTICATION_TERMINAL_OID = "0.4.0.127.0.7.3.1.2.2"
SIGNATURE_TERMINAL_OID = "0.4.0.127.0.7.3.1.2.3"

_FINGERPRINTS, _IRISES = 0x01, 0x02


@dataclass(frozen=True, slots=True)
class HolderAuthorization:
    """Role and rights of a certificate's holder, as bits, for one type of terminal."""

    terminal_oid: str
    bits: bytes

    @property
    def role(self) -> Role:
        """The role."""
        return Role(self.bits[0] >> 6)

    @property
    def reads_fingerprints(self) -> bool:
        """Whether DG3 may be read, which only inspection systems may."""
        return self.terminal_oid == INSPECTION_SYSTEM_OID and bool(self.bits[-1] & _FINGERPRINTS)

    @property
    def reads_irises(self) -> bool:
        """Whether DG4 may be read, which only inspection systems may."""
        return self.terminal_oid == INSPECTION_SYSTEM_OID and bool(self.bits[-1] & _IRISES)

    def narrowed_by(self, issuer: HolderAuthorization) -> HolderAuthorization:
        """The bits that both have (§2.6); the role bits take part, so nobody rises above his issuer."""
        return HolderAuthorization(self.terminal_oid, bytes(a & b for a, b in zip(self.bits, issuer.bits, strict=True)))


def inspection_rights(role: Role, *, fingerprints: bool, irises: bool) -> HolderAuthorization:
    """The authorization of an inspection system, or of an authority above it."""
    rights = (_FINGERPRINTS if fingerprints else 0) | (_IRISES if irises else 0)
    return HolderAuthorization(INSPECTION_SYSTEM_OID, bytes((role.value << 6 | rights,)))


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension: its object identifier and its context-specific contents, undecoded."""

    oid: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CvCertificate:
    """A parsed certificate. `body` is the signed data object (7F4E) as it came; `last_day` is the last on which it holds."""

    body: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    authority_reference: str
    holder_reference: str
    key: CvPublicKey
    authorization: HolderAuthorization
    first_day: date
    last_day: date
    extensions: tuple[Extension, ...] = ()

    @property
    def encoded(self) -> bytes:
        """The whole certificate."""
        return encode_tlv(_CERTIFICATE, self.body + encode_tlv(_SIGNATURE, self.signature))

    @property
    def role(self) -> Role:
        """The role that the certificate claims for its holder."""
        return self.authorization.role

    @property
    def self_signed(self) -> bool:
        """Whether it names itself as its issuer."""
        return self.authority_reference == self.holder_reference


@dataclass(frozen=True, slots=True)
class CvRequest:
    """A parsed certificate request: the body and its inner signature, by the key inside it.

    `authority_reference` is who should sign, empty when the request leaves it open. `outer_reference` and `outer_signature`
    belong to the authentication by an earlier key, empty in a first request; that signature covers `authenticated`.
    """

    body: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    authority_reference: str
    holder_reference: str
    key: CvPublicKey
    outer_reference: str = ""
    outer_signature: bytes = field(repr=False, default=b"")

    @property
    def authenticated(self) -> bytes:
        """What the outer signature covers (§C.2.6): the request and the reference of the key that authenticates it."""
        inner = encode_tlv(_CERTIFICATE, self.body + encode_tlv(_SIGNATURE, self.signature))
        return inner + encode_tlv(_AUTHORITY, self.outer_reference.encode("latin-1"))


def parse_certificate(data: bytes) -> CvCertificate:
    """A whole certificate (7F21); raises MalformedData. It takes any bytes, so it is also what a fuzzer calls."""
    body, signature = _split(data)
    parts = _Parts(body)
    authority = parts.reference(_AUTHORITY)
    key = parse_key(parts.value(_KEY))
    holder = parts.reference(_HOLDER)
    authorization = _parse_authorization(parts.value(_AUTHORIZATION))
    first, last = _parse_date(parts.value(_EFFECTIVE)), _parse_date(parts.value(_EXPIRES))
    extensions = _parse_extensions(parts.value(_EXTENSIONS)) if parts.next_is(_EXTENSIONS) else ()
    parts.end()
    return CvCertificate(body, signature, authority, holder, key, authorization, first, last, extensions)


def parse_certificate_parts(data: bytes) -> CvCertificate:
    """The certificate that a PSO: Verify Certificate carries: body and signature side by side; raises MalformedData."""
    return parse_certificate(encode_tlv(_CERTIFICATE, data))


def _split(data: bytes) -> tuple[bytes, bytes]:
    """The body, as it came with its header, and the signature."""
    if len(data) > MAXIMUM_CERTIFICATE_BYTES:
        raise MalformedData(_DOING, f"larger than {MAXIMUM_CERTIFICATE_BYTES} bytes")
    content = parse_one(data, _CERTIFICATE, _DOING)
    objects = parse_tlvs(content, _DOING)
    if [item.tag for item in objects] != [_BODY, _SIGNATURE] or not objects[1].value:
        raise MalformedData(_DOING, "it does not consist of a body and a signature")
    _, header, length = read_header(content, _DOING)
    return content[: header + length], objects[1].value


class _Parts:
    """The data objects of a body, taken in their order, which is fixed (§C.1)."""

    def __init__(self, body: bytes) -> None:
        self._rest = list(parse_tlvs(parse_one(body, _BODY, _DOING), _DOING))
        if self.value(_PROFILE) != b"\x00":
            raise MalformedData(_DOING, "another profile than the first")

    def next_is(self, tag: int) -> bool:
        """Whether the next object has this tag."""
        return bool(self._rest) and self._rest[0].tag == tag

    def value(self, tag: int) -> bytes:
        """The value of the next object, which must have this tag."""
        if not self.next_is(tag):
            raise MalformedData(_DOING, f"data object {tag:04X} is missing or out of order")
        return self._rest.pop(0).value

    def reference(self, tag: int) -> str:
        """The next object as the name of a key."""
        return parse_reference(self.value(tag))

    def end(self) -> None:
        """Nothing may follow."""
        if self._rest:
            raise MalformedData(_DOING, "data objects that do not belong here")


def parse_reference(value: bytes) -> str:
    """The name of a public key: country, mnemonic, sequence number; raises MalformedData.

    Only length and printable characters are checked: issued references do not always keep to the form of §A.6.1.
    """
    text = value.decode("latin-1")
    if not 1 <= len(value) <= MAXIMUM_REFERENCE_BYTES or not text.isprintable():
        raise MalformedData(_DOING, "a key reference of unacceptable length or characters")
    return text


def _parse_authorization(content: bytes) -> HolderAuthorization:
    oid, rights = _oid_and_more(parse_tlvs(content, _DOING))
    if len(rights) != 1 or rights[0].tag != _RIGHTS or not 1 <= len(rights[0].value) <= MAXIMUM_RIGHTS_BYTES:
        raise MalformedData(_DOING, "an authorization without its rights")
    if oid == INSPECTION_SYSTEM_OID and len(rights[0].value) != 1:
        raise MalformedData(_DOING, "an inspection system has one byte of rights")
    return HolderAuthorization(oid, rights[0].value)


def _oid_and_more(objects: tuple[Tlv, ...]) -> tuple[str, tuple[Tlv, ...]]:
    if not objects or objects[0].tag != _OID:
        raise MalformedData(_DOING, "no object identifier")
    return decode_oid(objects[0].value), objects[1:]


def _parse_date(value: bytes) -> date:
    """Six bytes, one for each digit of YYMMDD; the century is this one (§D.2.1.3)."""
    if len(value) != 6 or max(value) > 9:
        raise MalformedData(_DOING, "a date that is not six digits")
    years, months, days = (10 * value[index] + value[index + 1] for index in (0, 2, 4))
    try:
        return date(2000 + years, months, days)
    except ValueError:
        raise MalformedData(_DOING, "a day that no calendar has") from None


def _parse_extensions(content: bytes) -> tuple[Extension, ...]:
    templates = parse_tlvs(content, _DOING)
    if not 1 <= len(templates) <= MAXIMUM_EXTENSIONS or any(item.tag != _EXTENSION for item in templates):
        raise MalformedData(_DOING, "extensions that are none, or too many")
    found = []
    for item in templates:
        oid, more = _oid_and_more(parse_tlvs(item.value, _DOING))
        found.append(Extension(oid, b"".join(encode_tlv(part.tag, part.value) for part in more)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class CvPlan:
    """What a certificate shall say."""

    authority_reference: str
    holder_reference: str
    key: CvPublicKey
    authorization: HolderAuthorization
    first_day: date
    last_day: date
    extensions: Sequence[Extension] = ()


def encode_certificate(plan: CvPlan, sign: Signer) -> bytes:
    """A certificate as planned, signed. A CVCA's spells its curve out; MalformedData for a day outside 2000…2099."""
    body = encode_tlv(_PROFILE, b"\x00") + encode_tlv(_AUTHORITY, plan.authority_reference.encode("latin-1"))
    body += encode_key(plan.key, parameters=plan.authorization.role is Role.CVCA)
    body += encode_tlv(_HOLDER, plan.holder_reference.encode("latin-1"))
    rights = encode_tlv(_OID, encode_oid(plan.authorization.terminal_oid)) + encode_tlv(_RIGHTS, plan.authorization.bits)
    body += encode_tlv(_AUTHORIZATION, rights)
    body += encode_tlv(_EFFECTIVE, _encode_date(plan.first_day)) + encode_tlv(_EXPIRES, _encode_date(plan.last_day))
    if plan.extensions:
        templates = (encode_tlv(_EXTENSION, encode_tlv(_OID, encode_oid(one.oid)) + one.content) for one in plan.extensions)
        body += encode_tlv(_EXTENSIONS, b"".join(templates))
    return _signed(encode_tlv(_BODY, body), sign)


def _signed(body: bytes, sign: Signer) -> bytes:
    return encode_tlv(_CERTIFICATE, body + encode_tlv(_SIGNATURE, sign(body)))


def _encode_date(day: date) -> bytes:
    if day.year // 100 != 20:
        raise MalformedData("writing a card verifiable certificate", "a day outside the years 2000 to 2099")
    return bytes(int(digit) for digit in day.strftime("%y%m%d"))


def encode_request(holder_reference: str, key: CvPublicKey, sign: Signer, authority_reference: str = "") -> bytes:
    """A request for a certificate over `key`, signed by that key (§C.2): what an agency sends to its document verifier."""
    body = encode_tlv(_PROFILE, b"\x00")
    if authority_reference:
        body += encode_tlv(_AUTHORITY, authority_reference.encode("latin-1"))
    body += encode_key(key, parameters=True) + encode_tlv(_HOLDER, holder_reference.encode("latin-1"))
    return _signed(encode_tlv(_BODY, body), sign)


def encode_authenticated_request(request: bytes, previous_reference: str, sign_previous: Signer) -> bytes:
    """A request authenticated by an earlier key of the same holder (§C.2.6)."""
    covered = request + encode_tlv(_AUTHORITY, previous_reference.encode("latin-1"))
    return encode_tlv(_AUTHENTICATED_REQUEST, covered + encode_tlv(_SIGNATURE, sign_previous(covered)))


def parse_request(data: bytes) -> CvRequest:
    """A request (7F21), or an authenticated one (67); raises MalformedData."""
    outer_reference, outer_signature = "", b""
    if data[:1] == bytes((_AUTHENTICATED_REQUEST,)):
        if len(data) > MAXIMUM_CERTIFICATE_BYTES:
            raise MalformedData(_DOING, f"larger than {MAXIMUM_CERTIFICATE_BYTES} bytes")
        objects = parse_tlvs(parse_one(data, _AUTHENTICATED_REQUEST, _DOING), _DOING)
        if [item.tag for item in objects] != [_CERTIFICATE, _AUTHORITY, _SIGNATURE]:
            raise MalformedData(_DOING, "an authenticated request without its three parts")
        outer_reference, outer_signature = parse_reference(objects[1].value), objects[2].value
        data = encode_tlv(_CERTIFICATE, objects[0].value)
    body, signature = _split(data)
    parts = _Parts(body)
    authority = parts.reference(_AUTHORITY) if parts.next_is(_AUTHORITY) else ""
    key = parse_key(parts.value(_KEY))
    holder = parts.reference(_HOLDER)
    if parts.next_is(_EXTENSIONS):
        _parse_extensions(parts.value(_EXTENSIONS))
    parts.end()
    return CvRequest(body, signature, authority, holder, key, outer_reference, outer_signature)


def verify_request(request: CvRequest) -> None:
    """Verify that who asks holds the private key; raises TrustError."""
    verify_message(request.key, request.body, request.signature)
