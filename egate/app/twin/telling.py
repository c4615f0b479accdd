"""A shift's result as text for people and as JSON for programs, and back from JSON where a failure is played again.

Nothing in it is a traveller's: kinds, counts, steps and times only.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from egate.app.config import ConfigError
from egate.app.twin.cast.faults import PLANS
from egate.app.twin.fleet import ShiftReport
from egate.app.twin.shift import LaneReport, ShiftPlan
from egate.app.twin.stage.rig import GATE_KINDS

FORMAT = 1
SHORTEST_S = 1e-9
LARGEST_FILE_BYTES = 4 * 1024 * 1024
MOST_HOURS, MOST_LANES, MOST_PER_HOUR = 168.0, 64, 2000.0
"""Lists and certificates of a shift are in force for a week."""


def summary_lines(report: ShiftReport, took_s: float) -> list[str]:
    """The whole shift in a few lines."""
    steps, speed = sum(lane.steps for lane in report.lanes), report.simulated_s / max(took_s, SHORTEST_S)
    lines = [
        f"{len(report.lanes)} lanes, {report.simulated_s / 3600.0:.2f} lane-hours in {took_s:.1f} s ({speed:.0f} times)",
        f"{report.crossings} crossings recorded, {report.through} people left by the exit",
        f"availability {100 * report.availability:.3f} %, {steps} steps, {len(report.broken)} lanes broke a rule",
    ]
    for prefix in ("fault: ", "traveller: "):
        found = [
            f"{name.removeprefix(prefix)} {count}" for name, count in sorted(report.counts.items()) if name.startswith(prefix)
        ]
        if found:
            lines.append(f"{prefix.strip(': ')}s: " + ", ".join(found))
    return lines


def lane_line(report: LaneReport) -> str:
    """One lane in one line."""
    plan = report.plan
    end = "all rules held" if report.violation is None else f"step {report.violation.step}: {report.violation.text}"
    return (
        f"lane {plan.lane} ({plan.gate_kind}): {report.crossings} crossings, availability {100 * report.availability:.3f} %, "
        f"{report.steps} steps, {report.digest[:16]}: {end}"
    )


def failure_lines(report: LaneReport) -> list[str]:
    """A violation as a story, and how to see it again."""
    violation, plan = report.violation, report.plan
    if violation is None:
        return []
    again = f"egate simulate --seed {plan.seed} --lane {plan.lane} --hours {plan.hours:g} --faults {plan.faults}"
    again += f" --travellers-per-hour {plan.travellers_per_hour:g} --gate {plan.gate_kind} --until {violation.step}"
    return [
        f"VIOLATION of the rule `{violation.rule}`: seed {plan.seed}, lane {plan.lane}, step {violation.step}",
        f"  {violation.text}",
        *(f"  {line}" for line in violation.story),
        f"play it again: {again}",
    ]


def encode_report(report: ShiftReport) -> str:
    """JSON with everything, violations and their plans included."""
    lanes = [{**asdict(lane), "availability": lane.availability} for lane in report.lanes]
    whole = {
        "format": FORMAT,
        "availability": report.availability,
        "crossings": report.crossings,
        "simulated_s": report.simulated_s,
        "lanes": lanes,
    }
    return json.dumps(whole, indent=1, sort_keys=True) + "\n"


def read_failure(path: Path) -> tuple[ShiftPlan, int]:
    """The plan and the step of the first violation in a report file; raises ConfigError for a file without one."""
    try:
        data = path.read_bytes()[: LARGEST_FILE_BYTES + 1]
        whole = json.loads(data) if len(data) <= LARGEST_FILE_BYTES else None
    except (OSError, ValueError, RecursionError):
        raise ConfigError(f"{path} cannot be read as the report of a simulated shift") from None
    if not isinstance(whole, dict) or whole.get("format") != FORMAT or not isinstance(whole.get("lanes"), list):
        raise ConfigError(f"{path} is not the report of a simulated shift (egate simulate --report)")
    for lane in whole["lanes"]:
        if isinstance(lane, dict) and isinstance(lane.get("violation"), dict):
            return _plan_of(lane.get("plan"), path), _whole_number(lane["violation"].get("step"), path)
    raise ConfigError(f"{path} tells of no violation; every rule held")


def check_plan(plan: ShiftPlan) -> ShiftPlan:
    """The plan, if its numbers can be simulated; raises ConfigError."""
    problems = (
        (not 0 < plan.hours <= MOST_HOURS, f"hours are above 0 and at most {MOST_HOURS:g}"),
        (not 1 <= plan.lane <= MOST_LANES, f"lanes are 1 to {MOST_LANES}"),
        (not 0 < plan.travellers_per_hour <= MOST_PER_HOUR, f"travellers per hour are above 0 and at most {MOST_PER_HOUR:g}"),
        (plan.faults not in PLANS, f"faults are one of {', '.join(PLANS)}"),
        (plan.gate not in ("", *GATE_KINDS), f"gates are one of {', '.join(GATE_KINDS)}"),
    )
    for wrong, text in problems:
        if wrong:
            raise ConfigError(f"simulate: {text}")
    return plan


def _plan_of(found: object, path: Path) -> ShiftPlan:
    if not isinstance(found, dict):
        raise ConfigError(f"{path} holds no plan")
    try:
        return check_plan(
            ShiftPlan(
                seed=_whole_number(found.get("seed"), path),
                lane=_whole_number(found.get("lane"), path),
                hours=float(found["hours"]),
                faults=str(found["faults"]),
                travellers_per_hour=float(found["travellers_per_hour"]),
                gate=str(found["gate"]),
                quiet=found["quiet"] is True,
            )
        )
    except (KeyError, TypeError, ValueError):
        raise ConfigError(f"{path} holds a plan that is not whole") from None


def _whole_number(found: object, path: Path) -> int:
    if type(found) is not int:
        raise ConfigError(f"{path} holds a number that is none")
    return found
