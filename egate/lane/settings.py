"""The times of a lane, range-checked (I14): a lane does not start with a value that would make it unsafe or useless.

All times are counted in ticks of `tick_s`, so each limit is kept to one tick. Configuration names are the names here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egate.model.errors import EgateError
from egate.model.lane import Topology

LONGEST_LEASE_S = 10.0
"""A door command never lives longer (I3)."""

RANGES: Mapping[str, tuple[float, float]] = {
    "tick_s": (0.1, 2.0),
    "lease_s": (1.0, LONGEST_LEASE_S),
    "read_max_s": (5.0, 120.0),
    "referred_outside_s": (2.0, 120.0),
    "entry_open_s": (2.0, 30.0),
    "inside_max_s": (5.0, 300.0),
    "exit_open_s": (2.0, 30.0),
    "return_open_s": (2.0, 60.0),
    "closing_s": (1.0, 30.0),
    "officer_hold_s": (5.0, 900.0),
}
"""Least and largest value of each time, in seconds."""

DEFAULT_CLOSING_TRIES = 5

CLOSING_TRIES = (1, 10)
"""Least and largest number of times that a lane asks a door to close and lock before it calls (I9)."""


class SettingsError(EgateError):
    """A lane setting is out of its range, or two settings together are unsafe."""


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """Times of a lane in seconds; raises SettingsError where one is out of range or two contradict each other.

    `lease_s`: how long an unlock lives unless it is asked for again. `entry_open_s` (P8), `exit_open_s` (P14), `return_open_s`:
    how long a door is offered. `inside_max_s`: from the entry door's closing until the exit opens (P18). `closing_s`: how long
    a door may take to close and lock (I9). `officer_hold_s`: a referral that waits longer is called again. `read_max_s`: how
    long a document may be read. `referred_outside_s`: how long the referral screen stays before the next traveller.

    `topology` (P1) and `pipelined` (P22: the next document is read while somebody is inside; TWO_STEP only) say what kind of lane
    it is. `closing_tries`: how often a door is asked to close and lock, evenly spread over `closing_s` (I9).
    """

    tick_s: float = 1.0
    lease_s: float = 3.0
    read_max_s: float = 30.0
    referred_outside_s: float = 15.0
    entry_open_s: float = 8.0
    inside_max_s: float = 45.0
    exit_open_s: float = 10.0
    return_open_s: float = 20.0
    closing_s: float = 10.0
    officer_hold_s: float = 120.0
    topology: Topology = Topology.TWO_STEP
    pipelined: bool = False
    closing_tries: int = DEFAULT_CLOSING_TRIES

    def __post_init__(self) -> None:
        for name, (least, most) in RANGES.items():
            if not least <= getattr(self, name) <= most:  # also refuses NaN
                raise SettingsError(f"lane setting {name}", f"must be from {least:g} to {most:g} seconds")
        if self.tick_s > self.lease_s / 2:
            raise SettingsError("lane setting tick_s", "must be at most half of lease_s, or a held door would lock in between")
        if self.closing_s < self.lease_s + self.tick_s:
            raise SettingsError("lane setting closing_s", "must be longer than lease_s, after which a lost lock is repeated")
        for name in ("entry_open_s", "exit_open_s", "return_open_s"):
            if getattr(self, name) < self.lease_s:
                raise SettingsError(f"lane setting {name}", "must not be shorter than lease_s, which it would cut off")
        self._check_kind()

    def _check_kind(self) -> None:
        if not CLOSING_TRIES[0] <= self.closing_tries <= CLOSING_TRIES[1]:
            raise SettingsError("lane setting closing_tries", f"must be from {CLOSING_TRIES[0]} to {CLOSING_TRIES[1]}")
        if self.pipelined and self.topology is not Topology.TWO_STEP:
            raise SettingsError("lane setting pipelined", "needs two_step: nowhere else can two travellers be under way")

    def ticks(self, seconds: float) -> int:
        """How many whole ticks `seconds` are, at least one."""
        return max(1, round(seconds / self.tick_s))


def settings_from(
    timers: Mapping[str, float],
    *,
    topology: Topology = Topology.TWO_STEP,
    pipelined: bool = False,
    closing_tries: int = DEFAULT_CLOSING_TRIES,
) -> LaneSettings:
    """Settings with the given ones changed; raises SettingsError for a time that does not exist or a bad value."""
    for name in timers:
        if name not in RANGES:
            raise SettingsError(f"lane setting {name}", f"is unknown; known are {', '.join(RANGES)}")
    return LaneSettings(**timers, topology=topology, pipelined=pipelined, closing_tries=closing_tries)
