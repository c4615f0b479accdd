"""Finds the key that a reference names, wherever it lies; the one thing that a program which needs keys knows of a keystore.

Rule: a token is opened once and stays open while its keys are used; `close` ends all sessions.
"""

from __future__ import annotations

from pathlib import Path

from egate.model.errors import DeviceError, TrustError
from egate.storage.keystore.references import Reference, StoreReference, TokenReference
from egate.storage.keystore.secrets import BlockKey, KeyKind, SigningKey, StoredKey
from egate.storage.keystore.store import Keystore
from egate.storage.keystore.token import Token


class Keyring:
    """Keys of one keystore file, which may be absent, and of any token."""

    def __init__(self, store: Path | None) -> None:
        self._store = None if store is None else Keystore(store)
        self._tokens: list[Token] = []

    def block_key(self, reference: Reference) -> BlockKey:
        """An AES-128 key that encrypts blocks; raises DeviceError, TrustError or MalformedData."""
        if isinstance(reference, TokenReference):
            return self.token(reference).block_key()
        return self._stored(reference, KeyKind.AES128)

    def secret(self, reference: Reference, *kinds: KeyKind) -> bytes:
        """The bytes of a key, for what no token can do; raises as `block_key`."""
        if isinstance(reference, TokenReference):
            raise TrustError(f"using the key {reference}", "this key is needed in the program itself; a token gives none away")
        return self._stored(reference, *kinds).secret

    def signing_key(self, reference: Reference) -> SigningKey:
        """An Ed25519 key; raises as `block_key`."""
        if isinstance(reference, TokenReference):
            return self.token(reference).signing_key()
        return self._stored(reference, KeyKind.ED25519).signing_key()

    def fingerprint(self, reference: Reference) -> tuple[KeyKind, str]:
        """Kind and fingerprint of a key that was used once, so it can be used; raises as `block_key`."""
        if isinstance(reference, StoreReference):
            key = self._of_store(reference)
            return key.kind, key.fingerprint
        token = self.token(reference)
        try:
            return KeyKind.ED25519, token.signing_key().fingerprint
        except DeviceError:
            return KeyKind.AES128, token.block_key().fingerprint

    def token(self, reference: TokenReference, *, writing: bool = False) -> Token:
        """The open token of a reference; raises DeviceError or TrustError."""
        token = Token(reference, writing=writing)
        self._tokens.append(token)
        return token

    def close(self) -> None:
        """End every session."""
        while self._tokens:
            self._tokens.pop().close()

    def _stored(self, reference: StoreReference, *kinds: KeyKind) -> StoredKey:
        key = self._of_store(reference)
        if key.kind not in kinds:
            wanted = " or ".join(kind.value for kind in kinds)
            raise TrustError(f"using the key {reference}", f"it is of kind {key.kind.value}, needed is {wanted}")
        return key

    def _of_store(self, reference: StoreReference) -> StoredKey:
        if self._store is None:
            raise DeviceError(f"using the key {reference}", "no keystore is named ([keys] keystore, or --keystore)")
        return self._store.key(reference.name)
