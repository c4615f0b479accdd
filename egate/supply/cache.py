"""A cache of what a trust folder said, so that a lane starts at once, and never a way around the folder.

Rule: a cache counts only when (1) its HMAC holds under a key of this lane, (2) it names exactly the state of the folder that is
there now (the hash of the journal's last entry, which binds every entry, manifest and object), and (3) this version of the
program wrote it. Otherwise it is as if there were none.

Against whom: somebody who may write the trust folder cannot make a cache, because cache and key lie beside the lane's database,
in the lane's own folder, readable by its account alone. Somebody who may write there owns the lane's log and keys already and
gains nothing. A cache copied from another lane, or an old one put back, fails by key or by state.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2

from egate import __version__
from egate.model.errors import DeviceError, MalformedData
from egate.supply.folder import PRIVATE_FILE, read_file, write_durably

MAXIMUM_CACHE_BYTES = 256 * 1024 * 1024
"""35,000 certificates of 2 kB, taken apart."""

KEY_BYTES = 32
_MAC_BYTES = 32
_CONTEXT = b"egate trust cache 1\n" + __version__.encode() + b"\n"


@dataclass(frozen=True, slots=True)
class CachePlace:
    """Where a lane keeps its cache and the key of it; `entropy` makes the key when there is none."""

    cache: Path
    key: Path
    entropy: Callable[[int], bytes] = field(repr=False)

    @staticmethod
    def beside(database: Path, entropy: Callable[[int], bytes]) -> CachePlace:
        """The places that belong to a lane's database."""
        return CachePlace(database.with_suffix(".trust.cache"), database.with_suffix(".trust.key"), entropy)


def read_cache(place: CachePlace, state: str) -> Any:  # plain values, authentic
    """What `write_cache` stored for this state of the folder; None when there is nothing that counts."""
    try:
        key = _read_key(place.key)
        data = read_file(place.cache, MAXIMUM_CACHE_BYTES)
    except (DeviceError, MalformedData):
        return None
    mac, payload = data[:_MAC_BYTES], data[_MAC_BYTES:]
    if key is None or not hmac.compare_digest(mac, _mac(key, state, payload)):
        return None
    try:
        return cbor2.loads(payload)
    except (cbor2.CBORDecodeError, ValueError, TypeError):
        return None


def write_cache(place: CachePlace, state: str, value: Any) -> None:  # plain values
    """Store plain values for a state of the folder, durable and for this account alone. Raises DeviceError."""
    key = _read_key(place.key)
    if key is None:
        key = place.entropy(KEY_BYTES)
        write_durably(place.key, key)
    payload = cbor2.dumps(value)
    write_durably(place.cache, _mac(key, state, payload) + payload)


def _mac(key: bytes, state: str, payload: bytes) -> bytes:
    return hmac.new(key, _CONTEXT + state.encode("ascii") + b"\n" + payload, sha256).digest()


def _read_key(path: Path) -> bytes | None:
    """The key, when it is ours alone and whole; None otherwise (then a new one is made, and an old cache counts no more)."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        facts = os.fstat(file)
        if facts.st_mode & 0o777 & ~PRIVATE_FILE or facts.st_uid != os.geteuid():
            return None
        key = os.read(file, KEY_BYTES + 1)
    finally:
        os.close(file)
    return key if len(key) == KEY_BYTES else None
