"""How fast decisions become bytes, and bytes become acknowledgements.

Wires run at their line rate; the limits are those of FACTS-gate §5.3 and §6.5.

The simulated devices run in the same process and event loop, so their share is in every figure.
"""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
import tempfile
import time
import tty
from pathlib import Path

from drivers.gate.osdp_packet import CRC_SIZE, HEADER_SIZE, MAC_SIZE
from drivers.reader.pn532_protocol import ACK_FRAME, encode_frame
from drivers.sim.pn532 import AIR_BITS_PER_BYTE, AIR_FRAME_BYTES, AirSettings
from egate.model.errors import DeviceError
from egate.model.lane import Door
from tests.bench.row import BenchRow
from tests.unit.drivers.wires import ScriptedChip, chip_wire, gate_wire

ROUNDS = 150
BAUD = 115_200
BITS = 10
ORDER_BYTES = HEADER_SIZE + 2 + 1 + 16 + MAC_SIZE + CRC_SIZE  # OUT with one encrypted block
ACK_BYTES = HEADER_SIZE + 2 + 1 + MAC_SIZE + CRC_SIZE
WRITTEN_LIMIT_MS = 3.0  # N4, idle, p99
SESSION_LIMIT_MS = 100.0  # N3
LOSS_LIMIT_MS = 500.0  # N1, L2
READ_BINARY = bytes.fromhex("0cb000000d97010f8e08") + bytes(9)
RESPONSE_BYTES = 239  # 223 bytes of file under secure messaging


def rows() -> list[BenchRow]:
    """Every figure of the drivers, each with its yardstick."""
    logging.getLogger("egate.drivers").setLevel(logging.ERROR)  # the cut cables are ours
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        floor_ms = _pty_floor_ms()
        written = asyncio.run(_written_ms(folder))
        acknowledged = asyncio.run(_acknowledged_ms(folder))
        apdu_ms, wire_ms = asyncio.run(_apdu_ms(folder))
        return [
            BenchRow("unlock called → bytes written, median", statistics.median(written), "ms", "pty write+read", floor_ms),
            BenchRow("unlock called → bytes written, p99", _p99(written), "ms", "limit N4, idle", WRITTEN_LIMIT_MS),
            BenchRow(
                "unlock called → acknowledged, 115200 baud",
                statistics.median(acknowledged),
                "ms",
                "line time of the bytes (§5.3)",
                (ORDER_BYTES + ACK_BYTES) * BITS * 1000 / BAUD,
            ),
            BenchRow("secure channel up, 115200 baud", asyncio.run(_session_ms(folder)), "ms", "limit N3", SESSION_LIMIT_MS),
            BenchRow("cut cable noticed", asyncio.run(_loss_ms(folder)), "ms", "limit L2", LOSS_LIMIT_MS),
            BenchRow("READ BINARY of 223 bytes by PN532, 921600 baud", apdu_ms, "ms", "line and air time", wire_ms),
        ]


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def _pty_floor_ms() -> float:
    """One write and one read through a bare pty."""
    master, slave = os.openpty()
    tty.setraw(slave)
    spent = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        os.write(slave, bytes(ORDER_BYTES))
        os.read(master, 64)
        spent.append(time.perf_counter() - begin)
    os.close(master)
    os.close(slave)
    return statistics.median(spent) * 1000


async def _written_ms(folder: Path) -> list[float]:
    """Unpaced line: from the call of `unlock` to the order's bytes at the other end."""
    spent = []
    async with gate_wire(folder, baud=None) as (gate, unit, clock):
        seen: list[float] = []
        receive = unit.port.on_bytes

        def note(data: bytes) -> None:
            if len(data) == ORDER_BYTES:
                seen.append(time.perf_counter())
            receive(data)

        unit.port.on_bytes = note
        for number in range(1, ROUNDS + 1):
            await clock.sleep(0.003 + number % 7 * 0.001)
            seen.clear()
            begin = time.perf_counter()
            await gate.unlock(Door.ENTRY, 1.0, number)
            spent.append((seen[0] - begin) * 1000)
    return spent


async def _acknowledged_ms(folder: Path) -> list[float]:
    """Paced line: from the call to the acknowledgement."""
    spent = []
    async with gate_wire(folder, baud=BAUD) as (gate, _, clock):
        for number in range(1, ROUNDS // 2):
            await clock.sleep(0.003 + number % 7 * 0.001)
            begin = time.perf_counter()
            await gate.unlock(Door.ENTRY, 1.0, number)
            spent.append((time.perf_counter() - begin) * 1000)
    return spent


async def _session_ms(folder: Path) -> float:
    """Open port to a checked unit in a secure session."""
    spent = []
    for _ in range(5):
        async with gate_wire(folder, baud=BAUD, start=False) as (gate, _, _clock):
            begin = time.perf_counter()
            await gate.start()
            spent.append((time.perf_counter() - begin) * 1000)
    return statistics.median(spent)


async def _loss_ms(folder: Path) -> float:
    """From the cut to the error that `reports` raises."""
    spent = []
    async with gate_wire(folder, baud=BAUD) as (gate, unit, _):
        for _ in range(3):
            reports = gate.reports()
            await anext(reports)
            unit.port.faults.cut()
            begin = time.perf_counter()
            try:
                async for _report in reports:
                    pass
            except DeviceError:
                spent.append((time.perf_counter() - begin) * 1000)
            unit.port.faults.mend()
            await anext(gate.reports())
    return statistics.median(spent)


async def _apdu_ms(folder: Path) -> tuple[float, float]:
    """A READ BINARY by a chip that answers at once, and the time that its bytes need on the line and in the air."""
    fast = 921_600
    request = len(encode_frame(bytes(3 + len(READ_BINARY)))) + len(ACK_FRAME)
    answer = len(encode_frame(bytes(3 + RESPONSE_BYTES)))
    spent = []
    async with chip_wire(folder) as (reader, simulated, _):
        simulated.insert(ScriptedChip(lambda command: bytes(RESPONSE_BYTES)))
        await reader.wait_for_chip(1)
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            await reader.transceive(READ_BINARY)
            spent.append((time.perf_counter() - begin) * 1000)
    air = len(READ_BINARY) + RESPONSE_BYTES + 2 * AIR_FRAME_BYTES
    line_s = (request + answer) * BITS / fast
    return statistics.median(spent), (line_s + air * AIR_BITS_PER_BYTE / AirSettings().bits_per_s) * 1000
