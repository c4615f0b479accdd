"""The work folder of an evaluation: templates by the hash of their picture, written a few dozen at a time.

Templates are biometric data. The folder belongs to one account (mode 0700), names no person (a record is found by its picture's
SHA-256), and is emptied by `forget`. A run that is killed loses the pictures since the last written chunk, and nothing else: a
chunk is written beside its place and renamed.
"""

from __future__ import annotations

import fcntl
import io
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from egate.model.errors import DeviceError, MalformedData

FOLDER_MODE = 0o700
MARK = "egate-evaluation"
"""The file by which a work folder is known; a folder without it is emptied by nobody."""

MAX_CHUNK_BYTES = 16 * 1024 * 1024
"""A chunk of 64 pictures takes 40 KB at 128 dimensions."""

_CHUNK = re.compile(r"chunk-(\d{6})\.npz")
_ENGINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_COLUMNS = ("keys", "found", "vectors", "norms", "qualities")


class Found(IntEnum):
    """What an engine made of a picture."""

    TEMPLATE = 0
    NO_FACE = 1
    UNREADABLE = 2


@dataclass(frozen=True, slots=True)
class Record:
    """One picture's outcome; the vector is empty unless a template was made. `quality` is 0…1, `norm` the engine's own."""

    found: Found
    vector: NDArray[np.float32] = field(repr=False, default_factory=lambda: np.zeros(0, np.float32))
    norm: float = field(repr=False, default=0.0)
    quality: float = 0.0


class WorkFolder:
    """One folder of templates; `opened` makes and locks it. A folder of others, or open to them, is refused (DeviceError)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Make the folder if it is missing, and keep other runs out of it."""
        self._make()
        with (self._path / MARK).open("a") as mark:
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise DeviceError(self._doing, "another evaluation is using this work folder") from None
            yield

    def records(self, engine: str) -> dict[bytes, Record]:
        """What is known already of this engine, by SHA-256 of the picture."""
        known: dict[bytes, Record] = {}
        for path in self._chunks(engine):
            known.update(_read_chunk(path))
        return known

    def add(self, engine: str, records: Mapping[bytes, Record]) -> None:
        """Write some more, durably."""
        place = self._place(engine)
        place.mkdir(mode=FOLDER_MODE, exist_ok=True)
        numbers = [int(_CHUNK.fullmatch(path.name)[1]) for path in self._chunks(engine)]  # type: ignore[index]  # names matched
        target = place / f"chunk-{max(numbers, default=0) + 1:06d}.npz"
        passing = place / "chunk.part"
        with passing.open("wb") as file:
            np.savez(file, **_columns(records))  # type: ignore[arg-type]  # the stub takes the columns for its option
            file.flush()
            os.fsync(file.fileno())
        passing.rename(target)

    def forget(self) -> int:
        """Remove every template and the mark; how many files went. Other files stay, and are not looked at."""
        if not (self._path / MARK).is_file():
            raise DeviceError(self._doing, f"this is no work folder of an evaluation (it has no file {MARK})")
        gone = 0
        for place in [path for path in self._path.iterdir() if path.is_dir() and not path.is_symlink()]:
            for path in place.iterdir():
                if _CHUNK.fullmatch(path.name) or path.name == "chunk.part":
                    path.unlink()
                    gone += 1
            if not any(place.iterdir()):
                place.rmdir()
        (self._path / MARK).unlink()
        return gone + 1

    @property
    def _doing(self) -> str:
        return f"using the work folder {self._path}"

    def _make(self) -> None:
        try:
            self._path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            state = self._path.stat()
        except OSError as error:
            raise DeviceError(self._doing, error.strerror or "input/output error") from None
        if state.st_mode & 0o077 or state.st_uid != os.geteuid():
            raise DeviceError(self._doing, "templates are biometric data, and other accounts may enter here; run: chmod 700")
        if not (self._path / MARK).exists() and any(self._path.iterdir()):
            raise DeviceError(self._doing, "it holds other files; name an empty folder or a new one")
        (self._path / MARK).touch(mode=0o600)

    def _place(self, engine: str) -> Path:
        if not _ENGINE.fullmatch(engine):
            raise DeviceError(self._doing, "the engine's name is not fit for a folder")
        return self._path / engine

    def _chunks(self, engine: str) -> list[Path]:
        place = self._place(engine)
        return sorted(path for path in place.glob("chunk-*.npz") if _CHUNK.fullmatch(path.name))


def _columns(records: Mapping[bytes, Record]) -> dict[str, NDArray[np.generic]]:
    size = max((record.vector.size for record in records.values()), default=0)
    vectors = np.zeros((len(records), size), np.float32)
    for row, record in zip(vectors, records.values(), strict=True):
        row[: record.vector.size] = record.vector
    return {
        "keys": np.frombuffer(b"".join(records), np.uint8).reshape(len(records), 32),
        "found": np.array([record.found for record in records.values()], np.uint8),
        "vectors": vectors,
        "norms": np.array([record.norm for record in records.values()], np.float32),
        "qualities": np.array([record.quality for record in records.values()], np.float32),
    }


def _read_chunk(path: Path) -> dict[bytes, Record]:
    doing = f"reading {path}"
    try:
        with path.open("rb") as file:
            packed = file.read(MAX_CHUNK_BYTES + 1)
        if len(packed) > MAX_CHUNK_BYTES:
            raise MalformedData(doing, f"more than {MAX_CHUNK_BYTES} bytes")
        with np.load(io.BytesIO(packed), allow_pickle=False) as content:
            keys, found, vectors, norms, qualities = (content[name] for name in _COLUMNS)
        rows = zip(keys, found, vectors, norms, qualities, strict=True)
        return {
            bytes(key): Record(Found(state), vector if state == Found.TEMPLATE else vector[:0], float(norm), float(quality))
            for key, state, vector, norm, quality in rows
        }
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError):
        raise MalformedData(doing, "this chunk of templates is damaged; remove it, and its pictures are read again") from None
