"""A gate unit behind a framed board that a profile describes; one task owns the wire.

Like the OSDP unit it samples the contacts all the time and carries out orders between two samples. Rules:

- Only a complete profile becomes a gate unit; another is refused with the sentence that says why (I3, I14).
- `unlock` carries its time; time spent on repeats is taken off the lease, and a lease that is over is not sent any more. A board
  with one barrier keeps the time as a parameter, which is set before a release unless it is known to be set in this session.
- A door that the lane has not is locked, is never unlocked, and locking it is done at once.
- A sample carries the number of the last order acknowledged *before it was asked for* (I2). Boards of this kind seldom number
  their answers: after an unanswered question the line rests as long again, and what comes late is dropped (L7).
- Silence is a lost unit within 500 ms (L2): `reports()` raises once, and a new `reports()` goes on when the unit is back.
- A door whose lease runs is never reported as locked: its bolt may not have moved yet, and that is no evidence (I2).

Nothing on such a line is authenticated: the wire belongs inside the locked housing, and the log says so at each start (L5).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from drivers.counters import DeviceCounters
from drivers.gate.contacts import Output
from drivers.gate.framed_model import LONGEST_LEASE_S, SHORTEST_LEASE_S, FramedProfile, Framing, Question
from drivers.gate.framed_protocol import (
    Answer,
    decode_answer,
    encode_question,
    frame_splitter,
    gate_report,
    hidden_frames,
    in_words,
    signal_value,
    strange_words,
)
from drivers.gate.lamps import LAMPS, SignalLamps
from drivers.gate.listeners import ReportListeners, settle
from drivers.link import Link
from egate.model.errors import DeviceError, MalformedData
from egate.model.lane import Door, DoorState, GateReport, Signal
from egate.ports import Clock

SHORTEST_PAUSE_S = 0.008  # of real time between two samples, so that a fast clock does not make a busy loop
POLL_INTERVAL_S = 0.04  # 25 samples a second: emergency must be seen in 100 ms (I5)
LOSS_WITHIN_S = 0.45  # all attempts of one question together (L2)
AWAY_PAUSE_S = 0.2  # between attempts while the unit is away
MOST_HEARD_BYTES = 2048  # since a question, looked through again when no answer was found
WAITING_ERRANDS = 16  # orders that may wait for the wire

_LOG = logging.getLogger("egate.drivers.gate")


@dataclass(frozen=True, slots=True)
class _Errand:
    """One order on its way to the board; `answer` is cancelled when the caller gave up. `until` is when its lease ends."""

    question: Question
    until: float | None
    number: int
    answer: asyncio.Future[None]


class _Unanswered(DeviceError):
    """All attempts of one question passed in silence, or the port is gone."""


class FramedGate:
    """Fulfils `egate.ports.GateUnit` and `Indicator`. Raises DeviceError for a profile that is not complete."""

    def __init__(self, link: Link, profile: FramedProfile, address: int, clock: Clock) -> None:
        if not profile.complete or profile.answer is None:
            raise DeviceError(f"use the board {profile.title} as a gate unit", profile.reason)
        if not 0 <= address <= 255:
            raise DeviceError(f"use the board {profile.title} as a gate unit", "an address is 0 to 255")
        self.counters = DeviceCounters()
        self.late_answers = 0
        """Answers of other boards or to earlier questions, and answers of a kind that was not asked for (L7)."""
        self.unmasked: GateReport | None = None
        """The newest sample as the contacts stand, leased doors included: for the technician who proves that a bolt moves."""
        self._link = link
        self._profile = profile
        self._framing: Framing = profile.answer
        self._address = address
        self._clock = clock
        self._splitter = frame_splitter(profile.answer)
        self._arrived: list[bytes] = []
        self._heard = bytearray()
        self._rest_s = max(profile.line.answer_within_s, profile.line.pause_s)
        first_s, again_s = profile.line.pause_s + profile.line.answer_within_s, self._rest_s + profile.line.answer_within_s
        self.attempts = max(2, 1 + int((LOSS_WITHIN_S - first_s) / again_s))
        """How often a question is asked; all attempts together end in time for the loss to be seen (L2)."""
        self._sequence = 0
        self._errands: asyncio.Queue[_Errand] = asyncio.Queue(WAITING_ERRANDS)
        self._listeners = ReportListeners()
        self._acknowledged = 0
        self._lease_until: dict[Door, float] = {}
        self._limits: dict[str, int] = {}
        self._lamps = SignalLamps([output for output in LAMPS if f"{output.value}_on" in profile.orders])
        self._shows: list[asyncio.Future[None]] = []
        self._trouble = ""
        self._online = False
        self._task: asyncio.Task[None] | None = None

    @property
    def online(self) -> bool:
        """Whether the board answers."""
        return self._online

    @property
    def broken_frames(self) -> int:
        """Frames with a wrong check value or length so far (L11)."""
        return self._splitter.broken_frames

    async def start(self) -> None:
        """Open the port and see that the board answers and is what the profile says (L13); raises DeviceError."""
        if self._task is not None:
            return
        await self._link.open()
        try:
            self._check_identity(await self._poll())
            await self._set_up()
        except BaseException:
            await self._link.close()
            raise
        _LOG.warning(
            "gate board on %s: nothing on this line is authenticated; it must run in the locked housing", self._link.name
        )
        self._online = True
        self.counters.sessions += 1
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Stop polling and release the port; leases run out at the board. Never raises."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._online = False
        closed = DeviceError("command the gate board", "it is closed")
        self._fail_errands(closed)
        self._listeners.tell(closed)
        await self._link.close()

    async def unlock(self, door: Door, lease_s: float, number: int) -> None:
        """Unlock for at most `lease_s` (0.1 to 10 s, I3); returns once acknowledged, raises DeviceError."""
        if door not in self._profile.doors:
            raise DeviceError("unlock a door", f"the lane has no {door.value} door")
        order = self._profile.orders[f"unlock_{door.value}"]
        time = self._profile.orders[order.limit].time if order.limit else order.time
        if time is None or not max(SHORTEST_LEASE_S, time.unit_ms / 1000) <= lease_s <= LONGEST_LEASE_S:
            raise DeviceError("unlock a door", f"a lease of {lease_s} s cannot be ordered at this board")
        until = self._clock.monotonic() + lease_s
        self._lease_until[door] = max(self._lease_until.get(door, until), until)
        await self._order(order, until, number)

    async def lock(self, door: Door, number: int) -> None:
        """End the lease of a door; returns once acknowledged, raises DeviceError."""
        if door not in self._profile.doors:
            self._acknowledged = max(self._acknowledged, number)
            return
        await self._order(self._profile.orders[f"lock_{door.value}"], None, number)
        self._lease_until.pop(door, None)

    async def show(self, signal: Signal) -> None:
        """Show this until told otherwise; returns once acknowledged, raises DeviceError. Lamps without orders show nothing."""
        if self._task is None or not self._online:
            raise DeviceError("switch the lamps", "the gate board is not there")
        self._lamps.want(signal)
        shown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._shows.append(shown)
        await shown

    def reports(self) -> AsyncIterator[GateReport]:
        """Samples from now on, while somebody listens; raises DeviceError when the board is lost, and when we close.

        Ask again after that: a new iterator waits until the board is back and goes on.
        """
        return self._listeners.reports()

    async def _order(self, question: Question, until: float | None, number: int) -> None:
        """Hand an order to the task that owns the wire and wait for its acknowledgement."""
        if self._task is None or not self._online:
            raise DeviceError("command the gate board", "it is not there")
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            self._errands.put_nowait(_Errand(question, until, number, answer))
        except asyncio.QueueFull:
            raise DeviceError("command the gate board", "too many orders wait for it") from None
        await answer

    async def _run(self) -> None:
        """Own the wire."""
        while True:
            try:
                if not self._link.connected:
                    self._set_offline(DeviceError("talk to the gate board", f"{self._link.name} is lost"))
                    await self._link.wait_connected()
                await self._work()
            except (DeviceError, MalformedData) as error:
                self._set_offline(DeviceError(error.doing, error.problem))
                await self._clock.sleep(AWAY_PAUSE_S)

    async def _work(self) -> None:
        """One turn: take a sample, then serve errands until the next sample is due."""
        loop = asyncio.get_running_loop()
        earliest = loop.time() + SHORTEST_PAUSE_S
        pause = asyncio.ensure_future(self._clock.sleep(POLL_INTERVAL_S))
        try:
            await self._sample()
            while not self._errands.empty():
                await self._serve(self._errands.get_nowait())
            await self._switch_lamps()
            while not pause.done() or loop.time() < earliest:
                await self._serve_until(pause, earliest - loop.time())
            pause.result()  # a clock that fails is a defect, not a pause of no length
        finally:
            pause.cancel()

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
        """Give the board one order; a refusal is the caller's, a lost board is everybody's."""
        if errand.answer.done():
            return
        try:
            if errand.question.limit:
                await self._set_limit(errand)
            answer = await self._ask(errand.question, errand.until)
        except DeviceError as error:
            settle(errand.answer, error)
            if isinstance(error, _Unanswered):
                raise
            return
        if answer.kind == errand.question.refusal:
            self.counters.refused += 1
            refused = DeviceError("command the gate board", f"it refuses the order ({in_words(self._profile, answer)})")
            settle(errand.answer, refused)
            return
        self._acknowledged = max(self._acknowledged, errand.number)
        if not errand.answer.done():
            errand.answer.set_result(None)

    async def _set_limit(self, errand: _Errand) -> None:
        """Set after which time the board ends a release by itself, unless it is known to be set.

        Such boards count whole seconds from the release on. What attempts take (`LOSS_WITHIN_S`) costs none of them, or the same
        lease would set another time on each busy moment; so a door may stay open that much longer, never beyond I3's ten seconds.
        """
        name, until = errand.question.limit, errand.until
        limit = self._profile.orders[name]
        rest_s = (
            0.0 if until is None else min(until - self._clock.monotonic(), LONGEST_LEASE_S - 2 * LOSS_WITHIN_S) + LOSS_WITHIN_S
        )
        unit_ms = 0 if limit.time is None else limit.time.unit_ms
        units = int(rest_s * 1000) // unit_ms if unit_ms else 0
        if units < 1:
            raise DeviceError("unlock a door", "the lease was over before the board took the order")
        if self._limits.get(name) != units:
            await self._obtain(limit, self._clock.monotonic() + units * unit_ms / 1000 + LOSS_WITHIN_S)
            self._limits[name] = units

    async def _set_up(self) -> None:
        """What a session begins with; a board that was away may have been another, or off."""
        self._limits.clear()
        self._lamps.forget(LAMPS)
        barrier = self._profile.barrier
        for name in () if barrier is None else barrier.setup:
            await self._obtain(self._profile.orders[name], None)

    async def _obtain(self, question: Question, until: float | None) -> None:
        """An order of the driver's own; raises DeviceError when the board refuses it."""
        answer = await self._ask(question, until)
        if answer.kind == question.refusal:
            raise DeviceError("command the gate board", f"it refuses an order ({in_words(self._profile, answer)})")

    async def _switch_lamps(self) -> None:
        """Bring the lamps to what they should show, orders for doors first."""
        refused, trouble = set[Output](), None
        while (switch := self._lamps.next_switch(self._clock.monotonic(), refused)) is not None:
            output, on = switch
            try:
                await self._obtain(self._profile.orders[f"{output.value}_{'on' if on else 'off'}"], None)
            except _Unanswered:
                raise
            except DeviceError as error:
                trouble = error
                refused.add(output)
            else:
                self._lamps.switched(output, on)
            while not self._errands.empty():
                await self._serve(self._errands.get_nowait())
        self._tell_shows(trouble)

    def _tell_shows(self, trouble: DeviceError | None) -> None:
        """Whoever waits for the lamps hears how it went."""
        shows, self._shows = self._shows, []
        for shown in shows:
            if not shown.done():
                if trouble is None:
                    shown.set_result(None)
                else:
                    shown.set_exception(DeviceError("switch the lamps", trouble.problem))

    async def _sample(self) -> None:
        """Ask every poll and tell the listeners."""
        after_command = self._acknowledged
        answers = await self._poll()
        if not self._online:
            self._check_identity(answers)
            await self._set_up()
        self.unmasked = gate_report(self._profile, answers, after_command)
        report = self._without_leased_locks(self.unmasked)
        self._tell_trouble(answers)
        self._set_online()
        self._listeners.tell(report)

    async def _poll(self) -> dict[str, Answer]:
        """The newest answer of each kind that polls ask for."""
        return {poll.answer: await self._ask(poll, None) for poll in self._profile.polls.values()}

    def _check_identity(self, answers: dict[str, Answer]) -> None:
        """Compare the board with the profile (L13)."""
        signal = self._profile.signals.get("identity")
        if signal is not None and not signal_value(signal, answers):
            found = in_words(self._profile, answers[signal.answer])
            raise DeviceError("check the gate board", f"it is not the board of the profile {self._profile.name} ({found})")

    def _tell_trouble(self, answers: dict[str, Answer]) -> None:
        """One log line when a fault comes or goes, in the profile's words."""
        signal, trouble = self._profile.signals.get("fault"), ""
        if signal is not None and signal_value(signal, answers):
            trouble = f"reports a fault ({in_words(self._profile, answers[signal.answer])})"
        elif strange := strange_words(self._profile, answers):
            trouble = f"sends values without a meaning in {', '.join(strange)}"
        if (trouble == "") != (self._trouble == ""):
            _LOG.warning("gate board on %s %s", self._link.name, trouble or "reports no fault any more")
        self._trouble = trouble

    def _without_leased_locks(self, report: GateReport) -> GateReport:
        """A door that we may have unlocked and whose lease runs is closed at best."""
        now = self._clock.monotonic()
        states = {Door.ENTRY: report.entry, Door.EXIT: report.exit}
        for door, until in self._lease_until.items():
            if until > now and states[door] is DoorState.LOCKED:
                states[door] = DoorState.CLOSED
        return replace(report, entry=states[Door.ENTRY], exit=states[Door.EXIT])

    async def _ask(self, question: Question, until: float | None) -> Answer:
        """One question, repeated while it is not answered: it reads, or is an absolute order (I4)."""
        loop, within_s = asyncio.get_running_loop(), self._profile.line.answer_within_s
        asked_at = loop.time()
        for attempt in range(self.attempts):
            if attempt:
                self.counters.repeats += 1
                await self._link.rest(self._rest_s)
            elif self._profile.line.pause_s:
                await self._link.rest(self._profile.line.pause_s)
            self._send(self._encoded(question, until))
            answer = await self._answer_to(question, loop.time() + within_s)
            if answer is not None:
                self.counters.answered(loop.time() - asked_at)
                return answer
        self.counters.unanswered += 1
        raise _Unanswered("ask the gate board", "it does not answer")

    def _encoded(self, question: Question, until: float | None) -> bytes:
        """The question's bytes with what is left of the lease; raises DeviceError when less than a unit is left."""
        self._sequence = self._sequence % 255 + 1
        lease_s = 0.0 if until is None else until - self._clock.monotonic()
        if question.time is not None and lease_s * 1000 < question.time.unit_ms:
            raise DeviceError("unlock a door", "the lease was over before the board took the order")
        return encode_question(self._profile, question, self._address, lease_s=lease_s, sequence=self._sequence)

    def _send(self, outgoing: bytes) -> None:
        """Ask, after forgetting what came unasked (L7)."""
        self._link.discard_input()
        self._splitter.reset()
        self.late_answers += len(self._arrived)
        self._arrived.clear()
        self._heard.clear()
        try:
            self._link.write(outgoing)
        except DeviceError as error:
            raise _Unanswered(error.doing, error.problem) from None

    async def _answer_to(self, question: Question, deadline: float) -> Answer | None:
        """The answer that belongs to a question, None when its time is over.

        When it is, the answer may still stand behind noise that announced a length which never came.
        """
        while (frame := await self._next_frame(deadline)) is not None:
            answer = self._belonging(frame, question)
            if answer is not None:
                return answer
            self.late_answers += 1
        hidden = (self._belonging(frame, question) for frame in hidden_frames(self._framing, bytes(self._heard)))
        return next((answer for answer in hidden if answer is not None), None)

    def _belonging(self, frame: bytes, question: Question) -> Answer | None:
        """What a frame says, None when it is no answer to this question."""
        try:
            answer = decode_answer(self._profile, frame)
        except MalformedData:
            return None
        return answer if answer.kind in (question.answer, question.refusal) and self._is_ours(answer) else None

    def _is_ours(self, answer: Answer) -> bool:
        """Whether the answer is of our board and, where they are numbered, to this question."""
        return answer.address in (None, self._address) and answer.sequence in (None, self._sequence)

    async def _next_frame(self, deadline: float) -> bytes | None:
        """The next sound frame, or None when the time for an answer is over."""
        while not self._arrived:
            try:
                data = await self._link.read(max(deadline - asyncio.get_running_loop().time(), 0.0))
            except DeviceError as error:
                raise _Unanswered(error.doing, error.problem) from None
            if not data:
                return None
            self._heard += data[: max(MOST_HEARD_BYTES - len(self._heard), 0)]
            self._arrived += self._splitter.receive(data)
        return self._arrived.pop(0)

    def _set_online(self) -> None:
        if not self._online:
            self._online = True
            self.counters.sessions += 1
            _LOG.info("gate board on %s is back", self._link.name)

    def _set_offline(self, error: DeviceError) -> None:
        """Say once that the board is lost, to the log, to listeners and to whoever waits for an answer."""
        self._fail_errands(error)
        if not self._online:
            return
        self._online = False
        _LOG.warning("gate board on %s lost (%s)", self._link.name, error.problem)
        self._listeners.tell(error)

    def _fail_errands(self, error: DeviceError) -> None:
        self._tell_shows(error)
        while not self._errands.empty():
            settle(self._errands.get_nowait().answer, error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """The task ended: when by a defect of ours, the board counts as lost and the defect is named (L14)."""
        if task.cancelled() or task.exception() is None:
            return
        _LOG.error("the driver of the gate board failed", exc_info=task.exception())
        self._set_offline(DeviceError("drive the gate board", "the driver failed"))
