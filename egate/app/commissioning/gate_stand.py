"""The gate unit while it is tested: its samples are kept, and no unlock goes out but through the shipping interlock.

Rules: an unlock is a pulse of at most `LONGEST_PULSE_S`, one door at a time, and asked of `egate.lane.interlock.may_unlock` with
the newest sample, as in a running lane. The technician's test stands in for the passage and for the persons that its grant is
for; evidence about the doors nothing stands in for. What a door really does is read from the contacts as they stand
(`unmasked`), because a driver never reports a leased door as locked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from drivers.counters import DeviceCounters
from egate.lane.interlock import may_unlock, other_door
from egate.lane.state import Grant, LaneState
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState, GateReport, Topology
from egate.ports import Clock, GateUnit

LONGEST_PULSE_S = 3.0
"""A technician's pulse never lasts longer, whatever lease the lane has (T4)."""
FRESH_WITHIN_S = 1.0
"""A gate unit is sampled 20 times a second or more; one that gives no sample for so long is lost."""
MOST_SAMPLES = 4096
"""Kept to look through: two minutes at 33 a second."""
LOOK_S = 0.01
"""Between two looks at what a device said."""
_TEST = 1
"""The number of the passage that a test stands in for."""


@runtime_checkable
class Unmasked(Protocol):
    """A driver that shows the contacts as they stand, leased doors included."""

    @property
    def unmasked(self) -> GateReport | None:
        """None before the first sample."""
        ...


async def until(clock: Clock, condition: Callable[[], bool], within_s: float) -> float | None:
    """Wait until something is so; returns the seconds that it took, None when it was not so in time."""
    started = clock.monotonic()
    while not condition():
        if clock.monotonic() - started > within_s:
            return None
        await clock.sleep(LOOK_S)
    return clock.monotonic() - started


class GateStand:
    """One started gate unit; made by `GateStand.open`."""

    def __init__(self, gate: GateUnit, clock: Clock, topology: Topology = Topology.TWO_STEP) -> None:
        self.gate = gate
        self.clock = clock
        self.topology = topology
        self.report: GateReport | None = None
        self.trouble = ""
        self.samples: deque[GateReport] = deque(maxlen=MOST_SAMPLES)
        self.taken = 0
        self._number = 0
        self._leased: Door | None = None
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, gate: GateUnit, clock: Clock, topology: Topology = Topology.TWO_STEP) -> GateStand:
        """Start the unit and wait for its first sample; raises DeviceError, and then the unit is closed."""
        stand = cls(gate, clock, topology)
        try:
            await gate.start()
            stand._listening = asyncio.create_task(stand._listen())
            if await until(clock, lambda: stand.report is not None, FRESH_WITHIN_S * 2) is None:
                raise DeviceError("test the gate unit", stand.trouble or "it started and then gave no sample of its contacts")
        except BaseException:
            await stand.close()
            raise
        return stand

    async def close(self) -> None:
        """End what runs and release the unit; never raises."""
        if self._leased is not None and self.gate.online:
            try:
                await self.lock(self._leased)
            except DeviceError:
                self._leased = None  # the pulse ends by itself
        task, self._listening = self._listening, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self.gate.close()

    @property
    def doors(self) -> tuple[Door, ...]:
        """The doors that the lane has: a one-step lane has only the exit."""
        return (Door.EXIT,) if self.topology is Topology.ONE_STEP else tuple(Door)

    @property
    def shows_bolts(self) -> bool:
        """Whether the driver shows what a leased door's contacts say."""
        return isinstance(self.gate, Unmasked) and self.gate.unmasked is not None

    @property
    def contacts(self) -> GateReport:
        """The newest sample, its doors as the contacts stand where the driver shows that; raises DeviceError when it is lost."""
        if self.report is None or not self.gate.online:
            raise DeviceError("test the gate unit", self.trouble or "it is lost")
        return self._unmasked(self.report)

    def _unmasked(self, report: GateReport) -> GateReport:
        shown = self.gate.unmasked if isinstance(self.gate, Unmasked) else None
        return report if shown is None else replace(report, entry=shown.entry, exit=shown.exit)

    def door(self, door: Door) -> DoorState:
        """What the contacts of a door say now; raises DeviceError."""
        return door_of(self.contacts, door)

    @property
    def counters(self) -> DeviceCounters:
        """What the driver counted, all boards of a line together."""
        for name in ("unit_counters", "counters"):
            found = getattr(self.gate, name, None)
            if isinstance(found, DeviceCounters):
                return found
            if isinstance(found, Mapping):
                return added(list(found.values()))
        return DeviceCounters()

    def may_unlock(self, door: Door) -> bool:
        """Ask the shipping interlock, with the newest sample as the evidence."""
        report = self.report
        if report is None or not self.gate.online:
            return False
        state = LaneState(
            passage=_TEST,
            passages=_TEST,
            grant=Grant(_TEST, door),
            entry=report.entry,
            exit=report.exit,
            persons=0 if door is Door.ENTRY else 1,
            topology=self.topology,
            tamper=report.tamper,
            evidence=report.after_command,
            last_command=self._number,
            leased=self._leased,
        )
        return may_unlock(door, state)

    async def unlock(self, door: Door, pulse_s: float) -> bool:
        """A pulse, if the interlock says yes; False when it does not. Raises DeviceError."""
        if not self.may_unlock(door):
            return False
        self._number += 1
        self._leased = door
        await self.gate.unlock(door, min(pulse_s, LONGEST_PULSE_S), self._number)
        return True

    async def lock(self, door: Door) -> None:
        """End a pulse; raises DeviceError."""
        self._number += 1
        await self.gate.lock(door, self._number)
        self._leased = None

    async def fresh(self) -> bool:
        """Wait for a sample that is evidence: asked for after the last order was acknowledged."""
        return (
            await until(self.clock, lambda: self.report is not None and self.report.after_command >= self._number, 1.0)
            is not None
        )

    def stale_for(self, door: Door) -> bool:
        """Whether the interlock refuses evidence that is older than the last order: asked with a number one higher."""
        self._number += 1
        try:
            return not self.may_unlock(door)
        finally:
            self._number -= 1

    async def _listen(self) -> None:
        """Keep the samples; a loss is noted and listened through."""
        while True:
            try:
                async for report in self.gate.reports():
                    self.report = report
                    self.samples.append(self._unmasked(report))
                    self.taken += 1
            except DeviceError as error:
                self.trouble = error.problem


def door_of(report: GateReport, door: Door) -> DoorState:
    """What a sample says of a door."""
    return report.entry if door is Door.ENTRY else report.exit


def other(door: Door) -> Door:
    """The other door."""
    return other_door(door)


def added(counters: Sequence[DeviceCounters]) -> DeviceCounters:
    """Several counters as one."""
    total = DeviceCounters()
    for one in counters:
        total.exchanges += one.exchanges
        total.repeats += one.repeats
        total.unanswered += one.unanswered
        total.refused += one.refused
        total.sessions += one.sessions
        total.latency_bins = [a + b for a, b in zip(total.latency_bins, one.latency_bins, strict=True)]
    return total
