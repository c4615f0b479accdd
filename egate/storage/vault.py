"""Sealing of personal data to the centre's public key, so that the lane cannot read its own past.

Hybrid public key encryption (RFC 9180, single shot) from `cryptography`. The default suite joins ML-KEM-768 with X25519
(X-Wing), so a record that is stolen today stays closed to tomorrow's quantum computer; the suite's number stands in each
header, so another can follow. Rules: the lane holds public keys only; `info` names the purpose and the header, so a sealed
part opens with its own header and no other; plaintexts are padded to steps of 256 bytes, so their length says little.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from egate.model.errors import DeviceError, MalformedData, TrustError
from egate.storage.header import KEY_ID_BYTES

PAD_STEP_BYTES = 256
"""Sealed plaintexts are a multiple of this long (record design §7.4)."""

PERSONAL_LIMIT_BYTES = 512 * 1024
"""The largest personal part: two portraits and some text; a record must fit a message of 1 MiB on the bus."""

SEALED_LIMIT_BYTES = PERSONAL_LIMIT_BYTES + 4096
"""The largest sealed part: length field, padding, encapsulated key (1120 bytes in the hybrid suite), tag."""

INFO_PREFIX = b"egate/crossing/v1\x00"
_LENGTH_BYTES = 4


class SealingSuite(IntEnum):
    """How a personal part is sealed; the number stands in the header."""

    X_WING_AES_256_GCM = 1
    X25519_AES_256_GCM = 2


_KEMS = {
    SealingSuite.X_WING_AES_256_GCM: hpke.KEM.MLKEM768_X25519,
    SealingSuite.X25519_AES_256_GCM: hpke.KEM.X25519,
}


@dataclass(frozen=True, slots=True)
class CentrePublicKey:
    """What a lane needs to seal: an X25519 key and, for the hybrid suite, an ML-KEM-768 key."""

    x25519: X25519PublicKey
    mlkem: MLKEM768PublicKey | None = None

    @property
    def suite(self) -> SealingSuite:
        """The suite that this key is for."""
        return SealingSuite.X25519_AES_256_GCM if self.mlkem is None else SealingSuite.X_WING_AES_256_GCM

    @property
    def key_id(self) -> bytes:
        """The first eight bytes of the SHA-256 of the raw public keys; tells keys apart, proves nothing."""
        raw = b"" if self.mlkem is None else self.mlkem.public_bytes_raw()
        return hashlib.sha256(raw + self.x25519.public_bytes_raw()).digest()[:KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class CentrePrivateKey:
    """What opens sealed parts; exists at the centre only."""

    x25519: X25519PrivateKey = field(repr=False)
    mlkem: MLKEM768PrivateKey | None = field(repr=False, default=None)

    def public_key(self) -> CentrePublicKey:
        """The half that lanes receive."""
        return CentrePublicKey(self.x25519.public_key(), None if self.mlkem is None else self.mlkem.public_key())


class Vault:
    """Seals to one public key; prepared once, so that sealing costs one encapsulation."""

    def __init__(self, key: CentrePublicKey) -> None:
        self.key_id = key.key_id
        self.suite = key.suite
        self._cipher = _cipher(key.suite)
        self._key = key.x25519 if key.mlkem is None else hpke.MLKEM768X25519PublicKey(key.mlkem, key.x25519)

    def seal(self, personal: bytes, unsealed_header: bytes) -> bytes:
        """Seal `personal` to the centre, bound to `unsealed_header`; raises DeviceError when it is too long to record."""
        if len(personal) > PERSONAL_LIMIT_BYTES:
            raise DeviceError("sealing a record", f"personal part has {len(personal)} bytes, limit {PERSONAL_LIMIT_BYTES}")
        return self._cipher.encrypt(_pad(personal), self._key, _info(unsealed_header))


def unseal(sealed: bytes, unsealed_header: bytes, suite: int, key: CentrePrivateKey) -> bytes:
    """Open a sealed part; raises TrustError when key, header or bytes are not those it was sealed with."""
    own = key.public_key().suite
    if suite != own:
        raise TrustError("opening a sealed record", f"sealed with suite {suite}, the key is for suite {int(own)}")
    private = key.x25519 if key.mlkem is None else hpke.MLKEM768X25519PrivateKey(key.mlkem, key.x25519)
    try:
        padded = _cipher(own).decrypt(sealed, private, _info(unsealed_header))
    except (InvalidTag, ValueError):
        raise TrustError("opening a sealed record", "this key does not open it, or it was altered") from None
    return _unpad(padded)


def _cipher(suite: SealingSuite) -> hpke.Suite:
    return hpke.Suite(_KEMS[suite], hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def _info(unsealed_header: bytes) -> bytes:
    return INFO_PREFIX + hashlib.sha256(unsealed_header).digest()


def _pad(personal: bytes) -> bytes:
    framed = len(personal).to_bytes(_LENGTH_BYTES, "big") + personal
    return framed + bytes(-len(framed) % PAD_STEP_BYTES)


def _unpad(padded: bytes) -> bytes:
    length = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    if length > len(padded) - _LENGTH_BYTES:
        raise MalformedData("opening a sealed record", "its length field points beyond its end")
    return padded[_LENGTH_BYTES : _LENGTH_BYTES + length]
