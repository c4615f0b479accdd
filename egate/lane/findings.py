"""How a lane words its own findings, and how it calls a referral. Values only."""

from __future__ import annotations

from egate.model.checks import Check, CheckName, CheckResult, Decision
from egate.model.lane import Alarm

LIST_CHECKS = frozenset({CheckName.DOCUMENT_WATCHLIST, CheckName.PERSON_WATCHLIST})
"""Checks whose referral is called as a list hit."""


def alarm_of(decision: Decision) -> Alarm:
    """How a referral is called: a list hit before anything else."""
    return Alarm.LIST_HIT if any(check.name in LIST_CHECKS for check in decision.because) else Alarm.REFERRAL


def health(result: CheckResult, code: str) -> Check:
    """A finding of the lane about itself."""
    return Check(CheckName.LANE_HEALTH, result, code)
