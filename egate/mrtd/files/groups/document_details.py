"""DG12, additional document details: who issued the document, when, and what is remarked in it.

Source: ICAO Doc 9303-10 §4.7.12. Rule: endorsements and other persons are personal data, so a `repr` shows only which tags could
not be read. Dates are characters by the standard and packed digits in issued documents (JMRTD #88); both are read.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from egate.mrtd.files.groups.elements import PersonName, encode_date, encode_elements, encode_name, parse_elements

_DG12 = 0x6C
_AUTHORITY, _ISSUE, _PERSONS, _ENDORSEMENTS, _TAX = 0x5F19, 0x5F26, 0x5F1A, 0x5F1B, 0x5F1C
_FRONT, _REAR, _PERSONALISED, _SYSTEM = 0x5F1D, 0x5F1E, 0x5F55, 0x5F56


@dataclass(frozen=True, slots=True)
class IssuingDetails:
    """DG12. Texts are empty where the chip holds none; dates are YYYYMMDD, zeros unknown; `personalised_at` adds hhmmss.

    `unread` names tags that were there but not of their type, or are not known to the standard.
    """

    issuing_authority: str = field(repr=False, default="")
    date_of_issue: str = field(repr=False, default="")
    other_persons: tuple[PersonName, ...] = field(repr=False, default=())
    endorsements: str = field(repr=False, default="")
    tax_or_exit_requirements: str = field(repr=False, default="")
    front_image: bytes = field(repr=False, default=b"")
    rear_image: bytes = field(repr=False, default=b"")
    personalised_at: str = field(repr=False, default="")
    personalisation_system: str = field(repr=False, default="")
    unread: tuple[int, ...] = ()


def parse_dg12(data: bytes) -> IssuingDetails:
    """DG12, the whole file; raises MalformedData."""
    elements = parse_elements(data, _DG12, "parsing DG12")
    details = IssuingDetails(
        issuing_authority=elements.text(_AUTHORITY),
        date_of_issue=elements.date(_ISSUE),
        other_persons=elements.names(_PERSONS),
        endorsements=elements.text(_ENDORSEMENTS),
        tax_or_exit_requirements=elements.text(_TAX),
        front_image=elements.image(_FRONT),
        rear_image=elements.image(_REAR),
        personalised_at=elements.time(_PERSONALISED),
        personalisation_system=elements.text(_SYSTEM),
    )
    return replace(details, unread=elements.unread())


def encode_dg12(details: IssuingDetails, packed_dates: bool = False) -> bytes:
    """DG12 with what `details` holds; dates as packed digits where an issuer is to be imitated who writes them so."""
    return encode_elements(
        _DG12,
        [
            (_AUTHORITY, details.issuing_authority.encode()),
            (_ISSUE, encode_date(details.date_of_issue, packed_dates)),
            (_PERSONS, [encode_name(name) for name in details.other_persons]),
            (_ENDORSEMENTS, details.endorsements.encode()),
            (_TAX, details.tax_or_exit_requirements.encode()),
            (_FRONT, details.front_image),
            (_REAR, details.rear_image),
            (_PERSONALISED, encode_date(details.personalised_at, packed_dates)),
            (_SYSTEM, details.personalisation_system.encode()),
        ],
    )
