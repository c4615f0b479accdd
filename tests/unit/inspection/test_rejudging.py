"""A full record is judged again as the lane judged, proofs included; any other says in words why it cannot be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from egate.checks.profile import default_profile
from egate.inspection.export import encode_record, parse_record
from egate.inspection.logging_profile import LoggingProfile
from egate.inspection.record import InspectionRecord, PersonalRecord, ProofRecord, ProofValue
from egate.inspection.rejudging import (
    RECORDED_TRUST,
    Comparison,
    judge_again,
    recorded_evidence,
    recorded_mrz,
    recorded_profile,
    recorded_trust,
    why_not,
)
from egate.model.checks import Acceptance, CheckName, CheckResult, CheckRule, RunMode, Weakness
from egate.model.errors import MalformedData
from egate.pki.trust_store import TrustStore
from tests.unit.inspection.inspection_bench import ACTIVE, CAM, NO_PROOF, TODAY, Case, case
from tests.unit.inspection.test_record_export import DEFECTS

RECIPES = ["", CAM, ACTIVE, NO_PROOF, "[signature]\ncertificate_inside = false\n", '[document]\nkind = "TD1"\n']


def again(found: Case) -> InspectionRecord:
    """The full record of a case, as an auditor gets it."""
    return parse_record(encode_record(found.record(LoggingProfile.FULL)))


def ends(compared: tuple[Comparison, ...]) -> dict[str, tuple[str, str]]:
    """The changed checks, then and now."""
    return {entry.then.name.value: (entry.then.code, entry.now.code if entry.now else "") for entry in compared if entry.changed}


@pytest.mark.parametrize("defect", DEFECTS)
def test_everything_ends_as_before_with_what_it_was_judged_with(defect: str) -> None:
    found = case(defect)
    record = again(found)
    compared = judge_again(record, found.trust, recorded_profile(record), TODAY)
    assert ends(compared) == {}
    assert sum(entry.now is not None for entry in compared) == len(found.findings)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_certificates_in_the_record_are_enough(recipe: str) -> None:
    """P3 of a record: the store of that day may be gone. The signer of a file that does not carry it comes along."""
    record = again(case("none", recipe))
    trust = recorded_trust(record)
    assert trust.source == RECORDED_TRUST
    assert ends(judge_again(record, trust, recorded_profile(record), record.began.date())) == {}


def test_what_was_recorded_is_what_is_judged() -> None:
    found = case("none", CAM)
    record = again(found)
    assert recorded_mrz(record) == found.mrz
    assert recorded_evidence(record) == found.evidence


def test_the_rules_come_back_as_they_were() -> None:
    profile = replace(default_profile(), minimum_age_years=18, algorithm_policy={Weakness.SHA1: Acceptance.REFUSE})
    record = again(replace(case(), profile=profile))
    recorded = recorded_profile(record)
    assert (recorded.minimum_age_years, dict(recorded.algorithm_policy)) == (18, dict(profile.algorithm_policy))
    assert dict(recorded.rules) == dict(profile.rules)
    assert recorded.rules[CheckName.CERTIFICATE_REVOCATION] == CheckRule(RunMode.EVALUATORY)


def test_another_day_and_another_trust_end_otherwise() -> None:
    record = again(case())
    later = record.began.date() + timedelta(days=365 * 15)
    assert ends(judge_again(record, recorded_trust(record), recorded_profile(record), later)) == {
        "document_expiry": ("", "document_expired"),
        "certificate_chain": ("", "signer_not_valid"),
        "certificate_revocation": ("", "revocation_list_stale"),
    }
    nobody = TrustStore.from_parts((), "nobody", TODAY)
    assert "certificate_chain" in ends(judge_again(record, nobody, recorded_profile(record), TODAY))


@pytest.mark.parametrize(
    ("recipe", "protocol", "code"),
    [
        (ACTIVE, "active_authentication", "active_authentication_failed"),
        (CAM, "chip_authentication_mapping", "mapping_proof_failed"),
    ],
)
def test_a_proof_is_verified_again_and_not_believed(recipe: str, protocol: str, code: str) -> None:
    """Whoever changes a bit of a proof, and says that it succeeded, is found out."""
    record = again(case("none", recipe))
    assert record.personal is not None
    (proof,) = [entry for entry in record.personal.proofs if entry.protocol == protocol]
    *others, last = proof.values
    bent = ProofValue(last.name, last.data[:-1] + bytes([last.data[-1] ^ 1]))
    personal = replace(record.personal, proofs=(ProofRecord(protocol, (*others, bent)),))
    compared = judge_again(replace(record, personal=personal), recorded_trust(record), recorded_profile(record), TODAY)
    assert ends(compared)["chip_genuine"] == ("", code)


def test_a_file_that_was_changed_in_the_record_is_found_out() -> None:
    record = again(case())
    assert record.personal is not None
    files = tuple(
        replace(entry, data=entry.data[:-1] + bytes([entry.data[-1] ^ 1])) if entry.file.name == "DG2" else entry
        for entry in record.personal.files
    )
    changed = replace(record, personal=replace(record.personal, files=files))
    found = ends(judge_again(changed, recorded_trust(record), recorded_profile(record), TODAY))
    assert found == {"data_group_hashes": ("", "data_group_hash_wrong")}


@pytest.mark.parametrize("logging", [entry for entry in LoggingProfile if entry is not LoggingProfile.FULL])
def test_a_record_that_is_not_full_says_why_it_cannot_be_judged(logging: LoggingProfile) -> None:
    record = case().record(logging)
    assert logging.value in why_not(record)
    assert "full" in why_not(record)
    with pytest.raises(MalformedData, match="judging a record again"):
        judge_again(record, recorded_trust(record), recorded_profile(record), TODAY)


def test_a_full_record_for_which_there_was_no_room_says_so() -> None:
    record = replace(case().record(LoggingProfile.BASIC), logging_asked=LoggingProfile.FULL)
    assert "no room" in why_not(record)


def test_a_record_of_nothing_says_so() -> None:
    record = case().record(LoggingProfile.FULL)
    nothing = replace(record, document=replace(record.document, printed=False, chip=False))
    assert "neither print nor chip" in why_not(nothing)
    empty = replace(record, personal=PersonalRecord((), (), (), None))
    assert recorded_mrz(empty) is None
    assert recorded_trust(empty).certificates == ()
    assert recorded_evidence(replace(record, personal=None)) is None


def test_checks_of_a_face_or_a_list_are_not_judged_again() -> None:
    compared = judge_again(again(case()), case().trust, default_profile(), TODAY)
    left = {entry.then.name for entry in compared if entry.now is None}
    assert {CheckName.FACE_MATCH, CheckName.PERSON_WATCHLIST} <= left
    assert all(entry.now.result is CheckResult.SUCCESSFUL for entry in compared if entry.now and entry.then.code == "")
