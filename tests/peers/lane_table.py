"""Writes the lane as a table in C for Spin: every canonical state, every event, from the shipping `step()` itself.

The states are those that `step()` reaches under any order of these events at all, so nothing of the world in `interlock.pml` is
assumed here. Numbers that only grow are made canonical as in the walk; a step that sends more than the model carries is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from egate.lane import commands as c
from egate.lane import events as e
from egate.lane import machine
from egate.lane.state import LaneState, RecordPurpose
from egate.model.checks import DecisionPoint, Outcome
from egate.model.lane import Door, DoorState, GateReport, LanePhase, OfficerAction, OfficerReason
from tests.unit.lane.walk import DECISIONS, QUICK, canonical_lane

READS, CAPTURES, RECORDS, DROPS, EXITS = 1, 2, 4, 8, 16
CODES = {(c.Lock, Door.ENTRY): 1, (c.Lock, Door.EXIT): 2, (c.Unlock, Door.ENTRY): 3, (c.Unlock, Door.EXIT): 4}
SENSORS = (DoorState.LOCKED, DoorState.CLOSED, DoorState.OPEN)
OFFICERS = (OfficerAction.CLEAR, OfficerAction.RELEASE_TO_ENTRY, OfficerAction.HOLD)


def events(lane: LaneState) -> Iterator[e.Event]:
    """Every event in the order of the numbers in `interlock.pml`, addressed to this state."""
    for newest, entry, exit_, persons in product((False, True), SENSORS, SENSORS, range(3)):
        yield e.GateReported(GateReport(lane.last_command - (not newest), entry, exit_, persons, emergency=False))
    yield e.TimerExpired(lane.timer)
    yield e.DocumentPresented()
    yield e.DocumentRemoved(lane.passage)
    yield e.HelpWished()
    for action in OFFICERS:
        yield e.OfficerWished(action, OfficerReason.DOCUMENT_CHECKED, "o")
    for point, outcome in product((DecisionPoint.ENTRY, DecisionPoint.EXIT), (Outcome.ADMIT, Outcome.REFER)):
        yield e.Decided(lane.passage, DECISIONS[point, outcome])
    yield e.Recorded(lane.passage)
    yield e.NotRecorded(lane.passage)


def table() -> str:
    """The three arrays of `lane_table.h`."""
    start = canonical_lane(machine.initial(QUICK))
    numbers, lanes, rows = {start: 0}, [start], []
    for lane in lanes:  # grows while it is read
        row = []
        for event in events(lane):
            after, commands = machine.step(lane, event, QUICK)
            canonical = canonical_lane(after)
            if canonical not in numbers:
                numbers[canonical] = len(lanes)
                lanes.append(canonical)
            row.append((numbers[canonical], _sends(commands), _flags(lane, event, after, commands)))
        rows.append(row)
    arrays = (("short", "lane_next"), ("unsigned char", "lane_sends"), ("unsigned char", "lane_flags"))
    texts = [_array(kind, name, ([cell[place] for cell in row] for row in rows)) for place, (kind, name) in enumerate(arrays)]
    return "\n".join(texts)


def _sends(commands: tuple[c.Command, ...]) -> int:
    codes = [CODES[type(command), command.door] for command in commands if isinstance(command, c.Lock | c.Unlock)]
    if len(codes) > 2 or 3 in codes[1:] or 4 in codes[1:]:
        raise ValueError("the model carries one command, or one after a lock")
    return sum(code << 3 * place for place, code in enumerate(codes))


def _flags(before: LaneState, event: e.Event, after: LaneState, commands: tuple[c.Command, ...]) -> int:
    kinds = {type(command) for command in commands}
    exits = any(isinstance(command, c.Unlock) and command.door is Door.EXIT for command in commands)
    held = isinstance(event, e.OfficerWished) and event.action is OfficerAction.HOLD
    miscounted = after.phase is LanePhase.REFERRED and after.persons != 1
    drops = c.AbandonPassage in kinds or after.passage != before.passage or held or miscounted
    new = {entry.number for entry in after.awaiting if entry.purpose is not RecordPurpose.NOTE}
    admission = any(isinstance(x, c.RecordCrossing) and x.decision.outcome is Outcome.ADMIT for x in commands)
    clearance = any(isinstance(x, c.RecordOfficerAct) and x.number in new for x in commands)
    told = ((c.ReadDocument in kinds, READS), (c.CaptureFace in kinds, CAPTURES), (admission or clearance, RECORDS))
    flags = sum(flag for is_so, flag in told if is_so)
    opens = exits and before.phase is not LanePhase.EXIT_OPEN
    return flags | (DROPS if drops else 0) | (EXITS if opens else 0)


def _array(kind: str, name: str, rows: Iterable[list[int]]) -> str:
    lines = ["{" + ",".join(map(str, row)) + "}" for row in rows]
    width = lines[0].count(",") + 1
    return f"static const {kind} {name}[{len(lines)}][{width}] = {{\n" + ",\n".join(lines) + "\n};"
