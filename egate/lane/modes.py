"""What a lane still does with each degradation (P21): one table, the worst entry counts.

The rule it keeps: a lane that lacks something never admits on less evidence. It refers each passage, or it takes nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from enum import IntEnum

from egate.model.lane import Degradation, Topology


class Mode(IntEnum):
    """What a lane may do, the most first."""

    NORMAL = 0
    """Takes travellers as always; the officer sees the alarm."""
    REFER = 1
    """Reads documents and sends every traveller to an officer outside."""
    CLOSED = 2
    """Takes nobody; who is inside is finished, and the lane opens again by itself."""


MODES: Mapping[Degradation, Mode] = {
    Degradation.WATCHLIST_OFFLINE: Mode.NORMAL,
    Degradation.PRINTER_DOWN: Mode.NORMAL,
    Degradation.WATCHLIST_STALE: Mode.REFER,
    Degradation.TRUST_STALE: Mode.REFER,
    Degradation.FACE_DOWN: Mode.REFER,
    Degradation.CHIP_READER_DOWN: Mode.REFER,
    Degradation.MRZ_DOWN: Mode.CLOSED,
    Degradation.LOG_FULL: Mode.CLOSED,
    Degradation.SENSORS_DOWN: Mode.CLOSED,
    Degradation.ENTRY_DOOR_DOWN: Mode.CLOSED,
    Degradation.EXIT_DOOR_DOWN: Mode.CLOSED,
}
"""Each degradation and what is left of the lane."""

NOT_NEEDED: Mapping[Topology, frozenset[Degradation]] = {
    Topology.ONE_STEP: frozenset({Degradation.ENTRY_DOOR_DOWN}),
    Topology.TWO_STEP: frozenset(),
    Topology.SEGREGATED: frozenset({Degradation.MRZ_DOWN, Degradation.CHIP_READER_DOWN}),
}
"""What a topology does not have, so that it cannot miss it."""


def mode_of(degraded: Set[Degradation], topology: Topology) -> Mode:
    """What a lane may do with all of these at once."""
    return max((MODES[entry] for entry in degraded - NOT_NEEDED[topology]), default=Mode.NORMAL)
