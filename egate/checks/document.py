"""All checks of a document in one call: what was printed, what the chip gave, and what they are together."""

from __future__ import annotations

from datetime import date

from egate.checks.algorithm_policy import judge_algorithms
from egate.checks.background import check_eligibility
from egate.checks.chip_proofs import check_chip_genuine, check_terminal_authentication
from egate.checks.combined import check_issuer, check_mrz_matches_chip
from egate.checks.electronic import (
    check_chain,
    check_chip_access,
    check_file_list,
    check_hashes,
    check_revocation,
    check_signature,
    gather_facts,
)
from egate.checks.known_defects import judge_defects
from egate.checks.known_deviations import judge_deviations
from egate.checks.optical import check_expiry, check_mrz_digits
from egate.model.checks import Check, Profile
from egate.model.document import ChipEvidence, Mrz
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
    """Thirteen checks in the order of the inspection; never raises for what the document did.

    `security_object` is what `inspect_security_object` found about this evidence's EF.SOD with this trust and day, where the
    caller had it looked at while the chip was still being read; without it that is done here.
    """
    facts = gather_facts(evidence, trust, today, mrz, security_object)
    checks = (
        check_mrz_digits(mrz),
        check_expiry(mrz, facts.mrz, today),
        check_chip_access(facts),
        check_signature(facts),
        check_chain(facts),
        check_revocation(facts, today, profile.revocation_grace_days),
        check_hashes(facts),
        check_file_list(facts),
        check_chip_genuine(facts),
        check_terminal_authentication(facts),
        check_mrz_matches_chip(mrz, facts),
        check_issuer(facts),
        check_eligibility(facts.mrz or mrz, today, profile.minimum_age_years, profile.document_codes),
    )
    return judge_defects(judge_deviations(judge_algorithms(checks, facts, profile), facts), facts)
