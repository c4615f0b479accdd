"""The travellers of a shift: who comes, with what, and how they behave. All chance is drawn from the shift's seed.

They see what people see: the doors, and the kiosk's screen (the lane's phase). They know nothing else of the lane, and nobody
waits for it to be ready for their mistakes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from egate.app.twin.stage.documents import ADMISSIBLE, Document, Paper
from egate.app.twin.stage.hall import Party
from egate.app.twin.stage.world import World
from egate.ipc.client import MessageClient
from egate.ipc.messages import Role, TravellerHelpWished
from egate.model.errors import EgateError
from egate.model.lane import Door, LanePhase

LAYS_AT_MOST = 3
"""How often somebody lays the document down before giving up."""

SCREEN_SAYS_READING_S = 3.0
ENTRY_PATIENCE_S = 45.0
"""From a document that is read to a door that opens: the longest reading and a bit."""

GAP_S = (0.8, 2.5)
"""From one traveller to the next in a queue, in seconds."""

SPURIOUS = frozenset({LanePhase.REFERRED_OUTSIDE, LanePhase.IDLE, LanePhase.OUT_OF_SERVICE, LanePhase.REFERRED})


class Kind(Enum):
    """Kinds of travellers, and how many in a thousand they are."""

    GENUINE = ("genuine", 660)
    SLOW = ("slow", 80)
    IMPOSTOR = ("impostor", 15)
    FAMILY = ("family", 12)
    TAILGATER = ("tailgater", 15)
    MINOR = ("minor", 12)
    WRONG_DIRECTION = ("somebody comes in by the exit", 10)
    LUGGAGE = ("suitcase in the door", 12)
    TURNS_BACK = ("turns back", 15)
    LOST = ("lost", 15)
    STAYS = ("stays inside", 10)
    HELP = ("presses Help", 12)
    EXPIRED = ("expired document", 14)
    LISTED = ("listed document", 8)
    CLONED = ("cloned chip", 6)
    FORGED = ("forged document", 6)
    NO_CHIP = ("document without chip", 14)
    DYING_CHIP = ("chip dies", 12)
    PULLS_EARLY = ("pulls early", 25)
    LAYS_TWICE = ("lays a document twice", 15)
    PUSHES = ("pushes doors", 20)
    FIDGETS = ("never stands still", 12)

    @property
    def word(self) -> str:
        """In words."""
        return self.value[0]


_PAPERS: Mapping[Kind, Paper] = {
    Kind.MINOR: Paper.MINOR,
    Kind.EXPIRED: Paper.EXPIRED,
    Kind.LISTED: Paper.LISTED,
    Kind.CLONED: Paper.CLONED,
    Kind.FORGED: Paper.FORGED,
    Kind.NO_CHIP: Paper.NO_CHIP,
    Kind.DYING_CHIP: Paper.DYING_CHIP,
}
_NEVER_STAND = frozenset({Kind.FIDGETS})


@dataclass(frozen=True, slots=True)
class Habits:
    """Times of one traveller in seconds, drawn once."""

    to_enter_s: float
    to_leave_s: float
    takes_document_s: float


class Travellers:
    """Brings one traveller after the other, `per_hour` on average, and waits for a lane that is busy."""

    def __init__(self, world: World, per_hour: float) -> None:
        self._world = world
        self._draw = world.draw("travellers")
        self._per_hour = per_hour
        self._number = 0
        self._next_arrival_s = 0.0
        self._intruder: Party | None = None

    async def run(self) -> None:
        """For ever."""
        while True:
            self._next_arrival_s += self._draw.expovariate(self._per_hour / 3600.0)
            kind = self._draw.choices(list(Kind), [kind.value[1] for kind in Kind])[0]
            gap = self._draw.uniform(*GAP_S)
            await self._world.clock.sleep(max(gap, self._next_arrival_s - self._world.clock.monotonic()))
            await self._until_free()
            self._number += 1
            self._world.counts[f"traveller: {kind.word}"] += 1
            await self._visit(kind)

    async def _until_free(self) -> None:
        """The kiosk invites, and nobody is inside."""
        world = self._world
        while not world.invites or world.hall.persons:
            await world.clock.sleep(0.25)

    async def _visit(self, kind: Kind) -> None:
        """One traveller from the document to the way out."""
        world, draw = self._world, self._draw
        paper = _PAPERS.get(kind, Paper.GOOD)
        document = draw.choice(world.pool.documents[paper])
        alone = kind not in (Kind.FAMILY, Kind.TAILGATER)
        may_pass = paper in ADMISSIBLE and alone and kind is not Kind.IMPOSTOR
        party = Party(self._number, kind.word, may_pass, world.clock.monotonic())
        party.together = kind is Kind.FAMILY
        world.cleared_together = 0
        world.hall.expect(party)
        slow = kind is Kind.SLOW
        habits = Habits(
            draw.uniform(3.0, 6.5) if slow else draw.uniform(0.3, 1.6),
            draw.uniform(3.5, 8.5) if slow else draw.uniform(0.3, 1.4),
            draw.uniform(0.1, 0.35),
        )
        world.face.genuine, world.face.blurred = kind is not Kind.IMPOSTOR, kind in _NEVER_STAND
        world.face.several = False
        world.chronicle.note(f"party {party.number} arrives: {kind.word}")
        nuisance = asyncio.ensure_future(_NUISANCES[kind](self, party)) if kind in _NUISANCES else None
        try:
            if await self._lay(document, kind, habits) and await self._enter(party, kind, habits):
                await self._inside(party, kind, habits)
        finally:
            world.plant.chip_device.remove()
            if nuisance is not None and self._intruder is not None and self._intruder.inside:
                await nuisance
            elif nuisance is not None:
                nuisance.cancel()
                await asyncio.gather(nuisance, return_exceptions=True)
            world.hall.parties = {number: each for number, each in world.hall.parties.items() if each.inside}

    # -- the document -------------------------------------------------------------------------------------------------

    async def _lay(self, document: Document, kind: Kind, habits: Habits) -> bool:
        """Lay it down until the lane opens or refers; whether somebody should go in."""
        world = self._world
        for attempt in range(LAYS_AT_MOST):
            pulls = kind is Kind.PULLS_EARLY and attempt == 0
            if not await self._lay_once(document, habits.takes_document_s if pulls else None):
                continue
            if await self._answer():
                world.plant.chip_device.remove()
                return True
            world.plant.chip_device.remove()
            if world.phase is not LanePhase.IDLE:
                return False
            await world.clock.sleep(self._draw.uniform(0.5, 2.0))
        return False

    async def _lay_once(self, document: Document, pulled_after_s: float | None) -> bool:
        """Lay it down once; whether the kiosk says that it reads."""
        world = self._world
        if document.chip is not None:
            world.plant.chip_device.insert(document.chip)
        await world.plant.mrz_device.present(document.lines)
        if pulled_after_s is not None:
            await world.clock.sleep(pulled_after_s)
            world.plant.chip_device.remove()
            world.chronicle.note("the document is pulled early")
        deadline = world.clock.monotonic() + SCREEN_SAYS_READING_S
        while world.clock.monotonic() < deadline:
            if world.phase is not LanePhase.IDLE:
                return True
            await world.clock.sleep(0.1)
        return False

    async def _answer(self) -> bool:
        """Wait for the door or for another word of the kiosk."""
        world = self._world
        deadline = world.clock.monotonic() + ENTRY_PATIENCE_S
        while world.clock.monotonic() < deadline:
            if world.hall.unlocked(Door.ENTRY):
                return True
            if world.phase is None or world.phase in SPURIOUS:
                return False
            await world.hall.change(0.1)
        return False

    # -- between the doors --------------------------------------------------------------------------------------------

    async def _enter(self, party: Party, kind: Kind, habits: Habits) -> bool:
        """Through the entry; whether somebody is inside now."""
        world, draw = self._world, self._draw
        if kind is Kind.LOST:
            await world.clock.sleep(draw.uniform(9.0, 14.0))
            return False
        await world.clock.sleep(habits.to_enter_s)
        if kind is Kind.TURNS_BACK:
            if await world.plant.mantrap.swing(Door.ENTRY, to_open=True):
                await world.clock.sleep(draw.uniform(0.5, 3.0))
                await world.plant.mantrap.swing(Door.ENTRY, to_open=False)
            return False
        persons = draw.randint(2, 3) if kind is Kind.FAMILY else 2 if kind is Kind.TAILGATER else 1
        return await world.hall.go_in(party, persons, 4.0)

    async def _inside(self, party: Party, kind: Kind, habits: Habits) -> None:
        """Until everybody of the party is out again."""
        world, hall = self._world, self._world.hall
        missed = kind is not Kind.STAYS
        while party.inside:
            door = await hall.door_opens(20.0)
            if door is None:
                continue
            if not missed and not world.plant.mantrap.emergency_on:
                missed = True
                await world.clock.sleep(self._draw.uniform(14.0, 25.0))
                continue
            await world.clock.sleep(habits.to_leave_s)
            if kind is Kind.LUGGAGE and door is Door.EXIT and hall.unlocked(door):
                await self._leave_with_suitcase(party)
                kind = Kind.GENUINE
            elif hall.unlocked(door):
                await hall.go_out(party, door)
            else:
                await world.clock.sleep(0.5)

    async def _leave_with_suitcase(self, party: Party) -> None:
        """Something stands in the doorway and keeps the exit from closing."""
        world, mantrap = self._world, self._world.plant.mantrap
        if not await mantrap.swing(Door.EXIT, to_open=True):
            return
        world.chronicle.note("a suitcase stands in the exit")
        await world.clock.sleep(self._draw.uniform(2.0, 18.0))
        if not await world.hall.go_out(party, Door.EXIT):
            await mantrap.swing(Door.EXIT, to_open=False)

    # -- what some do beside ------------------------------------------------------------------------------------------

    async def _come_in_by_exit(self, party: Party) -> None:
        """Somebody from the other side takes the open exit."""
        world = self._world
        self._intruder = intruder = Party(-party.number, "from the other side", may_pass=False, arrived_s=world.clock.monotonic())
        while not world.hall.unlocked(Door.EXIT):
            await world.hall.change(5.0)
        if await world.hall.go_in(intruder, 1, 2.0, Door.EXIT):
            await self._inside(intruder, Kind.GENUINE, Habits(1.0, 1.0, 1.0))

    async def _press_help(self, party: Party) -> None:
        """The Help button, somewhere along the way."""
        world = self._world
        await world.clock.sleep(self._draw.uniform(0.5, 9.0))
        world.chronicle.note(f"party {party.number} presses Help")
        try:
            async with MessageClient(world.computer.place.socket, world.clock, Role.KIOSK, "twin") as kiosk:
                await kiosk.send(TravellerHelpWished())
                await world.clock.sleep(0.05)
        except EgateError:
            world.counts["help that no controller heard"] += 1

    async def _push_doors(self, party: Party) -> None:
        """Both doors, again and again, at any time."""
        del party
        world = self._world
        while True:
            await world.clock.sleep(self._draw.uniform(0.3, 2.0))
            if world.hall.persons == 0:
                continue
            door = Door.EXIT if self._draw.random() < 0.7 else Door.ENTRY
            if await world.plant.mantrap.swing(door, to_open=True):
                world.chronicle.note(f"the {door.value} is pushed open")
                try:
                    await world.clock.sleep(self._draw.uniform(0.1, 0.8))
                finally:
                    await world.plant.mantrap.swing(door, to_open=False)

    async def _lay_again(self, party: Party) -> None:
        """The same document once more, while its holder is on the way."""
        del party
        world, draw = self._world, self._draw
        for _ in range(2):
            await world.clock.sleep(draw.uniform(1.5, 5.0))
            document = draw.choice(world.pool.documents[Paper.GOOD])
            await world.plant.mrz_device.present(document.lines)


_NUISANCES: Mapping[Kind, Callable[[Travellers, Party], Awaitable[None]]] = {
    Kind.WRONG_DIRECTION: Travellers._come_in_by_exit,
    Kind.HELP: Travellers._press_help,
    Kind.PUSHES: Travellers._push_doors,
    Kind.LAYS_TWICE: Travellers._lay_again,
}
