"""Active authentication: the chip signs a random challenge with the private key of DG15.

Sources: ICAO Doc 9303-11 §6.1, §F; ISO/IEC 9796-2 digital signature scheme 1; BSI TR-03111 §5.2 (plain ECDSA signatures).
Rule: a signature counts only when it verifies; `verify_response` returns which variant did or raises ChipError. A key shorter
than its limit proves nothing and is refused. What was signed is kept as a proof, so that anybody may verify it again. DG15 must
also be covered by the signed security object, which `egate.pki` verifies.

How long an answer to ask for: a short length first, because some chips answer nothing to the extended one (AndyQ #223); the
extended one, where reader and chip carry it, when the signature came cut off although the chip reported success (Australia,
AndyQ #194), or when the chip refused the short length.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Generator
from dataclasses import dataclass, field

from egate.model.document import ChipProof
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.apdu import MAX_EXTENDED_BYTES, MAX_SHORT_LE, SW_OK, CommandApdu, ResponseApdu
from egate.mrtd.crypto.agreement import Entropy
from egate.mrtd.crypto.ec import Curve, Point, verify_ecdsa
from egate.mrtd.crypto.powers import power
from egate.mrtd.files.lds import parse_dg15
from egate.mrtd.files.security_infos import decode_oid, parse_ec_public_key
from egate.mrtd.files.tlv import parse_one, parse_tlvs

CHALLENGE_BYTES = 8
MIN_MODULUS_BITS = 1024
"""Shorter keys can be factored, so a clone could hold one too (gmrtd #346). Doc 9303 recommends 2048 bits, but documents in
circulation have 1024 and 1792, and for them this is the only proof."""
MAX_MODULUS_BITS = 8192
MAX_SIGNATURE_BYTES = 2 * MAX_MODULUS_BITS // 8
"""Room for padding in front; a longer answer is no signature."""
MAX_EXPONENT = 1 << 64
"""Bounds the work that a hostile key causes."""

_DOING = "active authentication"
_ABOUT_LENGTH = frozenset({0x6700, 0x6F00, 0x6A80, SW_OK})
"""Refusals that the other length may cure; success is one when it comes without data."""
_RSA_OID = "1.2.840.113549.1.1.1"
_PROTOCOL = "active_authentication"
_TRAILERS = {0x33: "sha1", 0x34: "sha256", 0x35: "sha512", 0x36: "sha384", 0x38: "sha224"}
"""Hash identifiers of ISO/IEC 10118-3 in a two-byte trailer that ends in CC."""
_IMPLICIT_HASHES = ("sha1", "sha256", "sha224", "sha384", "sha512")
"""A single BC leaves the hash to be known: SHA-1 by Doc 9303, and the others after it. Each covers all of the message, so trying
them gives a forger nothing."""
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


@dataclass(frozen=True, slots=True)
class ActiveResult:
    """How active authentication went: the variant that verified, None when the signature does not hold, and the proof."""

    variant: str | None
    proof: ChipProof


def run_active_authentication(
    key_info: bytes, algorithm: str | None, entropy: Entropy, max_response_bytes: int = MAX_SHORT_LE
) -> Generator[CommandApdu, ResponseApdu, ActiveResult]:
    """Have the chip sign a fresh challenge, and verify the signature under the SubjectPublicKeyInfo of DG15.

    `algorithm` is the object identifier that DG14 states for ECDSA, None where it states none. `max_response_bytes` is the
    longest response APDU that reader and chip carry; above 256 the extended length may be used. Raises MalformedData when the key
    is none, ChipError when the chip does not sign. A signature that does not hold is a result without variant: it is evidence.
    """
    size = _signature_bytes(parse_public_key(key_info))
    challenge = entropy(CHALLENGE_BYTES)
    lengths = [MAX_SHORT_LE, MAX_EXTENDED_BYTES] if max_response_bytes > MAX_SHORT_LE else [MAX_SHORT_LE]
    signature, refusal = b"", None
    for length in lengths:
        try:
            answer = yield from internal_authenticate(challenge, length)
        except ChipError as error:
            if error.sw not in _ABOUT_LENGTH:
                raise
            refusal = refusal or error
            continue
        signature = max(signature, answer, key=len)
        variant = _variant(key_info, challenge, signature, algorithm)
        if variant is not None or len(signature) >= size:
            return ActiveResult(variant, _proof(challenge, signature))
    if not signature and refusal is not None:
        raise refusal
    return ActiveResult(None, _proof(challenge, signature))


def _proof(challenge: bytes, signature: bytes) -> ChipProof:
    return ChipProof(_PROTOCOL, {"challenge": challenge, "signature": signature})


def verify_active_proof(dg15: bytes, dg14_algorithm: str | None, proof: ChipProof) -> str:
    """Verify a recorded proof under DG15, the whole file, and return the variant.

    Raises ChipError when it does not hold, MalformedData when DG15 holds no usable key or the proof is of another protocol. That
    the challenge was fresh cannot be told from a record; that DG15 is genuine is the matter of the security object.
    """
    values = proof.values
    if proof.protocol != _PROTOCOL or not {"challenge", "signature"} <= values.keys():
        raise MalformedData(_DOING, "a proof of another protocol")
    if len(values["challenge"]) != CHALLENGE_BYTES:
        raise MalformedData(_DOING, "a challenge of another length")
    return verify_response(parse_dg15(dg15), values["challenge"], values["signature"], dg14_algorithm)


def _variant(info: bytes, challenge: bytes, signature: bytes, algorithm: str | None) -> str | None:
    try:
        return verify_response(info, challenge, signature, algorithm)
    except ChipError:
        return None


def internal_authenticate(challenge: bytes, le: int = MAX_SHORT_LE) -> Generator[CommandApdu, ResponseApdu, bytes]:
    """Have the chip sign the challenge and return its signature; raises ChipError. `le` above 256 asks in extended form."""
    response = yield CommandApdu(0x00, 0x88, 0x00, 0x00, challenge, le)
    if response.exact_length is not None:
        response = yield CommandApdu(0x00, 0x88, 0x00, 0x00, challenge, response.exact_length)
    if not response.ok or not response.data:
        raise ChipError(_DOING, "the chip gave no signature", response.sw)
    return response.data


def _signature_bytes(key: RsaKey | EcKey) -> int:
    """How long a whole signature is at least; a DER one of a curve may be a little shorter than the plain one it stands for."""
    if isinstance(key, RsaKey):
        return (key.modulus.bit_length() + 7) // 8
    return (key.curve.n.bit_length() + 7) // 8


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
    """Open the signature; of the two roots of scheme 1 the one that ends in the trailer's nibble is meant (ISO/IEC 9796-2 §B).

    The signature is taken as a number, so zeros in front of it, or lost there, change nothing (gmrtd #104, #106).
    """
    number = int.from_bytes(signature, "big")
    if number >= key.modulus or len(signature) > MAX_SIGNATURE_BYTES:
        return None
    opened = power(number, key.exponent, key.modulus)
    size = (key.modulus.bit_length() + 7) // 8
    for candidate in (opened, key.modulus - opened):
        if candidate & 0x0F == 0x0C:
            name = verify_recovered(candidate.to_bytes(size, "big"), challenge)
            if name is not None:
                return f"rsa-{name}"
    return None


def verify_recovered(representative: bytes, challenge: bytes) -> str | None:
    """The hash that proves an opened ISO/IEC 9796-2 representative to cover M1 ‖ challenge, None when none does (§F step 4).

    The representative is header and padding, M1, hash, trailer; the padding is a row of B nibbles that an A nibble ends. Zeros in
    front are those of a modulus whose length is no multiple of eight bits, or of a chip that leaves its highest byte empty.
    """
    names, trailer_bytes = _trailer(representative)
    body = representative[: len(representative) - trailer_bytes]
    begin = _message_start(body)
    if begin is None:
        return None
    covered = body[begin:]
    return next((name for name in names if _covers(name, covered, challenge)), None)


def _covers(name: str, recovered: bytes, challenge: bytes) -> bool:
    """Whether M1 ‖ hash, as recovered, belongs to the challenge."""
    size = hashlib.new(name, usedforsecurity=False).digest_size
    if len(recovered) < size:
        return False
    message, digest = recovered[:-size], recovered[-size:]
    return hmac.compare_digest(hashlib.new(name, message + challenge, usedforsecurity=False).digest(), digest)


def _trailer(representative: bytes) -> tuple[tuple[str, ...], int]:
    """The hashes that the trailer leaves open, and its length in bytes."""
    if representative.endswith(b"\xbc"):
        return _IMPLICIT_HASHES, 1
    two = representative[-2:]
    if len(two) == 2 and two[1] == 0xCC and two[0] in _TRAILERS:
        return (_TRAILERS[two[0]],), 2
    return (), 0


def _message_start(body: bytes) -> int | None:
    """Where M1 begins, in bytes: after a nibble 6 (4 where all is recovered), any number of B nibbles, and an A nibble.

    The nibbles are counted from where the representative begins, which is within a byte when the modulus has an odd length.
    """
    nibbles = body.hex().lstrip("0")
    end = nibbles.find("a")
    if nibbles[:1] not in {"4", "6"} or end < 1 or nibbles[1:end].strip("b"):
        return None
    position = 2 * len(body) - len(nibbles) + end + 1
    return position // 2 if position % 2 == 0 else None


def _verify_ec(key: EcKey, challenge: bytes, signature: bytes, algorithm: str | None) -> str | None:
    forms = _signature_numbers(signature, (key.curve.n.bit_length() + 7) // 8)
    for name in _hashes(key.curve, algorithm):
        digest = hashlib.new(name, challenge, usedforsecurity=False).digest()
        if any(verify_ecdsa(key.curve, key.point, digest, numbers) for numbers in forms):
            return f"ecdsa-{name}"
    return None


def _hashes(curve: Curve, algorithm: str | None) -> tuple[str, ...]:
    """The hash that DG14 states, and no other; without a statement the one of the curve's size first.

    The others follow by how often documents without DG14 use them (a P-384 key with SHA-256: gmrtd #477).
    """
    stated = _HASH_BY_OID.get(algorithm or "")
    if stated is not None:
        return (stated,)
    bits = curve.n.bit_length()
    by_size = "sha224" if bits < 256 else "sha256" if bits < 384 else "sha384" if bits < 512 else "sha512"
    return tuple(dict.fromkeys((by_size, "sha256", "sha1", "sha224", "sha384", "sha512")))


def _signature_numbers(signature: bytes, size: int) -> tuple[tuple[int, int], ...]:
    """The numbers r and s that a signature may mean: plain halves, or DER, which some documents send against the standard.

    A DER signature can have the length of a plain one, so both readings are tried; halves may be padded to whole bytes (P-521).
    """
    found = []
    half = len(signature) // 2
    if len(signature) % 2 == 0 and size <= half <= size + 1:
        found.append((int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")))
    try:
        parts = parse_tlvs(parse_one(signature, 0x30, _DOING), _DOING)
    except MalformedData:
        return tuple(found)
    if [item.tag for item in parts] == [0x02, 0x02]:
        found.append((int.from_bytes(parts[0].value, "big"), int.from_bytes(parts[1].value, "big")))
    return tuple(found)
