"""The guideline's tree of each defective document: where the fault stands, and how far up it reaches; then the XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from egate.inspection.guideline import NAMESPACE, Node, encode_guideline, guideline_tree
from egate.inspection.logging_profile import LoggingProfile
from egate.inspection.record import CheckRecord, InspectionRecord
from egate.model.checks import CheckName, CheckResult, RunMode
from egate.model.document import ElementaryFile, MrzInformation, ProtocolState
from egate.pki.passive_auth import HashState
from tests.unit.inspection.inspection_bench import ACTIVE, CAM, CANARIES, NO_PROOF, Case, case, read_document
from tests.unit.inspection.test_record_export import DEFECTS

S, F, U = CheckResult.SUCCESSFUL, CheckResult.FAILED, CheckResult.UNDETERMINED
N, A = CheckResult.NOT_SUPPORTED, CheckResult.ABORTED


def nodes(node: Node, above: str = "") -> dict[str, Node]:
    """Every node by its path of names."""
    path = f"{above}/{node.name}" if above else node.name
    found = {path: node}
    for part in node.parts:
        found |= nodes(part, path)
    return found


def tree(record: InspectionRecord) -> dict[str, Node]:
    return {path.removeprefix("document/"): node for path, node in nodes(guideline_tree(record)).items()}


def of(defect: str, further: str = "") -> dict[str, Node]:
    return tree(case(defect, further).record(LoggingProfile.BASIC))


def changed(record: InspectionRecord, name: CheckName, **values: object) -> InspectionRecord:
    """The record with another finding."""
    checks = tuple(replace(entry, **values) if entry.name is name else entry for entry in record.checks)  # type: ignore[arg-type]  # fields by name
    return replace(record, checks=checks)


def test_a_genuine_document_is_successful_to_the_root() -> None:
    found = of("none")
    assert found["document"].result is S
    counting = [path for path, node in found.items() if node.counts and node.result in (F, U, A)]
    assert counting == []


@pytest.mark.parametrize(
    ("defect", "faults"),
    [
        ("cloned", {"electronic/chip-content/chip-authenticity/ca": F, "electronic/chip-content/chip-authenticity": F}),
        ("swapped_portrait", {"electronic/chip-content/integrity/data-groups/dg2": F, "electronic/chip-content/integrity": F}),
        ("wrong_signature", {"electronic/chip-content/security-objects/ef-sod/signature": F}),
        ("unknown_issuer", {"electronic/chip-content/issuer-certificates/ef-sod/ds-signature": U}),
        ("expired_signer", {"electronic/chip-content/issuer-certificates/ef-sod/validity/ds-validity": F}),
        ("revoked_signer", {"electronic/chip-content/issuer-certificates/ef-sod/ds-revocation": F}),
        ("foreign_signer", {"electronic/chip-content/issuing-state": F}),
        ("unsigned_key", {"electronic/chip-content/chip-authenticity/ca": U}),
    ],
)
def test_a_fault_stands_at_its_clause_and_reaches_the_root(defect: str, faults: dict[str, CheckResult]) -> None:
    found = of(defect)
    assert {path: found[path].result for path in faults} == faults
    assert found["electronic/chip-content"].result in (F, U)
    assert found["document"].result is not S


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [("", (N, S, N)), (ACTIVE, (S, N, N)), (CAM, (N, N, S)), (NO_PROOF, (N, N, N))],
)
def test_each_proof_has_its_own_table(recipe: str, expected: tuple[CheckResult, ...]) -> None:
    found = of("none", recipe)
    base = "electronic/chip-content/chip-authenticity"
    assert tuple(found[f"{base}/{name}"].result for name in ("aa", "ca", "pace-cam")) == expected
    assert found["document"].result is S  # a missing proof is conditionally ignored by the profile


def test_a_fall_back_is_a_success_that_shows_the_failure() -> None:
    """Table 5.18: either protocol is enough; Table 5.20 of the one that failed stands beside it."""
    record = case().record(LoggingProfile.BASIC)
    pace = next(entry for entry in record.protocols if entry.protocol == "pace")
    bac = replace(pace, protocol="bac")
    fell = replace(record, protocols=(replace(pace, state=ProtocolState.REFUSED), bac, *record.protocols[1:]))
    found = tree(fell)
    base = "electronic/chip-access/bac-or-pace"
    assert (found[f"{base}/pace"].result, found[f"{base}/bac"].result, found[base].result) == (F, S, S)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (ProtocolState.COMPLETED, S),
        (ProtocolState.REFUSED, F),
        (ProtocolState.BROKEN, F),
        (ProtocolState.NOT_OFFERED, N),
        (ProtocolState.NOT_RUN, U),
    ],
)
def test_terminal_authentication_counts_where_the_profile_asks_for_it(state: ProtocolState, expected: CheckResult) -> None:
    record = case().record(LoggingProfile.BASIC)
    done = replace(record.protocols[0], protocol="terminal_authentication", state=state)
    record = replace(record, protocols=(*record.protocols, done))
    found = tree(record)
    assert found["electronic/chip-access/terminal-authentication"].result is expected
    assert not found["electronic/chip-access/terminal-authentication"].counts
    assert found["electronic/chip-access"].result is S
    asked = tree(changed(record, CheckName.TERMINAL_AUTHENTICATION, mode=RunMode.MANDATORY))
    assert asked["electronic/chip-access"].result is {U: A}.get(expected, expected)


@pytest.mark.parametrize(
    ("code", "detail", "expected"),
    [
        ("mrz_differs_from_chip", "optional_data", U),
        ("mrz_differs_from_chip", "optional_data, optional_data_2", U),
        ("mrz_differs_from_chip", "surname, optional_data", F),
        ("mrz_not_read", "", N),
        ("chip_mrz_malformed", "", F),
    ],
)
def test_print_against_chip(code: str, detail: str, expected: CheckResult) -> None:
    """Table 5.46: optional data alone leaves it undetermined."""
    record = case().record(LoggingProfile.BASIC)
    result = U if code == "mrz_not_read" else F
    found = tree(changed(record, CheckName.MRZ_MATCHES_CHIP, code=code, detail=detail, result=result))
    assert found["combined/mrz-and-dg1"].result is expected


def test_a_data_group_that_was_not_read_is_present_and_counts_in_nothing() -> None:
    found = of("none", '[files]\nfurther = ["DG7"]\n')
    assert found["electronic/chip-content/integrity/data-groups/dg7"].word == "present"
    assert found["electronic/chip-content/integrity/data-groups"].result is S


def test_without_the_portrait_integrity_is_undetermined() -> None:
    """§5.6.4.4.2: at least DG1 and DG2 are read."""
    record = case().record(LoggingProfile.BASIC)
    without = replace(record, files=tuple(entry for entry in record.files if entry.file is not ElementaryFile.DG2))
    assert tree(without)["electronic/chip-content/integrity/data-groups"].result is U


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (HashState.MATCHES, "identical"),
        (HashState.DIFFERS, "not identical"),
        (HashState.NOT_LISTED, "not identical"),
        (HashState.UNKNOWN_ALGORITHM, "non conformance"),
        (HashState.NO_HASHES, "non conformance"),
        (None, "non conformance"),
    ],
)
def test_each_state_of_a_hash_has_its_word(state: HashState | None, word: str) -> None:
    record = case().record(LoggingProfile.BASIC)
    files = tuple(replace(entry, hash=state) if entry.file is ElementaryFile.DG2 else entry for entry in record.files)
    assert tree(replace(record, files=files))["electronic/chip-content/integrity/data-groups/dg2"].word == word


def test_the_hash_and_the_signature_of_a_security_object_are_told_apart() -> None:
    record = case("wrong_signature").record(LoggingProfile.BASIC)
    (sod,) = record.security_objects
    hashed = replace(record, security_objects=(replace(sod, reason="the content is not what was signed"),))
    base = "electronic/chip-content/security-objects/ef-sod"
    assert (tree(record)[f"{base}/hash"].result, tree(record)[f"{base}/signature"].result) == (U, F)
    assert (tree(hashed)[f"{base}/hash"].result, tree(hashed)[f"{base}/signature"].result) == (F, U)


def test_a_chip_that_stayed_shut_and_a_document_without_chip() -> None:
    shut = read_document('seed = "7"', MrzInformation("L898902C<", "690806", "940623"))
    found = tree(shut.record(LoggingProfile.BASIC))
    assert found["electronic/chip-access"].result is F
    assert found["electronic/chip-content"].result is U
    without = tree(Case(shut.mrz, None, shut.trust).record(LoggingProfile.BASIC))
    assert "electronic" not in without
    assert without["document"].result is not S


def test_a_record_without_a_check_says_undetermined() -> None:
    record = case().record(LoggingProfile.BASIC)
    none: tuple[CheckRecord, ...] = ()
    assert tree(replace(record, checks=none))["combined/mrz-and-dg1"].result is U


@pytest.mark.parametrize("defect", DEFECTS)
def test_the_xml_has_the_tree_the_context_and_nothing_of_the_holder(defect: str) -> None:
    record = case(defect).record(LoggingProfile.FULL)
    encoded = encode_guideline(record)
    root = ET.fromstring(encoded)
    checks = list(root.iter(f"{{{NAMESPACE}}}check"))
    assert len(checks) == len(nodes(guideline_tree(record)))
    assert root.get("transaction") == record.transaction
    assert root.find(f"{{{NAMESPACE}}}context/{{{NAMESPACE}}}began") is not None
    numbers = {int(error.get("code", "0")) for error in root.iter(f"{{{NAMESPACE}}}error")}
    assert numbers == {entry.number for entry in record.checks if entry.performed and entry.number is not None}
    assert [canary for canary in CANARIES if canary in encoded] == []


def test_every_clause_and_table_is_one_of_the_guideline() -> None:
    for node in of("none", CAM).values():
        assert node.clause.startswith(("5.4", "5.5.4", "5.6", "5.7"))
        assert node.table == "" or 2 <= int(node.table.split(".")[1]) <= 46


def test_the_guidelines_own_namespace_is_not_claimed() -> None:
    """Its schemas are not at hand, so nothing says that this were a document of theirs."""
    assert b"trdoccheck" not in encode_guideline(case().record())
