"""Public keys and signatures as travel documents use them, verified with the primitives of the cryptography library.

Why not the library's own certificate loader: it refuses 18 % of the certificates of a real master list (explicit curve
parameters, NULL parameters behind ECDSA, brainpoolP224r1 …). So keys are taken apart here and verified with primitives.

Tolerated, with its reason: a PKCS#1 v1.5 block whose DigestInfo lacks the NULL (RFC 8017 §9.2 note 2 lets a verifier accept
it, and a published master list has it). The block is compared as a whole with the two encodings; it is never taken apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from hmac import compare_digest
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from egate.model.errors import MalformedData, TrustError
from egate.mrtd.crypto.domain_parameters import CURVES
from egate.mrtd.crypto.ec import Curve, Point, verify_ecdsa
from egate.mrtd.files.security_infos import parse_ec_public_key
from egate.pki.asn1 import algos, core, decoding, keys

MINIMUM_RSA_BITS = 1024
"""Shorter keys prove nothing; the oldest passports in circulation have 1024-bit document signers."""

MAXIMUM_RSA_BITS = 8192
"""Longer keys only cost time; the largest in master lists have 6144 bits."""

HASHES: dict[str, hashes.HashAlgorithm] = {
    "1.3.14.3.2.26": hashes.SHA1(),  # noqa: S303 - – old certificates are signed so; policy is not the verifier's matter
    "2.16.840.1.101.3.4.2.4": hashes.SHA224(),
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
"""Hash functions by object identifier (Doc 9303-12 §4.4.1)."""

_SHA1, _SHA224, _SHA256, _SHA384, _SHA512 = HASHES

_RSA, _RSA_PSS, _EC = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.10045.2.1"
_MGF1 = "1.2.840.113549.1.1.8"

_PKCS1_SIGNATURES = {
    "1.2.840.113549.1.1.5": _SHA1,
    "1.3.14.3.2.29": _SHA1,
    "1.2.840.113549.1.1.14": _SHA224,
    "1.2.840.113549.1.1.11": _SHA256,
    "1.2.840.113549.1.1.12": _SHA384,
    "1.2.840.113549.1.1.13": _SHA512,
}
_ECDSA_SIGNATURES = {
    "1.2.840.10045.4.1": _SHA1,
    "1.2.840.10045.4.3.1": _SHA224,
    "1.2.840.10045.4.3.2": _SHA256,
    "1.2.840.10045.4.3.3": _SHA384,
    "1.2.840.10045.4.3.4": _SHA512,
    "0.4.0.127.0.7.1.1.4.1.1": _SHA1,
    "0.4.0.127.0.7.1.1.4.1.2": _SHA224,
    "0.4.0.127.0.7.1.1.4.1.3": _SHA256,
    "0.4.0.127.0.7.1.1.4.1.4": _SHA384,
    "0.4.0.127.0.7.1.1.4.1.5": _SHA512,
}
"""By X9.62, whose signatures are DER, and by BSI TR-03111, whose signatures are plain; signers mix both up, so both are tried."""


_CURVES_BY_NAME = {curve.name: curve for curve in CURVES.values()}


class SignatureKind(Enum):
    """The three ways of signing that Doc 9303-12 §4.1.6 knows."""

    RSA_PKCS1 = "rsa-pkcs1"
    RSA_PSS = "rsa-pss"
    ECDSA = "ecdsa"


_KINDS = {kind.value: kind for kind in SignatureKind}


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """How something was signed: kind, hash by object identifier; for PSS the mask hash and the salt length in bytes."""

    kind: SignatureKind
    hash_oid: str
    mask_hash_oid: str = ""
    salt_bytes: int = 0


@dataclass(frozen=True, slots=True)
class RsaKey:
    """An RSA public key."""

    modulus: int = field(repr=False)
    exponent: int

    @property
    def primitive(self) -> rsa.RSAPublicKey:
        """The key for the cryptography library, made anew (2 µs) so that this value can be stored; ValueError for none."""
        return rsa.RSAPublicNumbers(self.exponent, self.modulus).public_key()


@dataclass(frozen=True, slots=True)
class EllipticKey:
    """A point on a curve we know."""

    curve: Curve
    point: Point

    @property
    def primitive(self) -> ec.EllipticCurvePublicKey | None:
        """The key for the cryptography library, made anew (15 µs); None where the library lacks the curve."""
        if self.curve.openssl is None:
            return None
        return ec.EllipticCurvePublicNumbers(self.point.x, self.point.y, self.curve.openssl).public_key()


@dataclass(frozen=True, slots=True)
class UnusableKey:
    """A key that cannot verify anything here, and why."""

    problem: str


PublicKey = RsaKey | EllipticKey | UnusableKey

CachedValue = int | str | bytes | None | tuple["CachedValue", ...]
"""What a cache may hold: values that CBOR knows."""


def hash_of(oid: str) -> hashes.HashAlgorithm:
    """The hash function with an object identifier; TrustError when it is none of ours (MD5 among them)."""
    try:
        return HASHES[oid]
    except KeyError:
        raise TrustError("choosing a hash function", "one that is not accepted") from None


def digest(oid: str, data: bytes) -> bytes:
    """The hash of `data` under the function with this object identifier; TrustError when it is none of ours."""
    context = hashes.Hash(hash_of(oid))
    context.update(data)
    return context.finalize()


def parse_public_key(info: bytes) -> PublicKey:
    """The key of a SubjectPublicKeyInfo. MalformedData when it is none; UnusableKey when it is one that we cannot use."""
    with decoding("reading a public key"):
        outer = core.Sequence.load(info, strict=True)
        algorithm = core.Sequence.load(outer[0].dump())
        oid = str(core.ObjectIdentifier.load(algorithm[0].dump()).dotted)
        bits = bytes(core.OctetBitString.load(outer[1].dump()).native)
        if oid in (_RSA, _RSA_PSS):
            numbers = keys.RSAPublicKey.load(bits, strict=True)
            return _rsa_key(int(numbers["modulus"].native), int(numbers["public_exponent"].native))
        if oid == _EC:
            return _elliptic_key(info)
    return UnusableKey("an algorithm that travel documents do not use")


def _rsa_key(modulus: int, exponent: int) -> PublicKey:
    if not MINIMUM_RSA_BITS <= modulus.bit_length() <= MAXIMUM_RSA_BITS:
        return UnusableKey("an RSA modulus of unacceptable length")
    key = RsaKey(modulus, exponent)
    try:
        _ = key.primitive
    except ValueError:
        return UnusableKey("an RSA exponent that no key can have")
    return key


def _elliptic_key(info: bytes) -> PublicKey:
    """A key on a known curve, named or spelled out.

    Spelled-out parameters count only if every one of them, base point included, is that of a known curve: a certificate that
    brings its own base point could make any key its own (the flaw of CVE-2020-0601).
    """
    try:
        parsed = parse_ec_public_key(info)
    except MalformedData:
        return UnusableKey("a malformed point or malformed curve parameters")
    if parsed is None:
        return UnusableKey("a curve that is not accepted")
    return EllipticKey(*parsed)


def parse_scheme(algorithm: bytes, digest_oid: str = "") -> SignatureScheme | None:
    """The scheme of an AlgorithmIdentifier; `digest_oid` completes the forms that name no hash. None when not ours."""
    with decoding("reading a signature algorithm"):
        outer = core.Sequence.load(algorithm, strict=True)
        oid = str(core.ObjectIdentifier.load(outer[0].dump()).dotted)
        if oid == _RSA_PSS:
            return _pss_scheme(outer[1].dump() if len(outer) > 1 else b"\x30\x00")
    if oid in _PKCS1_SIGNATURES or (oid == _RSA and digest_oid in HASHES):
        return SignatureScheme(SignatureKind.RSA_PKCS1, _PKCS1_SIGNATURES.get(oid, digest_oid))
    if oid in _ECDSA_SIGNATURES or (oid == _EC and digest_oid in HASHES):
        return SignatureScheme(SignatureKind.ECDSA, _ECDSA_SIGNATURES.get(oid, digest_oid))
    return None


def _pss_scheme(parameters: bytes) -> SignatureScheme | None:
    pss = algos.RSASSAPSSParams.load(parameters, strict=True)
    mask = pss["mask_gen_algorithm"]
    hash_oid = str(pss["hash_algorithm"]["algorithm"].dotted)
    mask_oid = str(mask["parameters"]["algorithm"].dotted)
    salt_bytes = int(pss["salt_length"].native)
    known = mask["algorithm"].dotted == _MGF1 and hash_oid in HASHES and mask_oid in HASHES
    return SignatureScheme(SignatureKind.RSA_PSS, hash_oid, mask_oid, salt_bytes) if known and 0 <= salt_bytes <= 512 else None


def verify_signature(key: PublicKey, scheme: SignatureScheme | None, signature: bytes, message: bytes) -> None:
    """Verify one signature; raises TrustError when it does not hold or when key or scheme are none that we can use."""
    doing = "verifying a signature"
    if scheme is None:
        raise TrustError(doing, "made in a way that is not accepted")
    if isinstance(key, UnusableKey):
        raise TrustError(doing, f"the key uses {key.problem}")
    if isinstance(key, RsaKey) is (scheme.kind is SignatureKind.ECDSA):
        raise TrustError(doing, "the key is of another kind than the signature")
    try:
        holds = (
            _holds_rsa(key, scheme, signature, message)
            if isinstance(key, RsaKey)
            else _holds_ecdsa(key, scheme, signature, message)
        )
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        holds = False
    if not holds:
        raise TrustError(doing, "it does not hold")


def _holds_rsa(key: RsaKey, scheme: SignatureScheme, signature: bytes, message: bytes) -> bool:
    algorithm, primitive = hash_of(scheme.hash_oid), key.primitive
    # Signers that drop or add leading zeros of the number are met in the field (gmrtd #106).
    signature = signature.lstrip(b"\x00").rjust((key.modulus.bit_length() + 7) // 8, b"\x00")
    if scheme.kind is SignatureKind.RSA_PSS:
        mask = padding.MGF1(hash_of(scheme.mask_hash_oid))
        primitive.verify(signature, message, padding.PSS(mask, scheme.salt_bytes), algorithm)
        return True
    try:
        primitive.verify(signature, message, padding.PKCS1v15(), algorithm)
    except InvalidSignature:
        block = primitive.recover_data_from_signature(signature, padding.PKCS1v15(), None)
        return compare_digest(block, _digest_info_without_null(scheme.hash_oid, message))
    return True


def _digest_info_without_null(hash_oid: str, message: bytes) -> bytes:
    """DigestInfo ::= SEQUENCE { SEQUENCE { hash }, digest } with the parameters left out."""
    oid = bytes(core.ObjectIdentifier(hash_oid).dump())
    value = digest(hash_oid, message)
    body = bytes([0x30, len(oid)]) + oid + bytes([0x04, len(value)]) + value
    return bytes([0x30, len(body)]) + body


def _holds_ecdsa(key: EllipticKey, scheme: SignatureScheme, signature: bytes, message: bytes) -> bool:
    primitive, value = key.primitive, digest(scheme.hash_oid, message)
    algorithm = ec.ECDSA(utils.Prehashed(hash_of(scheme.hash_oid)))
    for r, s in _pairs(signature, (key.curve.n.bit_length() + 7) // 8):
        if primitive is None:
            if verify_ecdsa(key.curve, key.point, value, (r, s)):
                return True
            continue
        try:
            primitive.verify(utils.encode_dss_signature(r, s), value, algorithm)
        except InvalidSignature:
            continue
        return True
    return False


def _pairs(signature: bytes, order_bytes: int) -> Iterator[tuple[int, int]]:
    """What a signature's two numbers may be: a DER SEQUENCE, or both side by side with the length of the curve's order."""
    with suppress(ValueError):
        yield utils.decode_dss_signature(signature)
    if len(signature) == 2 * order_bytes:
        yield int.from_bytes(signature[:order_bytes], "big"), int.from_bytes(signature[order_bytes:], "big")


def number_to_cache(number: int) -> bytes:
    """A number of any size and sign as bytes, which the CBOR of this project has no numbers for."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def number_from_cache(cached: bytes) -> int:
    """The number of `number_to_cache`; TypeError for what are no bytes."""
    return int.from_bytes(cached, "big", signed=True)


def key_to_cache(key: PublicKey) -> CachedValue:
    """A key as plain values."""
    match key:
        case RsaKey():
            return ("rsa", number_to_cache(key.modulus), number_to_cache(key.exponent))
        case EllipticKey():
            return ("ec", key.curve.name, key.curve.encode(key.point))
        case UnusableKey():
            return ("unusable", key.problem, b"")


def key_from_cache(cached: Any) -> PublicKey:  # values from a file
    """The key of `key_to_cache`; ValueError, KeyError or TypeError for anything else. A point is taken as it was stored."""
    kind, first, second = cached
    if kind == "rsa":
        return RsaKey(number_from_cache(first), number_from_cache(second))
    if kind == "ec":
        curve, half = _CURVES_BY_NAME[first], len(second) // 2
        return EllipticKey(curve, Point(int.from_bytes(second[1 : half + 1], "big"), int.from_bytes(second[half + 1 :], "big")))
    if kind == "unusable":
        return UnusableKey(str(first))
    raise ValueError("no kind of key")


def scheme_to_cache(scheme: SignatureScheme | None) -> CachedValue:
    """A signature scheme as plain values."""
    return None if scheme is None else (scheme.kind.value, scheme.hash_oid, scheme.mask_hash_oid, scheme.salt_bytes)


def scheme_from_cache(cached: Any) -> SignatureScheme | None:  # values from a file
    """The scheme of `scheme_to_cache`; ValueError or TypeError for anything else."""
    if cached is None:
        return None
    kind, *rest = cached
    return SignatureScheme(_KINDS[kind], *rest)
