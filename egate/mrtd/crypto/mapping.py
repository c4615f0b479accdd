"""The mappings of PACE: from the nonce to the base that both sides then agree over.

Source: ICAO Doc 9303-11 §4.4.3.3 (generic, integrated, chip authentication mapping), §B (point encoding), worked examples §H;
Brier and others, "Efficient Indifferentiable Hashing into Ordinary Elliptic Curves" (the encoding). Rule: an outcome that would
not depend on the nonce, or that lies outside the group, raises MalformedData; no honest run meets one.
"""

from __future__ import annotations

from typing import TypeVar

from egate.model.errors import MalformedData
from egate.mrtd.crypto.agreement import Agreement, CurveAgreement, Entropy, GroupAgreement, KeyPair
from egate.mrtd.crypto.ciphers import CipherSuite, encrypt
from egate.mrtd.crypto.ec import Curve, Point
from egate.mrtd.crypto.powers import power

NONCE_BYTES = {CipherSuite.DES3: 16, CipherSuite.AES128: 16, CipherSuite.AES192: 32, CipherSuite.AES256: 32}
"""The chip's nonce fills whole blocks and is at least as long as a key (Doc 9303-11 §4.4.3.3.2)."""

_DOING = "mapping the nonce"
_EXCESS_BITS = 64
"""How much longer than the prime the pseudo-random string is, so that its remainder favours no number (§4.4.3.3.2)."""
_CONSTANTS = {
    16: ("a668892a7c41e3ca739f40b057d85904", "a4e136ac725f738b01c1f60217c188ad"),
    32: (
        "d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676",
        "54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517",
    ),
}
"""The constants c0 and c1 by the nonce's length in bytes (§4.4.3.3.2)."""

Element = TypeVar("Element")


def map_generic(
    agreement: Agreement[Element], nonce: bytes, own: KeyPair[Element], other: Element, entropy: Entropy | None = None
) -> Element:
    """The base s·G + H with H the agreement of the two mapping keys (§4.4.3.3.1).

    The standard draws s uniformly and forbids nothing. A nonce that is zero modulo the order is refused nevertheless: the base
    would be H alone, which two sides reach without any password; an honest chip sends it once in 2^128 runs.
    """
    shared = agreement.multiply(own.private, other, entropy)
    scalar = int.from_bytes(nonce, "big") % agreement.order
    if scalar == 0:
        raise MalformedData(_DOING, "a nonce of zero")
    return agreement.add(agreement.multiply(scalar, agreement.base, entropy), shared)


def map_integrated(
    agreement: CurveAgreement | GroupAgreement, suite: CipherSuite, nonce: bytes, additional: bytes
) -> Point | int:
    """The base that the chip's nonce and the terminal's additional nonce are hashed to (§4.4.3.3.2)."""
    if not any(nonce):
        raise MalformedData(_DOING, "a nonce of zero")
    if isinstance(agreement, CurveAgreement):
        return encode_to_point(agreement.curve, pseudo_random(suite, nonce, additional, agreement.curve.p))
    group = agreement.group
    base = power(pseudo_random(suite, nonce, additional, group.p), (group.p - 1) // group.q, group.p)
    if base in {0, 1}:
        raise MalformedData(_DOING, "the neutral element")
    return base


def maps_integrated(agreement: CurveAgreement | GroupAgreement) -> bool:
    """Whether the integrated mapping exists here: for groups, and curves whose prime is 3 modulo 4 (not secp224r1)."""
    if isinstance(agreement, GroupAgreement):
        return True
    return agreement.curve.p % 4 == 3 and agreement.curve.a != 0 and agreement.curve.b != 0


def pseudo_random(suite: CipherSuite, nonce: bytes, additional: bytes, prime: int) -> int:
    """R_p(s, t): a number below the prime from both nonces, by the block cipher in CBC with a zero vector (§4.4.3.3.2).

    The first key is E(t, s); each round takes a part of the outcome from E(key, c1) and the next key from E(key, c0), keys cut
    to the cipher's length. MalformedData for nonces of another length.
    """
    if len(nonce) != NONCE_BYTES[suite] or len(additional) != suite.key_bytes:
        raise MalformedData(_DOING, "a nonce of another length")
    first, second = (bytes.fromhex(constant) for constant in _CONSTANTS[len(nonce)])
    zero = bytes(suite.block_bytes)
    key = encrypt(suite, additional, zero, nonce)[: suite.key_bytes]
    text = b""
    while len(text) * 8 < prime.bit_length() + _EXCESS_BITS:
        text += encrypt(suite, key, zero, second)
        key = encrypt(suite, key, zero, first)[: suite.key_bytes]
    return int.from_bytes(text, "big") % prime


def encode_to_point(curve: Curve, value: int) -> Point:
    """The point that a field element is encoded to (§B.2, affine), on a curve whose prime is 3 modulo 4.

    With α = −t² and X₂ = −b/a · (1 + 1/(α + α²)), one of X₂ and X₃ = αX₂ is the abscissa of a point. MalformedData for the three
    field elements without a point (0, 1 and −1), which a hash meets never.
    """
    p, a, b = curve.p, curve.a, curve.b
    alpha = -value * value % p
    denominator = a * (alpha + alpha * alpha) % p
    if p % 4 != 3 or denominator == 0:
        raise MalformedData(_DOING, "a field element without a point")
    x2 = -b * (1 + alpha + alpha * alpha) * pow(denominator, -1, p) % p
    h2 = (pow(x2, 3, p) + a * x2 + b) % p
    power = pow(h2, p - 1 - (p + 1) // 4, p)  # h₂ to minus a quarter of p+1, so power·h₂ is its root where it has one
    root = power * h2 % p
    on_first = power * root % p == 1
    point = Point(x2, root) if on_first else Point(alpha * x2 % p, root * pow(value, 3, p) % p)
    if not curve.contains(point):
        raise MalformedData(_DOING, "a field element without a point")
    return point
