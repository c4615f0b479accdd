"""What the lane costs: from a decision to bytes on a busy machine, the walk over its states, and coming back after a kill.

The walk is measured in one of its worlds, beside Spin's search where Spin is installed; the whole walk is the test's. The hogs
are four busy loops of ordinary priority; the lane is measured like them, and with the priority of its service where permitted.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from drivers.gate.osdp import OsdpConfig, OsdpGate
from drivers.link import LinkSettings, SerialLink
from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.osdp_peripheral import PeripheralSettings
from egate.app.clock import perf_counter_s
from egate.app.service.units import PRIORITY
from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.machine import step
from egate.ports import Clock
from tests.bench.bench_passage import ADMITTED, ORDER_BYTES, SETTINGS, _reading_lane
from tests.bench.row import BenchRow
from tests.unit.drivers.wires import KEY, TestClock
from tests.unit.lane.killed_lane import kill_many
from tests.unit.lane.walk import Walk
from tests.unit.lane.walk_scopes import WORLDS

IDLE_LIMIT_MS = 3.0  # N4
BUSY_LIMIT_MS = 10.0  # N4
STATES_LEAST = 50_000  # N5
WALK_LIMIT_S = 60.0  # N5
BACK_LIMIT_S = 2.0  # N6
HOGS = 4
KILLS = 30
ROUNDS = 300
MODEL = Path(__file__).parents[1] / "peers" / "interlock.pml"


def rows() -> list[BenchRow]:
    """N4, N5 and N6, each with its limit."""
    logging.getLogger("egate.drivers").setLevel(logging.ERROR)
    return [*_written(), *_walked(), *_killed()]


def _written() -> list[BenchRow]:
    found = _rows_of("idle", "limit N4, idle", IDLE_LIMIT_MS)
    with _hogs():
        found += _rows_of(f"{HOGS} CPU hogs, same priority", "limit N4, busy", BUSY_LIMIT_MS)
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
            try:
                found += _rows_of(f"{HOGS} CPU hogs, as its service", "limit N4, busy", BUSY_LIMIT_MS)
            finally:
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return found


def _rows_of(when: str, against: str, limit_ms: float) -> list[BenchRow]:
    """What N4 asks for, and beside it the arrival, which has the kernel's emulated line in it that no real line has.

    What was loaded before is set aside, as `egate run` does at its start.
    """
    gc.collect()
    gc.freeze()
    with tempfile.TemporaryDirectory() as folder:
        spent = asyncio.run(_decided_to_written(Path(folder)))
    return [
        BenchRow(f"decision → bytes {place}, p99, {when}", sorted(times)[int(len(times) * 0.99)], "ms", against, limit_ms)
        for place, times in (("written", spent.written_ms), ("at the other end", spent.arrived_ms))
    ]


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds from the moment at which a decision was due, one for each decision."""

    written_ms: list[float]
    arrived_ms: list[float]


class _NotingLink(SerialLink):
    """A link that writes down when the kernel has taken the last byte of an order."""

    def __init__(self, settings: LinkSettings, clock: Clock) -> None:
        super().__init__(settings, clock)
        self.written: list[float] = []

    def write(self, data: bytes) -> None:
        super().write(data)
        if len(data) == ORDER_BYTES:
            self.written.append(asyncio.get_running_loop().time())


async def _decided_to_written(folder: Path) -> Spent:
    """From the moment at which a decision is there, through waking up and the step, to the encrypted order on its way."""
    spent, clock, now = Spent([], []), TestClock(), asyncio.get_running_loop().time
    unit = SimulatedGateUnit(folder / "gate", clock, PeripheralSettings(KEY), os.urandom, baud=None)
    unit.plug()
    link = _NotingLink(LinkSettings(str(folder / "gate"), emulated=True), clock)
    gate = OsdpGate(link, OsdpConfig(KEY), clock, os.urandom)
    seen: list[float] = []
    receive = unit.port.on_bytes

    def note(data: bytes) -> None:
        if len(data) == ORDER_BYTES:
            seen.append(now())
        receive(data)

    unit.port.on_bytes = note
    try:
        await gate.start()
        for number in range(1, ROUNDS + 1):
            state, wait_s = _reading_lane(), 0.003 + number % 7 * 0.001
            seen.clear()
            link.written.clear()
            decided = now() + wait_s
            await clock.sleep(wait_s)
            _, commands = step(state, e.Decided(state.passage, ADMITTED), SETTINGS)
            (unlock,) = (command for command in commands if isinstance(command, c.Unlock))
            await gate.unlock(unlock.door, unlock.lease_s, number)
            spent.written_ms.append((link.written[0] - decided) * 1000)
            spent.arrived_ms.append((seen[0] - decided) * 1000)
    finally:
        await gate.close()
        await unit.close()
    return spent


@contextmanager
def _hogs() -> Iterator[None]:
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(HOGS)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def _walked() -> list[BenchRow]:
    begin = perf_counter_s()
    walk = Walk(*WORLDS["emergency"]).run()
    spent_s = perf_counter_s() - begin
    if walk.violation:
        raise RuntimeError(walk.violation)
    name = "the walk of the world with emergencies"
    found = [
        BenchRow(f"{name}, states", walk.states, "states", "at least, N5", STATES_LEAST),
        BenchRow(name, spent_s, "s", "limit N5, all worlds", WALK_LIMIT_S),
    ]
    if shutil.which("spin") and shutil.which("gcc"):
        found.append(BenchRow("states a second of the walk", walk.states / spent_s, "1/s", "Spin, compiled", _spin_rate()))
    return found


def _spin_rate() -> float:
    """States a second of Spin's search, the time to write and compile the model included."""
    from tests.peers.lane_table import table  # only where Spin is installed

    with tempfile.TemporaryDirectory() as name:
        folder, begin = Path(name), perf_counter_s()
        (folder / "lane_table.h").write_text(table())
        shutil.copy(MODEL, folder)
        for words in ("spin -a interlock.pml", "gcc -O1 -w -DSAFETY -o pan pan.c", "./pan -m2000000"):
            done = subprocess.run(words.split(), cwd=folder, capture_output=True, text=True, check=True)
        spent_s = perf_counter_s() - begin
    return int(done.stdout.split(" states, stored")[0].split()[-1]) / spent_s


def _killed() -> list[BenchRow]:
    with tempfile.TemporaryDirectory() as folder:
        killed = asyncio.run(kill_many(Path(folder), KILLS, seed=6))
    if killed.both_unlocked or killed.interlock_refusals or killed.released_after_lease or killed.occupied_in_service:
        raise RuntimeError("a killed lane left unsafe doors")
    name = f"kill -9 at {KILLS} instants: start to proved doors"
    return [
        BenchRow(f"{name}, median", statistics.median(killed.back_s), "s", "limit N6", BACK_LIMIT_S),
        BenchRow(f"{name}, worst", max(killed.back_s), "s", "limit N6", BACK_LIMIT_S),
    ]
