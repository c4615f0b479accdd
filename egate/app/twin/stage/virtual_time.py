"""A virtual clock: an event loop whose time jumps to the next timer as soon as nothing is left to do.

The rules it keeps: nothing sleeps and nothing races. Work that the lane gives to threads runs in the loop, at the end of the time
that `work_s` says it takes, in the order in which it was given: the same world takes the same steps again. Sockets are real, and
are asked before time jumps, so a message that was sent is heard before any later timer.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextvars import Context
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

ResultT = TypeVar("ResultT")

OWN_DESCRIPTORS = 2
"""The loop's own pipe and the lane's listening socket: they say nothing unless one of our tasks connects, which adds more."""

RESOLUTION_S = 1e-9
"""Timers this close are due together; a day of seconds as a float is exact to 1e-11."""


class StandstillError(RuntimeError):
    """Nothing is ready and no timer is set: the world would wait for ever."""


class _JumpingSelector(selectors.BaseSelector):
    """Asks the kernel without waiting, and lets the time jump instead."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now = 0.0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready in the kernel; when nothing is, `timeout` has passed."""
        if timeout is not None and timeout <= 0 and len(self._real.get_map()) <= OWN_DESCRIPTORS:
            return []
        ready = self._real.select(0)
        if not ready:
            if timeout is None:
                raise StandstillError("nothing is left to happen")
            self.now += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `time()` begins at 0. Use it with `asyncio.Runner(loop_factory=VirtualLoop)`.

    `work_s` is asked how long each piece of work in a thread takes: computing, or waiting for the disk.
    """

    def __init__(self) -> None:
        self._virtual = _JumpingSelector()
        super().__init__(self._virtual)
        self._clock_resolution = RESOLUTION_S
        self.work_s: Callable[[], float] = _no_time
        self._busy_until: WeakKeyDictionary[Executor, float] = WeakKeyDictionary()

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self._virtual.now

    def run_in_executor(  # type: ignore[override]  # the base says Future or coroutine; here it is always a Future
        self, executor: Executor | None, func: Callable[..., ResultT], *args: Any
    ) -> asyncio.Future[ResultT]:
        """Run the call after its time, in this thread; calls of one executor keep their order, as in one with a single thread."""
        future: asyncio.Future[ResultT] = self.create_future()
        due = max(self.time(), self._busy_until.get(executor, 0.0)) if executor is not None else self.time()
        due += self.work_s()
        if executor is not None:
            self._busy_until[executor] = due
        self.call_at(due, self._work, future, func, args)
        return future

    def _work(self, future: asyncio.Future[ResultT], func: Callable[..., ResultT], args: tuple[Any, ...]) -> None:
        """The call, at the end of its time; what it gave to the loop comes before its result."""
        try:
            result = func(*args)
        except Exception as error:
            self.call_soon(_settle, future, cast(ResultT, None), error)
        else:
            self.call_soon(_settle, future, result, None)

    def call_soon_threadsafe(  # type: ignore[override]  # the base types the arguments one by one
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """There is one thread only: the same as `call_soon`."""
        return self.call_soon(callback, *args, context=context)


class VirtualClock:
    """`egate.ports.Clock` on the running virtual loop; the wall clock begins at `began_ns`."""

    def __init__(self, began_ns: int) -> None:
        self._began_ns = began_ns
        self._loop = asyncio.get_running_loop()

    def monotonic(self) -> float:
        """Virtual seconds."""
        return self._loop.time()

    def wall_ns(self) -> int:
        """Virtual nanoseconds since 1970-01-01 UTC."""
        return self._began_ns + int(self._loop.time() * 1e9)

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        over: asyncio.Future[None] = self._loop.create_future()
        timer = self._loop.call_later(max(seconds, 0.0), _end, over)
        try:
            await over
        finally:
            timer.cancel()


def _no_time() -> float:
    return 0.0


def _settle(future: asyncio.Future[ResultT], result: ResultT, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


def _end(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
