"""How long the twin takes for a simulated hour of one lane, beside what N11 leaves for it.

Computing time of this process is measured, so that other work of the machine does not count.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from egate.app.twin.shift import ShiftPlan, run_lane
from tests.bench.row import BenchRow

HOURS, LANES, LIMIT_S, CORES = 24.0, 4, 600.0, 2
PER_HOUR = 110.0
MEASURED_HOURS = 0.25


def rows() -> Iterator[BenchRow]:
    """Each kind of gate unit, with the travellers of N11 and without any."""
    limit = LIMIT_S * CORES / (HOURS * LANES)
    against = f"N11: {HOURS:g} h of {LANES} lanes in {LIMIT_S:g} s on {CORES} cores"
    for gate in ("osdp", "modbus", "framed"):
        yield BenchRow(f"a simulated lane-hour, {gate}", _lane_hour_s(gate, PER_HOUR), "s", against, limit)
    yield BenchRow("a simulated lane-hour that nobody uses, osdp", _lane_hour_s("osdp", 0.01), "s", against, limit)


def _lane_hour_s(gate: str, per_hour: float) -> float:
    """Computing time of one lane-hour."""
    began = time.process_time()
    report = run_lane(ShiftPlan(11, 1, MEASURED_HOURS, "low", per_hour, gate))
    if report.violation is not None:
        raise AssertionError(report.violation.text)
    return (time.process_time() - began) / MEASURED_HOURS
