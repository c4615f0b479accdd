"""Reading the next traveller's document while one is inside (P22), where the settings say so.

The rule it keeps: a passage that waits holds no right. It gets one when the lane has come to rest, with both doors proved locked
and nobody inside; a referral, an emergency or a closed lane drops it, and its traveller is asked again.
"""

from __future__ import annotations

from dataclasses import replace

from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.state import Waiting
from egate.lane.turn import Turn
from egate.model.checks import DecisionPoint, Outcome


def read_next(turn: Turn, _event: e.DocumentPresented) -> None:
    """The next document, one at a time, while the lane would take its traveller."""
    state = turn.state
    if turn.settings.pipelined and state.waiting is None and state.serviceable:
        number = state.passages + 1
        turn.change(passages=number, waiting=Waiting(number))
        turn.commands.append(c.ReadDocument(number))


def take_decision(turn: Turn, event: e.Decided) -> None:
    """Keep the decision until the lane is at rest; a refusal is recorded at once."""
    waiting, decision = turn.state.waiting, event.decision
    if waiting is None or event.passage != waiting.passage:
        return
    if waiting.decision is None and decision.point is DecisionPoint.ENTRY:
        if decision.outcome is Outcome.REFER:
            turn.record_waiting(decision)
        turn.change(waiting=replace(waiting, decision=decision))


def forget_removed(turn: Turn, event: e.DocumentRemoved) -> None:
    """The document left too early: the traveller may lay it down again."""
    waiting = turn.state.waiting
    if waiting is not None and event.passage == waiting.passage and waiting.decision is None:
        turn.drop_waiting()
