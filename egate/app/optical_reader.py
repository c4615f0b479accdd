"""An MRZ reader made of a source of page pictures and the child process that reads them.

Rule: what a picture does to the child (a crash, a hang, too much memory) costs that picture and a fresh child, never the lane. A
page reader gives one picture for each document; a camera gives many, so there the first whole zone counts, and the same document
counts again only after it was gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from dataclasses import dataclass, field
from typing import Any

from egate.app.optics_worker import LENGTH_BYTES
from egate.model.errors import DeviceError
from egate.ports import Clock, PageReader

PAGE_LIMIT_S = 6.0
"""A page takes half a second, an unreadable one two; the goal is 5 s (P3)."""
START_LIMIT_S = 20.0
"""Loading the network on a busy machine."""
GONE_PICTURES = 3
"""So many pictures without a zone mean that the document was taken away."""
_LONGEST_ANSWER = 1 << 16
_DOING = "reading a page"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PageReading:
    """What the child read: lines (none when there is no zone), how many check digits are wrong in them, or why there are none."""

    lines: tuple[str, ...] = field(repr=False)
    wrong_check_digits: int
    problem: str = ""


class PageWorker:
    """The child, started when it is needed and again when it died."""

    def __init__(self, page_limit_s: float = PAGE_LIMIT_S) -> None:
        self._limit_s = page_limit_s
        self._child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Have a child that answers; raises DeviceError that says what is missing."""
        if self._child is not None and self._child.returncode is None:
            return
        arguments = (sys.executable, "-m", "egate.app.optics_worker")
        pipe = asyncio.subprocess.PIPE
        self._child = await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe, limit=_LONGEST_ANSWER)
        answer = await self._answer(START_LIMIT_S)
        if answer.get("ready") is not True:
            await self.close()
            raise DeviceError(_DOING, str(answer.get("fatal", "the page worker does not start")))

    async def read(self, picture: bytes) -> PageReading:
        """What a picture says; a child that fails at it is replaced and the picture says nothing."""
        await self.start()
        child = self._child
        if child is None or child.stdin is None:
            return PageReading((), 0)
        with contextlib.suppress(ConnectionError):
            child.stdin.write(len(picture).to_bytes(LENGTH_BYTES, "big") + picture)
            await child.stdin.drain()
        answer = await self._answer(self._limit_s)
        if not answer:
            log.warning("the page worker failed at a picture and is started again")
            await self.close()
        lines = answer.get("lines", ())
        return PageReading(tuple(str(line) for line in lines), int(answer.get("wrong", 0)), str(answer.get("problem", "")))

    async def _answer(self, within_s: float) -> dict[str, Any]:  # JSON
        """The next answer, empty when none came."""
        child = self._child
        if child is None or child.stdout is None:
            return {}
        try:
            async with asyncio.timeout(within_s):
                line = await child.stdout.readline()
            answer: dict[str, Any] = json.loads(line)  # JSON
        except (TimeoutError, ValueError):
            return {}
        return answer

    async def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None and child.returncode is None:
            child.kill()
            await child.wait()


class OpticalMrzReader:
    """Fulfils `egate.ports.MrzReader`. `continuous` sources are cameras, which give pictures all the time."""

    def __init__(self, pages: PageReader, worker: PageWorker, clock: Clock, *, continuous: bool) -> None:
        self._pages, self._worker, self._clock = pages, worker, clock
        self._continuous = continuous
        self._last: tuple[str, ...] = ()
        self._absent = 0

    async def start(self) -> None:
        """Open the source and start the child; raises DeviceError."""
        await self._pages.start()
        await self._worker.start()

    async def close(self) -> None:
        """Close both."""
        await self._worker.close()
        await self._pages.close()

    @property
    def online(self) -> bool:
        """Whether the source gives pictures."""
        return self._pages.online

    async def read_lines(self) -> tuple[str, ...]:
        """The lines of the next document; none for a page without a zone, which the traveller lays down anew."""
        while True:
            reading = await self._worker.read(await self._pages.read_page())
            if not self._continuous or self._is_news(reading):
                return reading.lines

    def _is_news(self, reading: PageReading) -> bool:
        """Whether a camera's picture shows a whole zone that was not there before."""
        if not reading.lines:
            self._absent += 1
            if self._absent >= GONE_PICTURES:
                self._last = ()
            return False
        self._absent = 0
        if reading.wrong_check_digits or reading.lines == self._last:
            return False
        self._last = reading.lines
        return True
