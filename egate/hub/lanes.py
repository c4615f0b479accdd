"""Which lanes the centre knows: a folder with one Ed25519 public key `LANE.pem` for each.

Lanes may be added while the hub runs: a name that is not known yet is looked up on the disk. A key never changes while it runs.
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
        self._keys: dict[str, Ed25519PublicKey] = {}

    def names(self) -> tuple[str, ...]:
        """Every registered lane; raises DeviceError when there is no such folder."""
        if not self._directory.is_dir():
            raise DeviceError(f"reading the lanes in {self._directory}", "there is no such folder")
        found = (path.stem for path in self._directory.glob(f"*{KEY_SUFFIX}"))
        return tuple(sorted(name for name in found if is_lane_name(name)))

    def key_of(self, lane: str) -> Ed25519PublicKey:
        """The key of a lane; raises TrustError when it is not registered or its file is no key."""
        if lane not in self._keys:
            # The name comes from outside: only a proper lane name may become part of a path.
            path = self._directory / f"{lane}{KEY_SUFFIX}"
            if not is_lane_name(lane) or not path.is_file():
                raise TrustError("looking up a lane", "it is not registered")
            try:
                self._keys[lane] = load_verify_key(path)
            except DeviceError as error:
                raise TrustError("looking up a lane", error.problem) from None
        return self._keys[lane]
