"""Our PC/SC reader and our simulated chip at both ends of pcscd, through pyscard and the virtual reader of vsmartcard.

None of what lies between was written by us: pyscard, libpcsclite, pcscd, libifdvpcd. It needs Debian's pcscd and vsmartcard-vpcd,
the extra `pcsc`, and pcscd running (`systemctl start pcscd`, or `pcscd --foreground`).
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import pytest

from drivers.reader.pcsc import PcscReader
from drivers.reader.pcsc_service import PcscConfig, load_pyscard
from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.issuer import PersonData, SimulatedIssuer
from drivers.sim.vpcd import VpcdChip
from egate.app.inspection import gather_chip, parse_lines
from egate.model.document import ElementaryFile, ProtocolState
from egate.model.errors import ChipLost, DeviceError
from egate.mrtd.reading import ReadRequest
from tests.unit.drivers.wires import ScriptedChip, TestClock, run

pytestmark = pytest.mark.foreign

TODAY = date(2026, 11, 1)
PERSON = PersonData("ERIKSSON", "ANNA MARIA", date(1974, 8, 12), "F", "L898902C3", date(2032, 4, 15))
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + bytes(15_000) + bytes.fromhex("ffd9")
VIRTUAL = "virtual pcd*00 00"
PORT = 35_963


@pytest.fixture(autouse=True)
def _pcscd() -> None:
    """Skips where there is no pyscard, no pcscd, or no virtual reader."""
    try:
        load_pyscard()
    except DeviceError:
        pytest.skip("pyscard is not installed (extra pcsc)")
    with socket.socket() as probe:
        # Bound by the virtual reader: it listens while pcscd runs.
        if probe.connect_ex(("127.0.0.1", PORT)) != 0:
            pytest.skip("nothing listens on 127.0.0.1:35963; start pcscd with Debian's vsmartcard-vpcd")


@asynccontextmanager
async def wire(chip: SimulatedChip | ScriptedChip, config: PcscConfig) -> AsyncIterator[tuple[PcscReader, asyncio.Task[None]]]:
    clock = TestClock()
    reader = PcscReader(config, clock)
    await reader.start()
    task = asyncio.get_running_loop().create_task(VpcdChip(chip, "127.0.0.1", PORT, clock).run())
    try:
        yield reader, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await reader.close()


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_whole_passport_is_read_through_pcscd(exclusive: bool) -> None:
    issuer = SimulatedIssuer.create("UTO", secrets.token_bytes, TODAY)
    personalised = issuer.personalise(PERSON, JPEG, (30, 40))
    mrz = parse_lines(issuer.mrz_lines(PERSON))
    assert mrz is not None

    async def story() -> None:
        async with wire(SimulatedChip(personalised, secrets.token_bytes), PcscConfig(VIRTUAL, exclusive=exclusive)) as (
            reader,
            _,
        ):
            assert await reader.wait_for_chip(10)
            begun = asyncio.get_running_loop().time()
            evidence = await gather_chip(reader, ReadRequest(mrz.information), lambda _: None)
            took_s = asyncio.get_running_loop().time() - begun
            print(f"{reader.counters.exchanges} APDUs in {took_s * 1000:.0f} ms, {reader.counters.latency_bins}")  # noqa: T201
            assert evidence.outcome("pace").state is ProtocolState.COMPLETED
            assert evidence.outcome("chip_authentication").state is ProtocolState.COMPLETED
            for file in (ElementaryFile.SOD, ElementaryFile.DG1, ElementaryFile.DG2, ElementaryFile.DG14):
                assert evidence.files[file] == personalised.files[file]
            assert await reader.present()

    run(story(), 60)


def test_historical_bytes_and_long_apdus_pass_and_the_field_goes_off() -> None:
    async def story() -> None:
        chip = ScriptedChip(lambda command: command[5:] + b"\x90\x00")
        chip.ats = bytes.fromhex("0a78807002804d525444")
        async with wire(chip, PcscConfig(VIRTUAL)) as (reader, _):
            assert await reader.wait_for_chip(10)
            assert reader.historical_bytes.hex() == "804d525444"
            for size in (0, 1, 255):
                assert len(await reader.transceive(bytes((0, 1, 2, 3, size)) + bytes(size))) == size + 2
            resets = chip.resets
            await reader.release()
            for _ in range(100):
                if chip.resets > resets:
                    break
                await TestClock().sleep(0.05)
            assert chip.resets > resets
            assert await reader.wait_for_chip(10)

    run(story(), 60)


def test_a_chip_that_is_taken_away_and_laid_down_again() -> None:
    async def story() -> None:
        async with wire(ScriptedChip(), PcscConfig(VIRTUAL)) as (reader, task):
            assert await reader.wait_for_chip(10)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            with pytest.raises(ChipLost):
                await reader.transceive(bytes.fromhex("00a4020c02011e"))
            assert not await reader.present()
            assert not await reader.wait_for_chip(3), "pcscd looks for a virtual card now and then, and must have missed it once"
            again = asyncio.ensure_future(VpcdChip(ScriptedChip(), "127.0.0.1", PORT, TestClock()).run())
            assert await reader.wait_for_chip(10)
            assert (await reader.transceive(bytes.fromhex("00a4020c02011e")))[-2:] == b"\x90\x00"
            again.cancel()
            await asyncio.gather(again, return_exceptions=True)

    run(story(), 60)


def test_an_unknown_name_says_what_there_is() -> None:
    async def story() -> None:
        with pytest.raises(DeviceError, match="Virtual PCD"):
            await PcscReader(PcscConfig("no such reader"), TestClock()).start()

    run(story(), 60)
