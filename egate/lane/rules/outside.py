"""What happens while nobody is between the doors: waiting, reading a document, the way in.

The rule it keeps: both doors stay locked until the entry decision is ADMIT; then the entry opens, through the interlock, for
this passage only (P8), and closes behind exactly one person before anything else happens (P9).
"""

from __future__ import annotations

from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.findings import alarm_of, health
from egate.lane.modes import Mode
from egate.lane.state import LaneState
from egate.lane.turn import Turn
from egate.model.checks import CheckResult, DecisionPoint, Outcome
from egate.model.lane import Alarm, Door, DoorState, LanePhase, Power, Topology


def expect_empty(turn: Turn, _event: e.GateReported) -> None:
    """Nobody inside, both doors locked; anything else is a fault or somebody in the wrong direction (I8, P16)."""
    state = turn.state
    if state.occupied:
        turn.refer_wrong_direction("unexpected_person" if state.exit is DoorState.LOCKED else "wrong_direction")
    elif state.intrusion:
        turn.refer_wrong_direction()
    elif state.fresh and not state.secure:
        turn.refer_fault("door_not_locked")
    elif state.phase is LanePhase.READING:
        _keep_reading(turn)
    elif state.phase is LanePhase.IDLE and (state.object_left or not state.serviceable):
        turn.rest()


def _keep_reading(turn: Turn) -> None:
    """Nobody is let in to an object (P17), or on a battery that is nearly empty (I11); a right that was given opens the entry."""
    state = turn.state
    if state.object_left:
        turn.break_off("object_left")
        turn.refer_outside(Alarm.LEFT_OBJECT)
    elif state.power is Power.LOW:
        turn.break_off("power_low")
        turn.refer_outside(Alarm.POWER)
    elif state.grant is not None and state.mode is not Mode.NORMAL:
        refer_degraded(turn)
    elif state.grant is not None:
        turn.open_door(Door.ENTRY, LanePhase.ENTRY_OPEN, turn.settings.entry_open_s)


def begin_reading(turn: Turn, _event: e.DocumentPresented) -> None:
    """A document starts a passage, if the doors are known to be locked, nobody is inside and the lane takes travellers."""
    if turn.state.topology is not Topology.SEGREGATED and _ready(turn):
        turn.begin_passage()
        turn.commands.append(c.ReadDocument(turn.state.passage))
        turn.enter(LanePhase.READING)


def begin_redeeming(turn: Turn, _event: e.TokenPresented) -> None:
    """The same with a token, where the document was read elsewhere (P1)."""
    if turn.state.topology is Topology.SEGREGATED and _ready(turn):
        turn.begin_passage()
        turn.commands.append(c.RedeemToken(turn.state.passage))
        turn.enter(LanePhase.READING)


def _ready(turn: Turn) -> bool:
    state = turn.state
    disturbed = state.occupied or state.tamper or state.object_left or state.intrusion
    return state.secure and state.serviceable and not disturbed


def present_again(turn: Turn, event: e.DocumentRemoved) -> None:
    """The document left too early: the traveller may lay it down again."""
    if event.passage == turn.state.passage:
        turn.abandon()
        turn.rest()


def take_entry_decision(turn: Turn, event: e.Decided) -> None:
    """ADMIT opens the entry through the interlock; REFER is recorded and sends the traveller to the desk (P7)."""
    decision = event.decision
    if event.passage != turn.state.passage or decision.point is not DecisionPoint.ENTRY or turn.state.decision is not None:
        return
    if decision.outcome is Outcome.REFER:
        turn.record_crossing(decision)
        turn.refer_outside(alarm_of(decision))
    elif turn.state.mode is not Mode.NORMAL:
        refer_degraded(turn)
    elif turn.state.single:
        turn.change(decision=decision)
        turn.commands.append(c.CaptureFace(turn.state.passage))
        turn.enter(LanePhase.CAPTURE)
    else:
        turn.change(decision=decision)
        turn.give(Door.ENTRY)
        turn.open_door(Door.ENTRY, LanePhase.ENTRY_OPEN, turn.settings.entry_open_s)


def refer_degraded(turn: Turn) -> None:
    """What the lane lacks now, an officer has to see to; nobody is let in on less evidence (P21)."""
    turn.break_off("degraded")
    turn.refer_outside(Alarm.REFERRAL)


def read_too_long(turn: Turn, _event: e.TimerExpired) -> None:
    """A reading that does not end goes to an officer (P6)."""
    if turn.tick(turn.settings.read_max_s):
        turn.break_off("reading_timed_out")
        turn.refer_outside(Alarm.REFERRAL)


def referred_long_enough(turn: Turn, _event: e.TimerExpired) -> None:
    """The traveller went to the desk; the next one may come."""
    if turn.tick(turn.settings.referred_outside_s):
        turn.complete(None)
        turn.rest()


def watch_entry(turn: Turn, _event: e.GateReported) -> None:
    """The way in: lock behind the first person."""
    state = _note_arrival(turn)
    if state.persons > 1:
        turn.refer_tailgating()
    elif DoorState.FAULT in (state.entry, state.exit) or (state.fresh and state.exit is not DoorState.LOCKED):
        turn.refer_fault("exit_not_locked_while_entering")
    elif state.fresh and state.persons == 1 and state.entry is not DoorState.OPEN:
        close_entry(turn)


def hold_entry(turn: Turn, _event: e.TimerExpired) -> None:
    """The entry is offered until somebody came in, or `entry_open_s` (P8)."""
    if turn.tick(turn.settings.entry_open_s):
        close_entry(turn)
    elif not turn.state.fresh or not turn.state.occupied:
        turn.hold_open(Door.ENTRY, turn.settings.entry_open_s)


def close_entry(turn: Turn) -> None:
    """Lock the entry and wait for the proof."""
    turn.revoke()
    turn.lock(Door.ENTRY)
    turn.enter(LanePhase.ENTRY_CLOSING)


def watch_entry_closing(turn: Turn, _event: e.GateReported) -> None:
    """With fresh proof of both locks: one person is captured; nobody means that nobody came, or that they went back."""
    state = _note_arrival(turn)
    if state.persons > 1:
        turn.refer_tailgating()
    elif state.fresh and state.exit is not DoorState.LOCKED:
        turn.refer_fault("exit_not_locked_while_entering")
    elif state.secure and state.occupied:
        turn.commands.append(c.CaptureFace(state.passage))
        turn.change(phase=LanePhase.CAPTURE, came=False)
    elif state.secure and state.came:
        turn.break_off("returned_through_entry")
        turn.complete(Door.ENTRY)
        turn.rest()
    elif state.secure:
        turn.abandon()
        turn.complete(None)
        turn.rest()


def _note_arrival(turn: Turn) -> LaneState:
    if turn.state.persons > 0:
        turn.change(came=True)
    return turn.state


def close_too_long(turn: Turn, _event: e.TimerExpired) -> None:
    """A door that does not lock after its tries is the officer's, and is not forced (I9)."""
    if not turn.tick(turn.settings.closing_s):
        turn.ask_again(turn.settings.closing_s)
    elif turn.state.obstructed or DoorState.OPEN in (turn.state.entry, turn.state.exit):
        turn.refer(Alarm.OBSTRUCTION, health(CheckResult.FAILED, "door_obstructed"))
    else:
        turn.refer_fault("door_did_not_lock")
