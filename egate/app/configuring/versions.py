"""One lane file, the version before it, and a change that undoes itself unless somebody confirms it.

Beside `lane.toml` lie `lane.toml.previous`, the version that a rollback returns to, `lane.toml.undone`, what the last rollback
took away, and, while a change waits for its confirmation, `lane.toml.pending`, a small JSON marker with its deadline.

*Why a marker and no process.* A change can take away the network, the screen or the power of the machine that would have to undo
it, so the undoing must not need anybody to live until then. The marker is looked at by whoever starts the lane, before the file
is read: a lane that is restarted after the deadline, by a person, by its supervisor or by a power cut, runs on the version
that worked. A lane that runs is never pulled out from under a traveller: it keeps what it started with. `egate config
rollback --overdue` does the same from a timer, for machines that are to be restarted by it.

*Order of writing.* Each write replaces a whole file and is durable before the next begins, so a crash leaves one of these:

1. `apply`: (a) previous := live, (b) marker, (c) live := new. After (a) nothing has changed. After (b) the live file is still
   the previous one, which voids the marker. After (c) the change waits as planned.
2. `confirm`: the marker is removed. One step.
3. `rollback`: (a) undone := live, (b) live := previous, (c) marker removed. After (b) the marker is void as above. Without a
   marker to remove, (c) is previous := undone, so a second rollback returns to what the first took away.

A live file that is neither the new nor the previous one was edited by hand while a change waited; the deadline still counts, and
what was edited is kept as `.undone`. A clock that shows a time before the change was applied was set back and cannot tell
whether the deadline is over: then the change is undone, because the version before it is known to work. A marker that cannot
be read counts as overdue for the same reason. Two programs never change the file at once: the folder is locked meanwhile.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path

from egate.app.config import LARGEST_FILE_BYTES, ConfigError, LaneConfig, load_config, parse_config
from egate.model.errors import DeviceError

LONGEST_WAIT_MINUTES = 24 * 60
"""Nobody confirms on the next day; a longer wait is a change that is forgotten."""

LARGEST_MARKER_BYTES = 4096
NEW_FILE_MODE = 0o640
"""Of a file that is made for the first time; an existing one keeps its mode and owner."""
_NS = 1_000_000_000

log = logging.getLogger(__name__)


class Settled(Enum):
    """What was found, and done, about a change that waits."""

    NOTHING = "no change waits"
    WAITING = "a change waits to be confirmed"
    ROLLED_BACK = "a change was not confirmed in time and was undone"


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that waits: wall-clock nanoseconds of applying and of its end, and the hash of the new file."""

    applied_ns: int
    deadline_ns: int
    digest: str

    def overdue(self, now_ns: int) -> bool:
        """Whether the time is over, or cannot be told because the clock was set back."""
        return not self.applied_ns <= now_ns < self.deadline_ns


OVERDUE = Pending(0, 0, "")
"""Stands for a marker that cannot be read."""


class VersionedFile:
    """The lane's file with its versions; every method raises DeviceError when the disk refuses."""

    def __init__(self, path: Path) -> None:
        self.live = path.resolve()
        self.previous = self._beside("previous")
        self.undone = self._beside("undone")
        self._marker = self._beside("pending")

    def _beside(self, ending: str) -> Path:
        return self.live.with_name(f"{self.live.name}.{ending}")

    def pending(self) -> Pending | None:
        """The change that waits, None when none does; a marker whose change never reached the file does not count."""
        text = _read(self._marker, LARGEST_MARKER_BYTES)
        if text is None:
            return None
        live, previous = self._bytes(self.live), self._bytes(self.previous)
        if previous is None or live == previous:
            return None
        return _parse_marker(text)

    def apply(self, new: bytes, minutes: int, now_ns: int) -> Pending | None:
        """Put `new` in place; it waits `minutes` to be confirmed. None where there was no file before: it holds at once."""
        if not 1 <= minutes <= LONGEST_WAIT_MINUTES:
            raise ConfigError(f"--minutes must be from 1 to {LONGEST_WAIT_MINUTES}")
        with self._locked():
            if self.pending() is not None:
                raise ConfigError("an earlier change waits; first `egate config confirm` or `egate config rollback`")
            live = self._bytes(self.live)
            if live == new:
                raise ConfigError("nothing changes: the lane has this file already")
            if live is None:
                _remove(self._marker)
                _replace(self.live, new, self.live)
                return None
            pending = Pending(now_ns, now_ns + minutes * 60 * _NS, sha256(new).hexdigest())
            _remove(self._marker)
            _replace(self.previous, live, self.live)
            _replace(self._marker, _encode_marker(pending), self.live)
            _replace(self.live, new, self.live)
            return pending

    def confirm(self, now_ns: int) -> bool:
        """Keep the change that waits; False when none does. A change whose time is over is not kept any more."""
        with self._locked():
            pending = self.pending()
            if pending is not None and pending.overdue(now_ns):
                raise ConfigError("its time is over; the lane returns to the version before it. Apply it again")
            live = self._bytes(self.live)
            if pending is not None and (live is None or sha256(live).hexdigest() != pending.digest):
                raise ConfigError(
                    f"it was edited after it was applied; `egate config rollback`, then apply {self.undone}, which keeps the edit"
                )
            _remove(self._marker)
            return pending is not None

    def rollback(self) -> bool:
        """Return to the version before; False when there is none. What is taken away is kept."""
        with self._locked():
            return self._return()

    def settle(self, now_ns: int) -> Settled:
        """What a start does: undo a change whose time is over."""
        if not self._marker.exists():
            return Settled.NOTHING
        with self._locked():
            pending = self.pending()
            if pending is None:
                _remove(self._marker)
                return Settled.NOTHING
            if not pending.overdue(now_ns):
                return Settled.WAITING
            self._return()
            return Settled.ROLLED_BACK

    def _return(self) -> bool:
        live, previous = self._bytes(self.live), self._bytes(self.previous)
        waiting = self.pending() is not None
        if previous is None or previous == live:
            return False
        if live is not None:
            _replace(self.undone, live, self.live)
        _replace(self.live, previous, self.live if live is not None else self.previous)
        _remove(self._marker)
        if not waiting and live is not None:
            _replace(self.previous, live, self.live)
        return True

    def _bytes(self, path: Path) -> bytes | None:
        return _read(path, LARGEST_FILE_BYTES)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """The folder, for this program alone."""
        try:
            folder = os.open(self.live.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise DeviceError(f"opening {self.live.parent}", error.strerror or "it cannot be opened") from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def load_settled(path: Path, now_ns: int) -> LaneConfig:
    """The configuration that a lane starts with: the file, or the version before it when a change was not confirmed in time.

    Where the account of the lane may not write the file, the version before it is used all the same. Raises ConfigError.
    """
    versions = VersionedFile(path)
    try:
        settled = versions.settle(now_ns)
    except DeviceError as error:
        log.warning("a change of %s was not confirmed and cannot be undone on disk (%s); using what was before it", path, error)
        return parse_config(_text_of(versions.previous), versions.live.parent, str(versions.previous))
    if settled is not Settled.NOTHING:
        log.warning("%s: %s", path, settled.value)
    return load_config(path)


def _text_of(path: Path) -> str:
    data = _read(path, LARGEST_FILE_BYTES)
    if data is None:
        raise ConfigError(f"{path} is not there")
    return data.decode("utf-8", "replace")


def _parse_marker(text: bytes) -> Pending:
    """A marker; one that is damaged counts as overdue."""
    try:
        values = json.loads(text)
        pending = Pending(values["applied_ns"], values["deadline_ns"], values["sha256"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return OVERDUE
    sound = type(pending.applied_ns) is int and type(pending.deadline_ns) is int and isinstance(pending.digest, str)
    longest = LONGEST_WAIT_MINUTES * 60 * _NS
    return pending if sound and 0 <= pending.deadline_ns - pending.applied_ns <= longest else OVERDUE


def _encode_marker(pending: Pending) -> bytes:
    values = {"applied_ns": pending.applied_ns, "deadline_ns": pending.deadline_ns, "sha256": pending.digest}
    return json.dumps(values).encode("ascii")


def _read(path: Path, limit_bytes: int) -> bytes | None:
    """A whole file, None when there is none; raises DeviceError."""
    try:
        with open(path, "rb") as file:
            data = file.read(limit_bytes + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DeviceError(f"reading {path}", error.strerror or "it cannot be read") from None
    if len(data) > limit_bytes:
        raise DeviceError(f"reading {path}", f"it is larger than {limit_bytes} bytes")
    return data


def _replace(path: Path, data: bytes, like: Path) -> None:
    """Replace a file in one step and durably; mode and owner are those of `like`, so that the lane's account still reads it."""
    draft = path.with_name(f"{path.name}.new")
    try:
        model = os.stat(like) if like.exists() else None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if model is not None and (model.st_uid, model.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(descriptor, model.st_uid, model.st_gid)
            os.fchmod(descriptor, (model.st_mode if model is not None else NEW_FILE_MODE) & 0o777)
            os.fsync(descriptor)
        os.replace(draft, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise DeviceError(f"writing {path}", error.strerror or "it cannot be written") from None


def _remove(path: Path) -> None:
    """Remove a file durably; one that is not there is removed."""
    try:
        os.unlink(path)
        _sync_folder(path.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DeviceError(f"removing {path}", error.strerror or "it cannot be removed") from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
