"""Record and replay of raw bytes (L10): sealed, bounded, and a driver that cannot tell the recording from the line."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.gate.osdp import OsdpConfig, OsdpGate
from drivers.link import LinkSettings
from drivers.reader.mrz_serial import SerialMrzReader
from drivers.recording import (
    Chunk,
    Happening,
    Recorder,
    RecordingLink,
    ReplayLink,
    encode_block,
    parse_block,
    parse_recording,
)
from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.mrz_reader import SimulatedMrzReader
from drivers.sim.osdp_peripheral import PeripheralSettings
from drivers.sim.pty import PtyPort
from egate.model.errors import DeviceError, MalformedData
from egate.model.lane import Door, GateReport
from tests.unit.drivers.wires import KEY, TestClock, link_to, run, until

LINES = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
PLACE = LinkSettings("/dev/serial/by-path/x")


def masked(block: bytes) -> bytes:
    """Stands for a seal: its own inverse, and nothing of the content shows."""
    return bytes(byte ^ 0xA5 for byte in block)


def counted_entropy() -> Callable[[int], bytes]:
    """The same bytes in the same order each time."""
    numbers = itertools.count()
    return lambda size: hashlib.sha256(next(numbers).to_bytes(4, "big")).digest()[:size]


def recorder_to(blocks: bytearray, clock: TestClock, limit_bytes: int = 1_000_000) -> Recorder:
    return Recorder(masked, blocks.extend, clock, limit_bytes)


async def _reports(gate: OsdpGate, count: int, change: Callable[[int], None] = lambda number: None) -> list[GateReport]:
    """So many reports; `change` is told the number of each."""
    found: list[GateReport] = []
    async with aclosing(gate.reports()) as reports:  # type: ignore[type-var]  # reports() is an async generator
        async for report in reports:
            found.append(report)
            change(len(found))
            if len(found) == count:
                break
    return found


def test_a_recorded_osdp_session_gives_the_same_reports(tmp_path: Path) -> None:
    """Handshake, identity, secure channel, contacts that change, orders: the recording answers as the unit did."""

    async def story() -> None:
        clock, blocks = TestClock(), bytearray()
        unit = SimulatedGateUnit(tmp_path / "gate", clock, PeripheralSettings(KEY), counted_entropy(), baud=None)
        unit.plug()
        line = RecordingLink(link_to(tmp_path / "gate", clock), recorder_to(blocks, clock))
        gate = OsdpGate(line, OsdpConfig(KEY), clock, counted_entropy())
        changes = {5: lambda: unit.emergency(True), 10: lambda: unit.emergency(False), 12: lambda: unit.tamper(True)}
        await gate.start()
        recorded = await _reports(gate, 20, lambda number: changes.get(number, lambda: None)())
        await gate.lock(Door.ENTRY, 1)
        await gate.close()
        await unit.close()
        assert len({report.emergency for report in recorded}) == len({report.tamper for report in recorded}) == 2

        replay = ReplayLink(parse_recording(bytes(blocks), masked), PLACE)
        again = OsdpGate(replay, OsdpConfig(KEY), clock, counted_entropy())
        await again.start()
        assert again.identity == gate.identity
        assert await _reports(again, 20) == recorded
        assert replay.strange_bytes == 0
        await until(lambda: replay.over, clock)
        await until(lambda: not again.online, clock)
        await again.close()

    run(story())


def test_another_key_hears_nothing_from_a_recording(tmp_path: Path) -> None:
    """L5: the replayed unit proves nothing to a driver that asks with other numbers."""

    async def story() -> None:
        clock, blocks = TestClock(), bytearray()
        unit = SimulatedGateUnit(tmp_path / "gate", clock, PeripheralSettings(KEY), counted_entropy(), baud=None)
        unit.plug()
        gate = OsdpGate(
            RecordingLink(link_to(tmp_path / "gate", clock), recorder_to(blocks, clock)),
            OsdpConfig(KEY),
            clock,
            counted_entropy(),
        )
        await gate.start()
        await gate.close()
        await unit.close()
        replay = ReplayLink(parse_recording(bytes(blocks), masked), PLACE)
        with pytest.raises(DeviceError):
            await OsdpGate(replay, OsdpConfig(KEY), clock, bytes).start()

    run(story())


def test_a_recorded_mrz_read_gives_the_same_lines_and_survives_a_pulled_cable(tmp_path: Path) -> None:
    async def story() -> None:
        clock, blocks = TestClock(20), bytearray()
        simulated = SimulatedMrzReader(tmp_path / "mrz", clock, baud=None)
        simulated.plug()
        reader = SerialMrzReader(RecordingLink(link_to(tmp_path / "mrz", clock, 9600), recorder_to(blocks, clock)), clock)
        await reader.start()
        await simulated.present(LINES)
        assert await reader.read_lines() == LINES
        reading = asyncio.ensure_future(reader.read_lines())
        await clock.sleep(0.2)
        simulated.unplug()
        with pytest.raises(DeviceError):
            await reading
        simulated.plug()
        reading = asyncio.ensure_future(reader.read_lines())
        while not reading.done():
            await simulated.present(LINES[::-1])
            await clock.sleep(1)
        assert await reading == LINES[::-1]
        await reader.close()
        await simulated.close()

        chunks = parse_recording(bytes(blocks), masked)
        kinds = [chunk.kind for chunk in chunks if chunk.kind <= Happening.LOST]
        assert kinds == [Happening.OPENED, Happening.LOST, Happening.OPENED]
        replay = ReplayLink(chunks, PLACE)
        again = SerialMrzReader(replay, clock)
        await again.start()
        assert await again.read_lines() == LINES
        while (lines := await _lines_or_loss(again)) is None:
            continue
        assert lines == LINES[::-1]
        assert replay.generation == 2
        await again.close()

    run(story())


async def _lines_or_loss(reader: SerialMrzReader) -> tuple[str, ...] | None:
    try:
        return await reader.read_lines()
    except DeviceError:
        return None


def test_nothing_unsealed_leaves_and_nothing_shows(tmp_path: Path) -> None:
    """L10: what is written is what the seal made; a chunk's repr is empty of it."""

    async def story() -> None:
        clock, blocks = TestClock(), bytearray()
        port = PtyPort(tmp_path / "port", clock)
        port.on_bytes = lambda data: port.write(b"L898902C36")
        port.plug()
        link = RecordingLink(link_to(tmp_path / "port", clock), recorder_to(blocks, clock))
        await link.open()
        link.write(b"SECRET")
        assert await link.read(2) == b"L898902C36"
        assert not blocks, "it waits in memory until there is a block"
        link.discard_input()
        await link.close()
        port.unplug()
        assert b"SECRET" not in blocks
        assert b"L898902C36" not in blocks
        chunks = parse_recording(bytes(blocks), masked)
        assert [chunk.data for chunk in chunks] == [b"", b"SECRET", b"L898902C36"]
        assert "SECRET" not in repr(chunks)

    run(story())


def test_a_recording_is_bounded_and_the_line_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        blocks = bytearray()
        recorder = recorder_to(blocks, TestClock(), limit_bytes=1000)
        for _ in range(100):
            recorder.note(Happening.TO_HOST, bytes(50))
        recorder.flush()
        assert recorder.full
        assert len(blocks) < 1100
        assert len(parse_recording(bytes(blocks), masked)) == 15

    run(story())
    assert [record.message for record in caplog.records] == [
        "the recording of a line ends: it has reached its limit; the line goes on"
    ]


def test_a_disk_that_is_full_does_not_stop_the_line(caplog: pytest.LogCaptureFixture) -> None:
    def full(data: bytes) -> None:
        raise OSError(28, "no space")

    async def story() -> None:
        recorder = Recorder(masked, full, TestClock())
        recorder.note(Happening.TO_HOST, bytes(20_000))
        recorder.note(Happening.TO_HOST, bytes(20_000))
        assert recorder.full

    run(story())
    assert len(caplog.records) == 1
    assert "cannot be written" in caplog.records[0].message


chunks_of = st.lists(
    st.builds(Chunk, st.sampled_from(Happening), st.integers(0, 10**9).map(lambda us: us / 1e6), st.binary(max_size=40)),
    max_size=10,
)


@given(chunks_of)
@settings(max_examples=60, deadline=None)
def test_blocks_come_back_as_they_were(chunks: list[Chunk]) -> None:
    assert parse_block(encode_block(chunks)) == chunks


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_anything_else_is_malformed_or_a_recording(content: bytes) -> None:
    """L8."""
    try:
        parse_recording(content, lambda block: block)
        parse_block(content)
    except MalformedData:
        return


def test_a_recording_that_was_torn_off_gives_what_is_whole() -> None:
    one = encode_block([Chunk(Happening.OPENED, 0.0)])
    content = len(one).to_bytes(4, "big") + one
    assert len(parse_recording(content + content[:-1], lambda block: block)) == 1
    with pytest.raises(MalformedData, match="too large"):
        parse_recording(b"\xff" * 8, lambda block: block)


def test_a_replay_without_an_open_port_says_so() -> None:
    async def story() -> None:
        link = ReplayLink([Chunk(Happening.TO_HOST, 0.0, b"x")], PLACE)
        with pytest.raises(DeviceError, match="nothing follows"):
            await link.open()
        with pytest.raises(DeviceError, match="lost"):
            link.write(b"x")

    run(story())
