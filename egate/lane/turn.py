"""One step under construction: the state as it becomes and the commands so far.

Rules are written with these verbs only. The rule it keeps: `unlock` is the only place that makes an `Unlock`, and it asks the
interlock; `refer` is the only way into REFERRED, and it takes every right away and locks both doors.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from egate.lane import commands as c
from egate.lane import interlock
from egate.lane.events import OfficerWished
from egate.lane.findings import alarm_of, health
from egate.lane.settings import LaneSettings
from egate.lane.state import NO_EVIDENCE, AwaitedRecord, Grant, LaneState, RecordPurpose, Waiting
from egate.model.checks import Check, CheckName, CheckResult, Decision, DecisionPoint, Outcome
from egate.model.lane import Alarm, Door, DoorState, GateReport, LanePhase, OfficerAction, Power

CASE_ALARMS = (
    Alarm.LIST_HIT,
    Alarm.TAILGATING,
    Alarm.WRONG_DIRECTION,
    Alarm.DOOR_FAULT,
    Alarm.REFERRAL,
    Alarm.OVERSTAY,
)
"""Alarms that are over when the case that raised them is."""

UNTIMED = frozenset({LanePhase.IDLE, LanePhase.OUT_OF_SERVICE, LanePhase.EMERGENCY})
"""Phases that last until something happens."""

CLOSING = frozenset({LanePhase.ENTRY_CLOSING, LanePhase.EXIT_CLOSING})
"""Phases that still ask whether the door before was used."""

OUTSIDE = frozenset({LanePhase.IDLE, LanePhase.READING, LanePhase.REFERRED_OUTSIDE, LanePhase.OUT_OF_SERVICE})
"""Phases in which nobody is between the doors and both are locked."""

AWAITED_LIMIT = 8
"""Unanswered records remembered; the oldest is forgotten, and its answer changes nothing."""


class Turn:
    """Built by `step` for one event, thrown away after it. `before` is the state as it was, `state` as it becomes."""

    def __init__(self, state: LaneState, settings: LaneSettings) -> None:
        self.before = state
        self.state = state
        self.settings = settings
        self.commands: list[c.Command] = []

    def change(self, **fields: Any) -> None:
        """Replace fields of the state."""
        self.state = replace(self.state, **fields)

    # -- phases and time ----------------------------------------------------------------------------------------------

    def enter(self, phase: LanePhase) -> None:
        """Go to a phase and count its time from now."""
        came = self.state.came and phase in CLOSING
        self.change(phase=phase, ticks=0, timer=self.state.timer + 1, came=came)
        if phase not in UNTIMED:
            self.commands.append(c.SetTimer(self.settings.tick_s, self.state.timer))

    def tick(self, limit_s: float) -> bool:
        """One more tick of the present span; True when `limit_s` is reached, from then on at every tick."""
        limit = self.settings.ticks(limit_s)
        unanswered = min(self.state.unanswered + 1, self.settings.ticks(self.settings.lease_s))
        self.change(ticks=min(self.state.ticks + 1, limit), timer=self.state.timer + 1, unanswered=unanswered)
        self.commands.append(c.SetTimer(self.settings.tick_s, self.state.timer))
        return self.state.ticks >= limit

    # -- doors --------------------------------------------------------------------------------------------------------

    def lock(self, *doors: Door) -> None:
        """Lock doors now; a lock may be sent at any time."""
        for door in doors:
            leased = None if self.state.leased is door else self.state.leased
            self.change(last_command=self.state.last_command + 1, leased=leased, unanswered=0)
            self.commands.append(c.Lock(door, self.state.last_command))

    def lock_both(self) -> None:
        """Lock both doors, or the only one."""
        self.lock(*(Door.EXIT,) if self.state.single else Door)

    def ask_again(self, span_s: float) -> None:
        """Lock again what did not lock yet, `closing_tries` times in `span_s`; never against something in the way (I9)."""
        between = max(1, self.settings.ticks(span_s) // self.settings.closing_tries)
        if not self.state.obstructed and (self.seems_lost or self.state.ticks % between == 0):
            self.lock_both()

    def unlock(self, door: Door, offered_s: float) -> bool:
        """Unlock for one lease, never beyond the `offered_s` of the span; False when the interlock refuses."""
        if not interlock.may_unlock(door, self.state):
            return False
        left_s = offered_s - self.state.ticks * self.settings.tick_s
        self.change(last_command=self.state.last_command + 1, leased=door, unanswered=0)
        self.commands.append(c.Unlock(door, min(self.settings.lease_s, left_s), self.state.last_command))
        return True

    def open_door(self, door: Door, phase: LanePhase, offered_s: float) -> bool:
        """Go to the phase of an open door if the interlock lets the door open now."""
        before = self.state.ticks
        self.change(ticks=0)
        if not self.unlock(door, offered_s):
            self.change(ticks=before)
            return False
        self.enter(phase)
        return True

    def hold_open(self, door: Door, offered_s: float) -> None:
        """Ask for the lease again. When the last command seems lost, lock the other door instead: that brings new evidence."""
        if not self.unlock(door, offered_s) and self.seems_lost:
            self.lock(Door.EXIT if self.state.single else interlock.other_door(door))

    @property
    def seems_lost(self) -> bool:
        """Whether no report has confirmed the last command for a whole lease, so it or its answer was lost."""
        return not self.state.fresh and self.state.unanswered >= self.settings.ticks(self.settings.lease_s)

    # -- rights -------------------------------------------------------------------------------------------------------

    def give(self, door: Door, *, back: bool = False) -> None:
        """Give the passage under way the right to one door, for as many persons as it is expected to be."""
        self.change(grant=Grant(self.state.passage, door, self.state.expected, back))

    def revoke(self) -> None:
        """Take the right away, also one that only waits for its record."""
        self.change(grant=None)
        self._expect_nothing_of(RecordPurpose.CLEARANCE)

    def _expect_nothing_of(self, *purposes: RecordPurpose) -> None:
        """Answers to records of these purposes are still noted, but open nothing."""
        self.change(
            awaiting=tuple(
                replace(entry, purpose=RecordPurpose.NOTE) if entry.purpose in purposes else entry
                for entry in self.state.awaiting
            )
        )

    # -- alarms -------------------------------------------------------------------------------------------------------

    def call(self, alarm: Alarm) -> None:
        """Call the officer, once for each alarm."""
        if alarm not in self.state.alarms:
            self.change(alarms=self.state.alarms | {alarm})
            self.commands.append(c.RaiseAlarm(alarm))

    def dismiss(self, *alarms: Alarm) -> None:
        """What called the officer is over."""
        for alarm in alarms:
            if alarm in self.state.alarms:
                self.change(alarms=self.state.alarms - {alarm})
                self.commands.append(c.ClearAlarm(alarm))

    def mark(self, alarm: Alarm, *, is_on: bool) -> None:
        """Call or dismiss an alarm that follows something as it is now."""
        if is_on:
            self.call(alarm)
        else:
            self.dismiss(alarm)

    # -- evidence -----------------------------------------------------------------------------------------------------

    def absorb(self, report: GateReport) -> None:
        """Take a report as the newest evidence. A one-step lane has no entry; a low battery is low until the mains are back."""
        low = self.state.power is Power.LOW and report.power is not Power.MAINS
        self.change(
            entry=DoorState.LOCKED if self.state.single else report.entry,
            exit=report.exit,
            persons=report.persons,
            tamper=report.tamper,
            evidence=report.after_command,
            object_left=report.object_left,
            intrusion=report.intrusion,
            obstructed=report.obstructed,
            power=Power.LOW if low else report.power,
        )
        if not report.tamper:
            self.dismiss(Alarm.TAMPER)
        self.mark(Alarm.POWER, is_on=report.power is not Power.MAINS)
        if report.obstructed and not report.emergency:
            self.call(Alarm.OBSTRUCTION)
        elif self.state.secure:
            self.dismiss(Alarm.OBSTRUCTION)

    def forget_evidence(self) -> None:
        """Nothing is known about the doors any more."""
        self.change(evidence=NO_EVIDENCE)

    # -- records ------------------------------------------------------------------------------------------------------

    def record_crossing(self, decision: Decision) -> None:
        """Ask for the record of the crossing."""
        self.change(decision=decision)
        number = self._await(RecordPurpose.CROSSING)
        self.commands.append(c.RecordCrossing(self.state.passage, decision, number))

    def record_act(self, wish: OfficerWished, purpose: RecordPurpose = RecordPurpose.NOTE, *, effective: bool = True) -> None:
        """Ask for the record of an officer's act; one that came too late is not `effective` and is recorded all the same (S4)."""
        number = self._await(purpose)
        act = c.RecordOfficerAct(self.state.passage, wish.action, wish.reason, wish.officer, number, wish.persons, effective)
        self.commands.append(act)

    def set_service(self, wish: OfficerWished) -> None:
        """An officer opens or closes the lane; it takes effect when nobody is under way."""
        self.record_act(wish)
        self.change(in_service=wish.action is OfficerAction.IN_SERVICE)

    def _await(self, purpose: RecordPurpose, passage: int | None = None) -> int:
        number = self.state.records + 1
        of = self.state.passage if passage is None else passage
        awaiting = (*self.state.awaiting, AwaitedRecord(of, number, purpose))[-AWAITED_LIMIT:]
        self.change(records=number, awaiting=awaiting)
        return number

    def settle(self, passage: int, number: int | None) -> RecordPurpose | None:
        """The purpose of the record that was answered; None for an answer that nobody awaits."""
        for place, entry in enumerate(self.state.awaiting):
            if entry.passage == passage and number in (None, entry.number):
                self.change(awaiting=self.state.awaiting[:place] + self.state.awaiting[place + 1 :])
                return entry.purpose
        return None

    def record_own_decision(self, check: Check) -> None:
        """A passage that the lane itself refers is recorded as such, unless its crossing was decided before."""
        if self.state.passage and not self.state.crossing_decided:
            point = DecisionPoint.ENTRY if self.state.phase in OUTSIDE else DecisionPoint.EXIT
            self.record_crossing(Decision(Outcome.REFER, point, (check,)))

    # -- passages -----------------------------------------------------------------------------------------------------

    def begin_passage(self) -> None:
        """Give out the next passage number."""
        number = self.state.passages + 1
        self.change(passage=number, passages=number, decision=None, grant=None, expected=1)

    def abandon(self) -> None:
        """Stop what runs for the passage."""
        self.revoke()
        if self.state.passage:
            self.commands.append(c.AbandonPassage(self.state.passage))

    def end_passage(self) -> None:
        """Forget the passage; answers that come later are stale."""
        self.change(passage=0, decision=None, grant=None, expected=1)
        self._expect_nothing_of(RecordPurpose.CROSSING, RecordPurpose.CLEARANCE)

    def complete(self, through: Door | None) -> None:
        """Write how the passage ended and forget it."""
        if self.state.passage:
            self.commands.append(c.RecordCompletion(self.state.passage, through))
        self.end_passage()

    def rest(self) -> None:
        """Both doors are locked and nobody is inside: the next traveller, unless something was left or the lane takes nobody."""
        self.end_passage()
        self.dismiss(*CASE_ALARMS)
        if self.state.object_left or Alarm.LEFT_OBJECT in self.state.alarms:
            self.drop_waiting()
            self.call(Alarm.LEFT_OBJECT)
            self.enter(LanePhase.LEFT_OBJECT)
        elif not self.state.serviceable:
            self.drop_waiting()
            self.enter(LanePhase.OUT_OF_SERVICE)
        elif self.state.waiting is not None:
            self._promote(self.state.waiting)
        else:
            self.enter(LanePhase.IDLE)

    def _promote(self, waiting: Waiting) -> None:
        """The passage that waited is under way now; a right that it brings opens the entry with the next report (P22)."""
        decision = waiting.decision
        self.change(passage=waiting.passage, decision=decision, waiting=None)
        if decision is not None and decision.outcome is Outcome.REFER:
            self.refer_outside(alarm_of(decision))
            return
        self.enter(LanePhase.READING)
        if decision is not None:
            self.give(Door.ENTRY)

    def drop_waiting(self) -> None:
        """Whoever waits with a document is asked again, or was sent to the desk; nothing that they hold survives (P22)."""
        waiting = self.state.waiting
        if waiting is None:
            return
        self.commands.append(c.AbandonPassage(waiting.passage))
        if waiting.decision is not None and waiting.decision.outcome is Outcome.REFER:
            self.commands.append(c.RecordCompletion(waiting.passage, None))
        self.change(waiting=None)

    def record_waiting(self, decision: Decision) -> None:
        """A passage that waits was refused: record it now. Nothing ever waits for that record."""
        assert self.state.waiting is not None
        passage = self.state.waiting.passage
        number = self._await(RecordPurpose.NOTE, passage)
        self.commands.append(c.RecordCrossing(passage, decision, number))

    def resync(self) -> None:
        """Lock both doors and wait for the proof (I6)."""
        self.revoke()
        self.lock_both()
        self.enter(LanePhase.RESYNC)

    def break_off(self, code: str) -> None:
        """A passage ends for the lane's own reason, `code`: record it as referred and stop its work, and that of the next one."""
        self.record_own_decision(health(CheckResult.ABORTED, code))
        self.abandon()
        self.drop_waiting()

    # -- referral -----------------------------------------------------------------------------------------------------

    def refer(self, alarm: Alarm, check: Check) -> None:
        """Hold for the officer: lock both doors, take all rights away, record why, stop the passage's work, call.

        Whoever is found inside without a passage gets a number of their own, so that an officer's act can be bound to it; there
        is no crossing to record for it.
        """
        self.lock_both()
        self.record_own_decision(check)
        self.abandon()
        self.drop_waiting()
        self.change(expected=1)
        if self.state.passage == 0:
            self.begin_passage()
            self.change(decision=Decision(Outcome.REFER, DecisionPoint.EXIT, (check,)))
        self.call(alarm)
        self.enter(LanePhase.REFERRED)

    def refer_fault(self, code: str) -> None:
        """Sensors contradict what the lane asked for, or a door does not lock (I8)."""
        self.refer(Alarm.DOOR_FAULT, health(CheckResult.FAILED, code))

    def refer_wrong_direction(self, code: str = "wrong_direction") -> None:
        """Somebody came in where nobody was let in, or forces a way (P16)."""
        self.refer(Alarm.WRONG_DIRECTION, health(CheckResult.FAILED, code))

    def refer_tailgating(self) -> None:
        """More than one person between the doors (P10)."""
        self.refer(Alarm.TAILGATING, Check(CheckName.SINGLE_PERSON, CheckResult.FAILED, "more_than_one_person"))

    def refer_outside(self, alarm: Alarm) -> None:
        """Send the traveller to the desk; the entry door stays locked (P7)."""
        self.revoke()
        self.call(alarm)
        self.enter(LanePhase.REFERRED_OUTSIDE)
