"""What people ask of a lane through their screens: officers, travellers, and the process that brings the centre's receipts.

Rule: each role may ask its own things only, and a wish becomes an event only after it was verified. Nothing here moves a door.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from egate.app.attendance import Attendance
from egate.app.board import Board
from egate.app.conditions import Conditions
from egate.app.parts import Parts
from egate.app.passage import Passage
from egate.app.passages import Passages
from egate.app.recording import SingleThread
from egate.app.views import case_pictures
from egate.ipc.messages import (
    CasePicturesWished,
    LanguageWished,
    Message,
    OfficerPresent,
    OfficerWish,
    Place,
    ReceiptArrived,
    Role,
    TravellerHelpWished,
    WishAnswer,
)
from egate.ipc.server import Client
from egate.ipc.wishes import verify_wish
from egate.lane import events as e
from egate.model.errors import DeviceError, MalformedData, TrustError
from egate.model.lane import LanePhase

INSIDE = frozenset(
    {
        LanePhase.ENTRY_CLOSING,
        LanePhase.CAPTURE,
        LanePhase.RECORDING,
        LanePhase.EXIT_OPEN,
        LanePhase.EXIT_CLOSING,
        LanePhase.REFERRED,
        LanePhase.RETURN_OPEN,
        LanePhase.RETURN_CLOSING,
    }
)
"""Phases with somebody in the gate."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PeopleEnds:
    """What people's messages reach: the lane's events, tasks, the log's thread, and the passages under way."""

    tell: Callable[[e.Event], None]
    spawn: Callable[[Coroutine[Any, Any, None]], object]
    disk: SingleThread
    passages: Passages


class People:
    """The people of one lane."""

    def __init__(self, parts: Parts, board: Board, conditions: Conditions, attendance: Attendance, ends: PeopleEnds) -> None:
        self._parts, self._board, self._conditions, self._attendance = parts, board, conditions, attendance
        self._ends = ends

    async def on_message(self, client: Client, message: Message) -> Message | None:
        """What a screen or the sync process asks; each role may ask its own things only."""
        match client.role, message:
            case Role.GUARD, OfficerWish():
                return self._on_wish(message)
            case Role.GUARD, CasePicturesWished():
                return case_pictures(message.passage, self._ends.passages.current)
            case Role.GUARD, OfficerPresent():
                return self._on_presence(message)
            case Role.KIOSK, LanguageWished():
                self._choose_language(message.language, message.place)
            case Role.KIOSK, TravellerHelpWished():
                self._call_help(message.place)
            case Role.SYNC, ReceiptArrived():
                self._ends.spawn(self._take_receipt(message))
            case _:
                return WishAnswer(False, "not_yours_to_ask")
        return None

    def _on_presence(self, presence: OfficerPresent) -> WishAnswer | None:
        """Nothing is answered to a presence that counts; the console shows none of it."""
        code = self._attendance.take(presence, self._parts.clock.wall_ns())
        self._conditions.look()
        if not code:
            return None
        log.warning("an officer's presence was refused: %s", code)
        return WishAnswer(False, code)

    def _whose(self, place: Place) -> Passage | None:
        """The passage of whoever stands at a screen."""
        if place is Place.KIOSK:
            return self._board.station.passage if self._board.station else None
        if place is Place.OUTSIDE and self._next_is_outside:
            return self._ends.passages.waiting
        return self._ends.passages.current

    @property
    def _next_is_outside(self) -> bool:
        """Whether somebody is inside and another one may stand outside (P22)."""
        return self._parts.settings.pipelined and self._board.state.phase in INSIDE

    def _choose_language(self, language: str, place: Place) -> None:
        passage = self._whose(place)
        if passage is not None:
            passage.language = language
        elif place is Place.KIOSK and self._board.station is not None:
            self._board.station.language = language
        else:
            self._board.language = language
        self._board.show()

    def _call_help(self, place: Place) -> None:
        """Help for whoever stands there; nobody else's passage is broken off for it."""
        if place is Place.KIOSK or (place is Place.OUTSIDE and self._next_is_outside):
            self._board.call_outside()
        else:
            self._ends.tell(e.HelpWished())

    def _on_wish(self, wish: OfficerWish) -> WishAnswer:
        key = self._parts.officers.get(wish.officer)
        if key is None:
            log.warning("a wish was refused: no officer of that name has a key here")
            return WishAnswer(False, "unknown_officer")
        try:
            verify_wish(
                wish,
                key,
                self._parts.clock.wall_ns(),
                counter=self._board.wish_counter,
                lane=self._parts.config.name,
                passage=self._board.state.passage,
            )
        except TrustError as error:
            log.warning("an officer's wish was refused: %s", error.problem)
            return WishAnswer(False, error.problem)
        self._board.wish_counter += 1
        self._ends.tell(e.OfficerWished(wish.action, wish.reason, wish.officer, wish.persons))
        return WishAnswer(True)

    async def _take_receipt(self, message: ReceiptArrived) -> None:
        try:
            delivered = await self._ends.disk.run(lambda: self._parts.take_receipt(message))
        except (TrustError, MalformedData, DeviceError) as error:
            log.warning("a receipt was refused: %s", error.problem)
        else:
            if delivered:
                self._board.tell("receipt", "centre", f"holds every row up to {message.sequence}")
