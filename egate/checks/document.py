"""All checks of a document in one call: what was printed, what the chip gave, and what they are together."""

from __future__ import annotations

from datetime import date

from egate.checks.background import check_eligibility
from egate.checks.combined import check_issuer, check_mrz_matches_chip
from egate.checks.electronic import (
    check_chain,
    check_chip_access,
    check_chip_genuine,
    check_hashes,
    check_signature,
    gather_facts,
)
from egate.checks.optical import check_expiry, check_mrz_digits
from egate.model.checks import Check, Profile
from egate.model.document import ChipEvidence, Mrz
from egate.pki.trust_store import TrustStore


def check_document(
    mrz: Mrz | None, evidence: ChipEvidence | None, trust: TrustStore, today: date, profile: Profile
) -> tuple[Check, ...]:
    """Ten checks in the order of the inspection; never raises for what the document did."""
    facts = gather_facts(evidence, trust, today)
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
