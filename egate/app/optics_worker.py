"""The child process that sees pages: `python -m egate.app.optics_worker`, started by the lane controller.

A request is four bytes of length and a picture on standard input; an answer is one line of JSON on standard output. Foreign
pictures are decoded here and nowhere else, under limits of memory, and of time by whoever started this; nothing of a page is kept
after its answer. Whatever a library prints goes to standard error.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import sys
from typing import BinaryIO

import cv2

from egate.model.errors import EgateError, MalformedData
from egate.optics.page import MAX_PAGE_BYTES, decode_page, read_page
from egate.optics.recogniser import LineRecogniser
from egate.system_calls import restrict, working_policy

ADDRESS_SPACE_BYTES = 3 * 1024**3
"""The network, its runtime and the largest page stay under half of it."""
NICENESS = 5
"""Below the controller, which moves doors."""
LENGTH_BYTES = 4
NO_ZONE = "no machine readable zone"
"""What is said of a picture that shows none."""
_PR_SET_NO_NEW_PRIVS, _PR_SET_DUMPABLE = 38, 4


def answer_page(picture: bytes, recogniser: LineRecogniser) -> dict[str, object]:
    """What one picture says, or why it says nothing; no error of a picture ends the process."""
    try:
        reading = read_page(decode_page(picture), recogniser)
    except MalformedData as error:
        return {"problem": error.problem}
    except (cv2.error, MemoryError, ValueError):
        return {"problem": "the picture cannot be worked on"}
    if reading is None:
        return {"problem": NO_ZONE}
    return {"lines": reading.lines, "wrong": reading.wrong_check_digits, "confidence": round(reading.confidence, 3)}


def serve(incoming: BinaryIO, outgoing: BinaryIO) -> int:
    """Answer until the other end closes; returns the exit status."""
    recogniser = LineRecogniser()
    _give_up_what_is_not_needed()
    outgoing.write(b'{"ready": true}\n')
    outgoing.flush()
    while len(head := incoming.read(LENGTH_BYTES)) == LENGTH_BYTES:
        size = int.from_bytes(head, "big")
        if size > MAX_PAGE_BYTES:
            return 1
        picture = incoming.read(size)
        if len(picture) < size:
            return 0
        outgoing.write(json.dumps(answer_page(picture, recogniser)).encode() + b"\n")
        outgoing.flush()
    return 0


def _give_up_what_is_not_needed() -> None:
    """Memory beyond the limit, core dumps, new privileges, programs, sockets, writing; what a kernel lacks leaves the rest."""
    for kind, limit in ((resource.RLIMIT_AS, ADDRESS_SPACE_BYTES), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    sys.dont_write_bytecode = True
    restrict(working_policy(os.getpid(), devices=False), all_threads=True)


def main() -> int:
    """Serve the pipe; standard output is the protocol's alone."""
    cv2.setNumThreads(1)
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        return serve(sys.stdin.buffer, outgoing)
    except EgateError as error:
        outgoing.write(json.dumps({"fatal": str(error)}).encode() + b"\n")
        outgoing.flush()
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
