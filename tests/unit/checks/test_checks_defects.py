"""What a defect list does to the checks: it takes trust away, casts doubt and explains; it never makes anything better."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from drivers.sim.passport.certification import Authority, ListedDefect
from drivers.sim.passport.issuer import OLDER_CHIP, Defect, SimulatedIssuer
from egate.app.inspecting.report import _published
from egate.checks.catalogue import CATALOGUE, finding, success
from egate.checks.chip_proofs import check_chip_genuine
from egate.checks.decide import decide
from egate.checks.document import check_document
from egate.checks.electronic import ChipFacts, gather_facts
from egate.checks.known_defects import DEFECT_PREFIX, EXPLAINED, judge_defects
from egate.model.checks import Check, CheckName, CheckResult, DecisionPoint, Outcome
from egate.model.document import ChipEvidence, ElementaryFile
from egate.mrtd.files.lds import encode_com
from egate.mrtd.files.tlv import encode_tlv
from egate.pki.defects import DefectType, KnownDefect
from egate.pki.passive_auth import ChainState, inspect_security_object
from egate.pki.trust_store import TrustStore
from tests.unit.checks.evidence import MRZ, PROFILE, evidence
from tests.unit.checks.test_checks_chip_proofs import CAM, reading_of
from tests.unit.sim.sample_state import ERIKA, PORTRAIT, SIZE, TODAY, chip, seeded, trust, utopia

UTOPIA = utopia()
NEIGHBOUR = UTOPIA.neighbour()
PINNED = TrustStore.from_certificates([NEIGHBOUR.csca_certificate], "pinned", TODAY)
SOD = ElementaryFile.SOD
N, T = CheckName, DefectType
F, U, S = CheckResult.FAILED, CheckResult.UNDETERMINED, CheckResult.SUCCESSFUL


def status(number: int) -> bytes:
    return encode_tlv(0x0A, bytes([number]))


def with_defects(*defects: tuple[str, bytes], signer: Authority = UTOPIA.signer, store: TrustStore | None = None) -> TrustStore:
    """A store with a list of the neighbour's authority about a document signer of Utopia."""
    return (store or trust()).with_defects(NEIGHBOUR.defect_list(ListedDefect(signer, defects)), PINNED, TODAY)


def judged(found: ChipEvidence, store: TrustStore) -> dict[CheckName, Check]:
    return {check.name: check for check in check_document(MRZ, found, store, TODAY, PROFILE)}


def outcome(checks: Iterable[Check]) -> Outcome:
    return decide(tuple(checks), PROFILE, DecisionPoint.ENTRY).outcome


def broken() -> ChipEvidence:
    sod = chip().files[SOD]
    return evidence(changed={SOD: sod[:-1] + bytes([sod[-1] ^ 1])})


def test_known_defect_is_named_and_the_failure_stays() -> None:
    """TR-03135-1 §5.8.2.2.2 would have it undetermined; a forger who changed a file would like that."""
    check = judged(broken(), with_defects(("2.2", status(1))))[N.SECURITY_OBJECT_SIGNATURE]
    assert (check.result, check.code, check.known_deviation) == (F, "signature_wrong", "defect_security_object_invalid")
    other = judged(broken(), with_defects(("2.2", status(4))))[N.SECURITY_OBJECT_SIGNATURE]
    assert (other.result, other.known_deviation) == (F, "")


@pytest.mark.parametrize(
    ("number", "code", "result"), [(3, "signer_revoked", F), (1, "signer_doubted", U), (40, "signer_doubted", U)]
)
def test_revoked_signer_fails_the_chain_and_the_revocation(number: int, code: str, result: CheckResult) -> None:
    """As good as an entry in the State's own list (TR-03129-2 §7.3.1.1), by status (TR-03135-1 table 5.54)."""
    store = with_defects(("1.1", status(number)))
    checks = judged(evidence(), store)
    for name in (N.CERTIFICATE_CHAIN, N.CERTIFICATE_REVOCATION):
        assert (checks[name].result, checks[name].code) == (result, code)
    assert outcome(judged(evidence(), trust()).values()) is Outcome.ADMIT
    assert outcome(checks.values()) is Outcome.REFER


@pytest.mark.parametrize("defect", [("1.6", status(1)), ("4.4", status(0)), ("1.9", b""), ("4.9", b"")])
def test_doubtful_signer_leaves_the_chain_undetermined(defect: tuple[str, bytes]) -> None:
    checks = judged(evidence(), with_defects(defect))
    assert (checks[N.CERTIFICATE_CHAIN].result, checks[N.CERTIFICATE_CHAIN].code) == (U, "signer_doubted")
    assert outcome(checks.values()) is Outcome.REFER


@pytest.mark.parametrize("defect", [("2.7", b""), ("3.1", b""), ("4.2", b""), ("4.3", b"")])
def test_defects_that_concern_nothing_here_change_nothing(defect: tuple[str, bytes]) -> None:
    assert judged(evidence(), with_defects(defect)) == judged(evidence(), trust())


def test_a_defect_of_another_signer_changes_nothing() -> None:
    store = with_defects(("1.1", status(3)), ("2.2", b""), signer=NEIGHBOUR.signer)
    assert judged(broken(), store) == judged(broken(), trust())


def test_a_replacement_certificate_is_never_a_signer() -> None:
    """The attack of a list signer: his own certificate in place of the document signer's, for a document that he made."""
    criminal = SimulatedIssuer.create("UTO", seeded(b"criminal"), TODAY)
    made = criminal.personalise(ERIKA, PORTRAIT, SIZE).files
    found = evidence(changed={file: data for file, data in made.items() if file in evidence().files})
    store = with_defects(("1.2", encode_tlv(0x04, criminal.signer.certificate)), signer=criminal.signer)
    checks = judged(found, store)
    chain = checks[N.CERTIFICATE_CHAIN]
    assert (chain.result, chain.code, chain.known_deviation) == (F, "issuer_unknown", "defect_signer_replaced")
    for name in (UTOPIA.signer, criminal.signer):
        replaced = with_defects(("1.2", encode_tlv(0x04, criminal.signer.certificate)), signer=name)
        assert judged(found, replaced)[N.CERTIFICATE_CHAIN].result is F
    assert outcome(checks.values()) is Outcome.REFER


def test_key_of_chip_authentication_that_is_known_proves_nothing() -> None:
    known = (KnownDefect(T.CHIP_AUTHENTICATION_KEY_COMPROMISED),)
    for found in (evidence(), reading_of(CAM, Defect.NONE)):
        facts = gather_facts(found, trust(), TODAY)
        assert check_chip_genuine(facts).result is S
        check = check_chip_genuine(replace(facts, defects=known))
        assert (check.result, check.code) == (U, "chip_key_compromised")
    other = replace(gather_facts(reading_of(OLDER_CHIP, Defect.NONE), trust(), TODAY), defects=known)
    assert check_chip_genuine(other).detail == "active_authentication"
    active = (KnownDefect(T.ACTIVE_AUTHENTICATION_KEY_COMPROMISED),)
    assert check_chip_genuine(replace(other, defects=active)).code == "chip_key_compromised"


def test_card_security_of_a_revoked_signer_makes_no_key_authentic() -> None:
    store = with_defects(("1.1", status(0)))
    facts = gather_facts(reading_of(CAM, Defect.NONE), store, TODAY)
    assert facts.card_security is not None
    assert facts.card_security.chain is ChainState.REVOKED
    assert check_chip_genuine(facts).result is not S


def test_a_clone_stays_failed_whatever_is_known_of_its_protocol() -> None:
    """TR-03135-1 §5.8.2.1.5 would have it undetermined."""
    check = judged(reading_of(CAM, Defect.CLONED), with_defects(("1.5", status(6))))[N.CHIP_GENUINE]
    assert check.result is F
    assert check.known_deviation == "defect_authentication_protocol_failure"


@pytest.mark.parametrize("name", CheckName)
def test_no_defect_ever_makes_a_check_better(name: CheckName) -> None:
    """Every check, every way to end, every defect with every status: the result and the code stay."""
    everything = tuple(KnownDefect(kind, number, frozenset({1, 2}), "UT") for kind in DefectType for number in range(34))
    facts = replace(gather_facts(evidence(), trust(), TODAY), defects=everything)
    for before in (*(finding(name, ending.code) for ending in CATALOGUE[name].endings), success(name)):
        (after,) = judge_defects([before], facts)
        assert replace(after, known_deviation="") == before
        assert not after.known_deviation or after.result is F


@pytest.mark.parametrize("kind", DefectType)
def test_no_defect_list_ever_admits_whom_no_list_admits(kind: DefectType) -> None:
    """Whole inspections: with a defect of any kind, each check ends as without it, or worse."""
    store = trust()
    (listed,) = with_defects(("1.3", b"")).defects
    index = {
        name: tuple(replace(entry, defects=(KnownDefect(kind),)) for entry in found) for name, found in listed.by_signer.items()
    }
    known = replace(store, defects=(replace(listed, by_signer=index),))
    for found in (evidence(), broken(), evidence(without=(ElementaryFile.DG14,)), evidence(changed={ElementaryFile.DG2: b"x"})):
        before, after = judged(found, store), judged(found, known)
        assert all(after[name].result >= before[name].result for name in before)


def test_table_of_explanations_names_failures_that_exist() -> None:
    for name, code in EXPLAINED:
        assert finding(name, code).result is F
    assert not {"signer_revoked", "issuer_revoked", "algorithm_refused"} & {code for _, code in EXPLAINED}
    assert not any(T.SIGNER_REVOKED in kinds for kinds in EXPLAINED.values())


def known(check: Check, defect: KnownDefect, facts: ChipFacts | None = None) -> bool:
    (after,) = judge_defects([check], replace(facts or ChipFacts(evidence()), defects=(defect,)))
    return bool(after.known_deviation)


def test_parameters_of_a_defect_bound_what_it_explains() -> None:
    differs = finding(N.FILE_LIST_CONSISTENT, "file_list_differs", "DG3, DG14")
    for groups, expected in ((set(), True), ({3, 14, 15}, True), ({3}, False)):
        assert known(differs, KnownDefect(T.FILE_LIST_INCONSISTENT, groups=frozenset(groups))) is expected
    malformed = finding(N.MRZ_MATCHES_CHIP, "chip_mrz_malformed")
    for group, expected in ((1, True), (2, False)):
        assert known(malformed, KnownDefect(T.DATA_GROUP_MALFORMED, groups=frozenset({group}))) is expected
    facts, differing = (
        gather_facts(evidence(), trust(), TODAY),
        finding(N.ISSUER_MATCHES_CERTIFICATE, "issuer_differs_from_certificate"),
    )
    for country, expected in (("UT", True), ("UTO", True), ("ZZ", False), ("", False)):
        assert known(differing, KnownDefect(T.ISSUING_COUNTRY_WRONG, country=country), facts) is expected
    assert not known(differing, KnownDefect(T.ISSUING_COUNTRY_WRONG, country="UT"))
    for code, number, expected in (("signer_not_valid", 1, True), ("signer_not_valid", 0, False), ("issuer_not_valid", 0, True)):
        assert known(finding(N.CERTIFICATE_CHAIN, code), KnownDefect(T.VALIDITY_PERIOD_INCORRECT, number)) is expected


def test_list_of_files_stays_failed_beside_its_defect() -> None:
    """TR-03135-1 §5.8.2.2.3 would have it successful."""
    com = encode_com([ElementaryFile.DG1, ElementaryFile.DG2, ElementaryFile.DG3])
    check = judged(evidence(changed={ElementaryFile.COM: com}), with_defects(("2.3", b"")))[N.FILE_LIST_CONSISTENT]
    assert (check.result, check.known_deviation) == (F, "defect_file_list_inconsistent")


def test_a_deviation_of_the_issuer_is_named_before_a_defect() -> None:
    check = replace(finding(N.SECURITY_OBJECT_SIGNATURE, "signature_wrong"), known_deviation="lds")
    assert judge_defects([check], replace(ChipFacts(None), defects=(KnownDefect(T.SECURITY_OBJECT_INVALID),))) == (check,)


def test_findings_made_while_the_chip_was_read_know_of_the_defect() -> None:
    found = inspect_security_object(chip().files[SOD], with_defects(("1.1", status(4))), TODAY)
    assert (found.chain, found.revocation.signer_revoked) == (ChainState.REVOKED, True)


def test_a_report_tells_a_defect_from_a_deviation() -> None:
    assert _published(f"{DEFECT_PREFIX}signer_replaced") == "A defect list names this (signer replaced)."
    assert _published("lds").startswith("The State published")
