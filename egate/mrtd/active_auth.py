"""Active authentication: the chip signs a random challenge with the private key of DG15.

Sources: ICAO Doc 9303-11 §6.1, §F; ISO/IEC 9796-2 digital signature scheme 1; BSI TR-03111 §5.2 (plain ECDSA signatures).
Rule: `verify_response` returns which variant verified or raises ChipError; a key shorter than its limit proves nothing and is
refused. DG15 must also be covered by the signed security object, which `egate.pki` verifies.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Generator
from dataclasses import dataclass, field

from egate.model.errors import ChipError, MalformedData
from egate.mrtd.apdu import SW_OK, CommandApdu, ResponseApdu
from egate.mrtd.crypto.ec import Curve, Point, verify_ecdsa
from egate.mrtd.files.security_infos import decode_oid, parse_ec_public_key
from egate.mrtd.files.tlv import parse_one, parse_tlvs

CHALLENGE_BYTES = 8
MIN_MODULUS_BITS = 1024
"""Below this an RSA signature proves nothing today; documents of 2006 have exactly this."""
MAX_MODULUS_BITS = 8192
MAX_EXPONENT = 1 << 64
"""Bounds the work that a hostile key causes."""

_DOING = "active authentication"
_RSA_OID = "1.2.840.113549.1.1.1"
_TRAILERS = {0x33: "sha1", 0x34: "sha256", 0x35: "sha512", 0x36: "sha384", 0x38: "sha224"}
"""Hash identifiers of ISO/IEC 10118-3 in a two-byte trailer; a single BC means SHA-1."""
_HASH_BY_OID = {
    "0.4.0.127.0.7.1.1.4.1.1": "sha1",
    "0.4.0.127.0.7.1.1.4.1.2": "sha224",
    "0.4.0.127.0.7.1.1.4.1.3": "sha256",
    "0.4.0.127.0.7.1.1.4.1.4": "sha384",
    "0.4.0.127.0.7.1.1.4.1.5": "sha512",
    "1.2.840.10045.4.1": "sha1",
    "1.2.840.10045.4.3.1": "sha224",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
"""Signature algorithms of ActiveAuthenticationInfo: plain ECDSA of TR-03111, and ECDSA of ANSI X9.62."""


@dataclass(frozen=True, slots=True)
class RsaKey:
    """An RSA public key."""

    modulus: int = field(repr=False)
    exponent: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class EcKey:
    """A public key on one of the standard curves."""

    curve: Curve
    point: Point = field(repr=False)


def internal_authenticate(challenge: bytes) -> Generator[CommandApdu, ResponseApdu, bytes]:
    """Have the chip sign the challenge and return its signature; raises ChipError."""
    response = yield CommandApdu(0x00, 0x88, 0x00, 0x00, challenge, 256)
    if not response.ok or not response.data:
        raise ChipError(_DOING, "the chip gave no signature", response.sw)
    return response.data


def parse_public_key(info: bytes) -> RsaKey | EcKey:
    """The key of a SubjectPublicKeyInfo; raises MalformedData when it is none that this reader knows."""
    parts = parse_tlvs(parse_one(info, 0x30, _DOING), _DOING)
    if len(parts) != 2 or parts[0].tag != 0x30 or parts[1].tag != 0x03:
        raise MalformedData(_DOING, "no public key")
    algorithm = parse_tlvs(parts[0].value, _DOING)
    if not algorithm or algorithm[0].tag != 0x06:
        raise MalformedData(_DOING, "no algorithm")
    if decode_oid(algorithm[0].value) == _RSA_OID:
        return _parse_rsa(parts[1].value)
    found = parse_ec_public_key(info)
    if found is None:
        raise MalformedData(_DOING, "a key of an unknown kind or curve")
    return EcKey(*found)


def _parse_rsa(bits: bytes) -> RsaKey:
    if not bits.startswith(b"\x00"):
        raise MalformedData(_DOING, "the key is no bit string")
    numbers = parse_tlvs(parse_one(bits[1:], 0x30, _DOING), _DOING)
    if [item.tag for item in numbers] != [0x02, 0x02]:
        raise MalformedData(_DOING, "the key does not consist of two numbers")
    modulus, exponent = (int.from_bytes(item.value, "big") for item in numbers)
    if not MIN_MODULUS_BITS <= modulus.bit_length() <= MAX_MODULUS_BITS or not 3 <= exponent < MAX_EXPONENT:
        raise MalformedData(_DOING, "modulus or exponent outside their limits")
    return RsaKey(modulus, exponent)


def verify_response(info: bytes, challenge: bytes, signature: bytes, algorithm: str | None = None) -> str:
    """Verify the chip's signature under the SubjectPublicKeyInfo of DG15 and return the variant, e.g. `rsa-sha1`.

    `algorithm` is the object identifier that DG14 states for ECDSA. Raises ChipError when the signature does not hold,
    MalformedData when the key is none.
    """
    key = parse_public_key(info)
    variant = (
        _verify_rsa(key, challenge, signature) if isinstance(key, RsaKey) else _verify_ec(key, challenge, signature, algorithm)
    )
    if variant is None:
        raise ChipError(_DOING, "the signature does not hold", SW_OK)
    return variant


def _verify_rsa(key: RsaKey, challenge: bytes, signature: bytes) -> str | None:
    """Open the signature; of the two roots of scheme 1 the one that ends in the trailer's nibble is meant (ISO/IEC 9796-2 §B)."""
    number = int.from_bytes(signature, "big")
    if number >= key.modulus:
        return None
    opened = pow(number, key.exponent, key.modulus)
    size = (key.modulus.bit_length() + 7) // 8
    for candidate in (opened, key.modulus - opened):
        if candidate & 0x0F == 0x0C:
            name = verify_recovered(candidate.to_bytes(size, "big"), challenge)
            if name is not None:
                return f"rsa-{name}"
    return None


def verify_recovered(representative: bytes, challenge: bytes) -> str | None:
    """The hash that proves an opened ISO/IEC 9796-2 representative to cover M1 ‖ challenge, None when none does (§F step 4).

    The representative is header and padding, M1, hash, trailer; the padding is a row of B nibbles that an A nibble ends.
    """
    name, trailer_bytes = _trailer(representative)
    if name is None:
        return None
    body = representative.lstrip(b"\x00")[:-trailer_bytes]
    begin = _message_start(body)
    digest_bytes = hashlib.new(name, usedforsecurity=False).digest_size
    if begin is None or len(body) - begin < digest_bytes:
        return None
    message, digest = body[begin:-digest_bytes], body[-digest_bytes:]
    expected = hashlib.new(name, message + challenge, usedforsecurity=False).digest()
    return name if hmac.compare_digest(expected, digest) else None


def _trailer(representative: bytes) -> tuple[str | None, int]:
    if representative.endswith(b"\xbc"):
        return "sha1", 1
    two = representative[-2:]
    return (_TRAILERS.get(two[0]), 2) if two.endswith(b"\xcc") else (None, 0)


def _message_start(body: bytes) -> int | None:
    """Where M1 begins: after `6A`, or after `6B`, any number of `BB`, and `BA`; `4A` and `4B` where all is recovered."""
    if not body or body[0] >> 4 not in {0x4, 0x6}:
        return None
    if body[0] & 0x0F == 0x0A:
        return 1
    end = body.find(b"\xba")
    padded = body[0] & 0x0F == 0x0B and end > 0 and body[1:end] == b"\xbb" * (end - 1)
    return end + 1 if padded else None


def _verify_ec(key: EcKey, challenge: bytes, signature: bytes, algorithm: str | None) -> str | None:
    numbers = _signature_numbers(signature, (key.curve.n.bit_length() + 7) // 8)
    if numbers is None:
        return None
    for name in _hashes(key.curve, algorithm):
        digest = hashlib.new(name, challenge, usedforsecurity=False).digest()
        if verify_ecdsa(key.curve, key.point, digest, numbers):
            return f"ecdsa-{name}"
    return None


def _hashes(curve: Curve, algorithm: str | None) -> tuple[str, ...]:
    """The hash that DG14 states; otherwise the one of the curve's size and the others that documents without DG14 use."""
    stated = _HASH_BY_OID.get(algorithm or "")
    if stated is not None:
        return (stated,)
    bits = curve.n.bit_length()
    by_size = "sha224" if bits < 256 else "sha256" if bits < 384 else "sha384" if bits < 512 else "sha512"
    return tuple(dict.fromkeys((by_size, "sha256", "sha1", "sha224", "sha384", "sha512")))


def _signature_numbers(signature: bytes, size: int) -> tuple[int, int] | None:
    """The numbers r and s of a plain signature, or of a DER one, which some documents send against the standard."""
    if len(signature) == 2 * size:
        return int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    try:
        parts = parse_tlvs(parse_one(signature, 0x30, _DOING), _DOING)
    except MalformedData:
        return None
    if [item.tag for item in parts] != [0x02, 0x02]:
        return None
    return int.from_bytes(parts[0].value, "big"), int.from_bytes(parts[1].value, "big")
