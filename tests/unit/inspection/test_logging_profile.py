"""What each logging profile keeps (G3, TR-03135-2 §4.3): the table walked whole, then the bytes of real records searched."""

from __future__ import annotations

from itertools import product

import pytest

from egate.checks.catalogue import CATALOGUE, finding, group_of, success
from egate.inspection.export import encode_record
from egate.inspection.logging_profile import DEFAULT_LOGGING, KEEPS, Kept, LoggingProfile, Part, kept_parts, may_keep
from egate.model.checks import Check, CheckGroup, CheckName, CheckResult
from egate.model.document import ElementaryFile
from tests.unit.inspection.inspection_bench import CANARIES, case

P = LoggingProfile
EVERY_ENDING = [finding(entry.name, ending.code) for entry in CATALOGUE.values() for ending in entry.endings]


def test_the_table_says_something_of_every_profile_and_part() -> None:
    assert set(KEEPS) == set(LoggingProfile)
    assert all(set(row) == set(Part) for row in KEEPS.values())


def test_the_default_keeps_nothing_of_a_person() -> None:
    """Regulation (EU) 2016/679 Art. 25(2)."""
    assert DEFAULT_LOGGING is P.BASIC
    assert set(KEEPS[P.BASIC].values()) == {Kept.NEVER}


def test_profiles_only_add() -> None:
    order = {Kept.NEVER: 0, Kept.ON_FAULT: 1, Kept.ALWAYS: 2}
    for less, more in ((P.BASIC, P.STANDARD), (P.STANDARD, P.STANDARD_OPTICAL), (P.STANDARD, P.STANDARD_ELECTRONIC)):
        assert all(order[KEEPS[less][part]] <= order[KEEPS[more][part]] for part in Part)
    for profile in LoggingProfile:
        assert all(order[KEEPS[profile][part]] <= order[KEEPS[P.FULL][part]] for part in Part)


@pytest.mark.parametrize("check", EVERY_ENDING, ids=lambda check: f"{check.name.value}-{check.code}")
def test_what_one_ending_makes_of_each_profile(check: Check) -> None:
    """§4.3.2: failed and undetermined ask for more, aborted and not supported do not; electronic ones ask for the print."""
    group, fault = group_of(check.name), check.result in (CheckResult.FAILED, CheckResult.UNDETERMINED)
    ours = check.name is CheckName.CERTIFICATE_REVOCATION and check.result is CheckResult.UNDETERMINED
    electronic = fault and group is CheckGroup.ELECTRONIC and not ours
    printed = electronic or (fault and group in (CheckGroup.OPTICAL, CheckGroup.COMBINED))
    standard: set[Part] = {Part.PRINT} if printed else set()
    standard |= {Part.CHIP_FILES, Part.TRACE} if electronic else set()
    assert kept_parts(P.BASIC, [check]) == set()
    assert kept_parts(P.STANDARD, [check]) == standard
    assert kept_parts(P.STANDARD_OPTICAL, [check]) == standard | {Part.PRINT}
    assert kept_parts(P.STANDARD_ELECTRONIC, [check]) == standard | {Part.CHIP_FILES, Part.TRACE}
    assert kept_parts(P.FULL, [check]) == set(Part)


def test_success_alone_keeps_what_is_always_kept() -> None:
    assert kept_parts(P.STANDARD, [success(name) for name in CheckName]) == set()
    assert kept_parts(P.FULL, []) == set(Part)


@pytest.mark.parametrize(("profile", "file"), list(product(LoggingProfile, (ElementaryFile.DG3, ElementaryFile.DG4))))
def test_fingerprints_and_irises_are_kept_by_no_profile(profile: LoggingProfile, file: ElementaryFile) -> None:
    assert not may_keep(file, profile, EVERY_ENDING)
    assert not may_keep(file, profile, [finding(CheckName.DATA_GROUP_HASHES, "data_group_hash_wrong", file.name)])


def test_the_portrait_is_kept_below_full_only_when_it_is_what_is_wrong() -> None:
    wrong = finding(CheckName.DATA_GROUP_HASHES, "data_group_hash_wrong", "DG2")
    other = finding(CheckName.DATA_GROUP_HASHES, "data_group_hash_wrong", "DG1")
    assert may_keep(ElementaryFile.DG2, P.STANDARD, [wrong])
    assert not may_keep(ElementaryFile.DG2, P.STANDARD, [other])
    assert may_keep(ElementaryFile.DG1, P.STANDARD, [other])
    assert may_keep(ElementaryFile.DG2, P.FULL, [])


@pytest.mark.parametrize("defect", ["none", "cloned", "forged_data", "expired_signer", "unknown_issuer", "wrong_signature"])
def test_a_basic_record_holds_nothing_of_the_holder(defect: str) -> None:
    record = case(defect, '[files]\nfurther = ["DG11", "DG12"]\n').record(P.BASIC)
    assert record.personal is None
    assert record.trace == ()
    everything = encode_record(record)
    assert [canary for canary in CANARIES if canary in everything] == []


@pytest.mark.parametrize("defect", ["none", "expired_signer"])
def test_a_standard_record_holds_the_document_only_after_a_fault(defect: str) -> None:
    record = case(defect).record(P.STANDARD)
    if defect == "none":
        assert (record.personal, record.trace) == (None, ())
        return
    assert record.personal is not None
    assert record.personal.lines
    files = {entry.file for entry in record.personal.files}
    assert ElementaryFile.SOD in files
    assert ElementaryFile.DG2 not in files
    assert record.personal.proofs == ()


def test_no_repr_shows_what_is_personal() -> None:
    record = case().record(P.FULL)
    assert record.personal is not None
    for shown in (repr(record), repr(record.personal), *(repr(entry) for entry in record.personal.files)):
        assert not any(canary.decode() in shown for canary in CANARIES)
        assert "data=" not in shown
