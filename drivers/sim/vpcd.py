"""The chip's side of the vpcd socket: a simulated chip that connects to a terminal, ours or pcscd's virtual reader.

pcscd with Debian's vsmartcard-vpcd listens on 127.0.0.1:35963; every program that speaks PC/SC then finds our chip in the reader
"Virtual PCD". Small segments and late acknowledgements would add 44 ms to each APDU, so both are switched off
(TCP_NODELAY, and TCP_QUICKACK again after each read because the kernel forgets it).

Alone: `python -m drivers.sim.vpcd --connect 127.0.0.1:35963` is an empty card that answers every APDU with 6D00.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys

from drivers.reader.atr import atr_of_historical_bytes, historical_bytes_of_ats
from drivers.reader.vpcd import DEFAULT_ADDRESS, parse_address
from drivers.reader.vpcd_protocol import Control, VpcdMessages, control_of, encode_message
from drivers.sim.alone import serve, typed_lines
from drivers.sim.pace import LoopPace, Pace
from drivers.sim.passport.timed import air_s
from drivers.sim.pn532 import AirSettings, Chip, EmptyChip
from egate.model.errors import DeviceError, MalformedData

READ_SIZE_BYTES = 65_536
BETWEEN_ATTEMPTS_S = 0.2  # while the terminal does not listen


def atr_of(ats: bytes) -> bytes:
    """The answer to reset for an answer to select, with or without its length byte."""
    whole = ats if ats[:1] == bytes((len(ats),)) else bytes((len(ats) + 1,)) + ats
    return atr_of_historical_bytes(historical_bytes_of_ats(whole))


class VpcdChip:
    """A chip that lies on the virtual reader while `run` runs. With `air` it takes the time that a contactless one would."""

    def __init__(self, chip: Chip, host: str, port: int, pace: Pace, air: AirSettings | None = None) -> None:
        self.apdus = 0
        self.connected = False
        self._chip = chip
        self._host = host
        self._port = port
        self._pace = pace
        self._air = air

    async def run(self) -> None:
        """Connect and serve for ever: again when the terminal closes, and while it does not listen."""
        while True:
            try:
                await self.run_once()
            except OSError:
                self.connected = False
            await self._pace.sleep(BETWEEN_ATTEMPTS_S)

    async def run_once(self) -> None:
        """One connection until the terminal closes it; raises OSError when it does not listen."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as wire:
            wire.setblocking(False)
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(wire, (self._host, self._port))
            self.connected = True
            try:
                await self._serve(wire)
            except MalformedData:
                return  # a terminal that speaks something else: the connection ends
            finally:
                self.connected = False
                self._chip.reset()

    async def _serve(self, wire: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        messages = VpcdMessages()
        while data := await loop.sock_recv(wire, READ_SIZE_BYTES):
            _acknowledge_at_once(wire)
            for message in messages.receive(data):
                answer = self._answer(message)
                if answer is not None:
                    await self._pass_through_air(message, answer)
                    await loop.sock_sendall(wire, encode_message(answer))

    async def _pass_through_air(self, message: bytes, answer: bytes) -> None:
        """Spend what the chip thinks, and what both APDUs need in the air."""
        air = self._air
        if air is not None and control_of(message) is None:
            await self._pace.sleep(air.chip_s + air_s(len(message), air.bits_per_s) + air_s(len(answer), air.bits_per_s))

    def _answer(self, message: bytes) -> bytes | None:
        """What the chip says to a message; None for an order, or from a chip that stays silent."""
        control = control_of(message)
        if control is None:
            self.apdus += 1
            return self._chip.transceive(message)
        if control is Control.ATR:
            return atr_of(self._chip.ats)
        self._chip.reset()
        return None


def _acknowledge_at_once(wire: socket.socket) -> None:
    """TCP_QUICKACK, where the system has it."""
    option = getattr(socket, "TCP_QUICKACK", None)
    if option is not None:
        wire.setsockopt(socket.IPPROTO_TCP, option, 1)


async def _run_alone(arguments: argparse.Namespace) -> None:
    """Serve until interrupted."""
    host, port = parse_address(arguments.connect)
    task = asyncio.get_running_loop().create_task(VpcdChip(EmptyChip(), host, port, LoopPace()).run())
    try:
        async for _ in typed_lines():
            pass
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def main() -> int:
    """Entry point of `python -m drivers.sim.vpcd`."""
    parser = argparse.ArgumentParser(prog="drivers.sim.vpcd", description="empty card on a virtual PC/SC reader")
    parser.add_argument("--connect", default=DEFAULT_ADDRESS, help="address and port of the terminal (default %(default)s)")
    arguments = parser.parse_args()
    try:
        parse_address(arguments.connect)
    except DeviceError as error:
        parser.error(str(error))
    return serve("vpcd", lambda: _run_alone(arguments))


if __name__ == "__main__":
    sys.exit(main())
