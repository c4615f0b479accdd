"""The physical gate: two doors with timed locks, people who walk, a counter, an emergency contact. Pure model plus a clock.

It knows nothing of wires. It has its own hard-wired interlock, as a real gate has beside any software: a lock is not released
while the other door is not closed and locked. It remembers whether both doors were ever unlocked outside an emergency, and
how often its interlock had to say no, so that a test can tell a careful controller from a lucky one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from drivers.sim.pace import Pace
from egate.model.lane import Door

SWING_S = 0.4  # a leaf moves from closed to open, or back
STEP_S = 0.5  # one person walks through
BOLT_S = 0.05  # a bolt moves
PATIENCE_S = 20.0  # how long a person waits in front of a locked door
MOST_COUNTED = 3  # two contacts carry the counter
OTHER = {Door.ENTRY: Door.EXIT, Door.EXIT: Door.ENTRY}


@dataclass(slots=True)
class Leaf:
    """One door: is the leaf closed, is the bolt out; `released_until` is when its lease ends."""

    closed: bool = True
    locked: bool = True
    released_until: float = float("-inf")
    stuck_contact: bool = False

    @property
    def secure(self) -> bool:
        """Closed and locked."""
        return self.closed and self.locked


class Mantrap:
    """Two doors and the people between them. All methods belong to one event loop."""

    def __init__(self, pace: Pace) -> None:
        self.persons = 0
        self.emergency_on = False
        self.tampered = False
        self.both_unlocked_seen = False
        self.interlock_refusals = 0
        self._pace = pace
        self._recovering = False  # after an emergency, until both doors are locked again
        self._leaves = {Door.ENTRY: Leaf(), Door.EXIT: Leaf()}
        self._listeners: list[Callable[[], None]] = []
        self._moved = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change of a door, a lock, the counter or a contact."""
        self._listeners.append(listener)

    def leaf(self, door: Door) -> Leaf:
        """The state of one door; look, do not touch."""
        return self._leaves[door]

    def released(self, door: Door) -> bool:
        """Whether the lock is energised now: a running lease, or the emergency."""
        return self.emergency_on or self._leaves[door].released_until > self._pace.monotonic()

    def release(self, door: Door, lease_s: float) -> bool:
        """Order a timed release; the hard-wired interlock may say no. A new order replaces the lease that runs."""
        other = OTHER[door]
        if (self.released(other) or not self._leaves[other].secure) and not self.emergency_on:
            self.interlock_refusals += 1
            return False
        self._leaves[door].released_until = self._pace.monotonic() + lease_s
        self._spawn(self._move_bolt(door))
        self._spawn(self._end_lease(door, lease_s))
        return True

    def engage(self, door: Door) -> None:
        """End a lease now; the bolt goes out as soon as the leaf is closed."""
        self._leaves[door].released_until = float("-inf")
        self._spawn(self._move_bolt(door))

    def emergency(self, on: bool) -> None:
        """The fire contact: cuts the power of both locks, which spring back (both doors are fail-safe)."""
        self.emergency_on = on
        for door in Door:
            if not on:
                self._leaves[door].released_until = float("-inf")
            self._spawn(self._move_bolt(door))
        self._changed()

    def tamper(self, on: bool) -> None:
        """The cabinet's own contact."""
        self.tampered = on
        self._changed()

    def stick_contact(self, door: Door, stuck: bool) -> None:
        """The lock contact of a door says locked whatever the bolt does."""
        self._leaves[door].stuck_contact = stuck
        self._changed()

    async def walk_in(self, persons: int = 1, within_s: float = PATIENCE_S) -> bool:
        """Wait for the entry, open it, step in one after the other, close behind; False when it never opened."""
        return await self._walk(Door.ENTRY, persons, within_s)

    async def walk_out_exit(self, persons: int | None = None, within_s: float = PATIENCE_S) -> bool:
        """Leave by the exit (everybody, or so many); False when it never opened."""
        return await self._walk(Door.EXIT, -(self.persons if persons is None else persons), within_s)

    async def walk_back(self, persons: int | None = None, within_s: float = PATIENCE_S) -> bool:
        """Leave by the entry; False when it never opened."""
        return await self._walk(Door.ENTRY, -(self.persons if persons is None else persons), within_s)

    async def push(self, door: Door, within_s: float = PATIENCE_S) -> bool:
        """Push a door open as soon as it gives way, and let it fall shut; nobody steps in. False when it never opened."""
        if not await self._opened_within(door, within_s):
            return False
        await self._pace.sleep(SWING_S)
        return await self.swing(door, to_open=False)

    def count(self, persons: int) -> None:
        """Cover the person sensors as so many people do, without a door."""
        self.persons = persons
        self._changed()

    async def swing(self, door: Door, to_open: bool) -> bool:
        """Move a leaf; False when it is locked and does not give way."""
        leaf = self._leaves[door]
        if to_open and leaf.locked:
            return False
        await self._pace.sleep(SWING_S)
        if to_open and leaf.locked:
            return False
        leaf.closed = not to_open
        self._changed()
        if not to_open:
            await self._move_bolt(door)
        return True

    async def close(self) -> None:
        """Stop the model's tasks."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _walk(self, door: Door, persons: int, within_s: float) -> bool:
        """`persons` more (or fewer) inside, through `door`."""
        if not await self._opened_within(door, within_s):
            return False
        for _ in range(abs(persons)):
            await self._pace.sleep(STEP_S)
            self.persons = max(0, self.persons + (1 if persons > 0 else -1))
            self._changed()
        await self.swing(door, to_open=False)
        return True

    async def _opened_within(self, door: Door, within_s: float) -> bool:
        """Wait for the lock and push the leaf open; it may lock again under the hand."""
        deadline = self._pace.monotonic() + within_s
        while True:
            if not self._leaves[door].locked and await self.swing(door, to_open=True):
                return True
            rest = deadline - self._pace.monotonic()
            if rest <= 0:
                return False
            await self._wait_for_move(rest)

    async def _wait_for_move(self, within_s: float) -> None:
        """Until something moves or the patience ends."""
        self._moved.clear()
        move = asyncio.ensure_future(self._moved.wait())
        end = asyncio.ensure_future(self._pace.sleep(within_s))
        waiting: set[asyncio.Future[Any]] = {move, end}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            move.cancel()
            end.cancel()

    async def _move_bolt(self, door: Door) -> None:
        """The bolt follows the lock's magnet, and the leaf: it cannot go out while the door is open."""
        await self._pace.sleep(BOLT_S)
        leaf = self._leaves[door]
        locked = leaf.closed and not self.released(door)
        if locked != leaf.locked:
            leaf.locked = locked
            self._changed()

    async def _end_lease(self, door: Door, lease_s: float) -> None:
        """The lock's own timer; a newer lease has its own."""
        await self._pace.sleep(lease_s)
        leaf = self._leaves[door]
        while (rest_s := leaf.released_until - self._pace.monotonic()) > 0:
            await self._pace.sleep(rest_s)
        await self._move_bolt(door)

    def _changed(self) -> None:
        leaves = self._leaves.values()
        if self.emergency_on:
            self._recovering = True
        elif all(leaf.locked for leaf in leaves):
            self._recovering = False
        elif not self._recovering and not any(leaf.locked for leaf in leaves):
            self.both_unlocked_seen = True
        self._moved.set()
        for listener in self._listeners:
            listener()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
