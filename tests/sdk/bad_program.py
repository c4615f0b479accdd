"""A face program that goes wrong in the way its first argument names, from the second request on (or at once, where it says so).

Its second argument, where given, is a file that it makes when it has gone wrong once; with that file it behaves. Its third, where
given, is how many requests it meets first.
"""

import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import cbor2

FACE = [10.0, 10.0, 40.0, 50.0, 20.0, 25.0, 40.0, 25.0, 30.0, 35.0, 22.0, 48.0, 38.0, 48.0, 0.9]
GOOD = struct.pack("<8f", *range(1, 9))


def send(*fields: object) -> None:
    body = cbor2.dumps(list(fields))
    write(struct.pack(">I", len(body)) + body)


def write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def twice(number: int) -> None:
    answer = cbor2.dumps(["template", number, GOOD])
    write((struct.pack(">I", len(answer)) + answer) * 2)
    signal.pause()


def tagged(number: int) -> None:
    body = b"\x83\x68template" + cbor2.dumps(number) + b"\xc1" + cbor2.dumps(1)
    write(struct.pack(">I", len(body)) + body)


WRONG: dict[str, Callable[[int], object]] = {
    "dies": lambda _: sys.exit(3),
    "crashes": lambda _: signal.raise_signal(signal.SIGKILL),
    "hangs": lambda _: signal.pause(),
    "garbage": lambda _: write(b"Traceback (most recent call last)"),
    "no_cbor": lambda _: write(struct.pack(">I", 3) + b"\xff\xff\xff"),
    "length": lambda _: write(b"\xff\xff\xff\xff"),
    "nan": lambda number: send("template", number, struct.pack("<8f", *[float("nan")] * 8)),
    "zero": lambda number: send("template", number, bytes(32)),
    "dimension": lambda number: send("template", number, GOOD + bytes(4)),
    "other_number": lambda number: send("template", number + 1, GOOD),
    "twice": twice,
    "other_kind": lambda number: send("score", number, 1.0),
    "outside": lambda number: send("faces", number, [[*FACE[:4], *(value + 5000 for value in FACE[4:14]), 0.9]]),
    "four_points": lambda number: send("faces", number, [[*FACE[:12], 0.9]]),
    "crowd": lambda number: send("faces", number, [FACE] * 51),
    "refuses": lambda number: send("refused", number, "no licence\nfor today\x1b[31m" + "!" * 1000),
    "tagged": tagged,
}


def begin(how: str, number: int) -> None:
    if how == "never_begins":
        signal.pause()
    model, version = "other" if how == "other_model" else "bad 1", 2 if how == "other_version" else 1
    send("ready", number, version, model, "opaque" if how == "opaque" else "vector", 8, True)
    if how == "stops_reading":
        signal.pause()


def answer(how: str, kind: str, number: int) -> None:
    if kind == "detect":
        send("faces", number, [FACE])
    elif kind == "embed":
        send("template", number, b"what only I read" if how == "opaque" else GOOD)
    else:
        send("score", number, 0.75)


def main() -> None:
    how = sys.argv[1]
    done = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    good = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    while header := sys.stdin.buffer.read(4):
        kind, number, *_ = cbor2.loads(sys.stdin.buffer.read(struct.unpack(">I", header)[0]))
        if kind == "begin":
            begin(how, number)
        elif how in WRONG and number > 1 + good and not (done is not None and done.exists()):
            if done is not None:
                done.touch()
            WRONG[how](number)
        else:
            answer(how, kind, number)


if __name__ == "__main__":
    main()
