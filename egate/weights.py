"""Networks' weights: files inside installed packages, used only if their SHA-256 is right.

The packages are located, never imported: they carry the files we need, and code of theirs that we do not. The bytes that were
hashed are the bytes that are loaded, where the library can load from memory.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from egate.model.errors import DeviceError

MAX_WEIGHTS_BYTES = 64 * 1024 * 1024
"""No model that we use is larger; a larger file is not the right one."""

_DOING = "load a network"


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of weights: the package that carries it, its place inside, its SHA-256, and how to install it."""

    package: str
    place: str
    sha256: str
    install: str

    @property
    def short_hash(self) -> str:
        """The first eight digits of the hash, for model ids and logs."""
        return self.sha256[:8]


def weights_path(weights: WeightFile) -> Path:
    """The path of a weight file inside its installed package; raises DeviceError that says how to get it."""
    spec = importlib.util.find_spec(weights.package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, weights.place)
        if path.is_file():
            return path
    raise DeviceError(_DOING, f"{_name(weights)} is missing (expected SHA-256 {weights.sha256}); get it with: {weights.install}")


def read_weights(weights: WeightFile, path: Path | None = None) -> bytes:
    """The verified bytes of a weight file; raises DeviceError when it is absent, unreadable or not the expected one."""
    found = weights_path(weights) if path is None else path
    try:
        if found.stat().st_size > MAX_WEIGHTS_BYTES:
            raise DeviceError(_DOING, _wrong(weights, f"is larger than {MAX_WEIGHTS_BYTES} bytes"))
        content = found.read_bytes()
    except OSError as error:
        raise DeviceError(_DOING, _wrong(weights, f"cannot be read ({error.strerror})")) from None
    actual = hashlib.sha256(content).hexdigest()
    if not hmac.compare_digest(actual, weights.sha256):
        raise DeviceError(_DOING, _wrong(weights, f"has SHA-256 {actual}"))
    return content


def _name(weights: WeightFile) -> str:
    return f"{Path(weights.place).name} of the package {weights.package}"


def _wrong(weights: WeightFile, how: str) -> str:
    return f"{_name(weights)} {how}; expected SHA-256 {weights.sha256}; get it with: {weights.install}"
