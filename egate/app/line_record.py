"""Recordings of what passes over a device's line (L10): sealed to the centre's key, so that the lane cannot read its own past.

The seal names its purpose, so a recording opens as nothing else. A file is begun anew and never added to by a later start. A lane
that records (`[record] lines`) makes the file with the first block that is full, and the line goes on where that cannot be.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from drivers.link import Link
from drivers.recording import Chunk, Recorder, RecordingLink, parse_recording
from egate.model.errors import DeviceError, TrustError
from egate.ports import Clock
from egate.storage.vault import CentrePrivateKey, CentrePublicKey, SealingSuite, Vault, unseal

PURPOSE = b"egate/line-recording/v1"
SUFFIX = ".line"
LARGEST_FILE_BYTES = 128 * 1024 * 1024
LARGEST_FOLDER_BYTES = 1024 * 1024 * 1024
"""A folder with more recordings than this gets no further one: a lane must not fill its disk with what nobody fetches."""

_LOG = logging.getLogger(__name__)


class LineRecording:
    """One file that a line is recorded into; `link` is what the driver is given in the place of its own."""

    def __init__(self, inner: Link, path: Path, key: CentrePublicKey, clock: Clock) -> None:
        self._file = _create(path)
        vault = Vault(key)
        self._recorder = Recorder(lambda block: vault.seal(block, PURPOSE), self._append, clock)
        self.link = RecordingLink(inner, self._recorder)

    def close(self) -> None:
        """Seal what waits and close the file, after the driver was closed; never raises."""
        self._recorder.flush()
        try:
            self._file.close()
        except OSError:
            return

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()


def recorded_line(folder: Path, device: str, key: CentrePublicKey, clock: Clock) -> Callable[[Link], Link]:
    """What records the line of a device into a new file of `folder`, for `drivers.PortSettings.line`; opens nothing yet."""
    vault = Vault(key)

    def recorded(inner: Link) -> Link:
        moment = clock.wall_ns()
        stamp = f"{datetime.fromtimestamp(moment // 10**9, UTC):%Y%m%dT%H%M%S}{moment % 10**9:09}"
        file = _GrowingFile(folder / f"{device}-{stamp}{SUFFIX}")
        return RecordingLink(inner, Recorder(lambda block: vault.seal(block, PURPOSE), file.append, clock))

    return recorded


def room_for_recordings(folder: Path) -> bool:
    """Whether a further recording may be made there; raises DeviceError where there is no such folder."""
    try:
        held = sum(path.stat().st_size for path in folder.iterdir() if path.suffix == SUFFIX)
    except OSError:
        problem = "there is no such folder; create it, for the lane's account alone"
        raise DeviceError(f"record lines into {folder}", problem) from None
    if held > LARGEST_FOLDER_BYTES:
        _LOG.warning("no line is recorded: %s holds more than %d MiB of recordings", folder, LARGEST_FOLDER_BYTES // 1024**2)
    return held <= LARGEST_FOLDER_BYTES


class _GrowingFile:
    """A file that is made with its first block and is open only while a block is added."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._flags = os.O_CREAT | os.O_EXCL

    def append(self, data: bytes) -> None:
        """Add a block; raises OSError."""
        number = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | self._flags, 0o600)
        with os.fdopen(number, "ab") as file:
            self._flags = 0
            file.write(data)


def read_line_recording(path: Path, key: CentrePrivateKey) -> tuple[Chunk, ...]:
    """What was recorded, for who holds the centre's key; raises DeviceError, MalformedData and TrustError."""
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise DeviceError(f"read {path.name}", "it is larger than a recording of a line can be")
        content = path.read_bytes()
    except OSError:
        raise DeviceError(f"read {path.name}", "the file cannot be read") from None
    suite = SealingSuite(key.public_key().suite)

    def opened(block: bytes) -> bytes:
        try:
            return unseal(block, PURPOSE, suite, key)
        except TrustError:
            raise TrustError("opening a recording of a line", "this key does not open it, or it was altered") from None

    return parse_recording(content, opened)


def _create(path: Path) -> BinaryIO:
    """A new file that only its owner reads; raises DeviceError, also where there is one."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise DeviceError(f"record a line into {path}", f"no file can be made there ({error.strerror})") from None
