"""An officer's wish is signed, so that whoever carries it cannot forge, repeat, delay or redirect one.

The signature (Ed25519) covers lane, action, reason, officer, counter and expiry. The lane accepts exactly the counter that
its newest view names, so a wish is taken once; it expires within seconds, so a wish held back by its carrier is worthless.
An officer's presence is signed as well (S5): a console without an officer's key opens no lane.
No I/O and no clock: `now_ns` is an argument.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from egate.ipc.messages import OfficerPresent, OfficerWish
from egate.model.errors import TrustError

MAX_WISH_LIFE_S = 10.0
"""How far ahead a wish may expire: long enough for a busy console, too short to be held back for another traveller."""

MAX_PRESENCE_S = 15.0
"""How far ahead a presence may expire: an officer who went away closes the lane after this."""

PRESENCE_EVERY_S = 5.0
"""How often a console says that its officer is there; two lost messages close no lane."""

MAX_NAME_BYTES = 200
"""The longest lane or officer name that is signed."""

_CONTEXT = b"egate officer wish 3\x00"
"""Keeps a wish's signature from being one over anything else that the same key might sign."""

_PRESENCE_CONTEXT = b"egate officer presence 1\x00"
"""A presence is no wish, and a wish is no presence."""

_DOING = "verify an officer's wish"
_DOING_PRESENCE = "verify an officer's presence"
_NS_PER_S = 1_000_000_000


class WishFault(Enum):
    """Why a wish is not taken; the value is the `problem` of the TrustError and the `code` of the answer."""

    OTHER_LANE = "other_lane"
    OTHER_PASSAGE = "other_passage"
    WRONG_COUNTER = "wrong_counter"
    EXPIRED = "expired"
    EXPIRES_TOO_LATE = "expires_too_late"
    BAD_SIGNATURE = "bad_signature"


def signed_bytes(wish: OfficerWish) -> bytes:
    """What the signature covers: a context, then every field but the signature, texts with their length before them."""
    texts = (wish.lane, wish.action.value, wish.reason.value, wish.officer)
    numbers = (wish.passage, wish.counter, wish.expires_ns, wish.persons)
    return _CONTEXT + b"".join(map(_with_length, texts)) + b"".join(map(_eight_bytes, numbers))


def sign_wish(wish: OfficerWish, private_key: Ed25519PrivateKey) -> OfficerWish:
    """The same wish with the officer's signature."""
    return replace(wish, signature=private_key.sign(signed_bytes(wish)).hex())


def verify_wish(wish: OfficerWish, public_key: Ed25519PublicKey, now_ns: int, *, counter: int, lane: str, passage: int) -> None:
    """Return when the wish may be carried out; raise TrustError whose `problem` is a `WishFault` word otherwise.

    `counter`, `lane` and `passage` are what the lane expects now. The signature is verified first: nothing is said about a wish
    that the officer did not make.
    """
    try:
        public_key.verify(bytes.fromhex(wish.signature), signed_bytes(wish))
    except (InvalidSignature, ValueError):
        raise TrustError(_DOING, WishFault.BAD_SIGNATURE.value) from None
    fault = _fault_of(wish, now_ns, counter, lane)
    if fault is None and wish.passage != passage:
        fault = WishFault.OTHER_PASSAGE
    if fault is not None:
        raise TrustError(_DOING, fault.value)


def presence_bytes(presence: OfficerPresent) -> bytes:
    """What the signature of a presence covers."""
    texts = (presence.lane, presence.officer)
    return _PRESENCE_CONTEXT + b"".join(map(_with_length, texts)) + _eight_bytes(presence.expires_ns) + bytes([presence.here])


def sign_presence(presence: OfficerPresent, private_key: Ed25519PrivateKey) -> OfficerPresent:
    """The same presence with the officer's signature."""
    return replace(presence, signature=private_key.sign(presence_bytes(presence)).hex())


def verify_presence(presence: OfficerPresent, public_key: Ed25519PublicKey, now_ns: int, *, lane: str) -> None:
    """Return when the officer says so now; raise TrustError whose `problem` is a `WishFault` word otherwise."""
    try:
        public_key.verify(bytes.fromhex(presence.signature), presence_bytes(presence))
    except (InvalidSignature, ValueError):
        raise TrustError(_DOING_PRESENCE, WishFault.BAD_SIGNATURE.value) from None
    if presence.lane != lane:
        raise TrustError(_DOING_PRESENCE, WishFault.OTHER_LANE.value)
    if presence.expires_ns <= now_ns:
        raise TrustError(_DOING_PRESENCE, WishFault.EXPIRED.value)
    if presence.expires_ns > now_ns + int(MAX_PRESENCE_S * _NS_PER_S):
        raise TrustError(_DOING_PRESENCE, WishFault.EXPIRES_TOO_LATE.value)


def officer_key_from_pem(data: bytes) -> Ed25519PrivateKey:
    """The officer's private key from an unencrypted PKCS #8 PEM; raises TrustError for anything else."""
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise TrustError("read the officer's key", "it is not an unencrypted PEM private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise TrustError("read the officer's key", "it is not an Ed25519 key")
    return key


def _fault_of(wish: OfficerWish, now_ns: int, expected_counter: int, lane: str) -> WishFault | None:
    if wish.lane != lane:
        return WishFault.OTHER_LANE
    if wish.expires_ns <= now_ns:
        return WishFault.EXPIRED
    if wish.expires_ns > now_ns + int(MAX_WISH_LIFE_S * _NS_PER_S):
        return WishFault.EXPIRES_TOO_LATE
    if wish.counter != expected_counter:
        return WishFault.WRONG_COUNTER
    return None


def _with_length(text: str) -> bytes:
    data = text.encode("utf-8")
    if len(data) > MAX_NAME_BYTES:
        raise ValueError("a name in a wish is too long")
    return len(data).to_bytes(2, "big") + data


def _eight_bytes(number: int) -> bytes:
    if not 0 <= number < 1 << 63:
        raise ValueError("a number in a wish is out of range")
    return number.to_bytes(8, "big")
