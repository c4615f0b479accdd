"""The default profile against what BSI TR-03135-2 asks of self-service (Tables 4.6 to 4.8), each deviation by name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from egate.checks.profile import default_profile
from egate.model.checks import CheckName as N
from egate.model.checks import RunMode

MUST, MAY = "mandatory", "optional"

SELF_SERVICE: Final = {
    "5.5.2 detection and capture under several lights": (MUST, ()),
    "5.5.3 document model": (MUST, ()),
    "5.5.4.1 MRZ for ICAO compliance": (MUST, (N.MRZ_CHECK_DIGITS,)),
    "5.5.4.2 spectrally selective checks": (MUST, ()),
    "5.6.3 chip access protocols": (MUST, (N.CHIP_ACCESS, N.TERMINAL_AUTHENTICATION)),
    "5.6.4.1 chip authenticity": (MUST, (N.CHIP_GENUINE,)),
    "5.6.4.2 security objects": (MUST, (N.SECURITY_OBJECT_SIGNATURE,)),
    "5.6.4.3 issuer certificates": (MUST, (N.CERTIFICATE_CHAIN, N.CERTIFICATE_REVOCATION)),
    "5.6.4.4 integrity": (MUST, (N.FILE_LIST_CONSISTENT, N.DATA_GROUP_HASHES)),
    "5.6.4.5 issuing State": (MUST, (N.ISSUER_MATCHES_CERTIFICATE,)),
    "5.7.1 expiration": (MUST, (N.DOCUMENT_EXPIRY,)),
    "5.7.2 MRZ against DG1": (MUST, (N.MRZ_MATCHES_CHIP,)),
    "5.7.3 document pages": (MAY, ()),
    "5.7.4 several documents": (MAY, ()),
    "5.7.5 personalisation": (MAY, ()),
    "5.7.6 DG2 against the printed portrait": (MAY, ()),
}
"""Obligation of each check for self-service, and which of our checks makes it (Part 2, Tables 4.6, 4.7 with §5.6.4, and 4.8)."""

DEVIATIONS: Final = {
    "5.5.2 detection and capture under several lights": "a lane without a full-page reader reads the zone only",
    "5.5.3 document model": "as above: nobody looks at the page",
    "5.5.4.2 spectrally selective checks": "as above; Table 4.6 makes them evaluatory where the chip is proved genuine",
    "5.6.3 chip access protocols: terminal_authentication": "needs certificates of the State; a gate of this kind compares faces",
    "5.6.4.1 chip authenticity: chip_genuine": "many genuine documents have no proof; one that announces a proof must give it",
    "5.6.4.3 issuer certificates: certificate_revocation": "a lane has few States' lists daily; a revoked signer fails the chain",
    "5.6.4.4 integrity: file_list_consistent": "issued documents have a wrong EF.COM; only the signed list counts",
}
"""Where the shipped profile does less than mandatory, and why. Whoever changes the profile changes this list."""


def test_each_deviation_of_the_default_profile_is_named_with_its_reason() -> None:
    profile = default_profile()
    found = set()
    for requirement, (obligation, names) in SELF_SERVICE.items():
        if obligation != MUST:
            continue
        if not names:
            found.add(requirement)
        found |= {f"{requirement}: {name.value}" for name in names if profile.rules[name].mode is not RunMode.MANDATORY}
    assert found == set(DEVIATIONS)
    assert all(DEVIATIONS.values())


def test_the_how_to_lists_them_for_whoever_audits_a_lane() -> None:
    text = (Path(__file__).parents[3] / "docs" / "inspection.md").read_text("utf-8")
    assert [row for row in DEVIATIONS.items() if f"| {row[0]} | {row[1]} |" not in text] == []


def test_what_proves_authentic_data_never_deviates() -> None:
    profile = default_profile()
    for name in (N.SECURITY_OBJECT_SIGNATURE, N.CERTIFICATE_CHAIN, N.DATA_GROUP_HASHES, N.ISSUER_MATCHES_CERTIFICATE):
        assert profile.rules[name].mode is RunMode.MANDATORY
