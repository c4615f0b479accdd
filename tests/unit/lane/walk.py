"""Walks every state that the shipping `step()` can reach in the world of `walk_world`, and checks the safety properties.

Numbers that only grow (commands, passages, records, timers) are brought to a canonical form that keeps every comparison the lane
makes, so the space is finite. Each lane step is computed once and remembered.

S1 never both doors unlocked · S2 the exit opens for exactly one person with a durable right · S3 a right is used once · S4
evidence newer than the last command · S5 nothing opens between an emergency, start or lost link and the proof of both doors · S6
every unlock is bounded · S7 a referral never opens the exit · S8 a way to IDLE from everywhere · S9 a crash changes none of this.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from functools import cached_property

from egate.lane import commands as c
from egate.lane import events as e
from egate.lane import machine
from egate.lane.settings import LONGEST_LEASE_S, LaneSettings
from egate.lane.state import NO_EVIDENCE, AwaitedRecord, LaneState, RecordPurpose
from egate.model.checks import Check, CheckName, CheckResult, Decision, DecisionPoint, Outcome
from egate.model.lane import Alarm, Door, DoorState, GateReport, LanePhase, OfficerAction, OfficerReason
from tests.unit.lane.walk_world import Flying, Job, Sample, Scope, World, Writing, broken_after_delivery, sample, world_moves

QUICK = LaneSettings(
    tick_s=2.0,
    lease_s=4.0,
    read_max_s=5.0,
    referred_outside_s=2.0,
    entry_open_s=4.0,
    inside_max_s=5.0,
    exit_open_s=4.0,
    return_open_s=4.0,
    closing_s=6.0,
    officer_hold_s=5.0,
)
"""The shortest times that the ranges allow: every limit is one or two ticks away."""

COMMAND, PASSAGE = 100, 100
"""Canonical numbers of the newest command and of the passage under way; 99 stands for any older one."""

_BECAUSE = (Check(CheckName.LANE_HEALTH, CheckResult.FAILED, "walk"),)
DECISIONS = {
    (point, outcome): Decision(outcome, point, () if outcome is Outcome.ADMIT else _BECAUSE)
    for point in DecisionPoint
    for outcome in Outcome
}
INSIDE = frozenset({LanePhase.ENTRY_OPEN, LanePhase.ENTRY_CLOSING, LanePhase.CAPTURE, LanePhase.RECORDING,
                    LanePhase.EXIT_OPEN, LanePhase.EXIT_CLOSING})  # fmt: skip
SETTLED = frozenset({LanePhase.REFERRED, LanePhase.RETURN_OPEN, LanePhase.RETURN_CLOSING, LanePhase.EXIT_OPEN,
                     LanePhase.EXIT_CLOSING})  # fmt: skip


@dataclass(frozen=True)
class Effect:
    """What one lane step did, in canonical terms."""

    lane: int
    before: LanePhase
    after: LanePhase
    unlocked: tuple[c.Unlock, ...]
    flying: tuple[Flying, ...]
    job: Job | None
    records: tuple[Writing, ...]
    renumbered: tuple[tuple[int, int], ...]
    new_passage: bool
    abandoned: bool
    held: bool
    commands: tuple[c.Command, ...]

    @cached_property
    def quiet(self) -> bool:
        """Whether nothing but the lane's own state changed."""
        busy = self.flying or self.job or self.records or self.new_passage or self.abandoned or self.held
        return not busy and self.before is self.after


@dataclass
class Walk:
    """The walk and what it found. `only` names one property to look for, so that a test can show that just this one notices."""

    scope: Scope = field(default_factory=Scope)
    settings: LaneSettings = QUICK
    limit: int = 2_000_000
    only: str = ""
    lanes: list[LaneState] = field(default_factory=list)
    violation: str = ""
    broken_by: str = ""
    trace: tuple[str, ...] = ()
    states: int = 0
    transitions: int = 0
    phases: set[tuple[LanePhase, type[e.Event], LanePhase]] = field(default_factory=set)
    edges: list[tuple[int, int, str]] = field(default_factory=list)
    worlds: list[World] = field(default_factory=list)
    parents: list[tuple[int, str]] = field(default_factory=list)
    path: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self._move = ""
        self._numbers: dict[LaneState, int] = {}
        self._effects: dict[tuple[int, e.Event], Effect] = {}

    # -- the search ---------------------------------------------------------------------------------------------------

    def run(self, *, keep_edges: bool = False) -> Walk:
        """Breadth first from a freshly started controller, until everything is seen or something is broken."""
        start = World(self._intern(machine.initial(self.settings)))
        known = {start: 0}
        self.worlds.append(start)
        self.parents.append((-1, "start"))
        todo = deque([0])
        while todo and len(known) < self.limit:
            number = todo.popleft()
            for label, world in self._successors(self.worlds[number]):
                self.transitions += 1
                found = known.get(world)
                if found is None:
                    found = known[world] = len(self.worlds)
                    self.worlds.append(world)
                    self.parents.append((number, label))
                    todo.append(found)
                if keep_edges:
                    self.edges.append((number, found, label))
            if self.violation:
                self._trace(number)
                break
        self.states = len(known)
        return self

    def _trace(self, number: int) -> None:
        """The moves that lead to the broken one, the first of them first, and the worlds in which they were made."""
        labels, path = [self.broken_by], []
        while number >= 0:
            path.append(number)
            number, label = self.parents[number]
            labels.append(label)
        self.trace, self.path = tuple(reversed(labels)), tuple(reversed(path))

    def _successors(self, world: World) -> list[tuple[str, World]]:
        seen = self.lanes[world.lane].phase is LanePhase.EMERGENCY
        moves = world_moves(world, self.scope, emergency_seen=seen)
        for self._move, moved in moves:
            if world.link and moved.link != world.link and not self._move.startswith("lost"):
                self._blame(broken_after_delivery(moved, world.link[0]))
            if moved.entry_lease and moved.exit_lease and not moved.emergency:
                self._blame("S1 both doors unlocked")
        moves += [self._react(world, label, event, moved) for label, event, moved in self.told_events(world)]
        if self.scope.crash:
            moves.append(("crash and restart", self._restart(world)))
        return moves

    def _blame(self, what: str) -> None:
        if what and not self.violation and self.only in what:
            self.violation, self.broken_by = what, self._move

    def _restart(self, world: World) -> World:
        """S9: the controller forgets everything; commands in flight may still arrive; late answers find nobody."""
        flying = tuple(entry._replace(newest=False) for entry in world.link)
        return world._replace(
            lane=self._intern(machine.initial(self.settings)), link=flying, acknowledged=True, report=None, clean=False,
            job=None, records=(), right=False,
        )  # fmt: skip

    # -- events -------------------------------------------------------------------------------------------------------

    def told_events(self, world: World) -> list[tuple[str, e.Event, World]]:
        """What the lane can be told now, and the world without what was consumed."""
        lane = self.lanes[world.lane]
        found: list[tuple[str, e.Event, World]] = [
            ("timer", e.TimerExpired(lane.timer), world),
            ("help", e.HelpWished(), world),
        ]
        seen = world.report or (None if self.scope.reports_late(world) else sample(world))
        if seen is not None:
            found.append(self._report_event(world, lane, seen))
        if lane.phase is LanePhase.IDLE:
            found.append(("document", e.DocumentPresented(), world))
        if self.scope.gate_lost:
            found.append(("gate lost", e.GateLost(), world._replace(report=None)))
        for action in self.scope.officers:
            wish = e.OfficerWished(action, OfficerReason.DOCUMENT_CHECKED, "o")
            found.append((f"officer {action.value}", wish, world))
        return found + self._work_events(world, lane) + self._record_events(world)

    @staticmethod
    def _report_event(world: World, lane: LaneState, seen: Sample) -> tuple[str, e.Event, World]:
        after = lane.last_command if seen.newest else lane.last_command - 1
        report = GateReport(after, seen.entry, seen.exit, seen.persons, seen.emergency)
        return "report", e.GateReported(report), world._replace(report=None, clean=seen.clean)

    def _work_events(self, world: World, lane: LaneState) -> list[tuple[str, e.Event, World]]:
        """Answers of workers; each may come a second time, and also when the passage is over."""
        job = world.job
        if job is None:
            return []
        passage = lane.passage if job.current else PASSAGE - 1
        point = DecisionPoint.EXIT if job.exit else DecisionPoint.ENTRY
        answers: list[tuple[str, e.Event]] = [
            (f"decided {point.value} {outcome.value}", e.Decided(passage, DECISIONS[point, outcome])) for outcome in Outcome
        ]
        if not job.exit:
            answers.append(("document removed", e.DocumentRemoved(passage)))
        done = [(label, event, world._replace(job=None)) for label, event in answers]
        return done + ([(f"{label} (and again)", event, world) for label, event in answers] if self.scope.late_work else [])

    def _record_events(self, world: World) -> list[tuple[str, e.Event, World]]:
        """Answers of the log. The record is durable when the disk has it, so the right is set before the lane hears of it."""
        found: list[tuple[str, e.Event, World]] = []
        for place, entry in enumerate(world.records):
            passage = PASSAGE if entry.current else PASSAGE - 1
            for fate in ("durable", "failed") if entry.fate == "writing" else (entry.fate,):
                event = e.Recorded(passage, entry.number) if fate == "durable" else e.NotRecorded(passage, entry.number)
                first = entry.fate == "writing" and fate == "durable" and entry.current
                left = world._replace(right=world.right or (first and entry.what in ("admit", "clear")))
                before, after = world.records[:place], world.records[place + 1 :]
                found.append((f"{entry.what} record {fate}", event, left._replace(records=before + after)))
                if self.scope.late_work:
                    again = (*before, entry._replace(fate=fate), *after)
                    found.append((f"{entry.what} record {fate}, to be answered again", event, left._replace(records=again)))
        return found

    # -- one step -----------------------------------------------------------------------------------------------------

    def _react(self, world: World, label: str, event: e.Event, left: World) -> tuple[str, World]:
        self._move = label
        effect = self.effect(world.lane, event)
        self._judge(left, event, effect)
        return label, self._apply(left, effect)

    def _judge(self, world: World, event: e.Event, effect: Effect) -> None:
        for unlock in effect.unlocked:
            if not 0 < unlock.lease_s <= LONGEST_LEASE_S:
                self._blame("S6 an unlock without a bound")
            if not world.clean:
                self._blame("S4 an unlock on evidence older than the last command")
            if effect.before in (LanePhase.RESYNC, LanePhase.EMERGENCY, LanePhase.OUT_OF_SERVICE, LanePhase.IDLE):
                self._blame("S5 an unlock before the doors were proved, or without a passage")
            if unlock.door is Door.EXIT and effect.before is not LanePhase.EXIT_OPEN:
                self._judge_exit(world)
        self._judge_phase(event, effect)

    def _judge_exit(self, world: World) -> None:
        if not world.right:
            self._blame("S2 S3 S7 the exit opened without a durable, unused right")
        if world.persons != 1 and not (world.emergency or world.shaken):
            self._blame("S2 the exit opened for a number of persons other than one")

    def _judge_phase(self, event: e.Event, effect: Effect) -> None:
        if isinstance(event, e.GateReported):
            if event.report.emergency and effect.after is not LanePhase.EMERGENCY:
                self._blame("I5 an emergency was not followed")
            if event.report.emergency and effect.flying:
                self._blame("I5 doors were moved in an emergency")
            if event.report.persons > 1 and effect.before in INSIDE and effect.after in INSIDE:
                self._blame("P10 two persons inside and the passage goes on")
        if effect.before is LanePhase.EMERGENCY and effect.after not in (LanePhase.EMERGENCY, LanePhase.RESYNC):
            self._blame("S5 an emergency ended without proving the doors")
        admits = [x for x in effect.commands if isinstance(x, c.RecordCrossing) and x.decision.outcome is Outcome.ADMIT]
        if admits and not (isinstance(event, e.Decided) and event.decision == admits[0].decision):
            self._blame("S7 a crossing recorded as admitted without its decision")

    def _apply(self, world: World, effect: Effect) -> World:
        if effect.quiet and not world.records:
            return world if effect.lane == world.lane else world._replace(lane=effect.lane)
        link, acknowledged, clean = world.link, world.acknowledged, world.clean
        if self.scope.withdraws and effect.after is LanePhase.EMERGENCY:
            link = tuple(entry for entry in link if not entry.unlock)
        if effect.flying:
            link = tuple(entry._replace(newest=False) for entry in link) + effect.flying
            link, acknowledged, clean = link[-self.scope.flying :] if self.scope.flying else (), False, False
        report = world.report._replace(newest=False) if effect.flying and world.report else world.report
        job = world.job._replace(current=False) if effect.new_passage and world.job else world.job
        records = tuple(self._renumber(entry, effect) for entry in world.records) + effect.records
        if not self.scope.late_work:
            job = None if effect.abandoned else job
            records = tuple(entry for entry in records if entry.current and entry.what != "void")
        right = world.right and not effect.held and not effect.new_passage and effect.after is not LanePhase.EXIT_OPEN
        proved = effect.before is LanePhase.RESYNC and effect.after is not LanePhase.RESYNC
        moved = world._replace(
            lane=effect.lane, link=link, acknowledged=acknowledged, report=report, clean=clean, job=effect.job or job,
            records=records[-self.scope.records :], right=right,
            shaken=world.emergency if proved else world.shaken,
        )  # fmt: skip
        return moved if self.scope.flying or not effect.flying else self._delivered_at_once(moved, effect)

    def _delivered_at_once(self, world: World, effect: Effect) -> World:
        """A link without delay or loss."""
        world = world._replace(link=(), acknowledged=True)
        for command in effect.flying:
            lease = command.unlock
            world = world._replace(entry_lease=lease) if command.door is Door.ENTRY else world._replace(exit_lease=lease)
            self._blame(broken_after_delivery(world, command))
        return world

    @staticmethod
    def _renumber(entry: Writing, effect: Effect) -> Writing:
        what = "void" if effect.held else entry.what
        number = dict(effect.renumbered).get(entry.number, 0)
        return entry._replace(what=what, number=number, current=entry.current and not effect.new_passage)

    # -- lane states --------------------------------------------------------------------------------------------------

    def effect(self, number: int, event: e.Event) -> Effect:
        key = (number, event)
        found = self._effects.get(key)
        if found is None:
            found = self._effects[key] = self._compute(self.lanes[number], event)
        return found

    def _compute(self, lane: LaneState, event: e.Event) -> Effect:
        after, commands = machine.step(lane, event, self.settings)
        self.phases.add((lane.phase, type(event), after.phase))
        sent = [command for command in commands if isinstance(command, c.Unlock | c.Lock)]
        flying = tuple(Flying(isinstance(x, c.Unlock), x.door, x.number == after.last_command) for x in sent)
        job = None
        for command in commands:
            if isinstance(command, c.ReadDocument | c.CaptureFace):
                job = Job(isinstance(command, c.CaptureFace), True)
        renumbered = {entry.number: place + 1 for place, entry in enumerate(_awaited(after))}
        held = after.phase is LanePhase.REFERRED and (
            lane.phase is not LanePhase.REFERRED
            or (isinstance(event, e.OfficerWished) and event.action is OfficerAction.HOLD)
            or after.persons != 1
        )
        return Effect(
            lane=self._intern(after), before=lane.phase, after=after.phase,
            unlocked=tuple(x for x in sent if isinstance(x, c.Unlock)), flying=flying, job=job,
            records=tuple(_writing(x, renumbered) for x in commands if _is_waited_for(x, after) or _is_clearance(x, after)),
            renumbered=tuple(renumbered.items()), new_passage=after.passage != lane.passage, held=held,
            abandoned=any(isinstance(x, c.AbandonPassage) for x in commands), commands=commands,
        )  # fmt: skip

    def _intern(self, lane: LaneState) -> int:
        canonical = canonical_lane(lane)
        number = self._numbers.get(canonical)
        if number is None:
            number = self._numbers[canonical] = len(self.lanes)
            self.lanes.append(canonical)
        return number


def _awaited(lane: LaneState) -> list[AwaitedRecord]:
    """What something could open for: no notes, and no crossings recorded as referred, unless the lane waits for them."""
    decision = lane.decision
    referred = decision is not None and decision.outcome is Outcome.REFER and lane.phase is not LanePhase.RECORDING
    hopeless = {RecordPurpose.NOTE, RecordPurpose.CROSSING} if referred else {RecordPurpose.NOTE}
    return [entry for entry in lane.awaiting if entry.purpose not in hopeless and entry.passage == lane.passage]


def _is_waited_for(command: c.Command, lane: LaneState) -> bool:
    """Admissions; and referrals only if the lane waits for their record, which it never should."""
    waits = lane.phase is LanePhase.RECORDING
    return isinstance(command, c.RecordCrossing) and (waits or command.decision.outcome is Outcome.ADMIT)


def _is_clearance(command: c.Command, lane: LaneState) -> bool:
    return isinstance(command, c.RecordOfficerAct) and command.action is OfficerAction.CLEAR and any(
        entry.number == command.number and entry.purpose is RecordPurpose.CLEARANCE for entry in lane.awaiting
    )  # fmt: skip


def _writing(command: c.Command, renumbered: dict[int, int]) -> Writing:
    if isinstance(command, c.RecordOfficerAct):
        return Writing("clear", "writing", renumbered[command.number], True)
    assert isinstance(command, c.RecordCrossing)
    what = "admit" if command.decision.outcome is Outcome.ADMIT else "refer"
    return Writing(what, "writing", renumbered.get(command.number, 0), True)


def canonical_lane(lane: LaneState) -> LaneState:
    """The lane state with numbers that only grow brought to fixed ones; keeps every comparison that the lane makes.

    Dropped besides: sensors of void evidence (replaced by the next report before anything reads them), time in phases where
    it only calls again, alarms (they steer nothing but the tamper rule), and the wording of a decision that was recorded.
    """
    last = COMMAND if lane.last_command else 0
    evidence = lane.evidence if lane.evidence == NO_EVIDENCE else last - (lane.evidence < lane.last_command)
    passage = PASSAGE if lane.passage else 0
    grant = lane.grant and replace(lane.grant, passage=passage if lane.grant.passage == lane.passage else PASSAGE - 1)
    awaiting = tuple(replace(entry, passage=passage, number=place + 1) for place, entry in enumerate(_awaited(lane)))
    decision = lane.decision and DECISIONS[lane.decision.point, lane.decision.outcome]
    if lane.phase in SETTLED and lane.crossing_decided and not awaiting:
        decision = DECISIONS[DecisionPoint.EXIT, Outcome.REFER]
    locked = DoorState.LOCKED
    lane = replace(lane, unanswered=0) if lane.fresh else replace(lane, entry=locked, exit=locked)
    if lane.phase in (LanePhase.REFERRED, LanePhase.RESYNC):
        lane = replace(lane, ticks=0)
    return replace(
        lane, last_command=last, evidence=evidence, passage=passage, passages=PASSAGE, grant=grant, awaiting=awaiting,
        records=len(awaiting), decision=decision, alarms=lane.alarms & {Alarm.TAMPER}, timer=0,
    )  # fmt: skip


def cannot_rest(walk: Walk, forbidden: str = "") -> list[World]:
    """States from which no way leads to IDLE (S8), without moves whose label contains `forbidden`."""
    backwards: dict[int, list[int]] = {}
    for source, target, label in walk.edges:
        if not forbidden or forbidden not in label:
            backwards.setdefault(target, []).append(source)
    todo = [n for n, world in enumerate(walk.worlds) if walk.lanes[world.lane].phase is LanePhase.IDLE]
    reached = set(todo)
    while todo:
        for source in backwards.get(todo.pop(), ()):
            if source not in reached:
                reached.add(source)
                todo.append(source)
    return [world for number, world in enumerate(walk.worlds) if number not in reached]
