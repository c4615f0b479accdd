"""The two block ciphers of chip sessions, their CBC mode, padding and message authentication codes.

Sources: ICAO Doc 9303-11 §9.8 (secure messaging), ISO/IEC 9797-1 (MAC algorithm 3, padding method 2), NIST SP 800-38B (CMAC).
Rule: two-key triple DES is always handed to the library as K1 ‖ K2 ‖ K1 and single DES as K ‖ K ‖ K, because the short key
lengths are on their way out of it.
"""

from __future__ import annotations

from enum import Enum

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from egate.model.errors import MalformedData

MAC_BYTES = 8


class CipherSuite(Enum):
    """The ciphers a session can use: name in protocol outcomes, bytes of a session key, bytes of a block, hash for deriving keys.

    The hash is that of Doc 9303-11 §9.7.1. These are plain attributes because every exchange asks for them several times.
    """

    DES3 = ("3des", 16, 8, "sha1")
    AES128 = ("aes-128", 16, 16, "sha1")
    AES192 = ("aes-192", 24, 16, "sha256")
    AES256 = ("aes-256", 32, 16, "sha256")

    def __init__(self, word: str, key_bytes: int, block_bytes: int, kdf_hash: str) -> None:
        self.word = word
        self.key_bytes = key_bytes
        self.block_bytes = block_bytes
        self.kdf_hash = kdf_hash


def encrypt(suite: CipherSuite, key: bytes, iv: bytes, data: bytes) -> bytes:
    """CBC encryption of whole blocks."""
    context = Cipher(_algorithm(suite, key), modes.CBC(iv)).encryptor()
    return context.update(data)


def decrypt(suite: CipherSuite, key: bytes, iv: bytes, data: bytes) -> bytes:
    """CBC decryption of whole blocks; raises MalformedData when `data` is no whole number of blocks."""
    if len(data) % suite.block_bytes:
        raise MalformedData("decrypting", "the ciphertext is no whole number of blocks")
    context = Cipher(_algorithm(suite, key), modes.CBC(iv)).decryptor()
    return context.update(data)


def encrypt_block(suite: CipherSuite, key: bytes, block: bytes) -> bytes:
    """One block under the bare cipher, as CBC with a zero vector (for the vectors of AES secure messaging)."""
    return encrypt(suite, key, bytes(suite.block_bytes), block)


def _algorithm(suite: CipherSuite, key: bytes) -> TripleDES | AES:
    return TripleDES(key + key[:8]) if suite is CipherSuite.DES3 else AES(key)


def mac(suite: CipherSuite, key: bytes, padded: bytes) -> bytes:
    """The 8-byte code over data that the protocol has already padded where it must (whole blocks for 3DES)."""
    if suite is CipherSuite.DES3:
        return _retail_mac(key, padded)
    context = CMAC(AES(key))
    context.update(padded)
    return context.finalize()[:MAC_BYTES]


def _retail_mac(key: bytes, padded: bytes) -> bytes:
    """MAC algorithm 3: single DES in CBC over all blocks but the last, which is enciphered under both keys."""
    first = key[:8]
    chaining = bytes(8)
    if len(padded) > 8:
        single = Cipher(TripleDES(first * 3), modes.CBC(chaining)).encryptor()
        chaining = single.update(padded[:-8])[-8:]
    return Cipher(TripleDES(key + first), modes.CBC(chaining)).encryptor().update(padded[-8:])


def pad(data: bytes, block_bytes: int) -> bytes:
    """Padding method 2: one bit and as many zeros as fill the block."""
    return data + b"\x80" + bytes(-(len(data) + 1) % block_bytes)


def unpad(data: bytes) -> bytes:
    """Undo padding method 2; raises MalformedData when it is not there."""
    stripped = data.rstrip(b"\x00")
    if not stripped.endswith(b"\x80"):
        raise MalformedData("decrypting", "the padding is wrong")
    return stripped[:-1]
