"""The face worker as a program, with a decoder that hangs, grows or crashes: what a hostile image would make of a real one.

`python worker_with_a_decoder.py spin|grow|crash …`: everything but the decoder is the product's, and the limit on time is short.
"""

from __future__ import annotations

import functools
import os
import signal
import sys

from egate.app import face_worker
from egate.faces import worker
from egate.faces.confinement import confined
from egate.faces.engine import Frame

CPU_S = 0.5


def spin(image: bytes) -> Frame:
    while True:
        image = image[1:] + image[:1]


def grow(image: bytes) -> Frame:
    held = [image]
    while True:
        held.append(bytes(256 * 1024 * 1024))


def crash(image: bytes) -> Frame:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError("still here")


if __name__ == "__main__":
    worker.decode_face_image = {"spin": spin, "grow": grow, "crash": crash}[sys.argv[1]]  # type: ignore[attr-defined] # replaced on purpose
    worker.confined = functools.partial(confined, cpu_s=CPU_S)  # type: ignore[attr-defined] # a short limit, to be quick
    raise SystemExit(face_worker.main(sys.argv[2:]))
