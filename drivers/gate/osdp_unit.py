"""One OSDP unit on a line that it may share with others: a task that keeps its session, takes samples and carries out orders.

Rules:

- The wire carries one exchange at a time. A unit holds it for one question and the time that its answer may take, and a question
  that was not answered waits behind those of the other units before it is repeated; a unit that is away is tried with one short
  question and growing pauses. So one that is silent or babbles costs the others a part of a turn and never their deadlines (L3).
- Orders are carried out between two samples, so an order never meets a half-finished exchange even when its caller is cancelled.
- A session that broke is made anew at once and the question asked again: it reads, or it is an absolute order.
- Plaintext, a default or another key, another make than configured: the unit is lost, with the reason, and stays so (L5, L13).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from drivers.counters import DeviceCounters
from drivers.gate.listeners import settle
from drivers.gate.osdp_lamps import SIGNAL_REFRESH_S, encode_buzzer, encode_lamps
from drivers.gate.osdp_layout import UnitPlate
from drivers.gate.osdp_packet import CommandCode, Packet, ReplyCode, packet_splitter
from drivers.gate.osdp_protocol import (
    REPEATS,
    WAIT,
    CapabilityCode,
    ControlPanel,
    Dialogue,
    SessionLost,
    UnitIdentity,
    UnitRefused,
    ValueT,
    parse_capabilities,
    parse_contacts,
    parse_identity,
    parse_local_status,
)
from drivers.link import Link
from egate.model.errors import DeviceError, MalformedData
from egate.model.lane import Signal
from egate.ports import Clock

SHORTEST_PAUSE_S = 0.008  # of real time between two samples, so that a fast clock does not make a busy loop
HANDSHAKE_PAUSE_S = 0.2  # between handshakes while the unit is away
LONGEST_PAUSE_S = 0.6  # the same beside other units: back within 1 s of the repair (L2)
BESIDE_OTHERS_S = 0.05  # that a unit may think on a shared line, beside the time of the bytes
ANSWER_BYTES = 128  # of a question and its answer together, generously
BITS_PER_BYTE = 10
STATUS_EVERY = 4  # samples between two looks at the unit's own tamper and power contacts
SESSIONS_FOR_ONE_QUESTION = 5  # new handshakes that one question may cost on a noisy line
START_ATTEMPTS = 3
WAITING_ERRANDS = 16  # orders that may wait for the wire

_LOG = logging.getLogger("egate.drivers.gate")


class Wire:
    """The two wires that units share: one question and its answer at a time, in the order in which they were asked for."""

    def __init__(self, link: Link, reply_within_s: float, *, shared: bool) -> None:
        self.link = link
        self.shared = shared
        line_s = ANSWER_BYTES * BITS_PER_BYTE / link.settings.baud
        self._reply_within_s = min(reply_within_s, line_s + BESIDE_OTHERS_S) if shared else reply_within_s
        self._turn = asyncio.Lock()
        self._splitter = packet_splitter()
        self._arrived: list[bytes] = []

    @property
    def broken_frames(self) -> int:
        """Frames with a wrong CRC or length so far (L11)."""
        return self._splitter.broken_frames

    async def drive(self, dialogue: Dialogue[ValueT], counters: DeviceCounters) -> ValueT:
        """Carry a dialogue; raises what it raises. What is counted as its time begins when the wire is free for it (L11)."""
        loop = asyncio.get_running_loop()
        asked_at: float | None = None
        try:
            outgoing = next(dialogue)
            while True:
                async with self._turn:
                    asked_at = loop.time() if asked_at is None else asked_at
                    self._send(outgoing)
                    deadline, outgoing = loop.time() + self._reply_within_s, WAIT
                    while outgoing == WAIT:
                        outgoing = dialogue.send(await self._next_frame(deadline))
        except StopIteration as finished:
            counters.answered(loop.time() - (loop.time() if asked_at is None else asked_at))
            return finished.value  # type: ignore[no-any-return]  # StopIteration does not carry the dialogue's type
        finally:
            dialogue.close()

    def _send(self, outgoing: bytes) -> None:
        """Ask, after forgetting what came unasked (L7)."""
        self.link.discard_input()
        self._splitter.reset()
        self._arrived.clear()
        try:
            self.link.write(outgoing)
        except DeviceError as error:
            raise SessionLost(error.doing, error.problem) from None

    async def _next_frame(self, deadline: float) -> bytes | None:
        """The next whole frame, or None when the time for an answer is over; raises SessionLost when the port is gone."""
        loop = asyncio.get_running_loop()
        while not self._arrived:
            try:
                data = await self.link.read(max(deadline - loop.time(), 0.0))
            except DeviceError as error:
                raise SessionLost(error.doing, error.problem) from None
            if not data:
                return None
            self._arrived += self._splitter.receive(data)
        return self._arrived.pop(0)


class Owner(Protocol):
    """Who puts the units of a lane together."""

    def newest_order(self) -> int:
        """The number of the newest order that any unit acknowledged."""
        ...

    def acknowledged(self, number: int) -> None:
        """A unit acknowledged an order."""
        ...

    def sampled(self, unit: OsdpUnit, inputs: tuple[bool, ...], after_command: int) -> None:
        """All inputs of a unit, asked for after that order had been acknowledged; raises DeviceError for too few."""
        ...

    def lost(self, unit: OsdpUnit, error: DeviceError) -> None:
        """A unit is away; what it said is no evidence any more. Called again when it answers but is refused."""
        ...


@dataclass(frozen=True, slots=True)
class UnitNeeds:
    """What a unit must be and have, and how often it is asked."""

    plate: UnitPlate
    inputs: int
    outputs: int
    poll_interval_s: float


@dataclass(frozen=True, slots=True)
class _Errand:
    """One question on its way to the unit; `answer` is cancelled when the caller gave up. `number` 0 is no order."""

    code: CommandCode
    data: Callable[[], bytes]
    number: int
    answer: asyncio.Future[Packet]


class OsdpUnit:
    """One unit. `start`, then let `run` go on as a task; `name` is what it is called in messages."""

    def __init__(self, needs: UnitNeeds, panel: ControlPanel, counters: DeviceCounters, wire: Wire, clock: Clock) -> None:
        self.address = needs.plate.address
        self.name = f"gate unit {self.address}" if wire.shared else "gate unit"
        self.counters = counters
        self.identity: UnitIdentity | None = None
        self.online = False
        self.tamper = False
        self.power_fault = False
        self._needs = needs
        self._panel = panel
        self._wire = wire
        self._clock = clock
        self._errands: asyncio.Queue[_Errand] = asyncio.Queue(WAITING_ERRANDS)
        self._turns = 0
        self._away = 0
        self._refused_for = ""
        self._lamps = 0
        self._has_buzzer = False
        self._signal: Signal | None = None
        self._signal_due = 0.0

    async def start(self) -> None:
        """The first session; noise may cost an attempt. Raises DeviceError."""
        for attempt in range(START_ATTEMPTS):
            try:
                await self._open_session()
                break
            except SessionLost as error:
                if attempt == START_ATTEMPTS - 1 or not self._wire.link.connected:
                    raise self.named(error) from None
            except DeviceError as error:
                raise self.named(error) from None
        self.online = True

    def named(self, error: DeviceError) -> DeviceError:
        """The error, with the unit that it is about where there are several."""
        known = not self._wire.shared or self.name in str(error)
        return DeviceError(error.doing if known else f"{error.doing} at address {self.address}", error.problem)

    def stop(self, error: DeviceError) -> None:
        """Forget the session's keys, and tell whoever waits."""
        self.online = False
        self._signal = None
        self._panel.end_session()
        self.fail_errands(error)

    def fail_errands(self, error: DeviceError) -> None:
        """Tell whoever waits for an answer that none comes."""
        while not self._errands.empty():
            settle(self._errands.get_nowait().answer, error)

    async def order(self, data: Callable[[], bytes], number: int) -> None:
        """An order to an output; returns once acknowledged, raises DeviceError."""
        answer = await self._run_errand(CommandCode.OUTPUT, data, number)
        if answer.code not in (ReplyCode.ACK, ReplyCode.OUTPUT_STATUS):
            raise DeviceError(f"command the {self.name}", "it gives a strange answer")

    async def output_states(self) -> tuple[bool, ...]:
        """Which outputs are on now, as the unit says; raises DeviceError."""
        answer = await self._run_errand(CommandCode.OUTPUT_STATUS, bytes, 0)
        if answer.code != ReplyCode.OUTPUT_STATUS:
            raise DeviceError(f"read the {self.name}'s outputs", "it answers with something else")
        return parse_contacts(answer.data)

    async def show(self, signal: Signal) -> None:
        """Let lamps and buzzer show a signal until told otherwise; returns once acknowledged, raises DeviceError."""
        was, self._signal = self._signal, signal
        self._signal_due = self._clock.monotonic() + SIGNAL_REFRESH_S
        if self._lamps:
            await self._run_errand(CommandCode.LAMP, lambda: encode_lamps(signal, self._lamps), 0)
        if self._has_buzzer and (signal.buzzer or was is None or was.buzzer):
            await self._run_errand(CommandCode.BUZZER, lambda: encode_buzzer(signal), 0)

    async def run(self, owner: Owner) -> None:
        """Samples and errands while a session stands, handshakes while it does not."""
        while True:
            try:
                if not self._wire.link.connected:
                    self._lose(owner, DeviceError(f"talk to the {self.name}", f"{self._wire.link.name} is lost"))
                    await self._wire.link.wait_connected()
                if not self._panel.secure:
                    await self._open_session()
                await self._work(owner)
            except DeviceError as error:
                self._lose(owner, error)
                await self._clock.sleep(self._pause_s())

    def _pause_s(self) -> float:
        """How long a unit that is away is left alone."""
        self._away += 1
        return min(HANDSHAKE_PAUSE_S * self._away, LONGEST_PAUSE_S) if self._wire.shared else HANDSHAKE_PAUSE_S

    async def _work(self, owner: Owner) -> None:
        """One turn: take a sample, then serve errands until the next sample is due."""
        loop = asyncio.get_running_loop()
        earliest = loop.time() + SHORTEST_PAUSE_S
        pause = asyncio.ensure_future(self._clock.sleep(self._needs.poll_interval_s))
        try:
            if self._turns % STATUS_EVERY == 0:
                await self._look_at_unit(owner)
                await self._serve_waiting(owner)
            self._turns += 1
            await self._sample(owner)
            await self._serve_waiting(owner)
            await self._refresh_signal()
            while not pause.done() or loop.time() < earliest:
                await self._serve_until(pause, earliest - loop.time(), owner)
            pause.result()  # a clock that fails is a defect, not a pause of no length
        finally:
            pause.cancel()

    async def _serve_waiting(self, owner: Owner) -> None:
        """Serve the errands that came while the wire was busy."""
        while not self._errands.empty():
            await self._serve(self._errands.get_nowait(), owner)

    async def _serve_until(self, pause: asyncio.Future[None], least_s: float, owner: Owner) -> None:
        """Wait for an errand or the end of the pause; serve the errand."""
        coming = asyncio.ensure_future(self._errands.get())
        waiting: set[asyncio.Future[Any]] = {coming} if pause.done() else {coming, pause}
        try:
            await asyncio.wait(waiting, timeout=max(least_s, 0.0) if pause.done() else None, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not coming.done():
                coming.cancel()
        if coming.done() and not coming.cancelled():
            await self._serve(coming.result(), owner)

    async def _serve(self, errand: _Errand, owner: Owner) -> None:
        """Ask the unit one caller's question; a refusal is the caller's, a lost unit is everybody's."""
        if errand.answer.done():
            return
        try:
            answer = await self._ask(errand.code, errand.data)
        except DeviceError as error:
            settle(errand.answer, error)
            if isinstance(error, SessionLost) or not self._panel.secure:
                raise
            return
        except asyncio.CancelledError:
            settle(errand.answer, DeviceError(f"command the {self.name}", "it is closed"))
            raise
        if errand.code == CommandCode.OUTPUT and answer.code in (ReplyCode.ACK, ReplyCode.OUTPUT_STATUS):
            owner.acknowledged(errand.number)
        if not errand.answer.done():
            errand.answer.set_result(answer)

    async def _run_errand(self, code: CommandCode, data: Callable[[], bytes], number: int) -> Packet:
        """Hand a question to the task that talks to the unit and wait for its answer."""
        if not self.online:
            raise DeviceError(f"command the {self.name}", "it is not there")
        answer: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        try:
            self._errands.put_nowait(_Errand(code, data, number, answer))
        except asyncio.QueueFull:
            raise DeviceError(f"command the {self.name}", "too many orders wait for it") from None
        return await answer

    async def _look_at_unit(self, owner: Owner) -> None:
        """Let the unit say what it wants to (POLL), and read its own contacts."""
        await self._ask(CommandCode.POLL)
        await self._serve_waiting(owner)
        status = await self._ask(CommandCode.LOCAL_STATUS)
        if status.code != ReplyCode.LOCAL_STATUS:
            raise DeviceError(f"read the {self.name}'s local status", "it answers with something else")
        try:
            local = parse_local_status(status.data)
        except MalformedData as error:
            raise DeviceError(error.doing, error.problem) from None
        self.tamper, self.power_fault = local.tamper, local.power_fault

    async def _sample(self, owner: Owner) -> None:
        """Ask for the contacts. A unit without any is asked nothing here: the poll and its local status show that it is there."""
        after_command = owner.newest_order()
        if not self._needs.inputs:
            self._be_back()
            return
        answer = await self._ask(CommandCode.INPUT_STATUS)
        if answer.code != ReplyCode.INPUT_STATUS:
            raise DeviceError(f"read the {self.name}'s contacts", "it answers with something else")
        inputs = parse_contacts(answer.data)
        if len(inputs) < self._needs.inputs:
            raise DeviceError(f"read the {self.name}'s contacts", f"it has {len(inputs)}, a lane needs {self._needs.inputs}")
        self._be_back()
        owner.sampled(self, inputs, after_command)

    async def _refresh_signal(self) -> None:
        """Say again what lamps and buzzer show, before its time is over; a unit that refuses is not asked again."""
        signal = self._signal
        if signal is None or self._clock.monotonic() < self._signal_due:
            return
        self._signal_due = self._clock.monotonic() + SIGNAL_REFRESH_S
        try:
            if self._lamps:
                await self._ask(CommandCode.LAMP, lambda: encode_lamps(signal, self._lamps))
            if self._has_buzzer and signal.buzzer:
                await self._ask(CommandCode.BUZZER, lambda: encode_buzzer(signal))
        except SessionLost:
            raise
        except DeviceError as error:
            self._signal = None
            _LOG.warning("%s on %s shows no signal (%s)", self.name, self._wire.link.name, error.problem)

    async def _ask(self, code: CommandCode, data: Callable[[], bytes] = bytes) -> Packet:
        """One question. A broken session is made anew at once and the question asked again; raises when the unit is lost."""
        for _ in range(SESSIONS_FOR_ONE_QUESTION):
            try:
                return await self._drive(self._panel.ask(code, data()))
            except SessionLost:
                if not self._wire.link.connected:
                    raise
                await self._open_session()
        raise SessionLost(f"ask the {self.name}", "the line is too noisy")

    async def _open_session(self) -> None:
        """Handshake, then ask inside the secure channel who is there and what it can do (L13)."""
        probing = self._wire.shared and self._away > 0
        await self._drive(self._panel.handshake(0 if probing else REPEATS))
        try:
            identity = parse_identity((await self._drive(self._panel.ask(CommandCode.IDENTITY, b"\x00"))).data)
            offered = parse_capabilities((await self._drive(self._panel.ask(CommandCode.CAPABILITIES, b"\x00"))).data)
            self._check_unit(identity, offered)
        except MalformedData as error:
            self._panel.end_session()
            raise DeviceError(error.doing, error.problem) from None
        except DeviceError:
            self._panel.end_session()
            raise
        self.identity = identity
        self._lamps = min(offered.get(CapabilityCode.LAMPS, 0), 8)
        self._has_buzzer = offered.get(CapabilityCode.BUZZERS, 0) > 0
        self._signal_due = 0.0  # a unit that restarted shows nothing

    def _check_unit(self, identity: UnitIdentity, offered: dict[int, int]) -> None:
        """Compare the unit with the configuration."""
        doing, needs = f"check the {self.name}", self._needs
        plate = needs.plate
        for word, wanted, found in (("vendor", plate.vendor, identity.vendor), ("model", plate.model, identity.model)):
            if wanted is not None and wanted != found:
                raise UnitRefused(doing, f"its {word} is {found}, configured is {wanted}")
        if offered.get(CapabilityCode.CONTACTS, 0) < needs.inputs or offered.get(CapabilityCode.OUTPUTS, 0) < needs.outputs:
            raise UnitRefused(doing, f"it must have {needs.inputs} contacts and {needs.outputs} outputs")

    async def _drive(self, dialogue: Dialogue[ValueT]) -> ValueT:
        """Carry a dialogue over the wire; when it is broken off, so is the session."""
        try:
            return await self._wire.drive(dialogue, self.counters)
        except (SessionLost, asyncio.CancelledError):
            self._panel.end_session()
            raise

    def _be_back(self) -> None:
        self._away = 0
        if not self.online:
            self.online = True
            _LOG.info("%s on %s is back", self.name, self._wire.link.name)

    def _lose(self, owner: Owner, error: DeviceError) -> None:
        """Say once that the unit is lost, and once why it may not come back, to the log and to the owner (L2, L5)."""
        self.fail_errands(error)
        news = isinstance(error, UnitRefused) and error.problem != self._refused_for
        if self.online or news:
            self._refused_for = error.problem if isinstance(error, UnitRefused) else ""
            self.online = False
            _LOG.warning("%s on %s lost (%s)", self.name, self._wire.link.name, error.problem)
            owner.lost(self, self.named(error))
