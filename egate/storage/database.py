"""An SQLite file that keeps what it acknowledged, with one writer.

Rules: write-ahead log with `synchronous=FULL`, so a commit is on the disk before it returns; pages of 16 KiB, which records of
2 KB fill without waste; deleted bytes are overwritten; the schema is not trusted. Exactly one process writes, kept so by an
exclusive lock on a file beside the database, and it is the only one that moves the write-ahead log into the database: SQLite
3.7.0 to 3.51.2 can lose a commit when two connections do that at once. Children of the writer must be new programs, not
bare forks: a fork keeps the lock for as long as it lives. Other processes read through a read-only connection.
Every error of SQLite leaves as a `DeviceError`; a statement that failed leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from sqlite_utils import Database

from egate.model.errors import DeviceError
from egate.storage.migrations import Schema, migrate

PAGE_SIZE_BYTES = 16384
"""2 KB records take 2.3 KB each; with pages of 4 KiB they take 4.1 KB."""

FILE_MODE = 0o600
"""The database, its write-ahead log and its lock belong to one account of the machine."""

BUSY_TIMEOUT_S = 5.0
"""How long a reader waits for the moment in which the writer restarts the write-ahead log."""

SqlValue: TypeAlias = int | float | str | bytes | None


class Store:
    """An open database. Calls from several threads are taken one after the other; a transaction excludes all others."""

    def __init__(self, path: Path, database: Database, lock: int | None) -> None:
        self.path = path
        self._database = database
        self._lock = lock
        self._turn = threading.RLock()
        self._identity = _identity(path)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements inside are durable when the block ends, or none of them; raises DeviceError."""
        with self._turn, _our_errors(self.path, "writing"):
            self._refuse_if_replaced()
            with self._database.atomic():
                yield

    def run(self, statement: str, values: Sequence[SqlValue] = ()) -> int:
        """Execute one writing statement and return how many rows it changed; outside a transaction it commits by itself."""
        with self._turn, _our_errors(self.path, "writing"):
            return self._database.execute(statement, values).rowcount

    def rows(self, query: str, values: Sequence[SqlValue] = ()) -> list[tuple[SqlValue, ...]]:
        """All rows of a query. The read ends before this returns, so no reader holds the write-ahead log open."""
        with self._turn, _our_errors(self.path, "reading"):
            return list(self._database.execute(query, values))

    def number(self, query: str, values: Sequence[SqlValue] = ()) -> int:
        """The whole number that a query yields; 0 when it yields none."""
        found = self.rows(query, values)
        value = found[0][0] if found else 0
        return value if isinstance(value, int) else 0

    def _refuse_if_replaced(self) -> None:
        """A database whose file was deleted or exchanged would still take rows, into a file that nobody will find."""
        if _identity(self.path) != self._identity:
            raise DeviceError(f"writing {self.path}", "the file was removed or replaced while it was open")

    def close(self) -> None:
        """Move the write-ahead log into the database, close both, and let go of the lock."""
        with self._turn:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None


def open_database(path: Path, schema: Schema, *, create: bool) -> Store:
    """Open the database as its only writer; `create` makes it when it is not there. Raises DeviceError, also when in use."""
    if not create and not path.exists():
        raise DeviceError(f"opening {path}", "there is no such database")
    with _our_errors(path, "opening"):
        lock = _lock(path)
        try:
            new = not path.exists()
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))
            database = _connect(path, "rw")
            _configure(database)
            migrate(database, schema)
            if new:
                _sync_directory(path.parent)
            return Store(path, database, lock)
        except BaseException:
            os.close(lock)
            raise


def open_read_only(path: Path) -> Store:
    """Open a database that another process may be writing; raises DeviceError. Never writes, never moves the log."""
    if not path.exists():
        raise DeviceError(f"opening {path}", "there is no such database")
    with _our_errors(path, "opening"):
        database = _connect(path, "ro")
        for pragma in ("query_only=ON", "trusted_schema=OFF", "wal_autocheckpoint=0"):
            database.conn.execute(f"PRAGMA {pragma}").fetchall()
        database.conn.execute("SELECT count(*) FROM sqlite_master").fetchall()
        return Store(path, database, None)


def free_bytes(path: Path) -> int:
    """Bytes that this process may still write to the disk of `path`; raises DeviceError."""
    with _our_errors(path, "measuring the disk of"):
        disk = os.statvfs(path.parent)
        return disk.f_bavail * disk.f_frsize


def _connect(path: Path, mode: str) -> Database:
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    return Database(connection, execute_plugins=False)


def _configure(database: Database) -> None:
    """Page size before the journal mode: a database in WAL mode keeps the page size it has."""
    pragmas = (f"page_size={PAGE_SIZE_BYTES}", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "trusted_schema=OFF")
    for pragma in pragmas:
        database.conn.execute(f"PRAGMA {pragma}").fetchall()
    mode = database.conn.execute("PRAGMA journal_mode").fetchone()[0]
    if mode != "wal":
        raise sqlite3.OperationalError("the file system does not carry a write-ahead log")


def _lock(path: Path) -> int:
    """Take the writer's lock; the file names its holder for whoever is refused.

    A link in its place is not followed: the number that is written here would overwrite the file that it points to.
    """
    name = path.with_name(path.name + ".lock")
    lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 16, 0).decode("ascii", "replace").strip()
        os.close(lock)
        raise DeviceError(f"opening {path}", f"process {holder or '?'} is writing it; a log has one writer") from None
    with contextlib.suppress(OSError):
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode("ascii"), 0)
    return lock


def _sync_directory(directory: Path) -> None:
    """Make the name of a new file durable, not its bytes only."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def _our_errors(path: Path, doing: str) -> Iterator[None]:
    """SQLite's and the system's errors in our words; SQLite's own texts may quote a column, so only its code is told."""
    try:
        yield
    except sqlite3.Error as error:
        raise DeviceError(f"{doing} {path}", _word_of(error)) from None
    except OSError as error:
        raise DeviceError(f"{doing} {path}", error.strerror or "input/output error") from None


def _word_of(error: sqlite3.Error) -> str:
    """What went wrong by SQLite's result code, e.g. `disk full`; errors without one (Python's own) by their kind."""
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    return _WORDS.get(name, f"the database refused ({name})")


_WORDS = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "the disk or file is read-only",
    "SQLITE_CORRUPT": "the database file is damaged",
    "SQLITE_NOTADB": "this is not a database",
    "SQLITE_BUSY": "another process holds the database",
    "SQLITE_CANTOPEN": "the database file cannot be opened",
}
"""The result codes that people meet (https://www.sqlite.org/rescode.html)."""
