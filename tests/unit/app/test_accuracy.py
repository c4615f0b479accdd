"""Live accuracy at the lane (EVA-VER-nCIR-1): counted after the decision, filtered by the officer, recorded, alarmed (D1, D2)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from egate.app.accuracy import MOST_OPEN, AccuracyWatch
from egate.app.board import Board
from egate.app.monitor_config import MonitorConfig
from egate.app.parts import Parts
from egate.app.passage import Passage
from egate.faces.monitor.counts import FEWEST_TRAVELLERS, Impostors, Tally
from egate.faces.monitor.subject import Groups, Subject
from egate.ipc.messages import LaneView, Message, PassageEvent
from egate.lane.commands import RecordOfficerAct
from egate.lane.machine import LaneState
from egate.model.accuracy import Verdict
from egate.model.crossing import LogRecord, RecordKind
from egate.model.errors import DeviceError
from egate.model.face import CaptureOutcome, CaptureState, ComparisonScore
from egate.model.lane import Alarm, LanePhase, OfficerAction, OfficerReason
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.files.mrz_encoding import MrzFields, encode_td3
from egate.storage.header import LIST_LIMIT, TEXT_LIMIT
from tests.unit.ipc.hand_clock import HandClock

ANNA = parse_mrz(encode_td3(MrzFields("UTO", "L898902C3", "ERIKSSON", "ANNA MARIA", "UTO", "740812", "F", "320415")))
WOMEN = Groups("45-59", "F", "UTO", "UTO")
HOUR_S = 3600.0
AUTUMN_2026_S = 1_795_500_000.0


def in_2026() -> HandClock:
    clock = HandClock()
    clock.advance(AUTUMN_2026_S)
    return clock


@dataclass
class CountingFace:
    """The two things of `FaceClient` that the watch asks for."""

    answer: Impostors | DeviceError | None = None
    asked: list[Subject] = field(default_factory=list)

    async def observe(self, subject: Subject) -> Impostors | None:
        self.asked.append(subject)
        if isinstance(self.answer, DeviceError):
            raise self.answer
        return self.answer


@dataclass
class Settings:
    monitor: MonitorConfig = field(default_factory=MonitorConfig)


@dataclass
class Rates:
    fmr_ppm: int = 1000


@dataclass
class LaneParts:
    """What of `Parts` the watch uses."""

    clock: HandClock = field(default_factory=in_2026)
    face: CountingFace = field(default_factory=CountingFace)
    config: Settings = field(default_factory=Settings)
    profile: Rates = field(default_factory=Rates)
    all_versions: tuple[tuple[str, str], ...] = (("sface", "c1"),)

    def entropy(self, count: int) -> bytes:
        return bytes(range(count))


class Desk:
    """A watch with a real board; what it publishes and writes is kept."""

    def __init__(self) -> None:
        self.parts = LaneParts()
        self.got: list[Message] = []
        self.written: list[LogRecord] = []
        self.board = Board(self.got.append, self.parts.clock, "UTO-A1", 3, lambda: 0)
        self.board.state = LaneState(LanePhase.IDLE, passage=7)
        self.watch = AccuracyWatch(cast(Parts, self.parts), self.board, self.written.append)

    def cross(self, number: int = 1, *, matched: bool = True, errors: int | None = 0, comparisons: int = 200) -> None:
        """A traveller was compared, and the worker counted."""
        if errors is not None:
            tally = Tally(comparisons, errors)
            self.parts.face.answer = Impostors(WOMEN, tally, (tally, tally, tally, tally))
        score = ComparisonScore("sface", 0.8 if matched else 0.2, 0.45, 1000, "c1")
        passage = Passage(number, "4f1c", 0.0, ANNA)
        asyncio.run(self.watch.captured(passage, CaptureOutcome(CaptureState.CAPTURED, None, (score,))))

    def officer(self, number: int, action: OfficerAction, reason: OfficerReason, **further: Any) -> None:
        self.watch.officer_acted(RecordOfficerAct(number, action, reason, "officer-1", **further))

    def alarms(self) -> list[Alarm]:
        self.board.show()
        view = [message for message in self.got if isinstance(message, LaneView)][-1]
        return [entry.alarm for entry in view.alarms]

    def next_hour(self) -> LogRecord:
        """The record that the end of this hour writes."""
        self.parts.clock.advance(HOUR_S)
        self.watch.look()
        return self.written[-1]


def test_the_worker_is_told_a_token_and_groups_and_no_name() -> None:
    desk = Desk()
    desk.cross()
    (subject,) = desk.parts.face.asked
    assert subject.groups == WOMEN
    assert all(len(token) == 16 for token in subject.tokens)
    assert not any(word in repr(subject) for word in ("ERIKSSON", "L898902C3", "45-59"))


def test_what_the_worker_counted_is_shown() -> None:
    desk = Desk()
    for number in range(20):
        desk.cross(number, errors=number % 2)
    desk.board.show()
    view = [message for message in desk.got if isinstance(message, LaneView)][-1]
    assert view.accuracy is not None
    assert (view.accuracy.comparisons, view.accuracy.fmr_ppm, view.accuracy.promised_ppm) == (4000, 2500.0, 1000)
    assert (view.accuracy.mated, view.accuracy.refused) == (20, 0)
    assert view.accuracy.low_ppm < 2500 < view.accuracy.high_ppm


def test_a_rate_above_its_promise_is_an_alarm_until_it_is_not() -> None:
    desk = Desk()
    for number in range(30):
        desk.cross(number, errors=0)
    assert desk.alarms() == []
    for number in range(12):
        desk.cross(number, errors=3)
    assert desk.watch.counts.verdict is Verdict.ABOVE
    assert desk.alarms() == [Alarm.FMR_OUT_OF_BAND]
    told = [event for event in desk.got if isinstance(event, PassageEvent) and event.what == "accuracy"]
    assert [event.name for event in told] == ["within", "above"]
    assert "18 of 7200 comparisons of different people matched" in told[-1].detail
    for number in range(40):
        desk.cross(number, errors=0, comparisons=2000)
    assert desk.alarms() == []


def test_one_odd_face_is_no_alarm() -> None:
    desk = Desk()
    for number in range(50):
        desk.cross(number)
    desk.cross(51, errors=150)
    assert desk.alarms() == []


@pytest.mark.parametrize(
    ("action", "reason", "further", "counted"),
    [
        (OfficerAction.CLEAR, OfficerReason.IDENTITY_CONFIRMED, {}, (1, 1, 0)),
        (OfficerAction.CLEAR, OfficerReason.DOCUMENT_CHECKED, {}, (0, 0, 1)),
        (OfficerAction.RELEASE_TO_ENTRY, OfficerReason.TO_DESK, {}, (0, 0, 1)),
        (OfficerAction.RELEASE_TO_ENTRY, OfficerReason.IDENTITY_CONFIRMED, {}, (0, 0, 1)),
        (OfficerAction.HOLD, OfficerReason.TO_SECOND_LINE, {}, (0, 0, 0)),
        (OfficerAction.CLEAR, OfficerReason.IDENTITY_CONFIRMED, {"effective": False}, (0, 0, 0)),
    ],
)
def test_only_a_confirmed_identity_makes_a_non_match_a_false_one(
    action: OfficerAction, reason: OfficerReason, further: dict[str, bool], counted: tuple[int, int, int]
) -> None:
    """P11: the officer checks; what they find decides whether the pair was mated."""
    desk = Desk()
    desk.cross(5, matched=False)
    desk.officer(4, OfficerAction.CLEAR, OfficerReason.IDENTITY_CONFIRMED)
    desk.officer(5, action, reason, **further)
    tally = desk.watch.counts.false_non_matches.tally
    record = desk.next_hour()
    assert (tally.comparisons, tally.errors) == counted[:2]
    assert f"mated:comparisons:{counted[0]}:non_matches:{counted[1]}:excluded:{counted[2]}" in record.because


def test_an_officers_act_counts_once() -> None:
    desk = Desk()
    desk.cross(5, matched=False)
    for _ in range(3):
        desk.officer(5, OfficerAction.CLEAR, OfficerReason.IDENTITY_CONFIRMED)
    assert desk.watch.counts.false_non_matches.tally == Tally(1, 1)


def test_non_matches_that_nobody_speaks_about_are_bounded_and_excluded() -> None:
    desk = Desk()
    for number in range(MOST_OPEN + 5):
        desk.cross(number, matched=False)
    assert desk.watch.counts.false_non_matches.tally == Tally(0, 0)
    assert any(line.endswith("excluded:5") for line in desk.next_hour().because)


def test_each_hour_is_a_record_without_anybody_in_it() -> None:
    desk = Desk()
    for number in range(FEWEST_TRAVELLERS):
        desk.cross(number, errors=int(number == 3))
    record = desk.next_hour()
    assert (record.kind, record.outcome, record.transaction, record.personal) == (RecordKind.LANE_EVENT, "accuracy", "", b"")
    hour = int(desk.parts.clock.wall_ns() // 3_600_000_000_000) - 1
    assert record.because == (
        "verdict:too_few:promised_ppm:1000",
        "fmr_ppm:500.0:from:12.7:to:2782.6",
        f"hour:{hour}:comparisons:2000:matches:1",
        "week:comparisons:2000:matches:1:travellers:10",
        "mated:comparisons:10:non_matches:0:excluded:0",
        "group:age_group:45-59:comparisons:2000:matches:1",
        "group:issuer:UTO:comparisons:2000:matches:1",
        "group:nationality:UTO:comparisons:2000:matches:1",
        "group:sex:F:comparisons:2000:matches:1",
    )
    desk.watch.look()
    assert len(desk.written) == 1, "an hour is written once"
    desk.parts.clock.advance(HOUR_S)
    desk.watch.look()
    assert len(desk.written) == 1, "an hour without anybody is none"


def test_few_travellers_of_a_group_are_not_recorded() -> None:
    desk = Desk()
    for number in range(FEWEST_TRAVELLERS - 1):
        desk.cross(number)
    assert not [line for line in desk.next_hour().because if line.startswith("group")]


def test_a_record_fits_a_header_however_many_groups_there_are() -> None:
    desk = Desk()
    for number in range(80):
        desk.parts.face.answer = Impostors(Groups(issuer=f"A{number}"), Tally(200), (Tally(), Tally(), Tally(), Tally(200)))
        for _ in range(FEWEST_TRAVELLERS):
            desk.cross(errors=None)
    record = desk.next_hour()
    assert len(record.because) <= LIST_LIMIT
    assert max(map(len, record.because)) <= TEXT_LIMIT


def test_a_week_later_nothing_is_left() -> None:
    desk = Desk()
    for number in range(30):
        desk.cross(number, errors=3)
    assert desk.alarms() == [Alarm.FMR_OUT_OF_BAND]
    desk.parts.clock.advance(7 * 24 * HOUR_S)
    desk.watch.look()
    assert desk.watch.counts.travellers == 0
    assert desk.alarms() == []


@pytest.mark.parametrize("answer", [None, DeviceError("compare with other travellers", "it ended unexpectedly")])
def test_a_worker_that_says_nothing_costs_a_count_and_no_more(
    answer: DeviceError | None, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    desk.parts.face.answer = answer
    desk.cross(errors=None)
    assert desk.watch.counts.false_matches.tally == Tally()
    assert desk.watch.counts.false_non_matches.tally == Tally(1, 0)
    assert len(caplog.messages) == (answer is not None)


@pytest.mark.parametrize("what", ["off", "no score", "no document"])
def test_nothing_is_asked_where_there_is_nothing_to_count(what: str) -> None:
    desk = Desk()
    if what == "off":
        desk.parts.config.monitor = MonitorConfig(references=0)
    score = ComparisonScore("sface", 0.8, 0.45, 1000, "c1")
    outcome = CaptureOutcome(CaptureState.CAPTURED, None, () if what == "no score" else (score,))
    passage = Passage(1, "4f1c", 0.0, None if what == "no document" else ANNA)
    asyncio.run(desk.watch.captured(passage, outcome))
    assert desk.parts.face.asked == []
    assert desk.watch.counts.false_non_matches.tally == Tally()
