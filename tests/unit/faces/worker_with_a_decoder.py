"""The face worker as a program, with a decoder or a camera that misbehaves: what a hostile image would make of a real one.

`python worker_with_a_decoder.py WHAT …`: everything but the decoder (or the camera) is the product's, and the limit on time is
short. `WHAT` is a misdeed of `MISDEEDS`, or `camera:` and one.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from egate.app import face_worker
from egate.faces import worker
from egate.faces.confinement import decode_confined
from egate.faces.engine import Frame
from egate.system_calls import NUMBERS

CPU_S = 0.5


def spin() -> None:
    while True:
        pass


def grow() -> None:
    held = []
    while True:
        held.append(bytes(256 * 1024 * 1024))


def write() -> None:
    Path(os.environ["PLANTED_FILE"]).write_bytes(b"taken over")


def trace() -> None:
    ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0)  # PTRACE_ATTACH


def call(name: str, *arguments: int) -> None:
    column = 0 if os.uname().machine == "x86_64" else 1
    number = NUMBERS[name][column]
    assert number is not None
    ctypes.CDLL(None).syscall(number, *arguments)


MISDEEDS: dict[str, Callable[[], object]] = {
    "spin": spin,
    "grow": grow,
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "fork": os.fork,
    "socket": socket.socket,
    "write": write,
    "append": lambda: os.open(os.environ["PLANTED_FILE"], os.O_RDWR | os.O_CREAT),
    "trace": trace,
    "kill": lambda: os.kill(os.getppid(), signal.SIGTERM),
    "ring": lambda: call("io_uring_setup", 1, 0),
    "memory_file": lambda: call("memfd_create", 0, 0),
}


def decoder(misdeed: Callable[[], object]) -> Callable[[bytes], Frame]:
    def decode(_image: bytes) -> Frame:
        misdeed()
        raise AssertionError("still here")

    return decode


class PlantedCamera:
    """A camera whose library was taken over: the misdeed comes with the second opening (the first is the worker's own trial)."""

    def __init__(self, misdeed: Callable[[], object]) -> None:
        self._misdeed, self._opened = misdeed, 0

    def open(self) -> None:
        self._opened += 1

    def frame(self) -> Frame:
        if self._opened > 1:
            self._misdeed()
        return np.zeros((240, 320, 3), np.uint8)

    def close(self) -> None: ...


if __name__ == "__main__":
    where, _, name = sys.argv[1].rpartition(":")
    if where == "camera":
        face_worker.make_cameras = lambda *_: PlantedCamera(MISDEEDS[name])  # replaced on purpose
    else:
        worker.decode_face_image = decoder(MISDEEDS[name])  # type: ignore[attr-defined, assignment] # replaced on purpose
        worker.decode_confined = functools.partial(decode_confined, cpu_s=CPU_S)  # type: ignore[attr-defined] # to be quick
    raise SystemExit(face_worker.main(sys.argv[2:]))
