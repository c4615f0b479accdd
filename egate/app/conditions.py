"""What of a lane does not work now, in the lane's words (P21), and whether an officer watches it (S5).

Rule: this observes and tells; what follows from it is the lane's table (`egate.lane.modes`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from datetime import UTC, datetime

from egate.app.attendance import Attendance
from egate.app.parts import Parts
from egate.lane import events as e
from egate.model.lane import Degradation

LOST_AS: Mapping[str, Degradation] = {
    "mrz reader": Degradation.MRZ_DOWN,
    "chip reader": Degradation.CHIP_READER_DOWN,
    "camera": Degradation.FACE_DOWN,
    "log": Degradation.LOG_FULL,
}
"""What a device is called on the board → what its loss means. A lost gate unit is an event of its own."""


class Conditions:
    """One lane's conditions. `look` tells the lane what changed since the last look."""

    def __init__(self, parts: Parts, attendance: Attendance, lost: Set[str], tell: Callable[[e.Event], None]) -> None:
        self._parts, self._attendance, self._lost, self._tell = parts, attendance, lost, tell
        self._degraded: frozenset[Degradation] = frozenset()
        self._attended: bool | None = None

    def look(self) -> None:
        """Compare with what was told last."""
        now_ns = self._parts.clock.wall_ns()
        degraded = self._degradations(now_ns)
        if degraded != self._degraded:
            self._degraded = degraded
            self._tell(e.ModeChanged(degraded))
        if self._parts.config.officer_required:
            attended = bool(self._attendance.officers(now_ns))
            if attended is not self._attended:
                self._attended = attended
                self._tell(e.OfficerPresence(attended))

    def _degradations(self, now_ns: int) -> frozenset[Degradation]:
        today = datetime.fromtimestamp(now_ns / 1e9, UTC).date()
        found = {LOST_AS[name] for name in self._lost if name in LOST_AS}
        if self._parts.config.watchlists is not None and not self._parts.lists.current_at(today):
            found.add(Degradation.WATCHLIST_STALE)
        return frozenset(found)
