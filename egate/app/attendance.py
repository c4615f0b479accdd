"""Who watches the lane: it takes travellers only while an officer is there (S5).

The rule it keeps: presence is what an officer's own signature says, never that a screen is connected; it lapses by itself, so an
officer who walked away, or a console that died, closes the lane within `MAX_PRESENCE_S`, also when the wall clock is set back.
What an officer said before signing off counts no more, whoever says it again.
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from egate.ipc.messages import OfficerPresent
from egate.ipc.wishes import MAX_PRESENCE_S, WishFault, verify_presence
from egate.model.errors import TrustError

UNKNOWN_OFFICER = "unknown_officer"

_LONGEST_NS = int(MAX_PRESENCE_S * 1_000_000_000)


class Attendance:
    """The officers who are there. `now_ns` of every call is the wall clock."""

    def __init__(self, lane: str, officers: Mapping[str, Ed25519PublicKey]) -> None:
        self._lane, self._officers = lane, officers
        self._until: dict[str, int] = {}
        self._left: dict[str, int] = {}

    def take(self, presence: OfficerPresent, now_ns: int) -> str:
        """Take in what an officer says; the word why not, or nothing."""
        key = self._officers.get(presence.officer)
        if key is None:
            return UNKNOWN_OFFICER
        try:
            verify_presence(presence, key, now_ns, lane=self._lane)
        except TrustError as error:
            return WishFault(error.problem).value
        if presence.expires_ns <= self._left.get(presence.officer, 0):
            return WishFault.EXPIRED.value  # said before the officer signed off, and carried here again
        if presence.here:
            self._until[presence.officer] = max(presence.expires_ns, self._until.get(presence.officer, 0))
        else:
            self._until.pop(presence.officer, None)
            self._left[presence.officer] = presence.expires_ns
        return ""

    def officers(self, now_ns: int) -> tuple[str, ...]:
        """Who is there now, in the order of their names."""
        self._until = {name: until for name, until in self._until.items() if now_ns < until <= now_ns + _LONGEST_NS}
        return tuple(sorted(self._until))
