"""Walks every state that the shipping `step()` can reach in the world of `walk_world`, and checks the safety properties.

Lane states are brought to a canonical form (`walk_canonical`), so the space is finite. Each lane step is computed once and
remembered. The properties are those of `walk_judges`, S1 besides whenever a command is delivered, and S8 in `cannot_rest`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from functools import cached_property

from egate.lane import commands as c
from egate.lane import events as e
from egate.lane import machine
from egate.lane.modes import mode_of
from egate.lane.settings import LaneSettings
from egate.lane.state import LaneState, RecordPurpose
from egate.model.checks import DecisionPoint, Outcome
from egate.model.lane import Degradation, Door, GateReport, LanePhase, OfficerAction, OfficerReason, Topology
from tests.unit.lane.walk_canonical import DECISIONS, PASSAGE, awaited, canonical_lane
from tests.unit.lane.walk_judges import judge
from tests.unit.lane.walk_world import Flying, Job, Sample, Scope, World, Writing, broken_after_delivery, sample, world_moves

__all__ = ["DECISIONS", "PASSAGE", "QUICK", "Effect", "Walk", "cannot_rest", "canonical_lane"]

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

DEGRADED = (frozenset[Degradation](), frozenset({Degradation.FACE_DOWN}), frozenset({Degradation.LOG_FULL}))
"""One of each mode."""

READS_NEXT = frozenset({LanePhase.CAPTURE, LanePhase.RECORDING, LanePhase.EXIT_OPEN, LanePhase.EXIT_CLOSING})


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
    promoted: bool
    next_read: bool
    waits: bool
    abandoned: bool
    held: bool
    commands: tuple[c.Command, ...]

    @cached_property
    def numbers(self) -> dict[int, int]:
        """Numbers of records before → after."""
        return dict(self.renumbered)

    @cached_property
    def quiet(self) -> bool:
        """Whether nothing but the lane's own state changed."""
        busy = self.flying or self.job or self.records or self.new_passage or self.abandoned or self.held or self.next_read
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
        self._judged: dict[object, tuple[str, ...]] = {}

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
            job=None, records=(), right=0, next_job=False, admitted=False, next_admitted=False, allowed=0, attended=True, mode=0,
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
        if lane.phase is LanePhase.IDLE or (self.settings.pipelined and lane.phase in READS_NEXT):
            token = lane.topology is Topology.SEGREGATED
            found.append(("token", e.TokenPresented(), world) if token else ("document", e.DocumentPresented(), world))
        if self.scope.gate_lost:
            found.append(("gate lost", e.GateLost(), world._replace(report=None)))
        for action in self.scope.officers:
            wish = e.OfficerWished(action, OfficerReason.DOCUMENT_CHECKED, "o")
            found.append((f"officer {action.value}", wish, world))
            if self.scope.families and action is OfficerAction.CLEAR:
                found.append((f"officer {action.value} two", replace(wish, persons=2), world))
        if self.scope.service:
            found += self._service_events(world, lane)
        return found + self._work_events(world, lane) + self._record_events(world)

    @staticmethod
    def _report_event(world: World, lane: LaneState, seen: Sample) -> tuple[str, e.Event, World]:
        after = lane.last_command if seen.newest else lane.last_command - 1
        contacts = seen.contacts
        report = GateReport(
            after, seen.entry, seen.exit, seen.persons, seen.emergency, power=contacts.power, object_left=contacts.object_left,
            intrusion=contacts.intrusion, obstructed=contacts.obstructed,
        )  # fmt: skip
        return "report", e.GateReported(report), world._replace(report=None, clean=seen.clean)

    @staticmethod
    def _service_events(world: World, lane: LaneState) -> list[tuple[str, e.Event, World]]:
        presence = e.OfficerPresence(not world.attended)
        word = "comes to" if presence.present else "leaves"
        found: list[tuple[str, e.Event, World]] = [
            (f"officer {word} the station", presence, world._replace(attended=presence.present))
        ]
        for degraded in DEGRADED:
            mode = mode_of(degraded, lane.topology)
            if mode != world.mode:
                found.append((f"mode {mode.name.lower()}", e.ModeChanged(degraded), world._replace(mode=int(mode))))
        return found

    def _work_events(self, world: World, lane: LaneState) -> list[tuple[str, e.Event, World]]:
        """Answers of workers; each may come a second time, and also when the passage is over."""
        return self._next_events(world) + self._job_events(world, lane)

    @staticmethod
    def _next_events(world: World) -> list[tuple[str, e.Event, World]]:
        """Answers for the passage that waits."""
        if not world.next_job:
            return []
        left = world._replace(next_job=False)
        admitted = left._replace(next_admitted=True)
        return [
            ("next document admitted", e.Decided(PASSAGE + 1, DECISIONS[DecisionPoint.ENTRY, Outcome.ADMIT]), admitted),
            ("next document refused", e.Decided(PASSAGE + 1, DECISIONS[DecisionPoint.ENTRY, Outcome.REFER]), left),
            ("next document removed", e.DocumentRemoved(PASSAGE + 1), left),
        ]

    def _job_events(self, world: World, lane: LaneState) -> list[tuple[str, e.Event, World]]:
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
        admitted = job.current and not job.exit
        entry = DECISIONS[DecisionPoint.ENTRY, Outcome.ADMIT]
        heard = [
            (label, event, world._replace(admitted=True) if admitted and event == e.Decided(passage, entry) else world)
            for label, event in answers
        ]
        done = [(label, event, left._replace(job=None)) for label, event, left in heard]
        return done + ([(f"{label} (and again)", event, left) for label, event, left in heard] if self.scope.late_work else [])

    def _record_events(self, world: World) -> list[tuple[str, e.Event, World]]:
        """Answers of the log. The record is durable when the disk has it, so the right is set before the lane hears of it."""
        found: list[tuple[str, e.Event, World]] = []
        for place, entry in enumerate(world.records):
            passage = PASSAGE if entry.current else PASSAGE - 1
            for fate in ("durable", "failed") if entry.fate == "writing" else (entry.fate,):
                event = e.Recorded(passage, entry.number) if fate == "durable" else e.NotRecorded(passage, entry.number)
                first = entry.fate == "writing" and fate == "durable" and entry.current
                left = world._replace(right=world.right or (_RIGHTS.get(entry.what, 0) if first else 0))
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
        self._judge(left, world.lane, event, effect)
        return label, self._apply(left, effect)

    def _judge(self, world: World, number: int, event: e.Event, effect: Effect) -> None:
        """A step breaks the same in every world that looks alike to the judges, so most are judged once."""
        if effect.quiet and not isinstance(event, e.GateReported):
            return
        seen = (world.clean, world.right, world.persons, world.emergency or world.shaken, world.allowed, world.admitted,
                world.attended, world.mode)  # fmt: skip
        key = (number, event, seen)
        if key not in self._judged:
            self._judged[key] = tuple(judge(world, self.lanes[number], event, self.lanes[effect.lane], effect.commands))
        for what in self._judged[key]:
            self._blame(what)

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
        opened = effect.after is LanePhase.EXIT_OPEN
        right = 0 if effect.held or effect.new_passage or opened else world.right
        allowed = 0 if effect.held or effect.new_passage else world.right if opened and world.right else world.allowed
        admitted = world.next_admitted if effect.promoted else world.admitted and not effect.new_passage
        if effect.promoted and world.next_job:
            job = Job(exit=False, current=True)
        next_job = effect.next_read or (world.next_job and effect.waits)
        proved = effect.before is LanePhase.RESYNC and effect.after is not LanePhase.RESYNC
        moved = world._replace(
            lane=effect.lane, link=link, acknowledged=acknowledged, report=report, clean=clean, job=effect.job or job,
            records=records[-self.scope.records :], right=right,
            shaken=world.emergency if proved else world.shaken, allowed=allowed, admitted=admitted, next_job=next_job,
            next_admitted=world.next_admitted and effect.waits,
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
        number = effect.numbers.get(entry.number, 0)
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
            if isinstance(command, c.ReadDocument | c.RedeemToken | c.CaptureFace) and command.passage == after.passage:
                job = Job(isinstance(command, c.CaptureFace), True)
        renumbered = {entry.number: place + 1 for place, entry in enumerate(awaited(after))}
        held = after.phase is LanePhase.REFERRED and (
            lane.phase is not LanePhase.REFERRED
            or (isinstance(event, e.OfficerWished) and event.action is OfficerAction.HOLD)
            or not _counted(after)
        )
        return Effect(
            lane=self._intern(after), before=lane.phase, after=after.phase,
            unlocked=tuple(x for x in sent if isinstance(x, c.Unlock)), flying=flying, job=job,
            records=tuple(_writing(x, renumbered) for x in commands if _is_waited_for(x, after) or _is_clearance(x, after)),
            renumbered=tuple(renumbered.items()), new_passage=after.passage != lane.passage, held=held,
            promoted=lane.waiting is not None and after.passage == lane.waiting.passage,
            next_read=any(isinstance(x, c.ReadDocument) and x.passage != after.passage for x in commands),
            waits=after.waiting is not None,
            abandoned=any(isinstance(x, c.AbandonPassage) and x.passage == lane.passage for x in commands), commands=commands,
        )  # fmt: skip

    def _intern(self, lane: LaneState) -> int:
        canonical = canonical_lane(lane)
        number = self._numbers.get(canonical)
        if number is None:
            number = self._numbers[canonical] = len(self.lanes)
            self.lanes.append(canonical)
        return number


_RIGHTS = {"admit": 1, "clear": 1, "clear two": 2}
"""For how many each record is a right to leave, once it is durable."""


def _counted(lane: LaneState) -> bool:
    """Whether a clearance that was given still fits what is counted."""
    return lane.persons <= lane.expected if lane.single else lane.persons == lane.expected


def _is_waited_for(command: c.Command, lane: LaneState) -> bool:
    """Admissions; and referrals only if the lane waits for their record, which it never should."""
    waits = lane.phase is LanePhase.RECORDING
    return (
        isinstance(command, c.RecordCrossing)
        and command.passage == lane.passage
        and (waits or command.decision.outcome is Outcome.ADMIT)
    )


def _is_clearance(command: c.Command, lane: LaneState) -> bool:
    return isinstance(command, c.RecordOfficerAct) and command.action is OfficerAction.CLEAR and any(
        entry.number == command.number and entry.purpose is RecordPurpose.CLEARANCE for entry in lane.awaiting
    )  # fmt: skip


def _writing(command: c.Command, renumbered: dict[int, int]) -> Writing:
    if isinstance(command, c.RecordOfficerAct):
        return Writing("clear" if command.persons == 1 else "clear two", "writing", renumbered[command.number], True)
    assert isinstance(command, c.RecordCrossing)
    what = "admit" if command.decision.outcome is Outcome.ADMIT else "refer"
    return Writing(what, "writing", renumbered.get(command.number, 0), True)


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
