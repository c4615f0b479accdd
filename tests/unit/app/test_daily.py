"""Trust that goes stale calls for a person once, on the day it should, and changes nothing else (issue 3: before it hurts)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from egate.app.board import Board
from egate.app.daily import LONGEST_NAME, LONGEST_TEXT, LOOK_EVERY_S, TrustWatch
from egate.app.parts import Parts
from egate.ipc.messages import LaneView, Message, PassageEvent, StaleView
from egate.lane.machine import LaneState
from egate.model.lane import Alarm, LanePhase
from egate.supply.expiry import LIST_LIFE_DAYS
from egate.supply.store import Supplied
from tests.unit.app.app_bench import Lane, until
from tests.unit.ipc.hand_clock import HandClock

SIGNED = date(2030, 3, 1)
DUE = SIGNED + timedelta(days=LIST_LIFE_DAYS)
DAY_S = 86_400.0


class WallClock(HandClock):
    """A hand clock whose wall can be set, as a machine's is by its time server."""

    offset_s = 0.0

    def wall_ns(self) -> int:
        return super().wall_ns() + int(self.offset_s * 1e9)

    def set_wall(self, day: date, hour: int = 12) -> None:
        self.offset_s = datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp() - self.monotonic()


class Desk:
    """A watch over the trust of a real installation and a board whose messages are kept."""

    def __init__(self, parts: Parts) -> None:
        self.clock = WallClock()
        assert parts.supplied is not None
        self.fresh = parts.supplied
        self.parts = replace(parts, clock=self.clock, supplied=None)
        self.start()

    def start(self) -> None:
        """The lane starts (again) with what `parts` holds."""
        self.got: list[Message] = []
        self.board = Board(self.got.append, self.clock, "UTO-A1", 3, lambda: 0)
        self.board.state = LaneState(LanePhase.IDLE, passage=7)
        self.watch = TrustWatch(self.parts, self.board)

    def lists(self, **signed: date) -> None:
        self.parts.supplied = supplied_with(self.fresh, tuple(signed.items()))

    def on(self, day: date) -> LaneView:
        self.clock.set_wall(day)
        self.watch.look()
        return self.view()

    def view(self) -> LaneView:
        self.board.show()
        return [message for message in self.got if isinstance(message, LaneView)][-1]

    def told(self) -> list[str]:
        return [event.detail for event in self.got if isinstance(event, PassageEvent) and event.what == "trust"]


def supplied_with(fresh: Supplied, dates: tuple[tuple[str, date], ...]) -> Supplied:
    """Trust of which only the lists' dates matter: no certificate, no revocation list."""
    return replace(fresh, list_dates=dates, store=replace(fresh.store, certificates=(), revocations={}))


def alarms(view: LaneView) -> list[Alarm]:
    return [entry.alarm for entry in view.alarms]


@pytest.fixture
def desk(lane: Lane) -> Desk:
    return Desk(lane.parts)


def test_the_alarm_opens_thirty_days_before_and_not_earlier(desk: Desk) -> None:
    desk.lists(UT=SIGNED)
    early = desk.on(DUE - timedelta(days=31))
    assert (alarms(early), early.stale, desk.told()) == ([], None, [])
    view = desk.on(DUE - timedelta(days=30))
    assert alarms(view) == [Alarm.TRUST_STALE]
    assert view.stale == StaleView("master list", "UT", DUE.isoformat(), already=False)
    assert desk.told() == [f"the master list of UT is out of date in 30 days, on {DUE}: import a newer one"]


def test_each_warning_is_told_once_however_often_it_is_looked_at(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.lists(UT=SIGNED, DE=SIGNED + timedelta(days=10))
    with caplog.at_level(logging.INFO):
        for day in range(-40, 20):
            for _ in range(3):
                desk.on(DUE + timedelta(days=day))
    assert [text.split(" is ")[0] for text in desk.told()] == ["the master list of UT", "the master list of DE"]
    assert caplog.messages == [f"trust: {text}" for text in desk.told()]
    assert [event.name for event in desk.got if isinstance(event, PassageEvent) and event.what == "alarm"] == ["trust_stale"]


def test_what_is_stale_at_the_start_is_told_but_not_logged_twice(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Loading the trust folder wrote that line (test_wiring_trust)."""
    desk.lists(UT=SIGNED)
    with caplog.at_level(logging.INFO):
        desk.on(DUE)
    assert len(desk.told()) == 1
    assert caplog.messages == []


def test_the_alarm_keeps_its_age_and_says_when_it_is_late(desk: Desk) -> None:
    desk.lists(UT=SIGNED)
    desk.on(DUE - timedelta(days=1))
    desk.clock.advance(DAY_S)
    view = desk.on(DUE)
    assert view.alarms[0].age_s == DAY_S
    assert view.stale == StaleView("master list", "UT", DUE.isoformat(), already=True)


def test_the_most_urgent_is_shown_and_the_others_are_counted(desk: Desk) -> None:
    desk.lists(UT=SIGNED, DE=SIGNED - timedelta(days=3), FR=SIGNED + timedelta(days=1))
    stale = desk.on(DUE).stale
    assert stale is not None
    assert (stale.country, stale.others) == ("DE", 2)


def test_newer_trust_clears_the_alarm(desk: Desk) -> None:
    desk.lists(UT=SIGNED)
    assert alarms(desk.on(DUE)) == [Alarm.TRUST_STALE]
    desk.lists(UT=DUE)
    view = desk.on(DUE + timedelta(days=1))
    assert (alarms(view), view.stale) == ([], None)


def test_newer_trust_after_a_restart_raises_none(desk: Desk) -> None:
    desk.lists(UT=SIGNED)
    assert alarms(desk.on(DUE)) == [Alarm.TRUST_STALE]
    desk.lists(UT=DUE)
    desk.start()
    view = desk.on(DUE)
    assert (alarms(view), view.stale, desk.told()) == ([], None, [])


def test_a_warning_that_comes_back_is_told_again(desk: Desk) -> None:
    desk.lists(UT=SIGNED)
    for lists, day in (({"UT": SIGNED}, 0), ({"UT": DUE}, 1), ({"UT": SIGNED}, 2)):
        desk.lists(**lists)
        view = desk.on(DUE + timedelta(days=day))
        desk.clock.advance(60.0)
    assert len(desk.told()) == 2
    assert [entry.age_s for entry in view.alarms] == [0.0]


def test_a_states_last_certificate_is_good_on_its_last_day(desk: Desk) -> None:
    certificate = max(desk.fresh.store.certificates, key=lambda found: found.not_after)
    store = replace(desk.fresh.store, certificates=(certificate,), revocations={})
    desk.parts.supplied = replace(desk.fresh, list_dates=(), store=store)
    last = certificate.not_after.date()
    views = [desk.on(last + timedelta(days=day)).stale for day in (-31, -30, 0, 1, 91)]
    assert [view and view.already for view in views] == [None, False, False, True, None]
    assert views[1] is not None
    assert (views[1].what, views[1].due) == ("country certificate", last.isoformat())


def test_a_name_is_printable_and_short(desk: Desk) -> None:
    desk.lists(**{"list\n\u202e" + "x" * 500: SIGNED})
    stale = desk.on(DUE).stale
    assert stale is not None
    for text, longest in ((stale.country, LONGEST_NAME), (desk.told()[0], LONGEST_TEXT)):
        assert text.isprintable()
        assert len(text) == longest


def test_neither_a_lanes_phase_nor_its_own_alarms_change(desk: Desk) -> None:
    desk.board.state = LaneState(LanePhase.REFERRED, passage=7, alarms=frozenset({Alarm.TAILGATING}))
    before = desk.board.state
    desk.lists(UT=SIGNED)
    view = desk.on(DUE)
    assert desk.board.state is before
    assert (view.phase, alarms(view)) == (LanePhase.REFERRED, [Alarm.TAILGATING, Alarm.TRUST_STALE])


def test_without_known_origin_nothing_is_said(desk: Desk) -> None:
    assert alarms(desk.on(DUE)) == []


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)  # noqa: TID251 - yields to the watch, takes no time


def running(desk: Desk, moves: Callable[[WallClock], None]) -> tuple[list[Alarm], list[Alarm]]:
    """The alarms just before midnight, and after the clock moved on."""

    async def main() -> tuple[list[Alarm], list[Alarm]]:
        work = asyncio.create_task(desk.watch.run())
        await turns()
        before = alarms(desk.view())
        moves(desk.clock)
        await turns()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        return before, alarms(desk.view())

    return asyncio.run(main())


def test_midnight_utc_is_noticed_by_a_lane_that_runs(desk: Desk) -> None:
    desk.lists(UT=SIGNED)
    desk.clock.set_wall(DUE - timedelta(days=31), hour=23)
    desk.clock.advance(3600 - LOOK_EVERY_S)
    assert running(desk, lambda clock: clock.advance(LOOK_EVERY_S)) == ([], [Alarm.TRUST_STALE])


def test_minutes_before_midnight_change_nothing(desk: Desk) -> None:
    desk.lists(UT=SIGNED)
    desk.clock.set_wall(DUE - timedelta(days=31), hour=12)
    assert running(desk, lambda clock: clock.advance(11 * 3600)) == ([], [])


@pytest.mark.parametrize(("days", "after"), [(5, [Alarm.TRUST_STALE]), (-5, [])])
def test_a_wall_clock_that_is_set_is_noticed_within_a_minute(desk: Desk, days: int, after: list[Alarm]) -> None:
    desk.lists(UT=SIGNED)
    desk.clock.set_wall(DUE - timedelta(days=31))

    def jump(clock: WallClock) -> None:
        clock.set_wall(DUE - timedelta(days=31 - days))
        clock.advance(LOOK_EVERY_S)

    assert running(desk, jump) == ([], after)


def shown_by(lane: Lane) -> LaneView:
    """What a lane shows once it is free; it looks at its trust before."""

    async def story() -> LaneView:
        async with lane.running():
            await until(lambda: lane.in_phase(LanePhase.IDLE) and not lane.view.devices_lost, "the lane is free")
            return lane.view

    return asyncio.run(story())


def test_a_lane_with_a_fresh_store_has_no_alarm(lane: Lane) -> None:
    view = shown_by(lane)
    assert (alarms(view), view.stale) == ([], None)


def test_a_lane_with_stale_lists_stays_open_and_calls(lane: Lane) -> None:
    assert lane.parts.supplied is not None
    lane.parts.supplied = replace(lane.parts.supplied, list_dates=(("UT", date(2020, 1, 1)),))
    view = shown_by(lane)
    assert alarms(view) == [Alarm.TRUST_STALE]
    assert view.stale is not None
    assert view.stale.already
