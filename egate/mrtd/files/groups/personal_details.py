"""DG11, additional personal details: what an officer may want to know of the holder beyond the machine readable zone.

Source: ICAO Doc 9303-10 §4.7.11. Rule: every field is personal data, so a `repr` shows only which tags could not be read.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from egate.mrtd.files.groups.elements import (
    PersonName,
    encode_date,
    encode_elements,
    encode_name,
    encode_parts,
    parse_elements,
)

_DG11 = 0x6B
_NAME, _OTHER_NAMES, _NUMBER, _BIRTH = 0x5F0E, 0x5F0F, 0x5F10, 0x5F2B
_PLACE, _ADDRESS, _TELEPHONE, _PROFESSION, _TITLE = 0x5F11, 0x5F42, 0x5F12, 0x5F13, 0x5F14
_SUMMARY, _CITIZENSHIP, _DOCUMENTS, _CUSTODY = 0x5F15, 0x5F16, 0x5F17, 0x5F18


@dataclass(frozen=True, slots=True)
class PersonalDetails:
    """DG11. Texts are empty and lists have no entry where the chip holds none; the date of birth is YYYYMMDD, zeros unknown.

    `unread` names tags that were there but not of their type, or are not known to the standard.
    """

    name: PersonName | None = field(repr=False, default=None)
    other_names: tuple[PersonName, ...] = field(repr=False, default=())
    personal_number: str = field(repr=False, default="")
    date_of_birth: str = field(repr=False, default="")
    place_of_birth: tuple[str, ...] = field(repr=False, default=())
    address: tuple[str, ...] = field(repr=False, default=())
    telephone: str = field(repr=False, default="")
    profession: str = field(repr=False, default="")
    title: str = field(repr=False, default="")
    summary: str = field(repr=False, default="")
    proof_of_citizenship: bytes = field(repr=False, default=b"")
    other_documents: tuple[str, ...] = field(repr=False, default=())
    custody: str = field(repr=False, default="")
    unread: tuple[int, ...] = ()


def parse_dg11(data: bytes) -> PersonalDetails:
    """DG11, the whole file; raises MalformedData."""
    elements = parse_elements(data, _DG11, "parsing DG11")
    details = PersonalDetails(
        name=elements.name(_NAME),
        other_names=elements.names(_OTHER_NAMES),
        personal_number=elements.text(_NUMBER),
        date_of_birth=elements.date(_BIRTH),
        place_of_birth=elements.parts(_PLACE),
        address=elements.parts(_ADDRESS),
        telephone=elements.text(_TELEPHONE),
        profession=elements.text(_PROFESSION),
        title=elements.text(_TITLE),
        summary=elements.text(_SUMMARY),
        proof_of_citizenship=elements.image(_CITIZENSHIP),
        other_documents=elements.parts(_DOCUMENTS),
        custody=elements.text(_CUSTODY),
    )
    return replace(details, unread=elements.unread())


def encode_dg11(details: PersonalDetails, packed_dates: bool = False) -> bytes:
    """DG11 with what `details` holds; dates as packed digits where an issuer is to be imitated who writes them so."""
    return encode_elements(
        _DG11,
        [
            (_NAME, encode_name(details.name) if details.name else b""),
            (_OTHER_NAMES, [encode_name(name) for name in details.other_names]),
            (_NUMBER, details.personal_number.encode()),
            (_BIRTH, encode_date(details.date_of_birth, packed_dates)),
            (_PLACE, encode_parts(details.place_of_birth)),
            (_ADDRESS, encode_parts(details.address)),
            (_TELEPHONE, details.telephone.encode()),
            (_PROFESSION, details.profession.encode()),
            (_TITLE, details.title.encode()),
            (_SUMMARY, details.summary.encode()),
            (_CITIZENSHIP, details.proof_of_citizenship),
            (_DOCUMENTS, encode_parts(details.other_documents)),
            (_CUSTODY, details.custody.encode()),
        ],
    )
