"""The last question before a door is unlocked. One pure function, asked for every unlock, walked exhaustively (I13).

An unlock is refused unless fresh evidence proves the other door closed and locked (I1, I2) and the passage under way holds the
right to go through this door (P13), for the number of persons that is counted (P9).
"""

from __future__ import annotations

from egate.lane.state import Grant, LaneState
from egate.model.lane import Door, DoorState, LanePhase, Topology


def other_door(door: Door) -> Door:
    """The other one."""
    return Door.EXIT if door is Door.ENTRY else Door.ENTRY


def may_unlock(door: Door, state: LaneState) -> bool:
    """Whether `door` may be unlocked now.

    1. the newest report was sampled after the last command to either door was acknowledged (I2)
    2. it says that the other door is closed and locked, and the last command to that door was no unlock (I1); a lane with one
       door has no other, and its state says so
    3. nobody has opened the unit's housing
    4. the passage under way holds the grant for this door (P13)
    5. as many persons are counted as the grant is for (P9)
    """
    other, grant = other_door(door), state.grant
    return (
        state.fresh
        and state.door(other) is DoorState.LOCKED
        and state.leased is not other
        and not state.tamper
        and state.passage != 0
        and grant is not None
        and (grant.passage, grant.door) == (state.passage, door)
        and count_fits(grant, state)
    )


def count_fits(grant: Grant, state: LaneState) -> bool:
    """Whether as many persons are counted as a grant is for.

    Nobody for the way in, so that a pipelined lane opens only when it is proved empty (P22); any number for the way back (P15);
    for the exit exactly the number of the grant (P9, P19), and while it is open not more, because some may have left already.
    The counter of a lane with one door sees at most who stands before it: not more than the grant is for.
    """
    if grant.door is Door.ENTRY:
        return state.topology is not Topology.ONE_STEP and (grant.back or state.persons == 0)
    if state.topology is Topology.ONE_STEP:
        return state.persons <= grant.persons
    if state.phase is LanePhase.EXIT_OPEN:
        return 1 <= state.persons <= grant.persons
    return state.persons == grant.persons
