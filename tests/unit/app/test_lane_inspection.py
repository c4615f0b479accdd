"""The inspection record in the sealed part of a crossing: as the lane's configuration says, and never at the crossing's cost."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from egate.app import lane_inspection
from egate.app.commands import replay
from egate.app.config import ConfigError, parse_config
from egate.app.inspection import parse_lines
from egate.app.lane_inspection import LARGEST_PART_BYTES, inspection_part, judge_passage, pack, unpack
from egate.app.passage import Passage
from egate.app.recording import crossing_record
from egate.checks.decide import decide
from egate.inspection.export import parse_record
from egate.inspection.logging_profile import LoggingProfile
from egate.inspection.rejudging import judge_again, recorded_profile, recorded_trust, why_not
from egate.model.checks import CheckName, CheckResult, Decision, DecisionPoint
from egate.model.crossing import RecordKind
from egate.model.document import ChipEvidence, ElementaryFile
from egate.model.errors import MalformedData
from egate.mrtd.apdu import ResponseApdu
from egate.mrtd.reading import ReadRequest, read_chip
from egate.storage.vault import PERSONAL_LIMIT_BYTES, SEALED_LIMIT_BYTES
from egate.sync.messages import ENVELOPE_LIMIT_BYTES
from tests.record_lane import sealing_key
from tests.unit.app.app_bench import TODAY, Lane, Passport, contains_canary, personal_of
from tests.unit.hub.test_recorded_passage import opened_at_the_centre
from tests.unit.inspection.inspection_bench import case


def read(lane: Lane, passport: Passport) -> tuple[Passage, Decision]:
    """A passage whose chip was read and judged as the inspector does it."""
    passage = Passage(1, "0011223344556677", lane.parts.clock.monotonic(), parse_lines(passport.lines))
    assert passage.mrz is not None
    passport.chip.reset()
    dialogue = read_chip(ReadRequest(passage.mrz.information), secrets.token_bytes, lambda _progress: None)
    try:
        command = next(dialogue)
        while True:
            command = dialogue.send(ResponseApdu.from_bytes(passport.chip.transceive(command.to_bytes())))
    except StopIteration as stop:
        evidence: ChipEvidence = stop.value
        passage.evidence = evidence
    passage.facts, checks = judge_passage(passage, lane.parts, TODAY, None)
    passage.add(checks)
    return passage, decide(passage.findings(), lane.parts.profile, DecisionPoint.ENTRY)


def keep(lane: Lane, logging: LoggingProfile) -> None:
    lane.parts.config = replace(lane.parts.config, inspection=logging)


@pytest.mark.parametrize("logging", list(LoggingProfile))
def test_the_lane_keeps_what_its_configuration_says(lane: Lane, passport: Passport, logging: LoggingProfile) -> None:
    passage, decision = read(lane, passport)
    keep(lane, logging)
    record = unpack(inspection_part(passage, decision, lane.parts))
    assert record.logging is logging
    assert record.transaction == passage.transaction
    assert record.place.lane == lane.parts.config.name
    assert all(check.name in {entry.name for entry in record.checks} for check in passage.findings())
    assert (record.personal is None) == (logging in (LoggingProfile.BASIC, LoggingProfile.STANDARD))


def test_what_is_recorded_at_a_lane_can_be_judged_again(lane: Lane, passport: Passport) -> None:
    passage, decision = read(lane, passport)
    keep(lane, LoggingProfile.FULL)
    record = unpack(inspection_part(passage, decision, lane.parts))
    assert why_not(record) == ""
    compared = judge_again(record, recorded_trust(record), recorded_profile(record), record.began.date())
    assert [entry.then.name for entry in compared if entry.changed] == []


def test_it_is_sealed_with_the_crossing_and_the_header_stays_clear_of_it(lane: Lane, passport: Passport) -> None:
    passage, decision = read(lane, passport)
    keep(lane, LoggingProfile.FULL)
    lane.parts.open_log()
    try:
        part = inspection_part(passage, decision, lane.parts)
        lane.parts.append(crossing_record(passage, decision, lane.parts.versions, part))
        (row,) = lane.parts.log.outbox.pending(10)
        assert contains_canary(row.header) == []
        assert row.sealed is not None
        assert contains_canary(row.sealed) == []
        assert len(row.sealed) <= SEALED_LIMIT_BYTES
        content: dict[str, object] = dict(personal_of(lane.records()[0][1]))
    finally:
        lane.parts.log.close()
    packed = content["inspection"]
    assert isinstance(packed, bytes)
    assert unpack(packed).personal is not None


def test_a_passage_is_judged_again_at_the_centre(
    lane: Lane, passport: Passport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way: lane, seal, envelope, ledger, the centre's key, replay."""
    passage, decision = read(lane, passport)
    keep(lane, LoggingProfile.FULL)
    record = crossing_record(passage, decision, (), inspection_part(passage, decision, lane.parts))
    opened_at_the_centre(record, tmp_path)
    key = tmp_path / "sealing.pem"
    halves = (sealing_key().x25519, sealing_key().mlkem)
    key.write_bytes(b"".join(half.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for half in halves if half))
    key.chmod(0o600)
    saved = tmp_path / "saved.json"
    parser = argparse.ArgumentParser()
    replay.add_arguments(parser)
    ledger = ["--ledger", str(tmp_path / "ledger.db")]
    given = [*ledger, "--open", str(key)]
    assert replay.run(parser.parse_args([passage.transaction, *given, "--save", str(saved)])) == 0
    assert "end as before" in capsys.readouterr().out
    assert parse_record(saved.read_bytes()).transaction == passage.transaction
    with pytest.raises(ConfigError, match="no crossing"):
        replay.run(parser.parse_args(["ffff", *given]))
    with pytest.raises(ConfigError, match="--open KEYFILE"):
        replay.run(parser.parse_args([passage.transaction, *ledger]))


def test_a_whole_passage_of_the_controller_seals_its_inspection(lane: Lane, passport: Passport) -> None:
    """From the passport on the reader to the row on the disk."""
    keep(lane, LoggingProfile.STANDARD_ELECTRONIC)

    async def story() -> None:
        async with lane.running():
            await lane.cross(passport)

    asyncio.run(story())
    (personal,) = [sealed for header, sealed in lane.records() if header.kind is RecordKind.CROSSING]
    content: dict[str, object] = dict(personal_of(personal))
    packed = content["inspection"]
    assert isinstance(packed, bytes)
    record = unpack(packed)
    assert record.reading.commands == len(record.trace) > 20
    assert record.personal is not None
    assert ElementaryFile.DG2 not in {entry.file for entry in record.personal.files}
    assert {stage.stage for stage in record.stages} >= {"document_read", "document_checked", "decided_entry"}
    assert "sface" in {component.name for component in record.components}
    face = record.check(CheckName.FACE_MATCH)
    assert face is not None
    assert (face.performed, face.result, record.decisions[-1].point) == (True, CheckResult.SUCCESSFUL, DecisionPoint.EXIT)


def test_the_largest_part_fits_a_crossing_and_an_envelope() -> None:
    room_for_the_rest = 64 * 1024
    assert LARGEST_PART_BYTES + room_for_the_rest <= PERSONAL_LIMIT_BYTES
    assert SEALED_LIMIT_BYTES < ENVELOPE_LIMIT_BYTES


def test_a_chip_full_of_noise_costs_its_files_and_not_the_crossing(lane: Lane, passport: Passport) -> None:
    """Noise does not deflate; the record says what was asked for and what was kept."""
    passage, decision = read(lane, passport)
    keep(lane, LoggingProfile.FULL)
    assert passage.facts is not None
    assert passage.evidence is not None
    files = {**passage.evidence.files, ElementaryFile.DG7: secrets.token_bytes(500_000)}
    passage.facts = replace(passage.facts, evidence=replace(passage.evidence, files=files))
    part = inspection_part(passage, decision, lane.parts)
    record = unpack(part)
    assert len(part) <= LARGEST_PART_BYTES
    assert (record.logging, record.logging_asked, record.personal) == (LoggingProfile.BASIC, LoggingProfile.FULL, None)


def test_a_mistake_of_ours_costs_this_part_only(
    lane: Lane, passport: Passport, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    passage, decision = read(lane, passport)

    def broken(*_arguments: object) -> None:
        raise RuntimeError("CANARYNAME")

    monkeypatch.setattr(lane_inspection, "record_inspection", broken)
    assert inspection_part(passage, decision, lane.parts) == b""
    assert "RuntimeError" in caplog.text
    assert "CANARYNAME" not in caplog.text
    assert "inspection" not in personal_of(crossing_record(passage, decision, ()).personal)


def test_a_passage_without_a_chip_is_recorded_too(lane: Lane, passport: Passport) -> None:
    passage = Passage(1, "t", lane.parts.clock.monotonic(), parse_lines(passport.lines))
    record = unpack(inspection_part(passage, decide((), lane.parts.profile, DecisionPoint.ENTRY), lane.parts))
    assert not record.document.chip
    assert record.overall is CheckResult.UNDETERMINED


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_part_that_was_cut_is_malformed(cut: int) -> None:
    packed = pack(case().record(LoggingProfile.BASIC))
    with pytest.raises(MalformedData):
        unpack(packed[:cut])


def test_a_part_that_unfolds_into_too_much_is_malformed() -> None:
    for data in (zlib.compress(bytes(50_000_000)), pack(case().record(LoggingProfile.BASIC)) + b"x", b"noise"):
        with pytest.raises(MalformedData):
            unpack(data)


def test_the_configuration_names_a_profile_or_says_which_there_are(lane: Lane) -> None:
    text = lane.place.config.read_text("utf-8")
    base = lane.place.root
    assert parse_config(text, base, "lane.toml").inspection is LoggingProfile.BASIC
    chosen = parse_config(text + '\n[record]\ninspection = "full"\n', base, "lane.toml")
    assert chosen.inspection is LoggingProfile.FULL
    with pytest.raises(ConfigError, match=r"\[record\] inspection must be one of basic, standard"):
        parse_config(text + '\n[record]\ninspection = "everything"\n', base, "lane.toml")
