"""The whole state of a lane as one frozen value, with the fields that screens and the log read.

The rule it keeps: evidence about the doors is the newest report of the gate unit, and it counts only while it is newer than the
last command to either door (`fresh`). Every command therefore makes all evidence void until a new sample arrives (I2).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from egate.lane.modes import Mode, mode_of
from egate.model.checks import Decision, DecisionPoint, Outcome
from egate.model.lane import Alarm, Degradation, Door, DoorState, LanePhase, Power, Topology

NO_EVIDENCE = -1
"""`evidence` before the gate unit has reported, and after it was lost."""


class RecordPurpose(Enum):
    """What an unanswered record is for."""

    CROSSING = "crossing"
    CLEARANCE = "clearance"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class AwaitedRecord:
    """A record that was asked for and is not answered yet."""

    passage: int
    number: int
    purpose: RecordPurpose


@dataclass(frozen=True, slots=True)
class Grant:
    """The right of one passage to go through one door; it is given once and taken away when its phase ends (P13).

    `persons`: how many leave together through the exit, more than one only on an officer's word (P19). `back`: whether the entry
    opens for the way back (P15), whoever is inside.
    """

    passage: int
    door: Door
    persons: int = 1
    back: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """The passage whose document is read while another traveller is inside (P22), and its decision once there is one."""

    passage: int
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class LaneState:
    """Everything a lane knows.

    `passage` is the passage under way (0: none), `passages` the last number given out. `entry`, `exit`, `persons`, `tamper` are
    the newest report; `evidence` is its `after_command`. `leased` is the door whose last command was an unlock. `awaiting`
    lists unanswered records, the oldest first. `ticks` counts time since the present span of phases began, `unanswered` the ticks
    since the last command to a door.

    `attended`: an officer is at the station (S5). `degraded`: what does not work (P21). `power`: what feeds the lane; LOW stays
    until the mains are back (I11). `object_left`, `intrusion`, `obstructed`: contacts of the newest report. `waiting`: the next
    passage (P22). `came`: whether the door that is offered, or was, has been used: somebody was counted inside behind the entry,
    or the single door of a one-step lane was seen open. `expected`: how many persons the passage is for.
    """

    phase: LanePhase = LanePhase.RESYNC
    passage: int = 0
    passages: int = 0
    entry: DoorState = DoorState.FAULT
    exit: DoorState = DoorState.FAULT
    persons: int = 0
    tamper: bool = False
    evidence: int = NO_EVIDENCE
    last_command: int = 0
    leased: Door | None = None
    decision: Decision | None = None
    grant: Grant | None = None
    awaiting: tuple[AwaitedRecord, ...] = ()
    records: int = 0
    alarms: frozenset[Alarm] = frozenset()
    in_service: bool = True
    gate_lost: bool = False
    timer: int = 0
    ticks: int = 0
    unanswered: int = 0
    topology: Topology = Topology.TWO_STEP
    attended: bool = True
    degraded: frozenset[Degradation] = frozenset()
    power: Power = Power.MAINS
    object_left: bool = False
    intrusion: bool = False
    obstructed: bool = False
    waiting: Waiting | None = None
    came: bool = False
    expected: int = 1

    def door(self, door: Door) -> DoorState:
        """What the newest report says of a door."""
        return self.entry if door is Door.ENTRY else self.exit

    @property
    def fresh(self) -> bool:
        """Whether the newest report was sampled after the last command to either door was acknowledged."""
        return self.evidence != NO_EVIDENCE and self.evidence >= self.last_command

    @property
    def secure(self) -> bool:
        """Whether fresh evidence says that both doors are closed and locked."""
        return self.fresh and self.entry is DoorState.LOCKED and self.exit is DoorState.LOCKED

    @property
    def occupied(self) -> bool:
        """Whether somebody is between the doors, as far as the sensors tell. Nobody is between the doors of a one-step lane."""
        return self.persons > 0 and not self.single

    @property
    def single(self) -> bool:
        """Whether the lane has one door only, the exit."""
        return self.topology is Topology.ONE_STEP

    @property
    def mode(self) -> Mode:
        """What the lane may do with what works now (P21)."""
        return mode_of(self.degraded, self.topology)

    @property
    def serviceable(self) -> bool:
        """Whether a new traveller may be taken: nobody closed the lane, an officer is there, the power lasts, enough works."""
        return self.in_service and self.attended and self.power is not Power.LOW and self.mode is not Mode.CLOSED

    @property
    def crossing_decided(self) -> bool:
        """Whether the crossing of this passage was decided and its record asked for: it is recorded once."""
        decision = self.decision
        return decision is not None and (decision.point is DecisionPoint.EXIT or decision.outcome is Outcome.REFER)
