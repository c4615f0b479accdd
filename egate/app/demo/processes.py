"""Starts and stops the processes of a lane for the demo, so that none is left behind, whatever ends it.

A child dies with its parent even when the parent is killed (Linux parent-death signal); on an orderly end it gets SIGTERM, then
five seconds, then SIGKILL.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

STOP_WITHIN_S = 5.0
"""How long a process may take to end after SIGTERM."""

_SET_PARENT_DEATH_SIGNAL = 1


class ProcessGroup:
    """The children of one run, in the order they were started; each writes to a log file of its own."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._how: dict[str, tuple[tuple[str, ...], Mapping[str, str]]] = {}
        logs.mkdir(parents=True, exist_ok=True, mode=0o700)

    def start(self, name: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start `python -m ARGUMENTS…` as the child `name`."""
        self._how[name] = tuple(arguments), environment or {}
        path = self._logs / f"{name}.log"
        with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), "ab") as log:
            self._children[name] = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - only a C call that is safe between fork and exec
            )

    def restart(self, name: str) -> None:
        """Start a child that ended as it was started before."""
        self.start(name, *self._how[name])

    def pid(self, name: str) -> int:
        """The process number of a child."""
        return self._children[name].pid

    def status(self, name: str) -> int | None:
        """The exit status of a child, negative for a signal; None while it runs."""
        return self._children[name].poll()

    def dead(self) -> tuple[str, ...]:
        """The names of children that ended by themselves."""
        return tuple(name for name, child in self._children.items() if child.poll() is not None)

    def log_text(self, name: str) -> str:
        """The last lines that a child wrote; for the one line that explains why it ended."""
        text = (self._logs / f"{name}.log").read_text("utf-8", "replace")
        return "\n".join(text.strip().splitlines()[-3:])

    def kill(self, name: str) -> None:
        """Kill a child at once, as a crash would."""
        self._children[name].kill()
        self._children[name].wait()

    async def stop(self) -> None:
        """End every child, the newest first."""
        for name in reversed(list(self._children)):
            await asyncio.to_thread(_end, self._children.pop(name))


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
