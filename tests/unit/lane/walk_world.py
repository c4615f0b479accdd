"""The world around a lane, as small as it can be without losing a way to go wrong.

The link to the gate unit keeps the order, carries a few commands at once, and may lose a command or its acknowledgement. A report
may be overtaken by what happens after its sample. Leases end at any moment. Doors are pushed, zero to two persons move through
open doors, the emergency input comes and goes, workers and the log answer late, twice, or with a failure, officers act at any
moment, the controller crashes and starts again at any moment, the link is lost at any moment.

Ghosts, which the lane does not see: whether a report was sampled with an empty link (`clean`), for how many the right to leave
was made durable and not yet used (`right`), for how many the exit was opened (`allowed`), whether an emergency shook what was
proved (`shaken`), whether the document of the passage, and of the one that waits, was admitted (`admitted`, `next_admitted`),
whether an officer is there and how much works (`attended`, `mode`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from egate.model.lane import Door, DoorState, OfficerAction, Power


class Flying(NamedTuple):
    """A command on its way: unlock or lock, its door, whether it is the newest command of the present controller."""

    unlock: bool
    door: Door
    newest: bool


class Contacts(NamedTuple):
    """Contacts of the unit besides its doors; they change at any moment in scopes that have them."""

    object_left: bool = False
    intrusion: bool = False
    obstructed: bool = False
    power: Power = Power.MAINS


class Sample(NamedTuple):
    """A report on its way: whether the unit had acknowledged the newest command, the sensors, whether the link was empty."""

    newest: bool
    entry: DoorState
    exit: DoorState
    persons: int
    emergency: bool
    clean: bool
    contacts: Contacts = Contacts()


class Job(NamedTuple):
    """Work that will be answered: for the entry or the exit decision, of the present passage or an earlier one."""

    exit: bool
    current: bool


class Writing(NamedTuple):
    """A record on its way to the disk.

    What it is (`admit`, `clear`, `clear two`; `void` when nothing may come of it any more), its fate (`writing`, `durable`,
    `failed`), its number as the lane knows it, whether it belongs to the present passage.
    """

    what: str
    fate: str
    number: int
    current: bool


class World(NamedTuple):
    """One state of everything. `lane` is the number of an interned canonical lane state."""

    lane: int
    entry_open: bool = False
    exit_open: bool = False
    entry_lease: bool = False
    exit_lease: bool = False
    persons: int = 0
    emergency: bool = False
    link: tuple[Flying, ...] = ()
    acknowledged: bool = True
    report: Sample | None = None
    clean: bool = False
    job: Job | None = None
    records: tuple[Writing, ...] = ()
    right: int = 0
    shaken: bool = False
    contacts: Contacts = Contacts()
    next_job: bool = False
    admitted: bool = False
    next_admitted: bool = False
    allowed: int = 0
    attended: bool = True
    mode: int = 0


@dataclass(frozen=True)
class Scope:
    """How large a world is walked: commands in flight, records and persons at once, and what else may happen."""

    flying: int = 2
    records: int = 1
    persons: int = 2
    crash: bool = True
    emergency: bool = True
    gate_lost: bool = False
    officers: tuple[OfficerAction, ...] = (OfficerAction.CLEAR, OfficerAction.RELEASE_TO_ENTRY, OfficerAction.HOLD)
    late_work: bool = True
    faults: bool = False
    late_reports: bool = True
    late_in_emergency: bool = False
    contacts: tuple[str, ...] = ()
    """Contacts that change: `object_left`, `intrusion`, `obstructed`, `power`."""
    service: bool = False
    """Whether officers come and go, and things stop working and work again."""
    families: bool = False
    """Whether an officer may clear two persons together."""
    single: bool = False
    """One door, before which people come and go as they like."""
    withdraws: bool = False
    """Whether an unlock that is not delivered when the lane learns of an emergency is dropped, as the controller does."""

    def reports_late(self, world: World) -> bool:
        """Whether a report of this moment may be overtaken by what happens next."""
        return self.late_reports and (self.late_in_emergency or not world.emergency)


def sensor(is_open: bool, lease: bool, emergency: bool) -> DoorState:
    """What the unit reports of a door: an emergency unlocks both by hardware."""
    if is_open:
        return DoorState.OPEN
    return DoorState.CLOSED if lease or emergency else DoorState.LOCKED


def sample(world: World) -> Sample:
    """A report sampled now."""
    return Sample(
        world.acknowledged,
        sensor(world.entry_open, world.entry_lease, world.emergency),
        sensor(world.exit_open, world.exit_lease, world.emergency),
        world.persons,
        world.emergency,
        not world.link,
        world.contacts,
    )


def broken_after_delivery(world: World, command: Flying) -> str:
    """What is broken when an unlock takes effect: the other door must be closed and locked (S1)."""
    if not command.unlock or world.emergency or world.shaken:
        return ""
    if command.door is Door.EXIT and (world.entry_open or world.entry_lease):
        return "S1 exit unlocked while the entry is not closed and locked"
    if command.door is Door.ENTRY and (world.exit_open or world.exit_lease):
        return "S1 entry unlocked while the exit is not closed and locked"
    return ""


def world_moves(world: World, scope: Scope, *, emergency_seen: bool) -> list[tuple[str, World]]:
    """Everything that can happen without the lane noticing.

    An emergency ends only when the lane has seen it: it lasts longer than the unit needs for a report.
    """
    moves = [*_unit_moves(world), *_people_moves(world, scope), *_report_moves(world, scope), *_contact_moves(world, scope)]
    if scope.single:
        moves += _floor_moves(world, scope)
    if world.emergency and emergency_seen:
        moves.append(("emergency ends", world._replace(emergency=False)))
    elif scope.emergency and not world.emergency:
        moves.append(("emergency begins", world._replace(emergency=True, shaken=True)))
    return moves


def _unit_moves(world: World) -> list[tuple[str, World]]:
    moves = []
    if world.entry_lease:
        moves.append(("entry lease ends", world._replace(entry_lease=False)))
    if world.exit_lease:
        moves.append(("exit lease ends", world._replace(exit_lease=False)))
    if world.link:
        first, rest = world.link[0], world.link[1:]
        lease = first.unlock
        done = world._replace(link=rest)
        done = done._replace(entry_lease=lease) if first.door is Door.ENTRY else done._replace(exit_lease=lease)
        text = f"{'unlock' if first.unlock else 'lock'} {first.door.value}"
        moves.append((f"delivered: {text}", done._replace(acknowledged=world.acknowledged or first.newest)))
        moves.append((f"lost: {text}", world._replace(link=rest)))
        if first.newest:
            moves.append((f"delivered, acknowledgement lost: {text}", done))
    return moves


def _people_moves(world: World, scope: Scope) -> list[tuple[str, World]]:
    moves = []
    doors = (("entry", world.entry_open, world.entry_lease), ("exit", world.exit_open, world.exit_lease))
    for name, is_open, lease in doors[scope.single :]:
        if is_open:
            moves.append((f"{name} closes", _with_door(world, name, is_open=False)))
            if world.persons < scope.persons:
                moves.append((f"in through {name}", world._replace(persons=world.persons + 1)))
            if world.persons > 0:
                moves.append((f"out through {name}", world._replace(persons=world.persons - 1)))
        elif lease or world.emergency:
            moves.append((f"{name} pushed open", _with_door(world, name, is_open=True)))
    return moves


def _floor_moves(world: World, scope: Scope) -> list[tuple[str, World]]:
    """Before a single door people come and go, whether it is locked or not."""
    moves = []
    if world.persons < scope.persons:
        moves.append(("comes before the door", world._replace(persons=world.persons + 1)))
    if world.persons > 0:
        moves.append(("goes away from the door", world._replace(persons=world.persons - 1)))
    return moves


def _contact_moves(world: World, scope: Scope) -> list[tuple[str, World]]:
    moves = []
    for name in scope.contacts:
        now = getattr(world.contacts, name)
        for then in (power for power in Power if power is not now) if name == "power" else (not now,):
            word = then.value if isinstance(then, Power) else "on" if then else "off"
            contacts = world.contacts._replace(**{name: then})  # type: ignore[arg-type]  # the names are those of the contacts
            moves.append((f"contact {name} {word}", world._replace(contacts=contacts)))
    return moves


def _with_door(world: World, name: str, *, is_open: bool) -> World:
    return world._replace(entry_open=is_open) if name == "entry" else world._replace(exit_open=is_open)


def _report_moves(world: World, scope: Scope) -> list[tuple[str, World]]:
    if world.report is not None or not scope.reports_late(world):
        return []
    moves = [("sampled", world._replace(report=sample(world)))]
    if scope.faults:
        true = sample(world)
        moves.append(("sampled with entry fault", world._replace(report=true._replace(entry=DoorState.FAULT))))
        moves.append(("sampled with exit fault", world._replace(report=true._replace(exit=DoorState.FAULT))))
    return moves
