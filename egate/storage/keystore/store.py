"""The keystore file: names, kinds and secrets, for the account of the controller alone (L6).

Rules: the file has mode 600, belongs to this account and is no link; its folder may be written by nobody else but root, because
who may replace the file decides what the lane believes. It is replaced as a whole, durably; a crash leaves the old one or the
new one.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from egate.model.errors import DeviceError, MalformedData, TrustError
from egate.storage.keystore.references import checked_name
from egate.storage.keystore.secrets import KeyKind, StoredKey

STORE_LIMIT_BYTES = 256 * 1024
MOST_KEYS = 256
"""A lane has a handful."""

VERSION = 1
PRIVATE_MODE = 0o600
FOLDER_MODE = 0o700
PREVIOUS = ".previous"
"""What a rotated key's name ends with until it is removed."""

_OTHERS_MAY = 0o077
_OTHERS_WRITE = 0o022
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class Keystore:
    """One keystore file. Reading proves owner, mode and folder each time; changes are made one at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def keys(self) -> Mapping[str, StoredKey]:
        """Every key by its name; raises DeviceError (absent), TrustError (not private) or MalformedData."""
        self._refuse_open_folder()
        return dict(sorted(_parsed(self._read(), self.path).items()))

    def key(self, name: str) -> StoredKey:
        """The key of that name; raises as `keys`, and DeviceError when there is none."""
        found = self.keys().get(checked_name(name))
        if found is None:
            raise DeviceError(self._doing("reading"), f"it holds no key named {name}; `egate keys list` shows the names")
        return found

    def add(self, name: str, key: StoredKey) -> None:
        """One more key; a name that is there already is refused, because a key in use must not be lost."""

        def change(keys: dict[str, StoredKey]) -> None:
            if checked_name(name) in keys:
                raise DeviceError(self._doing("changing"), f"there is a key named {name} already; rotate or remove it")
            keys[name] = key

        self._change(change)

    def rotate(self, name: str, key: StoredKey) -> None:
        """Put a key in the place of the one with that name, which is kept as NAME.previous."""

        def change(keys: dict[str, StoredKey]) -> None:
            old = keys.get(checked_name(name))
            if old is None or old.kind is not key.kind:
                raise DeviceError(self._doing("changing"), f"it holds no key of that kind named {name}")
            keys[checked_name(name + PREVIOUS)] = old
            keys[name] = key

        self._change(change)

    def remove(self, name: str) -> None:
        """Forget a key; raises DeviceError when there is none of that name."""

        def change(keys: dict[str, StoredKey]) -> None:
            if keys.pop(checked_name(name), None) is None:
                raise DeviceError(self._doing("changing"), f"it holds no key named {name}")

        self._change(change)

    def _change(self, change: Callable[[dict[str, StoredKey]], None]) -> None:
        try:
            self.path.parent.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            with self._alone():
                keys = dict(self.keys()) if os.path.lexists(self.path) else {}
                self._refuse_open_folder()
                change(keys)
                if len(keys) > MOST_KEYS:
                    raise DeviceError(self._doing("changing"), f"it would hold more than {MOST_KEYS} keys")
                self._replace(_encoded(keys))
        except OSError as error:
            raise DeviceError(self._doing("changing"), error.strerror or "input/output error") from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else changes a keystore of this folder meanwhile."""
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _replace(self, data: bytes) -> None:
        draft = self.path.with_name(f".{self.path.name}.new")
        draft.unlink(missing_ok=True)
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_MODE), "wb") as file:
                os.fchmod(file.fileno(), PRIVATE_MODE)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _read(self) -> bytes:
        return read_private(self.path, STORE_LIMIT_BYTES)

    def _refuse_open_folder(self) -> None:
        try:
            found = self.path.parent.stat()
        except OSError as error:
            raise DeviceError(self._doing("reading"), error.strerror or "it cannot be read") from None
        if found.st_uid not in (0, os.geteuid()) or found.st_mode & _OTHERS_WRITE:
            raise TrustError(
                self._doing("reading"),
                f"other accounts may change the folder {self.path.parent}; it must belong to this account: chmod 700",
            )

    def _doing(self, what: str) -> str:
        return f"{what} the keystore {self.path}"


def read_private(path: Path, limit_bytes: int) -> bytes:
    """What a file for this account alone holds; raises DeviceError, or TrustError when it is not for this account alone."""
    doing = f"reading {path}"
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise TrustError(doing, "it is no plain file")
            if found.st_uid != os.geteuid():
                raise TrustError(doing, "it belongs to another account")
            if found.st_mode & _OTHERS_MAY:
                raise TrustError(doing, "other accounts of this machine may read it; run: chmod 600")
            data = file.read(limit_bytes + 1)
    except OSError as error:
        raise DeviceError(doing, error.strerror or "it cannot be read") from None
    if len(data) > limit_bytes:
        raise MalformedData(doing, f"it is larger than {limit_bytes} bytes")
    return data


def _encoded(keys: Mapping[str, StoredKey]) -> bytes:
    rows = {name: {"kind": key.kind.value, "made": key.made, "secret": key.secret.hex()} for name, key in sorted(keys.items())}
    return json.dumps({"version": VERSION, "keys": rows}, indent=1).encode("ascii") + b"\n"


def _parsed(data: bytes, path: Path) -> dict[str, StoredKey]:
    """The keys of a file; what is in it never shows in the refusal."""
    try:
        tree = json.loads(data)
        rows = tree["keys"]
        if tree["version"] != VERSION or len(rows) > MOST_KEYS:
            raise ValueError
        return {checked_name(name): _parsed_row(row) for name, row in rows.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, MalformedData):
        raise MalformedData(f"reading the keystore {path}", "it is damaged or of another version") from None


def _parsed_row(row: Mapping[str, str]) -> StoredKey:
    kind, secret = KeyKind(row["kind"]), bytes.fromhex(row["secret"])
    if len(secret) != kind.size_bytes or not _DATE.fullmatch(row["made"]):
        raise ValueError
    return StoredKey(kind, row["made"], secret)
