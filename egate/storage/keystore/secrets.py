"""The keys themselves, as whoever uses them sees them: something that encrypts a block or signs, and a fingerprint.

Rule: a key shows nothing of itself in a repr, and a fingerprint is the same wherever the key lies, so a key in a token can be
compared with the file it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16
FINGERPRINT_DIGITS = 16
_MARK = b"egate fingerpr 1"
"""The block whose encryption a fingerprint is made from; no protocol of ours encrypts it."""


class KeyKind(Enum):
    """What a key is for. The values are the words on the command line."""

    AES128 = "aes128"
    AES256 = "aes256"
    ED25519 = "ed25519"

    @property
    def size_bytes(self) -> int:
        """How long the secret is."""
        return 16 if self is KeyKind.AES128 else 32


class BlockKey(Protocol):
    """A symmetric key that encrypts single blocks and is not given away."""

    def encrypt_block(self, block: bytes) -> bytes:
        """AES of one block of 16 bytes; raises DeviceError when the key is not there any more."""
        ...


class SigningKey(Protocol):
    """An Ed25519 key that signs and is not given away."""

    def sign(self, data: bytes) -> bytes:
        """64 bytes; raises DeviceError when the key is not there any more."""
        ...

    def public_key(self) -> Ed25519PublicKey:
        """The half that everybody may know."""
        ...


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key of a keystore file; `made` is a date, and `secret` never shows."""

    kind: KeyKind
    made: str
    secret: bytes = field(repr=False)

    def encrypt_block(self, block: bytes) -> bytes:
        """AES of one block of 16 bytes."""
        encryptor = Cipher(algorithms.AES(self.secret), modes.ECB()).encryptor()  # noqa: S305 - single blocks
        return encryptor.update(block) + encryptor.finalize()

    def signing_key(self) -> Ed25519PrivateKey:
        """The Ed25519 key itself, which signs in this process."""
        return Ed25519PrivateKey.from_private_bytes(self.secret)

    @property
    def fingerprint(self) -> str:
        """What may be shown of it."""
        if self.kind is KeyKind.ED25519:
            return signing_fingerprint(self.signing_key())
        return block_fingerprint(self)


def block_fingerprint(key: BlockKey) -> str:
    """The fingerprint of a symmetric key: a hash over what it makes of a fixed block."""
    return sha256(key.encrypt_block(_MARK)).hexdigest()[:FINGERPRINT_DIGITS]


def signing_fingerprint(key: SigningKey) -> str:
    """The fingerprint of a signing key: a hash over its public half."""
    return sha256(key.public_key().public_bytes_raw()).hexdigest()[:FINGERPRINT_DIGITS]
