"""Gate units that answer within the secure channel, but oddly: each is an error with words, never a guess."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.gate.listeners import WAITING_REPORTS
from drivers.gate.osdp import OsdpConfig, OsdpGate
from drivers.gate.osdp_packet import CommandCode, NakReason, Packet, ReplyCode
from drivers.gate.osdp_unit import WAITING_ERRANDS
from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.osdp_peripheral import Peripheral, PeripheralSettings
from egate.model.errors import DeviceError
from egate.model.lane import Door
from tests.unit.drivers.osdp_lines import osdp_line, virtually
from tests.unit.drivers.test_osdp_protocol import Contacts
from tests.unit.drivers.wires import KEY, TestClock, gate_wire, link_to, online, run, until

Answers = dict[int, tuple[int, bytes]]


class OddPeripheral(Peripheral):
    """Answers some commands as it is told; `answers` may change while it runs."""

    answers: Answers

    def _carry_out(self, packet: Packet) -> tuple[int, bytes]:
        return self.answers.get(packet.code) or super()._carry_out(packet)


@asynccontextmanager
async def odd_wire(folder: Path, answers: Answers) -> AsyncIterator[tuple[OsdpGate, Answers]]:
    """Our driver in front of an odd unit."""
    clock = TestClock()
    unit = SimulatedGateUnit(folder / "gate", clock, PeripheralSettings(KEY), os.urandom, baud=None)
    odd = OddPeripheral(PeripheralSettings(KEY), Contacts(), os.urandom)
    odd.answers = answers

    def receive(data: bytes) -> None:
        for reply in odd.receive(data):
            unit.port.write(reply)

    unit.port.on_bytes = receive
    unit.plug()
    gate = OsdpGate(link_to(folder / "gate", clock), OsdpConfig(KEY), clock, os.urandom)
    try:
        yield gate, answers
    finally:
        await gate.close()
        await unit.close()


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({CommandCode.IDENTITY: (ReplyCode.IDENTITY, b"short")}, "not 12 bytes"),
        ({CommandCode.CAPABILITIES: (ReplyCode.CAPABILITIES, b"odd!")}, "groups of three"),
        ({CommandCode.CAPABILITIES: (ReplyCode.CAPABILITIES, bytes((1, 1, 4, 2, 1, 2)))}, "7 contacts and 2 outputs"),
        ({CommandCode.CAPABILITIES: (ReplyCode.CAPABILITIES, bytes((1, 1, 8, 2, 1, 1)))}, "7 contacts and 2 outputs"),
        ({CommandCode.IDENTITY: (ReplyCode.NAK, bytes((NakReason.UNKNOWN_COMMAND,)))}, "refuses the question"),
    ],
)
def test_a_unit_that_is_not_what_a_lane_needs_does_not_start(tmp_path: Path, answers: Answers, problem: str) -> None:
    """L13."""

    async def story() -> None:
        async with odd_wire(tmp_path, answers) as (gate, _):
            with pytest.raises(DeviceError, match=problem):
                await gate.start()
            assert not online(gate)

    run(story())


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({CommandCode.INPUT_STATUS: (ReplyCode.ACK, b"")}, "something else"),
        ({CommandCode.INPUT_STATUS: (ReplyCode.INPUT_STATUS, bytes(4))}, "a lane needs 7"),
        ({CommandCode.INPUT_STATUS: (ReplyCode.NAK, b"\x03")}, "NAK 3"),
        ({CommandCode.LOCAL_STATUS: (ReplyCode.ACK, b"")}, "something else"),
        ({CommandCode.LOCAL_STATUS: (ReplyCode.LOCAL_STATUS, b"\x00")}, "not 2 bytes"),
    ],
)
def test_odd_samples_are_a_lost_unit_until_they_end(tmp_path: Path, answers: Answers, problem: str) -> None:
    """I8: no report is made up from half an answer; the unit returns by itself."""

    async def story() -> None:
        async with odd_wire(tmp_path, {}) as (gate, odd):
            await gate.start()
            reports = gate.reports()
            await anext(reports)
            odd.update(answers)
            with pytest.raises(DeviceError, match=problem):  # noqa: PT012 - samples may still be on their way
                while True:
                    await anext(reports)
            assert not online(gate)
            odd.clear()
            await anext(gate.reports())
            assert online(gate)

    run(story())


def test_a_refused_order_is_the_callers_error_and_no_evidence(tmp_path: Path) -> None:
    """I2: an order that was not acknowledged does not make samples newer."""

    async def story() -> None:
        async with odd_wire(tmp_path, {}) as (gate, odd):
            await gate.start()
            odd[CommandCode.OUTPUT] = (ReplyCode.NAK, b"\x09")
            with pytest.raises(DeviceError, match="NAK 9"):
                await gate.unlock(Door.ENTRY, 3, 1)
            odd[CommandCode.OUTPUT] = (ReplyCode.LOCAL_STATUS, b"\x00\x00")
            with pytest.raises(DeviceError, match="strange answer"):
                await gate.unlock(Door.ENTRY, 3, 2)
            odd[CommandCode.OUTPUT_STATUS] = (ReplyCode.ACK, b"")
            with pytest.raises(DeviceError, match="something else"):
                await gate.output_states()
            assert (await anext(gate.reports())).after_command == 0
            odd[CommandCode.OUTPUT] = (ReplyCode.OUTPUT_STATUS, b"\x01\x00")
            await gate.unlock(Door.ENTRY, 3, 3)
            assert online(gate)
            assert gate.counters.refused == 1

    run(story())


def test_a_lost_sequence_costs_a_session_and_no_order(tmp_path: Path) -> None:
    async def story() -> None:
        async with odd_wire(tmp_path, {}) as (gate, odd):
            await gate.start()
            odd[CommandCode.OUTPUT] = (ReplyCode.NAK, bytes((NakReason.WRONG_SEQUENCE,)))
            with pytest.raises(DeviceError, match="too noisy"):
                await gate.unlock(Door.ENTRY, 3, 1)
            odd.clear()
            await anext(gate.reports())
            await gate.unlock(Door.ENTRY, 3, 2)

    run(story())


def test_too_many_waiting_orders_are_refused(tmp_path: Path) -> None:
    """Limits have names; the caller is told, nothing piles up."""

    async def story() -> None:
        async with gate_wire(tmp_path) as (gate, _, _clock):
            orders = [asyncio.ensure_future(gate.lock(Door.ENTRY, number)) for number in range(WAITING_ERRANDS + 5)]
            outcome = await asyncio.gather(*orders, return_exceptions=True)
            refused = [error for error in outcome if error is not None]
            assert 0 < len(refused) <= 5
            assert all("too many orders" in str(error) for error in refused)

    run(story())


def test_a_slow_reader_of_reports_sees_the_newest(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate_wire(tmp_path) as (gate, unit, clock):
            reports = gate.reports()
            await anext(reports)
            before = gate.counters.exchanges
            await until(lambda: gate.counters.exchanges > before + 3 * WAITING_REPORTS, clock)
            unit.emergency(True)
            await clock.sleep(0.3)
            kept = [await anext(reports) for _ in range(WAITING_REPORTS)]
            assert kept[-1].emergency

    run(story())


def test_a_defect_of_the_driver_is_a_lost_unit_with_a_log_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """L14: whatever happens inside, the listener is told; broken stays broken until a new start."""
    caplog.set_level(logging.ERROR, "egate.drivers.gate")

    class BrokenClock(TestClock):
        broken = False

        async def sleep(self, seconds: float) -> None:
            if self.broken:
                raise RuntimeError("a defect")
            await super().sleep(seconds)

    async def story() -> None:
        clock = BrokenClock()
        unit = SimulatedGateUnit(tmp_path / "gate", TestClock(), PeripheralSettings(KEY), os.urandom, baud=None)
        unit.plug()
        gate = OsdpGate(link_to(tmp_path / "gate", clock), OsdpConfig(KEY), clock, os.urandom)
        await gate.start()
        reports = gate.reports()
        await anext(reports)
        clock.broken = True
        with pytest.raises(DeviceError, match="driver failed"):  # noqa: PT012 - samples may still be on their way
            while True:
                await anext(reports)
        assert not online(gate)
        await gate.close()
        await unit.close()

    run(story())
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_who_listens_is_told_when_the_gate_closes() -> None:
    async def story() -> None:
        async with osdp_line() as line:
            told = asyncio.ensure_future(line.loss())
            await line.clock.sleep(0.1)
            await line.gate.close()
            assert "it is closed" in await told

    virtually(story())


def test_a_start_that_was_cancelled_and_made_again_at_once() -> None:
    """L7: the cryptogram for the first challenge comes late, and is no other key."""

    async def story() -> None:
        async with osdp_line(start=False) as line:
            for after_s in (0.0005, 0.002, 0.004, 0.006):
                starting = asyncio.ensure_future(line.gate.start())
                await line.clock.sleep(after_s)
                starting.cancel()
                await asyncio.gather(starting, return_exceptions=True)
            await line.gate.start()
            assert line.gate.online

    virtually(story())
