"""Key derivation for access and sessions.

Source: ICAO Doc 9303-11 §9.7.1–9.7.4. Rule: keys never show in a `repr` and live no longer than the session that holds them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from egate.model.document import MrzInformation
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.mrz import check_digit

_FOR_ENCRYPTION, _FOR_MAC, _FOR_PASSWORD = 1, 2, 3
_BAC_SEED_BYTES = 16


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """The two keys of a session and the cipher they are for."""

    suite: CipherSuite
    encryption: bytes = field(repr=False)
    mac: bytes = field(repr=False)


def _derive(suite: CipherSuite, secret: bytes, counter: int) -> bytes:
    digest = hashlib.new(suite.kdf_hash, secret + counter.to_bytes(4, "big"), usedforsecurity=False).digest()
    key = digest[: suite.key_bytes]
    return adjust_parity(key) if suite is CipherSuite.DES3 else key


def adjust_parity(key: bytes) -> bytes:
    """Set the lowest bit of each byte so that its number of ones is odd, as DES keys are written (§9.7.1.1)."""
    return bytes(byte & 0xFE | (byte >> 1).bit_count() + 1 & 1 for byte in key)


def session_keys(suite: CipherSuite, secret: bytes) -> SessionKeys:
    """The session keys from a shared secret."""
    return SessionKeys(suite, _derive(suite, secret, _FOR_ENCRYPTION), _derive(suite, secret, _FOR_MAC))


def password_key(suite: CipherSuite, password: bytes) -> bytes:
    """The key K_pi that protects the nonce of PACE."""
    return _derive(suite, password, _FOR_PASSWORD)


def mrz_password(information: MrzInformation) -> bytes:
    """SHA-1 over document number, birth and expiry with their check digits: the MRZ as password of PACE (§9.7.3).

    The check digits are computed, not taken from print, so a misprinted one does not keep us from the chip.
    """
    fields = (information.document_number.ljust(9, "<"), information.date_of_birth, information.date_of_expiry)
    text = "".join(value + str(check_digit(value)) for value in fields)
    return hashlib.sha1(text.encode("ascii"), usedforsecurity=False).digest()


def basic_access_keys(information: MrzInformation) -> SessionKeys:
    """The document basic access keys (§9.7.2)."""
    return session_keys(CipherSuite.DES3, mrz_password(information)[:_BAC_SEED_BYTES])
