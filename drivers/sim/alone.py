"""What simulators need when they are run alone: typed lines without a thread, and an end that cleans up.

Interrupt and termination cancel the program, so the cable's name never stays behind.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine

from egate.model.errors import EgateError


async def typed_lines() -> AsyncIterator[str]:
    """Lines of standard input; when it ends the iteration ends, when it is no terminal or pipe it waits for ever."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    except (OSError, ValueError):
        await loop.create_future()
        return
    try:
        while line := await reader.readline():
            yield line.decode(errors="replace")
    finally:
        transport.close()


def serve(name: str, program: Callable[[], Coroutine[object, object, None]]) -> int:
    """Run a simulator until its input ends or somebody stops it; returns the exit status, errors are one line."""

    async def stoppable() -> None:
        task = asyncio.current_task()
        if task is not None:
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            await program()
        except asyncio.CancelledError:
            return

    try:
        asyncio.run(stoppable())
    except (OSError, ValueError, EgateError) as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201 - a program for the keyboard
        return 1
    return 0
