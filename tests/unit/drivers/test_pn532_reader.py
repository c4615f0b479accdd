"""The PN532 driver over a real pty against the simulated reader."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from drivers.reader.pn532 import Pn532Config, Pn532Reader
from drivers.sim.pn532 import AirSettings, EmptyChip, SimulatedPn532
from drivers.sim.pty import FaultLink, FaultRates
from egate.model.errors import ChipLost, DeviceError
from egate.ports import ChipReader
from tests.unit.drivers.wires import ScriptedChip, TestClock, chip_wire, link_to, online, run, until

SLOW = Pn532Config(fast_baud=None, apdu_within_s=0.5)

READ_FIRST, READ_SECOND = bytes.fromhex("00b0000010"), bytes.fromhex("00b0001010")


def test_starts_proves_itself_and_raises_its_speed(tmp_path: Path) -> None:
    """L13, N7: the host's port really runs at the new speed; another speed would be garbage on the simulated wire."""

    async def story() -> None:
        async with chip_wire(tmp_path) as (reader, simulated, _):
            as_port: ChipReader = reader
            assert online(as_port)
            assert reader.firmware is not None
            assert reader.firmware.chip == 0x32
            assert simulated.port.baud == simulated.port.host_baud() == 921_600

    run(story())


class MissesOneAcknowledgement(SimulatedPn532):
    """A reader that does not hear the host's `at`-th word about a new speed: it keeps the old one, and waits for that word."""

    at = 1
    heard = 0

    def _acknowledged(self) -> None:
        self.heard += self._next_baud is not None
        if self._next_baud is None or self.heard != self.at:
            super()._acknowledged()


@pytest.mark.parametrize("at", [1, 2], ids=["at the start", "at the end"])
def test_a_reader_that_missed_the_new_speed_is_found_again(tmp_path: Path, at: int) -> None:
    """N7: one lost frame at the start, or at the end of the program before, is no reader that "does not answer"."""

    async def story() -> None:
        clock = TestClock()
        simulated = MissesOneAcknowledgement(tmp_path / "pn532", clock)
        simulated.at = at
        simulated.plug()
        for _ in range(2):
            reader = Pn532Reader(link_to(simulated.port.path, clock), Pn532Config(), clock)
            await reader.start()
            assert online(reader)
            assert simulated.port.baud == simulated.port.host_baud() == 921_600
            await reader.close()
        assert simulated.heard > at
        await simulated.close()

    run(story())


def test_a_controller_that_restarts_finds_the_fast_reader(tmp_path: Path) -> None:
    async def story() -> None:
        async with chip_wire(tmp_path, start=False) as (_, simulated, clock):
            link = link_to(simulated.port.path, clock)
            await Pn532Reader(link, Pn532Config(), clock).start()
            await link.close()  # the end of a program that had no time to say so
            assert simulated.port.baud == 921_600
            again = Pn532Reader(link_to(simulated.port.path, clock), Pn532Config(), clock)
            await again.start()
            assert online(again)
            await again.close()

    run(story())


def test_closing_gives_the_port_back_at_its_own_speed(tmp_path: Path) -> None:
    """A PN532 keeps its speed until it is reset, and the next program opens the port at the usual one."""

    async def story() -> None:
        async with chip_wire(tmp_path) as (reader, simulated, clock):
            assert simulated.port.baud == 921_600
            await reader.close()
            assert simulated.port.baud == 115_200
            slow = Pn532Reader(link_to(simulated.port.path, clock), SLOW, clock)
            await slow.start()
            assert online(slow)
            await slow.close()
            await slow.close()

    run(story())


def test_closing_a_reader_that_is_unplugged_or_busy_ends_all_the_same(tmp_path: Path) -> None:
    async def story() -> None:
        async with chip_wire(tmp_path) as (reader, simulated, _):
            simulated.unplug()
            await reader.close()
            assert not online(reader)
        async with chip_wire(tmp_path) as (reader, simulated, clock):
            simulated.insert(ScriptedChip())
            assert await reader.wait_for_chip(1)
            exchange = asyncio.ensure_future(reader.transceive(bytes(260)))
            await clock.sleep(0.001)
            await reader.close()
            assert not online(reader)
            await asyncio.gather(exchange, return_exceptions=True)

    run(story())


@pytest.mark.parametrize("size", [1, 5, 254, 255, 261, 262, 263, 524, 525, 1000])
def test_apdus_of_every_size_cross_the_frame_limits(tmp_path: Path, size: int) -> None:
    async def story() -> None:
        async with chip_wire(tmp_path, baud=None) as (reader, simulated, _):
            chip = ScriptedChip()
            simulated.insert(chip)
            assert await reader.wait_for_chip(1.0)
            command = bytes((index * 31) & 0xFF for index in range(size))
            assert await reader.transceive(command) == command[::-1] + b"\x90\x00"
            assert chip.commands == [command]

    run(story())


def test_waits_for_a_chip_and_gives_up(tmp_path: Path) -> None:
    async def story() -> None:
        async with chip_wire(tmp_path) as (reader, simulated, clock):
            assert not await reader.wait_for_chip(0.05)
            waiting = asyncio.ensure_future(reader.wait_for_chip(5))
            await clock.sleep(0.1)
            simulated.insert(ScriptedChip())
            assert await waiting
            assert await reader.present()

    run(story())


def test_a_chip_taken_away_is_lost(tmp_path: Path) -> None:
    async def story() -> None:
        async with chip_wire(tmp_path) as (reader, simulated, _):
            simulated.insert(ScriptedChip())
            assert await reader.wait_for_chip(1)
            simulated.remove()
            with pytest.raises(ChipLost, match="left the field"):
                await reader.transceive(b"\x00\xa4\x04\x0c")
            with pytest.raises(ChipLost, match="no chip is activated"):
                await reader.transceive(b"\x00\xa4\x04\x0c")
            assert not await reader.present()

    run(story())


def test_a_chip_taken_away_between_two_commands_is_seen(tmp_path: Path) -> None:
    async def story() -> None:
        async with chip_wire(tmp_path) as (reader, simulated, _):
            simulated.insert(ScriptedChip())
            assert await reader.wait_for_chip(1)
            simulated.remove()
            assert not await reader.present()

    run(story())


def test_another_chip_laid_down_instead_is_not_taken_for_the_first(tmp_path: Path) -> None:
    async def story() -> None:
        async with chip_wire(tmp_path) as (reader, simulated, _):
            simulated.insert(ScriptedChip())
            assert await reader.wait_for_chip(1)
            simulated.remove()
            other = ScriptedChip()
            simulated.insert(other)
            with pytest.raises(ChipLost):
                await reader.transceive(b"\x00\xb0\x00\x00\x00")
            assert other.commands == []
            assert await reader.wait_for_chip(1)

    run(story())


def test_a_chip_that_falls_silent_is_lost_after_its_time(tmp_path: Path) -> None:
    async def story() -> None:
        clock = TestClock()
        simulated = SimulatedPn532(tmp_path / "pn532", clock, air=AirSettings(chip_s=60))
        simulated.insert(ScriptedChip())
        simulated.plug()
        reader = Pn532Reader(link_to(tmp_path / "pn532", clock), Pn532Config(apdu_within_s=0.2), clock)
        await reader.start()
        assert await reader.wait_for_chip(1)
        with pytest.raises(ChipLost, match=r"within 0\.2 s"):
            await reader.transceive(b"\x00\xb0\x00\x00\x00")
        assert await reader.wait_for_chip(1), "the reader itself is well"
        await reader.close()
        await simulated.close()

    run(story())


def test_a_cancelled_exchange_leaves_the_reader_usable(tmp_path: Path) -> None:
    async def story() -> None:
        async with chip_wire(tmp_path) as (reader, simulated, clock):
            simulated.insert(ScriptedChip())
            assert await reader.wait_for_chip(1)
            for delay_s in (0, 0.0005, 0.001, 0.002):
                exchange = asyncio.ensure_future(reader.transceive(bytes(200)))
                await clock.sleep(delay_s)
                exchange.cancel()
                await asyncio.gather(exchange, return_exceptions=True)
            assert await reader.wait_for_chip(1)
            assert await reader.transceive(b"\x01\x02") == b"\x02\x01\x90\x00"

    run(story())


def test_unplugged_in_the_middle_and_plugged_again(tmp_path: Path) -> None:
    """L2: a DeviceError, then the same reader object works again, with its speed raised anew."""

    async def story() -> None:
        async with chip_wire(tmp_path) as (reader, simulated, clock):
            simulated.insert(ScriptedChip())
            assert await reader.wait_for_chip(1)
            exchange = asyncio.ensure_future(reader.transceive(bytes(260)))
            await clock.sleep(0.001)
            simulated.unplug()
            with pytest.raises(DeviceError, match="lost"):
                await exchange
            assert not online(reader)
            with pytest.raises(DeviceError, match="lost"):
                await reader.wait_for_chip(0.1)
            await reader.release()
            simulated.plug()
            await until(lambda: simulated.port.host_baud() == 115_200, clock)
            await clock.sleep(0.5)
            assert await reader.wait_for_chip(1)
            assert online(reader)
            assert simulated.port.baud == 921_600
            assert await reader.transceive(b"\x01") == b"\x01\x90\x00"

    run(story())


def test_release_ends_the_chips_session(tmp_path: Path) -> None:
    async def story() -> None:
        async with chip_wire(tmp_path) as (reader, simulated, _):
            chip = ScriptedChip()
            simulated.insert(chip)
            assert await reader.wait_for_chip(1)
            before = chip.resets
            await reader.release()
            assert chip.resets > before
            with pytest.raises(ChipLost):
                await reader.transceive(b"\x00")
            assert await reader.wait_for_chip(1)

    run(story())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_loses_chips_but_never_bytes(tmp_path: Path, seed: int) -> None:
    """What comes through is right, or an error: never a wrong response."""

    async def story() -> None:
        faults = FaultLink(seed)
        async with chip_wire(tmp_path, config=SLOW, faults=faults) as (reader, simulated, _):
            simulated.insert(ScriptedChip())
            faults.rates = FaultRates(flip=0.03, garbage=0.02)
            good = 0
            for number in range(40):
                command = number.to_bytes(2, "big") + bytes(20)
                try:
                    if not await reader.present():
                        await reader.wait_for_chip(1)
                    assert await reader.transceive(command) == command[::-1] + b"\x90\x00"
                    good += 1
                except (ChipLost, DeviceError):
                    continue
            assert good >= 30
            assert faults.hurt_chunks > 0

    run(story(), 60)


def test_nobody_there_is_one_sentence(tmp_path: Path) -> None:
    async def story() -> None:
        async with chip_wire(tmp_path, faults=FaultLink(0), start=False) as (reader, simulated, _):
            simulated.port.faults.cut()
            with pytest.raises(DeviceError, match="check cable, power"):
                await reader.start()
            assert not online(reader)

    run(story())


def test_another_firmware_than_configured_does_not_start(tmp_path: Path) -> None:
    """L13."""

    async def story() -> None:
        async with chip_wire(tmp_path, config=Pn532Config(firmware_version=9), start=False) as (reader, _, _clock):
            with pytest.raises(DeviceError, match="configured is 9"):
                await reader.start()

    run(story())


def test_an_impossible_speed_is_refused(tmp_path: Path) -> None:
    """I14."""
    with pytest.raises(DeviceError, match="baud"):
        Pn532Reader(link_to(tmp_path / "x", TestClock()), Pn532Config(fast_baud=12_345), TestClock())


def test_the_empty_card_answers(tmp_path: Path) -> None:
    async def story() -> None:
        async with chip_wire(tmp_path) as (reader, simulated, _):
            simulated.insert(EmptyChip())
            assert await reader.wait_for_chip(1)
            assert await reader.transceive(os.urandom(5)) == b"\x6d\x00"
            assert simulated.chip_present
            assert simulated.apdus == 1

    run(story())


def test_the_line_is_paced(tmp_path: Path) -> None:
    """The simulated line spends the line time of its bytes: 262 + 20 bytes of frames at 115200 baud take 24 ms at least."""

    async def story() -> float:
        async with chip_wire(tmp_path, config=SLOW) as (reader, simulated, _):
            simulated.insert(ScriptedChip(lambda command: b"\x90\x00"))
            assert await reader.wait_for_chip(1)
            begin = time.perf_counter()
            await reader.transceive(bytes(262))
            return time.perf_counter() - begin

    assert run(story()) > 262 * 10 / 115_200


def test_an_answer_that_the_cable_lost_is_asked_for_and_the_chip_is_not(tmp_path: Path) -> None:
    """Secure messaging goes on: the chip saw the command once."""

    async def story() -> None:
        faults = FaultLink(1)
        loop = asyncio.get_running_loop()

        def answer(command: bytes) -> bytes:
            if command == READ_SECOND:
                faults.cut()
                loop.call_later(0.05, faults.mend)
            return command + b"\x90\x00"

        chip = ScriptedChip(answer)
        async with chip_wire(tmp_path, config=Pn532Config(quick_within_s=0.2), faults=faults) as (reader, simulated, _):
            simulated.insert(chip)
            assert await reader.wait_for_chip(2)
            assert await reader.transceive(READ_FIRST) == READ_FIRST + b"\x90\x00"
            assert await reader.transceive(READ_SECOND) == READ_SECOND + b"\x90\x00"
            assert chip.commands == [READ_FIRST, READ_SECOND]
            assert reader.counters.unanswered == 0

    run(story())


def test_a_command_that_the_cable_lost_is_sent_again_when_the_reader_proves_it_unheard(tmp_path: Path) -> None:
    async def story() -> None:
        faults = FaultLink(1)
        loop = asyncio.get_running_loop()
        chip = ScriptedChip(lambda command: command + b"\x90\x00")
        async with chip_wire(tmp_path, config=Pn532Config(quick_within_s=0.2), faults=faults) as (reader, simulated, _):
            simulated.insert(chip)
            assert await reader.wait_for_chip(2)
            await reader.transceive(READ_FIRST)
            faults.cut()
            loop.call_later(0.05, faults.mend)
            assert await reader.transceive(READ_SECOND) == READ_SECOND + b"\x90\x00"
            assert chip.commands == [READ_FIRST, READ_SECOND]

    run(story())


def test_what_it_says_of_itself_and_of_the_chip(tmp_path: Path) -> None:
    async def story() -> None:
        async with chip_wire(tmp_path) as (reader, simulated, _):
            as_port: ChipReader = reader
            assert as_port.max_response_bytes == 258
            assert as_port.historical_bytes == b""
            chip = ScriptedChip()
            chip.ats = bytes.fromhex("0a78807002804d525444")
            simulated.insert(chip)
            assert await as_port.wait_for_chip(2)
            assert as_port.historical_bytes.hex() == "804d525444"
            await as_port.release()
            assert as_port.historical_bytes == b""

    run(story())
