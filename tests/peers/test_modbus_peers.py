"""Foreign peers for Modbus: pymodbus and minimalmodbus in front of our boards, our driver in front of pymodbus's server (L9).

pymodbus knows a coil as a truth value only: it can neither say nor take a Waveshare pulse (02nn with a time). What that leads
to is tested too: its server answers such an order with another value, and our driver takes that for no acknowledgement.
Pulses that are registers (06ss) it carries whole, so our driver commands its server as a delay-register board.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from drivers.gate.contacts import Contact, Output
from drivers.gate.modbus import ModbusConfig, ModbusGate
from drivers.gate.modbus_boards import parse_layout
from drivers.gate.modbus_protocol import crc16_modbus
from drivers.sim.modbus_board import SimulatedModbusGate
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState, Lamp, Signal
from tests.unit.drivers.wires import TestClock, link_to, online, run, until

pytestmark = pytest.mark.foreign

BOARDS = "1:waveshare-relay-d 2:delay-register-4"
FURTHER_BOARDS = "1:waveshare-relay-d 2:inputs-16 3:coils-8"
FURTHER_WIRED = "lamp_red=3.0 lamp_amber=3.1 lamp_green=3.2 emergency_2=!2.2 on_battery=2.3 battery_low=2.4"
TURNSTILE = "doors=exit exit_lock=1.1 exit_closed=1.0 exit_locked=1.1 emergency=1.2"
SIGNAL_BOARDS = "1:delay-register-4 2:inputs-16 3:coils-8"
SIGNAL_WIRED = "doors=exit exit_lock=1.0 lamp_red=3.0 lamp_amber=3.1 lamp_green=3.2 buzzer=3.7"
ValueT = TypeVar("ValueT")


@asynccontextmanager
async def our_boards(folder: Path) -> AsyncIterator[tuple[SimulatedModbusGate, TestClock]]:
    """Two of our simulated boards; the entry hangs on the first, the exit on the second."""
    clock = TestClock(2)
    unit = SimulatedModbusGate(folder / "boards", clock, parse_layout(BOARDS, "exit_lock=2.0"), baud=None)
    unit.plug()
    try:
        yield unit, clock
    finally:
        await unit.close()


@asynccontextmanager
async def crossed_ports() -> AsyncIterator[tuple[str, str]]:
    """Two pseudo terminals; what is written to one is read from the other."""
    loop = asyncio.get_running_loop()
    pairs = [os.openpty(), os.openpty()]
    for master, slave in pairs:
        tty.setraw(slave)
        os.set_blocking(master, False)

    def carry(*ends: int) -> None:
        os.write(ends[1], os.read(ends[0], 4096))

    masters = [master for master, _ in pairs]
    loop.add_reader(masters[0], carry, *masters)
    loop.add_reader(masters[1], carry, *reversed(masters))
    try:
        yield os.ttyname(pairs[0][1]), os.ttyname(pairs[1][1])
    finally:
        for master, slave in pairs:
            loop.remove_reader(master)
            os.close(master)
            os.close(slave)


def test_minimalmodbus_drives_our_boards(tmp_path: Path) -> None:
    """Reads, a Waveshare pulse by its raw command, a delay register, off, and refusals that it understands."""
    minimalmodbus = pytest.importorskip("minimalmodbus")

    async def story() -> None:
        async with our_boards(tmp_path) as (unit, clock):

            def open_instrument(address: int) -> Any:
                instrument = minimalmodbus.Instrument(str(tmp_path / "boards"), address)
                instrument.serial.baudrate = 115_200
                instrument.serial.timeout = 0.5
                return instrument

            relay = open_instrument(1)
            delay = minimalmodbus.Instrument(relay.serial, 2)
            try:
                ask = asyncio.to_thread
                assert await ask(relay.read_bits, 0, 8, 2) == [1, 1, 1, 1, 0, 0, 0, 0]
                assert await ask(relay.read_bits, 0, 8, 1) == [0] * 8
                walk = asyncio.ensure_future(unit.walk_in())
                echoed = await ask(relay._perform_command, 5, bytes.fromhex("0200001E"))
                assert echoed == bytes.fromhex("0200001E")
                assert await ask(relay.read_bits, 0, 2, 1) == [1, 0]
                assert await walk
                await ask(relay.write_bit, 0, 0)
                await until(lambda: unit.mantrap.leaf(Door.ENTRY).secure, clock)
                assert (await ask(relay.read_bits, 0, 8, 2))[4] == 1, "one person is counted"
                walk = asyncio.ensure_future(unit.walk_out_exit())
                await ask(delay.write_register, 1, 0x0605, 0, 6)
                assert await ask(delay.read_registers, 1, 4, 3) == [1, 0, 0, 0]
                assert await walk
                await ask(delay.write_register, 1, 0x0200, 0, 6)
                assert unit.latched_orders_seen == 0
                assert not unit.both_unlocked_seen
                with pytest.raises(minimalmodbus.IllegalRequestError):
                    await ask(relay.read_bits, 4, 8, 2)
                with pytest.raises(minimalmodbus.IllegalRequestError):
                    await ask(relay.read_registers, 0, 1, 4)
                await ask(relay.write_bit, 0, 1)
                assert unit.latched_orders_seen == 1, "a coil written on is a latched order, and is counted"
            finally:
                relay.serial.close()

    run(story())


def test_pymodbus_drives_our_boards(tmp_path: Path) -> None:
    client_module = pytest.importorskip("pymodbus.client")

    async def story() -> None:
        async with our_boards(tmp_path) as (unit, clock):
            client = client_module.ModbusSerialClient(str(tmp_path / "boards"), baudrate=115_200, timeout=1, retries=0)

            async def ask(method: Callable[..., ValueT], *values: object, **named: object) -> ValueT:
                return await asyncio.to_thread(lambda: method(*values, **named))

            try:
                assert await ask(client.connect)
                inputs = await ask(client.read_discrete_inputs, 0, count=8, device_id=1)
                assert inputs.bits == [True] * 4 + [False] * 4
                walk = asyncio.ensure_future(unit.walk_out_exit(0))
                answer = await ask(client.write_register, 1, 0x0603, device_id=2)
                assert not answer.isError()
                registers = await ask(client.read_holding_registers, 1, count=4, device_id=2)
                assert registers.registers == [1, 0, 0, 0]
                assert await walk
                assert not (await ask(client.write_register, 1, 0x0200, device_id=2)).isError()
                await until(lambda: unit.mantrap.leaf(Door.EXIT).secure, clock)
                assert not (await ask(client.write_coil, 0, False, device_id=1)).isError()
                refused = await ask(client.read_coils, 4, count=8, device_id=1)
                assert (refused.isError(), refused.exception_code) == (True, 2)
                # all that it can say to a timed output is FF00h, which the board refuses
                pulse = await ask(client.write_coil, 0x0200, True, device_id=1)
                assert (pulse.isError(), pulse.exception_code) == (True, 3)
                assert not (await ask(client.write_coils, 2, [False, False], device_id=1)).isError()
                assert unit.latched_orders_seen == 0
            finally:
                client.close()

    run(story())


class PymodbusLine:
    """pymodbus's server with a delay-register board at 1, an input board at 2 and a coil board at 3."""

    def __init__(self, simulator: Any, registers: int = 10) -> None:
        self.written: list[tuple[int, int, int]] = []
        data, kind = simulator.SimData, simulator.DataType
        words = data(0, values=[0] * registers, datatype=kind.REGISTERS)
        bits = data(0, values=[True] * 4 + [False] * 12, datatype=kind.BITS)
        coils = data(0, values=[False] * 16 * 40, datatype=kind.BITS)
        blocks = ([coils], [bits], [words], [words])
        self.devices = [simulator.SimDevice(address, blocks, action=self._action) for address in (1, 2, 3)]

    async def _action(
        self, function: int, start: int, address: int, count: int, registers: list[int], values: list[Any] | None
    ) -> None:
        """A delay register takes an order, and shows a one while its relay is on."""
        if values is not None:
            self.written.append((function, address, int(values[0])))
        elif function == 3:
            registers[:] = [int(word == 1 or word & 0xFF00 == 0x0600) for word in registers]


@asynccontextmanager
async def pymodbus_server(line: PymodbusLine, port: str) -> AsyncIterator[None]:
    """The foreign server on a port."""
    from pymodbus.server import ModbusSerialServer

    server = ModbusSerialServer(line.devices, port=port, baudrate=115_200)
    serving = asyncio.ensure_future(server.serve_forever())
    await TestClock().sleep(0.1)
    try:
        yield
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]  # so it is in pymodbus
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture
def quiet_pymodbus() -> None:
    """Pymodbus logs what it thinks of an unusual coil value; that is not ours."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


def test_foreign_programs_switch_lamps_and_read_further_contacts(tmp_path: Path) -> None:
    """A lamp board, sixteen inputs of which some are normally closed, and the version register of the relay board."""
    client_module = pytest.importorskip("pymodbus.client")
    minimalmodbus = pytest.importorskip("minimalmodbus")

    async def story() -> None:
        clock, path = TestClock(2), tmp_path / "boards"
        unit = SimulatedModbusGate(path, clock, parse_layout(FURTHER_BOARDS, FURTHER_WIRED), baud=None)
        unit.plug()
        client = client_module.ModbusSerialClient(str(path), baudrate=115_200, timeout=1, retries=0)
        try:
            ask = asyncio.to_thread
            assert await ask(client.connect)
            assert not (await ask(lambda: client.write_coil(2, True, device_id=3))).isError()
            assert (await ask(lambda: client.read_coils(0, count=8, device_id=3))).bits == [False] * 2 + [True] + [False] * 5
            assert unit.lamps() == {Output.LAMP_GREEN}
            assert unit.latched_orders_seen == 0, "a lamp may be latched"
            pulse = await ask(lambda: client.write_coil(0x0200, True, device_id=3))
            assert (pulse.isError(), pulse.exception_code) == (True, 2), "a board without timed outputs knows no pulse"
            assert (await ask(lambda: client.read_holding_registers(0x8000, count=1, device_id=1))).registers == [200]
            client.close()
            sensors = minimalmodbus.Instrument(str(path), 2)
            sensors.serial.baudrate, sensors.serial.timeout = 115_200, 0.5
            assert (await ask(sensors.read_bits, 0, 16, 2))[:5] == [0, 0, 1, 0, 0], "the second button is normally closed"
            unit.switch_contact(Contact.EMERGENCY_2, True)
            unit.switch_contact(Contact.BATTERY_LOW, True)
            assert (await ask(sensors.read_bits, 0, 16, 2))[:5] == [0, 0, 0, 0, 1]
            sensors.serial.close()
        finally:
            client.close()
            await unit.close()

    run(story())


def test_a_foreign_program_passes_our_turnstile(tmp_path: Path) -> None:
    """The registers of the maker's program: time, permission, presence, mode; one at a time, written with function 10."""
    client_module = pytest.importorskip("pymodbus.client")

    async def story() -> None:
        clock, path = TestClock(2), tmp_path / "boards"
        unit = SimulatedModbusGate(path, clock, parse_layout("1:lot-turnstile", TURNSTILE), baud=None)
        unit.plug()
        client = client_module.ModbusSerialClient(str(path), baudrate=115_200, timeout=1, retries=0)

        async def register(address: int) -> int:
            answer = await asyncio.to_thread(lambda: client.read_holding_registers(address, count=1, device_id=1))
            return int(answer.registers[0])

        try:
            assert await asyncio.to_thread(client.connect)
            walk = asyncio.ensure_future(unit.walk_out_exit(1))
            for address, value in ((0x3011, 4), (0x41, 1)):
                write = functools.partial(client.write_registers, address, [value], device_id=1)
                assert not (await asyncio.to_thread(write)).isError()
            assert (await register(0x3011), await register(0x41), await register(0x3000)) == (4, 1, 0)
            assert await walk
            unit.emergency(True)
            assert await register(0x3000) == 2
            refused = await asyncio.to_thread(lambda: client.write_coil(0, True, device_id=1))
            assert (refused.isError(), refused.exception_code) == (True, 1)
        finally:
            client.close()
            await unit.close()

    run(story())


def test_our_driver_opens_pymodbuss_turnstile(quiet_pymodbus: None) -> None:
    """What the foreign server was told are the maker's registers, each written alone with function 10."""
    simulator = pytest.importorskip("pymodbus.simulator")

    async def story() -> None:
        line = PymodbusLine(simulator, registers=0x3020)
        async with crossed_ports() as (theirs, ours), pymodbus_server(line, theirs):
            clock = TestClock()
            gate = ModbusGate(link_to(Path(ours), clock), ModbusConfig(parse_layout("1:lot-turnstile", TURNSTILE)), clock)
            try:
                await gate.start()
                report = await anext(gate.reports())
                assert (report.entry, report.exit, report.emergency) == (DoorState.LOCKED, DoorState.LOCKED, False)
                await gate.unlock(Door.EXIT, 3.0, 1)
                await gate.lock(Door.EXIT, 2)
                assert line.written == [(16, 0x3011, 3), (16, 0x41, 1), (16, 0x41, 0)]
            finally:
                await gate.close()

    run(story())


def test_our_driver_shows_a_signal_on_pymodbuss_server(quiet_pymodbus: None) -> None:
    """One door, lamps on a board of coils: what the foreign server was told is one coil after the other, off before on."""
    simulator = pytest.importorskip("pymodbus.simulator")

    async def story() -> None:
        line = PymodbusLine(simulator)
        async with crossed_ports() as (theirs, ours), pymodbus_server(line, theirs):
            clock = TestClock()
            gate = ModbusGate(link_to(Path(ours), clock), ModbusConfig(parse_layout(SIGNAL_BOARDS, SIGNAL_WIRED)), clock)
            try:
                await gate.start()
                await gate.show(Signal(Lamp.RED))
                await gate.show(Signal(Lamp.GREEN, buzzer=True))
                assert [(address, value) for function, address, value in line.written if function == 5] == [
                    *((1, 0), (2, 0), (7, 0), (0, 1)),
                    *((0, 0), (2, 1), (7, 1)),
                ]
                await gate.unlock(Door.EXIT, 3.0, 1)
                with pytest.raises(DeviceError, match="no entry door"):
                    await gate.unlock(Door.ENTRY, 3.0, 2)
                assert [words for words in line.written if words[0] == 6] == [(6, 1, 0x0603)]
            finally:
                await gate.close()

    run(story())


def test_our_driver_commands_pymodbuss_server(quiet_pymodbus: None) -> None:
    """Contacts by function 02, relays by 03, pulses by 06: what the server was told is what the boards' makers print."""
    simulator = pytest.importorskip("pymodbus.simulator")

    async def story() -> None:
        line = PymodbusLine(simulator)
        async with crossed_ports() as (theirs, ours), pymodbus_server(line, theirs):
            clock = TestClock()
            layout = parse_layout("1:delay-register-4 2:inputs-16")
            gate = ModbusGate(link_to(Path(ours), clock), ModbusConfig(layout), clock)
            try:
                await gate.start()
                report = await anext(gate.reports())
                assert (report.entry, report.exit, report.persons) == (DoorState.LOCKED, DoorState.LOCKED, 0)
                await gate.unlock(Door.ENTRY, 3.0, 1)
                assert await gate.output_states() == {Door.ENTRY: True, Door.EXIT: False}
                await gate.lock(Door.ENTRY, 2)
                assert await gate.output_states() == {Door.ENTRY: False, Door.EXIT: False}
                async for report in gate.reports():
                    if report.after_command == 2:
                        break
                assert line.written == [(6, 1, 0x0603), (6, 1, 0x0200)]
                assert gate.line.echoes is False
                assert gate.counters[1].unanswered == gate.counters[2].unanswered == 0
            finally:
                await gate.close()

    run(story())


def test_an_acknowledgement_of_another_value_is_none(quiet_pymodbus: None) -> None:
    """Pymodbus's server makes on or off of a pulse and answers with that; our driver must not take it for its order (L7)."""
    simulator = pytest.importorskip("pymodbus.simulator")

    async def story() -> None:
        line = PymodbusLine(simulator)
        async with crossed_ports() as (theirs, ours), pymodbus_server(line, theirs):
            clock = TestClock()
            layout = parse_layout("3:waveshare-relay-8 2:inputs-16")
            gate = ModbusGate(link_to(Path(ours), clock), ModbusConfig(layout), clock)
            try:
                await gate.start()
                assert online(gate)
                with pytest.raises(DeviceError, match="does not answer"):
                    await gate.unlock(Door.ENTRY, 3.0, 1)
                assert gate.line.stray > 0
                report = await anext(gate.reports())
                assert report.after_command == 0
                await gate.lock(Door.ENTRY, 2)
            finally:
                await gate.close()

    run(story())


def test_the_check_value_of_a_foreign_program() -> None:
    """Our CRC and minimalmodbus's agree."""
    minimalmodbus = pytest.importorskip("minimalmodbus")
    for size in range(1, 64):
        data = bytes((size * index * 37 + index) & 0xFF for index in range(size))
        assert crc16_modbus(data).to_bytes(2, "little") == minimalmodbus._calculate_crc(data)
