"""The seeded disturbance itself, and every driver under it: nothing but our errors, no false data, back when the fault ends."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.gate.osdp import OsdpConfig, OsdpGate
from drivers.link import LinkSettings
from drivers.reader.mrz_serial import SerialMrzReader
from drivers.reader.pn532 import Pn532Config, Pn532Reader
from drivers.recording import Chunk, Happening, ReplayLink
from drivers.sim.fault_link import LASTING, PASSING, Fault, FaultLink, FaultPlan
from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.mrz_reader import SimulatedMrzReader
from drivers.sim.osdp_peripheral import PeripheralSettings
from drivers.sim.pn532 import SimulatedPn532
from egate.model.errors import ChipLost, DeviceError
from egate.model.lane import Door, DoorState, GateReport
from tests.unit.drivers.wires import KEY, ScriptedChip, TestClock, link_to, run

LINES = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
COMMAND = bytes.fromhex("00b0000010")
HURTS = 2  # questions asked while a fault is there
POLLS = 12  # questions that may fail after a fault ended, of a driver that needs a new session or start-up
QUICK = Pn532Config(fast_baud=None, apdu_within_s=0.3, quick_within_s=0.3)


class Still:
    """A line on which nothing happens but what is written."""

    def __init__(self) -> None:
        chunks = [Chunk(Happening.OPENED, 0.0), Chunk(Happening.TO_DEVICE, 0.0, b"never")]
        self.link = ReplayLink(chunks, LinkSettings("/dev/serial/by-path/x"))
        self.sent = bytearray()
        self.link.write = self.sent.extend  # type: ignore[method-assign, assignment]  # only what goes out counts here


async def _carried(seed: int, plan: FaultPlan, chunks: list[bytes]) -> tuple[bytes, bytes, list[object]]:
    """What went out, what came back as echo, and the notes."""
    still = Still()
    link = FaultLink(still.link, seed, plan)
    await link.open()
    for chunk in chunks:
        link.write(chunk)
    return bytes(still.sent), link.take(), list(link.notes)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=400), st.lists(st.integers(0, 400), max_size=8))
def test_faults_depend_on_seed_and_bytes_not_on_chunks(seed: int, data: bytes, cuts: list[int]) -> None:
    """L8: the same bytes meet the same faults, however they are cut."""
    plan = FaultPlan((Fault.DROP, Fault.FLIP, Fault.DUPLICATE, Fault.GARBAGE, Fault.ECHO), every_bytes=15)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    assert run(_carried(seed, plan, [data])) == run(_carried(seed, plan, pieces))


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.FLIP, Fault.DUPLICATE, Fault.GARBAGE, Fault.ECHO])
def test_each_fault_does_what_its_name_says(fault: Fault) -> None:
    data = bytes(range(256)) * 4
    sent, echo, notes = run(_carried(3, FaultPlan((fault,), every_bytes=100), [data]))
    assert notes
    assert {note.fault for note in notes} == {fault}  # type: ignore[attr-defined]  # the notes of a FaultLink
    changed = sum(a != b for a, b in zip(sent, data, strict=False))
    match fault:
        case Fault.DROP:
            assert len(sent) < len(data)
        case Fault.FLIP:
            assert (len(sent), changed) == (len(data), len(notes))
        case Fault.ECHO:
            assert sent == data
            assert echo
            assert echo in data or len(notes) > 1
        case _:
            assert len(sent) > len(data)


def test_without_a_plan_and_after_mending_nothing_is_hurt() -> None:
    async def story() -> None:
        still = Still()
        link = FaultLink(still.link, 1, FaultPlan(every_bytes=2))
        await link.open()
        link.begin(Fault.CUT)
        link.write(b"gone")
        link.mend()
        link.write(bytes(range(200)))
        assert bytes(still.sent) == bytes(range(200))
        with pytest.raises(ValueError, match="does not last"):
            link.begin(Fault.FLIP)

    run(story())


def test_late_bytes_keep_their_order() -> None:
    async def story() -> None:
        still = Still()
        link = FaultLink(still.link, 5, FaultPlan((Fault.DELAY,), every_bytes=40))
        await link.open()
        data = bytes(range(256))
        for byte in data:
            link.write(bytes((byte,)))
        assert len(still.sent) < len(data)
        async with asyncio.timeout(10):
            while len(still.sent) < len(data):
                await TestClock().sleep(0.01)
        assert bytes(still.sent) == data

    run(story())


# Every driver under every fault.

Ask = Callable[[], Awaitable[bool]]
"""One piece of work; whether what came back is right. Raises what the driver raises."""


@asynccontextmanager
async def osdp(folder: Path, seed: int, plan: FaultPlan) -> AsyncIterator[tuple[FaultLink, Ask, bool]]:
    """Orders and reports of a gate at rest: locked doors, nobody inside."""
    clock = TestClock()
    unit = SimulatedGateUnit(folder / "gate", clock, PeripheralSettings(KEY), os.urandom, baud=None)
    unit.plug()
    link = FaultLink(link_to(folder / "gate", clock), seed, plan)
    gate = OsdpGate(link, OsdpConfig(KEY), clock, os.urandom)
    number = 0

    async def ask() -> bool:
        nonlocal number
        number += 1
        await gate.lock(Door.ENTRY, number)
        async with aclosing(gate.reports()) as reports:  # type: ignore[type-var]  # reports() is an async generator
            async for report in reports:
                return report == GateReport(report.after_command, DoorState.LOCKED, DoorState.LOCKED, 0, False, False)
        return False

    async def patient() -> bool:
        try:
            async with asyncio.timeout(1.0):
                return await ask()
        except TimeoutError:
            raise DeviceError("read the gate", "it says nothing") from None
        except DeviceError:
            await clock.sleep(0.1)
            raise

    try:
        await _started(gate.start)
        yield link, patient, True
    finally:
        await gate.close()
        await unit.close()


@asynccontextmanager
async def pn532(folder: Path, seed: int, plan: FaultPlan) -> AsyncIterator[tuple[FaultLink, Ask, bool]]:
    """APDUs to a chip that lies there all the time."""
    clock = TestClock()
    simulated = SimulatedPn532(folder / "chip", clock, baud=None)
    simulated.insert(ScriptedChip())
    simulated.plug()
    link = FaultLink(link_to(folder / "chip", clock), seed, plan)
    reader = Pn532Reader(link, QUICK, clock)

    async def ask() -> bool:
        if not await reader.wait_for_chip(0.1):
            raise ChipLost("wait", "there is none")
        return await reader.transceive(COMMAND) == COMMAND[::-1] + b"\x90\x00"

    try:
        await _started(reader.start)
        yield link, ask, True
    finally:
        await reader.close()
        await simulated.close()


@asynccontextmanager
async def mrz(folder: Path, seed: int, plan: FaultPlan) -> AsyncIterator[tuple[FaultLink, Ask, bool]]:
    """Documents laid down one after the other. The wire has no check value: what is hurt there the check digits have to find."""
    clock = TestClock(20)
    simulated = SimulatedMrzReader(folder / "mrz", clock, baud=None)
    simulated.plug()
    link = FaultLink(link_to(folder / "mrz", TestClock(), 9600), seed, plan)
    reader = SerialMrzReader(link, clock)

    async def ask() -> bool:
        await simulated.present(LINES)
        try:
            async with asyncio.timeout(0.5):
                lines = await reader.read_lines()
        except TimeoutError:
            raise DeviceError("read the MRZ", "nothing came") from None
        assert 1 <= len(lines) <= 3
        assert all(len(line) <= 44 for line in lines)
        return lines == LINES

    try:
        await _started(reader.start)
        yield link, ask, bool(plan.kinds) and set(plan.kinds) <= {Fault.DELAY, Fault.ECHO}
    finally:
        await reader.close()
        await simulated.close()


async def _started(start: Callable[[], Awaitable[None]]) -> None:
    """A start may fail on a noisy line, with an error of ours; it is tried again."""
    for _ in range(20):
        try:
            await start()
            return
        except DeviceError:
            continue
    raise AssertionError("it never started")


async def _hurt_and_mended(wire: tuple[FaultLink, Ask, bool], lasting: Fault | None) -> None:
    """Work under a fault, then after it."""
    link, ask, exact = wire
    if lasting:
        link.begin(lasting)
    for _ in range(HURTS):
        try:
            right = await ask()
        except (DeviceError, ChipLost):
            continue
        assert right or not exact, f"false data; notes {list(link.notes)}"
    link.mend()
    for _ in range(POLLS):
        try:
            if await ask():
                break
        except (DeviceError, ChipLost):
            continue
    else:
        raise AssertionError(f"not back after {POLLS} questions; notes {list(link.notes)}")
    assert await ask(), "and it stays back"
    assert link.notes


@pytest.mark.parametrize("wire", [osdp, pn532, mrz])
@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.value)
def test_every_driver_under_every_passing_fault(
    tmp_path: Path, wire: Callable[[Path, int, FaultPlan], object], fault: Fault
) -> None:
    """L2, L7, L8: the worst is an error of ours; once the fault ends the driver works again by itself."""

    async def story() -> None:
        every_bytes = 20 if wire is mrz else 70  # a document is short
        async with wire(tmp_path, 11, FaultPlan((fault,), every_bytes)) as parts:  # type: ignore[attr-defined]  # one of ours
            if fault is Fault.ECHO:
                parts[0].begin(Fault.ECHO)
            await _hurt_and_mended(parts, None)

    run(story(), 60)


@pytest.mark.parametrize("wire", [osdp, pn532, mrz])
@pytest.mark.parametrize("fault", LASTING, ids=lambda fault: fault.value)
def test_every_driver_under_every_lasting_fault(
    tmp_path: Path, wire: Callable[[Path, int, FaultPlan], object], fault: Fault
) -> None:
    """L2, L7: a dead line, a line that only hears, a line that echoes."""

    async def story() -> None:
        async with wire(tmp_path, 12, FaultPlan(())) as parts:  # type: ignore[attr-defined]  # one of ours
            await _hurt_and_mended(parts, fault)

    run(story(), 60)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("wire", [osdp, pn532, mrz])
def test_every_driver_under_all_faults_at_once(tmp_path: Path, wire: Callable[[Path, int, FaultPlan], object], seed: int) -> None:
    async def story() -> None:
        async with wire(tmp_path, seed, FaultPlan(every_bytes=150)) as parts:  # type: ignore[attr-defined]  # one of ours
            for _ in range(5):
                _, ask, exact = parts
                try:
                    assert await ask() or not exact, f"seed {seed}: false data"
                except (DeviceError, ChipLost):
                    continue
            await _hurt_and_mended(parts, None)

    run(story(), 60)
