"""Keys that a lane's file names instead of holding them: `key = "keystore:NAME"` or a PKCS#11 URI (L6).

Rule: a name is read with the file, and the key is fetched when the lane is wired, before any device is touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from egate.model.errors import MalformedData
from egate.storage.keystore.keyring import Keyring
from egate.storage.keystore.references import Reference, parse_reference
from egate.storage.keystore.secrets import BlockKey, KeyKind


@dataclass(frozen=True, slots=True)
class NamedKey:
    """One key by its name, and the keystore file that names are looked up in, if the lane has one."""

    reference: Reference
    store: Path | None

    @classmethod
    def parse(cls, text: object, base: Path, store: Path | None) -> NamedKey:
        """The key that `text` names; raises MalformedData with what a name looks like."""
        if not isinstance(text, str):
            raise MalformedData("reading the name of a key", "it must be a text: keystore:NAME or a PKCS#11 URI")
        return cls(parse_reference(text, base), store)

    def block_key(self) -> BlockKey:
        """The AES-128 key; raises DeviceError, TrustError or MalformedData in one sentence."""
        return Keyring(self.store).block_key(self.reference)

    def list_key(self) -> bytes:
        """The key of a document index; raises as `block_key`."""
        return Keyring(self.store).secret(self.reference, KeyKind.AES128, KeyKind.AES256)
