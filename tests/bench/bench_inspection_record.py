"""What the inspection record costs a lane, against checking the same document, which is the work it tells of."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from egate.app.clock import perf_counter_s
from egate.app.lane_inspection import pack, unpack
from egate.checks.decide import decide
from egate.inspection.building import Circumstances, Inspected, record_inspection
from egate.inspection.guideline import encode_guideline
from egate.inspection.logging_profile import LoggingProfile
from egate.inspection.record import Place
from egate.inspection.rejudging import judge_again, recorded_profile
from egate.model.checks import DecisionPoint
from tests.bench.row import BenchRow
from tests.unit.inspection.inspection_bench import BEGAN_NS, TODAY, case

ROUNDS = 30


def median_ms(work: Callable[[], object]) -> float:
    """The median of a few runs, in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        began = perf_counter_s()
        work()
        times.append((perf_counter_s() - began) * 1000)
    return statistics.median(times)


def rows() -> list[BenchRow]:
    """Making and packing a record of each kind, reading it back, telling it as the guideline does, judging it again."""
    found = case()
    facts, findings = found.facts, found.findings
    inspected = Inspected(found.mrz, facts, findings, (decide(findings, found.profile, DecisionPoint.ENTRY),))

    def packed(logging: LoggingProfile) -> bytes:
        circumstances = Circumstances("t", BEGAN_NS, BEGAN_NS, Place("lane", "1"), logging=logging)
        return pack(record_inspection(inspected, circumstances, found.profile, found.trust))

    checking = median_ms(lambda: found.findings)
    against = "checking the document"
    full = packed(LoggingProfile.FULL)
    record = unpack(full)
    profile = recorded_profile(record)
    return [
        BenchRow("record basic, made and packed", median_ms(lambda: packed(LoggingProfile.BASIC)), "ms", against, checking),
        BenchRow("record full, made and packed", median_ms(lambda: packed(LoggingProfile.FULL)), "ms", against, checking),
        BenchRow("record full, read back", median_ms(lambda: unpack(full)), "ms", against, checking),
        BenchRow("record in the guideline's structure", median_ms(lambda: encode_guideline(record)), "ms", against, checking),
        BenchRow("judged again", median_ms(lambda: judge_again(record, found.trust, profile, TODAY)), "ms", against, checking),
        BenchRow("size of a full record, packed", len(full), "bytes", "files of the chip", _chip_bytes()),
    ]


def _chip_bytes() -> int:
    evidence = case().evidence
    return sum(len(data) for data in evidence.files.values()) if evidence else 0
