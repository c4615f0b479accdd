"""The MRZ reader: frames of lines, and the device over a pty. Lines: the specimens of Doc 9303-4 and 9303-5 (UTOPIA)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drivers.reader.mrz_protocol import LONGEST_LINE, UNREAD, MrzFrames, MrzProfile, encode_lines
from drivers.reader.mrz_serial import SerialMrzReader
from drivers.reader.spoken import FRESH_S
from drivers.sim.mrz_reader import SimulatedMrzReader
from egate.model.errors import DeviceError
from egate.ports import MrzReader
from tests.unit.drivers.wires import TestClock, link_to, online, run

PASSPORT = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
CARD = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")


@pytest.mark.parametrize("lines", [PASSPORT, CARD, PASSPORT[1:]])
@pytest.mark.parametrize("before", [b"", b"noise\r", b"\x03\x03", b"\x02P<UTOTORN"])
def test_whole_byte_by_byte_and_after_noise(lines: tuple[str, ...], before: bytes) -> None:
    """L8."""
    stream = before + encode_lines(lines)
    assert MrzFrames().receive(stream) == [lines]
    single = MrzFrames()
    assert [found for byte in stream for found in single.receive(bytes((byte,)))] == [lines]


def test_two_documents_in_one_chunk() -> None:
    assert MrzFrames().receive(encode_lines(PASSPORT) + encode_lines(CARD)) == [PASSPORT, CARD]


def test_unread_signs_are_marked_and_nothing_else_is_changed() -> None:
    (lines,) = MrzFrames().receive(b"\x02P<UTO*RIK\x80\r\nL898\x7f02C3\r\n\x03")
    assert lines == (f"P<UTO{UNREAD}RIK{UNREAD}", f"L898{UNREAD}02C3")


@pytest.mark.parametrize(
    "frame", [b"\x02\x03", b"\x02\r\r\x03", b"\x02" + b"A" * (LONGEST_LINE + 1) + b"\r\x03", b"\x02A\rB\rC\rD\r\x03"]
)
def test_frames_that_cannot_be_a_document_are_dropped(frame: bytes) -> None:
    frames = MrzFrames()
    assert frames.receive(frame + encode_lines(PASSPORT)) == [PASSPORT]
    assert frames.broken_frames > 0


def test_a_frame_without_end_does_not_fill_memory() -> None:
    frames = MrzFrames()
    assert frames.receive(b"\x02" + b"A" * 10_000) == []
    assert frames.receive(encode_lines(PASSPORT)) == [PASSPORT]


def test_another_make_is_another_profile() -> None:
    profile = MrzProfile(start=b"\x1b[", line_end=b"\n", end=b"\x04\x04")
    assert MrzFrames(profile).receive(encode_lines(CARD, profile)) == [CARD]


async def _wire(folder: Path, clock: TestClock) -> tuple[SerialMrzReader, SimulatedMrzReader]:
    simulated = SimulatedMrzReader(folder / "mrz", clock)
    simulated.plug()
    reader = SerialMrzReader(link_to(folder / "mrz", clock, 9600), clock)
    await reader.start()
    return reader, simulated


def test_a_document_is_read(tmp_path: Path) -> None:
    async def story() -> None:
        reader, simulated = await _wire(tmp_path, TestClock(5))
        as_port: MrzReader = reader
        assert online(as_port)
        reading = asyncio.ensure_future(reader.read_lines())
        await simulated.present(PASSPORT)
        assert await reading == PASSPORT
        await reader.close()
        assert not online(reader)
        await simulated.close()

    run(story())


def test_a_document_nobody_waited_for_is_kept_for_a_moment_only(tmp_path: Path) -> None:
    async def story() -> None:
        clock = TestClock(20)
        reader, simulated = await _wire(tmp_path, clock)
        await simulated.present(PASSPORT)
        await clock.sleep(1)
        assert await reader.read_lines() == PASSPORT
        await simulated.present(PASSPORT)
        await clock.sleep(FRESH_S + 2)
        reading = asyncio.ensure_future(reader.read_lines())
        await simulated.present(CARD)
        assert await reading == CARD
        await reader.close()
        await simulated.close()

    run(story())


def test_unplugged_while_waiting(tmp_path: Path) -> None:
    async def story() -> None:
        clock = TestClock(5)
        reader, simulated = await _wire(tmp_path, clock)
        reading = asyncio.ensure_future(reader.read_lines())
        await clock.sleep(0.1)
        simulated.unplug()
        with pytest.raises(DeviceError, match="lost"):
            await reading
        assert not online(reader)
        reading = asyncio.ensure_future(reader.read_lines())
        simulated.plug()
        await clock.sleep(3)
        await simulated.present(CARD)
        assert await reading == CARD
        await reader.close()
        await simulated.close()

    run(story())


def test_reading_without_start_and_after_close(tmp_path: Path) -> None:
    async def story() -> None:
        clock = TestClock(5)
        reader = SerialMrzReader(link_to(tmp_path / "mrz", clock, 9600), clock)
        with pytest.raises(DeviceError, match="not started"):
            await reader.read_lines()
        with pytest.raises(DeviceError, match="no such port"):
            await reader.start()
        reader, simulated = await _wire(tmp_path, clock)
        reading = asyncio.ensure_future(reader.read_lines())
        await clock.sleep(0.1)
        await reader.close()
        with pytest.raises(DeviceError, match="closed"):
            await reading
        await simulated.close()

    run(story())
