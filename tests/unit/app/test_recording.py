"""What stands in the clear, what only the centre may read, and what is recorded nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import pytest

from egate.app.inspection import parse_lines
from egate.app.passage import Passage
from egate.app.recording import completion_record, crossing_record, lane_event_record, officer_record
from egate.lane.commands import RecordOfficerAct
from egate.model.checks import Check, CheckName, CheckResult, Decision, DecisionPoint, Outcome
from egate.model.crossing import LogRecord, StageTime
from egate.model.document import ChipEvidence, ElementaryFile
from egate.model.lane import Door, OfficerAction, OfficerReason
from egate.model.watchlist import Hit, ListKind
from tests.unit.app.app_bench import PORTRAIT, Lane, captured, contains_canary, personal_of
from tests.unit.app.app_bench import Passport as Carried

BECAUSE = Check(CheckName.PERSON_WATCHLIST, CheckResult.FAILED, "person_listed", "DETAIL of CANARYNAME")
DECISION = Decision(Outcome.REFER, DecisionPoint.EXIT, (BECAUSE,))
ACT = RecordOfficerAct(4, OfficerAction.CLEAR, OfficerReason.IDENTITY_CONFIRMED, "7731")
STAGES = (StageTime("idle", 0), StageTime("reading", 12))


@pytest.fixture
def full(passport: Carried) -> Passage:
    """A passage that holds everything a passage can hold."""
    passage = Passage(4, "0011223344556677", 0.0, parse_lines(passport.lines))
    passage.evidence = ChipEvidence({ElementaryFile.DG2: PORTRAIT}, ())
    passage.hits = (Hit(ListKind.PERSONS, "wanted-persons", "UTO-P-0001", "name", ("CANARYNAME sounds alike",)),)
    passage.capture = captured(0.75)
    passage.reference_jpeg = PORTRAIT
    passage.add((BECAUSE, Check(CheckName.FACE_MATCH, CheckResult.SUCCESSFUL, "", "sface")))
    passage.mark("reading", 0.012)
    return passage


@pytest.fixture
def opened(lane: Lane) -> Iterator[Lane]:
    lane.parts.open_log()
    yield lane
    lane.parts.log.close()


def test_the_clear_part_says_how_it_ended_and_why(full: Passage) -> None:
    record = crossing_record(full, DECISION, (("egate", "1"),))
    assert (record.transaction, record.outcome) == ("0011223344556677", "REFER")
    assert record.because == ("person_watchlist:failed:person_listed",)
    assert record.checks == ("face_match:successful:", "person_watchlist:failed:person_listed")
    assert record.stages == (StageTime("reading", 12),)
    assert record.versions == (("egate", "1"),)


def test_no_personal_data_stands_in_the_clear(opened: Lane, full: Passage) -> None:
    """The bytes of the header on disk, not only our fields, are searched; a canary in each kind of personal data."""
    opened.parts.append(crossing_record(full, DECISION, ()))
    opened.parts.append(officer_record(full.transaction, ACT, tuple(full.stages)))
    opened.parts.append(completion_record(full.transaction, Door.EXIT, tuple(full.stages)))
    for row in opened.parts.log.outbox.pending(10):
        assert contains_canary(row.header) == []
        assert row.sealed is not None
        assert contains_canary(row.sealed) == []
    for path in opened.place.root.glob(f"{opened.place.database.name}*"):
        assert contains_canary(path.read_bytes()) == []


def test_the_centre_reads_document_hits_and_scores(opened: Lane, full: Passage) -> None:
    opened.parts.append(crossing_record(full, DECISION, ()))
    assert full.mrz is not None
    content = personal_of(opened.records()[0][1])
    assert content["mrz"] == list(full.mrz.lines)
    assert content["hits"] == [["wanted-persons", "UTO-P-0001", "name", "CANARYNAME sounds alike"]]
    assert content["scores"] == [["sface", 0.75, 0.45, 1000]]
    assert content["details"] == [["face_match", "sface"], ["person_watchlist", "DETAIL of CANARYNAME"]]


def test_no_image_is_recorded_anywhere(full: Passage) -> None:
    """P4: neither the chip's portrait nor the live image, in the clear or sealed, whole or as a part."""
    record = crossing_record(full, DECISION, ())
    everything = repr([getattr(record, entry.name) for entry in fields(LogRecord)]).encode() + record.personal
    for image in (b"PORTRAITCANARY", b"PROBECANARY", b"\xff\xd8\xff"):
        assert image not in everything
    assert set(personal_of(record.personal)) == {"mrz", "hits", "scores", "details"}


def test_a_passage_without_anything_is_recorded_too() -> None:
    record = crossing_record(Passage(1, "t", 0.0), Decision(Outcome.REFER, DecisionPoint.ENTRY), ())
    assert personal_of(record.personal) == {"mrz": [], "hits": [], "scores": [], "details": []}


def test_an_officers_act_names_the_officer_by_pseudonym_and_the_reason() -> None:
    record = officer_record("t", ACT, STAGES)
    assert (record.operator, record.outcome, record.because) == ("7731", "clear", ("identity_confirmed",))
    assert (record.transaction, record.stages, record.personal) == ("t", STAGES, b"")


@pytest.mark.parametrize(("door", "word"), [(Door.EXIT, "exit"), (Door.ENTRY, "entry"), (None, "none")])
def test_a_completion_names_the_door(door: Door | None, word: str) -> None:
    record = completion_record("t", door, STAGES)
    assert (record.outcome, record.transaction, record.stages) == (word, "t", STAGES)


def test_a_lane_event_names_what_decides() -> None:
    record = lane_event_record("start", (("egate", "1"), ("profile", "eu-entry")))
    assert (record.outcome, record.transaction) == ("start", "")
    assert record.versions == (("egate", "1"), ("profile", "eu-entry"))


def test_how_many_left_together_and_what_came_too_late_stand_in_the_record() -> None:
    """S4, P19: the race with the lane's own decision is in the record, not only its winner."""
    act = RecordOfficerAct(3, OfficerAction.CLEAR, OfficerReason.FAMILY_OR_ASSISTANCE, "7731", persons=2, effective=False)
    assert officer_record("t", act, ()).because == ("family_or_assistance", "persons:2", "too_late")
