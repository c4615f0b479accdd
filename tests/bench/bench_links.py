"""Lines that are cut, noisy, slow or unplugged (N1, N2, N7 to N10), beside libosdp and pymodbus where they do the same work.

Both panels meet the same cut, and the same seed of noise, on lines of their own to the same simulated unit. libosdp is left as it
is: nothing guards it. That it tries again only 300 s after a loss is a constant of its own, which is stated and not waited for.
"""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from drivers.gate.modbus_boards import parse_layout
from drivers.gate.modbus_line import BoardLine
from drivers.gate.modbus_protocol import read_inputs, write_coil
from drivers.reader.pn532 import Pn532Config, Pn532Reader
from drivers.reader.pn532_protocol import ACK_FRAME, encode_frame
from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.osdp_peripheral import PeripheralSettings
from drivers.sim.passport.issuer import SimulatedIssuer
from drivers.sim.pn532 import AirSettings, SimulatedPn532
from drivers.sim.pty import FaultLink, FaultRates
from egate.app.clock import perf_counter_s
from egate.model.errors import DeviceError
from egate.model.lane import Door
from tests.bench.bench_osdp import PEER, libosdp_panel
from tests.bench.row import BenchRow
from tests.unit.app.app_bench import TODAY, make_lane, make_passport
from tests.unit.app.test_session_replay import record_session, replayed
from tests.unit.drivers.parsers import parsers, soak
from tests.unit.drivers.wires import KEY, ScriptedChip, TestClock, gate_wire, link_to, until

BAUD = 115_200
CUTS = 3
SEEN_LIMIT_MS, BACK_LIMIT_MS = 500.0, 1000.0  # N1
PEER_PATIENCE_S = 12.0
PEER_RETRY_MS = 300_000.0
"""How long libosdp leaves a unit alone that it lost; it says so in its log ("Going offline for 300 seconds")."""
NOISE = ((0.01, 1.5, 99.9), (0.05, 3.0, 99.0))
"""N2: share of chunks hurt, seconds in which an order must be executed, and how many of a hundred must be."""
SEED, ORDERS, PAUSE_S, NOISY_S = 1, 80, 0.03, 8.0
FILE_BYTES, BLOCK_BYTES = 20_480, 223
WRAPPED_BYTES = 16
"""Around a block: the objects of secure messaging."""
READ_BINARY = bytes.fromhex("0cb000000d97010f8e08") + bytes(9)
FILE_LIMIT_S = {BAUD: 2.8, 921_600: 0.5}  # N7
PLUGS, UNPLUG_LIMIT_MS = 25, 50.0  # N8
CHUNKS, CHUNKS_IN_SOAK, SOAK_LIMIT_S = 1500, 1_000_000, 900.0  # N9
ASKED = 60


def rows() -> Iterator[BenchRow]:
    """N1, N2, N7, N8, N9, N10 and the Modbus line, each with its peer or its limit."""
    for name in ("egate.drivers", "pymodbus"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # the cut cables are ours
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from asyncio.run(_lost_and_noisy(folder))
        for baud, limit_s in FILE_LIMIT_S.items():
            spent_s, wire_s = asyncio.run(_file_s(folder, baud))
            yield BenchRow(f"PN532, a file of 20 kB, {baud} baud", spent_s, "s", "limit N7", limit_s)
            yield BenchRow(f"PN532, a file of 20 kB, {baud} baud", spent_s, "s", "line time of its bytes", wire_s)
        yield from asyncio.run(_plugged(folder))
        yield from _parsed()
        if find_spec("pymodbus"):
            yield from asyncio.run(_modbus())
        yield from _replayed(folder)


async def _lost_and_noisy(folder: Path) -> list[BenchRow]:
    """N1 of ours alone; then N2 of both while libosdp takes its time to notice a cut."""
    seen_ms, back_ms = await _cut_ours(folder)
    peers = find_spec("osdp_sys") is not None
    works: list[Awaitable[float]] = [_noisy_ours(folder / f"ours{hurt}", hurt, limit_s) for hurt, limit_s, _ in NOISE]
    if peers:
        works += [_noisy_theirs(folder / f"theirs{hurt}", hurt, limit_s) for hurt, limit_s, _ in NOISE]
        works.append(_cut_theirs_ms(folder / "cut"))
    shares = await asyncio.gather(*works)
    found = [
        BenchRow("OSDP line cut: noticed", seen_ms, "ms", "limit N1", SEEN_LIMIT_MS),
        BenchRow("OSDP line mended: back in its session", back_ms, "ms", "limit N1", BACK_LIMIT_MS),
    ]
    if peers:
        never = f"{PEER.partition(',')[0]}: its own constant, not waited for"
        found.insert(1, BenchRow("OSDP line cut: noticed", seen_ms, "ms", PEER, shares[-1]))
        found.append(BenchRow("OSDP line mended: back in its session", back_ms, "ms", never, PEER_RETRY_MS))
    for number, (hurt, limit_s, least) in enumerate(NOISE):
        title = f"orders executed in {limit_s:g} s, {hurt:.0%} of chunks hurt"
        found.append(BenchRow(title, shares[number], "%", "at least, N2", least))
        if peers:
            found.append(BenchRow(title, shares[number], "%", f"{PEER}, same seed", shares[len(NOISE) + number]))
    return found


async def _cut_ours(folder: Path) -> tuple[float, float]:
    """Medians: from the cut to the loss, and from the mending to the first sample of a new session."""
    seen, back = [], []
    async with gate_wire(folder, baud=BAUD) as (gate, unit, clock):
        for _ in range(CUTS):
            began = perf_counter_s()
            unit.port.faults.cut()
            await until(lambda: not gate.online, clock)
            seen.append((perf_counter_s() - began) * 1000)
            began = perf_counter_s()
            unit.port.faults.mend()
            await until(lambda: gate.online, clock)
            await anext(gate.reports())
            back.append((perf_counter_s() - began) * 1000)
    return statistics.median(seen), statistics.median(back)


async def _cut_theirs_ms(folder: Path) -> float:
    """The same cut under libosdp's panel: until it gives the session up."""
    clock = TestClock()
    unit = _unit(folder, clock, FaultLink(0))
    try:
        with libosdp_panel(folder / "gate", BAUD) as (secure, _):
            await until(secure, clock)
            began = perf_counter_s()
            unit.port.faults.cut()
            await until(lambda: not secure(), clock, PEER_PATIENCE_S)
            return (perf_counter_s() - began) * 1000
    finally:
        await unit.close()


async def _noisy_ours(folder: Path, hurt: float, limit_s: float) -> float:
    """How many of a hundred orders our panel brings through."""
    faults = FaultLink(SEED)
    folder.mkdir()
    async with gate_wire(folder, baud=BAUD, faults=faults) as (gate, unit, clock):
        faults.rates = FaultRates(flip=hurt)

        async def order(number: int) -> None:
            try:
                await gate.unlock(Door.ENTRY, 1.0, number)
            except DeviceError:
                await until(lambda: gate.online, clock)  # the order is missed; the next one waits for the new session

        return await _share(unit, clock, order, limit_s)


async def _noisy_theirs(folder: Path, hurt: float, limit_s: float) -> float:
    """The same by libosdp, bare."""
    clock, faults = TestClock(), FaultLink(SEED)
    unit = _unit(folder, clock, faults)
    try:
        with libosdp_panel(folder / "gate", BAUD) as (secure, submit):
            await until(secure, clock)
            faults.rates = FaultRates(flip=hurt)

            async def order(number: int) -> None:
                del number
                submit()

            return await _share(unit, clock, order, limit_s)
    finally:
        await unit.close()


def _unit(folder: Path, clock: TestClock, faults: FaultLink) -> SimulatedGateUnit:
    unit = SimulatedGateUnit(folder / "gate", clock, PeripheralSettings(KEY), os.urandom, baud=BAUD, faults=faults)
    unit.plug()
    return unit


async def _share(unit: SimulatedGateUnit, clock: TestClock, order: Callable[[int], Awaitable[None]], limit_s: float) -> float:
    """Of a hundred orders, those that the unit has in time; those that the run has no time left for count as missed."""
    orders, executed, began = unit.peripheral.orders, 0, perf_counter_s()
    for number in range(1, ORDERS + 1):
        if perf_counter_s() - began > NOISY_S:
            break
        await clock.sleep(PAUSE_S)
        before = len(orders)
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await order(number)
                while len(orders) == before:
                    await clock.sleep(0.002)
        executed += len(orders) > before
    return 100 * executed / ORDERS


async def _file_s(folder: Path, baud: int) -> tuple[float, float]:
    """A file in blocks of 223 bytes under secure messaging from a chip that answers at once, without time in the air."""
    clock, blocks = TestClock(), -(-FILE_BYTES // BLOCK_BYTES)
    simulated = SimulatedPn532(folder / "pn532", clock, air=AirSettings(bits_per_s=10**9))
    simulated.plug()
    simulated.insert(ScriptedChip(lambda command: bytes(BLOCK_BYTES + WRAPPED_BYTES)))
    config = Pn532Config(fast_baud=baud if baud != BAUD else None)
    reader = Pn532Reader(link_to(folder / "pn532", clock), config, clock)
    try:
        await reader.start()
        await reader.wait_for_chip(1)
        began = perf_counter_s()
        for _ in range(blocks):
            await reader.transceive(READ_BINARY)
        spent_s = perf_counter_s() - began
    finally:
        await reader.close()
        await simulated.close()
    sizes = (len(encode_frame(bytes(3 + len(READ_BINARY)))), len(encode_frame(bytes(3 + BLOCK_BYTES + WRAPPED_BYTES))))
    return spent_s, blocks * (sum(sizes) + len(ACK_FRAME)) * 10 / baud


async def _plugged(folder: Path) -> list[BenchRow]:
    """N8, a fortieth of its cycles: how soon a pulled plug is seen, whether each new one is taken, and what stays behind."""
    seen, back = [], 0
    async with gate_wire(folder, baud=BAUD) as (gate, unit, clock):
        await anext(gate.reports())
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(PLUGS):
            began = perf_counter_s()
            unit.unplug()
            while gate.online:
                await clock.sleep(0.0002)
            seen.append((perf_counter_s() - began) * 1000)
            unit.plug()
            with suppress(TimeoutError):
                await until(lambda: gate.online, clock, 2)
                back += 1
        left = len(os.listdir("/proc/self/fd")) - before
    return [
        BenchRow("plug pulled: noticed", statistics.median(seen), "ms", "limit N8", UNPLUG_LIMIT_MS),
        BenchRow(f"plugged in again and in session, of {PLUGS}", back, "plugs", "all, N8", PLUGS),
        BenchRow(f"descriptors that stay after {PLUGS} plugs", left, "files", "at most, N8", 0),
    ]


def _parsed() -> Iterator[BenchRow]:
    """N9: each chunk is played in its pieces, as a whole, and on a parser that has seen everything; and what failed."""
    rates: dict[str, list[float]] = {}
    failed = 0
    for number, (name, parser) in enumerate(parsers().items()):
        began = perf_counter_s()
        try:
            played, _ = soak(parser, CHUNKS, SEED + number)
        except Exception:  # whatever a parser raises is what is counted
            failed += 1
            continue
        rates.setdefault(name.split(" ")[0], []).append(played / (perf_counter_s() - began))
    yield BenchRow(f"parsers that fail on random chunks, of {len(parsers())}", failed, "parsers", "N9", 0)
    for kind, of_kind in rates.items():
        title = f"random chunks a second, {kind}, slowest of {len(of_kind)}"
        yield BenchRow(title, min(of_kind), "1/s", "at least: N9's million in 15 min", CHUNKS_IN_SOAK / SOAK_LIMIT_S)


async def _modbus() -> list[BenchRow]:
    """Round trips to pymodbus's server, by our line and by its own client: a coil written, eight contacts read."""
    from pymodbus import simulator
    from pymodbus.client import AsyncModbusSerialClient

    from tests.peers.test_modbus_peers import PymodbusLine, crossed_ports, pymodbus_server

    async with crossed_ports() as (theirs, ours), pymodbus_server(PymodbusLine(simulator), theirs):
        link = link_to(Path(ours), TestClock())
        contacts, coils = parse_layout("1:delay-register-4 2:inputs-16 3:coils-8").boards[1:]
        line = BoardLine(link, (contacts, coils))
        await link.open()
        try:
            own = (
                await _round_trip_ms(lambda: line.ask(coils, write_coil(3, 0, 0), 0)),
                await _round_trip_ms(lambda: line.ask(contacts, read_inputs(2, 0, 8), 0)),
            )
        finally:
            await link.close()
        client = AsyncModbusSerialClient(ours, baudrate=BAUD, timeout=1, retries=0)
        await client.connect()
        try:
            foreign = (
                await _round_trip_ms(lambda: client.write_coil(0, False, device_id=3)),
                await _round_trip_ms(lambda: client.read_discrete_inputs(0, count=8, device_id=2)),
            )
        finally:
            client.close()
    names = (
        "Modbus, coil written (05), answer of pymodbus's server",
        "Modbus, 8 contacts read (02), answer of pymodbus's server",
    )
    return [
        BenchRow(name, mine, "ms", "pymodbus's client, same server", peer)
        for name, mine, peer in zip(names, own, foreign, strict=True)
    ]


async def _round_trip_ms(ask: Callable[[], Awaitable[object]]) -> float:
    """The median; what is answered with an error of the driver or the client is no round trip."""
    spent = []
    for _ in range(ASKED):
        began = perf_counter_s()
        answer = await ask()
        spent.append((perf_counter_s() - began) * 1000)
        if getattr(answer, "isError", bool)():
            raise RuntimeError(str(answer))
    return statistics.median(spent)


def _replayed(folder: Path) -> list[BenchRow]:
    """N10: a session of the lane with everything behind its ports, and its events alone, step by step to the same hash."""
    issuer = SimulatedIssuer.create("UTO", os.urandom, TODAY)
    lane, passport = make_lane(folder / "lane", issuer), make_passport(issuer)
    began = perf_counter_s()
    session = record_session(lane, passport)
    session_s = perf_counter_s() - began
    began = perf_counter_s()
    again = replayed(session.events, lane.parts.settings)
    replay_s = perf_counter_s() - began
    same = sum(one == other for one, other in zip(again, session.log, strict=True))
    return [
        BenchRow("steps of a session replayed to the same hash", same, "steps", "all, N10", len(session.log)),
        BenchRow("a session replayed", replay_s * 1000, "ms", "the session itself, in memory", session_s * 1000),
    ]
