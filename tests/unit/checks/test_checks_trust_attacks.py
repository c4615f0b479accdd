"""What an attacker tries against the chain of trust, and what each attempt ends as; and what published lists do to findings."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

import pytest

from drivers.sim.passport.certification import (
    Authority,
    CertificatePlan,
    Deviation,
    SecurityObjectPlan,
    SigningKind,
    encode_revocation_list,
    encode_security_object,
    issue,
    signing_key,
)
from drivers.sim.passport.issuer import SimulatedIssuer
from egate.checks.algorithm_policy import judge_algorithms, weaknesses_of
from egate.checks.catalogue import CATALOGUE, finding, success
from egate.checks.countries import EXCEPTIONS, certificate_countries
from egate.checks.decide import decide
from egate.checks.document import check_document
from egate.checks.electronic import LONGEST_ISSUE_DELAY, ChipFacts, check_revocation, gather_facts
from egate.checks.known_deviations import EXPLAINED, judge_deviations
from egate.checks.profile import load_profile
from egate.model.checks import (
    Acceptance,
    Check,
    CheckName,
    CheckResult,
    DecisionPoint,
    Outcome,
    Profile,
    Weakness,
)
from egate.model.document import ChipEvidence, ElementaryFile
from egate.mrtd.crypto.domain_parameters import CURVES
from egate.mrtd.files.groups.document_details import IssuingDetails, encode_dg12
from egate.mrtd.files.lds import encode_com
from egate.pki.certificate import parse_certificate
from egate.pki.deviations import DeviationDescription, DeviationType
from egate.pki.keys import EllipticKey, RsaKey, SignatureKind, SignatureScheme, UnusableKey
from egate.pki.passive_auth import ChainState, SignatureMade, SignatureState, inspect_security_object
from egate.pki.revocation import parse_revocation_list
from egate.pki.signers import SignerIndex
from egate.pki.trust_store import TrustStore
from tests.unit.checks.evidence import MRZ, PROFILE, evidence
from tests.unit.checks.test_checks_profile import TEXT
from tests.unit.sim.sample_state import ERIKA, TODAY, chip, seeded, trust, utopia

N, T = CheckName, DeviationType
COM, SOD, DG1, DG2, DG12, DG14 = (ElementaryFile[name] for name in ("COM", "SOD", "DG1", "DG2", "DG12", "DG14"))
NUMBERS = {DG1: 1, DG2: 2, DG12: 12, DG14: 14}
UTOPIA = utopia()


def signed_by(signer: Authority, **replaced: bytes) -> dict[ElementaryFile, bytes]:
    """The files of Erika's passport with a security object of this signer; data groups may be put in before it signs."""
    groups = {file: data for file, data in chip().files.items() if file in NUMBERS}
    groups |= {ElementaryFile[name]: data for name, data in replaced.items()}
    hashes = {NUMBERS[file]: sha256(data).digest() for file, data in groups.items()}
    return {**groups, SOD: encode_security_object(hashes, signer), COM: encode_com(groups)}


def signer_with(**changes: object) -> Authority:
    """A document signer of Utopia with something else in its certificate."""
    begins, lasts = TODAY - timedelta(days=100), timedelta(days=3650)
    plan = CertificatePlan("UT", "Other Signer", 50, begins, lasts, frozenset({"digital_signature"}))
    key = signing_key(SigningKind.ECDSA_NIST, seeded(b"attacks"))
    return issue(replace(plan, **changes), key, UTOPIA.csca)  # type: ignore[arg-type]  # names are checked by replace


def judged(found: ChipEvidence, store: TrustStore | None = None, profile: Profile = PROFILE) -> dict[CheckName, Check]:
    checks = check_document(MRZ, found, store or trust(), TODAY, profile)
    return {check.name: check for check in checks}


def refused(found: ChipEvidence, store: TrustStore | None = None) -> set[str]:
    """The codes for which the lane refers the document at the entry."""
    checks = check_document(MRZ, found, store or trust(), TODAY, PROFILE)
    return {check.code for check in decide(checks, PROFILE, DecisionPoint.ENTRY).because}


def test_genuine_passport_is_admitted() -> None:
    """What every attack below is measured against."""
    assert refused(evidence(changed=signed_by(UTOPIA.signer))) == set()


NEIGHBOUR = UTOPIA.neighbour()
BOTH = TrustStore.from_certificates([UTOPIA.csca_certificate, NEIGHBOUR.csca_certificate], "both", TODAY)


def test_signer_of_another_trusted_country() -> None:
    found = evidence(changed=signed_by(NEIGHBOUR.signer))
    assert refused(found, BOTH) == {"issuer_differs_from_certificate"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"begins": TODAY - timedelta(days=99), "lasts": timedelta(days=98)}, "signer_not_valid"),
        ({"begins": TODAY + timedelta(days=1)}, "signer_not_valid"),
        ({"usages": frozenset({"key_encipherment"})}, "signer_wrong_usage"),
        ({"extended_usage": "2.23.136.1.1.3"}, "signer_wrong_usage"),
        ({"extended_usage": "2.23.136.1.1.8"}, "signer_wrong_usage"),
        ({"usages": frozenset({"digital_signature", "key_cert_sign"})}, "signer_wrong_usage"),
    ],
    ids=["expired", "not yet", "other usage", "signs master lists", "signs deviation lists", "is an authority"],
)
def test_signer_that_may_not_sign_today(changes: dict[str, object], code: str) -> None:
    assert refused(evidence(changed=signed_by(signer_with(**changes)))) == {code}


def test_signer_of_other_documents() -> None:
    assert refused(evidence(changed=signed_by(signer_with(document_types=("V",))))) == {"document_type_not_covered"}


def test_key_for_the_chip_that_the_security_object_does_not_cover() -> None:
    """A copy brings its own DG14 with its own key, and completes chip authentication with it."""
    others = {file: data for file, data in signed_by(UTOPIA.signer).items() if file in (DG1, DG2)}
    sod = encode_security_object({NUMBERS[file]: sha256(data).digest() for file, data in others.items()}, UTOPIA.signer)
    assert refused(evidence(changed={SOD: sod})) == {"data_group_not_signed", "chip_key_not_authentic"}


def test_swapped_portrait() -> None:
    assert refused(evidence(changed={DG2: chip().files[DG2] + b"\x00"})) == {"data_group_hash_wrong"}


def test_security_object_that_names_another_certificate() -> None:
    """The name in a SignerInfo is signed by nobody; what counts is the key, and this one is not Utopia's."""
    sod = encode_security_object({1: sha256(chip().files[DG1]).digest()}, UTOPIA.impostor)
    assert "issuer_unknown" in refused(evidence(changed={SOD: sod}))
    hidden = encode_security_object({1: bytes(32)}, UTOPIA.impostor, SecurityObjectPlan(certificate_inside=False))
    store = replace(trust(), signers=SignerIndex.of([parse_certificate(UTOPIA.signer.certificate)]))
    found = inspect_security_object(hidden, store, TODAY)
    assert found.signer == parse_certificate(UTOPIA.signer.certificate)
    assert (found.signature, found.chain) == (SignatureState.INVALID, ChainState.TRUSTED)


# ——— revocation


def with_list(*serial_numbers: int, day: date = TODAY, by: Authority = UTOPIA.csca) -> TrustStore:
    return trust().with_revocations(parse_revocation_list(encode_revocation_list(serial_numbers, by, day)))


def revocation(store: TrustStore, today: date = TODAY, grace_days: int = 0) -> tuple[CheckResult, str]:
    check = check_revocation(gather_facts(evidence(), store, today), today, grace_days)
    return check.result, check.code


def test_revocation_with_no_list_a_stale_one_and_a_current_one() -> None:
    late = TODAY + timedelta(days=92)
    assert revocation(trust()) == (CheckResult.UNDETERMINED, "revocation_list_missing")
    assert revocation(with_list(7)) == (CheckResult.SUCCESSFUL, "")
    assert revocation(with_list(7), late) == (CheckResult.UNDETERMINED, "revocation_list_stale")
    assert revocation(with_list(7), late, grace_days=2) == (CheckResult.SUCCESSFUL, "")


def test_revoked_signer_is_refused_by_the_chain_and_by_a_list_of_any_age() -> None:
    revoked = with_list(UTOPIA.signer_serial_number)
    assert refused(evidence(), revoked) == {"signer_revoked"}
    assert revocation(revoked) == (CheckResult.FAILED, "signer_revoked")
    assert revocation(revoked, TODAY + timedelta(days=400)) == (CheckResult.FAILED, "signer_revoked")


def test_revoked_csca_is_refused() -> None:
    revoked = with_list(1)
    assert refused(evidence(), revoked) == {"issuer_revoked"}
    assert revocation(revoked) == (CheckResult.FAILED, "issuer_revoked")


def test_list_of_a_trusted_neighbour_revokes_nobody_here() -> None:
    foreign = parse_revocation_list(encode_revocation_list([UTOPIA.signer_serial_number], NEIGHBOUR.csca, TODAY))
    store = BOTH.with_revocations(foreign)
    assert refused(evidence(), store) == set()
    assert judged(evidence(), store)[N.CERTIFICATE_REVOCATION].code == "revocation_list_missing"


def test_profile_may_demand_a_current_list() -> None:
    """The same undetermined check refers when an agency that collects lists says so."""
    strict = load_profile(
        TEXT.replace('certificate_revocation = { mode = "evaluatory"', 'certificate_revocation = { mode = "mandatory"')
    )
    for store, outcome in ((trust(), Outcome.REFER), (with_list(7), Outcome.ADMIT)):
        checks = check_document(MRZ, evidence(), store, TODAY, strict)
        assert decide(checks, strict, DecisionPoint.ENTRY).outcome is outcome


# ——— the signer's key and the day of issue


def issued(details: IssuingDetails) -> dict[ElementaryFile, bytes]:
    """A passport whose signer's key was in use for thirty days, with this DG12."""
    return signed_by(signer_with(signs=timedelta(days=30)), DG12=encode_dg12(details))


def issued_on(day: str) -> dict[ElementaryFile, bytes]:
    return issued(IssuingDetails(date_of_issue=day))


PERIOD_BEGINS, PERIOD_ENDS = TODAY - timedelta(days=100), TODAY - timedelta(days=70)


@pytest.mark.parametrize(
    ("day", "code"),
    [
        (PERIOD_BEGINS, ""),
        (PERIOD_ENDS, ""),
        (PERIOD_BEGINS - LONGEST_ISSUE_DELAY, ""),
        (PERIOD_BEGINS - LONGEST_ISSUE_DELAY - timedelta(days=1), "signed_outside_key_period"),
        (PERIOD_ENDS + LONGEST_ISSUE_DELAY, ""),
        (PERIOD_ENDS + LONGEST_ISSUE_DELAY + timedelta(days=1), "signed_outside_key_period"),
    ],
)
def test_document_is_issued_while_its_signer_signs(day: date, code: str) -> None:
    found = judged(evidence(changed=issued_on(day.strftime("%Y%m%d"))))
    assert found[N.CERTIFICATE_CHAIN].code == code


def test_day_of_personalisation_counts_before_the_day_of_issue() -> None:
    details = IssuingDetails(date_of_issue=PERIOD_BEGINS.strftime("%Y%m%d"), personalised_at="20100101120000")
    assert judged(evidence(changed=issued(details)))[N.CERTIFICATE_CHAIN].code == "signed_outside_key_period"


def test_unknown_unreadable_or_unsigned_day_of_issue_is_no_failure() -> None:
    """An unsigned date says nothing of the signer; that it is unsigned, the hashes say (as in a list of Italy's of 2018)."""
    for day in ("00000000", "20261399"):
        dg12 = encode_dg12(IssuingDetails(date_of_issue="20100101")).replace(b"20100101", day.encode())
        found = judged(evidence(changed=signed_by(signer_with(signs=timedelta(days=30)), DG12=dg12)))
        assert found[N.CERTIFICATE_CHAIN].code == ""
    files = issued_on(PERIOD_BEGINS.strftime("%Y%m%d"))
    files[DG12] = encode_dg12(IssuingDetails(date_of_issue="20100101"))
    found = judged(evidence(changed=files))
    assert (found[N.CERTIFICATE_CHAIN].code, found[N.DATA_GROUP_HASHES].code) == ("", "data_group_hash_wrong")


# ——— EF.COM


@pytest.mark.parametrize(
    ("changed", "without", "code", "detail"),
    [
        ({}, (), "", ""),
        ({COM: encode_com([DG1, DG2])}, (), "file_list_differs", "DG14"),
        ({COM: encode_com([DG1, DG2, DG14, ElementaryFile.DG3])}, (), "file_list_differs", "DG3"),
        ({COM: b"\x60\x00"}, (), "file_list_malformed", ""),
        ({}, (COM,), "file_list_missing", ""),
        ({}, (SOD,), "file_list_missing", ""),
    ],
)
def test_list_of_files(changed: dict[ElementaryFile, bytes], without: tuple[ElementaryFile, ...], code: str, detail: str) -> None:
    """The signed list counts; a wrong EF.COM is recorded and refers nobody by itself."""
    check = judged(evidence(changed=changed, without=without))[N.FILE_LIST_CONSISTENT]
    assert (check.code, check.detail) == (code, detail)
    if SOD not in without:
        assert refused(evidence(changed=changed, without=without)) == set()


# ——— deviations


def facts_with(*kinds: DeviationType, parameter: int | None = None) -> ChipFacts:
    return ChipFacts(evidence(), deviations=tuple(DeviationDescription(kind, parameter) for kind in kinds))


def with_deviation(kind: str, **selectors: object) -> TrustStore:
    entry = replace(Deviation((kind,), document_numbers=(ERIKA.document_number,)), **selectors)  # type: ignore[arg-type]
    return trust().with_deviations(UTOPIA.deviation_list(entry), TODAY)


def test_known_deviation_is_named_and_the_failure_stays() -> None:
    """From signed list to decision: a wrong signature of EF.SOD is explained, and the traveller still goes to an officer."""
    store = with_deviation("2.23.136.1.1.7.2.3")
    sod = chip().files[SOD]
    broken = evidence(changed={SOD: sod[:-1] + bytes([sod[-1] ^ 1])})
    check = judged(broken, store)[N.SECURITY_OBJECT_SIGNATURE]
    assert (check.result, check.code) == (CheckResult.FAILED, "signature_wrong")
    assert check.known_deviation == "security_object_signature_wrong"
    assert judged(broken)[N.SECURITY_OBJECT_SIGNATURE].known_deviation == ""
    assert refused(broken, store) == refused(broken)


def test_deviation_list_of_another_state_explains_nothing() -> None:
    entry = Deviation(document_numbers=(ERIKA.document_number,))
    store = BOTH.with_deviations(NEIGHBOUR.deviation_list(entry), TODAY)
    assert [listed.country for listed in store.deviations] == ["ZZ"]
    assert gather_facts(evidence(), store, TODAY).deviations == ()
    assert gather_facts(evidence(), with_deviation("2.23.136.1.1.7.2.3"), TODAY).deviations != ()


@pytest.mark.parametrize("kinds", [tuple(DeviationType)], ids=["every deviation at once"])
@pytest.mark.parametrize("name", CheckName)
def test_no_deviation_ever_makes_a_check_better(kinds: tuple[DeviationType, ...], name: CheckName) -> None:
    """Every check, every way to end, every deviation: the result is the same or worse, and the decision never turns."""
    endings = [finding(name, ending.code) for ending in CATALOGUE[name].endings]
    for before in (*endings, success(name)):
        (after,) = judge_deviations([before], facts_with(*kinds))
        assert after.result >= before.result
        assert after.result is before.result or before.result is CheckResult.SUCCESSFUL
        assert not after.known_deviation or after.result is CheckResult.FAILED


def test_table_of_explanations_names_failures_that_exist() -> None:
    for name, code in EXPLAINED:
        assert finding(name, code).result is CheckResult.FAILED
    never = {"signer_revoked", "issuer_revoked", "algorithm_refused", "active_authentication_failed", "mapping_proof_failed"}
    assert not never & {code for _, code in EXPLAINED}
    assert not any(T.CERTIFICATE_OR_KEY in kinds for kinds in EXPLAINED.values())


def test_deviation_of_one_data_group_explains_that_one_only() -> None:
    facts = facts_with(T.DATA_GROUP_HASH_WRONG, parameter=12)
    for detail, known in (("DG12", "data_group_hash_wrong"), ("DG2", ""), ("DG2, DG12", "")):
        (check,) = judge_deviations([finding(N.DATA_GROUP_HASHES, "data_group_hash_wrong", detail)], facts)
        assert check.known_deviation == known


def test_published_trouble_with_a_key_makes_a_sound_chain_undetermined() -> None:
    store = with_deviation("2.23.136.1.1.7.1")
    assert refused(evidence(), store) == {"key_deviation_published"}


def test_policy_of_deviations_needs_no_list() -> None:
    checks = (success(N.CERTIFICATE_CHAIN),)
    assert judge_deviations(checks, ChipFacts(evidence())) == checks


# ——— weak signatures


RSA_1024, RSA_2048 = RsaKey((1 << 1023) + 1, 3), RsaKey((1 << 2047) + 1, 65537)
SHORT_CURVE = EllipticKey(CURVES[8], CURVES[8].generator)
SHA1, SHA224, SHA256 = "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.4", "2.16.840.1.101.3.4.2.1"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (SignatureMade("x", SignatureScheme(SignatureKind.RSA_PKCS1, SHA256), RSA_2048), ()),
        (SignatureMade("x", SignatureScheme(SignatureKind.RSA_PKCS1, SHA1), RSA_2048), (Weakness.SHA1,)),
        (
            SignatureMade("x", SignatureScheme(SignatureKind.RSA_PSS, SHA224), RSA_1024),
            (Weakness.SHA224, Weakness.RSA_BELOW_2048, Weakness.SMALL_RSA_EXPONENT),
        ),
        (SignatureMade("x", SignatureScheme(SignatureKind.ECDSA, SHA256), SHORT_CURVE), (Weakness.CURVE_BELOW_224,)),
        (SignatureMade("x", None, UnusableKey("why")), ()),
    ],
)
def test_weaknesses(made: SignatureMade, expected: tuple[Weakness, ...]) -> None:
    assert weaknesses_of(made) == expected


def policy(**choices: str) -> Profile:
    text = TEXT
    for name, choice in choices.items():
        before = next(line for line in text.splitlines() if line.startswith(f"{name} = "))
        text = text.replace(before, f'{name} = "{choice}"')
    return load_profile(text)


def weakly_signed() -> ChipFacts:
    """Facts of a document whose security object and document signer are signed with SHA-1."""
    facts = gather_facts(evidence(), trust(), TODAY)
    assert facts.security_object is not None
    scheme = SignatureScheme(SignatureKind.ECDSA, SHA1)
    made = tuple(replace(entry, scheme=scheme) for entry in facts.security_object.signatures)
    assert [entry.over for entry in made] == ["security object", "document signer"]
    return replace(facts, security_object=replace(facts.security_object, signatures=made))


@pytest.mark.parametrize("name", [N.SECURITY_OBJECT_SIGNATURE, N.CERTIFICATE_CHAIN])
def test_policy_accepts_notes_or_refuses(name: CheckName) -> None:
    facts = weakly_signed()
    for choice, result, code, detail in (
        ("accept", CheckResult.SUCCESSFUL, "", ""),
        ("note", CheckResult.SUCCESSFUL, "", "sha1"),
        ("refuse", CheckResult.FAILED, "algorithm_refused", "sha1"),
    ):
        (check,) = judge_algorithms([success(name)], facts, policy(sha1=choice))
        assert (check.result, check.code, check.detail) == (result, code, detail)
    (unnamed,) = judge_algorithms([success(name)], facts, replace(PROFILE, algorithm_policy={}))
    assert unnamed.detail == "sha1"


def test_policy_touches_neither_failures_nor_other_checks() -> None:
    failed, other = finding(N.SECURITY_OBJECT_SIGNATURE, "signature_wrong"), success(N.DATA_GROUP_HASHES)
    assert judge_algorithms([failed, other], weakly_signed(), policy(sha1="refuse")) == (failed, other)
    assert judge_algorithms([other], ChipFacts(None), PROFILE) == (other,)


def test_weak_hash_of_the_data_groups_is_part_of_the_signature() -> None:
    facts = gather_facts(evidence(), trust(), TODAY)
    assert facts.security_object is not None
    weak = replace(facts, security_object=replace(facts.security_object, hash_algorithm="sha1"))
    (check,) = judge_algorithms([success(N.SECURITY_OBJECT_SIGNATURE)], weak, policy(sha1="refuse"))
    assert check.code == "algorithm_refused"


def test_sound_passport_has_nothing_to_note() -> None:
    assert judged(evidence())[N.CERTIFICATE_CHAIN].detail == ""
    assert PROFILE.algorithm_policy[Weakness.SHA1] is Acceptance.NOTE


# ——— countries


@pytest.mark.parametrize(
    ("state", "countries"),
    [
        ("D", {"DE"}),
        ("d<<", {"DE"}),
        ("FRA", {"FR"}),
        ("GBR", {"GB"}),
        ("RKS", {"KS", "XK"}),
        ("CHN", {"CN", "HK", "MO"}),
        ("HKG", {"HK", "CN"}),
        ("TWN", {"TW"}),
        ("UNO", {"UN", "ZZ"}),
        ("EUE", {"EU"}),
        ("ROM", {"RO"}),
        ("ZAR", {"CD"}),
        ("XXA", set()),
        ("XXX", set()),
        ("", set()),
        ("QQQ", set()),
    ],
)
def test_countries_of_an_issuing_state(state: str, countries: set[str]) -> None:
    assert certificate_countries(state) == countries


def test_every_exception_has_a_source_and_upper_case_countries() -> None:
    for code, entry in EXCEPTIONS.items():
        assert entry.source
        assert code == code.upper()
        assert all(country.isupper() and country.isalpha() for country in entry.countries)


def test_no_two_states_share_a_country_but_those_that_are_said_to() -> None:
    """A shared country is a State whose certificates would pass for another's: each is on purpose."""
    shared = {"CN", "GB", "UN", "ZZ", "HK", "MO"}
    for code, entry in EXCEPTIONS.items():
        others = {other for other in EXCEPTIONS if other != code and EXCEPTIONS[other].countries & entry.countries}
        assert not others or entry.countries & shared or entry.countries & {"KS", "RO", "XC"}, (code, others)


def test_stranger_with_the_name_of_the_state_is_unknown() -> None:
    stranger = SimulatedIssuer.create("UTO", seeded(b"stranger"), TODAY)
    assert "issuer_unknown" in refused(evidence(changed=signed_by(stranger.signer)))
