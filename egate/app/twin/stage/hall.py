"""The physical truth of one lane: who is between the doors, since when, and what doors and locks do, whatever the lane believes.

It drives the simulated doors (`drivers.sim.mantrap`) as people do and tells every physical change. A door whose bolt is jammed
springs open again, and says so with its contact; that is added here, because the doors themselves know no such fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from drivers.sim.mantrap import Mantrap
from egate.app.twin.stage.chronicle import Chronicle
from egate.model.lane import Door
from egate.ports import Clock

TRY_S = 1.0
"""How long somebody stands with a hand on a door that was unlocked a moment ago."""


@dataclass(slots=True)
class Party:
    """Who comes together. `may_pass`: the rules let the lane admit them, alone, with this document and this face."""

    number: int
    kind: str
    may_pass: bool
    arrived_s: float
    together: bool = False
    """A family, which an officer may let leave together (P19)."""
    inside: int = 0
    left_by_exit: int = 0
    undisturbed: bool = True
    """No controller died and no disk failed since they came."""


@dataclass(frozen=True, slots=True)
class DoorsNow:
    """Both doors at one instant."""

    unlocked: tuple[bool, bool]
    open: tuple[bool, bool]
    persons: int
    emergency: bool


class Move(Enum):
    """What a change of the number of people was."""

    IN_BY_ENTRY = (Door.ENTRY, 1)
    OUT_BY_ENTRY = (Door.ENTRY, -1)
    IN_BY_EXIT = (Door.EXIT, 1)
    OUT_BY_EXIT = (Door.EXIT, -1)


Told = Callable[[DoorsNow, DoorsNow, Party | None, Move | None], None]
"""Before, now, and who moved how, if anybody did."""


@dataclass(slots=True)
class Hall:
    """The truth. `told` hears each physical change after it was noted."""

    mantrap: Mantrap
    clock: Clock
    chronicle: Chronicle
    told: list[Told] = field(default_factory=list)
    jammed: set[Door] = field(default_factory=set)
    parties: dict[int, Party] = field(default_factory=dict)
    now: DoorsNow = DoorsNow((False, False), (False, False), 0, emergency=False)
    _walking: list[tuple[Party, Move]] = field(default_factory=list)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def watch(self) -> None:
        """Begin to listen to the doors."""
        self.now = self._look()
        self.mantrap.on_change(self._changed)

    @property
    def persons(self) -> int:
        """How many are between the doors."""
        return self.mantrap.persons

    def unlocked(self, door: Door) -> bool:
        """Whether a hand could open this door now."""
        return not self.mantrap.leaf(door).locked

    def expect(self, party: Party) -> None:
        """A party is on its way."""
        self.parties[party.number] = party

    async def go_in(self, party: Party, persons: int, within_s: float, by: Door = Door.ENTRY) -> bool:
        """So many of a party walk in; False when the door did not open in time."""
        move = Move.IN_BY_ENTRY if by is Door.ENTRY else Move.IN_BY_EXIT
        self.expect(party)
        return await self._walk(party, move, persons, within_s)

    async def go_out(self, party: Party, by: Door, within_s: float = TRY_S) -> bool:
        """Everybody of a party walks out by a door; False when it did not open in time."""
        move = Move.OUT_BY_ENTRY if by is Door.ENTRY else Move.OUT_BY_EXIT
        return party.inside == 0 or await self._walk(party, move, party.inside, within_s)

    async def door_opens(self, within_s: float) -> Door | None:
        """Wait until one of the doors can be opened from inside; the exit is looked at first. None: not in time."""
        deadline = self.clock.monotonic() + within_s
        while True:
            for door in (Door.EXIT, Door.ENTRY):
                if self.unlocked(door):
                    return door
            rest = deadline - self.clock.monotonic()
            if rest <= 0:
                return None
            await self.change(rest)

    async def change(self, within_s: float) -> None:
        """Wait until something physical changes, or so long."""
        self._moved.clear()
        try:
            async with asyncio.timeout(within_s):
                await self._moved.wait()
        except TimeoutError:
            return

    def jam(self, door: Door) -> None:
        """From now on the bolt of a door springs back."""
        self.jammed.add(door)
        self.poke()

    def free(self, door: Door) -> None:
        """The bolt works again: it goes out where it should have."""
        self.jammed.discard(door)
        leaf = self.mantrap.leaf(door)
        leaf.locked = leaf.closed and not self.mantrap.released(door)
        self.poke()

    def poke(self) -> None:
        """Let the doors tell their state."""
        self.mantrap.tamper(self.mantrap.tampered)

    async def _walk(self, party: Party, move: Move, persons: int, within_s: float) -> bool:
        entry = (party, move)
        self._walking.append(entry)
        door, sign = move.value
        try:
            if door is Door.ENTRY:
                return await (self.mantrap.walk_in(persons, within_s) if sign > 0 else self.mantrap.walk_back(persons, within_s))
            return await self.mantrap.walk_out_exit(-persons if sign > 0 else persons, within_s)
        finally:
            self._walking.remove(entry)

    def _look(self) -> DoorsNow:
        leaves = [self.mantrap.leaf(door) for door in Door]
        return DoorsNow(
            (not leaves[0].locked, not leaves[1].locked),
            (not leaves[0].closed, not leaves[1].closed),
            self.mantrap.persons,
            self.mantrap.emergency_on,
        )

    def _changed(self) -> None:
        for door in self.jammed:
            self.mantrap.leaf(door).locked = False
        before, self.now = self.now, self._look()
        party, move = self._who_moved(self.now.persons - before.persons)
        text = _words(before, self.now, party, move)
        if text:
            self.chronicle.note(text)
        for told in self.told:
            told(before, self.now, party, move)
        self._moved.set()

    def _who_moved(self, difference: int) -> tuple[Party | None, Move | None]:
        for party, move in self._walking if difference else ():
            if move.value[1] == difference and (difference > 0 or party.inside):
                party.inside = max(0, party.inside + difference)
                if move is Move.OUT_BY_EXIT:
                    party.left_by_exit += 1
                return party, move
        return None, None


def _words(before: DoorsNow, now: DoorsNow, party: Party | None, move: Move | None) -> str:
    """A physical change in words; empty when nothing that people see changed."""
    said = []
    for place, door in enumerate(Door):
        if now.unlocked[place] != before.unlocked[place]:
            said.append(f"the {door.value} is {'unlocked' if now.unlocked[place] else 'locked'}")
        if now.open[place] != before.open[place]:
            said.append(f"the {door.value} {'opens' if now.open[place] else 'closes'}")
    if party is not None and move is not None:
        door, sign = move.value
        way = "comes in" if sign > 0 else "leaves"
        said.append(f"somebody of party {party.number} ({party.kind}) {way} by the {door.value}: {now.persons} inside")
    if now.emergency != before.emergency:
        said.append(f"the emergency input is {'on' if now.emergency else 'off'}")
    return ", ".join(said)
