"""The controller's side of the face worker: start it, ask it, outlive it.

The rule: whatever the worker does (die, hang, talk nonsense, refuse), `capture` ends in a `CaptureOutcome` within its time-out
and a few seconds, ABORTED at worst, and the next call finds a worker that works. A worker that misses its deadline is killed,
never waited for. What it says is parsed like bytes from outside. Deadlines run on the event loop's real time, because the
worker is a real process; the given clock paces restarts only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Sequence

from egate.faces.messages import (
    Abandon,
    Answer,
    Capture,
    Captured,
    Compare,
    Compared,
    Deframer,
    Done,
    MonitorCounts,
    Observe,
    Ping,
    Prepare,
    Prepared,
    Progressed,
    Ready,
    Refused,
    Request,
    encode_request,
    parse_answer,
)
from egate.faces.monitor.counts import Impostors
from egate.faces.monitor.subject import Subject
from egate.model.errors import DeviceError, EgateError, MalformedData
from egate.model.face import CaptureOutcome, CaptureProgress, CaptureState, CaptureTerms, ComparisonScore, FaceReference
from egate.ports import Clock

START_LIMIT_S = 30.0
"""From the start of the process to its first word; models load in under two seconds on a quiet machine."""

PREPARE_LIMIT_S = 8.0
"""Decode and embed a reference: 0.3 s, longer only for an image that means harm."""

CAPTURE_GRACE_S = 5.0
"""Beyond the capture's own time-out: open the camera, compare, answer."""

RECOVERY_S = 10.0
"""On top of both, once for each capture: start another worker and prepare the reference again."""

OBSERVE_LIMIT_S = 8.0
"""Compare with every cached reference: a few milliseconds, longer where an operator's program compares."""

PING_LIMIT_S = 3.0
"""A worker that is idle answers at once."""

LOOK_S = 0.1
"""To prove that a camera gives pictures again: one or two."""

FAREWELL_S = 1.0
"""A worker that is let go clears the preview and ends by itself; one that does not is killed."""

KILL_LIMIT_S = 2.0
"""A killed process is gone by then."""

RESTART_PAUSE_S = 0.5
"""Before a dead worker is started again on its own account; a request does not wait for it."""

MOST_KEPT = 32
"""References that wait for their capture: those of travellers whose documents were read ahead. The oldest is forgotten first."""

READ_BYTES = 1 << 16

ONE_ATTEMPT = CaptureTerms()

WORKER_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "1"}
"""The worker's libraries make no threads of their own: the lane computer has other work. A camera whose cable hangs keeps its
thread for one second instead of OpenCV's ten, so that it can be opened again soon."""

log = logging.getLogger(__name__)


class FaceClient:
    """One face worker, started again whenever it is needed and not there. Not for concurrent captures: a lane has one."""

    def __init__(self, command: Sequence[str], clock: Clock) -> None:
        self._command = tuple(command)
        self._clock = clock
        self._worker: _Worker | None = None
        self._starting = asyncio.Lock()
        self._restarting: asyncio.Task[None] | None = None
        self._closed = False
        self._kept: dict[int | None, _KeptReference] = {}
        self._held: _KeptReference | None = None
        self._capturing: int | None = None
        self._busy = asyncio.Lock()
        self._number = 0

    async def start(self) -> None:
        """Start the worker and wait for its first word; raises DeviceError that says what is missing."""
        self._closed = False
        await self._running()

    @property
    def online(self) -> bool:
        """Whether a worker runs and has said what it loaded."""
        return self._worker is not None and self._worker.alive

    @property
    def versions(self) -> tuple[tuple[str, str], ...]:
        """Engine and calibration of each judge, the deciding one first (G2); empty while no worker runs."""
        ready = self._worker.ready if self._worker is not None else None
        return () if ready is None else tuple(zip(ready.engines, ready.calibrations, strict=False))

    async def prepare_reference(self, reference: FaceReference, passage: int | None = None) -> bytes:
        """Send the reference ahead; returns it as JPEG for the officer, empty when it cannot be shown.

        Never raises for what the image or the worker does: the capture that follows then ends without a score, which refers.
        The reference serves one capture only: that of `passage`, where one is given, else the next; a running capture is first.
        """
        kept = _KeptReference(reference)
        if passage is None:
            self._kept.clear()
        self._kept.pop(passage, None)
        self._kept[passage] = kept
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        try:
            async with self._busy:
                return await self._prepare(kept)
        except EgateError as error:
            log.warning("the reference could not be prepared: %s", error)
            return b""

    async def capture(
        self, passage: int, timeout_s: float, progress: Callable[[CaptureProgress], None], terms: CaptureTerms = ONE_ATTEMPT
    ) -> CaptureOutcome:
        """Capture a face and compare it with the prepared reference. Always returns; ABORTED says in `detail` what failed.

        `timeout_s` is for each of the attempts.
        """
        kept = self._kept.pop(passage, None) or self._kept.pop(None, None)
        try:
            async with asyncio.timeout(terms.attempts * timeout_s + CAPTURE_GRACE_S + RECOVERY_S), self._busy:
                self._capturing = passage
                outcome = await self._capture(kept, timeout_s, progress, terms)
        except EgateError as error:
            log.warning("passage %d: the capture was aborted: %s", passage, error)
            return CaptureOutcome(CaptureState.ABORTED, detail=error.problem)
        except TimeoutError:
            log.warning("passage %d: no face worker could be started in time", passage)
            return CaptureOutcome(CaptureState.ABORTED, detail="no face worker could be started in time")
        finally:
            self._capturing = None
        if kept is not None and kept.problem and not outcome.scores and outcome.state is CaptureState.CAPTURED:
            return CaptureOutcome(outcome.state, outcome.probe, (), b"", kept.problem)
        return outcome

    async def compare(self, reference: bytes, probe: bytes) -> tuple[ComparisonScore, ...]:
        """Compare two images; no scores when a face is missing in one. Raises MalformedData or DeviceError."""
        answer = await self._ask(lambda number: Compare(number, reference, probe), 2 * PREPARE_LIMIT_S)
        if not isinstance(answer, Compared):
            raise DeviceError("compare two faces", "the face worker gave another answer")
        return answer.scores

    async def observe(self, subject: Subject) -> Impostors | None:
        """Say whose the capture was that ended last: what its probe gave against other people's references (None: nothing).

        Raises DeviceError. No worker is started for it, and whoever is next goes first.
        """
        async with self._busy:
            if not self.online:
                return None
            answer = await self._ask(lambda number: Observe(number, subject), OBSERVE_LIMIT_S)
        if not isinstance(answer, MonitorCounts):
            raise DeviceError("compare with other travellers", "the face worker gave another answer")
        return answer.counts

    async def abandon(self, passage: int | None = None) -> None:
        """Stop the capture of `passage` and forget its reference; without one, stop any and forget all. Never raises."""
        if passage is None:
            self._kept.clear()
        else:
            self._kept.pop(passage, None)
            self._kept.pop(None, None)
            if self._capturing not in (None, passage):
                return  # somebody else's capture goes on; what the worker holds is theirs
        if self.online:
            self._held = None
            with contextlib.suppress(EgateError):
                await self._ask(Abandon, PING_LIMIT_S)

    async def ping(self) -> bool:
        """Whether the worker answers; one that does not is killed."""
        try:
            return isinstance(await self._ask(Ping, PING_LIMIT_S), Done)
        except EgateError:
            return False

    async def look(self) -> None:
        """Open the camera once through the worker that runs, which keeps its models; raises DeviceError with what is missing.

        A running capture is first; nothing of what was seen is kept.
        """
        async with self._busy:
            outcome = await self._capture(None, LOOK_S, lambda _: None)
        if outcome.state is CaptureState.ABORTED:
            raise DeviceError("look through the camera", outcome.detail)

    async def close(self) -> None:
        """End the worker; never raises."""
        self._closed = True
        self._kept.clear()
        if self._restarting is not None:
            self._restarting.cancel()
            await asyncio.gather(self._restarting, return_exceptions=True)
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.let_go()

    async def _prepare(self, kept: _KeptReference) -> bytes:
        """Give a reference to the worker that runs now."""
        reference, worker = kept.reference, await self._running()
        try:
            answer = await self._ask(lambda number: Prepare(number, reference.image, reference.format), PREPARE_LIMIT_S)
        except MalformedData:
            kept.problem = "the reference image is malformed"
            raise
        except DeviceError:
            if not worker.alive:  # its decoding is the first suspect: no other worker is risked for it
                kept.problem = "decoding the reference image ended the face worker"
            raise
        if not isinstance(answer, Prepared):
            raise DeviceError("prepare the reference", "the face worker gave another answer")
        kept.number, kept.worker = answer.number, self._worker
        self._held = kept
        return answer.jpeg

    async def _capture(
        self,
        kept: _KeptReference | None,
        timeout_s: float,
        progress: Callable[[CaptureProgress], None],
        terms: CaptureTerms = ONE_ATTEMPT,
    ) -> CaptureOutcome:
        """Capture; a reference that went down with an earlier worker, or made room for another, is prepared once more first."""
        worker = await self._running()
        if kept is not None and not kept.problem and not (kept.worker is worker and self._held is kept):
            await self._prepare_again(kept)
        self._held = None
        number = kept.number if kept is not None and not kept.problem else 0
        limit_s = terms.attempts * timeout_s + CAPTURE_GRACE_S
        answer = await self._ask(lambda ask: Capture(ask, number, timeout_s, terms.attempts, terms.challenge), limit_s, progress)
        if not isinstance(answer, Captured):
            raise DeviceError("capture a face", "the face worker gave another answer")
        return answer.outcome

    async def _prepare_again(self, kept: _KeptReference) -> None:
        """Prepare a reference for another worker; where the image is to blame, that is noted and the capture goes on without."""
        try:
            await self._prepare(kept)
        except EgateError as error:
            if not kept.problem:
                raise
            log.warning("the reference cannot be used: %s", error)

    async def _ask(
        self, request: Callable[[int], Request], limit_s: float, progress: Callable[[CaptureProgress], None] | None = None
    ) -> Answer:
        """One request to a running worker; raises DeviceError when it dies or misses the limit (then it is killed)."""
        worker = await self._running()
        self._number += 1
        answer = await worker.ask(request(self._number), limit_s, progress)
        if isinstance(answer, Refused):
            raise (MalformedData if answer.malformed else DeviceError)(answer.doing, answer.problem)
        return answer

    async def _running(self) -> _Worker:
        """The worker, started now if there is none."""
        async with self._starting:
            if self._closed:
                raise DeviceError("ask the face worker", "the client is closed")
            if self._worker is None or not self._worker.alive:
                if self._worker is not None:
                    await self._worker.stop()
                self._worker = None
                self._worker = await _Worker.start(self._command, self._worker_died)
            return self._worker

    def _worker_died(self) -> None:
        """Start another one soon, so that the next traveller does not wait for it."""
        if not self._closed and (self._restarting is None or self._restarting.done()):
            self._restarting = asyncio.create_task(self._restart())

    async def _restart(self) -> None:
        await self._clock.sleep(RESTART_PAUSE_S)
        try:
            await self._running()
        except DeviceError as error:
            log.warning("the face worker could not be started again: %s", error)


class _KeptReference:
    """A reference until its capture: which worker holds it under which number, or what is wrong with it."""

    def __init__(self, reference: FaceReference) -> None:
        self.reference = reference
        self.number = 0
        self.worker: _Worker | None = None
        self.problem = ""


class _Worker:
    """One child process from its start to its death."""

    def __init__(self, process: asyncio.subprocess.Process, died: Callable[[], None]) -> None:
        self._process = process
        self._died = died
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._listeners: dict[int, Callable[[CaptureProgress], None]] = {}
        self._first: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._stopping = False
        self._reading = asyncio.create_task(self._read())
        self.alive = True
        self.ready: Ready | None = None

    @classmethod
    async def start(cls, command: Sequence[str], died: Callable[[], None]) -> _Worker:
        """Start the process and wait for its first word; raises DeviceError."""
        pipe = asyncio.subprocess.PIPE
        try:
            environment = os.environ | WORKER_ENVIRONMENT
            process = await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, start_new_session=True, env=environment
            )
        except OSError as error:
            raise DeviceError("start the face worker", error.strerror or "it cannot be started") from None
        worker = cls(process, died)
        try:
            first = await worker._within(worker._first, START_LIMIT_S)
        except BaseException:
            await worker.stop()
            raise
        if isinstance(first, Ready):
            worker.ready = first
            return worker
        await worker.stop()
        if isinstance(first, Refused):
            raise DeviceError(first.doing, first.problem)
        raise DeviceError("start the face worker", "it began with another word than agreed")

    async def ask(self, request: Request, limit_s: float, progress: Callable[[CaptureProgress], None] | None) -> Answer:
        """Send a request and wait for its answer; raises DeviceError."""
        if not self.alive or self._process.stdin is None:
            raise DeviceError("ask the face worker", "it is not running")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[request.number] = future
        if progress is not None:
            self._listeners[request.number] = progress
        try:
            self._process.stdin.write(encode_request(request))
            return await self._within(future, limit_s)
        except asyncio.CancelledError:
            self._withdraw(request)
            raise
        finally:
            self._waiting.pop(request.number, None)
            self._listeners.pop(request.number, None)

    async def let_go(self) -> None:
        """Close its pipe, so that it wipes the last traveller's preview on its way out, then see that it is gone."""
        self._stopping = True
        if self.alive and self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), FAREWELL_S)
        await self.stop()

    async def stop(self) -> None:
        """Kill the process and wait until it is gone."""
        self._stopping = True
        self._kill()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._bury()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), KILL_LIMIT_S)
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _withdraw(self, request: Request) -> None:
        """Whoever asked does not wait any more: a capture under way stops, and nobody's face stays."""
        if self.alive and isinstance(request, Capture) and self._process.stdin is not None:
            self._process.stdin.write(encode_request(Abandon(0)))

    async def _within(self, future: asyncio.Future[Answer], limit_s: float) -> Answer:
        try:
            return await asyncio.wait_for(future, limit_s)
        except TimeoutError:
            self._kill()
            raise DeviceError("ask the face worker", f"no answer within {limit_s:g} s; it was ended") from None

    async def _read(self) -> None:
        """Deliver answers until the pipe ends or carries nonsense."""
        deframer = Deframer()
        try:
            while self._process.stdout is not None and (data := await self._process.stdout.read(READ_BYTES)):
                for body in deframer.feed(data):
                    self._deliver(parse_answer(body))
        except (MalformedData, OSError) as error:
            log.warning("the face worker talks nonsense: %s", error)
        self._kill()
        self._bury()
        if not self._stopping and self.ready is not None:
            self._died()

    def _deliver(self, answer: Answer) -> None:
        if not self._first.done():
            self._first.set_result(answer)
        elif isinstance(answer, Progressed):
            listener = self._listeners.get(answer.number)
            if listener is not None:
                listener(answer.progress)
        elif not isinstance(answer, Ready):
            future = self._waiting.get(answer.number)
            if future is not None and not future.done():
                future.set_result(answer)

    def _kill(self) -> None:
        self.alive = False
        if self._process.returncode is None:
            # Not Process.kill(): it polls first, which takes a child's end away from the event loop.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    def _bury(self) -> None:
        """Tell everybody who waits that nothing will come."""
        self.alive = False
        for future in (self._first, *self._waiting.values()):
            if not future.done():
                future.set_exception(DeviceError("ask the face worker", "it ended unexpectedly"))
                future.exception()
