"""Turns passages into log records: what may stand in the clear, and what only the centre may read.

The clear part holds stages, results, codes, versions and the officer's pseudonym. Names, document data, evidence of hits and
scores go into the sealed part, and so does the inspection record. No image is recorded, unless the lane's configuration asks for
an inspection record that keeps the files of the chip.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from egate.app.passage import Passage
from egate.lane.commands import RecordOfficerAct
from egate.model.checks import Check, Decision
from egate.model.crossing import LogRecord, RecordKind, StageTime
from egate.model.lane import Door
from egate.storage.cbor import CborValue, encode

Versions = tuple[tuple[str, str], ...]
_Answer = TypeVar("_Answer")


def finding_text(check: Check) -> str:
    """A finding as the clear header writes it: name, result and code joined by `:`."""
    return ":".join((check.name.value, check.result.word, check.code))


def crossing_record(passage: Passage, decision: Decision, versions: Versions, inspection: bytes = b"") -> LogRecord:
    """The record of a decided passage; `inspection` is its packed inspection record, which is sealed with the rest."""
    return LogRecord(
        kind=RecordKind.CROSSING,
        transaction=passage.transaction,
        outcome=decision.outcome.value,
        because=tuple(finding_text(check) for check in decision.because),
        checks=tuple(finding_text(check) for check in passage.findings()),
        stages=tuple(passage.stages),
        versions=versions,
        personal=_personal(passage, inspection),
    )


def officer_record(transaction: str, act: RecordOfficerAct, stages: tuple[StageTime, ...]) -> LogRecord:
    """The record of what an officer did and why; the officer appears by pseudonym."""
    return LogRecord(
        kind=RecordKind.OFFICER_ACT,
        transaction=transaction,
        outcome=act.action.value,
        because=(act.reason.value, *_further(act)),
        stages=stages,
        operator=act.officer,
    )


def _further(act: RecordOfficerAct) -> tuple[str, ...]:
    """What else the record says of an act: how many left together, and that it came too late to change anything (S4)."""
    together = (f"persons:{act.persons}",) if act.persons != 1 else ()
    return (*together, *(() if act.effective else ("too_late",)))


def completion_record(transaction: str, through: Door | None, stages: tuple[StageTime, ...]) -> LogRecord:
    """The record of how a passage ended physically: the door through which the traveller left."""
    return LogRecord(RecordKind.COMPLETION, transaction, through.value if through else "none", stages=stages)


def lane_event_record(event: str, versions: Versions) -> LogRecord:
    """The record of something that belongs to no passage, such as start and stop."""
    return LogRecord(RecordKind.LANE_EVENT, "", event, versions=versions)


def _personal(passage: Passage, inspection: bytes) -> bytes:
    """What only the centre may read, as CBOR; the keys ascend as its deterministic form asks (RFC 8949 §4.2.1)."""
    mrz, capture = passage.mrz, passage.capture
    content: dict[int | str, CborValue] = {
        "mrz": list(mrz.lines) if mrz else [],
        "hits": [[hit.list_name, hit.entry, hit.rule, *hit.evidence] for hit in passage.hits],
        "scores": [[s.engine, s.value, s.threshold, s.fmr_ppm] for s in (capture.scores if capture else ())],
        "details": [[check.name.value, check.detail] for check in passage.findings() if check.detail],
    }
    if inspection:
        content["inspection"] = inspection
    return encode(content)


class SingleThread:
    """Runs blocking calls one after the other in one thread, so that a slow disk never stops the doors' loop."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="log")

    async def run(self, call: Callable[[], _Answer]) -> _Answer:
        """The answer of `call`, or what it raised."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def close(self) -> None:
        """Wait for what runs, then end the thread."""
        self._pool.shutdown(wait=True)
