"""The socket file of a lane belongs to one living controller.

A lock file beside it says who owns the place. The kernel drops the lock when its holder dies, however it dies, so a socket left
behind by a dead controller is recognised and replaced, and a living one is never pushed aside. Nothing but a socket is removed.
The socket becomes connectable only after its mode is 0600.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from pathlib import Path

from egate.model.errors import DeviceError

MAX_PATH_BYTES = 107
"""What Linux's `sockaddr_un` holds, less the closing zero."""

BACKLOG = 16
"""Connections that wait to be accepted."""

_DOING = "open the lane's message socket"


class SocketPlace:
    """The right to listen at a path; `claim` takes it, `release` gives it back and removes both files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock_path = path.with_name(path.name + ".lock")
        self._lock: int | None = None

    def claim(self) -> socket.socket:
        """A listening, non-blocking socket at the path; raises DeviceError when it cannot be had."""
        if len(os.fsencode(self._path)) > MAX_PATH_BYTES:
            raise DeviceError(_DOING, f"the path is longer than {MAX_PATH_BYTES} bytes; choose a shorter runtime directory")
        try:
            self._lock = self._take_lock()
            self._make_room()
            return self._listen()
        except DeviceError:
            self.release()
            raise
        except OSError as error:
            self.release()
            raise DeviceError(_DOING, f"{error.strerror or 'failed'} ({self._path})") from None

    def release(self) -> None:
        """Remove the files and let the next controller in; never raises. Without the lock nothing is touched."""
        if self._lock is None:
            return
        with contextlib.suppress(OSError):
            if self._path.is_socket():
                self._path.unlink()
            self._lock_path.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = None

    def _make_room(self) -> None:
        """Remove the socket that a dead controller left; whatever else lies there is somebody's file and stays."""
        if self._path.is_socket():
            self._path.unlink()
        elif os.path.lexists(self._path):
            raise DeviceError(_DOING, f"{self._path} is no socket and is not overwritten; choose another path for it")

    def _take_lock(self) -> int:
        """Lock the file at the lock path. It may be removed between opening and locking: then the lock is worth nothing."""
        while True:
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_file(descriptor, self._lock_path):
                    return descriptor
            except BlockingIOError:
                os.close(descriptor)
                raise DeviceError(_DOING, f"another controller runs ({self._path})") from None
            os.close(descriptor)

    def _listen(self) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(str(self._path))
            self._path.chmod(0o600)
            listening.listen(BACKLOG)
            listening.setblocking(False)
        except OSError:
            listening.close()
            raise
        return listening


def _is_file(descriptor: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False
