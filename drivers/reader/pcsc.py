"""A chip reader of the PC/SC kind. Fulfils `egate.ports.ChipReader`.

The calls of PC/SC block, so they run in a thread of their own, in order, and the event loop never waits.

Rules: readers and cards come and go (hot-plug): a reader that is not there is waited for, one that is pulled is a `DeviceError`,
a document that is taken away is a `ChipLost`. A call that does not come back in time is left behind, thread, connection and all,
so no late answer can be taken for the answer to a later question.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import ModuleType
from typing import Any, TypeVar

from drivers.counters import DeviceCounters
from drivers.reader.pcsc_service import PcscConfig, PcscService, load_pyscard
from egate.model.errors import ChipLost, DeviceError
from egate.ports import SHORT_RESPONSE_BYTES, Clock

CALL_WITHIN_S = 5.0  # connect, disconnect, status
BETWEEN_LOOKS_S = 0.1  # between two looks for a reader or a chip

_LOG = logging.getLogger("egate.drivers.reader")
ValueT = TypeVar("ValueT")


class _Worker:
    """A thread that carries out calls in order; a daemon, because one that hangs must not keep the program from ending."""

    def __init__(self, service: PcscService) -> None:
        self.service = service
        self._orders: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="pcsc", daemon=True).start()

    def submit(self, call: Callable[[], ValueT]) -> Future[ValueT]:
        """Order a call."""
        future: Future[ValueT] = Future()
        self._orders.put((future, call))
        return future

    def stop(self) -> None:
        """End the thread after what was ordered; the connection is left as the last thing."""
        self.submit(self.service.let_go)
        self._orders.put(None)

    def _run(self) -> None:
        while (order := self._orders.get()) is not None:
            future, call = order
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:  # the one who waits gets it, whatever it is
                future.set_exception(error)


class PcscReader:
    """One PC/SC reader; see the module's rules."""

    def __init__(self, config: PcscConfig, clock: Clock, library: ModuleType | None = None) -> None:
        self.counters = DeviceCounters()
        self._config = config
        self._clock = clock
        self._library = library if library is not None else load_pyscard()
        self._worker: _Worker | None = None
        self._wire = asyncio.Lock()

    @property
    def online(self) -> bool:
        """Whether a reader of that name was there at the last look."""
        return self._worker is not None and self._worker.service.reader != ""

    @property
    def max_response_bytes(self) -> int:
        """As configured, or as the reader said when a chip was activated."""
        largest = self._config.max_response_bytes or SHORT_RESPONSE_BYTES
        return self._worker.service.largest if self._worker is not None else largest

    @property
    def historical_bytes(self) -> bytes:
        """Historical bytes of the activated chip."""
        return self._worker.service.historical if self._worker is not None else b""

    async def start(self) -> None:
        """Reach the PC/SC service and find the reader; raises DeviceError with what is missing."""
        if self._worker is not None:
            return
        self._worker = self._new_worker()
        try:
            async with self._wire:
                if await self._call(PcscService.find_reader) == "":
                    raise DeviceError("find the PC/SC reader", await self._call(PcscService.what_is_there))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let the chip and the service go; never raises."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()

    async def wait_for_chip(self, within_s: float) -> bool:
        """Wait until a chip lies on the reader and is activated; False when none came in time.

        A reader that is not plugged in is waited for too; when the time is over without one, DeviceError.
        """
        deadline = self._clock.monotonic() + within_s
        while True:
            async with self._wire:
                if await self._call(PcscService.activate):
                    self.counters.sessions += 1
                    return True
                if self._clock.monotonic() >= deadline:
                    if not self.online:
                        raise DeviceError("wait for a chip", await self._call(PcscService.what_is_there))
                    return False
            await self._clock.sleep(BETWEEN_LOOKS_S)

    async def transceive(self, command: bytes) -> bytes:
        """Send one command APDU and return the response; raises ChipLost or DeviceError."""
        async with self._wire:
            if self._worker is not None and not self._worker.service.has_chip:
                raise ChipLost("talk to the chip", "no chip is activated")
            loop = asyncio.get_running_loop()
            asked_at = loop.time()
            try:
                response = await self._call(lambda service: service.transmit(command), self._config.apdu_within_s)
            except BaseException:
                self.counters.unanswered += 1
                raise
            self.counters.answered(loop.time() - asked_at)
            return response

    async def present(self) -> bool:
        """Whether the activated chip is still there; asks the service, not the chip."""
        async with self._wire:
            return self._worker is not None and await self._call(PcscService.card_is_there)

    async def release(self) -> None:
        """Switch the chip off; a reader that was pulled has none."""
        async with self._wire:
            if self._worker is not None:
                await self._call(PcscService.disconnect)

    async def _call(self, call: Callable[[PcscService], ValueT], within_s: float = CALL_WITHIN_S) -> ValueT:
        """Run a blocking call in the driver's thread; one that is not waited for any more is left behind."""
        worker = self._worker
        if worker is None:
            raise DeviceError("use the PC/SC reader", "it is not started")
        future = worker.submit(lambda: call(worker.service))
        try:
            async with asyncio.timeout(within_s):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise ChipLost("talk to the chip", f"the reader did not answer within {within_s} s") from None
        except (DeviceError, ChipLost):
            raise
        except Exception as error:  # whatever another's library raises must not take the lane with it (L14)
            self._leave_behind(worker)
            raise DeviceError(
                "use the PC/SC reader", f"its library failed ({type(error).__name__}); it is tried again"
            ) from error
        finally:
            if not future.done() or future.cancelled():
                self._leave_behind(worker)

    def _leave_behind(self, worker: _Worker) -> None:
        """Go on with a new thread and a new connection."""
        _LOG.warning("the PC/SC reader was left in the middle of a call")
        worker.stop()
        if self._worker is worker:
            self._worker = self._new_worker()

    def _new_worker(self) -> _Worker:
        return _Worker(PcscService(self._library, self._config))
