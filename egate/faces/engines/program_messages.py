"""What a lane and an operator's face program say to each other: length-prefixed CBOR arrays over two pipes, version 1.

A program reads requests from its standard input and writes one answer to each to its standard output, in order. A message is a
length (four bytes, big endian) and a CBOR array: the kind, the number of the request, then the fields. No maps, no tags.

| request | answer |
|---|---|
| `["begin", n, 1]` | `["ready", n, 1, model, "vector" or "opaque", dimension, detects]` |
| `["detect", n, width, height, pixels]` | `["faces", n, [[left, top, width, height, ten coordinates, score], …]]` |
| `["embed", n, width, height, pixels, face]` | `["template", n, bytes]` |
| `["compare", n, template, template]` | `["score", n, number]` |
| any | `["refused", n, words]` |

Pixels are width × height × 3 bytes, blue, green, red, row by row. A face is the 15 numbers of a row of `faces`: its box, then
x and y of right eye, left eye, nose, right and left mouth corner (the traveller's own right), then the detector's score. A
`vector` template is `dimension` numbers as little-endian float32; an `opaque` one is any bytes up to `dimension` of them, which
the program alone compares. Larger scores are more alike.

The rule: an answer is bytes from outside. It is parsed whole or refused; nothing in it is believed because it came in order.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2

from egate.faces.engine import Box, DetectedFace, FivePoints, Frame, Point
from egate.model.errors import MalformedData

PROTOCOL_VERSION = 1
MAX_FACES = 50
"""A frame with more faces is a crowd."""

MAX_TEMPLATE_BYTES = 64 * 1024
"""The largest template that a program may give."""

MAX_WORDS = 200
"""Characters of a program's reason or model name that are taken."""

MAX_COORDINATE = 1e6
"""A place beyond is none."""

MAX_DEPTH = 4
"""Arrays inside arrays; an answer has three levels."""

_NUMBERS = 15
_LENGTH = struct.Struct(">I")
DOING = "read an answer of the face program"


@dataclass(frozen=True, slots=True)
class ProgramReady:
    """What a program says of itself: its model, whether its templates are vectors, their size, whether it finds faces."""

    model: str
    vectors: bool
    dimension: int
    detects: bool


@dataclass(frozen=True, slots=True)
class ProgramRefused:
    """The program could not do it, in its own words."""

    words: str


@dataclass(frozen=True, slots=True)
class ProgramFaces:
    """The faces of a frame."""

    faces: tuple[DetectedFace, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProgramTemplate:
    """A template's bytes."""

    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProgramScore:
    """How alike two templates are."""

    value: float


ProgramAnswer = ProgramReady | ProgramRefused | ProgramFaces | ProgramTemplate | ProgramScore


def begin_request(number: int) -> bytes:
    """The first request: which version of the protocol the lane speaks."""
    return _framed("begin", number, PROTOCOL_VERSION)


def detect_request(number: int, frame: Frame) -> bytes:
    """Find the faces of a frame."""
    return _framed("detect", number, *_pixels(frame))


def embed_request(number: int, frame: Frame, face: DetectedFace) -> bytes:
    """Make the template of one face of a frame."""
    numbers = [*face.box, *(value for point in face.points for value in point), face.score]
    return _framed("embed", number, *_pixels(frame), [float(value) for value in numbers])


def compare_request(number: int, a: bytes, b: bytes) -> bytes:
    """Compare two templates."""
    return _framed("compare", number, a, b)


def parse_program_answer(body: bytes, number: int) -> ProgramAnswer:
    """The answer to the request of that number in one message body; raises MalformedData."""
    try:
        table: Any = _KNOWN_TAGS
        fields = cbor2.loads(body, semantic_decoders=table, tag_hook=_no_tag, max_depth=MAX_DEPTH, allow_indefinite=False)
        answer = _answer(fields, number)
    except (cbor2.CBORDecodeError, ValueError, TypeError, RecursionError, OverflowError):
        raise MalformedData(DOING, "not an answer of the agreed form") from None
    if answer is None:
        raise MalformedData(DOING, "not an answer to what was asked")
    return answer


def _answer(fields: object, number: int) -> ProgramAnswer | None:
    match fields:
        case [str(), int() as told, *_] if told != number:
            return None
        case ["ready", int(), int() as version, str() as model, ("vector" | "opaque") as kind, int() as size, bool() as detects]:
            return _ready(version, model, kind, size, detects)
        case ["faces", int(), list() as rows] if len(rows) <= MAX_FACES:
            return ProgramFaces(tuple(_face(row) for row in rows))
        case ["template", int(), bytes() as content] if 0 < len(content) <= MAX_TEMPLATE_BYTES:
            return ProgramTemplate(content)
        case ["score", int(), value]:
            return ProgramScore(_real(value))
        case ["refused", int(), str() as words]:
            return ProgramRefused(_words(words))
    return None


def _ready(version: int, model: str, kind: str, size: int, detects: bool) -> ProgramReady:
    if version != PROTOCOL_VERSION or not 1 <= size <= MAX_TEMPLATE_BYTES or not model:
        raise ValueError("another version, or sizes that make no sense")
    return ProgramReady(_words(model), kind == "vector", size, detects)


def _face(row: object) -> DetectedFace:
    """Fifteen numbers: box, five points, score."""
    if not isinstance(row, list) or len(row) != _NUMBERS:
        raise TypeError("not a face")
    values = [_real(value) for value in row]
    if max(map(abs, values[:14])) > MAX_COORDINATE or values[2] <= 0 or values[3] <= 0:
        raise ValueError("a box without extent")
    points = FivePoints(*(Point(values[at], values[at + 1]) for at in range(4, 14, 2)))
    return DetectedFace(Box(*values[:4]), points, values[14])


def _pixels(frame: Frame) -> tuple[int, int, bytes]:
    return frame.shape[1], frame.shape[0], frame.tobytes()


def _framed(*fields: object) -> bytes:
    body = cbor2.dumps(list(fields))
    return _LENGTH.pack(len(body)) + body


def _words(text: str) -> str:
    """A program's words without anything that could upset a log or a screen."""
    return "".join(character if character.isprintable() else " " for character in text[:MAX_WORDS])


def _real(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("no finite number")
    return float(value)


def _no_tag(*_: object) -> object:
    raise ValueError("no tags here")


_KNOWN_TAGS = dict.fromkeys([*range(64), 100, 256, 258, 260, 261, 1004, 43000, 55799], _no_tag)
"""Every tag that cbor2 would otherwise interpret (dates, patterns, references)."""
