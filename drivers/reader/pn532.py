"""A PN532 chip reader on a serial line. Fulfils `egate.ports.ChipReader`.

Start-up, in this order, again after every loss of the port: find the speed it runs at, wake it, prove that it is a PN532
(L13), set it up, raise the speed. One exchange at a time; one that was broken off is aborted before the next begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from drivers.counters import DeviceCounters
from drivers.link import Link
from drivers.reader.atr import historical_bytes_of_ats
from drivers.reader.pn532_protocol import (
    ACK_FRAME,
    BAUD_CODES,
    LARGEST_EXCHANGE_BYTES,
    LARGEST_RESPONSE_BYTES,
    WAKE_UP,
    Command,
    Dialogue,
    Firmware,
    Frame,
    FrameKind,
    Target,
    ValueT,
    exchange,
    frame_splitter,
    parse_broken,
    parse_firmware,
    parse_frame,
    parse_target_a,
    parse_target_b,
)
from egate.model.errors import ChipLost, DeviceError, MalformedData
from egate.ports import SHORT_RESPONSE_BYTES, Clock

PN532 = 0x32  # IC of GetFirmwareVersion
COMMAND_WITHIN_S = 0.5  # commands that only concern the PN532
ACTIVATION_WITHIN_S = 1.0  # InListPassiveTarget with the few tries that we configure
APDU_WITHIN_S = 5.0  # a chip that computes (PACE, chip authentication) and is silent for longer is lost
QUICK_APDU_WITHIN_S = 1.0  # one that only has to find bytes; issued chips take 30 ms for a block, the slowest seen 0.3 s
QUICK_INSTRUCTIONS = frozenset({0xA4, 0xB0, 0xB1, 0x84, 0xC0})  # SELECT, READ BINARY, GET CHALLENGE, GET RESPONSE
BETWEEN_LOOKS_S = 0.05  # between two looks for a chip
SETTLE_S = 0.002  # after a change of speed; UM0701-02 §7.2.9 asks for 200 µs
SWITCH_ON_S = 0.002  # after the wake-up bytes
SLOW_DOWN_WITHIN_S = 1.0  # to go back to the port's speed at the end; a reader that takes longer keeps the fast one

SAM_NORMAL = bytes.fromhex("011401")  # no security module, time-out 1 s
AUTOMATIC_RATS = bytes.fromhex("14")  # SetParameters: answer ATR_REQ and send RATS by itself
FEW_TRIES = bytes.fromhex("05000102")  # RFConfiguration: give up looking for a chip after three tries
FIELD_OFF = bytes.fromhex("0100")
LIST_TYPE_A = bytes.fromhex("0100")
LIST_TYPE_B = bytes.fromhex("010300")
PRESENCE_TEST = bytes.fromhex("06")
ALL_TARGETS = bytes.fromhex("00")
MORE_FOLLOWS = 0x40  # in the target number and in the status
STATUS_BITS = 0x3F

_LOG = logging.getLogger("egate.drivers.reader")


@dataclass(frozen=True, slots=True)
class Pn532Config:
    """`fast_baud` None stays at the port's speed; `firmware_version`, where given, must be the reader's own (L13).

    `apdu_within_s` is for commands with which the chip computes, `quick_within_s` for those with which it only finds bytes.
    """

    fast_baud: int | None = 921_600
    apdu_within_s: float = APDU_WITHIN_S
    quick_within_s: float = QUICK_APDU_WITHIN_S
    firmware_version: int | None = None


class Pn532Reader:
    """One PN532; see the module's rules.

    Its frames carry 262 bytes of an APDU. That is a short response and 4 bytes, not worth an extended length, so it calls itself
    a reader of short responses.
    """

    max_response_bytes = SHORT_RESPONSE_BYTES

    def __init__(self, link: Link, config: Pn532Config, clock: Clock) -> None:
        if config.fast_baud is not None and config.fast_baud not in BAUD_CODES:
            raise DeviceError("configure the PN532", f"it does not do {config.fast_baud} baud")
        self.counters = DeviceCounters()
        self.firmware: Firmware | None = None
        self._link = link
        self._config = config
        self._clock = clock
        self._splitter = frame_splitter()
        self._arrived: list[Frame] = []
        self._last_answer = b""
        self._wire = asyncio.Lock()
        self._ready_generation = 0
        self._target: Target | None = None
        self._broken_off = False
        self._answering = False

    @property
    def online(self) -> bool:
        """Whether the port is open, set up, and the PN532 answered the last question."""
        return self._link.connected and self._ready_generation == self._link.generation and self._answering

    @property
    def historical_bytes(self) -> bytes:
        """Historical bytes of the activated chip's answer to select (type A)."""
        return historical_bytes_of_ats(self._target.ats) if self._target is not None else b""

    async def start(self) -> None:
        """Open the port and set the PN532 up; raises DeviceError."""
        await self._link.open()
        try:
            async with self._wire:
                await self._make_ready()
        except BaseException:
            await self._link.close()
            raise

    async def close(self) -> None:
        """Go back to the port's speed, which a PN532 keeps until it is reset, and release the port; never raises."""
        self._target = None
        with contextlib.suppress(DeviceError, TimeoutError):
            async with asyncio.timeout(SLOW_DOWN_WITHIN_S), self._wire:
                if self.online:
                    await self._change_speed(self._link.settings.baud)
        self._answering = False
        self._ready_generation = 0
        await self._link.close()

    async def wait_for_chip(self, within_s: float) -> bool:
        """Wait until a chip of type A or B that speaks ISO 14443-4 is activated; False when none came in time."""
        deadline = self._clock.monotonic() + within_s
        while True:
            async with self._wire:
                await self._make_ready()
                self._target = await self._look_for_chip()
            if self._target is not None:
                return True
            if self._clock.monotonic() >= deadline:
                return False
            await self._clock.sleep(BETWEEN_LOOKS_S)

    async def transceive(self, command: bytes) -> bytes:
        """Send one command APDU and return the response; raises ChipLost or DeviceError."""
        async with self._wire:
            target = self._present_target()
            within_s = self._config.apdu_within_s
            if command[1:2] and command[1] in QUICK_INSTRUCTIONS:
                within_s = min(within_s, self._config.quick_within_s)
            pieces = [command[at : at + LARGEST_EXCHANGE_BYTES] for at in range(0, len(command), LARGEST_EXCHANGE_BYTES)]
            try:
                for piece in pieces[:-1]:
                    await self._exchange_data(target.number | MORE_FOLLOWS, piece, within_s)
                return await self._last_exchange(target.number, pieces[-1] if pieces else b"", within_s)
            except (ChipLost, DeviceError):
                self._target = None
                raise

    async def present(self) -> bool:
        """Whether the activated chip is still there; raises DeviceError when the reader is lost."""
        async with self._wire:
            if self._target is None or self._ready_generation != self._link.generation:
                self._target = None
                return False
            try:
                answer = await self._ask(Command.DIAGNOSE, PRESENCE_TEST)
            except DeviceError:
                self._target = None
                raise
            if answer[:1] != b"\x00":
                self._target = None
            return self._target is not None

    async def release(self) -> None:
        """Deactivate the chip and switch the field off; a reader that is lost has no field."""
        async with self._wire:
            self._target = None
            if self._ready_generation != self._link.generation or not self._link.connected:
                return
            try:
                await self._ask(Command.IN_RELEASE, ALL_TARGETS)
                await self._ask(Command.RF_CONFIGURATION, FIELD_OFF)
            except DeviceError as error:
                _LOG.warning("chip reader on %s did not release the chip (%s)", self._link.name, error.problem)

    def _present_target(self) -> Target:
        """The activated chip; raises ChipLost when there is none, DeviceError when the reader was lost with it."""
        if not self._link.connected or self._ready_generation != self._link.generation:
            self._target = None
            raise DeviceError("talk to the chip", f"the chip reader on {self._link.name} is lost")
        if self._target is None:
            raise ChipLost("talk to the chip", "no chip is activated")
        return self._target

    async def _last_exchange(self, target_number: int, piece: bytes, within_s: float) -> bytes:
        """Send the last piece and collect the pieces of the response."""
        response, more = await self._exchange_data(target_number, piece, within_s)
        while more:
            if len(response) > LARGEST_RESPONSE_BYTES:
                raise ChipLost("talk to the chip", "its response has no end")
            rest, more = await self._exchange_data(target_number, b"", within_s)
            response += rest
        return response

    async def _exchange_data(self, target_number: int, piece: bytes, within_s: float) -> tuple[bytes, bool]:
        """InDataExchange: the piece of the response, and whether more follows."""
        try:
            data = bytes((target_number,)) + piece
            answer = await self._drive(exchange(Command.IN_DATA_EXCHANGE, data, within_s, self._last_answer))
        except TimeoutError:
            self._broken_off = True
            raise ChipLost("talk to the chip", f"it did not answer within {within_s:g} s") from None
        if not answer:
            raise DeviceError("talk to the chip", "the PN532 gives no status")
        if answer[0] & STATUS_BITS:
            raise ChipLost("talk to the chip", f"it left the field (PN532 status {answer[0] & STATUS_BITS:02X})")
        return answer[1:], bool(answer[0] & MORE_FOLLOWS)

    async def _look_for_chip(self) -> Target | None:
        """One look for a chip of each type."""
        for looking, parse in ((LIST_TYPE_A, parse_target_a), (LIST_TYPE_B, parse_target_b)):
            answer = await self._ask(Command.IN_LIST_PASSIVE_TARGET, looking, ACTIVATION_WITHIN_S)
            try:
                target = parse(answer)
            except MalformedData as error:
                raise DeviceError(error.doing, error.problem) from None
            if target is not None and target.iso_dep:
                return target
        return None

    async def _make_ready(self) -> None:
        """Set the PN532 up unless that was done since the port was opened."""
        if not self._link.connected:
            self._answering = False
            raise DeviceError("use the chip reader", f"{self._link.name} is lost")
        generation = self._link.generation
        if self._ready_generation == generation and self._answering:
            return
        self._target = None
        await self._find_speed()
        await self._check_identity()
        await self._ask(Command.SET_PARAMETERS, AUTOMATIC_RATS)
        await self._ask(Command.RF_CONFIGURATION, FEW_TRIES)
        await self._raise_speed()
        self._ready_generation = generation
        self._answering = True

    async def _find_speed(self) -> None:
        """Wake it at the port's speed; a controller that restarted may find it at the fast one.

        One that missed the acknowledgement of a new speed takes it into use at our next one, which is how each look but the first
        begins: so the first speed is tried again.
        """
        slow, fast = self._link.settings.baud, self._config.fast_baud
        speeds = (slow,) if fast is None or fast == slow else (slow, fast, slow)
        for place, baud in enumerate(speeds, 1):
            await self._link.set_baud(baud)
            self._link.write(WAKE_UP)
            await self._link.rest(SWITCH_ON_S)
            try:
                await self._ask(Command.SAM_CONFIGURATION, SAM_NORMAL)
                return
            except DeviceError:
                if place == len(speeds):
                    raise

    async def _check_identity(self) -> None:
        """It must be a PN532, and of the configured firmware where one is configured (L13)."""
        try:
            self.firmware = parse_firmware(await self._ask(Command.GET_FIRMWARE_VERSION))
        except MalformedData as error:
            raise DeviceError(error.doing, error.problem) from None
        if self.firmware.chip != PN532:
            raise DeviceError("check the chip reader", f"it calls itself PN5{self.firmware.chip:02X}, not PN532")
        wanted = self._config.firmware_version
        if wanted is not None and wanted != self.firmware.version:
            raise DeviceError("check the chip reader", f"its firmware is {self.firmware.version}, configured is {wanted}")

    async def _raise_speed(self) -> None:
        """To the fast speed, where there is one; the reader must answer at it.

        One that does not may have missed the acknowledgement, which only it can know: it is looked for once more.
        """
        fast = self._config.fast_baud
        if fast is None or fast == self._link.baud:
            return
        await self._change_speed(fast)
        try:
            await self._check_identity()
        except DeviceError:
            await self._find_speed()
            await self._change_speed(fast)
            await self._check_identity()

    async def _change_speed(self, baud: int) -> None:
        """SetSerialBaudRate: answered at the old speed, used after our acknowledgement."""
        if baud == self._link.baud:
            return
        await self._ask(Command.SET_SERIAL_BAUD_RATE, bytes((BAUD_CODES[baud],)))
        self._link.write(ACK_FRAME)
        await self._link.rest(SETTLE_S + len(ACK_FRAME) * 10 / self._link.baud)
        await self._link.set_baud(baud)
        await self._link.rest(SETTLE_S)

    async def _ask(self, command: Command, data: bytes = b"", within_s: float = COMMAND_WITHIN_S) -> bytes:
        """A command that concerns the PN532 itself; silence is a lost reader."""
        try:
            return await self._drive(exchange(command, data, within_s, self._last_answer))
        except TimeoutError:
            self._answering = False
            self._broken_off = True
            raise DeviceError("ask the PN532", "it acknowledged a command and then fell silent") from None

    async def _drive(self, dialogue: Dialogue[ValueT]) -> ValueT:
        """Carry a dialogue over the wire; note when it is broken off, so that the next one begins with an abort."""
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        self._begin()
        finished = False
        try:
            step = next(dialogue)
            while True:
                if step.send:
                    self._link.write(step.send)
                step = dialogue.send(await self._next_frame(step.within_s))
        except StopIteration as end:
            finished = True
            self.counters.answered(loop.time() - asked_at)
            return end.value  # type: ignore[no-any-return]  # StopIteration does not carry the dialogue's type
        except DeviceError:
            self.counters.unanswered += 1
            self._answering = False
            raise
        finally:
            self._broken_off = self._broken_off or not finished
            dialogue.close()

    def _begin(self) -> None:
        """Forget what came unasked, and abort what still runs (an ACK from the host, UM0701-02 §6.2.1.3)."""
        self._link.discard_input()
        self._splitter.reset()
        self._arrived.clear()
        if self._broken_off:
            self._link.write(ACK_FRAME)
            self._broken_off = False

    async def _next_frame(self, within_s: float) -> Frame | None:
        """The next frame, a BROKEN one when its data check was wrong, or None when the time is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while not self._arrived:
            data = await self._link.read(max(deadline - loop.time(), 0.0))
            if not data:
                return None
            self._splitter.last_unsound = b""
            self._arrived += [parse_frame(raw) for raw in self._splitter.receive(data)]
            if not self._arrived and self._splitter.last_unsound:
                return parse_broken(self._splitter.last_unsound)
        frame = self._arrived.pop(0)
        if frame.kind is FrameKind.DATA:
            self._last_answer = frame.payload
        return frame
