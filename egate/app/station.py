"""A kiosk away from the gate, where documents are read before (segregated two-step, P1), and who is expected at the gate.

The document is its own token: laid on the gate's reader, its printed zone finds what the kiosk found. Rules: what was found is
taken once and only within `EXPECTED_WITHIN_S`; it is kept in memory, for `MOST_EXPECTED` travellers at most; whoever is not
admitted at the kiosk is expected nowhere (P7).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from egate.app.parts import Parts
from egate.app.passage import Passage
from egate.model.checks import Outcome
from egate.model.document import Mrz

EXPECTED_WITHIN_S = 600.0
"""How long a traveller may take from the kiosk to the gate."""

MOST_EXPECTED = 32
"""More than walk from one kiosk to one gate; the one who waits longest is forgotten first."""

TOLD_S = 8.0
"""How long the kiosk says what became of a document before it takes the next traveller."""


class Told(Enum):
    """What the kiosk's screen says."""

    FREE = "free"
    AGAIN = "again"
    READING = "reading"
    TO_GATE = "to_gate"
    OFFICER = "officer"


@dataclass(frozen=True, slots=True)
class StationEnds:
    """What a station needs of its lane: to inspect a document, to record a referral, to show, and to forget a portrait."""

    inspect: Callable[[Passage], Awaitable[None]]
    refer: Callable[[Passage], None]
    show: Callable[[], None]
    forget: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Expected:
    passage: Passage
    until_s: float


class Station:
    """One kiosk of one lane. Its passages have numbers below zero until the lane gives them one."""

    def __init__(self, parts: Parts, ends: StationEnds) -> None:
        self._parts, self._ends = parts, ends
        self._number = 0
        self._expected: dict[tuple[str, str], _Expected] = {}
        self._offered: tuple[str, str] | None = None
        self._told_s = 0.0
        self.told = Told.FREE
        self.passage: Passage | None = None
        self.language = parts.config.language

    async def take(self, mrz: Mrz | None) -> None:
        """Inspect the document that was laid on the kiosk, and say where its holder goes."""
        if mrz is None:
            self._tell(Told.AGAIN)
            return
        self._number -= 1
        clock = self._parts.clock
        passage = Passage(self._number, self._parts.entropy(8).hex(), clock.monotonic(), mrz, language=self.language)
        self.passage = passage
        self._tell(Told.READING)
        await self._ends.inspect(passage)
        if passage.decision is None:
            self._tell(Told.AGAIN)
        elif passage.decision.outcome is Outcome.ADMIT:
            self._expect(passage, mrz)
            self._tell(Told.TO_GATE)
        else:
            self._expect_no_more(mrz)
            self._ends.refer(passage)
            self._ends.forget(passage.key)
            self._tell(Told.OFFICER)

    def offer(self, mrz: Mrz) -> bool:
        """Whether this document's holder is expected at the gate; `redeem` then takes what was found, once."""
        self.look()
        self._offered = _name(mrz) if _name(mrz) in self._expected else None
        return self._offered is not None

    def redeem(self, number: int) -> Passage | None:
        """What was found about the document that was offered, as the lane's passage `number`; None when it is gone."""
        self.look()
        expected = None if self._offered is None else self._expected.pop(self._offered, None)
        self._offered = None
        if expected is None:
            return None
        expected.passage.number = number
        return expected.passage

    def look(self) -> None:
        """Forget who did not come, and free the screen for the next traveller."""
        now_s = self._parts.clock.monotonic()
        for name in [name for name, entry in self._expected.items() if entry.until_s <= now_s]:
            self._ends.forget(self._expected.pop(name).passage.key)
        if self.told in (Told.TO_GATE, Told.OFFICER) and now_s - self._told_s >= TOLD_S:
            self.passage, self.language = None, self._parts.config.language
            self._tell(Told.FREE)

    def _expect(self, passage: Passage, mrz: Mrz) -> None:
        older = self._expected.pop(_name(mrz), None)
        if older is None and len(self._expected) >= MOST_EXPECTED:
            older = self._expected.pop(next(iter(self._expected)))
        if older is not None:
            self._ends.forget(older.passage.key)
        self._expected[_name(mrz)] = _Expected(passage, self._parts.clock.monotonic() + EXPECTED_WITHIN_S)

    def _expect_no_more(self, mrz: Mrz) -> None:
        """A document that is refused now opens nothing for what it was found to be before."""
        older = self._expected.pop(_name(mrz), None)
        if older is not None:
            self._ends.forget(older.passage.key)

    def _tell(self, told: Told) -> None:
        self.told, self._told_s = told, self._parts.clock.monotonic()
        self._ends.show()


def _name(mrz: Mrz) -> tuple[str, str]:
    return mrz.issuing_state, mrz.document_number
