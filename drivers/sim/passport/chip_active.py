"""The simulated chip's signature in active authentication, with every hash function and key that chips use.

Sources: ICAO Doc 9303-11 §6.1.2.3, ISO/IEC 9796-2 scheme 1 (RSA), BSI TR-03111 §5.2.1 (plain ECDSA). Rule: written from the
chip's side; the reader's verification shares nothing with it. The short trailer BC stands for SHA-1 alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from drivers.sim.passport.personalisation import ActiveKey
from drivers.sim.passport.signing import Entropy

_TRAILERS = {"sha1": b"\xbc", "sha224": b"\x38\xcc", "sha256": b"\x34\xcc", "sha384": b"\x36\xcc", "sha512": b"\x35\xcc"}
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


@dataclass(frozen=True, slots=True)
class ActiveStyle:
    """How a chip signs: hash function, and for curves plain r ‖ s (as the standard asks) or DER (as some cards do).

    `long_trailer` writes SHA-1 with its two bytes 33CC instead of the single BC.
    """

    digest: str = "sha256"
    der: bool = False
    long_trailer: bool = False


USUAL_STYLE = ActiveStyle()


def sign_challenge(key: ActiveKey, challenge: bytes, entropy: Entropy, style: ActiveStyle = USUAL_STYLE) -> bytes:
    """The chip's answer to INTERNAL AUTHENTICATE."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _sign_on_curve(key, challenge, style)
    return _sign_with_recovery(key, challenge, entropy, style)


def _sign_on_curve(key: ec.EllipticCurvePrivateKey, challenge: bytes, style: ActiveStyle) -> bytes:
    signature = key.sign(challenge, ec.ECDSA(_HASHES[style.digest]()))
    if style.der:
        return signature
    size = (key.curve.group_order.bit_length() + 7) // 8
    r, s = decode_dss_signature(signature)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _sign_with_recovery(key: rsa.RSAPrivateKey, challenge: bytes, entropy: Entropy, style: ActiveStyle) -> bytes:
    """Header 6A, the recoverable part, the hash over it and the challenge, the trailer."""
    numbers, size = key.private_numbers(), (key.key_size + 7) // 8
    trailer = b"\x33\xcc" if style.long_trailer and style.digest == "sha1" else _TRAILERS[style.digest]
    length = hashlib.new(style.digest, usedforsecurity=False).digest_size
    message = entropy(size - 1 - length - len(trailer))
    digest = hashlib.new(style.digest, message + challenge, usedforsecurity=False).digest()
    representative = int.from_bytes(b"\x6a" + message + digest + trailer, "big")
    return pow(representative, numbers.d, numbers.public_numbers.n).to_bytes(size, "big")
