"""Key files: the lane's and the centre's signing keys (Ed25519) and the centre's sealing keys, as PEM.

Private files are made with mode 0600 and refused when others may read them. A hybrid sealing key is two standard PEM blocks in
one file, ML-KEM-768 and X25519, so any tool that knows the standards can read it. No key is ever part of a message.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from egate.model.errors import DeviceError, TrustError
from egate.storage.vault import CentrePrivateKey, CentrePublicKey

KEY_FILE_LIMIT_BYTES = 16 * 1024
"""A hybrid public key takes 1.8 KB as PEM."""

PRIVATE_MODE = 0o600
PUBLIC_MODE = 0o644

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----\n.+?-----END \1-----\n?", re.DOTALL)
_PrivateKey: TypeAlias = Ed25519PrivateKey | X25519PrivateKey | MLKEM768PrivateKey
_PublicKey: TypeAlias = Ed25519PublicKey | X25519PublicKey | MLKEM768PublicKey


def create_signing_key(private: Path, public: Path) -> Ed25519PrivateKey:
    """Make an Ed25519 key and write both halves; raises DeviceError when `private` exists already."""
    key = Ed25519PrivateKey.generate()
    _write(private, _private_pem(key), PRIVATE_MODE)
    _write(public, _public_pem(key.public_key()), PUBLIC_MODE)
    return key


def create_sealing_key(private: Path, public: Path, *, hybrid: bool = True) -> CentrePrivateKey:
    """Make the centre's sealing key and write both halves; without `hybrid` X25519 alone."""
    key = CentrePrivateKey(X25519PrivateKey.generate(), MLKEM768PrivateKey.generate() if hybrid else None)
    halves = key.public_key()
    mlkem_private = b"" if key.mlkem is None else _private_pem(key.mlkem)
    mlkem_public = b"" if halves.mlkem is None else _public_pem(halves.mlkem)
    _write(private, mlkem_private + _private_pem(key.x25519), PRIVATE_MODE)
    _write(public, mlkem_public + _public_pem(halves.x25519), PUBLIC_MODE)
    return key


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """Read an Ed25519 private key; raises DeviceError (absent) or TrustError (not one, or readable by others)."""
    keys = _private_blocks(path)
    if len(keys) != 1 or not isinstance(keys[0], Ed25519PrivateKey):
        raise TrustError(f"reading {path}", "this is not one Ed25519 private key (PEM)")
    return keys[0]


def load_verify_key(path: Path) -> Ed25519PublicKey:
    """Read an Ed25519 public key; raises DeviceError or TrustError."""
    keys = _public_blocks(path)
    if len(keys) != 1 or not isinstance(keys[0], Ed25519PublicKey):
        raise TrustError(f"reading {path}", "this is not one Ed25519 public key (PEM)")
    return keys[0]


def load_sealing_private(path: Path) -> CentrePrivateKey:
    """Read the key that opens sealed parts; raises DeviceError or TrustError."""
    keys = _private_blocks(path)
    x25519 = [key for key in keys if isinstance(key, X25519PrivateKey)]
    mlkem = [key for key in keys if isinstance(key, MLKEM768PrivateKey)]
    if len(x25519) != 1 or len(mlkem) > 1 or len(x25519) + len(mlkem) != len(keys):
        raise TrustError(f"reading {path}", "this is not a private sealing key (X25519, or ML-KEM-768 and X25519, PEM)")
    return CentrePrivateKey(x25519[0], mlkem[0] if mlkem else None)


def load_sealing_public(path: Path) -> CentrePublicKey:
    """Read the key that records are sealed to; raises DeviceError or TrustError."""
    keys = _public_blocks(path)
    x25519 = [key for key in keys if isinstance(key, X25519PublicKey)]
    mlkem = [key for key in keys if isinstance(key, MLKEM768PublicKey)]
    if len(x25519) != 1 or len(mlkem) > 1 or len(x25519) + len(mlkem) != len(keys):
        raise TrustError(f"reading {path}", "this is not a public sealing key (X25519, or ML-KEM-768 and X25519, PEM)")
    return CentrePublicKey(x25519[0], mlkem[0] if mlkem else None)


def _private_pem(key: _PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public_pem(key: _PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _write(path: Path, pem: bytes, mode: int) -> None:
    """Never over an existing file: a key that is in use must not be lost by a repeated command."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise DeviceError(f"writing {path}", "there is a key file already; remove it first if it is not needed") from None
    except OSError as error:
        raise DeviceError(f"writing {path}", error.strerror or "input/output error") from None


def _blocks(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as file:
            pem = file.read(KEY_FILE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        hint = "there is no such key file; `egate sync --make-keys` makes a lane's, `egate hub --make-keys` a centre's"
        raise DeviceError(f"reading {path}", hint) from None
    except OSError as error:
        raise DeviceError(f"reading {path}", error.strerror or "input/output error") from None
    found = [match.group(0) for match in _BLOCK.finditer(pem)]
    if len(pem) > KEY_FILE_LIMIT_BYTES or not found:
        raise TrustError(f"reading {path}", "this is not a key file (PEM)")
    return found


def _private_blocks(path: Path) -> list[object]:
    blocks = _blocks(path)
    if path.stat().st_mode & 0o077:
        raise TrustError(f"reading {path}", "other accounts of this machine may read this private key; run: chmod 600")
    try:
        return [load_pem_private_key(block, None) for block in blocks]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise TrustError(f"reading {path}", "this is not a private key (PEM, without a password)") from None


def _public_blocks(path: Path) -> list[object]:
    try:
        return [load_pem_public_key(block) for block in _blocks(path)]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise TrustError(f"reading {path}", "this is not a public key (PEM)") from None
