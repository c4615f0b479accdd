"""Checks that compare the print with the chip, and the chip with its certificates (TR-03135-1 §3.7.3)."""

from __future__ import annotations

from egate.checks.catalogue import finding, success
from egate.checks.countries import certificate_countries
from egate.checks.electronic import ChipFacts
from egate.model.checks import Check, CheckName
from egate.model.document import Mrz

_COMPARED = (
    "document_code",
    "issuing_state",
    "document_number",
    "surname",
    "given_names",
    "nationality",
    "date_of_birth",
    "sex",
    "date_of_expiry",
    "optional_data",
    "optional_data_2",
)
"""Fields of the machine readable zone, by their names in `Mrz`."""


def check_mrz_matches_chip(mrz: Mrz | None, facts: ChipFacts) -> Check:
    """Whether print and chip say the same; the detail names the fields that differ, never what they say."""
    name = CheckName.MRZ_MATCHES_CHIP
    if mrz is None:
        return finding(name, "mrz_not_read")
    if facts.mrz is None:
        return finding(name, "chip_mrz_malformed" if facts.mrz_malformed else "chip_mrz_missing")
    differing = [field for field in _COMPARED if getattr(mrz, field) != getattr(facts.mrz, field)]
    if differing:
        return finding(name, "mrz_differs_from_chip", ", ".join(differing))
    return success(name)


def check_issuer(facts: ChipFacts) -> Check:
    """Whether the State that issued is the State that certified, and its signer may sign such documents.

    Without this any trusted State could issue passports of any other (Doc 9303-11 §5.1; Doc 9303-12 §7.1.1.6 for the type).
    """
    name = CheckName.ISSUER_MATCHES_CERTIFICATE
    if facts.mrz is None:
        return finding(name, "chip_mrz_missing")
    found = facts.security_object
    if found is None or not found.csca_country:
        return finding(name, "no_certificate_country")
    expected = certificate_countries(facts.mrz.issuing_state)
    if not expected:
        return finding(name, "issuing_state_unknown", facts.mrz.issuing_state)
    if found.csca_country not in expected:
        return finding(name, "issuer_differs_from_certificate", f"{facts.mrz.issuing_state} and {found.csca_country}")
    if found.document_types and not _type_covered(facts.mrz.document_code, found.document_types):
        return finding(name, "document_type_not_covered")
    return success(name)


def _type_covered(document_code: str, types: frozenset[str]) -> bool:
    """A list that names P covers PP, PD … as well: States list the first letter and print both."""
    return any(document_code == listed.rstrip("<") or document_code[:1] == listed.rstrip("<") for listed in types)
