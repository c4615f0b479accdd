"""All checks of a document in one call: what was printed, what the chip gave, and what they are together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from egate.checks.background import check_eligibility
from egate.checks.combined import check_issuer, check_mrz_matches_chip
from egate.checks.electronic import (
    ChipFacts,
    check_chain,
    check_chip_access,
    check_chip_genuine,
    check_hashes,
    check_signature,
    gather_facts,
)
from egate.checks.optical import check_expiry, check_mrz_digits
from egate.model.checks import Check, Profile
from egate.model.document import ChipEvidence, ElementaryFile, Mrz
from egate.pki.passive_auth import SecurityObjectFindings
from egate.pki.trust_store import TrustStore


def check_document(
    mrz: Mrz | None,
    evidence: ChipEvidence | None,
    trust: TrustStore,
    today: date,
    profile: Profile,
    security_object: SecurityObjectFindings | None = None,
) -> tuple[Check, ...]:
    """Ten checks in the order of the inspection; never raises for what the document did.

    `security_object` is what `inspect_security_object` found about this evidence's EF.SOD with this trust and day, where the
    caller had it looked at while the chip was still being read; without it that is done here.
    """
    facts = _facts(evidence, trust, today, security_object)
    return (
        check_mrz_digits(mrz),
        check_expiry(mrz, facts.mrz, today),
        check_chip_access(facts),
        check_signature(facts),
        check_chain(facts),
        check_hashes(facts),
        check_chip_genuine(facts),
        check_mrz_matches_chip(mrz, facts),
        check_issuer(facts),
        check_eligibility(facts.mrz or mrz, today, profile.minimum_age_years),
    )


def _facts(
    evidence: ChipEvidence | None, trust: TrustStore, today: date, security_object: SecurityObjectFindings | None
) -> ChipFacts:
    """The facts of a chip; EF.SOD is not looked at again when that was done before."""
    if evidence is None or security_object is None or ElementaryFile.SOD not in evidence.files:
        return gather_facts(evidence, trust, today)
    others = dict(evidence.files)
    del others[ElementaryFile.SOD]
    facts = gather_facts(replace(evidence, files=others), trust, today)
    return replace(facts, evidence=evidence, security_object=security_object)
