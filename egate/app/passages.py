"""The passages under way in one lane: the traveller's in the gate, and the next one's whose document is read meanwhile (P22).

Rule: an answer or a command names its passage by number; what runs for one passage is never taken for the other's.
"""

from __future__ import annotations

import asyncio

from egate.app.passage import Passage


class Passages:
    """`current`, `waiting` behind it, and `leaving`: the one that ended last, while its end is still being written."""

    def __init__(self) -> None:
        self.current: Passage | None = None
        self.waiting: Passage | None = None
        self.leaving: Passage | None = None
        self._work: dict[int, asyncio.Task[None]] = {}

    def begin(self, passage: Passage, *, waits: bool) -> None:
        """A passage begins, behind the current one where it `waits`."""
        if waits:
            self.waiting = passage
        else:
            self.current, self.waiting, self.leaving = passage, None, None

    def of(self, number: int) -> Passage | None:
        """The passage with that number."""
        known = (self.current, self.waiting, self.leaving)
        return next((found for found in known if found is not None and found.number == number), None)

    def runs(self, number: int, task: asyncio.Task[None]) -> None:
        """What runs for a passage now."""
        self._work = {entry: work for entry, work in self._work.items() if not work.done()}
        self._work[number] = task

    def stop(self, number: int) -> None:
        """Cancel what runs for a passage; a passage that waited is forgotten."""
        task = self._work.pop(number, None)
        if task is not None:
            task.cancel()
        if self.waiting is not None and self.waiting.number == number:
            self.leaving, self.waiting = self.waiting, None

    def follow(self, number: int) -> bool:
        """The lane's passage is `number` now: whether the one that waited moved up."""
        if self.waiting is None or self.waiting.number != number:
            return False
        self.leaving, self.current, self.waiting = self.current, self.waiting, None
        return True

    def end(self) -> None:
        """The lane is free: the traveller is forgotten."""
        self.current = self.leaving = None
