"""One lane of a shift from its first second to its last: builds the world, lets it run on the virtual clock, and reports.

The rule it keeps: everything follows from the plan. The same plan gives the same steps and the same hash, in any process, so a
failure is a plan and a step, and `until` plays it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

from drivers.sim.passport.signing import SeededEntropy
from egate.app.twin.cast.faults import PLANS, Faults
from egate.app.twin.cast.officer import Officer
from egate.app.twin.cast.people import Travellers
from egate.app.twin.judge import Judge, Violation
from egate.app.twin.records import Records
from egate.app.twin.stage.chronicle import Chronicle
from egate.app.twin.stage.documents import make_pool
from egate.app.twin.stage.face import SeededFace
from egate.app.twin.stage.hall import Hall
from egate.app.twin.stage.quiet import QuietClock
from egate.app.twin.stage.rig import GATE_KINDS, LaneComputer, make_place, make_plant
from egate.app.twin.stage.virtual_time import VirtualClock, VirtualLoop
from egate.app.twin.stage.world import World
from egate.app.twin.uptime import Uptime
from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.settings import LaneSettings
from egate.lane.state import LaneState
from egate.model.crossing import RecordKind
from egate.model.lane import LanePhase

TODAY = date(2027, 3, 1)
BEGAN_NS = int(datetime(2027, 3, 1, 5, tzinfo=UTC).timestamp()) * 1_000_000_000
"""The first second of every shift; documents, lists and certificates are made for that day."""

THREAD_S, SLOW_THREAD_S, SLOW_SHARE = (0.001, 0.02), (0.1, 1.0), 0.01
"""How long a piece of work in a thread takes: a record on the disk, a step of a chip's dialogue, a judgement; some stall."""

MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - a place of its own is made below it
FAULT_LINES_OFF = logging.CRITICAL


@dataclass(frozen=True, slots=True)
class ShiftPlan:
    """One lane of a shift. `faults`: a name of `PLANS`. `quiet`: leave out samples that provably change nothing."""

    seed: int
    lane: int
    hours: float
    faults: str = "low"
    travellers_per_hour: float = 120.0
    gate: str = ""
    quiet: bool = True

    @property
    def gate_kind(self) -> str:
        """The gate unit: as asked for, else by turns."""
        return self.gate or GATE_KINDS[(self.lane - 1) % len(GATE_KINDS)]


@dataclass(frozen=True, slots=True)
class LaneReport:
    """What became of one lane. `crossings`: recorded ones; `through`: people who left by the exit."""

    plan: ShiftPlan
    steps: int
    digest: str
    simulated_s: float
    crossings: int
    up_s: float
    down_s: float
    uncounted_s: float
    skipped_samples: int
    counts: dict[str, int] = field(default_factory=dict)
    violation: Violation | None = None
    tail: tuple[str, ...] = ()

    @property
    def availability(self) -> float:
        """Share of the counted time."""
        return Uptime(self.up_s, self.down_s).availability


def run_lane(plan: ShiftPlan, until: int | None = None) -> LaneReport:
    """Run one lane of a shift, to its end or to a step. Takes over this thread; makes and removes a folder of its own."""
    with _folder() as root, asyncio.Runner(loop_factory=VirtualLoop) as runner, _silent_log():
        return runner.run(_Shift(plan, root, until).run())


class _Shift:
    """One run."""

    def __init__(self, plan: ShiftPlan, root: Path, until: int | None) -> None:
        self._plan, self._root = plan, root
        self._over = asyncio.Event()
        self._until = until
        self._uptime = Uptime()
        self._phase: LanePhase | None = None

    async def run(self) -> LaneReport:
        """Build, run, close, report."""
        plan = self._plan
        world = self._build()
        faults = Faults(world, PLANS[plan.faults])
        records = Records(world.computer.place.database, "UTO-A1")
        self._judge = judge = Judge(world, faults, records, lambda _violation: self._over.set())
        world.chronicle.reached = self._over.set
        world.computer.start()
        officer = Officer(world)
        works = [
            asyncio.ensure_future(work)
            for work in (
                Travellers(world, plan.travellers_per_hour).run(),
                officer.run(),
                officer.attend(),
                faults.run(),
                judge.watch(),
                self._uptime.watch(world),
                world.clock.sleep(plan.hours * 3600.0),
            )
        ]
        await self._end_of(works)
        if judge.violation is None and not world.chronicle.over:
            judge.at_the_end()
        report = self._report(world, records)
        world.chronicle.over = True
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        await world.computer.stop()
        records.close()
        await world.plant.close()
        return report

    async def _end_of(self, works: Sequence[asyncio.Task[None]]) -> None:
        """Until the hours (the last of the works) are over, a rule broke, the step is reached, or a part of the world failed."""
        over = asyncio.ensure_future(self._over.wait())
        while not over.done() and not works[-1].done():
            running: set[asyncio.Future[Any]] = {over, *(work for work in works if not work.done())}
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for work in works:
                if work.done():
                    work.result()
        over.cancel()

    def _build(self) -> World:
        plan, clock = self._plan, VirtualClock(BEGAN_NS)
        seed = f"{plan.seed}/{plan.lane}"
        pool = make_pool(str(plan.seed), TODAY)
        place, key = make_place(self._root, pool.issuer.csca_certificate, TODAY, pool.listed, seed)
        plant = make_plant(plan.gate_kind, clock, key, SeededEntropy(f"{seed}/devices".encode()))
        chronicle = Chronicle(clock.monotonic, self._until)
        hall = Hall(plant.mantrap, clock, chronicle)
        quiet = QuietClock(clock, LaneSettings(), enabled=plan.quiet)
        hall.watch()
        plant.mantrap.on_change(quiet.wake)
        face = SeededFace(clock, random.Random(f"{seed}/face"))  # noqa: S311 - a reproducible world, no secret
        thread = random.Random(f"{seed}/threads")  # noqa: S311 - as above
        cast(VirtualLoop, asyncio.get_running_loop()).work_s = partial(_work_s, thread)
        computer = LaneComputer(place, plant, clock, face, quiet, SeededEntropy(f"{seed}/lane".encode()), self._witness)
        self._world = World(seed, clock, chronicle, plant, hall, face, pool, computer)
        return self._world

    def _witness(self, event: e.Event, state: LaneState, commands: tuple[c.Command, ...]) -> None:
        """One step of the lane: tell the quiet wire, the chronicle, and the judge."""
        world = self._world
        world.computer.quiet.witness(event, state, commands)
        world.screen = state
        for command in commands:
            text = _told(command)
            if text:
                world.chronicle.note(text)
        if state.phase is not self._phase:
            self._phase = state.phase
            world.chronicle.note(f"the lane: {state.phase.value}", rest=state.phase is LanePhase.IDLE)
        self._judge.on_step(event, state, commands)

    def _report(self, world: World, records: Records) -> LaneReport:
        chronicle, judge = world.chronicle, self._judge
        return LaneReport(
            plan=self._plan,
            steps=chronicle.number,
            digest=chronicle.digest,
            simulated_s=world.clock.monotonic(),
            crossings=records.counted.get(RecordKind.CROSSING, 0),
            up_s=self._uptime.up_s,
            down_s=self._uptime.down_s,
            uncounted_s=self._uptime.uncounted_s,
            skipped_samples=world.computer.quiet.skipped_samples,
            counts=dict(sorted(world.counts.items())),
            violation=judge.violation,
            tail=chronicle.story(),
        )


def _work_s(draw: random.Random) -> float:
    """The time of one piece of work in a thread."""
    return draw.uniform(*(SLOW_THREAD_S if draw.random() < SLOW_SHARE else THREAD_S))


def _told(command: c.Command) -> str:
    """What a step of the lane asked for, in words; empty for what is no news."""
    match command:
        case c.Unlock():
            return f"the lane orders the {command.door.value} unlocked for {command.lease_s:g} s"
        case c.RecordCrossing():
            because = ", ".join(f"{check.name.value} {check.result.word}" for check in command.decision.because)
            return f"the lane records the crossing: {command.decision.outcome.value}" + (f" ({because})" if because else "")
        case c.RecordOfficerAct():
            return f"the lane records the officer's act: {command.action.value}"
        case c.RaiseAlarm():
            return f"the lane calls an officer: {command.alarm.value}"
        case _:
            return ""


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for the lane's files, in memory where there is such a place."""
    base = MEMORY_DISK if MEMORY_DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="egate-twin-", dir=base) as name:
        yield Path(name)


@contextmanager
def _silent_log() -> Iterator[None]:
    """The lane's own log lines would be thousands; what matters of them stands in the chronicle."""
    before = logging.root.manager.disable
    logging.disable(FAULT_LINES_OFF)
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        logging.disable(before)
