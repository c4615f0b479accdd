"""Limits around one decoding: how much memory and how much processor time a foreign image may take.

Rule: whatever a decoder does with hostile bytes, it ends. Beyond its memory an allocation fails, which is an error like any
other; beyond its time the kernel ends the process, because a decoder in C does not listen to Python. The controller then starts
another worker and the check is aborted. Only a process that may die uses this: the worker.
"""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DECODE_MEMORY_BYTES = 768 * 1024 * 1024
"""Beyond what the process has: an image of twelve megapixels takes 560 MB as JPEG 2000."""

DECODE_CPU_S = 4.0
"""Processor time of one decoding: a portrait takes 0.02 s, the largest image that is let through 0.6 s; shorter than the
controller's own limit on a request."""


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
