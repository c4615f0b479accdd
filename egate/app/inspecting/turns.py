"""The verdict of a record judged again: whether a gate would decide otherwise than it did.

Rule: a check that cannot be judged again (a face, a list of persons) counts as it ended then, so that a verdict turns only for
what was judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from egate.checks.decide import decide
from egate.inspection.record import InspectionRecord
from egate.inspection.rejudging import Comparison
from egate.model.checks import CheckName, DecisionPoint, Outcome, Profile


@dataclass(frozen=True, slots=True)
class Turn:
    """A decision then and now, and the checks that speak against admitting now, the worst first."""

    point: DecisionPoint
    then: Outcome
    now: Outcome
    because: tuple[CheckName, ...] = ()


def decide_again(record: InspectionRecord, compared: Sequence[Comparison], profile: Profile) -> tuple[Turn, ...]:
    """Every decision in the record, taken again by a profile."""
    found = [entry.now or entry.then.finding() for entry in compared if entry.now or entry.then.performed]
    turns = []
    for then in record.decisions:
        now = decide(found, profile, then.point)
        turns.append(Turn(then.point, then.outcome, now.outcome, tuple(check.name for check in now.because)))
    return tuple(turns)
