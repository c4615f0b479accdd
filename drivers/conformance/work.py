"""A piece of work for each kind of device, with a result that is known, so that false data is seen."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

from drivers.conformance.bench import Work
from drivers.plugins import DriverKind
from egate.model.errors import ChipLost, DeviceError, MalformedData
from egate.model.lane import Door, DoorState, GateReport

PRESENT_WITHIN_S = 0.2  # for a chip that lies there
ANSWER_WITHIN_S = 0.7  # of a device whose port has no time limit of its own
LINES = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
"""The specimen of Doc 9303-4."""
PASS = b"M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 326J001A0025 100"
"""The first example of IATA Resolution 792."""
HOLDER = "DESMARAIS/LUC"
PATIENCE_S = 3.0  # for a chip that connects by itself


class EchoChip:
    """Answers each command with its bytes turned round."""

    ats = bytes.fromhex("0578807102")

    def reset(self) -> None:
        """Nothing to forget."""

    def transceive(self, command: bytes) -> bytes:
        """The command backwards, and success."""
        return command[::-1] + b"\x90\x00"


class ChipWork:
    """APDUs of growing length to a chip that lies there all the time."""

    passive = False

    def __init__(self) -> None:
        self._asked = 0

    def prepare(self, emulator: Any) -> None:
        """Lay a chip down."""
        emulator.insert(EchoChip())

    async def ask(self, device: Any, emulator: Any) -> str:
        """One command."""
        del emulator
        if not await device.wait_for_chip(PRESENT_WITHIN_S):
            raise ChipLost("wait for the chip", "none was found")
        return await self._exchange(device)

    async def _exchange(self, device: Any) -> str:
        self._asked += 1
        command = bytes((0, 0xB0, 0, self._asked % 256)) + bytes(self._asked % 40)
        answer = await device.transceive(command)
        return (
            ""
            if answer == command[::-1] + b"\x90\x00"
            else f"a wrong answer of {len(answer)} bytes to a command of {len(command)}"
        )

    async def wait(self, device: Any) -> object:
        """A question that takes its time."""
        while True:
            await device.wait_for_chip(PRESENT_WITHIN_S)

    def secrets(self) -> tuple[str, ...]:
        """What went over the wire."""
        return ("00b000",)


class MrzWork:
    """The specimen, laid down again and again."""

    passive = True

    def prepare(self, emulator: Any) -> None:
        """Nothing."""

    async def ask(self, device: Any, emulator: Any) -> str:
        """One document."""
        reading = asyncio.ensure_future(device.read_lines())
        laying = asyncio.ensure_future(emulator.present(LINES))
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                lines = await reading
        except TimeoutError:
            raise DeviceError("read the MRZ", "nothing came") from None
        finally:
            reading.cancel()
            laying.cancel()
            await asyncio.gather(reading, laying, return_exceptions=True)
        return "" if lines == LINES else f"{len(lines)} lines that are not those of the document"

    async def wait(self, device: Any) -> object:
        """A document that nobody lays down."""
        return await device.read_lines()

    def secrets(self) -> tuple[str, ...]:
        """Name and number."""
        return ("ERIKSSON", "L898902C3")


class PatientChipWork(ChipWork):
    """The same with a chip that comes by itself: it is waited for longer."""

    async def ask(self, device: Any, emulator: Any) -> str:
        """One command."""
        del emulator
        if not await device.present() and not await device.wait_for_chip(PATIENCE_S):
            raise ChipLost("wait for the chip", "none was found")
        return await self._exchange(device)


class PassWork:
    """The published pass, shown again and again; another code that is read is not it, and is waited past."""

    passive = True

    def prepare(self, emulator: Any) -> None:
        """Nothing."""

    async def ask(self, device: Any, emulator: Any) -> str:
        """One pass."""
        reading = asyncio.ensure_future(self._next_pass(device))
        showing = asyncio.ensure_future(emulator.present(PASS))
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                read = await reading
        except TimeoutError:
            raise DeviceError("read a boarding pass", "nothing came") from None
        finally:
            reading.cancel()
            showing.cancel()
            await asyncio.gather(reading, showing, return_exceptions=True)
        same = [(leg.carrier, leg.flight_number, leg.seat) for leg in read.legs] == [("AC", "0834", "001A")]
        return "" if same and read.passenger_name == HOLDER else "a pass that is not the one that was shown"

    async def _next_pass(self, device: Any) -> Any:
        while True:
            try:
                return await device.read_pass()
            except MalformedData:
                continue

    async def wait(self, device: Any) -> object:
        """A pass that nobody shows."""
        return await device.read_pass()

    def secrets(self) -> tuple[str, ...]:
        """Name and booking."""
        return ("DESMARAIS", "ABC123")


class PageWork:
    """Pages of known shades, laid down again and again."""

    passive = True

    def __init__(self) -> None:
        self._number = 0

    def prepare(self, emulator: Any) -> None:
        """Nothing."""

    async def ask(self, device: Any, emulator: Any) -> str:
        """One page."""
        from drivers.sim.page_source import SHADES, coded, shade_of  # noqa: PLC0415 - OpenCV is loaded when pages are checked

        self._number += 1
        reading = asyncio.ensure_future(device.read_page())
        await emulator.present(coded(SHADES[self._number % len(SHADES)]))
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                page = await reading
        except TimeoutError:
            raise DeviceError("read a page", "nothing came") from None
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        return "" if shade_of(page) is not None else f"{len(page)} bytes that are no page"

    async def wait(self, device: Any) -> object:
        """Pages without end."""
        while True:
            await device.read_page()

    def secrets(self) -> tuple[str, ...]:
        """A picture has no words; what shows of it would be its bytes."""
        return ("\\x89PNG", "\\xff\\xd8\\xff")


class GateWork:
    """An order to lock, and the report after it: both doors locked, nobody inside."""

    passive = False

    def __init__(self) -> None:
        self._number = 0

    def prepare(self, emulator: Any) -> None:
        """Nothing."""

    async def ask(self, device: Any, emulator: Any) -> str:
        """One order and one report."""
        del emulator
        self._number += 1
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await device.lock(Door.ENTRY, self._number)
                async with aclosing(device.reports()) as reports:
                    async for report in reports:
                        return self._judge(report)
        except TimeoutError:
            raise DeviceError("read the gate unit", "it says nothing") from None
        return "its reports end without an error"

    def _judge(self, report: GateReport) -> str:
        if report.after_command > self._number:
            return f"a report after order {report.after_command}, which was never given"
        locked = (report.entry, report.exit) == (DoorState.LOCKED, DoorState.LOCKED)
        if not locked or report.persons or report.emergency or report.tamper:
            return f"a report that is not true: {report}"
        return ""

    async def wait(self, device: Any) -> object:
        """Reports without end."""
        async with aclosing(device.reports()) as reports:
            async for _ in reports:
                continue
        return None

    def secrets(self) -> tuple[str, ...]:
        """The key of the benches is in `PortSettings` and checked there."""
        return ()


def work_of(kind: DriverKind) -> type[Work] | None:
    """The work of a kind; None for kinds that are on no serial line."""
    works: dict[DriverKind, type[Work]] = {
        DriverKind.CHIP_READER: ChipWork,
        DriverKind.MRZ_READER: MrzWork,
        DriverKind.BOARDING_PASS_READER: PassWork,
        DriverKind.GATE_UNIT: GateWork,
    }
    return works.get(kind)
