"""Whether the controller lives, judged from when it was last heard. Pure; `now_s` is monotonic."""

from __future__ import annotations

from dataclasses import dataclass

from egate.ipc.messages import STALE_AFTER_S


@dataclass(frozen=True, slots=True)
class Pulse:
    """When the other side was last heard; None: not at all, or the connection is gone."""

    heard_s: float | None = None

    def heard(self, now_s: float) -> Pulse:
        """Something arrived now."""
        return Pulse(now_s)

    def lost(self) -> Pulse:
        """The connection ended."""
        return Pulse(None)

    def alive(self, now_s: float) -> bool:
        """Heard within the last `STALE_AFTER_S` seconds."""
        return self.heard_s is not None and now_s - self.heard_s < STALE_AFTER_S
