"""The vpcd socket, both ways: messages, the listening reader, the connecting chip, and peers that mean no good."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.reader.atr import atr_of_historical_bytes, historical_bytes_of_atr, historical_bytes_of_ats
from drivers.reader.vpcd import VpcdConfig, VpcdReader, parse_address
from drivers.reader.vpcd_protocol import Control, VpcdMessages, control_of, encode_message
from drivers.sim.vpcd import VpcdChip, atr_of
from egate.model.errors import ChipLost, DeviceError, MalformedData
from egate.ports import ChipReader
from tests.unit.drivers.wires import ScriptedChip, TestClock, online, run, until

COMMAND = bytes.fromhex("00a4020c02011e")


@given(st.lists(st.binary(min_size=1, max_size=600), max_size=6), st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_messages_do_not_depend_on_chunks(payloads: list[bytes], sizes: list[int]) -> None:
    """L8."""
    stream = b"".join(map(encode_message, payloads))
    assert VpcdMessages().receive(stream) == payloads
    cut, found, at, turn = VpcdMessages(), [], 0, 0
    while at < len(stream):
        found += cut.receive(stream[at : at + sizes[turn % len(sizes)]])
        at, turn = at + sizes[turn % len(sizes)], turn + 1
    assert found == payloads
    assert not cut.half


@pytest.mark.parametrize("stream", [b"\x00\x00", b"\x00\x05hello\x00\x00", b"\x01\x01"])
def test_a_length_that_cannot_be_is_malformed_and_leaves_nothing_behind(stream: bytes) -> None:
    messages = VpcdMessages(largest_bytes=256)
    with pytest.raises(MalformedData):
        messages.receive(stream)
    assert not messages.half


def test_a_half_message_is_forgotten_on_demand() -> None:
    messages = VpcdMessages()
    assert messages.receive(b"\x00\x02a") == []
    messages.reset()
    assert messages.receive(encode_message(b"b")) == [b"b"]


def test_orders_and_commands() -> None:
    assert [control_of(bytes((number,))) for number in (0, 1, 2, 4)] == [Control.OFF, Control.ON, Control.RESET, Control.ATR]
    assert control_of(COMMAND) is None
    for message in (b"\x03", b"\xff", b"ab", b"abc"):
        with pytest.raises(MalformedData):
            control_of(message)
    for payload in (b"", bytes(65_536)):
        with pytest.raises(DeviceError):
            encode_message(payload)


@pytest.mark.parametrize(
    ("ats", "historical"),
    [
        ("0578807102", ""),
        ("067877710280", "80"),
        ("0a78807002804d525444", "804d525444"),
        ("0100", ""),
        ("02", ""),
        ("0200", ""),
        ("0300aa", "aa"),
    ],
)
def test_historical_bytes_survive_the_answer_to_reset(ats: str, historical: str) -> None:
    """PC/SC part 3 §3.1.3.2.3."""
    kept = historical_bytes_of_ats(bytes.fromhex(ats))
    assert kept.hex() == historical
    atr = atr_of_historical_bytes(kept)
    assert historical_bytes_of_atr(atr) == kept
    check = 0
    for byte in atr[1:]:
        check ^= byte
    assert check == 0


@pytest.mark.parametrize(
    ("atr", "historical"),
    [
        (
            "3b8f8001804f0ca000000306030001000000006a",
            "804f0ca0000003060300010000000000"[:30],
        ),  # PC/SC part 3 §3.1.3.2.3.1, memory card
        ("3b00", ""),
        ("3b", ""),
        ("3b85800180", ""),
        ("3bf0", ""),
        ("0000", ""),
        ("3f02aabb", "aabb"),
    ],
)
def test_historical_bytes_of_other_answers(atr: str, historical: str) -> None:
    assert historical_bytes_of_atr(bytes.fromhex(atr)).hex() == historical


@given(st.binary(max_size=40))
def test_no_answer_breaks_the_parsers(answer: bytes) -> None:
    assert len(historical_bytes_of_atr(answer)) <= 15
    assert len(historical_bytes_of_ats(answer)) <= len(answer)


def test_an_answer_to_select_with_and_without_its_length() -> None:
    assert atr_of(bytes.fromhex("067877710280")) == atr_of(bytes.fromhex("7877710280"))
    assert atr_of(bytes.fromhex("067877710280")).hex() == "3b81800180" + "80"


@asynccontextmanager
async def vpcd_wire(chip: ScriptedChip, apdu_within_s: float = 1.0) -> AsyncIterator[tuple[VpcdReader, VpcdChip, TestClock]]:
    """Our reader and our chip at both ends of a socket."""
    clock = TestClock()
    reader = VpcdReader(VpcdConfig(port=0, apdu_within_s=apdu_within_s), clock)
    await reader.start()
    simulated = VpcdChip(chip, *reader.address, clock)
    task = asyncio.ensure_future(simulated.run())
    try:
        yield reader, simulated, clock
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await reader.close()


def test_a_chip_is_read() -> None:
    async def story() -> None:
        chip = ScriptedChip()
        chip.ats = bytes.fromhex("0a78807002804d525444")
        async with vpcd_wire(chip) as (reader, simulated, _):
            as_port: ChipReader = reader
            assert online(as_port)
            assert as_port.max_response_bytes > 60_000
            assert await as_port.wait_for_chip(2)
            assert as_port.historical_bytes.hex() == "804d525444"
            assert await as_port.present()
            for size in (4, 5, 261, 4000):
                command = bytes(index & 0xFF for index in range(size))
                assert await as_port.transceive(command) == command[::-1] + b"\x90\x00"
            resets = chip.resets
            await as_port.release()
            assert not await as_port.present()
            assert as_port.historical_bytes == b""
            with pytest.raises(ChipLost, match="no chip is activated"):
                await as_port.transceive(COMMAND)
            assert await as_port.wait_for_chip(2), "it can be activated again without reconnecting"
            assert chip.resets > resets
            assert simulated.apdus == 4
            assert reader.counters.sessions == 2
        assert not online(reader)

    run(story())


def test_no_chip_in_time_and_one_that_comes_late() -> None:
    async def story() -> None:
        clock = TestClock()
        reader = VpcdReader(VpcdConfig(port=0), clock)
        await reader.start()
        assert not await reader.wait_for_chip(0.05)
        waiting = asyncio.ensure_future(reader.wait_for_chip(5))
        await clock.sleep(0.02)
        task = asyncio.ensure_future(VpcdChip(ScriptedChip(), *reader.address, clock).run())
        assert await waiting
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await until(lambda: reader.counters.sessions == 1, clock)
        with pytest.raises(ChipLost):
            await reader.transceive(COMMAND)
        await reader.close()
        with pytest.raises(DeviceError, match="does not listen"):
            await reader.wait_for_chip(1)
        with pytest.raises(DeviceError, match="does not listen"):
            await reader.transceive(COMMAND)
        with pytest.raises(DeviceError, match="does not listen"):
            assert reader.address

    run(story())


def test_a_silent_chip_is_lost_and_its_late_answer_is_nobodys() -> None:
    async def story() -> None:
        clock = TestClock()
        reader = VpcdReader(VpcdConfig(port=0, apdu_within_s=0.05), clock)
        await reader.start()
        wire = await _stranger(reader, b"\x00\x02\x3b\x00")
        assert await reader.wait_for_chip(2)
        with pytest.raises(ChipLost):
            await reader.transceive(COMMAND)
        assert not await reader.present()
        assert await _closed(wire)
        await reader.close()

    run(story())


async def _stranger(reader: VpcdReader, answer_to_reset: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A peer that answers the question for its answer to reset with these bytes and then does nothing."""
    stream, writer = await asyncio.open_connection(*reader.address)

    async def answer() -> None:
        await stream.readexactly(9)
        writer.write(answer_to_reset)

    asyncio.get_running_loop().create_task(answer())
    return stream, writer


async def _closed(wire: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> bool:
    """Whether the other side ended the connection."""
    stream, writer = wire
    try:
        async with asyncio.timeout(2):
            await stream.read()
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    writer.close()
    return True


@pytest.mark.parametrize(
    "answer",
    [b"\x00\x00", b"\x00\x02\x3b\x00\x00\x02\x90\x00", b"\x00\x02\x3b\x00\x00", b"\x00\x22" + bytes(34), b"\xff\xff" + bytes(10)],
)
def test_a_peer_that_sends_what_cannot_be_is_disconnected(answer: bytes) -> None:
    async def story() -> None:
        clock = TestClock()
        reader = VpcdReader(VpcdConfig(port=0), clock)
        await reader.start()
        wire = await _stranger(reader, answer)
        waiting = asyncio.ensure_future(reader.wait_for_chip(0.3))
        if answer[:2] == b"\xff\xff":
            await clock.sleep(0.05)
            wire[1].close()
        assert not await waiting
        assert await _closed(wire)
        task = asyncio.ensure_future(VpcdChip(ScriptedChip(), *reader.address, clock).run())
        assert await reader.wait_for_chip(2), "an honest chip comes after it"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await reader.close()

    run(story())


def test_a_peer_that_speaks_first_and_a_second_chip_are_disconnected() -> None:
    async def story() -> None:
        clock = TestClock()
        reader = VpcdReader(VpcdConfig(port=0), clock)
        await reader.start()
        stream, writer = await asyncio.open_connection(*reader.address)
        writer.write(b"\x00")
        assert await _closed((stream, writer))
        async with _connected(reader, clock):
            assert await reader.wait_for_chip(2)
            assert await _closed(await asyncio.open_connection(*reader.address))
            assert await reader.transceive(COMMAND) == COMMAND[::-1] + b"\x90\x00"
            assert reader.counters.refused == 1
        await reader.close()

    run(story())


@asynccontextmanager
async def _connected(reader: VpcdReader, clock: TestClock) -> AsyncIterator[None]:
    task = asyncio.ensure_future(VpcdChip(ScriptedChip(), *reader.address, clock).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_a_cancelled_exchange_costs_the_connection_not_the_order_of_answers() -> None:
    async def story() -> None:
        chip = ScriptedChip(lambda command: command + b"\x90\x00")
        async with vpcd_wire(chip) as (reader, _, _):
            assert await reader.wait_for_chip(2)
            asking = asyncio.ensure_future(reader.transceive(b"\x00\x01\x02\x03"))
            await asyncio.sleep(0)  # noqa: TID251 - lets the question leave
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            with pytest.raises(ChipLost):
                await reader.transceive(b"\x00\x09\x09\x09")
            assert await reader.wait_for_chip(2)
            assert await reader.transceive(b"\x00\x09\x09\x09") == b"\x00\x09\x09\x09\x90\x00"

    run(story())


def test_an_apdu_that_vpcd_cannot_carry_and_an_address_in_use() -> None:
    async def story() -> None:
        clock = TestClock()
        async with vpcd_wire(ScriptedChip()) as (reader, _, _):
            for command in (b"", b"abc", bytes(65_536)):
                with pytest.raises(DeviceError, match="no APDU"):
                    await reader.transceive(command)
            await reader.start()
            second = VpcdReader(VpcdConfig(port=reader.address[1]), clock)
            with pytest.raises(DeviceError, match="cannot be opened"):
                await second.start()
            await second.close()

    run(story())


def test_the_chip_outlives_a_terminal_that_speaks_nonsense() -> None:
    async def story() -> None:
        clock = TestClock(5)
        chip = ScriptedChip()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            task = asyncio.ensure_future(VpcdChip(chip, "127.0.0.1", listening.getsockname()[1], clock).run())
            loop = asyncio.get_running_loop()
            first, _ = await loop.sock_accept(listening)
            await loop.sock_sendall(first, b"\x00\x01\x77")
            assert await loop.sock_recv(first, 10) == b""
            second, _ = await loop.sock_accept(listening)
            await loop.sock_sendall(second, b"\x00\x01\x04")
            assert await loop.sock_recv(second, 10) == b"\x00\x05\x3b\x80\x80\x01\x01"
            first.close()
            second.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run(story())


@pytest.mark.parametrize("text", ["", "35963", "127.0.0.1", "127.0.0.1:", "example.org:1", "127.0.0.1:65536", "127.0.0.1:-1"])
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(DeviceError, match="no address and port"):
        parse_address(text)


def test_addresses() -> None:
    assert parse_address("127.0.0.1:35963") == ("127.0.0.1", 35963)
    assert parse_address("[::1]:9") == ("::1", 9)
