"""Carries a chip dialogue over a reader: the dialogue says what to ask, the reader carries bytes, nobody judges.

Transport errors (`ChipLost`, `DeviceError`) end the dialogue and pass through to the caller; whatever the chip itself does wrong
is in the evidence. A chip that takes longer than the limit ends its reading with what there is by then.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

from egate.app.clock import SystemClock
from egate.app.dialogue_thread import DialogueThread
from egate.model.document import ChipEvidence, ElementaryFile, Mrz, ReadingProgress
from egate.model.errors import MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.reading import PartialReading, ReadingStopped, ReadRequest, read_chip
from egate.ports import ChipReader, Clock

READING_LIMIT_S = 30.0
"""The slowest chips of the field take some twelve seconds; one that takes longer keeps the lane busy."""

_EXPECTED_BYTES = {
    ElementaryFile.DG1: 93,
    ElementaryFile.SOD: 2_000,
    ElementaryFile.COM: 30,
    ElementaryFile.DG14: 400,
    ElementaryFile.DG15: 300,
    ElementaryFile.DG2: 15_000,
}
"""Files in the order in which they are read and their usual sizes, for the progress that the kiosk shows."""
_FURTHER_BYTES = 500
"""The usual size of a file that is not always read."""


def parse_lines(lines: tuple[str, ...]) -> Mrz | None:
    """The machine readable zone, or None when the reader did not get a whole one (upside down, wrong page)."""
    try:
        return parse_mrz(lines)
    except MalformedData:
        return None


@dataclass(frozen=True, slots=True)
class ReadingTerms:
    """How a reading is carried: on which clock, how long at most, what an earlier one left (see `read_chip`), whose entropy."""

    clock: Clock
    limit_s: float = READING_LIMIT_S
    partial: PartialReading | None = None
    entropy: Callable[[int], bytes] = secrets.token_bytes


async def gather_chip(
    reader: ChipReader, request: ReadRequest, progress: Callable[[ReadingProgress], None], terms: ReadingTerms | None = None
) -> ChipEvidence:
    """Read the chip on the reader from first command to last; keys die with the dialogue.

    Without `terms` the machine's own clock and the usual limit hold. The dialogue computes in a thread of its own; `progress` and
    the request's `on_file` are called in the loop, in order.
    """
    terms = terms or ReadingTerms(SystemClock())
    thread = DialogueThread()
    marshalled = replace(request, on_file=thread.in_loop(request.on_file))
    dialogue = read_chip(marshalled, terms.entropy, thread.in_loop(progress), terms.partial)
    times_us: list[int] = []
    try:
        evidence = await _carried(reader, _Steps(dialogue, thread), terms, times_us)
    finally:
        await thread.close(dialogue.close)
    return with_times(evidence, times_us)


async def _carried(reader: ChipReader, steps: _Steps, terms: ReadingTerms, times_us: list[int]) -> ChipEvidence:
    """Each command to the reader and its answer back, until there is evidence; the time of each exchange is added."""
    now_s = terms.clock.monotonic
    ends_s = now_s() + terms.limit_s
    step = await steps.begin()
    while not isinstance(step, ChipEvidence):
        began_s = now_s()
        if began_s > ends_s:
            step = await steps.throw(ReadingStopped(f"it took longer than {terms.limit_s:g} s"))
            continue
        response = await reader.transceive(step)
        try:
            answer = ResponseApdu.from_bytes(response)
        except MalformedData as error:  # what the chip did wrong belongs into the evidence
            step = await steps.throw(error)
        else:
            times_us.append(round((now_s() - began_s) * 1e6))
            step = await steps.send(answer)
    return step


class _Steps:
    """The steps of a dialogue in its thread; each ends with the next command or, at last, with the evidence."""

    def __init__(self, dialogue: Generator[CommandApdu, ResponseApdu, ChipEvidence], thread: DialogueThread) -> None:
        self._dialogue, self._thread = dialogue, thread

    async def begin(self) -> bytes | ChipEvidence:
        return await self._next(lambda: next(self._dialogue))

    async def send(self, answer: ResponseApdu) -> bytes | ChipEvidence:
        return await self._next(lambda: self._dialogue.send(answer))

    async def throw(self, error: Exception) -> bytes | ChipEvidence:
        return await self._next(lambda: self._dialogue.throw(error))

    async def _next(self, work: Callable[[], CommandApdu]) -> bytes | ChipEvidence:
        def step() -> bytes | ChipEvidence:
            try:
                return work().to_bytes()
            except StopIteration as done:
                evidence: ChipEvidence = done.value
                return evidence

        return await self._thread.run(step)


def with_times(evidence: ChipEvidence, times_us: Sequence[int]) -> ChipEvidence:
    """The evidence with the time of each exchange; one for each line of its transcript."""
    timed = (replace(exchange, took_us=took) for exchange, took in zip(evidence.transcript, times_us, strict=True))
    return replace(evidence, transcript=tuple(timed))


class ReadingShare:
    """How much of a reading is done, from 0 to 1, in bytes of all files against what is to be expected; it never goes back."""

    def __init__(self, further: Sequence[ElementaryFile] = ()) -> None:
        self._expected = dict.fromkeys(further, _FURTHER_BYTES) | _EXPECTED_BYTES
        self._order = list(_EXPECTED_BYTES)
        self._done: dict[ElementaryFile, int] = {}
        self._share = 0.0

    def take(self, value: ReadingProgress) -> float:
        """Take in a step and return the share; files that were passed over are no longer expected."""
        if value.total_bytes <= 0:
            return self._share
        self._expected[value.file] = value.total_bytes
        self._done[value.file] = min(value.done_bytes, value.total_bytes)
        if value.file in self._order:
            for passed in self._order[: self._order.index(value.file)]:
                if passed not in self._done:
                    self._expected[passed] = 0
        self._share = max(self._share, sum(self._done.values()) / sum(self._expected.values()))
        return self._share
