"""What the people, faults and judges of one lane of a shift share."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from egate.app.twin.stage.chronicle import Chronicle
from egate.app.twin.stage.documents import Pool
from egate.app.twin.stage.face import SeededFace
from egate.app.twin.stage.hall import Hall
from egate.app.twin.stage.rig import LaneComputer, Plant
from egate.app.twin.stage.virtual_time import VirtualClock
from egate.lane.state import LaneState
from egate.model.lane import LanePhase

PERSONS_BY_EXIT = "people who left by the exit"
"""The count of everybody who went through, in an emergency too."""


@dataclass(slots=True)
class World:
    """One lane's world. `screen` is what the lane's newest step shows; None while no controller runs."""

    seed: str
    clock: VirtualClock
    chronicle: Chronicle
    plant: Plant
    hall: Hall
    face: SeededFace
    pool: Pool
    computer: LaneComputer
    screen: LaneState | None = None
    faults: set[str] = field(default_factory=set)
    """Faults that last now, by name."""

    fault_ended_s: float = 0.0
    cleared_together: int = 0
    """How many the officer's newest clearance lets leave together (P19); 0 for one alone."""
    counts: Counter[str] = field(default_factory=Counter)

    def draw(self, what: str) -> random.Random:
        """A source of chance of its own for each part, so that one part's draws do not shift another's."""
        return random.Random(f"{self.seed}/{what}")  # noqa: S311 - a reproducible world, no secret

    @property
    def phase(self) -> LanePhase | None:
        """The lane's phase, as its screens show it."""
        return self.screen.phase if self.screen is not None else None

    @property
    def invites(self) -> bool:
        """Whether the kiosk invites the next traveller: a free lane that misses no device."""
        return self.phase is LanePhase.IDLE and not self.computer.devices_lost
