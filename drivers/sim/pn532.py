"""A simulated PN532 chip reader on a simulated cable, and the air between it and a chip.

It speaks the high-speed UART protocol of NXP UM0701-02: asleep until woken, acknowledging, chaining, changing its speed. A
chip is anything with `transceive`, `reset` and `ats`; the time its bytes need in the air and the time it thinks are spent on
the injected clock. Libnfc's tools find it like a real one.

Alone: `python -m drivers.sim.pn532 --pty PATH` serves an empty card that answers every APDU with 6D00.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from drivers.reader.pn532_protocol import (
    ACK_FRAME,
    BAUD_CODES,
    CHIP,
    HOST,
    LARGEST_EXCHANGE_BYTES,
    Command,
    FrameKind,
    encode_frame,
    frame_splitter,
    parse_frame,
)
from drivers.sim.alone import serve, typed_lines
from drivers.sim.pace import LoopPace, Pace
from drivers.sim.pty import FaultLink, PtyPort

DEFAULT_BAUD = 115_200
FIRMWARE = bytes.fromhex("32010607")
ATQA = bytes.fromhex("0008")  # a random identifier, as passports have
SAK = 0x20
TYPE_A = 0x00
AIR_BITS_PER_BYTE = 9  # eight bits and odd parity, ISO 14443-3
AIR_FRAME_BYTES = 3  # block header and CRC of each ISO 14443-4 block
AIR_BLOCK_BYTES = 253  # data in one block of 256
SEARCH_S = 0.005  # a look for a chip
ANTICOLLISION_S = 0.01
FIELD_TIMEOUT_S = 0.1  # until the PN532 gives a vanished chip up
STATUS_OK, STATUS_TIMEOUT, STATUS_BAD_CONTEXT = 0x00, 0x01, 0x27
MORE_FOLLOWS = 0x40
FIELD_OFF = bytes.fromhex("0100")  # RFConfiguration item 1
GENERAL_STATUS = bytes.fromhex("00010080")  # no error, field on, no target, security module idle
WAKE_EDGES = 5  # rising edges of the line that wake the chip; what came before them is not heard (UM0701-02 §7.2.11)
AUTOMATIC_RATS = 0x10  # parameter of SetParameters: the chip asks a card of ISO 14443-4 for its ATS by itself (UM0701-02 §7.2.9)
PARAMETER_ECHO, PARAMETER_PRESENCE = 0x00, 0x06


class Chip(Protocol):
    """What lies on the reader."""

    @property
    def ats(self) -> bytes:
        """Answer to select (with or without its length byte)."""
        ...

    def reset(self) -> None:
        """Field off and on again: forget all sessions."""
        ...

    def transceive(self, command: bytes) -> bytes | None:
        """Answer one APDU; None stays silent."""
        ...


@dataclass(frozen=True, slots=True)
class AirSettings:
    """How fast the contactless side is: bit rate, and the time the chip thinks for each APDU (0 for the chip's own)."""

    bits_per_s: int = 424_000
    chip_s: float = 0.0


class EmptyChip:
    """A card with nothing on it."""

    ats = bytes.fromhex("0578807102")

    def reset(self) -> None:
        """Nothing to forget."""

    def transceive(self, command: bytes) -> bytes:
        """Instruction not supported."""
        del command
        return b"\x6d\x00"


class SimulatedPn532:
    """The reader. `insert` puts a chip on it, `remove` takes it away, `plug` and `unplug` are the cable."""

    def __init__(
        self,
        path: Path,
        pace: Pace,
        *,
        baud: int | None = DEFAULT_BAUD,
        air: AirSettings | None = None,
        faults: FaultLink | None = None,
    ) -> None:
        self.port = PtyPort(path, pace, baud, faults)
        self.port.on_bytes = self._receive
        self.port.on_plug = self._power_up
        self.apdus = 0
        self._pace = pace
        self._base_baud = baud
        self._air = air or AirSettings()
        self._chip: Chip | None = None
        self._inserted = 0
        self._splitter = frame_splitter()
        self._work: asyncio.Task[None] | None = None
        self._power_up()

    def insert(self, chip: Chip) -> None:
        """Put a chip into the field."""
        chip.reset()
        self._chip = chip
        self._inserted += 1

    def remove(self) -> None:
        """Take the chip away, in the middle of whatever it does."""
        self._chip = None

    @property
    def chip_present(self) -> bool:
        """Whether a chip lies on the reader."""
        return self._chip is not None

    def plug(self) -> None:
        """Connect the cable, which is also the power."""
        self.port.plug()

    def unplug(self) -> None:
        """Pull the cable."""
        self._stop_work()
        self.port.unplug()

    async def close(self) -> None:
        """Pull the cable and stop."""
        self.unplug()

    def _power_up(self) -> None:
        self._awake_after = WAKE_EDGES
        self._activated = 0
        self._asks_ats = True
        self._outgoing = b""
        self._incoming = b""
        self._last_answer = b""
        self._next_baud: int | None = None
        self._registers: dict[int, int] = {}
        self._splitter.reset()
        self.port.baud = self._base_baud

    def _receive(self, data: bytes) -> None:
        """Bytes from the host."""
        for raw in self._splitter.receive(self._heard(data)):
            frame = parse_frame(raw)
            if frame.kind is FrameKind.NACK:
                self.port.write(self._last_answer)
            elif frame.kind is FrameKind.ACK:
                self._acknowledged()
            elif len(frame.payload) >= 2 and frame.payload[0] == HOST:
                self._stop_work()
                self.port.write(ACK_FRAME)
                self._work = asyncio.get_running_loop().create_task(self._answer(frame.payload[1], frame.payload[2:]))
            else:
                self._send(b"\x7f")

    def _heard(self, data: bytes) -> bytes:
        """What comes once the chip is awake; each byte before that has rising edges that wake it."""
        at = 0
        while self._awake_after > 0 and at < len(data):
            self._awake_after -= _rising_edges(data[at])
            at += 1
        return data[at:]

    def _acknowledged(self) -> None:
        """The host's ACK: takes a new speed into use, or breaks off what runs."""
        self._stop_work()
        if self._next_baud is not None and self.port.baud is not None:
            self.port.baud = self._next_baud
        self._next_baud = None

    def _stop_work(self) -> None:
        if self._work is not None:
            self._work.cancel()
            self._work = None

    def _send(self, payload: bytes) -> None:
        self._last_answer = encode_frame(payload)
        self.port.write(self._last_answer)

    async def _answer(self, code: int, data: bytes) -> None:
        """Carry out one command and answer it."""
        answer = await self._carry_out(code, data)
        self._send(b"\x7f" if answer is None else bytes((CHIP, code + 1)) + answer)
        if code == Command.POWER_DOWN:
            self._deactivate()
            self._awake_after = WAKE_EDGES

    async def _carry_out(self, code: int, data: bytes) -> bytes | None:
        """The answer's data; None for a command that this reader does not know."""
        match code:
            case Command.IN_LIST_PASSIVE_TARGET:
                return await self._list_targets(data)
            case Command.IN_DATA_EXCHANGE:
                return await self._exchange(data)
            case Command.IN_COMMUNICATE_THRU:
                await self._pace.sleep(SEARCH_S)
                return bytes((STATUS_TIMEOUT,))
            case _:
                return self._settings_command(code, data)

    def _settings_command(self, code: int, data: bytes) -> bytes | None:
        """Commands that concern the reader alone."""
        commands: dict[int, Callable[[bytes], bytes | None]] = {
            Command.DIAGNOSE: self._diagnose,
            Command.GET_FIRMWARE_VERSION: lambda _: FIRMWARE,
            Command.GET_GENERAL_STATUS: lambda _: GENERAL_STATUS,
            Command.READ_REGISTER: self._read_registers,
            Command.WRITE_REGISTER: self._write_registers,
            Command.SET_SERIAL_BAUD_RATE: self._set_baud,
            Command.SET_PARAMETERS: self._set_parameters,
            Command.SAM_CONFIGURATION: lambda _: b"",
            Command.POWER_DOWN: lambda _: bytes((STATUS_OK,)),
            Command.RF_CONFIGURATION: self._configure_field,
            Command.IN_RELEASE: self._release,
            Command.IN_DESELECT: self._release,
            Command.IN_SELECT: lambda _: bytes((STATUS_OK,)),
        }
        command = commands.get(code)
        return command(data) if command is not None else None

    def _read_registers(self, data: bytes) -> bytes:
        addresses = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
        return bytes(self._registers.get(address, 0) for address in addresses)

    def _write_registers(self, data: bytes) -> bytes:
        for at in range(0, len(data) - 2, 3):
            self._registers[int.from_bytes(data[at : at + 2], "big")] = data[at + 2]
        return b""

    def _set_parameters(self, data: bytes) -> bytes:
        self._asks_ats = bool(data and data[0] & AUTOMATIC_RATS)
        return b""

    def _configure_field(self, data: bytes) -> bytes:
        if data[:2] == FIELD_OFF:
            self._deactivate()
        return b""

    def _release(self, data: bytes) -> bytes:
        del data  # the one target that we hold
        self._deactivate()
        return bytes((STATUS_OK,))

    def _deactivate(self) -> None:
        """The chip loses its session."""
        if self._chip is not None and self._activated:
            self._chip.reset()
        self._activated = 0

    def _set_baud(self, data: bytes) -> bytes | None:
        speeds = {number: baud for baud, number in BAUD_CODES.items()}
        if data[:1] == b"" or data[0] not in speeds:
            return None
        self._next_baud = speeds[data[0]]
        return b""

    def _diagnose(self, data: bytes) -> bytes | None:
        """Line echo, and whether the activated chip is still there."""
        if data[:1] == bytes((PARAMETER_ECHO,)):
            return data
        if data[:1] == bytes((PARAMETER_PRESENCE,)):
            return bytes((STATUS_OK if self._chip_is_active() else STATUS_TIMEOUT,))
        return None

    def _chip_is_active(self) -> bool:
        """The chip in the field is the one that was activated, not another laid down since."""
        return self._chip is not None and self._activated == self._inserted

    async def _list_targets(self, data: bytes) -> bytes:
        """Look for a chip of the wanted type; ours is of type A."""
        await self._pace.sleep(SEARCH_S)
        chip = self._chip
        if chip is None or len(data) < 2 or data[1] != TYPE_A:
            return b"\x00"
        await self._pace.sleep(ANTICOLLISION_S)
        chip.reset()
        self._activated = self._inserted
        self._outgoing = self._incoming = b""
        ats = b""
        if self._asks_ats:
            ats = chip.ats if chip.ats[:1] == bytes((len(chip.ats),)) else bytes((len(chip.ats) + 1,)) + chip.ats
        identifier = b"\x08" + self._inserted.to_bytes(3, "big")
        return b"\x01\x01" + ATQA + bytes((SAK, len(identifier))) + identifier + ats

    async def _exchange(self, data: bytes) -> bytes:
        """InDataExchange with chaining in both directions."""
        if not data or not self._activated:
            return bytes((STATUS_BAD_CONTEXT,))
        if data[0] & MORE_FOLLOWS:
            self._outgoing += data[1:]
            return bytes((STATUS_OK,))
        if len(data) > 1 or self._outgoing or not self._incoming:
            command, self._outgoing = self._outgoing + data[1:], b""
            response = await self._through_the_air(command)
            if response is None:
                return bytes((STATUS_TIMEOUT,))
            self._incoming = response
        piece, self._incoming = self._incoming[:LARGEST_EXCHANGE_BYTES], self._incoming[LARGEST_EXCHANGE_BYTES:]
        return bytes((MORE_FOLLOWS if self._incoming else STATUS_OK,)) + piece

    async def _through_the_air(self, command: bytes) -> bytes | None:
        """To the chip and back, in the time that takes; None when the chip is gone or falls silent."""
        if not self._chip_is_active() or self._chip is None:
            await self._pace.sleep(FIELD_TIMEOUT_S)
            return None
        await self._pace.sleep(self._air_s(len(command)))
        if not self._chip_is_active():
            await self._pace.sleep(FIELD_TIMEOUT_S)
            return None
        self.apdus += 1
        response = self._chip.transceive(command)
        await self._pace.sleep(self._air.chip_s + self._air_s(len(response or b"")))
        if response is None or not self._chip_is_active():
            await self._pace.sleep(FIELD_TIMEOUT_S)
            return None
        return response

    def _air_s(self, size: int) -> float:
        """Time in the air of so many bytes in blocks."""
        blocks = max(1, -(-size // AIR_BLOCK_BYTES))
        return (size + blocks * AIR_FRAME_BYTES) * AIR_BITS_PER_BYTE / self._air.bits_per_s


def _rising_edges(byte: int) -> int:
    """How often the line rises while a byte passes: start bit 0, eight bits with the lowest first, stop bit 1."""
    levels = [0, *((byte >> bit) & 1 for bit in range(8)), 1]
    return sum(before < after for before, after in itertools.pairwise(levels))


async def _run_alone(arguments: argparse.Namespace) -> None:
    """Serve until interrupted."""
    reader = SimulatedPn532(arguments.pty, LoopPace(), baud=arguments.baud or None)
    if not arguments.empty:
        reader.insert(EmptyChip())
    reader.plug()
    try:
        async for _ in typed_lines():
            pass
    finally:
        await reader.close()


def main() -> int:
    """Entry point of `python -m drivers.sim.pn532`."""
    parser = argparse.ArgumentParser(prog="drivers.sim.pn532", description="simulated PN532 on a pseudo terminal")
    parser.add_argument("--pty", type=Path, required=True, help="stable name to make")
    parser.add_argument("--baud", type=int, default=DEFAULT_BAUD, help="line speed; 0 does not pace the line")
    parser.add_argument("--empty", action="store_true", help="no card on the reader")
    arguments = parser.parse_args()
    return serve("pn532", lambda: _run_alone(arguments))


if __name__ == "__main__":
    sys.exit(main())
