"""The judge of a shift: what must never happen, checked after every step against the physical truth and the disk.

Nothing here asks the lane whether it did right. Doors and persons are the simulated ones (`Hall`), records are read back from
the disk (`Records`), and the lane's own state is looked at only for what it tells others: whether an officer is called, and
whether it takes travellers. The rules, with the requirements they come from:

1. never both doors unlocked outside an emergency, and never an order that the unit's own interlock has to refuse (I1)
2. the exit is unlocked only for exactly one person, or for the family that an officer clears, after a durable record that admits
   or clears them, made since they came; an admission only for somebody whom the rules admit (P9, P12, P13, P19)
3. whoever leaves by the exit has such a record, and exactly one crossing of theirs stands in the log, in order (P12)
4. nobody is locked in: somebody inside for `LONGEST_ALONE_S` has an officer called, or an open door (P15, P18)
5. in an emergency both doors are free within `FREE_WITHIN_S`, by hardware (I5)
6. no order to a lock lives longer than ten seconds (I3)
7. a second person is told to an officer within `ALARM_WITHIN_S` (P10)
8. a lost gate unit is noticed within `LOSS_WITHIN_S`, and answers again within `BACK_WITHIN_S` of the repair (L2)
9. the lane becomes free again within `FREE_AGAIN_S` in which nothing is broken and officers act (no deadlock)
10. a lane whose controller was killed serves again within `SERVES_WITHIN_S` of its new start, doors permitting, and one with
    somebody inside is then the officer's (I7)
11. the log's chain is whole at the end
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from egate.app.twin.cast.faults import GATE_FAULTS, KILLED, Faults
from egate.app.twin.records import Records
from egate.app.twin.stage.hall import DoorsNow, Move, Party
from egate.app.twin.stage.world import PERSONS_BY_EXIT, World
from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.settings import LONGEST_LEASE_S
from egate.lane.state import LaneState
from egate.model.crossing import RecordKind
from egate.model.lane import Door, LanePhase, OfficerAction

LONGEST_ALONE_S = 90.0
"""Closing (10), capture and recording (45), the offered exit (10), closing (10), and the seconds that reports and orders take."""

FREE_WITHIN_S = 0.25
ALARM_WITHIN_S = 0.5
LOSS_WITHIN_S = 0.5
BACK_WITHIN_S = 1.0
SERVES_WITHIN_S = 1.0
FREE_AGAIN_S = 300.0
LOOK_EVERY_S = 0.25
LEASE_MARGIN_S = 0.05
"""Leases are counted in tenths of a second on the wire."""

MOST_RIGHTS = 50
"""Records that let somebody out, kept: of the last few passages."""

SETTLED_S = 0.3
"""After a door's last movement, until it can be proved locked."""

TAKES = frozenset({LanePhase.IDLE, LanePhase.READING, LanePhase.CAPTURE, LanePhase.RECORDING})
RETURNS = frozenset({LanePhase.RETURN_OPEN, LanePhase.RETURN_CLOSING})
LIES = frozenset({"a lock contact is stuck", "a bolt is jammed"})
"""While a contact lies, the lane's evidence is wrong, and the unit's own interlock is what is left; it must still hold."""

LOST_WITHOUT_WORD = frozenset({"gate line cut", "gate unit hears nothing", "gate cable pulled"})


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that broke, at which step."""

    step: int
    rule: str
    text: str
    story: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Right:
    """A durable record that lets somebody out: `admit` or `clear`."""

    at_s: float
    word: str
    transaction: str


class Judge:
    """Checks one lane. `broken` is called once, with the first violation."""

    def __init__(self, world: World, faults: Faults, records: Records, broken: Callable[[Violation], None]) -> None:
        self._world, self._records, self._broken = world, records, broken
        self._loop = asyncio.get_running_loop()
        self.violation: Violation | None = None
        self._inside_since: float | None = None
        self._called_s = float("-inf")
        self._lost_s = float("-inf")
        self._reported_s = float("-inf")
        self._free_s = 0.0
        self._unfree_s = 0.0
        self._rights: list[_Right] = []
        self._crossings: dict[str, int] = {}
        self._mine = ""
        self._refusals = 0
        self._fault_number = 0
        self._still_s = 0.0
        self._inside_at_start = False
        world.hall.told.append(self._on_doors)
        faults.began.append(self._on_fault)
        faults.ended.append(self._on_repair)

    def break_rule(self, rule: str, text: str) -> None:
        """Note the first violation."""
        if self.violation is None and not self._world.chronicle.over:
            chronicle = self._world.chronicle
            chronicle.note(f"VIOLATION ({rule}): {text}")
            self.violation = Violation(chronicle.number, rule, text, chronicle.story())
            self._broken(self.violation)

    # -- what the lane does -------------------------------------------------------------------------------------------

    def on_step(self, event: e.Event, state: LaneState, commands: tuple[c.Command, ...]) -> None:
        """One step of the lane."""
        now = self._world.clock.monotonic()
        if isinstance(event, e.GateReported):
            self._reported_s = now
        elif isinstance(event, e.GateLost):
            self._lost_s = now
        if any(isinstance(command, c.RaiseAlarm) for command in commands):
            self._called_s = now
        if state.phase is LanePhase.IDLE:
            self._free_s = now
        for command in commands:
            if isinstance(command, c.Unlock) and not 0 < command.lease_s <= LONGEST_LEASE_S:
                self.break_rule("lease", f"the {command.door.value} was to be unlocked for {command.lease_s:g} s")

    # -- what people see ----------------------------------------------------------------------------------------------

    def _on_doors(self, before: DoorsNow, now: DoorsNow, party: Party | None, move: Move | None) -> None:
        world, at = self._world, self._world.clock.monotonic()
        self._still_s = at
        calm = not now.emergency and not before.emergency and "emergency" not in world.faults
        if calm:
            self._interlock(before, now, at)
        self._leases(at)
        by_order = calm and Door.EXIT not in world.hall.jammed
        if by_order and now.unlocked[1] and not before.unlocked[1]:
            self._exit_unlocked(now)
        if now.emergency and not before.emergency:
            self._loop.call_later(FREE_WITHIN_S, self._must_be_free)
        if now.persons > before.persons and now.persons > 1:
            self._loop.call_later(ALARM_WITHIN_S, self._must_be_told, self._fault_number, at)
        if move is Move.OUT_BY_EXIT:
            world.counts[PERSONS_BY_EXIT] += 1
        self._inside_since = None if now.persons == 0 else at if self._inside_since is None else self._inside_since
        if by_order and move is Move.OUT_BY_EXIT and party is not None and party.number > 0:
            self._left(party)

    def _interlock(self, before: DoorsNow, now: DoorsNow, at: float) -> None:
        """Rule 1."""
        world, refusals = self._world, self._world.plant.mantrap.interlock_refusals
        if all(now.unlocked) and not world.hall.jammed and not all(before.unlocked):
            self.break_rule("interlock", "both doors are unlocked at once")
        refused, self._refusals = refusals > self._refusals, refusals
        if refused and not LIES & world.faults and at - world.fault_ended_s > 1.0:
            self.break_rule("interlock", "the lane ordered a door open while the other was not closed and locked")

    def _leases(self, at: float) -> None:
        """Rule 6, as the locks have it."""
        for door in Door:
            if self._world.plant.mantrap.leaf(door).released_until - at > LONGEST_LEASE_S + LEASE_MARGIN_S:
                self.break_rule("lease", f"the {door.value} is released for longer than {LONGEST_LEASE_S:g} s")

    def _exit_unlocked(self, now: DoorsNow) -> None:
        """Rule 2, at the instant at which the bolt of the exit moves back."""
        world = self._world
        here = [party for party in world.hall.parties.values() if party.inside]
        family = len(here) == 1 and here[0].together and now.persons == world.cleared_together
        if len(here) != 1 or (now.persons != 1 and not family):
            self.break_rule("exit", f"the exit is unlocked with {now.persons} persons inside")
            return
        right = self._right_of(here[0])
        if right is None:
            self.break_rule("record", f"the exit is unlocked for party {here[0].number} without a durable record that lets them")
        elif right == "admit" and (family or not here[0].may_pass):
            self.break_rule("exit", f"the lane admitted party {here[0].number} ({here[0].kind})")

    def _left(self, party: Party) -> None:
        """Rule 3."""
        if self._right_of(party) is None:
            self.break_rule("referred", f"party {party.number} left by the exit without an admission or an officer's record")
        elif party.undisturbed and self._mine and self._crossings.get(self._mine, 0) != 1:
            number = self._crossings.get(self._mine, 0)
            self.break_rule("once", f"party {party.number} left, and {number} crossings of theirs are recorded")

    def _right_of(self, party: Party) -> str | None:
        """`admit` or `clear` when a durable record since the party came says so; an officer's act counts first."""
        self._read()
        rights = [right for right in self._rights if right.at_s >= party.arrived_s]
        cleared = [right for right in rights if right.word == OfficerAction.CLEAR.value]
        found = (cleared or rights)[-1:]
        self._mine = found[0].transaction if found else ""
        return found[0].word if found else None

    def _read(self) -> None:
        """Take in the new rows of the log; a transaction that crosses twice breaks rule 3 at once."""
        for header in self._records.look():
            at, transaction = header.monotonic_ns / 1e9, header.transaction
            if header.kind is RecordKind.CROSSING:
                self._crossings[transaction] = self._crossings.get(transaction, 0) + 1
                if self._crossings[transaction] > 1:
                    self.break_rule("once", f"crossing {header.sequence} was recorded before")
                if header.outcome == "ADMIT":
                    self._rights.append(_Right(at, "admit", transaction))
            elif header.kind is RecordKind.OFFICER_ACT and header.outcome == OfficerAction.CLEAR.value:
                self._rights.append(_Right(at, header.outcome, transaction))
        del self._rights[:-MOST_RIGHTS]
        if self._records.gaps:
            self.break_rule("order", f"record {self._records.gaps[0]} does not follow the one before")

    def _must_be_free(self) -> None:
        """Rule 5."""
        hall = self._world.hall
        if hall.now.emergency and not all(hall.now.unlocked):
            self.break_rule("emergency", "a door is locked in an emergency")

    def _must_be_told(self, fault_number: int, since: float) -> None:
        """Rule 7; not while the lane cannot know."""
        world, state = self._world, self._world.screen
        if world.hall.persons < 2 or world.faults or fault_number != self._fault_number or state is None:
            return
        if since - world.fault_ended_s < 2 * BACK_WITHIN_S or state.phase is LanePhase.RESYNC:
            return
        if not state.alarms and self._called_s < since and state.phase not in RETURNS:  # one who came at once may be done
            self.break_rule("second person", "two persons are inside and no officer is called")

    # -- faults -------------------------------------------------------------------------------------------------------

    def _on_fault(self, name: str) -> None:
        self._fault_number += 1
        if name in LOST_WITHOUT_WORD and self._world.computer.alive and self._world.screen is not None:
            since, number = self._world.clock.monotonic(), self._fault_number
            if not self._world.screen.gate_lost and since - self._reported_s < LOSS_WITHIN_S:
                self._loop.call_later(LOSS_WITHIN_S + 0.001, self._must_be_lost, name, since, number)

    def _must_be_lost(self, name: str, since: float, number: int) -> None:
        """Rule 8, first half."""
        if name in self._world.faults and number == self._fault_number and self._lost_s < since:
            self.break_rule("loss", f"{name}, and the lane does not know after {LOSS_WITHIN_S:g} s")

    def _on_repair(self, name: str) -> None:
        if name == KILLED:
            self._inside_at_start = self._world.hall.persons > 0
            self._loop.call_later(SERVES_WITHIN_S, self._must_serve, self._fault_number)
        if name in GATE_FAULTS and self._world.computer.alive:
            since, number = self._world.clock.monotonic(), self._fault_number
            self._loop.call_later(BACK_WITHIN_S + 0.001, self._must_be_back, name, since, number)

    def _must_be_back(self, name: str, since: float, number: int) -> None:
        """Rule 8, second half."""
        self._world.computer.quiet.wake()
        quiet = self._reported_s < since and number == self._fault_number
        if quiet and self._world.computer.alive:
            self.break_rule("back", f"repaired ({name}), and the unit gives no report within {BACK_WITHIN_S:g} s")

    def _must_serve(self, number: int) -> None:
        """Rule 10; a door that stands open, or has only just locked, is waited for."""
        hall, phase = self._world.hall, self._world.phase
        if number != self._fault_number or any(hall.now.open) or any(hall.now.unlocked) or hall.now.emergency:
            return
        if phase in (None, LanePhase.RESYNC) and self._world.clock.monotonic() - self._still_s > SETTLED_S:
            self.break_rule("restart", f"the lane does not serve {SERVES_WITHIN_S:g} s after its controller started again")
        elif self._inside_at_start and hall.persons and phase in TAKES:
            self.break_rule("restart", "somebody is inside, and the lane that started again is not the officer's")

    # -- time ---------------------------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Rules that only time breaks."""
        world = self._world
        while True:
            await world.clock.sleep(LOOK_EVERY_S)
            now, state = world.clock.monotonic(), world.screen
            if world.computer.failure is not None:
                self.break_rule("crash", f"the controller ended with {type(world.computer.failure).__name__}")
            if state is None or world.faults or not state.in_service:
                continue
            self._unfree_s = 0.0 if self._free_s >= now - LOOK_EVERY_S or world.invites else self._unfree_s + LOOK_EVERY_S
            alone = self._inside_since is not None and now - self._inside_since > LONGEST_ALONE_S
            opening = any(world.hall.now.unlocked) or state.leased is not None  # or the order is on its way
            if alone and not state.alarms and not opening and now - world.fault_ended_s > 5.0:
                self.break_rule("locked in", f"somebody is inside for {LONGEST_ALONE_S:g} s and no officer is called")
            if self._unfree_s > FREE_AGAIN_S:
                self.break_rule("deadlock", f"nothing is broken, and the lane is not free within {FREE_AGAIN_S:g} s")

    def at_the_end(self) -> None:
        """Rule 11."""
        self._read()
        findings = self._records.findings()
        if findings:
            self.break_rule("log", findings[0])
