"""One dialogue with a chip on a thread of its own, so that its computations never hold up the loop that moves the doors (I5).

Rule: every step of the dialogue runs in the same single thread, one at a time, and every callback of it in the loop, in the order
in which it was called and before the loop learns that the step has ended. Only the loop talks to devices: a dialogue whose
reading was cancelled may finish the computation of its step, then it is closed, and nothing of it reaches the loop any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class DialogueThread:
    """The thread of one dialogue; made in the loop that carries it, and to be closed there."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "chip-dialogue")
        self._closed = False
        self._problem: Exception | None = None

    async def run(self, step: Callable[[], Result]) -> Result:
        """Run a step in the thread; raises what it raises, or what one of its callbacks raised."""
        result = await self._loop.run_in_executor(self._thread, step)
        if self._problem is not None:
            raise self._problem
        return result

    def in_loop(self, callback: Callable[Arguments, None]) -> Callable[Arguments, None]:
        """The callback in a form that the dialogue may call from its thread: it is run in the loop."""

        def call(*arguments: Arguments.args, **named: Arguments.kwargs) -> None:
            def run() -> None:
                if self._closed or self._problem is not None:
                    return
                try:
                    callback(*arguments, **named)
                except Exception as error:  # it is raised where the step is awaited
                    self._problem = error

            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                self._loop.call_soon_threadsafe(run)

        return call

    async def close(self, last: Callable[[], None]) -> None:
        """Run a last step after the one under way, without callbacks, and end the thread."""
        self._closed = True
        try:
            await self._loop.run_in_executor(self._thread, last)
        finally:
            self._thread.shutdown(wait=False)
