"""The [doors.entry] and [doors.exit] tables of a lane's file: what a door does without power, and who answers for that (I10).

Nothing here moves a door: the lock's construction decides what happens when its power goes. The declaration makes somebody look,
puts the answer where the next technician finds it, and refuses what shuts people in: an escape route that stays locked, and a
lane between two doors without one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from egate.model.lane import Door, Topology

STATEMENT_CHARACTERS = (20, 500)
"""Shorter says nothing about the lock, longer is no statement."""

TABLE: Mapping[str, str] = {
    "fail": "what the door does without power: `safe` (it can be pushed open) or `secure` (it stays locked)",
    "escape_route": "`true`: people leave by it in an emergency; such a door must fail safe, and one of two doors must be one",
    "statement": "which lock it is, who tried it without power, and when; 20 to 500 characters",
}
"""Every key of a door's table with one sentence. A lane with real doors must have all three for each of its doors."""

TABLES: Mapping[str, Mapping[str, str]] = {f"doors.{door.value}": TABLE for door in Door}
STAND_IN: Mapping[str, object] = {"fail": "safe", "escape_route": True, "statement": "stands in while the rest is read"}
"""What takes the place of a refused key while the rest of a file is checked."""

Refuse = Callable[[str, str], Exception]
"""Makes the refusal for a table and what is wrong with it."""


class Fail(Enum):
    """What a door does when its lock has no power."""

    SAFE = "safe"
    SECURE = "secure"


@dataclass(frozen=True, slots=True)
class DoorDeclaration:
    """What is declared about one door."""

    fail: Fail
    escape_route: bool
    statement: str


def doors_of(topology: Topology) -> tuple[Door, ...]:
    """The doors that a lane has; a single door is the exit in our words (P1)."""
    return (Door.EXIT,) if topology is Topology.ONE_STEP else tuple(Door)


def read_doors(tree: Mapping[str, Any], refuse: Refuse) -> Mapping[Door, DoorDeclaration]:
    """The declarations of the file; raises what `refuse` makes."""
    return {door: _read_door(f"doors.{door.value}", tree[door.value], refuse) for door in Door if door.value in tree}


def refuse_undeclared(topology: Topology, declared: Mapping[Door, DoorDeclaration], refuse: Refuse, *, emulated: bool) -> None:
    """Every real door of the lane is declared, none that it has not, and one leads out; raises what `refuse` makes."""
    there = doors_of(topology)
    for door in Door:
        table = f"doors.{door.value}"
        if door in declared and door not in there:
            raise refuse(f"{table}]", f"is declared, but topology {topology.value} has no {door.value} door")
        if door in there and door not in declared and not emulated:
            raise refuse(f"{table}] fail", f"is missing: {TABLE['fail']}")
    if len(there) > 1 and there == tuple(declared) and not any(door.escape_route for door in declared.values()):
        raise refuse("doors.exit] escape_route", "is false, as for the entry: whoever is inside could not leave without power")


def _read_door(table: str, keys: Mapping[str, Any], refuse: Refuse) -> DoorDeclaration:
    words = [fail.value for fail in Fail]
    if keys.get("fail") not in words:
        raise refuse(f"{table}] fail", f"must be one of {', '.join(words)}: {TABLE['fail']}")
    if not isinstance(keys.get("escape_route"), bool):
        raise refuse(f"{table}] escape_route", f"must be true or false: {TABLE['escape_route']}")
    fail = Fail(keys["fail"])
    if keys["escape_route"] and fail is Fail.SECURE:
        raise refuse(f"{table}] escape_route", "is true, but the door stays locked without power: people could not leave by it")
    return DoorDeclaration(fail, keys["escape_route"], _statement(f"{table}] statement", keys.get("statement"), refuse))


def _statement(place: str, value: object, refuse: Refuse) -> str:
    least, most = STATEMENT_CHARACTERS
    if not isinstance(value, str) or not least <= len(value.strip()) <= most or not value.isprintable():
        raise refuse(place, f"must be a sentence of {least} to {most} characters: {TABLE['statement']}")
    return value.strip()
