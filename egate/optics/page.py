"""From the picture of a page to the lines of its machine readable zone.

1. decode within limits    a foreign picture never reaches a decoder before its size is known
2. find lines              in the picture as it lies, then turned, because travellers lay pages down as they like
3. read each stack         in every form that its numbers of marks allow, in two framings where check digits do not add up
4. keep the best           the one with the fewest wrong check digits; what is wrong in it is the checks' to say

Runs in a child process (`egate.app.optics_worker`). Rule: check digits choose between readings, they never make characters up.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image

from egate.model.document import DocumentFormat
from egate.model.errors import MalformedData
from egate.mrtd.files.mrz import parse_mrz
from egate.optics.lines import Gray, TextLine, find_lines, find_stacks
from egate.optics.recogniser import Framing, LineRecogniser

MAX_PAGE_BYTES = 16 * 1024 * 1024
"""An A6 page at 400 dots an inch without compression has 11 MB."""
MAX_PAGE_PIXELS = 24_000_000
MIN_PAGE_SIDE_PX = 100
MAX_STACKS = 6
"""A page has one zone; more candidates than this are other print."""
_MARKS_OFF = 5
"""How many marks may be missing or too many, where the paper's pattern joins or splits some."""
_FRAMINGS = (Framing(1.8, 0.5), Framing(1.8, 0.62), Framing(1.2, 0.7))
"""Measured on specimens: the first reads most, the others some of the rest."""
_TURNS = (None, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE)
_SURE = 0.2
"""Print upside down is read with a confidence below a hundredth; a zone that is the right way round need not be turned."""
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF")
_DOING = "reading the picture of a page"


@dataclass(frozen=True, slots=True)
class ZoneReading:
    """The lines that were read, how many check digits are wrong in them, and how sure the least sure character is (0…1)."""

    lines: tuple[str, ...] = field(repr=False)
    wrong_check_digits: int
    confidence: float


def decode_page(picture: bytes) -> Gray:
    """The page in grey; raises MalformedData for a picture that is none, or too large."""
    if len(picture) > MAX_PAGE_BYTES:
        raise MalformedData(_DOING, f"more than {MAX_PAGE_BYTES} bytes")
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(picture), formats=_FORMATS) as opened:
            width, height = opened.size
            if min(width, height) < MIN_PAGE_SIDE_PX or width * height > MAX_PAGE_PIXELS:
                raise MalformedData(_DOING, "too small or too large")
            return np.asarray(opened.convert("L"), dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, EOFError, LookupError, MemoryError, struct.error, Image.DecompressionBombError):
        raise MalformedData(_DOING, "no JPEG, PNG, BMP or TIFF that can be decoded") from None


def read_page(page: Gray, recogniser: LineRecogniser) -> ZoneReading | None:
    """The zone of a page, None when there is none that can be read."""
    best: ZoneReading | None = None
    for turn in _TURNS:
        turned = page if turn is None else cv2.rotate(page, turn).astype(np.uint8)
        for stack in find_stacks(find_lines(turned))[:MAX_STACKS]:
            for reading in _readings(turned, stack, recogniser):
                if best is None or _rank(reading) < _rank(best):
                    best = reading
                if best.wrong_check_digits == 0:
                    return best
        if best is not None and best.confidence >= _SURE:
            return best  # a zone is there and lies this way round
    return best


def _rank(reading: ZoneReading) -> tuple[int, float]:
    return reading.wrong_check_digits, -reading.confidence


def _readings(page: Gray, stack: Sequence[TextLine], recogniser: LineRecogniser) -> Iterator[ZoneReading]:
    for framing in _FRAMINGS:
        for shape in (DocumentFormat.TD1, DocumentFormat.TD3, DocumentFormat.TD2):
            for start in range(len(stack) - shape.line_count + 1):
                lines = stack[start : start + shape.line_count]
                if all(abs(line.marks - shape.line_characters) <= _MARKS_OFF for line in lines):
                    yield _reading(page, lines, shape, recogniser, framing)


def _reading(
    page: Gray, lines: Sequence[TextLine], shape: DocumentFormat, recogniser: LineRecogniser, framing: Framing
) -> ZoneReading:
    read = [recogniser.read(page, line, shape.line_characters, framing) for line in lines]
    texts = tuple(line.text for line in read)
    return ZoneReading(texts, len(parse_mrz(texts).failed_check_digits), min(line.confidence for line in read))
