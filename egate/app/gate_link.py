"""The lane's end of its gate unit: orders out in their order, reports in, and whether a whole round was made.

Rules: an unlock that was not sent yet is withdrawn when nothing may open (I6). A loss is told once, and so is the return, which
is a report and not a driver that runs (L2). A driver that does not bring its unit back within `REOPEN_AFTER_S` is closed and
started anew, because its own defect may be the reason; the controller goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from egate.lane import commands as c
from egate.lane import events as e
from egate.model.errors import DeviceError
from egate.ports import Clock, GateUnit

DEVICE_RETRY_S = 0.5
"""How soon a lost device is tried again (L2)."""

REOPEN_AFTER_S = 10.0
"""How long a driver may look for its lost unit before it is started anew; drivers look every 0.2 s themselves."""

LISTEN_AGAIN_S = 0.1
"""Pause after a loss, so that a driver which says so again and again keeps nobody busy."""

ORDER_LEAVES_S = 0.002
"""An order to a door is on the wire within this time; making and sending what the screens show takes as long."""

ROUND_LOOK_S = 0.05
"""How often a round looks whether it is complete; samples come every 30 ms."""

NAME = "gate unit"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GateEnds:
    """Where what happens at the unit goes: events to the lane, a loss and a return to the board, what opened to observers."""

    tell: Callable[[e.Event], None]
    lose: Callable[[str, DeviceError], None]
    regain: Callable[[str], None]
    opened: Callable[[c.Unlock], None]
    may_open: Callable[[], bool]


class GateLink:
    """One gate unit for one lane; `watch` and `drive` are its two tasks."""

    def __init__(self, gate: GateUnit, clock: Clock, ends: GateEnds) -> None:
        self._gate, self._clock, self._ends = gate, clock, ends
        self._orders: asyncio.Queue[c.Unlock | c.Lock] = asyncio.Queue()
        self._handed = self._answered = 0
        self._samples = 0
        self._lost = False
        self._greeted = False
        self._held: list[c.Unlock] | None = None

    def hand(self, order: c.Unlock | c.Lock) -> None:
        """Take an order of the lane; `drive` carries it out."""
        self._handed += 1
        self._orders.put_nowait(order)

    async def send(self, commands: Iterable[c.Command]) -> None:
        """Hand over what is an order to a door, and let it leave before anything else is done (N4)."""
        orders = [command for command in commands if isinstance(command, c.Unlock | c.Lock)]
        for order in orders:
            self.hand(order)
        if orders:
            await self._clock.sleep(ORDER_LEAVES_S)

    @contextmanager
    def news_held(self) -> Iterator[None]:
        """What opens meanwhile is told afterwards: an order may be carried out before its phase was told."""
        held: list[c.Unlock] = []
        self._held = held
        try:
            yield
        finally:
            self._held = None
            for order in held:
                self._ends.opened(order)

    async def drive(self) -> None:
        """Hand the orders to the unit, one after the other. A lost unit is noticed by its reports."""
        while True:
            order = await self._orders.get()
            try:
                await self._carry_out(order)
            except DeviceError as error:
                log.warning("a gate command was not acknowledged: %s", error)
            finally:
                self._answered += 1

    async def _carry_out(self, order: c.Unlock | c.Lock) -> None:
        if isinstance(order, c.Lock):
            await self._gate.lock(order.door, order.number)
        elif self._ends.may_open():  # else asked for before the lane knew; RESYNC begins with new orders
            await self._gate.unlock(order.door, order.lease_s, order.number)
            if self._held is None:
                self._ends.opened(order)
            else:
                self._held.append(order)

    async def watch(self) -> None:
        """Start the driver, listen, and start it anew when it does not find its unit again."""
        while True:
            try:
                await self._gate.start()
            except DeviceError as error:
                self._lose(error)
                await self._clock.sleep(DEVICE_RETRY_S)
            else:
                await self._listen_while_there()
                await self._gate.close()

    async def _listen_while_there(self) -> None:
        """Take reports, loss after loss; ends when the unit stays away for too long."""
        listening = asyncio.ensure_future(self._listen())
        try:
            while True:
                before = self._samples
                wait = asyncio.ensure_future(self._clock.sleep(REOPEN_AFTER_S))
                await asyncio.wait({listening, wait}, return_when=asyncio.FIRST_COMPLETED)
                wait.cancel()
                if listening.done():
                    return listening.result()
                if self._lost and self._samples == before:
                    return None
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                async for report in self._gate.reports():
                    self._welcome()
                    self._ends.tell(e.GateReported(report))
                    self._samples += 1
            except DeviceError as error:
                self._lose(error)
            await self._clock.sleep(LISTEN_AGAIN_S)

    def _welcome(self) -> None:
        """The unit reports, so it is there."""
        if self._lost or not self._greeted:
            self._lost, self._greeted = False, True
            self._ends.regain(NAME)
            log.info("%s is ready", NAME)

    def _lose(self, error: DeviceError) -> None:
        """The unit is not there, or must not be trusted: the lane is told once, also when it never was there (L5)."""
        if not self._lost:
            self._ends.tell(e.GateLost())
        self._lost = True
        self._ends.lose(NAME, error)

    async def round(self) -> None:
        """Until every order that waits now was answered and a sample came after that, or the unit is known to be lost."""
        orders = self._handed
        while self._answered < orders and not self._lost:
            await self._clock.sleep(ROUND_LOOK_S)
        samples = self._samples
        while self._samples <= samples and not self._lost:
            await self._clock.sleep(ROUND_LOOK_S)
