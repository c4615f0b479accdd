"""Brings a lane state to a canonical form, so that the space of a walk is finite: every comparison that the lane makes is kept.

Numbers that only grow (commands, passages, records, timers) become fixed ones; what no rule reads any more is dropped.
"""

from __future__ import annotations

from dataclasses import replace

from egate.lane.state import NO_EVIDENCE, AwaitedRecord, LaneState, RecordPurpose, Waiting
from egate.model.checks import Check, CheckName, CheckResult, Decision, DecisionPoint, Outcome
from egate.model.lane import Alarm, DoorState, LanePhase

COMMAND, PASSAGE = 100, 100
"""Canonical numbers of the newest command and of the passage under way; 99 stands for any older one, 101 for one that waits."""

KEPT = frozenset({Alarm.TAMPER, Alarm.LEFT_OBJECT})
"""Alarms that steer something; the others only call."""

_BECAUSE = (Check(CheckName.LANE_HEALTH, CheckResult.FAILED, "walk"),)
DECISIONS = {
    (point, outcome): Decision(outcome, point, () if outcome is Outcome.ADMIT else _BECAUSE)
    for point in DecisionPoint
    for outcome in Outcome
}
SETTLED = frozenset({LanePhase.REFERRED, LanePhase.RETURN_OPEN, LanePhase.RETURN_CLOSING, LanePhase.EXIT_OPEN,
                     LanePhase.EXIT_CLOSING})  # fmt: skip


def awaited(lane: LaneState) -> list[AwaitedRecord]:
    """What something could open for: no notes, and no crossings recorded as referred, unless the lane waits for them."""
    decision = lane.decision
    referred = decision is not None and decision.outcome is Outcome.REFER and lane.phase is not LanePhase.RECORDING
    hopeless = {RecordPurpose.NOTE, RecordPurpose.CROSSING} if referred else {RecordPurpose.NOTE}
    return [entry for entry in lane.awaiting if entry.purpose not in hopeless and entry.passage == lane.passage]


def canonical_lane(lane: LaneState) -> LaneState:
    """The lane state with numbers that only grow brought to fixed ones; keeps every comparison that the lane makes.

    Dropped besides: sensors of void evidence (replaced by the next report before anything reads them), time in phases where
    it only calls again, alarms that steer nothing, and the wording of a decision that was recorded.
    """
    last = COMMAND if lane.last_command else 0
    evidence = lane.evidence if lane.evidence == NO_EVIDENCE else last - (lane.evidence < lane.last_command)
    passage = PASSAGE if lane.passage else 0
    grant = lane.grant and replace(lane.grant, passage=passage if lane.grant.passage == lane.passage else PASSAGE - 1)
    awaiting = tuple(replace(entry, passage=passage, number=place + 1) for place, entry in enumerate(awaited(lane)))
    decision = lane.decision and DECISIONS[lane.decision.point, lane.decision.outcome]
    if lane.phase in SETTLED and lane.crossing_decided and not awaiting:
        decision = DECISIONS[DecisionPoint.EXIT, Outcome.REFER]
    locked = DoorState.LOCKED
    lane = replace(lane, unanswered=0) if lane.fresh else replace(lane, entry=locked, exit=locked)
    if lane.phase in (LanePhase.REFERRED, LanePhase.RESYNC, LanePhase.LEFT_OBJECT):
        lane = replace(lane, ticks=0)
    return replace(
        lane, last_command=last, evidence=evidence, passage=passage, passages=PASSAGE + (lane.waiting is not None), grant=grant,
        awaiting=awaiting, records=len(awaiting), decision=decision, alarms=lane.alarms & KEPT, timer=0,
        waiting=_waiting(lane.waiting),
    )  # fmt: skip


def _waiting(waiting: Waiting | None) -> Waiting | None:
    if waiting is None or waiting.decision is None:
        return waiting and Waiting(PASSAGE + 1)
    return Waiting(PASSAGE + 1, DECISIONS[waiting.decision.point, waiting.decision.outcome])
