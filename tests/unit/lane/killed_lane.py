"""A lane in a process of its own that may be killed at any moment, and the emulated gate that lives on (N6, I7).

The process runs the shipping lane over the shipping OSDP driver; documents, faces and records answer at once, so doors move all
the time. The gate with its doors, its people and its leases stays in the test's process, which sees what really happened.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from drivers.gate.osdp import OsdpConfig, OsdpGate
from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.osdp_peripheral import PeripheralSettings
from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.machine import initial, step
from egate.lane.settings import LaneSettings
from egate.model.checks import Decision, DecisionPoint, Outcome
from egate.model.errors import DeviceError
from egate.model.lane import Door, LanePhase, OfficerAction, OfficerReason
from tests.unit.drivers.wires import KEY, TestClock, link_to

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = LaneSettings(tick_s=0.25, lease_s=1.0)
LONGEST_CROSSING_S = 2.5
"""Instants of a kill lie within this time of the start."""

LONGEST_START_S = 0.6
"""A lane that is killed before it has proved its doors dies within this time of its start."""

SWING_MOST_S = 0.6
"""A door that is being pushed when its lease ends needs this to be seen closed and locked, if somebody closes it."""


class LaneProcess:
    """What runs in the process: events in, one step, commands out; the phase is printed whenever it changes."""

    def __init__(self, port: Path) -> None:
        self.clock = TestClock()
        self.gate = OsdpGate(link_to(port, self.clock), OsdpConfig(KEY), self.clock, os.urandom)
        self.state = initial(SETTINGS)
        self.events: asyncio.Queue[e.Event] = asyncio.Queue()
        self.orders: asyncio.Queue[c.Unlock | c.Lock] = asyncio.Queue()
        self.tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until killed."""
        for work in (self._watch(), self._drive()):
            self._spawn(work)
        while True:
            before = self.state.phase
            self.state, commands = step(self.state, await self.events.get(), SETTINGS)
            for command in commands:
                self._carry(command)
            if self.state.phase is not before:
                sys.stdout.write(f"{self.state.phase.value}\n")
                sys.stdout.flush()
                self._answer_phase()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _later(self, seconds: float, event: e.Event) -> None:
        asyncio.get_running_loop().call_later(seconds, self.events.put_nowait, event)

    def _carry(self, command: c.Command) -> None:
        match command:
            case c.Unlock() | c.Lock():
                self.orders.put_nowait(command)
            case c.ReadDocument(passage):
                self._later(0.05, e.Decided(passage, Decision(Outcome.ADMIT, DecisionPoint.ENTRY)))
            case c.CaptureFace(passage):
                self._later(0.05, e.Decided(passage, Decision(Outcome.ADMIT, DecisionPoint.EXIT)))
            case c.RecordCrossing() | c.RecordOfficerAct():
                self._later(0.01, e.Recorded(command.passage, command.number))
            case c.SetTimer(seconds, number):
                self._later(seconds, e.TimerExpired(number))

    def _answer_phase(self) -> None:
        """The next traveller comes at once, and an officer sends back whoever is referred."""
        if self.state.phase is LanePhase.IDLE:
            self._later(0.02, e.DocumentPresented())
        elif self.state.phase is LanePhase.REFERRED:
            self._later(0.3, e.OfficerWished(OfficerAction.RELEASE_TO_ENTRY, OfficerReason.DOCUMENT_CHECKED, "o"))

    async def _watch(self) -> None:
        while True:
            try:
                await self.gate.start()
                async for report in self.gate.reports():
                    self.events.put_nowait(e.GateReported(report))
            except DeviceError:
                self.events.put_nowait(e.GateLost())
                await self.clock.sleep(0.1)

    async def _drive(self) -> None:
        while True:
            order = await self.orders.get()
            try:
                if isinstance(order, c.Unlock):
                    await self.gate.unlock(order.door, order.lease_s, order.number)
                else:
                    await self.gate.lock(order.door, order.number)
            except DeviceError:
                continue  # the reports tell of a lost unit


@dataclass(frozen=True, slots=True)
class Killed:
    """What many kills showed: seconds from each start to proved doors, phases hit, and what must not have happened.

    `starts_cut` counts kills before the doors were proved; `occupied` counts starts with somebody inside all the while, and
    `occupied_in_service` how many of them took the next traveller instead of waiting for the officer.
    """

    back_s: tuple[float, ...]
    phases: tuple[str, ...]
    both_unlocked: bool
    interlock_refusals: int
    released_after_lease: int
    leases_watched: int
    starts_cut: int = 0
    occupied: int = 0
    occupied_in_service: int = 0

    @classmethod
    def joined(cls, several: Sequence[Killed]) -> Killed:
        """What several gates showed together."""
        return cls(
            tuple(chain.from_iterable(killed.back_s for killed in several)),
            tuple(chain.from_iterable(killed.phases for killed in several)),
            any(killed.both_unlocked for killed in several),
            sum(killed.interlock_refusals for killed in several),
            sum(killed.released_after_lease for killed in several),
            sum(killed.leases_watched for killed in several),
            sum(killed.starts_cut for killed in several),
            sum(killed.occupied for killed in several),
            sum(killed.occupied_in_service for killed in several),
        )


async def kill_many(folder: Path, times: int, seed: int, gates: int = 1) -> Killed:
    """Start lanes at `gates` gates side by side and kill them `times` times in all, at seeded instants."""
    places = [folder / f"gate{number}" for number in range(gates)]
    for place in places:
        place.mkdir()
    share = -(-times // gates)
    return Killed.joined(await asyncio.gather(*(_Gate(place, seed * 100 + n).kill(share) for n, place in enumerate(places))))


class _Gate:
    """One emulated gate with its people, in front of which one lane after the other is started and killed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.port = folder / "gate"
        self.chance, self.clock = random.Random(seed), TestClock()
        self.unit = SimulatedGateUnit(self.port, self.clock, PeripheralSettings(KEY), os.urandom, baud=None)
        self.back: list[float] = []
        self.phases: list[str] = []
        self.released = self.watched = self.cut = self.occupied = self.in_service = 0

    async def kill(self, times: int) -> Killed:
        """Every fifth lane dies before it has proved its doors; every third leaves its leases to run out."""
        unit = self.unit
        unit.plug()
        people = asyncio.create_task(_walk(unit))
        try:
            for number in range(times):
                await self._live_and_die(cut=number % 5 == 4)
                if number % 3 == 0 and any(unit.mantrap.released(door) for door in Door):
                    await self._watch_leases()
        finally:
            people.cancel()
            await asyncio.gather(people, return_exceptions=True)
            await unit.close()
        return Killed(
            tuple(self.back), tuple(self.phases), unit.both_unlocked_seen, unit.interlock_refusals, self.released, self.watched,
            self.cut, self.occupied, self.in_service,
        )  # fmt: skip

    async def _live_and_die(self, *, cut: bool) -> None:
        begin, inside = self.clock.monotonic(), self.unit.mantrap.persons
        process = await _start(self.port)
        try:
            if cut:
                self.cut += 1
                await self.clock.sleep(self.chance.uniform(0, LONGEST_START_S))
                return
            phase = await _first_phase(process)
            self.back.append(self.clock.monotonic() - begin)
            self._count_occupied(inside, phase)
            self.phases.append(await _watch_for(process, self.chance.uniform(0, LONGEST_CROSSING_S), phase))
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            await process.wait()

    def _count_occupied(self, inside: int, phase: str) -> None:
        """Somebody who was inside before the start and still is must wait for the officer (S9)."""
        if inside and self.unit.mantrap.persons == inside:
            self.occupied += 1
            self.in_service += phase != LanePhase.REFERRED.value

    async def _watch_leases(self) -> None:
        self.watched += 1
        await self.clock.sleep(SETTINGS.lease_s + SWING_MOST_S)
        self.released += any(self.unit.mantrap.released(door) for door in Door)


async def _start(port: Path) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "tests.unit.lane.killed_lane", str(port))
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


async def _first_phase(process: asyncio.subprocess.Process) -> str:
    """The phase after RESYNC: the doors are proved, the lane is in service again or waits for its officer."""
    async with asyncio.timeout(20):
        while (phase := await _line(process)) not in (LanePhase.IDLE.value, LanePhase.REFERRED.value):
            assert process.returncode is None
            assert phase, "the lane's process ended"
    return phase


async def _watch_for(process: asyncio.subprocess.Process, seconds: float, phase: str) -> str:
    """The phase in which the lane is after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while line := await _line(process):
                phase = line
    except TimeoutError:
        pass
    return phase


async def _walk(unit: SimulatedGateUnit) -> None:
    """A traveller after the other: in where it opens, out where it opens; doors are shut behind them."""
    while True:
        if unit.mantrap.persons == 0:
            await unit.mantrap.walk_in(1, within_s=5.0)
        elif unit.mantrap.released(Door.EXIT):
            await unit.mantrap.walk_out_exit(within_s=0.2)
        elif unit.mantrap.released(Door.ENTRY):
            await unit.mantrap.walk_back(within_s=0.2)
        else:
            await TestClock().sleep(0.02)


if __name__ == "__main__":
    asyncio.run(LaneProcess(Path(sys.argv[1])).run())
