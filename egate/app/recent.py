"""Which documents were used lately (P20), remembered as keyed hashes for as long as the profile asks, in memory only."""

from __future__ import annotations

from hashlib import blake2b

from egate.model.document import Mrz

MOST_DOCUMENTS = 10_000
"""More than a lane can pass in any sensible window; the oldest are forgotten first."""


class RecentDocuments:
    """Uses of documents by a hash whose key dies with the process, so that nothing can be looked up afterwards."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._used_at: dict[bytes, float] = {}

    def seconds_since(self, mrz: Mrz, now_s: float, window_s: float) -> float | None:
        """Seconds since this document was last used within the window; None when it was not. Forgets what is older."""
        self._used_at = {name: used for name, used in self._used_at.items() if now_s - used <= window_s}
        used = self._used_at.get(self._name(mrz))
        return None if used is None else now_s - used

    def note(self, mrz: Mrz, now_s: float) -> None:
        """The document is used now."""
        name = self._name(mrz)
        self._used_at.pop(name, None)
        self._used_at[name] = now_s
        if len(self._used_at) > MOST_DOCUMENTS:
            del self._used_at[next(iter(self._used_at))]

    def forget(self, mrz: Mrz) -> None:
        """The document was not used after all: its holder did not walk in."""
        self._used_at.pop(self._name(mrz), None)

    def _name(self, mrz: Mrz) -> bytes:
        text = f"{mrz.issuing_state}\0{mrz.document_number}"
        return blake2b(text.encode("ascii", "replace"), digest_size=16, key=self._key).digest()
