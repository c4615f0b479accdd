"""A chip reader without a reader: a socket that a simulated or foreign chip connects to. Fulfils `egate.ports.ChipReader`.

For trials only: whoever can open the port is a chip. So it listens on this machine alone unless an address says otherwise, and
the factory refuses it where the configuration does not call the hardware emulated.

Rules: one chip at a time, a second connection is closed at once. A chip that speaks unasked, announces what cannot be, or is
silent for longer than it may loses its connection, so a late answer can never be taken for the answer to a later question.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections import deque
from dataclasses import dataclass

from drivers.counters import DeviceCounters
from drivers.reader.atr import historical_bytes_of_atr
from drivers.reader.vpcd_protocol import (
    LARGEST_ATR_BYTES,
    LARGEST_MESSAGE_BYTES,
    SHORTEST_APDU_BYTES,
    SHORTEST_RESPONSE_BYTES,
    Control,
    VpcdMessages,
    encode_message,
)
from egate.model.errors import ChipLost, DeviceError, MalformedData
from egate.ports import Clock

DEFAULT_ADDRESS = "127.0.0.1:35963"
READ_SIZE_BYTES = 65_536
ATR_WITHIN_S = 2.0  # a chip that connected introduces itself
APDU_WITHIN_S = 5.0  # a chip that is silent for longer is lost; simulated PACE in Java takes a second or two

_LOG = logging.getLogger("egate.drivers.reader")


@dataclass(frozen=True, slots=True)
class VpcdConfig:
    """Where to listen, and how long a chip may think. `port` 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 35_963
    apdu_within_s: float = APDU_WITHIN_S


def parse_address(text: str) -> tuple[str, int]:
    """`HOST:PORT` with the number of an address, IPv6 in brackets; raises DeviceError with a sentence."""
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        separator = ""
        number = 0
    if not separator or not 0 <= number <= 0xFFFF:
        raise DeviceError("configure the vpcd reader", f"{text!r} is no address and port such as {DEFAULT_ADDRESS}")
    return host, number


class _Chip(asyncio.Protocol):
    """One connection: messages that arrived, and whether it ended."""

    def __init__(self, reader: VpcdReader) -> None:
        self.arrived: deque[bytes] = deque()
        self.changed = asyncio.Event()
        self.asked = False
        self.gone = False
        self._reader = reader
        self._messages = VpcdMessages()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The chip is there, unless another one is."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._reader.take(self):
            self.drop()

    def data_received(self, data: bytes) -> None:
        """One answer to one question; anything else ends the connection."""
        try:
            messages = self._messages.receive(data)
        except MalformedData as error:
            self._stranger(error.problem)
            return
        if not self.asked or len(messages) > 1 or (messages and self._messages.half):
            self._stranger("it speaks unasked")
            return
        if messages:
            self.asked = False
            self.arrived.extend(messages)
            self.changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The chip is gone."""
        del exc
        self.gone = True
        self.changed.set()
        self._reader.left(self)

    def send(self, payload: bytes, *, asks: bool) -> None:
        """Send a message; `asks` says that one answer may come."""
        assert self._transport is not None
        self.arrived.clear()
        self.asked = asks
        self._transport.write(encode_message(payload))

    def drop(self) -> None:
        """End the connection now."""
        self.gone = True
        self._reader.left(self)
        if self._transport is not None:
            self._transport.abort()

    def _stranger(self, problem: str) -> None:
        if not self.gone:
            _LOG.warning("vpcd chip was disconnected (%s)", problem)
        self.drop()
        self.changed.set()


class VpcdReader:
    """The listening side; see the module's rules."""

    max_response_bytes = LARGEST_MESSAGE_BYTES

    def __init__(self, config: VpcdConfig, clock: Clock) -> None:
        self.counters = DeviceCounters()
        self._config = config
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._chip: _Chip | None = None
        self._active = False
        self._changed = asyncio.Event()
        self._wire = asyncio.Lock()
        self._historical = b""

    @property
    def online(self) -> bool:
        """Whether it listens."""
        return self._server is not None and self._server.is_serving()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, the port that was taken for 0 included."""
        if self._server is None or not self._server.sockets:
            raise DeviceError("ask the vpcd reader for its address", "it does not listen")
        host, port = self._server.sockets[0].getsockname()[:2]
        return str(host), int(port)

    @property
    def historical_bytes(self) -> bytes:
        """Historical bytes of the activated chip."""
        return self._historical if self._active else b""

    async def start(self) -> None:
        """Listen; raises DeviceError when the address is in use or not ours."""
        if self._server is not None:
            return
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _Chip(self), self._config.host, self._config.port, backlog=1
            )
        except OSError as error:
            where = f"{self._config.host}:{self._config.port}"
            raise DeviceError(f"listen on {where}", f"it cannot be opened ({error.strerror})") from None

    async def close(self) -> None:
        """Let the chip go and stop listening; never raises."""
        server, self._server = self._server, None
        self._active = False
        if server is not None:
            server.close()
        if self._chip is not None:
            self._chip.drop()
        self._changed.set()

    async def wait_for_chip(self, within_s: float) -> bool:
        """Wait until a chip is connected and told its answer to reset; False when none came in time."""
        deadline = self._clock.monotonic() + within_s
        while True:
            if self._server is None:
                raise DeviceError("wait for a chip", "the vpcd reader does not listen")
            async with self._wire:
                if self._chip is not None and await self._activate(self._chip):
                    return True
            left_s = deadline - self._clock.monotonic()
            if left_s <= 0 or not await self._connection(left_s):
                return False

    async def transceive(self, command: bytes) -> bytes:
        """Send one command APDU and return the response; raises ChipLost or DeviceError."""
        if not SHORTEST_APDU_BYTES <= len(command) <= LARGEST_MESSAGE_BYTES:
            raise DeviceError("talk to the chip", f"{len(command)} bytes are no APDU that vpcd carries")
        async with self._wire:
            chip = self._chip
            if self._server is None:
                raise DeviceError("talk to the chip", "the vpcd reader does not listen")
            if chip is None or not self._active:
                raise ChipLost("talk to the chip", "no chip is activated")
            answer = await self._ask(chip, command, self._config.apdu_within_s)
        if answer is None or len(answer) < SHORTEST_RESPONSE_BYTES:
            chip.drop()
            raise ChipLost("talk to the chip", "it left, or did not answer in time")
        return answer

    async def present(self) -> bool:
        """Whether the activated chip is still connected."""
        return self._active and self._chip is not None and not self._chip.gone

    async def release(self) -> None:
        """Switch the chip off; it stays connected and can be activated again."""
        async with self._wire:
            if self._active and self._chip is not None and not self._chip.gone:
                self._chip.send(bytes((Control.OFF,)), asks=False)
            self._active = False

    def take(self, chip: _Chip) -> bool:
        """A chip connects: whether the place is free."""
        if self._chip is not None or self._server is None:
            self.counters.refused += 1
            return False
        self._chip = chip
        self._changed.set()
        return True

    def left(self, chip: _Chip) -> None:
        """A chip's connection ended."""
        if self._chip is chip:
            self._chip = None
            self._active = False

    async def _connection(self, within_s: float) -> bool:
        """Wait on the clock for a connection or the end of listening."""
        self._changed.clear()
        coming = asyncio.ensure_future(self._changed.wait())
        over = asyncio.ensure_future(self._clock.sleep(within_s))
        try:
            await asyncio.wait((coming, over), return_when=asyncio.FIRST_COMPLETED)
            return coming.done()
        finally:
            coming.cancel()
            over.cancel()

    async def _activate(self, chip: _Chip) -> bool:
        """Switch the chip on, off before that, and take its answer to reset."""
        chip.send(bytes((Control.OFF,)), asks=False)
        chip.send(bytes((Control.ON,)), asks=False)
        answer = await self._ask(chip, bytes((Control.ATR,)), ATR_WITHIN_S)
        if answer is None or len(answer) > LARGEST_ATR_BYTES:
            chip.drop()
            return False
        self._historical = historical_bytes_of_atr(answer)
        self._active = True
        self.counters.sessions += 1
        return True

    async def _ask(self, chip: _Chip, payload: bytes, within_s: float) -> bytes | None:
        """One question and its answer, None when the chip left or was silent; broken off, the chip is dropped."""
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        if chip.gone:
            return None
        chip.send(payload, asks=True)
        answered = False
        try:
            async with asyncio.timeout(within_s):
                while not chip.arrived and not chip.gone:
                    chip.changed.clear()
                    await chip.changed.wait()
            answered = bool(chip.arrived)
        except TimeoutError:
            pass
        finally:
            if not answered:
                self.counters.unanswered += 1
                self._active = False
                chip.drop()
        if not answered:
            return None
        self.counters.answered(loop.time() - asked_at)
        return chip.arrived.popleft()
