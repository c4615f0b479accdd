"""Recordings of what passes over a device's line (L10): sealed to the centre's key, so that the lane cannot read its own past.

The seal names its purpose, so a recording opens as nothing else. A file is begun anew and never added to; the caller names it.
"""

from __future__ import annotations

import os
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
