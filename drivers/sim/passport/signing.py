"""What simulated States sign with: keys, the schemes that passports of the field use, and signatures as real signers make them.

Sources: ICAO Doc 9303-12 §4.4 (algorithms), RFC 8017 (RSA), BSI TR-03111 (ECDSA). Rule: keys of elliptic curves come from the
entropy that is passed in and ECDSA is signed deterministically, so a seeded State signs the same bytes again; RSA keys and the
salts of RSASSA-PSS come from the cryptography library's own generator and cannot be seeded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha1
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from egate.mrtd.files.security_infos import encode_ec_public_key
from egate.mrtd.files.tlv import encode_tlv
from egate.pki.asn1 import algos, core, keys

Entropy = Callable[[int], bytes]
"""Gives as many random bytes as asked."""


class SeededEntropy:
    """Bytes that follow from a seed: the same in every run, never the same twice in one."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._drawn = 0

    def __call__(self, size: int) -> bytes:
        """So many bytes."""
        self._drawn += 1
        return hashlib.shake_256(self._seed + self._drawn.to_bytes(4, "big")).digest(size)

    def __repr__(self) -> str:
        return "SeededEntropy()"


PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

DIGESTS = ("sha1", "sha224", "sha256", "sha384", "sha512")
"""Hash functions of security objects and signatures, as the words of their names."""

_CURVES: Mapping[str, Callable[[], ec.EllipticCurve]] = MappingProxyType(
    {
        "secp192r1": ec.SECP192R1,
        "secp224r1": ec.SECP224R1,
        "secp256r1": ec.SECP256R1,
        "secp384r1": ec.SECP384R1,
        "secp521r1": ec.SECP521R1,
        "brainpoolP256r1": ec.BrainpoolP256R1,
        "brainpoolP384r1": ec.BrainpoolP384R1,
        "brainpoolP512r1": ec.BrainpoolP512R1,
    }
)
_RSA_SIZES = (2048, 3072, 4096)
_HASHES: Mapping[str, type[hashes.HashAlgorithm]] = MappingProxyType(
    {
        "sha1": hashes.SHA1,
        "sha224": hashes.SHA224,
        "sha256": hashes.SHA256,
        "sha384": hashes.SHA384,
        "sha512": hashes.SHA512,
    }
)
_DIGEST_OIDS = {name: algos.DigestAlgorithmId(name).dotted for name in DIGESTS}


class Padding(Enum):
    """How an RSA signature is padded; PKCS1_WITHOUT_NULL leaves the parameters out of the DigestInfo (RFC 8017 appendix B.1)."""

    PSS = "pss"
    PKCS1 = "pkcs1"
    PKCS1_WITHOUT_NULL = "pkcs1-no-null"


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """A kind of signature. `key` is `rsa-<bits>` or the name of a curve.

    `named` writes the curve by its name instead of spelling its parameters out, as Doc 9303-12 §4.1.6.3 demands.
    ValueError for a key or hash that is not played here.
    """

    key: str
    digest: str = "sha256"
    padding: Padding = Padding.PSS
    named: bool = False

    def __post_init__(self) -> None:
        if self.key not in _CURVES and self.key not in {f"rsa-{bits}" for bits in _RSA_SIZES}:
            raise ValueError(f"a signing key is one of {', '.join(KEY_KINDS)}")
        if self.digest not in DIGESTS:
            raise ValueError(f"a hash function is one of {', '.join(DIGESTS)}")

    @property
    def word(self) -> str:
        """E.g. `secp384r1-sha384-named` or `rsa-2048-pkcs1-sha256`."""
        if self.key in _CURVES:
            return f"{self.key}-{self.digest}" + ("-named" if self.named else "")
        return f"{self.key}-{self.padding.value}-{self.digest}"


KEY_KINDS = (*_CURVES, *(f"rsa-{bits}" for bits in _RSA_SIZES))


class SigningKind(Enum):
    """What a simulated State signs with, where no other scheme is named."""

    ECDSA_BRAINPOOL = "brainpoolP256r1"
    ECDSA_NIST = "secp256r1"
    RSA_PSS = "rsa-pss"

    @property
    def scheme(self) -> SignatureScheme:
        """The scheme behind the name."""
        return SignatureScheme("rsa-2048" if self is SigningKind.RSA_PSS else self.value)


def _all_schemes() -> dict[str, SignatureScheme]:
    curves = [SignatureScheme(key, digest, named=named) for key in _CURVES for digest in DIGESTS for named in (False, True)]
    rsas = [SignatureScheme(f"rsa-{bits}", digest, padding) for bits in _RSA_SIZES for padding in Padding for digest in DIGESTS]
    return {scheme.word: scheme for scheme in (*curves, *rsas)}


SCHEMES: Mapping[str, SignatureScheme] = MappingProxyType(_all_schemes())
"""Every scheme by its word."""


def elliptic_key(curve: ec.EllipticCurve, entropy: Entropy) -> ec.EllipticCurvePrivateKey:
    """A private key made from the entropy: as many bytes as the order has, and eight more against bias."""
    order = curve.group_order
    number = int.from_bytes(entropy((order.bit_length() + 7) // 8 + 8), "big") % (order - 1) + 1
    return ec.derive_private_key(number, curve)


def signing_key(kind: SigningKind | SignatureScheme, entropy: Entropy) -> PrivateKey:
    """A key for a kind of signature. RSA keys come from the cryptography library's own generator and cannot be seeded."""
    scheme = kind.scheme if isinstance(kind, SigningKind) else kind
    if scheme.key in _CURVES:
        return elliptic_key(_CURVES[scheme.key](), entropy)
    return rsa.generate_private_key(public_exponent=65537, key_size=int(scheme.key.removeprefix("rsa-")))


def scheme_of(key: PrivateKey) -> SignatureScheme:
    """What is signed with a key when nobody says otherwise: SHA-256, RSASSA-PSS, curves spelled out."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return SignatureScheme(next(word for word in _CURVES if word.lower() == key.curve.name.lower()))
    return SignatureScheme(f"rsa-{key.key_size}")


def public_key_info(key: PrivateKey, scheme: SignatureScheme) -> bytes:
    """The SubjectPublicKeyInfo of a key, its curve spelled out unless the scheme names it."""
    if isinstance(key, rsa.RSAPrivateKey) or scheme.named:
        return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encode_ec_public_key(key.public_key())


def key_identifier(key: PrivateKey, scheme: SignatureScheme) -> bytes:
    """SHA-1 over the bits of the key, a name and no protection (RFC 5280 §4.2.1.2)."""
    bits = keys.PublicKeyInfo.load(public_key_info(key, scheme))["public_key"]
    return sha1(bits.contents[1:], usedforsecurity=False).digest()


def digest_of(name: str, data: bytes) -> bytes:
    """The hash of data by the word of its function."""
    return hashlib.new(name, data, usedforsecurity=False).digest()


def algorithm(scheme: SignatureScheme) -> dict[str, Any]:
    """The AlgorithmIdentifier of signatures of a scheme."""
    if scheme.key in _CURVES:
        return {"algorithm": f"{scheme.digest}_ecdsa"}
    if scheme.padding is Padding.PKCS1_WITHOUT_NULL:
        return {"algorithm": f"{scheme.digest}_rsa"}
    if scheme.padding is Padding.PKCS1:
        return {"algorithm": f"{scheme.digest}_rsa", "parameters": core.Null()}
    identifier = {"algorithm": scheme.digest}
    parameters = algos.RSASSAPSSParams(
        {
            "hash_algorithm": identifier,
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": identifier},
            "salt_length": _HASHES[scheme.digest].digest_size,
        }
    )
    return {"algorithm": "rsassa_pss", "parameters": parameters}


def sign(key: PrivateKey, scheme: SignatureScheme, message: bytes) -> bytes:
    """A signature of the scheme."""
    function = _HASHES[scheme.digest]()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(function, deterministic_signing=True))
    match scheme.padding:
        case Padding.PSS:
            return key.sign(message, padding.PSS(padding.MGF1(function), function.digest_size), function)
        case Padding.PKCS1:
            return key.sign(message, padding.PKCS1v15(), function)
        case Padding.PKCS1_WITHOUT_NULL:
            return _sign_without_null(key, scheme.digest, message)


def _sign_without_null(key: rsa.RSAPrivateKey, digest: str, message: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 whose DigestInfo has no NULL, which no library makes and issued objects hold."""
    oid = core.ObjectIdentifier(_DIGEST_OIDS[digest]).dump()
    information = encode_tlv(0x30, encode_tlv(0x30, oid) + encode_tlv(0x04, digest_of(digest, message)))
    size = (key.key_size + 7) // 8
    block = b"\x00\x01" + b"\xff" * (size - 3 - len(information)) + b"\x00" + information
    numbers = key.private_numbers()
    return pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n).to_bytes(size, "big")
