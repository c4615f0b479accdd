"""Cables pulled and put back, again and again, under every driver of a serial line: the right device, and nothing left open (N8).

While the cable is out another device takes the kernel's name that it had, as an adapter does that is plugged in meanwhile. The
driver must find its own by the stable name and never say a word to the other. The ordinary run does 25 cycles a driver, the soak
a thousand.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drivers.conformance.bench import Bench
from drivers.sim.pty import PtyPort
from egate.app.simulate.benches import benches
from egate.model.errors import ChipLost, DeviceError
from tests.unit.drivers.wires import TestClock, online, run, until

BENCHES = benches(os.urandom)
FEW, MANY = 25, 1000
SPEED = 20.0
SEEN_WITHIN_S = 10.0  # of the test's clock
ATTEMPTS = 300  # questions, 10 ms apart on a quiet machine


async def _works(device: Any, work: Any, emulator: Any, clock: TestClock) -> None:
    """A piece of work with a right result; a driver that is just back may need another question."""
    for _ in range(ATTEMPTS):
        try:
            assert await work.ask(device, emulator) == ""
            return
        except (DeviceError, ChipLost):
            await clock.sleep(0.2)
    raise AssertionError("it does not work again")


async def _cycles(bench: Bench, folder: Path, count: int) -> tuple[int, int]:
    """So many cycles; how often the other device had the name of the driver's, and how many openings were counted."""
    clock, stolen, heard = TestClock(SPEED), 0, bytearray()
    emulator: Any = bench.emulate(folder / "port", clock)
    others = [PtyPort(folder / f"other-{number}", clock) for number in range(2)]
    for other in others:
        other.on_bytes = heard.extend
    others[0].plug()
    emulator.plug()
    device: Any = bench.make(replace(bench.settings, path=str(folder / "port"), emulated=True), clock)
    work = bench.work()
    work.prepare(emulator)
    await device.start()
    try:
        await _works(device, work, emulator, clock)
        descriptors, tasks = len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())
        for _ in range(count):
            before = (folder / "port").readlink()
            emulator.unplug()
            await until(lambda: not online(device), clock, SEEN_WITHIN_S)
            others[1].plug()  # takes the lowest name that is free: the one that the driver's device had
            stolen += others[1].path.readlink() == before
            others[0].unplug()
            emulator.plug()
            await _works(device, work, emulator, clock)
            assert online(device)
            others.reverse()
        await clock.sleep(0.2)  # what was cancelled ends
        assert len(os.listdir("/proc/self/fd")) <= descriptors
        assert len(asyncio.all_tasks()) < tasks + count // 4, "tasks stay"
    finally:
        await device.close()
        for other in others:
            other.unplug()
        await emulator.close()
    assert not heard, "the driver spoke to another device"
    return stolen, _opened(device)


def _opened(device: Any) -> int:
    """How often the port was opened, as the line counts it."""
    line = getattr(device, "_link", None) or device._spoken.link
    return int(line.counters.opened)


@pytest.mark.parametrize("name", sorted(BENCHES))
def test_twenty_five_cycles(tmp_path: Path, name: str) -> None:
    """L1, L2, L4."""
    stolen, opened = run(_cycles(BENCHES[name], tmp_path, FEW), 60)
    assert stolen, "another device had the name of the driver's"
    assert opened == FEW + 1


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", sorted(BENCHES))
def test_a_thousand_cycles(tmp_path: Path, name: str) -> None:
    """L1, L2, L4."""
    stolen, opened = run(_cycles(BENCHES[name], tmp_path, MANY), 890)
    sys.stdout.write(f"{name}: {MANY} cycles, {opened} openings, {stolen} names taken meanwhile\n")
    assert opened == MANY + 1
