"""Public keys in card verifiable certificates, and the signatures that they verify.

Sources: BSI TR-03110-3 §A.6.3, §A.6.4 (algorithms), §D.3 (public key data objects), BSI TR-03111 §5.2 (plain ECDSA signatures).
Rule: an elliptic key names its curve only in the certificate of a CVCA; below, it inherits the curve, so it verifies nothing
until it was completed. Curves that are spelled out count only when they are, value by value, a standard one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from egate.model.errors import MalformedData, TrustError
from egate.mrtd.crypto.domain_parameters import curve_by_name, curve_by_values
from egate.mrtd.crypto.ec import Curve, Point
from egate.mrtd.files.security_infos import TERMINAL_AUTHENTICATION_OID, decode_oid, encode_oid
from egate.mrtd.files.tlv import Tlv, encode_tlv, parse_tlvs
from egate.pki.keys import EllipticKey, RsaKey, SignatureKind, SignatureScheme, verify_signature

MINIMUM_MODULUS_BITS = 1024
MAXIMUM_MODULUS_BITS = 4096
"""The guideline ends at 3072 bits; CVCAs of the field use 4096, and nothing larger fits a chip's buffer."""
MAXIMUM_EXPONENT_BITS = 32
"""TR-03110-3 §A.6.3.2."""

_KEY, _OID = 0x7F49, 0x06
_DOING = "reading the key of a card verifiable certificate"

_SHA1, _SHA224, _SHA256 = "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.4", "2.16.840.1.101.3.4.2.1"
_SHA384, _SHA512 = "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"


def _pss(oid: str, salt_bytes: int) -> SignatureScheme:
    """RSASSA-PSS with the default parameters of §A.6.3.1: one hash for all, and a salt of its length."""
    return SignatureScheme(SignatureKind.RSA_PSS, oid, oid, salt_bytes)


SCHEMES: dict[str, tuple[str, SignatureScheme]] = {
    f"{TERMINAL_AUTHENTICATION_OID}.1.1": ("rsa-sha1", SignatureScheme(SignatureKind.RSA_PKCS1, _SHA1)),
    f"{TERMINAL_AUTHENTICATION_OID}.1.2": ("rsa-sha256", SignatureScheme(SignatureKind.RSA_PKCS1, _SHA256)),
    f"{TERMINAL_AUTHENTICATION_OID}.1.3": ("rsa-pss-sha1", _pss(_SHA1, 20)),
    f"{TERMINAL_AUTHENTICATION_OID}.1.4": ("rsa-pss-sha256", _pss(_SHA256, 32)),
    f"{TERMINAL_AUTHENTICATION_OID}.1.5": ("rsa-sha512", SignatureScheme(SignatureKind.RSA_PKCS1, _SHA512)),
    f"{TERMINAL_AUTHENTICATION_OID}.1.6": ("rsa-pss-sha512", _pss(_SHA512, 64)),
    f"{TERMINAL_AUTHENTICATION_OID}.2.1": ("ecdsa-sha1", SignatureScheme(SignatureKind.ECDSA, _SHA1)),
    f"{TERMINAL_AUTHENTICATION_OID}.2.2": ("ecdsa-sha224", SignatureScheme(SignatureKind.ECDSA, _SHA224)),
    f"{TERMINAL_AUTHENTICATION_OID}.2.3": ("ecdsa-sha256", SignatureScheme(SignatureKind.ECDSA, _SHA256)),
    f"{TERMINAL_AUTHENTICATION_OID}.2.4": ("ecdsa-sha384", SignatureScheme(SignatureKind.ECDSA, _SHA384)),
    f"{TERMINAL_AUTHENTICATION_OID}.2.5": ("ecdsa-sha512", SignatureScheme(SignatureKind.ECDSA, _SHA512)),
}
"""Variant and signature scheme by object identifier (tables 14 and 15)."""

_HASHES: dict[str, hashes.HashAlgorithm] = {
    _SHA1: hashes.SHA1(),  # noqa: S303 - – issued chips demand it; the terminal cannot choose
    _SHA224: hashes.SHA224(),
    _SHA256: hashes.SHA256(),
    _SHA384: hashes.SHA384(),
    _SHA512: hashes.SHA512(),
}

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Signer = Callable[[bytes], bytes]
"""Signs a message in the form that the guideline gives a signature: plain r ‖ s, or as long as the modulus."""


@dataclass(frozen=True, slots=True)
class CvRsaKey:
    """An RSA key and what it signs with."""

    oid: str
    modulus: int = field(repr=False)
    exponent: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class CvEllipticKey:
    """An encoded point and what it signs with; `curve` is None where it is inherited from the issuer."""

    oid: str
    encoded_point: bytes = field(repr=False)
    curve: Curve | None


CvPublicKey = CvRsaKey | CvEllipticKey


def variant_of(oid: str) -> str:
    """The short name of a signature algorithm, e.g. `ecdsa-sha256`; its object identifier when it is none of ours."""
    return SCHEMES[oid][0] if oid in SCHEMES else oid


def parse_key(content: bytes) -> CvPublicKey:
    """The key inside a public key data object (7F49); raises MalformedData."""
    parts = parse_tlvs(content, _DOING)
    if not parts or parts[0].tag != _OID:
        raise MalformedData(_DOING, "no object identifier")
    oid = decode_oid(parts[0].value)
    tags = [part.tag for part in parts[1:]]
    if oid.startswith(f"{TERMINAL_AUTHENTICATION_OID}.1."):
        return _parse_rsa(oid, parts[1:], tags)
    if oid.startswith(f"{TERMINAL_AUTHENTICATION_OID}.2."):
        return _parse_elliptic(oid, parts[1:], tags)
    raise MalformedData(_DOING, "an algorithm that terminal authentication does not use")


def _parse_rsa(oid: str, parts: tuple[Tlv, ...], tags: list[int]) -> CvRsaKey:
    if tags != [0x81, 0x82]:
        raise MalformedData(_DOING, "an RSA key is a modulus and an exponent")
    modulus, exponent = (int.from_bytes(part.value, "big") for part in parts)
    if not MINIMUM_MODULUS_BITS <= modulus.bit_length() <= MAXIMUM_MODULUS_BITS or not modulus & 1:
        raise MalformedData(_DOING, "a modulus of unacceptable length or form")
    if exponent.bit_length() > MAXIMUM_EXPONENT_BITS or exponent < 3 or not exponent & 1:
        raise MalformedData(_DOING, "an exponent outside its limits")
    return CvRsaKey(oid, modulus, exponent)


def _parse_elliptic(oid: str, parts: tuple[Tlv, ...], tags: list[int]) -> CvEllipticKey:
    """A point, alone or in the midst of its domain parameters p, a, b, G, n, Y, h (§D.3.3)."""
    if tags == [0x86]:
        return CvEllipticKey(oid, parts[0].value, None)
    if tags not in ([0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87], [0x81, 0x82, 0x83, 0x84, 0x85, 0x86]):
        raise MalformedData(_DOING, "an elliptic key is a point, with all domain parameters or with none")
    values = [part.value for part in parts]
    p, a, b, n = (int.from_bytes(values[index], "big") for index in (0, 1, 2, 4))
    if values[6:] and int.from_bytes(values[6], "big") != 1:
        raise MalformedData(_DOING, "a cofactor that no accepted curve has")
    base = values[3]
    half = len(base) // 2
    if p == 0 or len(base) < 3 or base[0] != 0x04 or len(base) % 2 == 0:
        raise MalformedData(_DOING, "a base point that is not uncompressed")
    generator = Point(int.from_bytes(base[1 : 1 + half], "big"), int.from_bytes(base[1 + half :], "big"))
    curve = curve_by_values(p, a, b, generator, n)
    if curve is None:
        raise MalformedData(_DOING, "a curve that is not accepted")
    curve.decode(values[5])
    return CvEllipticKey(oid, values[5], curve)


def encode_key(key: CvPublicKey, *, parameters: bool = False) -> bytes:
    """The public key data object; `parameters` spells out the curve, as the certificate of a CVCA must."""
    oid = encode_tlv(_OID, encode_oid(key.oid))
    if isinstance(key, CvRsaKey):
        return encode_tlv(_KEY, oid + encode_tlv(0x81, _unsigned(key.modulus)) + encode_tlv(0x82, _unsigned(key.exponent)))
    point = encode_tlv(0x86, key.encoded_point)
    curve = key.curve
    if not parameters or curve is None:
        return encode_tlv(_KEY, oid + point)
    size = curve.field_bytes
    equation = ((0x81, curve.p), (0x82, curve.a), (0x83, curve.b))
    before = b"".join(encode_tlv(tag, value.to_bytes(size, "big")) for tag, value in equation)
    before += encode_tlv(0x84, curve.encode(curve.generator)) + encode_tlv(0x85, _unsigned(curve.n))
    return encode_tlv(_KEY, oid + before + point + encode_tlv(0x87, b"\x01"))


def _unsigned(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def completed(key: CvPublicKey, issuer: CvPublicKey) -> CvPublicKey:
    """The key with the curve that it inherits from its issuer; raises TrustError when there is none to inherit."""
    if isinstance(key, CvRsaKey) or key.curve is not None:
        return key
    if isinstance(issuer, CvRsaKey) or issuer.curve is None:
        raise TrustError("completing the key of a certificate", "its issuer has no domain parameters")
    return CvEllipticKey(key.oid, key.encoded_point, issuer.curve)


def same_parameters(key: CvPublicKey, issuer: CvPublicKey) -> bool:
    """Whether two completed keys sign in the same way, as all keys below one CVCA must (§2.3)."""
    if isinstance(key, CvRsaKey) or isinstance(issuer, CvRsaKey):
        return key.oid == issuer.oid and isinstance(key, CvRsaKey) and isinstance(issuer, CvRsaKey)
    return key.oid == issuer.oid and key.curve == issuer.curve


def verify_message(key: CvPublicKey, message: bytes, signature: bytes) -> None:
    """Verify a signature under a completed key; raises TrustError."""
    doing = "verifying a card verifiable signature"
    if key.oid not in SCHEMES:
        raise TrustError(doing, "an algorithm that is not accepted")
    scheme = SCHEMES[key.oid][1]
    if isinstance(key, CvRsaKey):
        verify_signature(RsaKey(key.modulus, key.exponent), scheme, signature, message)
        return
    if key.curve is None:
        raise TrustError(doing, "the key has no domain parameters")
    size = (key.curve.n.bit_length() + 7) // 8
    if len(signature) != 2 * size:
        raise TrustError(doing, "the signature has not the length of its curve")
    r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
    verify_signature(_elliptic_key(key.curve, key.encoded_point), scheme, encode_dss_signature(r, s), message)


def _elliptic_key(curve: Curve, encoded_point: bytes) -> EllipticKey:
    try:
        return EllipticKey(curve, curve.decode(encoded_point))
    except MalformedData:
        raise TrustError("using the key of a certificate", "a point that is not on the inherited curve") from None


def public_key_of(private: PrivateKey, oid: str) -> CvPublicKey:
    """The public half of a private key, to be used with an algorithm; TrustError when the two do not fit."""
    doing = "preparing a key for terminal authentication"
    kind = SCHEMES[oid][1].kind if oid in SCHEMES else None
    if isinstance(private, rsa.RSAPrivateKey):
        if kind not in {SignatureKind.RSA_PKCS1, SignatureKind.RSA_PSS}:
            raise TrustError(doing, "the key is of another kind than the algorithm")
        numbers = private.public_key().public_numbers()
        return CvRsaKey(oid, numbers.n, numbers.e)
    curve = curve_by_name(private.curve.name)
    if kind is not SignatureKind.ECDSA or curve is None:
        raise TrustError(doing, "the key is of another kind than the algorithm, or on a curve that is not accepted")
    point = private.public_key().public_numbers()
    return CvEllipticKey(oid, curve.encode(Point(point.x, point.y)), curve)


def signer(private: PrivateKey, oid: str) -> Signer:
    """A function that signs messages with an algorithm; TrustError when it does not fit the key.

    The key stays inside the function. A hardware module offers a function of the same form in its place.
    """
    public_key_of(private, oid)
    scheme = SCHEMES[oid][1]
    algorithm = _HASHES[scheme.hash_oid]
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return lambda message: _plain(private, private.sign(message, ec.ECDSA(algorithm)))
    if scheme.kind is SignatureKind.RSA_PSS:
        if private.key_size < 8 * (2 * scheme.salt_bytes + 2):
            raise TrustError("preparing a key for terminal authentication", "the key is too short for its padding")
        pss = padding.PSS(padding.MGF1(algorithm), scheme.salt_bytes)
        return lambda message: private.sign(message, pss, algorithm)
    return lambda message: private.sign(message, padding.PKCS1v15(), algorithm)


def _plain(private: ec.EllipticCurvePrivateKey, der: bytes) -> bytes:
    size = (private.curve.group_order.bit_length() + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(der))
