"""Who vouches for a calibration: an Ed25519 signature over the whole file, by the project or by the operator.

A threshold is a claim about error rates, so nobody may change a digit of it unnoticed. The signature covers a domain word and the
canonical JSON of everything in the file but the signature itself, the name of the key included; line breaks may change, nothing
else may. A key in a file vouches for nothing: keys come from the program (the project's) or from the lane's configuration.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from egate.model.errors import MalformedData

MAINTAINERS = ("7a34282675c6b9e51f9f99497c3bae9349f319817a0ef68e7ef29715e0615ce8",)
"""Public keys (raw, hexadecimal) that sign the calibrations of this package; the private halves are the maintainers'."""

FINGERPRINT_DIGITS = 16
"""Hexadecimal digits of SHA-256 by which a key is called in files and messages."""

_DOMAIN = b"egate face calibration 1\n"
_SIGNATURE_BYTES = 64
_DOING = "read the calibration of a face engine"


def maintainers() -> tuple[Ed25519PublicKey, ...]:
    """The keys that vouch for shipped calibrations."""
    return tuple(Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)) for key in MAINTAINERS)


def fingerprint(key: Ed25519PublicKey) -> str:
    """By what a key is called."""
    return sha256(key.public_bytes_raw()).hexdigest()[:FINGERPRINT_DIGITS]


def parse_table(content: bytes) -> dict[str, Any]:
    """The table in a file; raises MalformedData, also for a name that is there twice: two readers could take either."""
    try:
        table = json.loads(content, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise MalformedData(_DOING, "not a calibration (no JSON, or a name twice)") from None
    if not isinstance(table, dict):
        raise MalformedData(_DOING, "not a calibration (no table)")
    return table


def signed(table: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """The same table with this key's name and signature."""
    named = {**table, "key": fingerprint(key.public_key()), "signature": ""}
    return {**named, "signature": key.sign(_message(named)).hex()}


def flaw_of(table: dict[str, Any], keys: Sequence[Ed25519PublicKey]) -> str:
    """Why nobody among `keys` vouches for a table, in words; empty when one does."""
    words = str(table.get("signature", ""))
    if not words:
        return "its calibration is not signed; sign it with egate faces sign"
    named = str(table.get("key", ""))
    own = [key for key in keys if fingerprint(key) == named]
    if not own:
        known = ", ".join(map(fingerprint, keys)) or "none"
        return f"its calibration is signed by the key {named[:FINGERPRINT_DIGITS] or 'without a name'}, trusted are: {known}"
    try:
        signature = bytes.fromhex(words)
        if len(signature) != _SIGNATURE_BYTES:
            raise ValueError
        own[0].verify(signature, _message(table))
    except (InvalidSignature, ValueError):
        return f"its calibration was changed after the key {named} signed it"
    return ""


def encode_table(table: dict[str, Any]) -> bytes:
    """The file: for people too, so with line breaks."""
    return (json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _message(table: dict[str, Any]) -> bytes:
    content = {name: value for name, value in table.items() if name != "signature"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return _DOMAIN + text.encode("utf-8")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a name twice")
    return table


def _no_number(word: str) -> float:
    raise ValueError(word)
