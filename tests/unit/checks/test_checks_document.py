"""The checks of a document: the sound one passes all, and each defect fails exactly the checks that it should."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

import pytest

from drivers.sim.passport.certification import encode_security_object
from drivers.sim.passport.issuer import Defect, SimulatedIssuer
from egate.checks.background import age_on, check_eligibility
from egate.checks.chip_proofs import check_chip_genuine
from egate.checks.combined import check_issuer
from egate.checks.countries import certificate_countries
from egate.checks.document import check_document
from egate.checks.electronic import ChipFacts, check_hashes, gather_facts
from egate.checks.optical import check_expiry, check_mrz_digits
from egate.checks.profile import default_profile
from egate.model.checks import Check, CheckName, CheckResult
from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.lds import encode_dg1, encode_dg15
from egate.mrtd.files.security_infos import ECDH_GENERIC, PaceInfo, encode_card_access, pace_oid, parse_card_access
from egate.pki.trust_store import TrustStore
from tests.unit.checks.evidence import (
    BROKEN,
    COMPLETED,
    MRZ,
    NOT_OFFERED,
    NOT_RUN,
    PROFILE,
    REFUSED,
    evidence,
    judged,
    misprinted,
)
from tests.unit.sim.sample_state import ERIKA, TODAY, chip, seeded, trust, utopia

N = CheckName
DG1, DG2, DG14, DG15, SOD = (ElementaryFile[name] for name in ("DG1", "DG2", "DG14", "DG15", "SOD"))
CARD_ACCESS = ElementaryFile.CARD_ACCESS


UNCOUNTED = {N.CERTIFICATE_REVOCATION: "revocation_list_missing", N.TERMINAL_AUTHENTICATION: "no_terminal_authentication"}
"""What a lane without revocation lists and without certificates of its own says of every passport; the profile counts neither."""


def not_successful(found: ChipEvidence | None) -> dict[CheckName, str]:
    """What is not successful, without what a bare lane says of every passport."""
    ended = {name: check.code for name, check in judged(found).items() if check.result is not CheckResult.SUCCESSFUL}
    return {name: code for name, code in ended.items() if UNCOUNTED.get(name) != code}


def codes_of(checks: tuple[Check, ...]) -> list[str]:
    """The codes of what is not successful, without what a bare lane says of every passport."""
    return [check.code for check in checks if check.code and UNCOUNTED.get(check.name) != check.code]


def test_sound_passport_passes_every_check() -> None:
    checks = judged(evidence())
    assert not_successful(evidence()) == {}
    assert len(checks) == 13
    assert all(check.code == UNCOUNTED.get(name, "") for name, check in checks.items())
    assert checks[N.CHIP_ACCESS].detail == "pace"
    assert checks[N.CHIP_GENUINE].detail == "chip_authentication"
    assert checks[N.DATA_GROUP_HASHES].detail == "DG1, DG2, DG14"


def test_forged_data_fail_the_hashes_and_nothing_else() -> None:
    found = judged(evidence(Defect.FORGED_DATA))
    assert not_successful(evidence(Defect.FORGED_DATA)) == {N.DATA_GROUP_HASHES: "data_group_hash_wrong"}
    assert found[N.DATA_GROUP_HASHES].detail == "DG1"


def test_clone_fails_the_chip_and_nothing_else() -> None:
    """Passive authentication is fine: the copy is perfect but for the key that cannot be copied."""
    clone = evidence(Defect.CLONED, {"chip_authentication": BROKEN})
    assert not_successful(clone) == {N.CHIP_GENUINE: "chip_authentication_failed"}


def test_unknown_issuer_fails_the_chain() -> None:
    assert not_successful(evidence(Defect.UNKNOWN_ISSUER)) == {
        N.CERTIFICATE_CHAIN: "issuer_unknown",
        N.CERTIFICATE_REVOCATION: "chain_not_checked",
        N.ISSUER_MATCHES_CERTIFICATE: "no_certificate_country",
    }


def test_no_chip() -> None:
    found = judged(None)
    assert found[N.MRZ_CHECK_DIGITS].result is CheckResult.SUCCESSFUL
    assert not_successful(None) == {
        N.CHIP_ACCESS: "chip_not_read",
        N.SECURITY_OBJECT_SIGNATURE: "security_object_missing",
        N.CERTIFICATE_CHAIN: "security_object_missing",
        N.CERTIFICATE_REVOCATION: "chain_not_checked",
        N.DATA_GROUP_HASHES: "security_object_missing",
        N.FILE_LIST_CONSISTENT: "file_list_missing",
        N.CHIP_GENUINE: "chip_not_read",
        N.TERMINAL_AUTHENTICATION: "chip_not_read",
        N.MRZ_MATCHES_CHIP: "chip_mrz_missing",
        N.ISSUER_MATCHES_CERTIFICATE: "chip_mrz_missing",
    }


def test_nothing_read_at_all() -> None:
    found = judged(None, mrz=None)
    assert len(found) == 13
    assert all(check.result is CheckResult.UNDETERMINED for check in found.values())


@pytest.mark.parametrize(
    ("protocols", "without", "result", "code", "detail"),
    [
        ({}, (), CheckResult.SUCCESSFUL, "", "pace"),
        ({"pace": NOT_OFFERED, "bac": COMPLETED}, (), CheckResult.SUCCESSFUL, "", "bac"),
        ({"pace": REFUSED, "bac": COMPLETED}, (), CheckResult.SUCCESSFUL, "", "pace_fell_back_to_bac"),
        ({"pace": BROKEN, "bac": COMPLETED}, (), CheckResult.SUCCESSFUL, "", "pace_fell_back_to_bac"),
        ({"pace": COMPLETED, "bac": COMPLETED}, (), CheckResult.SUCCESSFUL, "", "pace_fell_back_to_bac"),
        ({"pace": COMPLETED, "bac": REFUSED}, (), CheckResult.SUCCESSFUL, "", "pace"),
        ({"pace": NOT_RUN, "bac": COMPLETED}, (), CheckResult.SUCCESSFUL, "", "bac"),
        ({"pace": REFUSED, "bac": REFUSED}, (SOD, DG1, DG2), CheckResult.FAILED, "access_keys_refused", ""),
        ({"pace": NOT_OFFERED, "bac": REFUSED}, (SOD, DG1, DG2), CheckResult.FAILED, "access_keys_refused", ""),
        ({"pace": BROKEN, "bac": REFUSED}, (SOD, DG1, DG2), CheckResult.ABORTED, "chip_session_broken", ""),
        ({"pace": NOT_OFFERED, "bac": NOT_OFFERED}, (), CheckResult.NOT_SUPPORTED, "no_access_control", ""),
        ({"pace": NOT_OFFERED}, (), CheckResult.UNDETERMINED, "access_not_tried", ""),
        ({"secure_messaging": BROKEN}, (DG2,), CheckResult.ABORTED, "chip_session_broken", ""),
        ({"secure_messaging": BROKEN}, (), CheckResult.SUCCESSFUL, "", "pace"),
        ({"application": REFUSED}, (SOD, DG1, DG2), CheckResult.ABORTED, "chip_session_broken", ""),
        (
            {"pace": NOT_OFFERED, "application": REFUSED},
            (SOD, DG1, DG2),
            CheckResult.UNDETERMINED,
            "no_passport_application",
            "",
        ),
    ],
)
def test_access(
    protocols: Mapping[str, ProtocolState], without: tuple[ElementaryFile, ...], result: CheckResult, code: str, detail: str
) -> None:
    check = judged(evidence(protocols=protocols, without=without))[N.CHIP_ACCESS]
    assert (check.result, check.code, check.detail) == (result, code, detail)


def with_dg15(**protocols: ProtocolState) -> ChipEvidence:
    """A passport whose DG15 was signed as well."""
    dg15 = encode_dg15(b"\x30\x03\x02\x01\x01")
    files = {**chip().files, DG15: dg15}
    hashes = {number: sha256(files[ElementaryFile[f"DG{number}"]]).digest() for number in (1, 2, 14, 15)}
    return evidence(protocols=protocols, changed={DG15: dg15, SOD: encode_security_object(hashes, utopia().signer)})


@pytest.mark.parametrize(
    ("protocols", "result", "code"),
    [
        ({}, CheckResult.SUCCESSFUL, ""),
        ({"chip_authentication": REFUSED}, CheckResult.FAILED, "chip_authentication_failed"),
        ({"chip_authentication": BROKEN}, CheckResult.FAILED, "chip_authentication_failed"),
        ({"chip_authentication": NOT_RUN}, CheckResult.UNDETERMINED, "chip_proof_not_run"),
        ({"chip_authentication": NOT_OFFERED}, CheckResult.UNDETERMINED, "chip_proof_not_run"),  # its key is in DG14
    ],
)
def test_chip_authentication(protocols: Mapping[str, ProtocolState], result: CheckResult, code: str) -> None:
    check = judged(evidence(protocols=protocols))[N.CHIP_GENUINE]
    assert (check.result, check.code) == (result, code)


@pytest.mark.parametrize(
    ("chip_state", "active_state", "result", "code"),
    [
        (NOT_OFFERED, COMPLETED, CheckResult.SUCCESSFUL, ""),
        (NOT_OFFERED, REFUSED, CheckResult.FAILED, "active_authentication_failed"),
        (NOT_OFFERED, BROKEN, CheckResult.FAILED, "active_authentication_failed"),
        (COMPLETED, NOT_RUN, CheckResult.SUCCESSFUL, ""),
        (COMPLETED, BROKEN, CheckResult.FAILED, "active_authentication_failed"),
        (BROKEN, NOT_RUN, CheckResult.FAILED, "chip_authentication_failed"),
        (REFUSED, COMPLETED, CheckResult.FAILED, "chip_authentication_failed"),
        (NOT_OFFERED, NOT_RUN, CheckResult.UNDETERMINED, "chip_proof_not_run"),
    ],
)
def test_active_authentication(chip_state: ProtocolState, active_state: ProtocolState, result: CheckResult, code: str) -> None:
    check = judged(with_dg15(chip_authentication=chip_state, active_authentication=active_state))[N.CHIP_GENUINE]
    assert (check.result, check.code) == (result, code)


def test_hidden_key_is_not_the_same_as_none() -> None:
    """A copy that leaves DG14 out would be "not supported", which the profile accepts; the signed hash tells on it."""
    hidden = evidence(protocols={"chip_authentication": NOT_OFFERED}, without=(DG14,))
    assert not_successful(hidden) == {N.CHIP_GENUINE: "chip_key_withheld"}


def test_passport_that_never_had_a_key_is_not_supported() -> None:
    files = chip().files
    hashes = {number: sha256(files[ElementaryFile[f"DG{number}"]]).digest() for number in (1, 2)}
    plain = evidence(
        protocols={"chip_authentication": NOT_OFFERED},
        without=(DG14,),
        changed={SOD: encode_security_object(hashes, utopia().signer)},
    )
    assert not_successful(plain) == {N.CHIP_GENUINE: "no_chip_proof", N.FILE_LIST_CONSISTENT: "file_list_differs"}


def test_proof_with_a_key_that_nobody_signed_does_not_count() -> None:
    own_key = chip(defect=Defect.CLONED).files[DG14]
    changed = evidence(changed={DG14: own_key[:-1] + bytes([own_key[-1] ^ 1])})
    assert not_successful(changed) == {
        N.DATA_GROUP_HASHES: "data_group_hash_wrong",
        N.CHIP_GENUINE: "chip_key_not_authentic",
    }


def test_proof_under_a_broken_signature_does_not_count() -> None:
    sod = chip().files[SOD]
    forged = evidence(changed={SOD: sod[:-8] + bytes(8)})
    assert judged(forged)[N.SECURITY_OBJECT_SIGNATURE].code == "signature_wrong"
    assert judged(forged)[N.CHIP_GENUINE].code == "chip_key_not_authentic"
    without = evidence(without=(SOD,))
    assert judged(without)[N.CHIP_GENUINE].code == "chip_key_not_authentic"
    assert judged(without)[N.DATA_GROUP_HASHES].code == "security_object_missing"


def test_chip_without_evidence_is_not_genuine() -> None:
    assert check_chip_genuine(ChipFacts(None)).code == "chip_not_read"


def test_malformed_security_object() -> None:
    assert not_successful(evidence(changed={SOD: b"\x77\x02\x30\x00"})) == {
        N.SECURITY_OBJECT_SIGNATURE: "security_object_malformed",
        N.CERTIFICATE_CHAIN: "chain_not_checked",
        N.CERTIFICATE_REVOCATION: "chain_not_checked",
        N.DATA_GROUP_HASHES: "hashes_unreadable",
        N.FILE_LIST_CONSISTENT: "file_list_missing",
        N.CHIP_GENUINE: "chip_key_not_authentic",
        N.ISSUER_MATCHES_CERTIFICATE: "no_certificate_country",
    }


@pytest.mark.parametrize("file", [DG1, DG2])
def test_required_data_group_was_not_read(file: ElementaryFile) -> None:
    check = judged(evidence(without=(file,)))[N.DATA_GROUP_HASHES]
    assert (check.code, check.detail) == ("data_group_missing", file.name)


def test_data_group_that_was_never_signed() -> None:
    check = judged(evidence(changed={DG15: encode_dg15(b"\x30\x00")}))[N.DATA_GROUP_HASHES]
    assert (check.code, check.detail) == ("data_group_not_signed", "DG15")


def test_hash_function_that_is_not_accepted() -> None:
    facts = gather_facts(evidence(), trust(), TODAY)
    assert facts.security_object is not None
    odd = replace(facts, security_object=replace(facts.security_object, hash_oid="1.2.840.113549.2.5"))
    assert check_hashes(odd).code == "hash_algorithm_unknown"


def test_malformed_dg1() -> None:
    found = not_successful(evidence(changed={DG1: b"\x61\x00"}))
    assert found[N.MRZ_MATCHES_CHIP] == "chip_mrz_malformed"
    assert found[N.ISSUER_MATCHES_CERTIFICATE] == "chip_mrz_missing"
    assert found[N.DATA_GROUP_HASHES] == "data_group_hash_wrong"


def test_print_that_differs_names_the_fields_and_not_their_contents() -> None:
    check = judged(evidence(), misprinted(surname="OTHERNAME", date_of_birth="910203"))[N.MRZ_MATCHES_CHIP]
    assert (check.code, check.detail) == ("mrz_differs_from_chip", "surname, date_of_birth")


def test_a_corrected_character_is_told() -> None:
    """An officer who compares the page with the screen must know what was not read as it is shown."""
    assert check_mrz_digits(MRZ).detail == ""
    check = check_mrz_digits(replace(MRZ, corrections=("date_of_birth", "composite")))
    assert (check.result, check.detail) == (CheckResult.SUCCESSFUL, "corrected: date_of_birth, composite")


def test_wrong_check_digits_name_the_fields() -> None:
    mrz = replace(MRZ, failed_check_digits=("document_number", "composite"))
    check = judged(evidence(), mrz)[N.MRZ_CHECK_DIGITS]
    assert (check.result, check.code) == (CheckResult.FAILED, "mrz_check_digit_wrong")
    assert check.detail == "document_number, composite"


@pytest.mark.parametrize(
    ("printed", "stored", "today", "code"),
    [
        ("300101", "300101", date(2030, 1, 1), ""),
        ("300101", "300101", date(2030, 1, 2), "document_expired"),
        ("300101", "200101", date(2026, 1, 1), "document_expired"),
        ("200101", "300101", date(2026, 1, 1), "document_expired"),
        ("301301", "300101", date(2026, 1, 1), "expiry_unreadable"),
        ("<<<<<<", "<<<<<<", date(2026, 1, 1), "expiry_unreadable"),
        ("991231", "991231", date(2026, 1, 1), "document_expired"),
    ],
)
def test_expiry(printed: str, stored: str, today: date, code: str) -> None:
    assert check_expiry(misprinted(date_of_expiry=printed), misprinted(date_of_expiry=stored), today).code == code


def test_expired_passport_fails_expiry_and_nothing_else() -> None:
    later = ERIKA.date_of_expiry + timedelta(days=1)
    checks = check_document(MRZ, evidence(), trust(), later, PROFILE)
    assert codes_of(checks) == ["document_expired"]


@pytest.mark.parametrize(
    ("born", "code"),
    [
        ("141124", ""),
        ("141125", "below_minimum_age"),
        ("261124", "below_minimum_age"),
        ("900102", ""),
        ("90<<<<", ""),
        ("14<<<<", "birth_date_unreadable"),
        ("<<<<<<", "birth_date_unreadable"),
        ("991301", ""),
        ("XX0101", "birth_date_unreadable"),
    ],
)
def test_minimum_age(born: str, code: str) -> None:
    """P19: twelve years on the day; of an unknown day or month the youngest is taken."""
    assert check_eligibility(misprinted(date_of_birth=born), TODAY, 12).code == code


@pytest.mark.parametrize(
    ("code", "taken"),
    [("P", True), ("PD", True), ("I", True), ("ID", True), ("IR", False), ("AR", False), ("V", False), ("", False)],
)
def test_kinds_of_documents(code: str, taken: bool) -> None:
    """P19: a residence permit that a trusted State signed is genuine, and still no document to cross a border with at a gate."""
    found = check_eligibility(misprinted(document_code=code), TODAY, 12, default_profile().document_codes)
    assert found.code == ("" if taken else "document_kind_not_taken")
    assert check_eligibility(misprinted(document_code=code), TODAY, 12).code == ""


def test_birthday_on_29_february() -> None:
    born = date(2012, 2, 29)
    assert [age_on(born, day) for day in (date(2024, 2, 28), date(2024, 2, 29), date(2025, 2, 28), date(2025, 3, 1))] == [
        11,
        12,
        12,
        13,
    ]


def issued_by(state: str, country: str, document_code: str = "P", types: frozenset[str] = frozenset()) -> str:
    facts = gather_facts(evidence(), trust(), TODAY)
    assert facts.security_object is not None
    found = replace(facts.security_object, csca_country=country, document_types=types)
    mrz = misprinted(issuing_state=state, document_code=document_code)
    return check_issuer(ChipFacts(facts.evidence, found, mrz)).code


@pytest.mark.parametrize(
    ("state", "country", "code"),
    [
        ("UTO", "UT", ""),
        ("D", "DE", ""),
        ("D", "DK", "issuer_differs_from_certificate"),
        ("DEU", "DE", ""),
        ("CHN", "HK", ""),
        ("GBD", "GB", ""),
        ("RKS", "KS", ""),
        ("SVN", "SI", ""),
        ("UTO", "DE", "issuer_differs_from_certificate"),
        ("QQQ", "QQ", "issuing_state_unknown"),
        ("", "UT", "issuing_state_unknown"),
        ("UTO", "", "no_certificate_country"),
    ],
)
def test_issuer(state: str, country: str, code: str) -> None:
    assert issued_by(state, country) == code


@pytest.mark.parametrize(
    ("document_code", "types", "code"),
    [
        ("P", {"P"}, ""),
        ("PD", {"P"}, ""),
        ("P", {"P<"}, ""),
        ("P", {"ID", "P"}, ""),
        ("P", {"ID"}, "document_type_not_covered"),
        ("I", {"ID"}, "document_type_not_covered"),
        ("ID", {"ID"}, ""),
    ],
)
def test_document_type(document_code: str, types: set[str], code: str) -> None:
    assert issued_by("UTO", "UT", document_code, frozenset(types)) == code


def test_country_table_is_whole() -> None:
    """249 States and territories of ISO 3166-1 and ICAO's own codes; each certificate country has two letters."""
    codes = ("AFG", "ZWE", "NLD", "FRA", "USA", "UNO", "EUE", "TWN", "PSE", "VAT")
    assert all(len(country) == 2 for code in codes for country in certificate_countries(code))
    assert all(certificate_countries(code) for code in codes)
    assert certificate_countries("XXX") == frozenset()


def test_another_trusted_state_may_not_issue_for_utopia() -> None:
    """Germany's CSCA is trusted and signs a passport of Utopia: the chain holds and the issuer does not match."""
    germany = SimulatedIssuer.create("D", seeded(b"germany"), TODAY)
    store = TrustStore.from_certificates([germany.csca_certificate, utopia().csca_certificate], "both", TODAY)
    files = dict(chip().files)
    hashes = {n: sha256(files[ElementaryFile[f"DG{n}"]]).digest() for n in (1, 2, 14)}
    found = evidence(changed={SOD: encode_security_object(hashes, germany.signer)})
    checks = check_document(MRZ, found, store, TODAY, PROFILE)
    assert codes_of(checks) == ["issuer_differs_from_certificate"]


def test_changed_dg1_of_the_print() -> None:
    """The chip holds another person's zone, signed: only the comparison with the print tells."""
    other = utopia().mrz_lines(replace(ERIKA, surname="Other"))
    files = {**chip().files, DG1: encode_dg1(other)}
    hashes = {n: sha256(files[ElementaryFile[f"DG{n}"]]).digest() for n in (1, 2, 14)}
    found = evidence(changed={DG1: files[DG1], SOD: encode_security_object(hashes, utopia().signer)})
    assert not_successful(found) == {N.MRZ_MATCHES_CHIP: "mrz_differs_from_chip"}


WEAKER = PaceInfo(pace_oid(ECDH_GENERIC, CipherSuite.DES3), parameter_id=13)
"""A way of PACE that the issuer did not sign."""


@pytest.mark.parametrize("pace", [NOT_OFFERED, NOT_RUN, REFUSED])
def test_pace_that_was_signed_cannot_be_hidden(pace: ProtocolState) -> None:
    """Nobody signs EF.CardAccess; without it a chip is read by BAC, whose keys a listener can guess."""
    found = judged(evidence(protocols={"pace": pace, "bac": COMPLETED}, without=(CARD_ACCESS,)))[N.CHIP_ACCESS]
    assert found.code == ("pace_withheld" if pace is NOT_OFFERED else "")
    assert found.detail == {NOT_OFFERED: "", NOT_RUN: "bac", REFUSED: "pace_fell_back_to_bac"}[pace]


@pytest.mark.parametrize("offered", [encode_card_access([WEAKER]), encode_card_access([]), b"\x31\x02\x30\x05"])
def test_what_ef_card_access_offers_is_compared_with_what_was_signed(offered: bytes) -> None:
    """Doc 9303-11 §9.2: the security infos of EF.CardAccess are proved by those of DG14."""
    for protocols in ({"pace": COMPLETED}, {"pace": NOT_OFFERED, "bac": COMPLETED}):
        found = judged(evidence(protocols=protocols, changed={CARD_ACCESS: offered}))[N.CHIP_ACCESS]
        assert (found.result, found.code) == (CheckResult.FAILED, "pace_infos_differ")


def test_ef_card_access_may_offer_more_and_an_unsigned_dg14_proves_nothing() -> None:
    more = (*parse_card_access(evidence().files[CARD_ACCESS]).pace, WEAKER)
    assert not judged(evidence(changed={CARD_ACCESS: encode_card_access(more)}))[N.CHIP_ACCESS].code
    by_bac = {"pace": NOT_OFFERED, "bac": COMPLETED}
    for dg14 in (b"\x6e\x00", evidence().files[DG14] + b"\x00"):
        forged = judged(evidence(protocols=by_bac, without=(CARD_ACCESS,), changed={DG14: dg14}))
        assert not forged[N.CHIP_ACCESS].code
        assert forged[N.DATA_GROUP_HASHES].code == "data_group_hash_wrong"
    assert not judged(evidence(protocols=by_bac, without=(CARD_ACCESS, DG14)))[N.CHIP_ACCESS].code


def test_a_signed_dg14_without_form_hides_nothing() -> None:
    """The issuer's own mistake: chip authentication names it, access does not."""
    broken = b"\x6e\x02\x31\x05"
    files = dict(evidence().files) | {DG14: broken}
    hashes = {number: sha256(files[file]).digest() for number, file in ((1, DG1), (2, DG2), (14, DG14))}
    files[SOD] = encode_security_object(hashes, utopia().signer)
    outcomes = {"pace": COMPLETED, "chip_authentication": BROKEN}
    found = judged(evidence(protocols=outcomes, changed=files))
    assert (found[N.CHIP_ACCESS].code, found[N.CHIP_GENUINE].code) == ("", "chip_authentication_failed")
