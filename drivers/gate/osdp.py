"""A gate unit behind OSDP: two timed lock outputs, eight contacts, one task that owns the wire.

The task keeps a secure session, samples the contacts, and carries out orders between two samples, so an order never meets a
half-finished exchange even when its caller is cancelled. Rules:

- `unlock` is a timed output; time spent on repeats is taken off the lease, so a late order never holds a door longer.
- A sample carries the number of the last order acknowledged *before it was asked for* (I2).
- Silence is a lost unit within 500 ms (L2): `reports()` raises once, and a new `reports()` goes on when the unit is back.
- The unit's contacts decide what a door is; contacts that contradict each other are `DoorState.FAULT` (I8). But a door
  whose lease runs is never reported as locked: its bolt may not have moved yet, and that is no evidence (I2).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from drivers.counters import DeviceCounters
from drivers.gate.osdp_packet import CommandCode, Packet, ReplyCode, packet_splitter
from drivers.gate.osdp_protocol import (
    WAIT,
    CapabilityCode,
    ControlPanel,
    Dialogue,
    SessionLost,
    UnitIdentity,
    ValueT,
    encode_output_off,
    encode_timed_output,
    parse_capabilities,
    parse_contacts,
    parse_identity,
    parse_local_status,
)
from drivers.link import Link
from egate.model.errors import DeviceError, MalformedData
from egate.model.lane import Door, DoorState, GateReport
from egate.ports import Clock

ENTRY_LOCK, EXIT_LOCK = 0, 1  # outputs
ENTRY_CLOSED, ENTRY_LOCKED, EXIT_CLOSED, EXIT_LOCKED, PERSONS_LOW, PERSONS_HIGH, EMERGENCY = range(7)  # inputs
INPUT_COUNT, OUTPUT_COUNT = 7, 2
OUTPUT_OF = {Door.ENTRY: ENTRY_LOCK, Door.EXIT: EXIT_LOCK}

SHORTEST_PAUSE_S = 0.008  # of real time between two samples, so that a fast clock does not make a busy loop
POLL_INTERVAL_S = 0.03  # 33 samples a second; ≥ 20 are asked for, and emergency must be seen in 100 ms (I5)
REPLY_WITHIN_S = 0.1  # silence after a question; asked twice, then a handshake asked twice: lost in < 500 ms (L2)
HANDSHAKE_PAUSE_S = 0.2  # between handshakes while the unit is away
STATUS_EVERY = 4  # samples between two looks at the unit's own tamper contact
SESSIONS_FOR_ONE_QUESTION = 5  # new handshakes that one question may cost on a noisy line
START_ATTEMPTS = 3
WAITING_ERRANDS = 16  # orders that may wait for the wire
WAITING_REPORTS = 8  # samples kept for a reader that is slow; the oldest go first

_LOG = logging.getLogger("egate.drivers.gate")


@dataclass(frozen=True, slots=True)
class OsdpConfig:
    """How to reach one gate unit. `vendor` and `model`, where given, must be the unit's own (L13)."""

    key: bytes = field(repr=False)
    address: int = 1
    vendor: str | None = None
    model: int | None = None
    poll_interval_s: float = POLL_INTERVAL_S
    reply_within_s: float = REPLY_WITHIN_S


@dataclass(frozen=True, slots=True)
class _Errand:
    """One question on its way to the unit; `answer` is cancelled when the caller gave up."""

    code: CommandCode
    data: Callable[[], bytes]
    number: int
    answer: asyncio.Future[Packet]


def door_state(closed: bool, locked: bool) -> DoorState:
    """What two contacts say about a door; locked without being closed is a contradiction."""
    if locked:
        return DoorState.LOCKED if closed else DoorState.FAULT
    return DoorState.CLOSED if closed else DoorState.OPEN


def gate_report(inputs: tuple[bool, ...], tamper: bool, after_command: int) -> GateReport:
    """One sample of the contacts as a report; raises DeviceError when contacts are missing."""
    if len(inputs) < INPUT_COUNT:
        raise DeviceError("read the gate unit's contacts", f"it has {len(inputs)}, a lane needs {INPUT_COUNT}")
    return GateReport(
        after_command=after_command,
        entry=door_state(inputs[ENTRY_CLOSED], inputs[ENTRY_LOCKED]),
        exit=door_state(inputs[EXIT_CLOSED], inputs[EXIT_LOCKED]),
        persons=inputs[PERSONS_LOW] + 2 * inputs[PERSONS_HIGH],
        emergency=inputs[EMERGENCY],
        tamper=tamper,
    )


class OsdpGate:
    """Fulfils `egate.ports.GateUnit`. `entropy` gives unpredictable bytes for the secure channel."""

    def __init__(self, link: Link, config: OsdpConfig, clock: Clock, entropy: Callable[[int], bytes]) -> None:
        self.counters = DeviceCounters()
        self.identity: UnitIdentity | None = None
        self.unmasked: GateReport | None = None
        """The newest sample as the contacts stand, leased doors included: for the technician who proves that a bolt moves."""
        self._link = link
        self._config = config
        self._clock = clock
        self._panel = ControlPanel(config.address, config.key, entropy, self.counters)
        self._splitter = packet_splitter()
        self._arrived: list[bytes] = []
        self._errands: asyncio.Queue[_Errand] = asyncio.Queue(WAITING_ERRANDS)
        self._listeners: set[asyncio.Queue[GateReport | DeviceError]] = set()
        self._acknowledged = 0
        self._lease_until: dict[Door, float] = {}
        self._tamper = False
        self._turns = 0
        self._online = False
        self._task: asyncio.Task[None] | None = None

    @property
    def online(self) -> bool:
        """Whether the unit answers inside a secure session."""
        return self._online

    @property
    def broken_frames(self) -> int:
        """Frames with a wrong CRC or length so far (L11)."""
        return self._splitter.broken_frames

    async def start(self) -> None:
        """Open the port, the secure channel, and check who answers; raises DeviceError."""
        if self._task is not None:
            return
        await self._link.open()
        try:
            await self._open_first_session()
        except BaseException:
            await self._link.close()
            raise
        self._online = True
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Stop polling and release the port; leases run out at the unit. Never raises."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._online = False
        self._panel.end_session()
        self._fail_errands(DeviceError("command the gate unit", "it is closed"))
        await self._link.close()

    async def unlock(self, door: Door, lease_s: float, number: int) -> None:
        """Unlock for at most `lease_s` (0.1 to 10 s, I3); returns once acknowledged, raises DeviceError."""
        output, since = OUTPUT_OF[door], self._clock.monotonic()
        encode_timed_output(output, lease_s)

        def rest_of_lease() -> bytes:
            return encode_timed_output(output, lease_s, self._clock.monotonic() - since)

        self._lease_until[door] = max(self._lease_until.get(door, since), since + lease_s)
        await self._order(rest_of_lease, number)

    async def lock(self, door: Door, number: int) -> None:
        """End the lease of a door; returns once acknowledged, raises DeviceError."""
        off = encode_output_off(OUTPUT_OF[door])
        await self._order(lambda: off, number)
        self._lease_until.pop(door, None)

    async def output_states(self) -> tuple[bool, ...]:
        """Which outputs are on now, as the unit says: read-back for the technician; raises DeviceError."""
        answer = await self._run_errand(CommandCode.OUTPUT_STATUS, lambda: b"", 0)
        if answer.code != ReplyCode.OUTPUT_STATUS:
            raise DeviceError("read the gate unit's outputs", "it answers with something else")
        return parse_contacts(answer.data)

    async def reports(self) -> AsyncIterator[GateReport]:
        """Samples from now on, while somebody listens; raises DeviceError when the unit is lost.

        Ask again after that: a new iterator waits until the unit is back and goes on.
        """
        queue: asyncio.Queue[GateReport | DeviceError] = asyncio.Queue(WAITING_REPORTS)
        self._listeners.add(queue)
        try:
            while True:
                report = await queue.get()
                if isinstance(report, DeviceError):
                    raise report
                yield report
        finally:
            self._listeners.discard(queue)

    async def _order(self, data: Callable[[], bytes], number: int) -> None:
        """An order to an output; its acknowledgement makes later samples evidence."""
        answer = await self._run_errand(CommandCode.OUTPUT, data, number)
        if answer.code not in (ReplyCode.ACK, ReplyCode.OUTPUT_STATUS):
            raise DeviceError("command the gate unit", "it gives a strange answer")

    async def _run_errand(self, code: CommandCode, data: Callable[[], bytes], number: int) -> Packet:
        """Hand a question to the task that owns the wire and wait for its answer."""
        if self._task is None or not self._online:
            raise DeviceError("command the gate unit", "it is not there")
        answer: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        try:
            self._errands.put_nowait(_Errand(code, data, number, answer))
        except asyncio.QueueFull:
            raise DeviceError("command the gate unit", "too many orders wait for it") from None
        return await answer

    async def _run(self) -> None:
        """Own the wire: samples and errands while a session stands, handshakes while it does not."""
        while True:
            try:
                if not self._link.connected:
                    self._set_offline(DeviceError("talk to the gate unit", f"{self._link.name} is lost"))
                    await self._link.wait_connected()
                if not self._panel.secure:
                    await self._open_session()
                await self._work()
            except DeviceError as error:
                self._set_offline(error)
                await self._clock.sleep(HANDSHAKE_PAUSE_S)

    async def _work(self) -> None:
        """One turn: take a sample, then serve errands until the next sample is due."""
        loop = asyncio.get_running_loop()
        earliest = loop.time() + SHORTEST_PAUSE_S
        pause = asyncio.ensure_future(self._clock.sleep(self._config.poll_interval_s))
        try:
            if self._turns % STATUS_EVERY == 0:
                await self._look_at_unit()
                await self._serve_waiting()
            self._turns += 1
            await self._sample()
            await self._serve_waiting()
            while not pause.done() or loop.time() < earliest:
                await self._serve_until(pause, earliest - loop.time())
            pause.result()  # a clock that fails is a defect, not a pause of no length
        finally:
            pause.cancel()

    async def _serve_waiting(self) -> None:
        """Serve the errands that came while the wire was busy."""
        while not self._errands.empty():
            await self._serve(self._errands.get_nowait())

    async def _serve_until(self, pause: asyncio.Future[None], least_s: float) -> None:
        """Wait for an errand or the end of the pause; serve the errand."""
        coming = asyncio.ensure_future(self._errands.get())
        waiting: set[asyncio.Future[Any]] = {coming} if pause.done() else {coming, pause}
        try:
            await asyncio.wait(waiting, timeout=max(least_s, 0.0) if pause.done() else None, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not coming.done():
                coming.cancel()
        if coming.done() and not coming.cancelled():
            await self._serve(coming.result())

    async def _serve(self, errand: _Errand) -> None:
        """Ask the unit one caller's question; a refusal is the caller's, a lost unit is everybody's."""
        if errand.answer.done():
            return
        try:
            answer = await self._ask(errand.code, errand.data)
        except DeviceError as error:
            _settle(errand, error)
            if isinstance(error, SessionLost) or not self._panel.secure:
                raise
            return
        if errand.code == CommandCode.OUTPUT and answer.code in (ReplyCode.ACK, ReplyCode.OUTPUT_STATUS):
            self._acknowledged = max(self._acknowledged, errand.number)
        if not errand.answer.done():
            errand.answer.set_result(answer)

    async def _look_at_unit(self) -> None:
        """Let the unit say what it wants to (POLL), and read its own contacts."""
        await self._ask(CommandCode.POLL)
        await self._serve_waiting()
        status = await self._ask(CommandCode.LOCAL_STATUS)
        if status.code != ReplyCode.LOCAL_STATUS:
            raise DeviceError("read the gate unit's local status", "it answers with something else")
        try:
            self._tamper = parse_local_status(status.data).tamper
        except MalformedData as error:
            raise DeviceError(error.doing, error.problem) from None

    async def _sample(self) -> None:
        """Ask for the contacts and tell the listeners."""
        after_command = self._acknowledged
        answer = await self._ask(CommandCode.INPUT_STATUS)
        if answer.code != ReplyCode.INPUT_STATUS:
            raise DeviceError("read the gate unit's contacts", "it answers with something else")
        self.unmasked = gate_report(parse_contacts(answer.data), self._tamper, after_command)
        report = self._without_leased_locks(self.unmasked)
        self._set_online()
        for queue in self._listeners:
            _put_newest(queue, report)

    def _without_leased_locks(self, report: GateReport) -> GateReport:
        """A door that we may have unlocked and whose lease runs is closed at best."""
        now = self._clock.monotonic()
        states = {Door.ENTRY: report.entry, Door.EXIT: report.exit}
        for door, until in self._lease_until.items():
            if until > now and states[door] is DoorState.LOCKED:
                states[door] = DoorState.CLOSED
        return replace(report, entry=states[Door.ENTRY], exit=states[Door.EXIT])

    async def _ask(self, code: CommandCode, data: Callable[[], bytes] = bytes) -> Packet:
        """One question. A broken session is made anew at once and the question asked again; raises when the unit is lost.

        Questions may be asked twice: they read, or they are absolute orders.
        """
        for _ in range(SESSIONS_FOR_ONE_QUESTION):
            try:
                return await self._drive(self._panel.ask(code, data()))
            except SessionLost:
                if not self._link.connected:
                    raise
                await self._open_session()
        raise SessionLost("ask the gate unit", "the line is too noisy")

    async def _open_first_session(self) -> None:
        """A session at start; noise may cost an attempt."""
        for attempt in range(START_ATTEMPTS):
            try:
                await self._open_session()
                return
            except SessionLost:
                if attempt == START_ATTEMPTS - 1 or not self._link.connected:
                    raise

    async def _open_session(self) -> None:
        """Handshake, then ask inside the secure channel who is there and what it can do (L13)."""
        await self._drive(self._panel.handshake())
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

    def _check_unit(self, identity: UnitIdentity, offered: dict[int, int]) -> None:
        """Compare the unit with the configuration."""
        doing, config = "check the gate unit", self._config
        for word, wanted, found in (("vendor", config.vendor, identity.vendor), ("model", config.model, identity.model)):
            if wanted is not None and wanted != found:
                raise DeviceError(doing, f"its {word} is {found}, configured is {wanted}")
        if offered.get(CapabilityCode.CONTACTS, 0) < INPUT_COUNT or offered.get(CapabilityCode.OUTPUTS, 0) < OUTPUT_COUNT:
            raise DeviceError(doing, f"it must have {INPUT_COUNT} contacts and {OUTPUT_COUNT} outputs")

    async def _drive(self, dialogue: Dialogue[ValueT]) -> ValueT:
        """Carry a dialogue over the wire; when it is broken off, so is the session."""
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        try:
            outgoing = next(dialogue)
            while True:
                if outgoing != WAIT:
                    self._send(outgoing)
                outgoing = dialogue.send(await self._next_frame())
        except StopIteration as finished:
            self.counters.answered(loop.time() - asked_at)
            return finished.value  # type: ignore[no-any-return]  # StopIteration does not carry the dialogue's type
        except (SessionLost, asyncio.CancelledError):
            self._panel.end_session()
            raise
        finally:
            dialogue.close()

    def _send(self, outgoing: bytes) -> None:
        """Ask, after forgetting what came unasked (L7)."""
        self._link.discard_input()
        self._splitter.reset()
        self._arrived.clear()
        try:
            self._link.write(outgoing)
        except DeviceError as error:
            raise SessionLost(error.doing, error.problem) from None

    async def _next_frame(self) -> bytes | None:
        """The next whole frame, or None when the time for an answer is over; raises SessionLost when the port is gone."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._config.reply_within_s
        while not self._arrived:
            try:
                data = await self._link.read(max(deadline - loop.time(), 0.0))
            except DeviceError as error:
                raise SessionLost(error.doing, error.problem) from None
            if not data:
                return None
            self._arrived += self._splitter.receive(data)
        return self._arrived.pop(0)

    def _set_online(self) -> None:
        if not self._online:
            self._online = True
            _LOG.info("gate unit on %s is back", self._link.name)

    def _set_offline(self, error: DeviceError) -> None:
        """Say once that the unit is lost, to the log, to listeners and to whoever waits for an answer."""
        self._fail_errands(error)
        if not self._online:
            return
        self._online = False
        _LOG.warning("gate unit on %s lost (%s)", self._link.name, error.problem)
        for queue in self._listeners:
            _put_newest(queue, error)

    def _fail_errands(self, error: DeviceError) -> None:
        while not self._errands.empty():
            _settle(self._errands.get_nowait(), error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """The task ended: when by a defect of ours, the unit counts as lost and the defect is named (L14)."""
        if task.cancelled() or task.exception() is None:
            return
        _LOG.error("the driver of the gate unit failed", exc_info=task.exception())
        self._set_offline(DeviceError("drive the gate unit", "the driver failed"))


def _settle(errand: _Errand, error: DeviceError) -> None:
    """Tell the caller, unless it gave up."""
    if not errand.answer.done():
        errand.answer.set_exception(error)


def _put_newest(queue: asyncio.Queue[GateReport | DeviceError], item: GateReport | DeviceError) -> None:
    """Put into a bounded queue; the oldest goes when it is full."""
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(item)
