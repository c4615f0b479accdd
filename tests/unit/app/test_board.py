"""Screens get whole states: each passage counted once, each alarm with its age, each loss noted once."""

from __future__ import annotations

import logging

import pytest

from egate.app.board import PROGRESS_INTERVAL_S, Board
from egate.app.passage import Passage
from egate.ipc.messages import LaneView, Message, PassageEvent, TravellerStep, TravellerView
from egate.lane.machine import LaneState
from egate.model.checks import Outcome
from egate.model.errors import DeviceError
from egate.model.lane import Alarm, LanePhase
from tests.unit.ipc.hand_clock import HandClock


class Screens:
    """A board whose messages are kept."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.clock.advance(1000.0)
        self.got: list[Message] = []
        self.outbox = 7
        self.board = Board(self.got.append, self.clock, "UTO-A1", 3, lambda: self.outbox)
        self.board.state = LaneState(LanePhase.IDLE)

    def lane(self) -> LaneView:
        self.board.show()
        return [message for message in self.got if isinstance(message, LaneView)][-1]

    def kiosk(self) -> TravellerView:
        self.board.show()
        return [message for message in self.got if isinstance(message, TravellerView)][-1]

    def events(self, what: str) -> list[str]:
        return [message.name for message in self.got if isinstance(message, PassageEvent) and message.what == what]


def test_each_passage_is_counted_once() -> None:
    screens = Screens()
    for outcome in (Outcome.ADMIT, Outcome.REFER, Outcome.ADMIT, Outcome.ADMIT):
        screens.board.count(outcome)
    view = screens.lane()
    assert (view.admitted, view.referred, view.last_outcome) == (3, 1, Outcome.ADMIT)
    screens.board.count(Outcome.REFER)
    assert (screens.lane().admitted, screens.lane().referred, screens.lane().last_outcome) == (3, 2, Outcome.REFER)


def test_an_alarm_has_its_own_age_until_it_is_over() -> None:
    screens = Screens()
    screens.board.state = LaneState(LanePhase.REFERRED, alarms=frozenset({Alarm.TAILGATING, Alarm.OVERSTAY}))
    screens.board.raise_alarm(Alarm.TAILGATING)
    screens.clock.advance(4.0)
    screens.board.raise_alarm(Alarm.OVERSTAY)
    screens.board.raise_alarm(Alarm.TAILGATING)
    screens.clock.advance(2.5)
    assert {shown.alarm: shown.age_s for shown in screens.lane().alarms} == {Alarm.TAILGATING: 6.5, Alarm.OVERSTAY: 2.5}
    screens.board.clear_alarm(Alarm.TAILGATING)
    screens.clock.advance(1.0)
    screens.board.raise_alarm(Alarm.TAILGATING)
    screens.clock.advance(0.5)
    assert {shown.alarm: shown.age_s for shown in screens.lane().alarms} == {Alarm.TAILGATING: 0.5, Alarm.OVERSTAY: 4.0}


def test_the_phase_has_its_age() -> None:
    screens = Screens()
    screens.board.enter_phase()
    screens.clock.advance(3.0)
    assert screens.lane().phase_age_s == 3.0
    screens.board.enter_phase()
    assert screens.lane().phase_age_s == 0.0


def test_a_loss_is_noted_once_however_long_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    """L2: one line when it is lost, one when it is back."""
    screens = Screens()
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            screens.board.lose("chip reader", DeviceError("opening it", "it is not plugged in"))
        assert screens.kiosk().step is TravellerStep.CLOSED
        assert screens.lane().devices_lost == ("chip reader",)
        for _ in range(5):
            screens.board.regain("chip reader")
    assert [record.getMessage() for record in caplog.records] == [
        "chip reader lost: opening it: it is not plugged in",
        "chip reader is back",
    ]
    assert screens.events("device") == ["chip reader"]
    assert screens.kiosk().step is TravellerStep.PLACE_DOCUMENT
    assert screens.lane().devices_lost == ()


def test_two_losses_are_two() -> None:
    screens = Screens()
    for name in ("mrz reader", "camera"):
        screens.board.lose(name, DeviceError("opening it", "it is not plugged in"))
    screens.board.regain("mrz reader")
    assert screens.lane().devices_lost == ("camera",)
    assert screens.kiosk().step is TravellerStep.CLOSED


def test_progress_is_shown_no_more_often_than_it_is_seen() -> None:
    screens = Screens()
    screens.board.show()
    shown = len(screens.got)
    screens.board.show_soon()
    assert len(screens.got) == shown
    screens.clock.advance(PROGRESS_INTERVAL_S)
    screens.board.show_soon()
    assert len(screens.got) == shown + 2


def test_revisions_grow_and_the_outbox_is_asked_each_time() -> None:
    screens = Screens()
    first = screens.lane()
    screens.outbox = 2
    second = screens.lane()
    assert second.revision > first.revision
    assert (first.outbox, second.outbox) == (7, 2)


def test_events_carry_the_time_since_the_document_was_presented() -> None:
    screens = Screens()
    screens.board.passage = Passage(5, "t", screens.clock.monotonic())
    screens.clock.advance(1.25)
    screens.board.tell("chip", "pace")
    assert screens.got[-1] == PassageEvent(5, "chip", "pace", "", 1250)


def test_a_wish_counter_is_never_one_of_an_earlier_life() -> None:
    screens = Screens()
    assert screens.board.wish_counter == 1000
