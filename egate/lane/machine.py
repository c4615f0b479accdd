"""The lane machine: one pure function over a table.

An event is answered in three moves, and there is nothing else: find the row, take a report as evidence, apply the rule. The same
state, event and settings always give the same state and commands, so a recorded passage replays.
"""

from __future__ import annotations

from egate.lane.commands import Command
from egate.lane.events import Event, GateReported
from egate.lane.settings import LaneSettings
from egate.lane.state import LaneState
from egate.lane.table import row_for
from egate.lane.turn import Turn

__all__ = ["LaneSettings", "LaneState", "initial", "step"]


def initial(settings: LaneSettings) -> LaneState:
    """The state of a lane that knows nothing: RESYNC, nothing opens before fresh evidence about both doors (I7)."""
    return LaneState(topology=settings.topology)


def step(state: LaneState, event: Event, settings: LaneSettings) -> tuple[LaneState, tuple[Command, ...]]:
    """The next state and what to ask of the world, in this order."""
    turn = Turn(state, settings)
    row = row_for(state, event)
    if isinstance(event, GateReported):
        turn.absorb(event.report)
    row.rule(turn, event)
    return turn.state, tuple(turn.commands)
