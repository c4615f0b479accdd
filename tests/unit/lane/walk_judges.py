"""The properties that a walk checks at every move, each by its name. They trust the world and its ghosts before the lane.

S1 never both doors unlocked · S2 the exit opens for exactly as many as a durable right is for · S3 a right is used once · S4
evidence newer than the last command · S5 nothing opens between an emergency, start or lost link and the proof of both doors · S6
every unlock is bounded · S7 a referral never opens the exit · S8 a way to IDLE from everywhere · S9 a crash changes none of this.
"""

from __future__ import annotations

from collections.abc import Iterator

from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.settings import LONGEST_LEASE_S
from egate.lane.state import LaneState
from egate.model.checks import Outcome
from egate.model.lane import Door, DoorState, LanePhase, Power, Topology
from tests.unit.lane.walk_world import World

INSIDE = frozenset({LanePhase.ENTRY_OPEN, LanePhase.ENTRY_CLOSING, LanePhase.CAPTURE, LanePhase.RECORDING,
                    LanePhase.EXIT_OPEN, LanePhase.EXIT_CLOSING})  # fmt: skip
UNPROVED = frozenset({LanePhase.RESYNC, LanePhase.EMERGENCY, LanePhase.OUT_OF_SERVICE, LanePhase.IDLE, LanePhase.LEFT_OBJECT})
AGAIN = frozenset({LanePhase.ENTRY_OPEN, LanePhase.REFERRED, LanePhase.RETURN_OPEN})
"""Phases in which the entry is opened once more, or for the way back."""

LEAVING = frozenset({LanePhase.EXIT_OPEN, LanePhase.EXIT_CLOSING})
WAITS_FOR_A_LOCK = frozenset({LanePhase.ENTRY_CLOSING, LanePhase.EXIT_CLOSING, LanePhase.RETURN_CLOSING, LanePhase.REFERRED,
                              LanePhase.RESYNC})  # fmt: skip
BEGINS = (c.ReadDocument, c.RedeemToken)


def judge(world: World, before: LaneState, event: e.Event, after: LaneState, commands: tuple[c.Command, ...]) -> Iterator[str]:
    """What this step breaks, in a world from which the event was taken already."""
    for unlock in (command for command in commands if isinstance(command, c.Unlock)):
        yield from _unlocked(world, before, event, unlock)
    if isinstance(event, e.GateReported):
        yield from _reported(world, before, event, after, commands)
    yield from _stepped(before, event, after, commands)
    yield from _begun(world, before, after, commands)


def _unlocked(world: World, before: LaneState, event: e.Event, unlock: c.Unlock) -> Iterator[str]:
    if not 0 < unlock.lease_s <= LONGEST_LEASE_S:
        yield "S6 an unlock without a bound"
    if not world.clean:
        yield "S4 an unlock on evidence older than the last command"
    if before.phase in UNPROVED:
        yield "S5 an unlock before the doors were proved, or without a passage"
    if before.topology is Topology.ONE_STEP and unlock.door is Door.ENTRY:
        yield "S1 the entry of a lane that has none"
    if unlock.door is Door.EXIT and before.phase is not LanePhase.EXIT_OPEN:
        yield from _exit_opened(world, before, event)
    if unlock.door is Door.ENTRY and before.phase not in AGAIN:
        yield from _entry_opened(world)


def _entry_opened(world: World) -> Iterator[str]:
    if not world.admitted:
        yield "P8 P22 the entry opened for a document that was not admitted"
    if world.persons != 0 and not (world.emergency or world.shaken):
        yield "P22 the entry opened for the next traveller with somebody inside"


def _exit_opened(world: World, before: LaneState, event: e.Event) -> Iterator[str]:
    if not world.right:
        yield "S2 S3 S7 the exit opened without a durable, unused right"
    if before.single:  # people come and go before a single door: what the counter said last is all that can be asked
        counted = event.report.persons if isinstance(event, e.GateReported) else before.persons
        if counted > world.right:
            yield "S2 the only door opened for more persons than one"
    elif world.persons != world.right and not (world.emergency or world.shaken):
        yield "S2 the exit opened for another number of persons than the right is for"


def _reported(
    world: World, before: LaneState, event: e.GateReported, after: LaneState, commands: tuple[c.Command, ...]
) -> Iterator[str]:
    report, goes_on = event.report, before.phase in INSIDE and after.phase in INSIDE
    if report.emergency and after.phase is not LanePhase.EMERGENCY:
        yield "I5 an emergency was not followed"
    if report.emergency and any(isinstance(command, c.Lock | c.Unlock) for command in commands):
        yield "I5 doors were moved in an emergency"
    if report.persons > max(1, world.allowed) and goes_on:
        yield "P10 more persons than allowed and the passage goes on"
    if before.phase in LEAVING and goes_on and not before.single and report.persons > before.persons:
        yield "P16 somebody came in through the exit and the passage goes on"
    if report.intrusion and not before.intrusion and goes_on:
        yield "P16 a way was forced and the passage goes on"
    if report.object_left and after.phase is LanePhase.IDLE and before.phase is not LanePhase.IDLE:
        yield "P17 the lane rests with an object in it"
    if before.phase in LEAVING and after.phase not in INSIDE | {LanePhase.EMERGENCY} and DoorState.FAULT in (
        report.entry, report.exit
    ) and after.phase is not LanePhase.REFERRED and not before.single:  # fmt: skip
        yield "I8 contradicting sensors and the passage ends as if nothing were wrong"


def _stepped(before: LaneState, event: e.Event, after: LaneState, commands: tuple[c.Command, ...]) -> Iterator[str]:
    if before.phase is LanePhase.EMERGENCY and after.phase not in (LanePhase.EMERGENCY, LanePhase.RESYNC):
        yield "S5 an emergency ended without proving the doors"
    cleared = isinstance(event, e.OfficerWished) and not before.object_left
    if before.phase is LanePhase.LEFT_OBJECT and after.phase is LanePhase.RESYNC and not cleared:
        yield "P17 the object was forgotten"
    admits = [x for x in commands if isinstance(x, c.RecordCrossing) and x.decision.outcome is Outcome.ADMIT]
    if admits and not (isinstance(event, e.Decided) and event.decision == admits[0].decision):
        yield "S7 a crossing recorded as admitted without its decision"
    repeats = isinstance(event, e.TimerExpired) and before.phase is after.phase and before.phase in WAITS_FOR_A_LOCK
    if repeats and before.obstructed and any(isinstance(command, c.Lock) for command in commands):
        yield "I9 a door was forced against something in the way"


def _begun(world: World, before: LaneState, after: LaneState, commands: tuple[c.Command, ...]) -> Iterator[str]:
    begins = any(isinstance(command, BEGINS) for command in commands)
    lets_in = before.phase is LanePhase.READING and after.phase in (LanePhase.ENTRY_OPEN, LanePhase.CAPTURE)
    if begins and not world.attended:
        yield "SUPERVISION a passage began without an officer at the station"
    if (begins and world.mode > 1) or (lets_in and world.mode > 0):
        yield "P21 a degraded lane took somebody"
    if (begins or (lets_in and not before.single)) and after.power is Power.LOW:
        yield "I11 somebody was taken on a battery that is nearly empty"
    if after.waiting is not None and after.phase not in INSIDE - {LanePhase.ENTRY_OPEN, LanePhase.ENTRY_CLOSING}:
        yield "P22 a passage waits while nobody is inside"
