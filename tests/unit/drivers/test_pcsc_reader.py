"""The PC/SC reader without a PC/SC service: the calls of pyscard's module played by a small service in memory.

What is played is the boundary of another's library: results and readers as pcscd gives them. The real service, with
Debian's virtual reader, is met in tests/peers/test_pcscd.py.
"""

from __future__ import annotations

import asyncio
import threading
from types import ModuleType
from typing import Any, cast

import pytest

from drivers.reader.pcsc import PcscReader
from drivers.reader.pcsc_service import PcscConfig, load_pyscard
from drivers.sim.pcsc import CODES, SimulatedPcsc
from drivers.sim.pn532 import Chip
from egate.model.errors import ChipLost, DeviceError
from egate.ports import ChipReader
from tests.unit.drivers.wires import ScriptedChip, TestClock, online, run

COMMAND = bytes.fromhex("00a4020c02011e")


def reader_on(service: SimulatedPcsc, config: PcscConfig | None = None) -> PcscReader:
    return PcscReader(config or PcscConfig(), TestClock(), cast(ModuleType, service))


def test_a_chip_is_read_in_a_thread_of_its_own() -> None:
    async def story() -> None:
        service = SimulatedPcsc("OMNIKEY 5422 CL 00", "Identiv 3700 F CL 01")
        service.chip = ScriptedChip()
        reader = reader_on(service, PcscConfig("identiv*cl*"))
        as_port: ChipReader = reader
        await as_port.start()
        assert online(as_port)
        assert await as_port.wait_for_chip(1)
        assert await as_port.present()
        assert as_port.historical_bytes == b"\x80\x4d"
        assert as_port.max_response_bytes == 258
        assert await as_port.transceive(COMMAND) == COMMAND[::-1] + b"\x90\x00"
        assert service.modes == [CODES["SCARD_SHARE_EXCLUSIVE"]]
        await as_port.release()
        assert service.chip.resets == 1
        assert as_port.historical_bytes == b""
        with pytest.raises(ChipLost, match="no chip is activated"):
            await as_port.transceive(COMMAND)
        await as_port.close()
        assert not online(as_port)
        assert service.threads == {"pcsc"}
        with pytest.raises(DeviceError, match="not started"):
            await as_port.transceive(COMMAND)
        await as_port.close()

    run(story())


@pytest.mark.parametrize(
    ("stated", "configured", "largest"), [(65_544, 0, 65_538), (0, 0, 258), (None, 0, 258), (65_544, 1000, 1000)]
)
def test_extended_lengths_where_the_reader_says_so(stated: int | None, configured: int, largest: int) -> None:
    """PC/SC part 10 §2.6.14, or the configuration."""

    async def story() -> None:
        service = SimulatedPcsc("R")
        service.chip, service.stated = ScriptedChip(), stated
        reader = reader_on(service, PcscConfig(max_response_bytes=configured))
        assert reader.max_response_bytes in (258, configured)
        await reader.start()
        assert await reader.wait_for_chip(1)
        assert reader.max_response_bytes == largest
        await reader.close()

    run(story())


def test_readers_and_chips_come_and_go() -> None:
    async def story() -> None:
        service = SimulatedPcsc("R")
        reader = reader_on(service, PcscConfig(exclusive=False))
        await reader.start()
        assert not await reader.wait_for_chip(0.05)
        assert not await reader.present()
        waiting = asyncio.ensure_future(reader.wait_for_chip(5))
        service.readers.clear()
        await asyncio.sleep(0.15)  # noqa: TID251 - the thread looks in real time
        assert not reader.online
        service.readers.append("R")
        service.chip = ScriptedChip()
        assert await waiting
        assert online(reader)
        assert service.modes[-1] == CODES["SCARD_SHARE_SHARED"]
        service.chip = None
        with pytest.raises(ChipLost, match="left the field"):
            await reader.transceive(COMMAND)
        service.chip = ScriptedChip()
        assert await reader.wait_for_chip(1)
        service.chip = ScriptedChip()
        assert not await reader.present(), "another chip is not the activated one"
        assert await reader.wait_for_chip(1)
        service.readers.clear()
        with pytest.raises(DeviceError, match="lost"):
            await reader.transceive(COMMAND)
        assert not online(reader)
        with pytest.raises(DeviceError, match="none is called"):
            await reader.wait_for_chip(0.05)
        assert service.transmitted == 2, "an APDU is sent once"
        service.readers.append("R")
        service.restarted = True
        assert await reader.wait_for_chip(1), "a restarted service is found again"
        await reader.close()

    run(story())


def test_a_reader_that_hangs_is_left_behind_with_its_late_answer() -> None:
    async def story() -> None:
        service = SimulatedPcsc("R")
        service.chip = ScriptedChip(lambda command: command + b"\x90\x00")
        reader = reader_on(service, PcscConfig(apdu_within_s=0.05))
        await reader.start()
        assert await reader.wait_for_chip(1)
        service.hang = hang = threading.Event()
        with pytest.raises(ChipLost, match="did not answer within"):
            await reader.transceive(COMMAND)
        service.hang = None
        with pytest.raises(ChipLost, match="no chip is activated"):
            await reader.transceive(COMMAND)
        assert await reader.wait_for_chip(1)
        hang.set()
        other = b"\x00\x09\x09\x09"
        assert await reader.transceive(other) == other + b"\x90\x00"
        assert reader.counters.unanswered == 1
        service.hang = hang = threading.Event()
        asking = asyncio.ensure_future(reader.transceive(COMMAND))
        await asyncio.sleep(0.02)  # noqa: TID251 - until the thread is inside the call
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        service.hang = None
        assert await reader.wait_for_chip(1)
        hang.set()
        assert await reader.transceive(other) == other + b"\x90\x00"
        await reader.close()
        for _ in range(200):
            if service.open_contexts == 0:
                break
            await asyncio.sleep(0.01)  # noqa: TID251 - the threads end in real time
        assert service.open_contexts == 0, "every connection was given back"

    run(story())


def test_what_is_missing_is_said() -> None:
    async def story() -> None:
        service = SimulatedPcsc("Broadcom Contacted SmartCard 00")
        reader = reader_on(service, PcscConfig("*omnikey*"))
        with pytest.raises(DeviceError, match=r"none is called '\*omnikey\*'; there are: 'Broadcom"):
            await reader.start()
        service.running = False
        with pytest.raises(DeviceError, match="pcscd"):
            await reader.start()
        service.running, service.held_by_another = True, True
        reader = reader_on(service)
        await reader.start()
        with pytest.raises(DeviceError, match="another program holds the chip"):
            await reader.wait_for_chip(1)
        await reader.close()

    run(story())


def test_pyscard_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(DeviceError, match=r"\.venv/bin/pip install \"pyscard>=2\.3,<3\""):
        load_pyscard()


def test_a_library_that_fails_is_a_device_error_and_is_tried_again() -> None:
    """L14: what another's code raises takes its device with it and nothing else."""

    class Failing(SimulatedPcsc):
        failing = True

        def SCardTransmit(self, card: Chip, protocol: int, command: list[int]) -> tuple[int, list[int]]:  # noqa: N802 - PC/SC's name
            if self.failing:
                raise TypeError("an integer is required")
            return super().SCardTransmit(card, protocol, command)

    async def story() -> None:
        service = Failing("Reader 00")
        service.chip = ScriptedChip()
        reader = reader_on(service)
        await reader.start()
        assert await reader.wait_for_chip(1)
        with pytest.raises(DeviceError, match=r"its library failed \(TypeError\)"):
            await reader.transceive(COMMAND)
        service.failing = False
        assert await reader.wait_for_chip(1)
        assert await reader.transceive(COMMAND) == COMMAND[::-1] + b"\x90\x00"
        await reader.close()

    run(story())
