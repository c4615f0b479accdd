"""How much of a shift a lane was there for travellers: its availability (docs/twin.md).

Time is looked at in pieces of a quarter of a second. Up: the lane takes travellers (free, and every device answers) or serves
one, which a referral that waits for its officer is. Down: everything else, faults and their repair times included. Not counted:
an emergency (the building's), and service that an officer took away.
"""

from __future__ import annotations

from dataclasses import dataclass

from egate.app.twin.stage.world import World
from egate.model.lane import LanePhase

LOOK_EVERY_S = 0.25
NOT_THERE = frozenset({LanePhase.OUT_OF_SERVICE, LanePhase.RESYNC})


@dataclass(slots=True)
class Uptime:
    """Seconds of a lane by what it was."""

    up_s: float = 0.0
    down_s: float = 0.0
    uncounted_s: float = 0.0

    @property
    def availability(self) -> float:
        """Share of the counted time in which the lane was up; 1 when nothing was counted."""
        counted = self.up_s + self.down_s
        return self.up_s / counted if counted else 1.0

    async def watch(self, world: World) -> None:
        """Count, for ever."""
        while True:
            await world.clock.sleep(LOOK_EVERY_S)
            state = world.screen
            if state is not None and (state.phase is LanePhase.EMERGENCY or not state.in_service):
                self.uncounted_s += LOOK_EVERY_S
            elif state is None or state.phase in NOT_THERE or (state.phase is LanePhase.IDLE and not world.invites):
                self.down_s += LOOK_EVERY_S
            else:
                self.up_s += LOOK_EVERY_S
