"""The record as JSON: what every inspection produces satisfies the published schema, and comes back as it was."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from egate.inspection.building import Circumstances, Inspected, fitted, moment, record_inspection
from egate.inspection.export import LARGEST_RECORD_BYTES, encode_record, parse_record, published_schema, record_schema
from egate.inspection.logging_profile import LoggingProfile
from egate.inspection.record import SCHEMA_VERSION, Place
from egate.model.checks import CheckName, CheckResult, RunMode
from egate.model.crossing import StageTime
from egate.model.document import ElementaryFile, MrzInformation, ProtocolOutcome, ProtocolState
from egate.model.errors import MalformedData
from egate.pki.passive_auth import HashState
from tests.unit.inspection.inspection_bench import ACTIVE, BEGAN_NS, CAM, FALL_BACK, NO_PROOF, TODAY, Case, case, read_document

DEFECTS = [
    "none",
    "cloned",
    "forged_data",
    "unknown_issuer",
    "swapped_portrait",
    "wrong_signature",
    "unsigned_key",
    "stripped_access",
    "foreign_signer",
    "expired_signer",
    "revoked_signer",
]
VALIDATOR = Draft202012Validator(published_schema())


def problems(value: object) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(value)]


def test_the_published_schema_is_the_one_of_the_dataclasses() -> None:
    assert published_schema() == record_schema()
    Draft202012Validator.check_schema(published_schema())


def test_the_schema_describes_every_object_and_allows_nothing_else() -> None:
    schema: Any = published_schema()
    for name, definition in schema["$defs"].items():
        assert definition["description"], name
        assert definition["additionalProperties"] is False
        assert set(definition["required"]) == set(definition["properties"])


@pytest.mark.parametrize("logging", list(LoggingProfile))
@pytest.mark.parametrize("defect", DEFECTS)
def test_every_record_satisfies_the_schema_and_comes_back(defect: str, logging: LoggingProfile) -> None:
    record = case(defect).record(logging)
    encoded = encode_record(record)
    assert problems(json.loads(encoded)) == []
    assert parse_record(encoded) == record
    assert encode_record(parse_record(encoded)) == encoded


@pytest.mark.parametrize("recipe", [CAM, ACTIVE, NO_PROOF, FALL_BACK, '[document]\nkind = "TD1"\n', '[document]\nkind = "TD2"\n'])
def test_every_kind_of_document_satisfies_the_schema(recipe: str) -> None:
    record = case("none", recipe).record()
    assert problems(json.loads(encode_record(record))) == []
    assert parse_record(encode_record(record)) == record


def test_a_chip_that_did_not_open_and_a_document_without_chip() -> None:
    shut = read_document('seed = "7"', MrzInformation("L898902C<", "690806", "940623"))
    without = Case(shut.mrz, None, shut.trust)
    for found in (shut, without):
        record = found.record()
        assert problems(json.loads(encode_record(record))) == []
        assert parse_record(encode_record(record)) == record
    assert not without.record().document.chip


# -- what stands in it ----------------------------------------------------------------------------------------------------


def test_every_check_of_the_profile_is_there_with_mode_door_reason_and_number() -> None:
    found = case("expired_signer")
    record = found.record(LoggingProfile.BASIC)
    assert {entry.name for entry in record.checks} == set(found.profile.rules)
    chain = record.check(CheckName.CERTIFICATE_CHAIN)
    assert chain is not None
    assert (chain.result, chain.code, chain.mode) == (CheckResult.FAILED, "signer_not_valid", RunMode.MANDATORY)
    assert chain.number is not None
    assert 1_000 <= chain.number <= 999_999  # D5, TR-03135-1 §5.3
    assert chain.text
    good = record.check(CheckName.MRZ_CHECK_DIGITS)
    assert good is not None
    assert (good.result, good.code, good.number) == (CheckResult.SUCCESSFUL, "", None)
    face = record.check(CheckName.FACE_MATCH)
    assert face is not None
    assert (face.performed, face.code) == (False, "not_performed")


def test_groups_leave_out_what_was_not_made_and_what_does_not_count() -> None:
    record = case().record(LoggingProfile.BASIC)
    assert {entry.group.value: entry.result.word for entry in record.groups} == {
        "optical": "successful",
        "electronic": "successful",
        "combined": "successful",
        "background": "successful",
    }
    assert record.overall is CheckResult.SUCCESSFUL
    assert case("cloned").record(LoggingProfile.BASIC).overall is CheckResult.FAILED


def test_a_fall_back_shows() -> None:
    names = [entry.protocol for entry in case("stripped_access").record(LoggingProfile.BASIC).protocols]
    assert names.index("pace") < names.index("bac")


def test_certificates_are_named_by_number_key_and_country_and_never_by_name() -> None:
    found = case()
    (sod,) = found.record(LoggingProfile.BASIC).security_objects
    assert [(held.role, held.country) for held in sod.certificates] == [("signer", "UT"), ("csca", "UT")]
    facts = found.facts.security_object
    assert facts is not None
    assert facts.csca is not None
    assert sod.certificates[1].serial == f"{facts.csca.serial_number:x}"
    assert sod.certificates[1].key_identifier == facts.csca.subject_key_identifier.hex()
    assert (sod.signer_valid, sod.issuer_valid) == (True, True)


def test_files_that_were_signed_and_not_read_are_named_too() -> None:
    record = case("none", '[files]\nfurther = ["DG7"]\n').record(LoggingProfile.BASIC)
    files = {entry.file: entry for entry in record.files}
    assert not files[ElementaryFile.DG7].read
    assert (files[ElementaryFile.DG1].read, files[ElementaryFile.DG1].hash) == (True, HashState.MATCHES)


def test_quirks_that_were_met_stand_apart_from_protocols() -> None:
    record = case("none", '[chip]\nquirks = ["largest_read_a0"]\n').record(LoggingProfile.BASIC)
    assert "largest_read_a0" in record.quirks
    assert all(entry.protocol != "quirk" for entry in record.protocols)


def test_times_are_in_utc_to_the_microsecond() -> None:
    record = case().record()
    assert record.began == moment(BEGAN_NS)
    assert json.loads(encode_record(record))["began"] == "2026-11-24T10:00:00.123456Z"


def test_a_record_that_does_not_fit_says_what_it_lacks() -> None:
    record = case().record(LoggingProfile.FULL)
    whole, without = len(encode_record(record)), len(encode_record(replace(record, personal=None)))
    assert fitted(record, lambda _record: True) == record
    smaller = fitted(record, lambda tried: len(encode_record(tried)) < whole)
    assert (smaller.personal, smaller.logging, smaller.logging_asked) == (None, LoggingProfile.BASIC, LoggingProfile.FULL)
    assert smaller.trace == record.trace
    assert fitted(record, lambda tried: len(encode_record(tried)) < without).trace == ()


def test_a_record_of_extremes_reads_back() -> None:
    """However much a passage brings, what is recorded stays within the schema."""
    found = case("none", ACTIVE)
    assert found.evidence is not None
    (proof, *_) = found.evidence.proofs
    outcomes = tuple(ProtocolOutcome("file", ProtocolState.BROKEN, "DG1", 0x6F00, "x\x1b" * 400) for _ in range(300))
    crowded = replace(
        found.evidence,
        protocols=(*found.evidence.protocols, *outcomes),
        proofs=(proof,) * 20,
        transcript=found.evidence.transcript * 60,
    )
    facts = replace(found.facts, evidence=crowded)
    many = tuple((f"list {number}", "v" * 500) for number in range(200))
    circumstances = Circumstances(
        "t",
        BEGAN_NS,
        BEGAN_NS,
        Place("lane", "1"),
        components=many,
        list_dates=tuple((name, TODAY) for name, _version in many * 4),
        stages=tuple(StageTime("reading", number) for number in range(500)),
        logging=LoggingProfile.FULL,
    )
    record = record_inspection(Inspected(found.mrz, facts, found.findings), circumstances, found.profile, found.trust)
    assert problems(json.loads(encode_record(record))) == []
    assert parse_record(encode_record(record)) == record


# -- foreign records ------------------------------------------------------------------------------------------------------


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a JSON value."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        if not isinstance(key, int) or key < 1:
            yield from places(child, (*path, key))


def replaced(value: Any, path: tuple[str | int, ...], by: object) -> Any:
    changed = copy.deepcopy(value)
    if not path:
        return by
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = by
    return changed


SOUND = json.loads(encode_record(case("none", '[document]\nkind = "TD1"\n').record(LoggingProfile.STANDARD)))
SOUND["trace"], SOUND["checks"] = SOUND["trace"][:1], SOUND["checks"][:1]
STRANGERS: tuple[object, ...] = (None, True, -1, 2**60, 1.5, "x" * 300, [[]], {"x": 1})


@pytest.mark.parametrize("path", list(places(SOUND)), ids=lambda path: ".".join(map(str, path)) or "record")
def test_a_stranger_in_any_place_is_refused_by_schema_and_parser_alike(path: tuple[str | int, ...]) -> None:
    """Parser and schema say the same of each change, but that the calendar and the version are known to the parser only."""
    for stranger in STRANGERS:
        changed = replaced(SOUND, path, stranger)
        try:
            parse_record(json.dumps(changed).encode())
            accepted = True
        except MalformedData:
            accepted = False
        assert accepted == (not problems(changed)), (path, stranger)


def test_a_missing_and_a_further_name_are_refused() -> None:
    for path in places(SOUND):
        holder = SOUND
        for key in path:
            holder = holder[key]
        if not isinstance(holder, dict):
            continue
        for key in list(holder)[:3]:
            less = replaced(SOUND, path, {name: value for name, value in holder.items() if name != key})
            with pytest.raises(MalformedData, match="missing"):
                parse_record(json.dumps(less).encode())
        more = replaced(SOUND, path, {**holder, "more": 1})
        with pytest.raises(MalformedData):
            parse_record(json.dumps(more).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"null",
        b"{}",
        b'{"schema": NaN}',
        b'{"schema": 1, "schema": 1}',
        b"1" * 10_000,
        b'"' + b"x" * (LARGEST_RECORD_BYTES + 1),
    ],
)
def test_what_is_no_record_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_record(data)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("began",), "2026-02-30T00:00:00.000000Z", "calendar"),
        (("trust", "dated"), "2026-13-01", "calendar"),
        (("schema",), 0, f"this program reads {SCHEMA_VERSION}"),
    ],
)
def test_what_only_the_parser_knows(path: tuple[str | int, ...], value: object, problem: str) -> None:
    with pytest.raises(MalformedData, match=problem):
        parse_record(json.dumps(replaced(SOUND, path, value)).encode())


def test_the_message_names_the_place_and_repeats_nothing_foreign() -> None:
    with pytest.raises(MalformedData, match=r"record\.document\.form") as caught:
        parse_record(json.dumps(replaced(SOUND, ("document", "form"), "SECRET" * 100)).encode())
    assert "SECRET" not in str(caught.value)
