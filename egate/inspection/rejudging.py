"""Judges a recorded inspection again: with other rules, other trust, on another day, or with exactly what it was judged with.

Rule: what is judged are the bytes that the record holds, by the same checks as at the lane; a proof that can be verified is
verified again. A record that does not hold what the checks need is not judged, and the reason is said in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from egate.checks.document import check_document
from egate.inspection.logging_profile import LoggingProfile
from egate.inspection.record import CheckRecord, InspectionRecord
from egate.model.checks import Check, CheckGroup, CheckName, CheckRule, Profile
from egate.model.document import ChipEvidence, ChipProof, Mrz, ProtocolOutcome, ProtocolState
from egate.model.errors import MalformedData
from egate.mrtd.files.mrz import parse_mrz
from egate.pki.certificate import parse_certificate
from egate.pki.revocation import parse_revocation_list
from egate.pki.signers import SignerIndex
from egate.pki.trust_store import TrustStore

RECORDED_TRUST = "the certificates in the record"
"""Source of a trust store that was made from a record; whoever wrote the record chose what is in it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One check then and now; `now` is None for a check that needs more than a document (a face, a list of persons)."""

    then: CheckRecord
    now: Check | None

    @property
    def changed(self) -> bool:
        """Whether the check ends in another way than it did."""
        return self.now is not None and (self.now.result, self.now.code) != (self.then.result, self.then.code)


def why_not(record: InspectionRecord) -> str:
    """Why a record cannot be judged again, in a sentence; empty when it can."""
    kept = f"it was kept with the logging profile `{record.logging.value}`"
    if record.logging is not LoggingProfile.FULL:
        asked = record.logging_asked
        if asked is not record.logging:
            return f"{kept}: the profile `{asked.value}` was asked for, and there was no room for that much"
        return f"{kept}, which holds no chip files to judge; only `{LoggingProfile.FULL.value}` holds everything"
    if not record.document.printed and not record.document.chip:
        return "neither print nor chip was read, so there is nothing to judge"
    return ""


def recorded_mrz(record: InspectionRecord) -> Mrz | None:
    """The machine readable zone in the record; raises MalformedData."""
    return parse_mrz(record.personal.lines) if record.personal is not None and record.personal.lines else None


def recorded_evidence(record: InspectionRecord) -> ChipEvidence | None:
    """The evidence in the record, as the reading gave it."""
    personal = record.personal
    if personal is None or not record.document.chip:
        return None
    outcomes = [ProtocolOutcome(e.protocol, e.state, e.variant, e.status, e.detail) for e in record.protocols]
    outcomes += [ProtocolOutcome("quirk", ProtocolState.COMPLETED, quirk) for quirk in record.quirks]
    return ChipEvidence(
        {entry.file: entry.data for entry in personal.files},
        tuple(outcomes),
        record.trace,
        tuple(ChipProof(proof.protocol, {value.name: value.data for value in proof.values}) for proof in personal.proofs),
    )


def recorded_profile(record: InspectionRecord) -> Profile:
    """The policy that the inspection was judged by; what it does not need (engines, thresholds) has the model's defaults."""
    policy = record.policy
    return Profile(
        name=policy.name,
        rules={entry.name: CheckRule(entry.mode, entry.door) for entry in record.checks},
        pace_before_bac=policy.pace_before_bac,
        minimum_age_years=policy.minimum_age_years,
        revocation_grace_days=policy.revocation_grace_days,
        algorithm_policy={entry.weakness: entry.acceptance for entry in policy.weaknesses},
    )


def recorded_trust(record: InspectionRecord) -> TrustStore:
    """What the chain rested on; raises MalformedData. It says how the rules judge, and vouches for nobody."""
    believed = record.personal.believed if record.personal is not None else None
    if believed is None:
        return TrustStore.from_parts((), RECORDED_TRUST, record.began.date())
    return TrustStore.from_parts(
        [parse_certificate(der) for der in believed.authorities],
        RECORDED_TRUST,
        record.began.date(),
        SignerIndex.of(parse_certificate(der) for der in believed.signers),
        [parse_revocation_list(der) for der in believed.revocation_lists],
    )


def judge_again(record: InspectionRecord, trust: TrustStore, profile: Profile, day: date) -> tuple[Comparison, ...]:
    """Every check of the record, then and now; raises MalformedData when the record cannot be judged (see `why_not`)."""
    problem = why_not(record)
    if problem:
        raise MalformedData("judging a record again", problem)
    found = check_document(recorded_mrz(record), recorded_evidence(record), trust, day, profile)
    now: dict[CheckName, Check] = {check.name: check for check in found}
    return tuple(Comparison(entry, now.get(entry.name) if _is_of_document(entry, now) else None) for entry in record.checks)


def _is_of_document(entry: CheckRecord, now: dict[CheckName, Check]) -> bool:
    """A check that was not made then is compared only where it is of the document itself."""
    return entry.name in now and (entry.performed or entry.group is not CheckGroup.BACKGROUND)
