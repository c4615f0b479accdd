"""The last question before a door is unlocked. One pure function, asked for every unlock, walked exhaustively (I13).

An unlock is refused unless fresh evidence proves the other door closed and locked (I1, I2) and the passage under way holds the
right to go through this door (P13). The exit opens for exactly one person (P9).
"""

from __future__ import annotations

from egate.lane.state import Grant, LaneState
from egate.model.lane import Door, DoorState


def other_door(door: Door) -> Door:
    """The other one."""
    return Door.EXIT if door is Door.ENTRY else Door.ENTRY


def may_unlock(door: Door, state: LaneState) -> bool:
    """Whether `door` may be unlocked now.

    1. the newest report was sampled after the last command to either door was acknowledged (I2)
    2. it says that the other door is closed and locked, and the last command to that door was no unlock (I1)
    3. nobody has opened the unit's housing
    4. the passage under way holds the grant for this door (P13)
    5. for the exit: exactly one person is inside (P9)
    """
    other = other_door(door)
    return (
        state.fresh
        and state.door(other) is DoorState.LOCKED
        and state.leased is not other
        and not state.tamper
        and state.passage != 0
        and state.grant == Grant(state.passage, door)
        and (door is Door.ENTRY or state.persons == 1)
    )
