"""What a lane looks at once a day: trust material that goes stale, told before a traveller is referred for it.

Rule: this calls for a person and changes nothing else. The alarm belongs to no passage, closes no lane and refers nobody.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime

from egate.app.board import Board
from egate.app.parts import Parts
from egate.ipc.messages import StaleView
from egate.supply.expiry import Stale, StaleWarning, stale_soon
from egate.supply.names import printable

LOOK_EVERY_S = 60.0
"""How often the day is asked for. A sleep until midnight would miss a wall clock that is set meanwhile."""

LONGEST_NAME = 40
"""Characters of a State or file that a screen shows; a State has two, a file may be called anything."""

LONGEST_TEXT = 200
"""Characters of a warning that are told; the sentence around the name has at most a hundred."""

log = logging.getLogger(__name__)

_Known = tuple[Stale, str, date]
"""What makes two warnings the same one, however many days lie between them."""


class TrustWatch:
    """Compares `Parts.supplied` with each new day (UTC) and keeps the board's alarm; one for each running lane."""

    def __init__(self, parts: Parts, board: Board) -> None:
        self._parts, self._board = parts, board
        self._day: date | None = None
        self._told: frozenset[_Known] = frozenset()

    async def run(self) -> None:
        """Look at the start and after each midnight UTC, until cancelled."""
        while True:
            self.look()
            await self._parts.clock.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        """Nothing on a day that was looked at; on another one raise, change or clear the alarm and tell each new warning once."""
        today = datetime.fromtimestamp(self._parts.clock.wall_ns() / 1e9, UTC).date()
        if today == self._day:
            return
        first, self._day = self._day is None, today
        supplied = self._parts.supplied
        warnings = stale_soon(supplied, today) if supplied is not None else ()
        self._board.show_stale(_most_urgent(warnings))
        for warning in warnings:
            if _known(warning) not in self._told:
                self._tell(warning, in_log=not first)
        self._told = frozenset(_known(warning) for warning in warnings)

    def _tell(self, warning: StaleWarning, *, in_log: bool) -> None:
        """One event; and one line, which at the start stands in the log already: loading the trust folder wrote it."""
        text = _short(warning.text, LONGEST_TEXT)
        self._board.tell("trust", warning.what.value, text)
        if in_log:
            log.warning("trust: %s", text)


def _known(warning: StaleWarning) -> _Known:
    return warning.what, warning.country, warning.due


def _most_urgent(warnings: tuple[StaleWarning, ...]) -> StaleView | None:
    """The first warning for the screens. A State's certificate is still good on its last day, a list is not on its due day."""
    if not warnings:
        return None
    first = warnings[0]
    already = first.days < 0 if first.what is Stale.COUNTRY else first.days <= 0
    return StaleView(first.what.value, _short(first.country, LONGEST_NAME), first.due.isoformat(), already, len(warnings) - 1)


def _short(text: str, longest: int) -> str:
    """Printable and bounded: the name of a file goes into it."""
    plain = printable(text)
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"
