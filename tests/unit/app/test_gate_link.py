"""A gate unit as its lane sees it: one loss, a return that is a report, a driver started anew, whole rounds (L2, I7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from egate.app.clock import SystemClock
from egate.app.gate_link import NAME, REOPEN_AFTER_S, GateEnds, GateLink
from egate.lane import commands as c
from egate.lane import events as e
from egate.model.errors import DeviceError
from egate.model.lane import Alarm, Door, DoorState, GateReport

FAST = SystemClock(speed=200)
REPORT = GateReport(1, DoorState.LOCKED, DoorState.LOCKED, 0)
LOST = DeviceError("polling the gate unit", "it does not answer")


class Unit:
    """A driver that runs whatever its unit does: `coming` is what its reports give or raise, then they wait."""

    online = True

    def __init__(self) -> None:
        self.coming: asyncio.Queue[GateReport | DeviceError] = asyncio.Queue()
        self.started = self.closed = self.listening = 0
        self.absent = False
        self.answering = asyncio.Event()
        self.orders: list[int] = []

    async def start(self) -> None:
        self.started += 1
        if self.absent:
            raise LOST

    async def close(self) -> None:
        self.closed += 1

    async def unlock(self, door: Door, lease_s: float, number: int) -> None:
        await self.lock(door, number)

    async def lock(self, door: Door, number: int) -> None:
        del door
        await self.answering.wait()
        self.orders.append(number)

    async def reports(self) -> AsyncIterator[GateReport]:
        self.listening += 1
        while True:
            report = await self.coming.get()
            if isinstance(report, DeviceError):
                raise report
            yield report


class Place:
    """A link between a unit and a lane that only writes down."""

    def __init__(self) -> None:
        self.unit = Unit()
        self.told: list[e.Event] = []
        self.marks: list[str] = []
        self.may_open = True
        ends = GateEnds(
            self.told.append,
            lambda name, _error: self.marks.append(f"{name} lost"),
            lambda name: self.marks.append(f"{name} back"),
            lambda order: self.marks.append(f"{order.door.value} opened"),
            lambda: self.may_open,
        )
        self.link = GateLink(self.unit, FAST, ends)

    async def settled(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await FAST.sleep(0.1)

    async def turns(self, number: int = 50) -> None:
        """Let everything happen that waits for nothing."""
        for _ in range(number):
            await asyncio.sleep(0)  # noqa: TID251 - takes no time

    def play(self, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def both() -> None:
            tasks = [asyncio.create_task(self.link.watch()), asyncio.create_task(self.link.drive())]
            try:
                await story()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run(both())


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_unit_is_back_when_it_reports_and_not_before(place: Place) -> None:
    """L2: a driver that runs proves nothing; one loss, one return."""

    async def story() -> None:
        unit = place.unit
        unit.coming.put_nowait(REPORT)
        await place.settled(lambda: len(place.told) == 1)
        unit.coming.put_nowait(LOST)
        await place.settled(lambda: unit.listening == 2)
        assert place.marks == [f"{NAME} back", f"{NAME} lost"]
        unit.coming.put_nowait(REPORT)
        await place.settled(lambda: len(place.told) == 3)
        assert place.marks == [f"{NAME} back", f"{NAME} lost", f"{NAME} back"]

    place.play(story)
    assert [type(event) for event in place.told] == [e.GateReported, e.GateLost, e.GateReported]


def test_a_driver_that_says_again_that_its_unit_is_lost_tells_the_lane_once(place: Place) -> None:
    async def story() -> None:
        for _ in range(5):
            place.unit.coming.put_nowait(LOST)
        await place.settled(lambda: place.unit.listening == 6)

    place.play(story)
    assert [type(event) for event in place.told] == [e.GateLost]


def test_a_driver_that_does_not_find_its_unit_is_started_anew(place: Place) -> None:
    """L14, I7: its own defect may be the reason, and the controller must not restart for it."""

    async def story() -> None:
        place.unit.coming.put_nowait(REPORT)
        place.unit.coming.put_nowait(LOST)
        await place.settled(lambda: place.unit.closed == 1)
        await place.settled(lambda: place.unit.started == 2)
        place.unit.coming.put_nowait(REPORT)
        await place.settled(lambda: place.marks[-1] == f"{NAME} back")

    place.play(story)


def test_a_driver_whose_unit_reports_is_never_closed(place: Place) -> None:
    async def story() -> None:
        for _ in range(5):
            place.unit.coming.put_nowait(REPORT)
            await FAST.sleep(REOPEN_AFTER_S * 0.6)

    place.play(story)
    assert place.unit.closed == 0


def test_a_unit_that_is_not_there_at_the_start_is_tried_again(place: Place) -> None:
    async def story() -> None:
        place.unit.absent = True
        await place.settled(lambda: place.unit.started > 2)
        await place.link.round()  # known to be lost: the round is complete
        place.unit.absent = False
        place.unit.coming.put_nowait(REPORT)
        await place.settled(lambda: place.marks[-1] == f"{NAME} back")

    place.play(story)


def test_an_unlock_that_nothing_may_carry_out_is_withdrawn(place: Place) -> None:
    """I6: and a lock is always carried out."""

    async def story() -> None:
        place.unit.answering.set()
        place.may_open = False
        place.link.hand(c.Unlock(Door.ENTRY, 3.0, 1))
        place.link.hand(c.Lock(Door.ENTRY, 2))
        await place.settled(lambda: place.unit.orders == [2])

    place.play(story)


def test_a_round_waits_for_a_sample_after_it_began(place: Place) -> None:
    async def story() -> None:
        place.unit.coming.put_nowait(REPORT)
        await place.settled(lambda: len(place.told) == 1)
        made = asyncio.create_task(place.link.round())
        await place.turns()
        assert not made.done()
        place.unit.coming.put_nowait(REPORT)
        await made

    place.play(story)


def test_a_round_waits_for_an_order_that_nobody_answers(place: Place) -> None:
    """I7: samples alone do not prove that orders leave."""

    async def story() -> None:
        place.link.hand(c.Lock(Door.ENTRY, 7))
        made = asyncio.create_task(place.link.round())
        for _ in range(5):
            place.unit.coming.put_nowait(REPORT)
            await FAST.sleep(1.0)
        assert not made.done()
        place.unit.answering.set()
        await place.settled(lambda: place.unit.orders == [7])
        while not made.done():
            place.unit.coming.put_nowait(REPORT)
            await FAST.sleep(0.1)

    place.play(story)


def test_an_order_is_on_its_way_before_anything_is_told(place: Place) -> None:
    """N4: what opened is told after what led to it, however fast the unit is."""

    async def story() -> None:
        place.unit.answering.set()
        with place.link.news_held():
            await place.link.send([c.RaiseAlarm(Alarm.TAMPER), c.Unlock(Door.EXIT, 3.0, 5)])
            await place.settled(lambda: place.unit.orders == [5])
            place.marks.append("phase told")
        assert place.marks == ["phase told", "exit opened"]
        await place.link.send([c.Unlock(Door.ENTRY, 3.0, 6)])
        await place.settled(lambda: place.marks[-1] == "entry opened")

    place.play(story)
