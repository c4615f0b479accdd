"""A lane on the bench: the shipping `step()` with a gate unit that acknowledges at once, for tests that tell one story."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.machine import initial, step
from egate.lane.settings import LaneSettings
from egate.lane.state import LaneState
from egate.model.checks import Check, CheckName, CheckResult, Decision, DecisionPoint, Outcome
from egate.model.lane import Alarm, Door, DoorState, GateReport, LanePhase, OfficerAction, OfficerReason, Power

ADMIT_ENTRY = Decision(Outcome.ADMIT, DecisionPoint.ENTRY)
ADMIT_EXIT = Decision(Outcome.ADMIT, DecisionPoint.EXIT)
REFER_ENTRY = Decision(Outcome.REFER, DecisionPoint.ENTRY, (Check(CheckName.DOCUMENT_EXPIRY, CheckResult.FAILED, "expired"),))
REFER_EXIT = Decision(Outcome.REFER, DecisionPoint.EXIT, (Check(CheckName.FACE_MATCH, CheckResult.FAILED, "below_threshold"),))
HIT_EXIT = Decision(Outcome.REFER, DecisionPoint.EXIT, (Check(CheckName.PERSON_WATCHLIST, CheckResult.FAILED, "hit"),))


@dataclass
class Bench:
    """The lane, what it asked for so far, and the sensors as the unit would report them."""

    settings: LaneSettings = field(default_factory=LaneSettings)
    state: LaneState = field(init=False)
    asked: list[c.Command] = field(default_factory=list)
    entry: DoorState = DoorState.LOCKED
    exit: DoorState = DoorState.LOCKED
    persons: int = 0
    object_left: bool = False
    intrusion: bool = False
    obstructed: bool = False
    power: Power = Power.MAINS

    def __post_init__(self) -> None:
        self.state = initial(self.settings)

    def tell(self, event: e.Event) -> tuple[c.Command, ...]:
        """One event; the commands it caused, which are also kept."""
        self.state, commands = step(self.state, event, self.settings)
        self.asked += commands
        for command in commands:
            if isinstance(command, c.Unlock):
                self.place(command.door, DoorState.CLOSED)
            elif isinstance(command, c.Lock) and self.sensor(command.door) is DoorState.CLOSED:
                self.place(command.door, DoorState.LOCKED)
        return commands

    def sensor(self, door: Door) -> DoorState:
        """What the unit would report of a door."""
        return self.entry if door is Door.ENTRY else self.exit

    def place(self, door: Door, state: DoorState) -> None:
        """Move a door's sensor."""
        if door is Door.ENTRY:
            self.entry = state
        else:
            self.exit = state

    def report(self, *, stale: int = 0, emergency: bool = False, tamper: bool = False) -> tuple[c.Command, ...]:
        """A report that is `stale` commands old (0: fresh)."""
        after = self.state.last_command - stale
        contacts = (self.power, self.object_left, self.intrusion, self.obstructed)
        return self.tell(e.GateReported(GateReport(after, self.entry, self.exit, self.persons, emergency, tamper, *contacts)))

    def report_of(self, *, persons: int) -> tuple[c.Command, ...]:
        """A fresh report with another number of persons."""
        self.persons = persons
        return self.report()

    def tick(self, times: int = 1) -> tuple[c.Command, ...]:
        """Let the present timer expire; the commands of the last time."""
        commands: tuple[c.Command, ...] = ()
        for _ in range(times):
            commands = self.tell(e.TimerExpired(self.state.timer))
        return commands

    def officer(self, action: OfficerAction) -> tuple[c.Command, ...]:
        """An officer's wish."""
        return self.tell(e.OfficerWished(action, OfficerReason.IDENTITY_CONFIRMED, "officer-1"))

    def decided(self, decision: Decision) -> tuple[c.Command, ...]:
        """A decision for the passage under way."""
        return self.tell(e.Decided(self.state.passage, decision))

    def recorded(self) -> tuple[c.Command, ...]:
        """The newest record is durable."""
        return self.tell(e.Recorded(self.state.passage, self.state.records))

    def not_recorded(self) -> tuple[c.Command, ...]:
        """The newest record failed."""
        return self.tell(e.NotRecorded(self.state.passage, self.state.records))

    def at(self, phase: LanePhase) -> bool:
        """Whether the lane is in a phase now."""
        return self.state.phase is phase

    def shows(self) -> tuple[LanePhase, set[Alarm]]:
        """Phase and open alarms now."""
        return self.state.phase, set(self.state.alarms)

    # -- stories ------------------------------------------------------------------------------------------------------

    def to_idle(self) -> Bench:
        """Prove the doors after the start."""
        self.report()
        self.report()
        assert self.at(LanePhase.IDLE)
        return self

    def to_reading(self) -> Bench:
        """A document lies on the reader."""
        self.to_idle().tell(e.DocumentPresented())
        return self

    def to_entry_open(self) -> Bench:
        """The document was accepted."""
        self.to_reading().decided(ADMIT_ENTRY)
        assert self.at(LanePhase.ENTRY_OPEN)
        return self

    def to_entry_closing(self) -> Bench:
        """One person walked in and the door fell shut."""
        self.to_entry_open()
        self.entry = DoorState.OPEN
        self.report()
        self.persons, self.entry = 1, DoorState.CLOSED
        self.report()
        assert self.at(LanePhase.ENTRY_CLOSING)
        return self

    def to_capture(self) -> Bench:
        """The entry is proved locked."""
        self.to_entry_closing().report()
        assert self.at(LanePhase.CAPTURE)
        return self

    def to_recording(self) -> Bench:
        """The face matched."""
        self.to_capture().decided(ADMIT_EXIT)
        assert self.at(LanePhase.RECORDING)
        return self

    def to_exit_open(self) -> Bench:
        """The crossing is durable."""
        self.to_recording().recorded()
        assert self.at(LanePhase.EXIT_OPEN)
        return self

    def to_exit_closing(self) -> Bench:
        """The person left."""
        self.to_exit_open()
        self.persons = 0
        self.report()
        assert self.at(LanePhase.EXIT_CLOSING)
        return self

    def to_referred(self) -> Bench:
        """The face did not match; both doors are proved locked again."""
        self.to_capture().decided(REFER_EXIT)
        self.recorded()
        self.report()
        assert self.at(LanePhase.REFERRED)
        return self

    def to_return_open(self) -> Bench:
        """The officer sends the traveller back."""
        self.to_referred().officer(OfficerAction.RELEASE_TO_ENTRY)
        assert self.at(LanePhase.RETURN_OPEN)
        return self

    def to_return_closing(self) -> Bench:
        """The traveller went back."""
        self.to_return_open()
        self.persons = 0
        self.report()
        assert self.at(LanePhase.RETURN_CLOSING)
        return self

    def to_referred_outside(self) -> Bench:
        """The document was refused."""
        self.to_reading().decided(REFER_ENTRY)
        return self

    def to_left_object(self) -> Bench:
        """The traveller left something behind."""
        self.to_exit_closing().object_left = True
        self.report()
        assert self.at(LanePhase.LEFT_OBJECT)
        return self

    def to_emergency(self) -> Bench:
        """The emergency input is on."""
        self.to_idle().report(emergency=True)
        return self

    def to_out_of_service(self) -> Bench:
        """An officer closed the lane."""
        self.to_idle().officer(OfficerAction.OUT_OF_SERVICE)
        return self

    def to_resync(self) -> Bench:
        """Just started."""
        self.report()
        return self

    def with_state(self, **fields: object) -> Bench:
        """Overwrite fields, to reach a corner directly."""
        self.state = replace(self.state, **fields)  # type: ignore[arg-type]  # names are checked by replace
        return self


def kinds(commands: tuple[c.Command, ...] | list[c.Command]) -> list[type[c.Command]]:
    """The kinds of commands without timers, in order."""
    return [type(command) for command in commands if not isinstance(command, c.SetTimer)]


def reach(phase: LanePhase) -> Bench:
    """A bench in a phase, by the ordinary story that leads there."""
    bench = Bench()
    getattr(bench, f"to_{phase.value}")()
    assert bench.state.phase is phase
    return bench
