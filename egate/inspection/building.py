"""Makes the record of an inspection from what was gathered, found and decided. Values in, value out; nothing is judged here.

The numbered plan:

1. what the logging profile keeps of this inspection, given its findings;
2. the common part: document, checks, protocols, certificates, trust, figures;
3. the personal part, if any of it is kept;
4. `fitted` takes away parts until the record is as small as its place asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from egate.checks.aggregate import aggregate, aggregate_groups
from egate.checks.catalogue import CATALOGUE, NOT_PERFORMED, ending, finding, group_of
from egate.checks.electronic import DATA_GROUPS, ChipFacts
from egate.inspection import record as r
from egate.inspection.logging_profile import DEFAULT_LOGGING, LoggingProfile, Part, kept_parts, may_keep
from egate.inspection.shape import LONGEST_TEXT
from egate.model.checks import Check, CheckGroup, CheckName, CheckResult, CheckRule, Decision, Profile, RunMode
from egate.model.crossing import StageTime
from egate.model.document import ChipEvidence, ElementaryFile, Mrz
from egate.pki.certificate import Certificate
from egate.pki.keys import HASHES, EllipticKey, PublicKey, RsaKey, SignatureScheme
from egate.pki.passive_auth import HashState, SecurityObjectFindings
from egate.pki.trust_store import TrustStore

LARGEST_RECORDED_REVOCATIONS_BYTES = 65_536
"""A longer revocation list is left out of a full record; a judgement made again then lacks it and says so."""

MOST_ENTRIES, MOST_PROOFS = 64, 8
"""Components and stages, and proofs, as the fields take them; what is beyond is left out, so that every record reads back."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUIRK = "quirk"
_OF_DOCUMENT = frozenset({CheckGroup.OPTICAL, CheckGroup.ELECTRONIC, CheckGroup.COMBINED})
"""Groups whose details name fields, files and algorithms; what other groups detail stays out of the record."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """When, where and with what an inspection was made. Times are nanoseconds since 1970 in UTC."""

    transaction: str
    began_ns: int
    ended_ns: int
    place: r.Place
    components: tuple[tuple[str, str], ...] = ()
    list_dates: tuple[tuple[str, date], ...] = ()
    stages: tuple[StageTime, ...] = ()
    logging: LoggingProfile = DEFAULT_LOGGING


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was gathered, found and decided about one document. `facts` come from `egate.checks.electronic.gather_facts`."""

    mrz: Mrz | None = field(repr=False)
    facts: ChipFacts = field(repr=False)
    findings: tuple[Check, ...]
    decisions: tuple[Decision, ...] = ()


def record_inspection(
    inspected: Inspected, circumstances: Circumstances, profile: Profile, trust: TrustStore
) -> r.InspectionRecord:
    """The record of an inspection, with what its logging profile keeps."""
    facts, found = inspected.facts, inspected.findings
    evidence = facts.evidence
    kept = kept_parts(circumstances.logging, found)  # 1
    day = moment(circumstances.began_ns).date()
    checks = _checks(found, profile)
    results = _group_results(checks)
    return r.InspectionRecord(  # 2
        schema=r.SCHEMA_VERSION,
        transaction=circumstances.transaction,
        logging=circumstances.logging,
        logging_asked=circumstances.logging,
        began=moment(circumstances.began_ns),
        ended=moment(circumstances.ended_ns),
        place=circumstances.place,
        components=tuple(r.Component(_cut(name), _cut(version)) for name, version in circumstances.components)[:MOST_ENTRIES],
        policy=_policy(profile),
        document=_document(inspected),
        checks=checks,
        groups=tuple(r.GroupRecord(group, result) for group, result in results.items()),
        overall=aggregate(results.values()),
        decisions=tuple(_decision(decision) for decision in inspected.decisions),
        protocols=_protocols(evidence),
        quirks=_quirks(evidence),
        security_objects=tuple(_security_objects(facts, day)),
        files=_files(facts),
        trust=_trust(trust, circumstances, facts.security_object),
        reading=_reading(evidence),
        stages=circumstances.stages[:MOST_ENTRIES],
        trace=evidence.transcript[: r.MOST_EXCHANGES] if evidence is not None and Part.TRACE in kept else (),
        personal=_personal(inspected, circumstances.logging, kept),  # 3
    )


def fitted(record: r.InspectionRecord, fits: Callable[[r.InspectionRecord], bool]) -> r.InspectionRecord:
    """The record as it is when it fits; else without its personal part, and at last without its trace as well.

    What was kept then stands in `logging`, beside what was asked for.
    """
    for smaller in (record, replace(record, personal=None, logging=LoggingProfile.BASIC)):
        if fits(smaller):
            return smaller
    return replace(record, personal=None, logging=LoggingProfile.BASIC, trace=())


def moment(wall_ns: int) -> datetime:
    """Nanoseconds since 1970 as a moment in UTC, to the microsecond."""
    return _EPOCH + timedelta(microseconds=wall_ns // 1000)


def _cut(text: str) -> str:
    """Foreign or long text within the limit of a record's texts."""
    return "".join(character if character.isprintable() else "?" for character in text[:LONGEST_TEXT])


def _checks(found: tuple[Check, ...], profile: Profile) -> tuple[r.CheckRecord, ...]:
    """Every check of the profile; one that was not made says so and counts in no result."""
    by_name = {check.name: check for check in found}
    names = [name for name in CheckName if name in profile.rules or name in by_name]
    return tuple(_check(name, by_name.get(name), profile.rules.get(name)) for name in names)


def _check(name: CheckName, check: Check | None, rule: CheckRule | None) -> r.CheckRecord:
    rule = rule or CheckRule(RunMode.EVALUATORY)
    made = check or finding(name, NOT_PERFORMED)
    end = ending(name, made.code) if made.code else None
    return r.CheckRecord(
        name=name,
        group=group_of(name),
        mode=rule.mode,
        door=rule.at,
        performed=check is not None and made.code != NOT_PERFORMED,
        result=made.result,
        code=made.code,
        number=end.number if end else None,
        text=end.text if end else CATALOGUE[name].meaning,
        detail=made.detail[:1024] if group_of(name) in _OF_DOCUMENT else "",
        known_deviation=made.known_deviation,
    )


def _group_results(checks: Iterable[r.CheckRecord]) -> dict[CheckGroup, CheckResult]:
    """Evaluatory checks are documented and never part of a result (TR-03135-1 §3.7)."""
    return aggregate_groups(entry.finding() for entry in checks if entry.performed and entry.mode is not RunMode.EVALUATORY)


def _policy(profile: Profile) -> r.PolicyRecord:
    weaknesses = tuple(r.WeaknessRecord(weakness, choice) for weakness, choice in profile.algorithm_policy.items())
    return r.PolicyRecord(
        profile.name, profile.pace_before_bac, profile.minimum_age_years, profile.revocation_grace_days, weaknesses
    )


def _document(inspected: Inspected) -> r.DocumentFacts:
    printed, chip = inspected.mrz, inspected.facts.mrz
    mrz = printed or chip
    return r.DocumentFacts(
        form=mrz.format.value[0] if mrz else "",
        code=mrz.document_code if mrz else "",
        issuing_state=mrz.issuing_state if mrz else "",
        nationality=mrz.nationality if mrz else "",
        printed=printed is not None,
        chip=inspected.facts.evidence is not None,
        wrong_check_digits=printed.failed_check_digits if printed else (),
        corrections=printed.corrections if printed else (),
    )


def _decision(decision: Decision) -> r.DecisionRecord:
    because = tuple(":".join((check.name.value, check.result.word, check.code)) for check in decision.because)
    return r.DecisionRecord(decision.point, decision.outcome, because)


def _protocols(evidence: ChipEvidence | None) -> tuple[r.ProtocolRecord, ...]:
    outcomes = evidence.protocols if evidence else ()
    return tuple(
        r.ProtocolRecord(_cut(entry.protocol), _cut(entry.variant), entry.state, entry.sw, _cut(entry.detail))
        for entry in outcomes
        if entry.protocol != _QUIRK
    )[:256]


def _quirks(evidence: ChipEvidence | None) -> tuple[str, ...]:
    return tuple(entry.variant for entry in evidence.protocols if entry.protocol == _QUIRK) if evidence else ()


def _security_objects(facts: ChipFacts, day: date) -> Iterable[r.SecurityObjectRecord]:
    for file, found in ((ElementaryFile.SOD, facts.security_object), (ElementaryFile.CARD_SECURITY, facts.card_security)):
        if found is not None:
            used = (("signer", found.signer), ("csca", found.csca))
            yield r.SecurityObjectRecord(
                file=file,
                signature=found.signature,
                chain=found.chain,
                reason=_cut(found.signature_reason or found.chain_reason),
                hash_algorithm=found.hash_algorithm,
                signer_valid=found.signer.is_valid_on(day) if found.signer else None,
                issuer_valid=found.csca.is_valid_on(day) if found.csca else None,
                certificates=tuple(_certificate(role, held) for role, held in used if held is not None),
            )


def _certificate(role: str, held: Certificate) -> r.CertificateRecord:
    return r.CertificateRecord(
        role=role,
        country=held.subject_country or held.issuer_country,
        serial=f"{abs(held.serial_number):x}"[:64],
        key_identifier=held.subject_key_identifier.hex()[:128],
        sha256=sha256(held.der).hexdigest(),
        valid_from=held.not_before.date(),
        valid_until=held.not_after.date(),
        key=_key(held.public_key),
        signed_with=_scheme(held.scheme),
    )


def _key(key: PublicKey) -> str:
    match key:
        case RsaKey():
            return f"RSA {key.modulus.bit_length()}"
        case EllipticKey():
            return f"EC {key.curve.name}"
        case _:
            return "unusable"


def _scheme(scheme: SignatureScheme | None) -> str:
    if scheme is None:
        return "unknown"
    algorithm = HASHES.get(scheme.hash_oid)
    return f"{scheme.kind.value} {algorithm.name if algorithm else scheme.hash_oid}"


def _files(facts: ChipFacts) -> tuple[r.FileRecord, ...]:
    """Files that were read, and data groups that were signed and not read."""
    read = facts.evidence.files if facts.evidence else {}
    signed = facts.security_object.hashes if facts.security_object else {}
    return tuple(
        r.FileRecord(file, file in read, len(read.get(file, b"")), _hash_state(facts, file))
        for file in ElementaryFile
        if file in read or DATA_GROUPS.get(file) in signed
    )


def _hash_state(facts: ChipFacts, file: ElementaryFile) -> HashState | None:
    return facts.hash_of(file) if file in DATA_GROUPS else None


def _trust(trust: TrustStore, circumstances: Circumstances, found: SecurityObjectFindings | None) -> r.TrustRecord:
    looked_at = found.revocation.revocations if found else None
    return r.TrustRecord(
        source=_cut(trust.source),
        dated=trust.dated,
        certificates=len(trust.certificates),
        lists=tuple(r.ListRecord(_cut(name), dated) for name, dated in circumstances.list_dates)[:512],
        revocation_list=looked_at.this_update if looked_at else None,
        revocation_list_due=looked_at.next_update if looked_at else None,
    )


def _reading(evidence: ChipEvidence | None) -> r.ReadingRecord:
    lines = evidence.transcript if evidence else ()
    times = [line.took_us for line in lines]
    sent, received = (sum(getattr(line, name) for line in lines) for name in ("sent_bytes", "received_bytes"))
    return r.ReadingRecord(len(lines), sent, received, sum(times), max(times, default=0))


def _personal(inspected: Inspected, profile: LoggingProfile, kept: frozenset[Part]) -> r.PersonalRecord | None:
    evidence, mrz = inspected.facts.evidence, inspected.mrz
    files = evidence.files if evidence is not None and Part.CHIP_FILES in kept else {}
    proofs = evidence.proofs if evidence is not None and Part.PROOFS in kept else ()
    personal = r.PersonalRecord(
        lines=mrz.lines if mrz is not None and Part.PRINT in kept else (),
        files=tuple(
            r.FileContent(file, sha256(files[file]).hexdigest(), files[file])
            for file in ElementaryFile
            if file in files and may_keep(file, profile, inspected.findings)
        ),
        proofs=tuple(
            r.ProofRecord(proof.protocol, tuple(r.ProofValue(name, data) for name, data in proof.values.items()))
            for proof in proofs[:MOST_PROOFS]
        ),
        believed=_believed(inspected.facts) if Part.PROOFS in kept else None,
    )
    return personal if personal != r.PersonalRecord((), (), (), None) else None


def _believed(facts: ChipFacts) -> r.BelievedRecord | None:
    """The chain's own certificates and list; what came along in the security object is not kept a second time."""
    found = [entry for entry in (facts.security_object, facts.card_security) if entry is not None]
    authorities = dict.fromkeys(entry.csca.der for entry in found if entry.csca is not None)
    signers = dict.fromkeys(entry.signer.der for entry in found if entry.signer is not None)
    files = facts.evidence.files.values() if facts.evidence else ()
    lists = dict.fromkeys(entry.revocation.revocations.der for entry in found if entry.revocation.revocations is not None)
    return r.BelievedRecord(
        tuple(authorities),
        tuple(der for der in signers if not any(der in data for data in files)),
        tuple(der for der in lists if len(der) <= LARGEST_RECORDED_REVOCATIONS_BYTES),
    )
