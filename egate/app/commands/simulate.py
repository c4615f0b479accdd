"""`egate simulate`: whole shifts of the lane on a virtual clock, with travellers, officers and faults from one seed.

Exit status: 0 every rule held; 1 a rule broke, which is told as seed and step; 2 it could not be run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from egate.app.clock import perf_counter_s
from egate.app.config import ConfigError
from egate.app.twin.cast.faults import PLANS
from egate.app.twin.fleet import ShiftReport, run_shift
from egate.app.twin.shift import LaneReport, ShiftPlan, run_lane
from egate.app.twin.stage.rig import GATE_KINDS
from egate.app.twin.telling import check_plan, encode_report, failure_lines, lane_line, summary_lines

HELD, BROKEN = 0, 1

EXAMPLES = """\
examples:
  egate simulate                                         one lane, one hour, some faults
  egate simulate --lanes 4 --hours 24 --seed 7           a day of four lanes
  egate simulate --faults high --report shift.json       many faults; the report can be played again
  egate simulate --seed 7 --lane 3 --until 1204          what happened in lane 3 before step 1204

exit status:
  0 every rule held, 1 a rule broke, 2 it could not be run
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate simulate`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument("--lanes", type=int, default=1, metavar="N", help="how many lanes (default 1)")
    parser.add_argument("--hours", type=float, default=1.0, metavar="H", help="how long each lane works (default 1)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="everything follows from it (default 1)")
    parser.add_argument("--faults", choices=tuple(PLANS), default="low", help="how much breaks (default low)")
    parser.add_argument("--travellers-per-hour", type=float, default=120.0, metavar="R", help="for each lane (default 120)")
    parser.add_argument("--gate", choices=GATE_KINDS, default="", help="gate unit of every lane (default: by turns)")
    parser.add_argument("--lane", type=int, default=0, metavar="K", help="run this lane of the shift alone")
    parser.add_argument("--until", type=int, default=0, metavar="STEP", help="with --lane: stop at a step and tell the way there")
    parser.add_argument("--processes", type=int, default=0, metavar="P", help="processes at once (default: one a processor)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the result as JSON; egate replay --twin FILE plays it")


def run(arguments: argparse.Namespace) -> int:
    """Run a shift; returns the exit status. Raises ConfigError for numbers that cannot be simulated."""
    numbers = [arguments.lane] if arguments.lane else list(range(1, arguments.lanes + 1))
    plans = [check_plan(_plan(arguments, number)) for number in numbers]
    if not plans:
        raise ConfigError("simulate: there is no lane")
    if arguments.until:
        return play(plans[0], arguments.until)
    began = perf_counter_s()
    report = run_shift(plans, _progress if not arguments.json else _nothing, arguments.processes or None)
    took_s = perf_counter_s() - began
    if arguments.report is not None:
        arguments.report.write_text(encode_report(report), "utf-8")
    _tell(report, took_s, as_json=arguments.json)
    return BROKEN if report.broken else HELD


def play(plan: ShiftPlan, step: int) -> int:
    """Run a lane to a step and tell how it came there; returns the exit status."""
    report = run_lane(plan, step)
    lines = failure_lines(report) if report.violation is not None else [str(line) for line in report.tail]
    lines.append(f"{report.steps} steps, {report.digest}")
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return BROKEN if report.violation is not None else HELD


def _plan(arguments: argparse.Namespace, number: int) -> ShiftPlan:
    return ShiftPlan(
        seed=arguments.seed,
        lane=number,
        hours=arguments.hours,
        faults=arguments.faults,
        travellers_per_hour=arguments.travellers_per_hour,
        gate=arguments.gate,
    )


def _tell(report: ShiftReport, took_s: float, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(encode_report(report))
        return
    lines = summary_lines(report, took_s)
    for lane in report.broken:
        lines += ["", *failure_lines(lane)]
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _progress(report: LaneReport) -> None:
    sys.stdout.write(lane_line(report) + "\n")
    sys.stdout.flush()


def _nothing(_report: LaneReport) -> None:
    """JSON is printed once, at the end."""
