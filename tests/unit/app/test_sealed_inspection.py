"""Each passage's inspection record lies sealed in its crossing: what was found and when for the centre, nothing in the clear."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from dataclasses import replace

import pytest

from egate.app.lane_inspection import LARGEST_PART_BYTES, inspection_part, unpack
from egate.app.passage import Passage
from egate.app.recording import crossing_record
from egate.inspection.export import LARGEST_RECORD_BYTES
from egate.inspection.logging_profile import LoggingProfile
from egate.model.checks import Decision
from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData
from tests.unit.app.app_bench import Lane, Passport, contains_canary, personal_of
from tests.unit.app.test_inspector import Inspection


def inspected(lane: Lane, passport: Passport, logging: LoggingProfile) -> tuple[Passage, Decision, bytes]:
    """A passage up to its decision at the entry, and its packed inspection record."""
    lane.parts.config = replace(lane.parts.config, inspection=logging)
    inspection = Inspection(lane)
    passage = asyncio.run(inspection.inspect(passport))
    return passage, inspection.entry, inspection_part(passage, inspection.entry, lane.parts)


def test_a_full_record_has_versions_times_and_transcript(lane: Lane, passport: Passport) -> None:
    passage, decision, part = inspected(lane, passport, LoggingProfile.FULL)
    record = unpack(part)
    assert record.transaction == passage.transaction
    assert {entry.name for entry in record.components} > {name for name, _ in lane.parts.all_versions}
    assert passage.evidence is not None
    assert record.trace == passage.evidence.transcript
    assert record.reading.commands == len(passage.evidence.transcript) > 20
    assert record.reading.took_us >= record.reading.slowest_us > 0
    assert [entry.outcome for entry in record.decisions] == [decision.outcome]
    found = {check.name: (check.result, check.code) for check in passage.findings()}
    assert {entry.name: (entry.result, entry.code) for entry in record.checks if entry.performed} == found
    assert record.personal is not None
    assert {entry.file for entry in record.personal.files} >= {ElementaryFile.SOD, ElementaryFile.DG1}


def test_it_leaves_the_lane_sealed_only(lane: Lane, passport: Passport) -> None:
    """The bytes on disk are searched, and the centre opens them with its key."""
    passage, decision, part = inspected(lane, passport, LoggingProfile.FULL)
    lane.parts.open_log()
    try:
        lane.parts.append(crossing_record(passage, decision, lane.parts.all_versions, part))
        header, personal = lane.records()[0]
        assert contains_canary(repr(header)) == []
        content: Mapping[str, object] = personal_of(personal)
        assert content["inspection"] == part
        for path in lane.place.root.glob(f"{lane.place.database.name}*"):
            data = path.read_bytes()
            assert part not in data
            assert contains_canary(data) == []
    finally:
        lane.parts.log.close()


def test_a_lane_that_nobody_configured_keeps_nothing_of_the_person(lane: Lane, passport: Passport) -> None:
    assert lane.parts.config.inspection is LoggingProfile.BASIC
    _, _, part = inspected(lane, passport, LoggingProfile.BASIC)
    record = unpack(part)
    assert record.personal is None
    assert contains_canary(zlib.decompress(part)) == []
    assert passport.lines[1][:9].encode() not in zlib.decompress(part)


@pytest.mark.parametrize(
    "data",
    [b"", b"no record", zlib.compress(b"{}"), zlib.compress(b"{}") + b"\x00", zlib.compress(bytes(LARGEST_RECORD_BYTES + 1))],
    ids=["empty", "text", "other", "tail", "bomb"],
)
def test_what_is_no_record_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedData):
        unpack(data)


def test_a_record_has_room_in_its_crossing(lane: Lane, passport: Passport) -> None:
    _, _, part = inspected(lane, passport, LoggingProfile.FULL)
    assert 0 < len(part) <= LARGEST_PART_BYTES
