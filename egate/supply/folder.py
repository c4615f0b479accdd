"""The trust folder on disk: `journal.jsonl`, `objects/` named by their SHA-256, and a lock for whoever changes it.

Rule: a change is whole or absent. Objects are written first and made durable; then the journal is replaced in one step, so a
reader sees the folder before or after a change and never half of one, without taking the lock. Objects are never changed or
removed. What is read is hashed: an object that is not what its name says is refused, and the message says what to do.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from egate.model.errors import DeviceError, MalformedData, TrustError
from egate.supply.journal import MAXIMUM_JOURNAL_BYTES, START, Entry, parse_journal

MAXIMUM_OBJECT_BYTES = 16 * 1024 * 1024
"""The largest object is a master or deviation list (1 MB) or the manifest of a whole PKD (3 MB)."""

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700

SYNC_EACH_BELOW = 64
"""More new objects than this are made durable by one sync of the machine instead of one each."""

JOURNAL = "journal.jsonl"

KINDS = ("csca", "signer", "crl", "deviations", "defects", "list", "withdrawn")
HOWS = ("anchor", "link", "listed", "verified", "source", "withdrawn")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that an entry of the journal is about: its kind, the SHA-256 of the object, and how it came to be trusted.

    `anchor`: the operator confirmed its fingerprint, and lists may be verified under it. `link`: it verifies under a trusted key
    of its State. `listed`: a verified list holds it. `verified`: a trusted key signed it. `source`: a list as received.
    """

    kind: str
    sha256: str
    how: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A change that is not numbered yet; the fields are those of `Entry`, and the items it is about."""

    action: str
    kind: str
    source: str
    source_sha256: str
    anchor: str
    verdict: str
    items: tuple[Item, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authorship:
    """Who makes a change, why and when; `sign` makes the signature of an entry where the folder has a signer."""

    who: str
    why: str
    when: datetime
    sign: Callable[[bytes], bytes] | None = field(repr=False, default=None)


class TrustFolder:
    """One folder. With `signer` the last entry of the journal must carry that key's signature."""

    def __init__(self, root: Path, signer: Ed25519PublicKey | None = None) -> None:
        self.root = root
        self.signer = signer

    @property
    def has_journal(self) -> bool:
        """Whether the folder is one of ours already; one without is a plain folder of files."""
        return (self.root / JOURNAL).exists()

    def entries(self) -> tuple[Entry, ...]:
        """The whole journal, proven; empty where none was begun. Raises MalformedData, TrustError or DeviceError."""
        if not self.has_journal:
            if (self.root / "objects").exists():
                raise TrustError(f"reading {self.root}", "there are objects but no journal; restore journal.jsonl from a copy")
            return ()
        entries = parse_journal(read_file(self.root / JOURNAL, MAXIMUM_JOURNAL_BYTES))
        if not entries:
            raise TrustError(f"reading {self.root / JOURNAL}", "the journal is empty; restore it from a copy")
        if self.signer is not None:
            entries[-1].verify(self.signer)
        return entries

    def refuse_foreign_end(self, key: Ed25519PublicKey) -> None:
        """Raise TrustError when this key signed entries, but not the last: to sign the next would vouch for strange ones."""
        entries = self.entries()
        if entries and not _signed_by(entries[-1], key) and any(_signed_by(entry, key) for entry in entries):
            raise TrustError(
                f"reading {self.root / JOURNAL}",
                f"entry {len(entries)} came from somebody without this key, and to sign on would vouch for it. Look at it with "
                "`egate trust log`, and restore the folder from a copy",
            )

    def read_object(self, name: str) -> bytes:
        """An object by its SHA-256. Raises TrustError when it is missing or not what its name says."""
        path = self._object(name)
        try:
            data = read_file(path, MAXIMUM_OBJECT_BYTES)
        except (DeviceError, MalformedData) as error:
            raise TrustError(f"reading {path}", f"{error.problem}; restore the folder from a copy") from None
        if sha256(data).hexdigest() != name:
            raise TrustError(f"reading {path}", "it was changed after it was trusted; restore the folder from a copy")
        return data

    def items(self, entry: Entry) -> tuple[Item, ...]:
        """What an entry is about."""
        found = []
        for line in self.read_object(entry.manifest).decode("ascii", "replace").splitlines():
            kind, _, rest = line.partition(" ")
            name, _, how = rest.partition(" ")
            if kind not in KINDS or how not in HOWS or not _is_sha256(name):
                raise MalformedData(f"reading entry {entry.number} of the trust journal", "its manifest has an unknown line")
            found.append(Item(kind, name, how))
        return tuple(found)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one who changes the folder. Raises DeviceError when somebody else is at it."""
        self._make_folders()
        try:
            lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
        except OSError as error:
            raise DeviceError(f"locking {self.root}", error.strerror or "it cannot be locked") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise DeviceError(f"locking {self.root}", "another import is at work; try again when it is done") from None
        try:
            yield
        finally:
            os.close(lock)

    def commit(self, drafts: Sequence[Draft], objects: Sequence[bytes], by: Authorship) -> tuple[Entry, ...]:
        """Add changes with the objects they name; call it inside `locked`. Returns the new entries.

        1. objects, durable; 2. manifests, durable; 3. the journal, in one step. Stopping anywhere leaves the folder as it was.
        """
        before = self.entries()
        manifests = [_manifest(draft.items) for draft in drafts]
        self._write_objects([*objects, *manifests])
        entries: list[Entry] = []
        for draft, manifest in zip(drafts, manifests, strict=True):
            last = (*before, *entries)[-1] if before or entries else None
            entry = Entry(
                number=len(before) + len(entries) + 1,
                previous=last.sha256 if last else START,
                when=by.when.replace(microsecond=0),
                who=by.who,
                why=by.why,
                action=draft.action,
                kind=draft.kind,
                source=draft.source,
                source_sha256=draft.source_sha256,
                anchor=draft.anchor,
                verdict=draft.verdict,
                manifest=sha256(manifest).hexdigest(),
            )
            entries.append(entry.signed(by.sign) if by.sign else entry)
        text = b"".join(entry.line + b"\n" for entry in (*before, *entries))
        if len(text) > MAXIMUM_JOURNAL_BYTES:
            raise TrustError(f"writing {self.root / JOURNAL}", "the journal is full; begin a new folder")
        write_durably(self.root / JOURNAL, text)
        return tuple(entries)

    def _object(self, name: str) -> Path:
        return self.root / "objects" / name[:2] / name

    def _make_folders(self) -> None:
        try:
            self.root.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise DeviceError(f"making {self.root}", error.strerror or "it cannot be made") from None

    def _write_objects(self, objects: Sequence[bytes]) -> None:
        new = {sha256(data).hexdigest(): data for data in objects}
        new = {name: data for name, data in new.items() if not self._is_whole(name, len(data))}
        each = len(new) < SYNC_EACH_BELOW
        for name, data in new.items():
            path = self._object(name)
            _make_private(path.parent.parent)
            _make_private(path.parent)
            write_durably(path, data, sync=each)
        if not each:
            os.sync()

    def _is_whole(self, name: str, size: int) -> bool:
        """Whether an object is here already; one cut short or changed is written again."""
        path = self._object(name)
        return path.is_file() and path.stat().st_size == size and sha256(path.read_bytes()).hexdigest() == name


def read_file(path: Path, limit_bytes: int) -> bytes:
    """A whole file within a limit; raises DeviceError or MalformedData."""
    try:
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except OSError as error:
        raise DeviceError(f"reading {path}", error.strerror or "it cannot be read") from None
    if len(data) > limit_bytes:
        raise MalformedData(f"reading {path}", f"it is larger than {limit_bytes} bytes")
    return data


def write_durably(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Replace a file in one step, for this account alone; with `sync` it survives a power cut. Raises DeviceError."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(draft, flags, PRIVATE_FILE), "wb") as file:
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        draft.replace(path)
        if sync:
            _sync_folder(path.parent)
    except OSError as error:
        raise DeviceError(f"writing {path}", error.strerror or "it cannot be written") from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    except OSError as error:
        raise DeviceError(f"making {folder}", error.strerror or "it cannot be made") from None


def _manifest(items: Sequence[Item]) -> bytes:
    return "".join(f"{item.kind} {item.sha256} {item.how}\n" for item in dict.fromkeys(items)).encode("ascii")


def _signed_by(entry: Entry, key: Ed25519PublicKey) -> bool:
    try:
        entry.verify(key)
    except TrustError:
        return False
    return True


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and all(character in "0123456789abcdef" for character in text)
