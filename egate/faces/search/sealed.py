"""A gallery at rest: one file, sealed with AES-256-GCM in blocks, bound to its list, engine, version and order.

The key comes from the keystore (kind `aes256`) and lies in no configuration. Each writing derives a key of its own from it and
a fresh salt (HKDF-SHA-256), so the counter of the blocks is a nonce that no two blocks under one key share. Every block's tag
covers the header, the block's number and whether it is the last: a block that is changed, swapped, left out or cut off opens
nothing. Opening decrypts block by block into the gallery's own memory; no plain template touches the disk, and the file is never
mapped. What a process has opened it keeps until the gallery is closed, because a search of a million faces cannot wait for AES.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO

import cbor2
import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from egate.faces.search.gallery import MOST_TEMPLATES, Entry, Gallery, GalleryLabel
from egate.model.errors import DeviceError, MalformedData, TrustError

MAGIC = b"EGFACES1"
KEY_BYTES = 32
SALT_BYTES = 32

BLOCK_ROWS = 4096
"""Templates in one block: 2 MiB of 128 values."""

MOST_HEADER_BYTES = 1024
MOST_BLOCK_BYTES = 32 * 1024 * 1024
"""Largest block: 4096 templates of 1024 values with their entries."""

PRIVATE_MODE = 0o600

_LENGTH = struct.Struct(">I")
_BLOCK_NUMBER = struct.Struct(">I?")
_INFO = b"egate/faces/gallery/v1"
_READING, _WRITING = "open a gallery of faces", "write a gallery of faces"


@dataclass(frozen=True, slots=True)
class _Seal:
    """What opens and closes the blocks of one file."""

    cipher: AESGCM = field(repr=False)
    bound: bytes

    @classmethod
    def of(cls, key: bytes, header: bytes, salt: bytes) -> _Seal:
        derived = HKDF(SHA256(), KEY_BYTES, salt, _INFO).derive(key)
        return cls(AESGCM(derived), hashlib.sha256(MAGIC + header).digest())

    def close(self, number: int, last: bool, plain: bytes) -> bytes:
        return self.cipher.encrypt(number.to_bytes(12, "big"), plain, self.bound + _BLOCK_NUMBER.pack(number, last))

    def open(self, number: int, last: bool, sealed: bytes) -> bytes:
        return self.cipher.decrypt(number.to_bytes(12, "big"), sealed, self.bound + _BLOCK_NUMBER.pack(number, last))


def write_gallery(path: Path, gallery: Gallery, key: bytes, entropy: Callable[[int], bytes]) -> None:
    """Seal a gallery into a file that replaces the one before it, durably; raises DeviceError or TrustError (a short key).

    `entropy(n)` gives n random bytes; equal ones for two writings under one key would break the seal.
    """
    _refuse_short(key, _WRITING)
    salt, label = entropy(SALT_BYTES), gallery.label
    header = cbor2.dumps([label.list_name, label.model_id, label.dimension, label.version, len(gallery), salt])
    seal = _Seal.of(key, header, salt)
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_MODE), "wb") as file:
            file.write(MAGIC + _LENGTH.pack(len(header)) + header)
            for number, last, plain in _plain_blocks(gallery):
                sealed = seal.close(number, last, plain)
                file.write(_LENGTH.pack(len(sealed)) + sealed)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise DeviceError(_WRITING, f"{path.name}: {error.strerror or 'input/output error'}") from None


def open_gallery(path: Path, key: bytes, model_id: str, known_version: int = 0) -> Gallery:
    """Open a gallery for the engine with this model.

    1. cut the header; 2. refuse another engine's and an older version than was used before; 3. open the blocks in their order;
    4. refuse what is missing or follows. Raises DeviceError (absent), MalformedData (no gallery) or TrustError (another key,
    another engine, an older version, or a changed file).
    """
    _refuse_short(key, _READING)
    try:
        with path.open("rb") as file:
            return _opened(file, key, model_id, known_version)
    except OSError as error:
        raise DeviceError(_READING, f"{path.name}: {error.strerror or 'input/output error'}") from None


def _opened(file: BinaryIO, key: bytes, model_id: str, known_version: int) -> Gallery:
    header = _header(file)
    label, count, salt = _parsed(header)
    if label.model_id != model_id:
        raise TrustError(_READING, f"its templates are of {label.model_id}, the engine is {model_id}")
    if label.version < known_version:
        raise TrustError(_READING, f"version {label.version} is older than {known_version}, which was used before")
    seal, gallery = _Seal.of(key, header, salt), Gallery(label, max(count, 1))
    try:
        for number, last in _numbered(count):
            _fill(gallery, _opened_block(seal, number, last, file), min(BLOCK_ROWS, count - len(gallery)))
        if file.read(1):
            raise TrustError(_READING, "something follows its last block")
    except BaseException:
        gallery.close()
        raise
    return gallery


def _opened_block(seal: _Seal, number: int, last: bool, file: BinaryIO) -> bytes:
    (length,) = _LENGTH.unpack(_read(file, _LENGTH.size))
    if length > MOST_BLOCK_BYTES:
        raise MalformedData(_READING, "a block is longer than any can be")
    try:
        return seal.open(number, last, _read(file, length))
    except (InvalidTag, ValueError):
        raise TrustError(_READING, "this key does not open it, or it was changed") from None


def _fill(gallery: Gallery, plain: bytes, rows: int) -> None:
    """The entries and templates of one block into the gallery."""
    width = gallery.label.dimension * 4
    names, values = plain[: len(plain) - rows * width], plain[len(plain) - rows * width :]
    try:
        entries = [Entry(name, date.fromisoformat(expires) if expires else None) for name, expires in cbor2.loads(names)]
        templates = np.frombuffer(values, "<f4").reshape(rows, gallery.label.dimension)
    except (cbor2.CBORDecodeError, ValueError, TypeError, AttributeError):
        raise MalformedData(_READING, "a block does not have its form") from None
    gallery.add(entries, templates)


def _plain_blocks(gallery: Gallery) -> Iterator[tuple[int, bool, bytes]]:
    entries, rows = gallery.entries, gallery.rows
    for number, last in _numbered(len(gallery)):
        part = slice(number * BLOCK_ROWS, (number + 1) * BLOCK_ROWS)
        names = [[entry.entry, entry.expires_on.isoformat() if entry.expires_on else ""] for entry in entries[part]]
        yield number, last, cbor2.dumps(names) + rows[part].astype("<f4").tobytes()


def _numbered(count: int) -> Iterator[tuple[int, bool]]:
    """Number of each block and whether it is the last; an empty gallery has one, which proves that it is empty."""
    blocks = max(1, -(-count // BLOCK_ROWS))
    return ((number, number == blocks - 1) for number in range(blocks))


def _header(file: BinaryIO) -> bytes:
    if _read(file, len(MAGIC)) != MAGIC:
        raise MalformedData(_READING, "not a gallery")
    (length,) = _LENGTH.unpack(_read(file, _LENGTH.size))
    if length > MOST_HEADER_BYTES:
        raise MalformedData(_READING, "its header is longer than any can be")
    return _read(file, length)


def _parsed(header: bytes) -> tuple[GalleryLabel, int, bytes]:
    try:
        match cbor2.loads(header):
            case [str(name), str(model_id), int(dimension), int(version), int(count), bytes(salt)]:
                if 0 <= count <= MOST_TEMPLATES and len(salt) == SALT_BYTES:
                    return GalleryLabel(name, model_id, dimension, version), count, salt
    except (cbor2.CBORDecodeError, ValueError, TypeError, RecursionError):
        pass
    raise MalformedData(_READING, "its header does not have its form")


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise TrustError(_READING, "it was cut off")
    return data


def _refuse_short(key: bytes, doing: str) -> None:
    if len(key) != KEY_BYTES:
        raise TrustError(doing, f"the key must have {KEY_BYTES} bytes (kind aes256)")
