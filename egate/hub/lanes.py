"""Which lanes the centre knows: a folder with one Ed25519 public key `LANE.pem` for each.

The folder is asked each time, so a lane may be added, exchanged or removed while the hub runs, and the change counts at once.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from egate.model.errors import DeviceError, TrustError
from egate.storage.header import is_lane_name
from egate.storage.keys import load_verify_key

KEY_SUFFIX = ".pem"


class LaneRegister:
    """The public keys of the lanes, read from a folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._keys: dict[str, tuple[tuple[int, int], Ed25519PublicKey]] = {}

    def names(self) -> tuple[str, ...]:
        """Every registered lane; raises DeviceError when there is no such folder."""
        if not self._directory.is_dir():
            raise DeviceError(f"reading the lanes in {self._directory}", "there is no such folder")
        found = (path.stem for path in self._directory.glob(f"*{KEY_SUFFIX}"))
        return tuple(sorted(name for name in found if is_lane_name(name)))

    def key_of(self, lane: str) -> Ed25519PublicKey:
        """The key of a lane; raises TrustError when it is not registered or its file is no key."""
        # The name comes from outside: only a proper lane name may become part of a path.
        path = self._directory / f"{lane}{KEY_SUFFIX}"
        try:
            if not is_lane_name(lane):
                raise FileNotFoundError
            found = path.stat()
            version = (found.st_ino, found.st_mtime_ns)
            if lane not in self._keys or self._keys[lane][0] != version:
                self._keys[lane] = (version, load_verify_key(path))
        except (OSError, DeviceError):
            raise TrustError("looking up a lane", "it is not registered") from None
        return self._keys[lane][1]
