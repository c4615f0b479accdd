"""Limits around one decoding: memory, processor time and system calls that a foreign image may take.

Rule: whatever a decoder does with hostile bytes, it ends. Beyond its memory an allocation fails, which is an error like any
other; beyond its time the kernel ends the process, because a decoder in C does not listen to Python; a system call that no
decoder makes (a program, a socket, a file to write) ends it too. The controller then starts another worker; the check is aborted.
The decoding has a thread of its own, because a filter on system calls can never be taken off again: it goes with the thread.
Only a process that may die uses this: the worker, and the enrolment desk before anything is kept.
"""

from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from egate.system_calls import decoding_policy, restrict

DECODE_MEMORY_BYTES = 768 * 1024 * 1024
"""Beyond what the process has: an image of twelve megapixels takes 560 MB as JPEG 2000."""

DECODE_CPU_S = 4.0
"""Processor time of one decoding: a portrait takes 0.02 s, the largest image that is let through 0.6 s; shorter than the
controller's own limit on a request."""

ResultT = TypeVar("ResultT")


def decode_confined(
    decode: Callable[[bytes], ResultT], image: bytes, memory_bytes: int = DECODE_MEMORY_BYTES, cpu_s: float = DECODE_CPU_S
) -> ResultT:
    """What `decode` makes of an image, within every limit; raises what it raises. Called by the main thread only."""
    with confined(memory_bytes, cpu_s):
        run = _Run(decode, image)
        thread = threading.Thread(target=run, name="decoding")
        thread.start()
        thread.join()
    return run.result()


@contextmanager
def confined(memory_bytes: int = DECODE_MEMORY_BYTES, cpu_s: float = DECODE_CPU_S) -> Iterator[None]:
    """Within, the process may take `memory_bytes` more address space and `cpu_s` of processor time, or the kernel ends it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = address_space_bytes() + memory_bytes
    lowest = min(limit for limit in (wanted, soft, hard) if limit != resource.RLIM_INFINITY)
    before = signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (lowest, hard))
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, before)


def address_space_bytes() -> int:
    """The address space of this process."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize()


class _Run(Generic[ResultT]):
    """One decoding in its thread: the filter first, then the decoder; what came of it is asked for afterwards."""

    def __init__(self, decode: Callable[[bytes], ResultT], image: bytes) -> None:
        self._decode, self._image = decode, image
        self._values: list[ResultT] = []
        self._error: BaseException | None = None

    def __call__(self) -> None:
        try:
            restrict(decoding_policy(os.getpid()), all_threads=False)
            self._values.append(self._decode(self._image))
        except BaseException as error:  # raised again by whoever waits
            self._error = error

    def result(self) -> ResultT:
        """The decoder's result; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._values[0]
