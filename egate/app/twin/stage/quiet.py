"""The pause between two samples of the gate unit, lengthened while it is provable that the next samples would change nothing.

A lane asks its gate unit for its contacts some thirty times a second; almost every answer is the one before. The proof that such
answers may be left out is made each time, from the shipping functions themselves:

1. the lane's step is a pure function, so it is asked: for the newest report, in the present state, it must return that very
   state and no command. Then the same report any number of times later does the same;
2. nothing at the far end has changed since at least two samples arrived (`SAMPLES_AFTER_A_CHANGE`), so the next samples would be
   that same report;
3. whatever could end 1 or 2 wakes the wire: each event after which 1 does not hold any more, each order to a door, each movement
   of a door, lock or person, each fault that begins or ends, each lease of the driver that runs out.

Once woken, the next sample is taken when it would have been taken without all this, at a whole number of intervals, so the lane
sees every change as early or late as it would have. A test runs shifts with and without (`enabled`) and compares the stories.
"""

from __future__ import annotations

import asyncio
import math

from egate.app.twin.stage.virtual_time import VirtualClock
from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.machine import LaneState, step
from egate.lane.settings import LaneSettings

LONGEST_POLL_PAUSE_S = 0.06
"""Pauses of gate drivers up to this long lie between samples; longer ones are waits of another kind and stay as they are."""

SAMPLES_AFTER_A_CHANGE = 2
SAMPLES_AFTER_A_SLOW_CHANGE = 9
"""A unit's tamper contact is looked at with every fourth sample."""

LONGEST_QUIET_S = 5.0
"""So that a wire is never silent for long, whatever is proved."""

LEASE_MARGIN_S = 0.001


class QuietClock:
    """`egate.ports.Clock` for one gate driver."""

    def __init__(self, clock: VirtualClock, settings: LaneSettings, *, enabled: bool = True) -> None:
        self._clock, self._settings, self._enabled = clock, settings, enabled
        self._loop = asyncio.get_running_loop()
        self._state: LaneState | None = None
        self._report: e.GateReported | None = None
        self._needed = SAMPLES_AFTER_A_SLOW_CHANGE
        self._held: asyncio.Future[None] | None = None
        self._held_since = 0.0
        self._interval_s = 0.0
        self.skipped_samples = 0

    def monotonic(self) -> float:
        """Virtual seconds."""
        return self._clock.monotonic()

    def wall_ns(self) -> int:
        """Virtual wall clock."""
        return self._clock.wall_ns()

    async def sleep(self, seconds: float) -> None:
        """Let time pass; a pause between samples lasts until something can have changed."""
        if not self._enabled or seconds > LONGEST_POLL_PAUSE_S or not self._quiet():
            await self._clock.sleep(seconds)
            return
        self._held = held = self._loop.create_future()
        self._held_since, self._interval_s = self._loop.time(), seconds
        end = self._loop.call_at(self._held_since + math.floor(LONGEST_QUIET_S / seconds) * seconds, _end, held)
        try:
            await held
        finally:
            end.cancel()
            self._held = None
            self.skipped_samples += max(0, round((self._loop.time() - self._held_since) / seconds) - 1)

    def witness(self, event: e.Event, state: LaneState, commands: tuple[c.Command, ...]) -> None:
        """One step of the lane."""
        before, self._state = self._state, state
        if isinstance(event, e.GateReported):
            self._needed = max(0, self._needed - 1)
            if not commands and event == self._report and (state is before or state == before):
                return
            self._report = event
        moves = [command for command in commands if isinstance(command, c.Unlock | c.Lock)]
        for command in moves:
            if isinstance(command, c.Unlock):
                self._loop.call_later(command.lease_s + LEASE_MARGIN_S, self.wake)
        if moves:
            self.wake()
        elif self._held is not None and not self._changes_nothing():
            self.wake(0)

    def wake(self, samples: int = SAMPLES_AFTER_A_CHANGE) -> None:
        """Something changed, or may have: at least so many samples are taken from now on."""
        self._needed = max(self._needed, samples)
        held = self._held
        if held is not None and not held.done():
            passed = self._loop.time() - self._held_since
            intervals = max(1, math.ceil(passed / self._interval_s - 1e-6))
            self._held = None
            self._loop.call_at(self._held_since + intervals * self._interval_s, _end, held)

    def forget(self) -> None:
        """The controller is another one now."""
        self._state = self._report = None
        self.wake(SAMPLES_AFTER_A_SLOW_CHANGE)

    def _quiet(self) -> bool:
        """Whether the proof holds now."""
        return self._needed == 0 and self._changes_nothing()

    def _changes_nothing(self) -> bool:
        """Whether the newest report, taken once more, would leave the lane as it is."""
        if self._state is None or self._report is None:
            return False
        state, commands = step(self._state, self._report, self._settings)
        return not commands and state == self._state


def _end(held: asyncio.Future[None]) -> None:
    if not held.done():
        held.set_result(None)
