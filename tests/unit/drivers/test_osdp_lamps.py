"""Lamps and buzzer of OSDP units: the bytes, the gate that shows a signal, and darkness when nobody refreshes it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from drivers.gate.osdp_lamps import (
    SIGNAL_LEASE_S,
    BuzzerOrder,
    LampOrder,
    encode_buzzer,
    encode_lamps,
    parse_buzzer,
    parse_lamps,
)
from drivers.gate.osdp_layout import one_unit
from drivers.gate.osdp_packet import CommandCode
from drivers.gate.osdp_protocol import encode_timed_output
from drivers.sim.osdp_peripheral import Peripheral, PeripheralSettings
from egate.model.errors import DeviceError, MalformedData
from egate.model.lane import Door, Lamp, Power, Signal
from egate.ports import Indicator
from tests.unit.drivers.osdp_lines import THREE, Line, osdp_line, virtually
from tests.unit.drivers.test_osdp_protocol import Contacts, converse, counting_entropy, panel_for, session
from tests.unit.drivers.wires import KEY

GO = Signal(Lamp.GREEN)
CALL = Signal(Lamp.AMBER, blinking=True, buzzer=True)


@pytest.mark.parametrize(
    ("signal", "lamps", "data"),
    [
        (Signal(), 1, "00 00 01 00 00 00 00 00 00  01 01 00 00 00"),
        (GO, 1, "00 00 02 1e 00 02 00 1e 00  01 01 00 00 00"),
        (Signal(Lamp.RED), 1, "00 00 02 1e 00 01 00 1e 00  01 01 00 00 00"),
        (CALL, 2, "00 00 02 05 05 03 00 1e 00  01 01 00 00 00  00 01 02 05 05 03 00 1e 00  01 01 00 00 00"),
    ],
)
def test_the_bytes_of_lamps(signal: Signal, lamps: int, data: str) -> None:
    """IEC 60839-11-5 §6.11: reader, lamp; temporary code, on, off, colours, timer; permanent code, on, off, colours."""
    assert encode_lamps(signal, lamps) == bytes.fromhex(data)


def test_the_bytes_of_a_buzzer() -> None:
    """IEC 60839-11-5 §6.12: reader, tone, on, off, count; a count of 0 would sound for ever."""
    assert encode_buzzer(CALL) == bytes((0, 2, 5, 5, 3))
    assert encode_buzzer(GO) == bytes((0, 1, 0, 0, 0))


@pytest.mark.parametrize("lamp", [Lamp.RED, Lamp.AMBER, Lamp.GREEN])
@pytest.mark.parametrize("blinking", [False, True])
def test_what_is_ordered_is_what_is_read(lamp: Lamp, blinking: bool) -> None:
    data = encode_lamps(Signal(lamp, blinking), 2)
    assert parse_lamps(data) == tuple(LampOrder(0, number, lamp, blinking, SIGNAL_LEASE_S) for number in range(2))
    assert parse_lamps(encode_lamps(Signal(), 1)) == (LampOrder(0, 0, Lamp.OFF, blinking=False, seconds=0.0),)
    assert parse_buzzer(encode_buzzer(CALL)) == BuzzerOrder(0, SIGNAL_LEASE_S)
    assert parse_buzzer(encode_buzzer(GO)) == BuzzerOrder(0, 0.0)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "00" * 13,
        "00 00 02 1e 00 02 00 1e 00  01 01 00 02 00",
        "00 00 02 1e 00 09 00 1e 00  00 00 00 00 00",
        "00 00 07 00 00 00 00 00 00  00 00 00 00 00",
    ],
    ids=["nothing", "short", "stays lit", "colour", "code"],
)
def test_an_order_that_would_stay_or_is_unknown_is_malformed(data: str) -> None:
    with pytest.raises(MalformedData):
        parse_lamps(bytes.fromhex(data))


@pytest.mark.parametrize("data", [b"", bytes(4), bytes((0, 2, 5, 5, 0)), bytes((0, 9, 5, 5, 1))])
def test_a_sound_that_would_not_end_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_buzzer(data)


def test_the_peripheral_refuses_a_lamp_that_it_has_not() -> None:
    panel, peripheral, unit = session()
    with pytest.raises(DeviceError, match="NAK 9"):
        converse(panel.ask(CommandCode.LAMP, encode_lamps(GO, 2)), peripheral)
    with pytest.raises(DeviceError, match="NAK 9"):
        converse(panel.ask(CommandCode.BUZZER, bytes((0, 2, 5, 5, 0))), peripheral)
    assert unit.shown == []
    assert unit.sounds == []


def test_a_peripheral_without_lamps_does_not_know_the_command() -> None:
    panel, bare = panel_for(), Peripheral(PeripheralSettings(KEY, lamps=0, buzzers=0), Contacts(), counting_entropy())
    converse(panel.handshake(), bare)
    for code in (CommandCode.LAMP, CommandCode.BUZZER):
        with pytest.raises(DeviceError, match="NAK 3"):
            converse(panel.ask(code, encode_lamps(GO, 1)), bare)


def test_a_signal_is_shown_by_every_unit_until_told_otherwise() -> None:
    """Refreshed before its time is over, on all units that have lamps."""

    async def story() -> None:
        async with osdp_line(THREE) as line:
            assert isinstance(line.gate, Indicator)
            await line.gate.show(CALL)
            for _ in range(50):
                await line.clock.sleep(0.2)
                assert [line.unit.signal(address) for address in (1, 2, 3)] == [CALL] * 3
            await line.gate.show(GO)
            assert [line.unit.signal(address) for address in (1, 2, 3)] == [GO] * 3
            await line.gate.show(Signal())
            assert line.unit.signal() == Signal()

    virtually(story())


@pytest.mark.parametrize("end", ["closed", "cut"])
def test_a_signal_that_nobody_refreshes_goes_dark(end: str) -> None:
    """I7 for lamps: no controller, no green light."""

    async def story() -> None:
        async with osdp_line() as line:
            await line.gate.show(GO)
            if end == "closed":
                await line.gate.close()
            else:
                line.port.faults.cut()
            assert line.unit.signal() == GO
            await line.clock.sleep(SIGNAL_LEASE_S + 0.5)
            assert line.unit.signal() == Signal()

    virtually(story())


def test_a_unit_that_was_away_shows_what_is_wanted_when_it_is_back() -> None:
    async def story() -> None:
        async with osdp_line(THREE) as line:
            line.unit.silent.add(2)
            await line.loss()
            with pytest.raises(DeviceError, match="gate unit 2"):
                await line.gate.show(GO)
            assert line.unit.signal(3) == GO, "the others show it all the same"
            line.unit.silent.clear()
            await line.first_where(lambda _: True)
            await _soon(line, 2, GO)
            line.unit.peripherals[1].reset()
            await line.clock.sleep(0.5)
            assert line.unit.signal(1) == GO

    virtually(story())


async def _soon(line: Line, address: int, signal: Signal) -> None:
    async with asyncio.timeout(1.0):
        while line.unit.signal(address) != signal:
            await line.clock.sleep(0.01)


def test_an_order_to_a_door_goes_between_refreshes() -> None:
    """A lamp never keeps a door waiting for more than one exchange."""

    async def story() -> None:
        async with osdp_line() as line:
            await line.gate.show(CALL)
            for number in range(1, 100):
                began = line.clock.monotonic()
                await line.gate.unlock(Door.ENTRY, 1.0, number)
                assert line.clock.monotonic() - began < 0.03
                await line.clock.sleep(0.013)

    virtually(story())


def test_a_unit_that_refuses_a_refresh_stays_in_service(caplog: pytest.LogCaptureFixture) -> None:
    """A lamp is advice: its refusal is one line in the log and loses no unit."""
    caplog.set_level(logging.WARNING, "egate.drivers.gate")

    async def story() -> None:
        async with osdp_line() as line:
            await line.gate.show(GO)
            line.unit.peripheral.settings = PeripheralSettings(KEY, lamps=0)
            await line.clock.sleep(3.0)
            assert line.gate.online
            assert line.gate.counters.sessions == 1

    virtually(story())
    assert ["shows no signal" in record.getMessage() for record in caplog.records] == [True]


def test_power_and_tamper_of_a_unit_are_in_the_report() -> None:
    """I11: the power bit of the local status is a lane on its battery."""

    async def story() -> None:
        async with osdp_line(THREE) as line:
            assert (await line.first_where(lambda _: True)).power is Power.MAINS
            line.unit.power_failed = True
            await line.first_where(lambda report: report.power is Power.BATTERY and not report.tamper)
            line.unit.tamper(True)
            await line.first_where(lambda report: report.tamper)
            line.unit.power_failed = False
            await line.first_where(lambda report: report.power is Power.MAINS)

    virtually(story())


def test_one_unit_has_the_usual_wiring() -> None:
    """Without texts: what a single unit was always wired as."""
    usual = one_unit(THREE.units[0])
    assert [point.index for point in usual.locks.values()] == [0, 1]
    assert [(contact.value, point.index) for contact, point in usual.contacts.items()][-1] == ("emergency", 6)
    assert (usual.inputs_of(1), usual.outputs_of(1)) == (7, 2)
    assert encode_timed_output(0, 1.0) == bytes((0, 5, 10, 0))
