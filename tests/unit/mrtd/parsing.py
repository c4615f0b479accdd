"""One loop for every parser test: whole, cut at every byte, and with a tail."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from egate.model.errors import MalformedData


def parses_or_refuses(parse: Callable[[bytes], object], data: bytes, most_cuts: int = 400) -> None:
    """The whole parses; any cut and any tail gives a value or MalformedData, and nothing else.

    Long data are cut at every byte of the first `most_cuts` and at evenly spaced ones after that.
    """
    parse(data)
    step = max(1, len(data) // most_cuts)
    for size in {*range(min(len(data), most_cuts)), *range(0, len(data), step)}:
        with suppress(MalformedData):
            parse(data[:size])
    for tail in (b"\x00", b"\xff", data[:40]):
        with suppress(MalformedData):
            parse(data + tail)
