"""What each finding about a document means for the person at the desk: a short title, what success says, and what to do.

Rule: why something is not good says the catalogue (`egate.checks.catalogue`); here stands only what to do about it. Every ending
of every check that an inspection makes has advice; a test compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egate.model.checks import CheckName


@dataclass(frozen=True, slots=True)
class Advice:
    """A check's title (at most 18 characters), what success says in a few words, what to do by code; `otherwise` for the rest."""

    title: str
    success: str
    otherwise: str
    by_code: Mapping[str, str]


_READ_AGAIN = "Lay the document down again and keep it still."
_TYPE_AGAIN = "Read or type the machine readable zone again, from the document itself."
_OFFICER = "Do not rely on the chip; have the document examined."
_TRUST = "Bring the trust store up to date (`egate trust import`) and inspect again before you suspect the document."

NUMBER_REFUSED = (
    "The chip refused the card access number.",
    "Compare the digits with those on the front of the document; if they are right, have it examined.",
)
NUMBER_UNKNOWN = (
    "The chip takes no card access number: it has no PACE.",
    "Inspect again with the printed lines (--mrz), or with number, birth and expiry.",
)
BOTH_REFUSED = (
    "The chip refused the card access number, and the keys derived from the printed data.",
    "Compare the number on the front, and number, birth and expiry; if they are right, have the document examined.",
)
"""Why, and what to do, where a card access number was given and the chip did not open."""

ADVICE: Mapping[CheckName, Advice] = {
    CheckName.MRZ_CHECK_DIGITS: Advice(
        "Check digits",
        "every digit adds up",
        _TYPE_AGAIN,
        {"mrz_check_digit_wrong": "Compare with the document: misread, or printed wrongly? A wrong print is a sign of forgery."},
    ),
    CheckName.DOCUMENT_EXPIRY: Advice(
        "In date",
        "not expired",
        _TYPE_AGAIN,
        {"document_expired": "Treat it by the rules for expired documents."},
    ),
    CheckName.CHIP_ACCESS: Advice(
        "Chip access",
        "opened",
        _READ_AGAIN,
        {
            "access_keys_refused": "Compare number, birth and expiry with the document; if they are right, have it examined.",
            "no_access_control": "Old documents are so. Have the document examined if it was issued after 2006.",
            "no_passport_application": "Is this a travel document? Take other cards off the reader.",
            "pace_withheld": _OFFICER,
            "pace_infos_differ": _OFFICER,
            "pace_refused": _OFFICER,
        },
    ),
    CheckName.SECURITY_OBJECT_SIGNATURE: Advice(
        "Signature",
        "holds",
        _READ_AGAIN,
        {
            "security_object_malformed": _OFFICER,
            "signature_wrong": _OFFICER,
            "signer_certificate_missing": _TRUST,
            "algorithm_refused": "The profile refuses this algorithm; have the document examined.",
        },
    ),
    CheckName.CERTIFICATE_CHAIN: Advice(
        "Issuer's chain",
        "leads to a trusted State",
        _OFFICER,
        {
            "security_object_missing": _READ_AGAIN,
            "chain_not_checked": _READ_AGAIN,
            "issuer_unknown": _TRUST,
            "issuer_not_valid": _TRUST,
            "algorithm_refused": "The profile refuses this algorithm; have the document examined.",
        },
    ),
    CheckName.CERTIFICATE_REVOCATION: Advice(
        "Revocation",
        "not revoked",
        "Bring a revocation list of the State into the trust store (`egate trust import`).",
        {
            "signer_revoked": _OFFICER,
            "issuer_revoked": _OFFICER,
            "signer_doubted": _OFFICER,
            "chain_not_checked": "See the issuer's chain.",
        },
    ),
    CheckName.DATA_GROUP_HASHES: Advice(
        "Chip data",
        "as signed",
        _OFFICER,
        {"security_object_missing": _READ_AGAIN, "data_group_missing": _READ_AGAIN},
    ),
    CheckName.FILE_LIST_CONSISTENT: Advice(
        "File list",
        "as signed",
        "Only the signed list counts; documents of some States differ here.",
        {"file_list_missing": _READ_AGAIN},
    ),
    CheckName.CHIP_GENUINE: Advice(
        "Genuine chip",
        "proved its key",
        _OFFICER,
        {
            "chip_not_read": _READ_AGAIN,
            "no_chip_proof": "Nothing: many genuine documents have no such proof.",
        },
    ),
    CheckName.TERMINAL_AUTHENTICATION: Advice(
        "Terminal rights",
        "fingerprints may be read",
        _READ_AGAIN,
        {
            "no_terminal_authentication": "Nothing: only fingerprints need it (--terminal-chain).",
            "terminal_refused": "Look at the dates and the States of the terminal's certificates.",
        },
    ),
    CheckName.MRZ_MATCHES_CHIP: Advice(
        "Print and chip",
        "say the same",
        _TYPE_AGAIN,
        {
            "chip_mrz_missing": _READ_AGAIN,
            "chip_mrz_malformed": _OFFICER,
            "mrz_differs_from_chip": "Misread? Read the print again; if it is right, have the document examined.",
        },
    ),
    CheckName.ISSUER_MATCHES_CERTIFICATE: Advice(
        "Issuing State",
        "is the one that signed",
        _OFFICER,
        {"chip_mrz_missing": _READ_AGAIN, "no_certificate_country": "See the issuer's chain.", "issuing_state_unknown": _TRUST},
    ),
    CheckName.ELIGIBILITY: Advice(
        "Age",
        "old enough for a gate",
        _TYPE_AGAIN,
        {
            "below_minimum_age": "Not a matter of the document: gates take older travellers.",
            "document_kind_not_taken": "Not a fault of the document: the profile's document_codes say which kinds a gate takes.",
            "birth_date_unreadable": "The document leaves the date of birth open; a gate cannot decide.",
            "selected_at_random": "Not a matter of the document.",
        },
    ),
}
"""By check, in the order in which they are shown."""


def what_to_do(name: CheckName, code: str) -> str:
    """What to do about a finding; empty for a check that is not in the table or that was successful."""
    advice = ADVICE.get(name)
    return "" if advice is None or not code else advice.by_code.get(code, advice.otherwise)
