"""Several lanes of one shift, spread over the processors of this machine: lanes share nothing, so each runs in a process.

A lane's result depends on its plan alone, never on which process ran it or when.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from egate.app.twin.shift import LaneReport, ShiftPlan, run_lane
from egate.app.twin.stage.world import PERSONS_BY_EXIT
from egate.app.twin.uptime import Uptime


@dataclass(frozen=True, slots=True)
class ShiftReport:
    """All lanes, in the order of their numbers."""

    lanes: tuple[LaneReport, ...]

    @property
    def crossings(self) -> int:
        """Recorded crossings of all lanes."""
        return sum(lane.crossings for lane in self.lanes)

    @property
    def through(self) -> int:
        """People who left by an exit."""
        return self.counts[PERSONS_BY_EXIT]

    @property
    def simulated_s(self) -> float:
        """Simulated seconds of all lanes together."""
        return sum(lane.simulated_s for lane in self.lanes)

    @property
    def availability(self) -> float:
        """Share of the counted time of all lanes in which they were up."""
        return Uptime(sum(lane.up_s for lane in self.lanes), sum(lane.down_s for lane in self.lanes)).availability

    @property
    def counts(self) -> Counter[str]:
        """What was counted, over all lanes."""
        total: Counter[str] = Counter()
        for lane in self.lanes:
            total.update(lane.counts)
        return total

    @property
    def broken(self) -> tuple[LaneReport, ...]:
        """Lanes in which a rule broke."""
        return tuple(lane for lane in self.lanes if lane.violation is not None)


def run_shift(plans: Sequence[ShiftPlan], done: Callable[[LaneReport], None], processes: int | None = None) -> ShiftReport:
    """Run every lane; `done` is told of each as it ends. One process (or one lane) runs them here, one after the other."""
    workers = min(processes or os.cpu_count() or 1, len(plans))
    if workers <= 1:
        reports = []
        for plan in plans:
            reports.append(run_lane(plan))
            done(reports[-1])
        return ShiftReport(tuple(reports))
    found: dict[int, LaneReport] = {}
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(run_lane, plan) for plan in plans]):
            report = future.result()
            found[report.plan.lane] = report
            done(report)
    return ShiftReport(tuple(found[plan.lane] for plan in plans))
