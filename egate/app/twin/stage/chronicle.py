"""What happened in one lane of a shift, step by step: a number, a time and a sentence for each, and one hash over all.

Two runs are the same when their hashes are. The newest steps are kept, so that a violation can be told as a story: from where the
lane was last free to the step at which a rule broke.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MOST_KEPT = 400
"""Steps kept for a story; a passage has some forty."""

SHORTEST_STORY = 12
"""Steps told at least, where there are so many."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened: number from 1, virtual seconds, in words. `rest`: the lane was free after it."""

    number: int
    at_s: float
    text: str
    rest: bool = False

    def __str__(self) -> str:
        minutes, seconds = divmod(self.at_s, 60)
        hours, minutes = divmod(int(minutes), 60)
        return f"{self.number:>8}  {hours:02}:{minutes:02}:{seconds:06.3f}  {self.text}"


class Chronicle:
    """Takes steps. At `until`, if given, `reached` is called and later steps are not taken any more."""

    def __init__(self, now: Callable[[], float], until: int | None = None) -> None:
        self.reached: Callable[[], None] = lambda: None
        self.over = False
        self._now, self._until = now, until
        self._hash = hashlib.sha256()
        self._kept: deque[Step] = deque(maxlen=MOST_KEPT)
        self._number = 0

    @property
    def number(self) -> int:
        """Steps so far."""
        return self._number

    @property
    def digest(self) -> str:
        """The hash over all steps so far."""
        return self._hash.hexdigest()

    def note(self, text: str, *, rest: bool = False) -> None:
        """One more step, now."""
        if self.over:
            return
        self._number += 1
        step = Step(self._number, self._now(), text, rest)
        self._hash.update(f"{step.number} {step.at_s:.6f} {text}\n".encode())
        self._kept.append(step)
        if self._until is not None and self._number >= self._until:
            self.over = True
            self.reached()

    def story(self) -> tuple[str, ...]:
        """The newest steps from where the lane was last free before them, but a few at least."""
        steps = list(self._kept)
        begin = max((place for place, step in enumerate(steps[:-1]) if step.rest), default=0)
        begin = max(0, min(begin, len(steps) - SHORTEST_STORY))
        return tuple(str(step) for step in steps[begin:])
