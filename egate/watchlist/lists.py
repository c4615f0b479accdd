"""Lists as they reach a lane: one file, signed by their owner, numbered, with an end of validity.

Rule: nothing of a list is looked at before its signature holds, and no list replaces a newer one. An outdated list is still
used for hits; that it is outdated is reported, and "no hit" on it counts for nothing (`current_at`).

File: magic (4) ‖ format (1) ‖ header length (4, big-endian) ‖ header ‖ Ed25519 signature (64) over all before it ‖ body. The
header is canonical JSON (ASCII, sorted keys, no spaces) and holds the length and SHA-256 of the body, so both are signed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b, sha256
from hmac import compare_digest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from egate.model.errors import MalformedData, TrustError
from egate.model.watchlist import ListKind
from egate.watchlist.index import DocumentIndex
from egate.watchlist.persons import PersonIndex, parse_persons

MAXIMUM_HEADER_BYTES = 4096
"""A header has some 300 bytes."""

_MAGIC = b"EGWL\x01"
_SIGNATURE_BYTES = 64
_DOING = "opening a list"


@dataclass(frozen=True, slots=True)
class ListHeader:
    """What a list says of itself. `index_key` names the key of a document index without telling it; empty for persons."""

    name: str
    kind: ListKind
    version: int
    issued: date
    valid_until: date
    index_key: str = ""

    def current_at(self, day: date) -> bool:
        """Whether the list is in force on a day, both ends included."""
        return self.issued <= day <= self.valid_until


@dataclass(frozen=True, slots=True)
class DocumentList:
    """An opened list of documents, with the key under which its numbers were hashed."""

    header: ListHeader
    index: DocumentIndex
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PersonList:
    """An opened list of persons."""

    header: ListHeader
    index: PersonIndex


@dataclass(frozen=True, slots=True)
class Watchlists:
    """The lists of a lane, the newest version of each."""

    documents: tuple[DocumentList, ...] = ()
    persons: tuple[PersonList, ...] = ()

    @property
    def headers(self) -> tuple[ListHeader, ...]:
        """The headers of all lists."""
        return (*(entry.header for entry in self.documents), *(entry.header for entry in self.persons))

    @property
    def versions(self) -> dict[str, int]:
        """The version of each list by name: what the caller keeps against rollback."""
        return {header.name: header.version for header in self.headers}

    def current_at(self, day: date) -> bool:
        """Whether there is a list of each kind and all of them are in force: only then does "no hit" mean anything."""
        return bool(self.documents) and bool(self.persons) and all(header.current_at(day) for header in self.headers)


def open_watchlists(
    files: Iterable[bytes], signer: Ed25519PublicKey, document_key: bytes, known_versions: Mapping[str, int]
) -> Watchlists:
    """Open the lists of a lane. Raises TrustError or MalformedData for any file that is not what it must be.

    `known_versions` are the versions that the lane used before; an older one is refused.
    """
    newest: dict[str, tuple[ListHeader, bytes]] = {}
    for data in files:
        header, body = open_list(data, signer, known_versions)
        if header.name not in newest or header.version > newest[header.name][0].version:
            newest[header.name] = header, body
    documents, persons = [], []
    for header, body in newest.values():
        if header.kind is ListKind.DOCUMENTS:
            documents.append(_document_list(header, body, document_key))
        else:
            persons.append(PersonList(header, PersonIndex.of(parse_persons(body))))
    return Watchlists(tuple(documents), tuple(persons))


def _document_list(header: ListHeader, body: bytes, key: bytes) -> DocumentList:
    if not compare_digest(header.index_key, key_name(key)):
        raise TrustError(_DOING, "the lane's key is not the one that this list was made with")
    return DocumentList(header, DocumentIndex.from_bytes(body), key)


def open_list(data: bytes, signer: Ed25519PublicKey, known_versions: Mapping[str, int]) -> tuple[ListHeader, bytes]:
    """Header and body of one list file.

    1. cut the file; 2. verify the signature; 3. read the header; 4. verify the body's digest; 5. refuse an older version.
    """
    start = len(_MAGIC) + 4
    if data[: len(_MAGIC)] != _MAGIC or len(data) < start:
        raise MalformedData(_DOING, "not a list file")
    (length,) = struct.unpack(">I", data[len(_MAGIC) : start])
    if length > MAXIMUM_HEADER_BYTES or len(data) < start + length + _SIGNATURE_BYTES:
        raise MalformedData(_DOING, "it is cut off, or its header is too long")
    signed, rest = data[: start + length], data[start + length :]
    try:
        signer.verify(rest[:_SIGNATURE_BYTES], signed)
    except InvalidSignature:
        raise TrustError(_DOING, "the signature does not hold") from None
    header, size, digest = _parse_header(signed[start:])
    body = rest[_SIGNATURE_BYTES:]
    if len(body) != size or not compare_digest(sha256(body).hexdigest(), digest):
        raise TrustError(_DOING, "the body is not what was signed")
    if header.version < known_versions.get(header.name, 0):
        raise TrustError(_DOING, "it is older than the version used before")
    return header, body


def encode_list(header: ListHeader, body: bytes, signer: Ed25519PrivateKey) -> bytes:
    """The file of a list: what its owner publishes."""
    fields = {
        "body_bytes": len(body),
        "body_sha256": sha256(body).hexdigest(),
        "index_key": header.index_key,
        "issued": header.issued.isoformat(),
        "kind": header.kind.value,
        "name": header.name,
        "valid_until": header.valid_until.isoformat(),
        "version": header.version,
    }
    text = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")
    signed = _MAGIC + struct.pack(">I", len(text)) + text
    return signed + signer.sign(signed) + body


def key_name(key: bytes) -> str:
    """A name for a key that does not tell it: half of a keyed hash of nothing."""
    return blake2b(b"", digest_size=8, key=key[:64], person=b"egate index key").hexdigest()


def _parse_header(text: bytes) -> tuple[ListHeader, int, str]:
    try:
        fields = json.loads(text)
        header = ListHeader(
            name=str(fields["name"]),
            kind=ListKind(fields["kind"]),
            version=int(fields["version"]),
            issued=date.fromisoformat(fields["issued"]),
            valid_until=date.fromisoformat(fields["valid_until"]),
            index_key=str(fields["index_key"]),
        )
        if header.kind is ListKind.FACES:  # a gallery, not a list file
            raise ValueError
        return header, int(fields["body_bytes"]), str(fields["body_sha256"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise MalformedData(_DOING, "its header does not have its form") from None
