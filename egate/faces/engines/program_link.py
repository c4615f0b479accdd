"""A child process that answers requests over its standard input and output, each within its time.

The rule: whatever the program does (die, hang, flood, stop reading), `ask` ends within its limit in an answer or a DeviceError,
and then the program is gone. It sees no environment but the described one, gains no privileges, leaves no core dump, dies with
the worker, and what it writes to standard error goes nowhere, because it may hold anything.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from egate.faces.messages import Deframer
from egate.model.errors import DeviceError, MalformedData

READ_BYTES = 1 << 16
KILL_LIMIT_S = 2.0
"""A killed process is gone by then."""

OPEN_FILES = 256
"""Descriptors of a program."""

DOING = "ask the face program"

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_LIBC = "libc.so.6"
_FILTERED = "\nSeccomp:\t2"
"""proc(5): mode 2 is a filter."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a program: its command line, its whole environment, its folder, its address space."""

    command: Sequence[str]
    environment: Sequence[tuple[str, str]]
    folder: Path
    memory_bytes: int


class ProgramLink:
    """One running program; raises DeviceError when it cannot be started."""

    def __init__(self, launch: Launch, now: Callable[[], float]) -> None:
        self._now = now
        self._deframer = Deframer()
        try:
            self._process = subprocess.Popen(
                launch.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=dict(launch.environment),
                cwd=launch.folder,
                bufsize=0,
                preexec_fn=_confinement(launch.memory_bytes),  # noqa: PLW1509 - the worker has one thread
            )
        except (OSError, subprocess.SubprocessError) as error:
            words = getattr(error, "strerror", None) or "its limits could not be set"
            raise DeviceError("start the face program", f"{Path(launch.command[0]).name}: {words}") from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)

    def ask(self, request: bytes, limit_s: float) -> bytes:
        """Send a framed request and take one answer's body; raises DeviceError, and the program is gone then."""
        until = self._now() + limit_s
        try:
            self._send(memoryview(request), until)
            return self._receive(until)
        except MalformedData as error:
            self.close()
            raise DeviceError(DOING, error.problem) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the program; never raises. In a confined process only its pipes are closed: it dies with that process."""
        if not confined_here() and self._process.poll() is None:
            with contextlib.suppress(OSError):
                self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(KILL_LIMIT_S)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _send(self, rest: memoryview, until: float) -> None:
        """Write all of a request; a program that talks meanwhile, or ended, is noticed instead of waited for."""
        while rest:
            readable, writable, _ = select.select([self._from], [self._to], [], self._left(until))
            if readable and self._take():
                raise DeviceError(DOING, "it answered before it was asked")
            if writable:
                try:
                    rest = rest[os.write(self._to, rest) :]
                except BlockingIOError:
                    continue
                except OSError:
                    raise DeviceError(DOING, self._farewell()) from None

    def _receive(self, until: float) -> bytes:
        while True:
            if not select.select([self._from], [], [], self._left(until))[0]:
                continue
            bodies = self._take()
            if len(bodies) > 1:
                raise DeviceError(DOING, "it answered more than it was asked")
            if bodies:
                return bodies[0]

    def _take(self) -> list[bytes]:
        data = os.read(self._from, READ_BYTES)
        if not data:
            raise DeviceError(DOING, self._farewell())
        return self._deframer.feed(data)

    def _left(self, until: float) -> float:
        left = until - self._now()
        if left <= 0:
            raise DeviceError(DOING, "it did not answer in time")
        return left

    def _farewell(self) -> str:
        """How the program ended, as far as it tells within the time that a killed one takes."""
        with contextlib.suppress(subprocess.TimeoutExpired, OSError):  # a confined process may not ask
            status = self._process.wait(KILL_LIMIT_S)
            if status < 0:
                return f"it was ended by {signal.Signals(-status).name}"
            return f"it ended with status {status}"
        return "it closed its pipe"


def confined_here() -> bool:
    """Whether this process has a filter on its system calls: then it may start nothing and send nobody a signal."""
    status = Path("/proc/self/status").read_text("ascii", "replace")
    return _FILTERED in status


def _confinement(memory_bytes: int) -> Callable[[], None]:
    """What the child does between fork and exec; made before, so that nothing needs to be loaded there."""
    libc = ctypes.CDLL(_LIBC, use_errno=True)

    def confine() -> None:
        for kind, wanted in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, OPEN_FILES)):
            _, hard = resource.getrlimit(kind)
            limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(kind, (limit, limit))
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)

    return confine
