"""Memory for templates: out of the swap where the machine lets us, in no core dump, and zero before it is given back.

Rule: who holds templates holds them in one of these and nowhere else. Locking may be refused (RLIMIT_MEMLOCK is 8 MiB on many
machines); then `locked` says so, and the deployment must have an encrypted swap or none.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
"""One template a row."""


class TemplateBuffer:
    """`rows` × `columns` 32-bit floats, zero at first."""

    def __init__(self, rows: int, columns: int) -> None:
        size = max(mmap.PAGESIZE, rows * columns * 4)
        self._memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        for advice in (mmap.MADV_DONTDUMP, mmap.MADV_HUGEPAGE):  # large pages halve the time of a search
            with contextlib.suppress(OSError):  # a kernel without; the process has no core dumps anyway
                self._memory.madvise(advice)
        self.values: Rows = np.frombuffer(self._memory, np.float32, rows * columns).reshape(rows, columns)
        self.locked = _lock(self.values.ctypes.data, size)

    @property
    def rows(self) -> int:
        """How many rows there is room for."""
        return len(self.values)

    def wipe(self) -> None:
        """Zero everything."""
        self.values[:] = 0


def _lock(address: int, size: int) -> bool:
    return bool(ctypes.CDLL(None).mlock(ctypes.c_void_p(address), ctypes.c_size_t(size)) == 0)
