"""A board with one barrier as the only door of a lane: which door it is, and to which side it opens. No I/O, no clock.

The rule: such a lane has one door; the other is not there. The board opens for one person to one side, and closes by itself after
a time that it keeps as a parameter. That time is set before a release wherever it is not known to be set (I3, I7), and a release
is one order and no other: "always open" has no name here (I4).
"""

from __future__ import annotations

import re
from dataclasses import replace

from drivers.gate.framed_model import FramedProfile, Side
from egate.model.errors import DeviceError
from egate.model.lane import Door

OWN_SIGNALS = ("closed", "locked")
"""What a board says of its barrier, whichever door of the lane it is."""


def at_door(profile: FramedProfile, door: Door, side: Side) -> FramedProfile:
    """The profile with the names that the driver uses: `unlock_exit`, `exit_closed` … for a lane with that door alone."""
    barrier = profile.barrier
    if barrier is None:
        raise DeviceError("wire the gate board", f"the board {profile.title} has two doors, which are not chosen")
    orders = {name: order for name, order in profile.orders.items() if not name.startswith(("unlock_", "lock_"))}
    signals = {name: signal for name, signal in profile.signals.items() if not name.startswith(("entry_", "exit_"))}
    release = orders[barrier.left if side is Side.LEFT else barrier.right]
    orders[f"unlock_{door.value}"] = replace(release, limit=barrier.limit)
    orders[f"lock_{door.value}"] = orders[barrier.close]
    signals |= {f"{door.value}_{name}": signals[name] for name in OWN_SIGNALS if name in signals}
    placed = replace(barrier, door=door, side=side)
    return replace(profile, orders=orders, signals=signals, doors=frozenset((door,)), barrier=placed)


def wired(profile: FramedProfile, text: str) -> FramedProfile:
    """The profile after a wiring like `exit=right`; "" leaves it as it is. Raises DeviceError."""
    if not text.strip():
        return profile
    found = re.fullmatch(r"\s*(entry|exit)=(left|right)\s*", text)
    if found is None:
        raise DeviceError("wire the gate board", "write exit=left, exit=right, entry=left or entry=right: the door, and its side")
    return at_door(profile, Door(found[1]), Side(found[2]))
