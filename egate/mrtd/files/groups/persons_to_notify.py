"""DG16, persons to notify in an emergency.

Source: ICAO Doc 9303-10 §4.7.16. Rule: persons who are not even here are in this file, so a `repr` shows nothing of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from egate.model.errors import MalformedData
from egate.mrtd.files.groups.elements import Elements, PersonName, encode_date, encode_name, encode_parts
from egate.mrtd.files.tlv import encode_tlv, parse_one, parse_tlvs

MAX_PERSONS = 15
"""The templates are numbered A1 to AF."""

_DG16, _COUNT, _FIRST_TEMPLATE = 0x70, 0x02, 0xA1
_RECORDED, _NAME, _TELEPHONE, _ADDRESS = 0x5F50, 0x5F51, 0x5F52, 0x5F53


@dataclass(frozen=True, slots=True)
class PersonToNotify:
    """One person: when the entry was recorded (YYYYMMDD, zeros unknown), name, telephone, address; empty where not there."""

    recorded: str = field(repr=False, default="")
    name: PersonName | None = field(repr=False, default=None)
    telephone: str = field(repr=False, default="")
    address: tuple[str, ...] = field(repr=False, default=())
    unread: tuple[int, ...] = ()


def parse_dg16(data: bytes) -> tuple[PersonToNotify, ...]:
    """DG16, the whole file: the persons that are there, whatever number the file states; raises MalformedData."""
    doing = "parsing DG16"
    items = parse_tlvs(parse_one(data, _DG16, doing), doing)
    templates = [item.value for item in items if _FIRST_TEMPLATE <= item.tag < _FIRST_TEMPLATE + MAX_PERSONS]
    if len(templates) > MAX_PERSONS:
        raise MalformedData(doing, "too many persons")
    return tuple(_person(Elements(template, doing)) for template in templates)


def _person(elements: Elements) -> PersonToNotify:
    recorded, name = elements.date(_RECORDED), elements.name(_NAME)
    telephone, address = elements.text(_TELEPHONE), elements.parts(_ADDRESS)
    return PersonToNotify(recorded, name, telephone, address, elements.unread())


def encode_dg16(persons: Sequence[PersonToNotify]) -> bytes:
    """DG16 with these persons; raises MalformedData for more than templates can number."""
    if len(persons) > MAX_PERSONS:
        raise MalformedData("encoding DG16", "too many persons")
    templates = (encode_tlv(_FIRST_TEMPLATE + index, _encode_person(person)) for index, person in enumerate(persons))
    return encode_tlv(_DG16, encode_tlv(_COUNT, bytes((len(persons),))) + b"".join(templates))


def _encode_person(person: PersonToNotify) -> bytes:
    values = (
        (_RECORDED, encode_date(person.recorded)),
        (_NAME, encode_name(person.name) if person.name else b""),
        (_TELEPHONE, person.telephone.encode()),
        (_ADDRESS, encode_parts(person.address)),
    )
    return b"".join(encode_tlv(tag, value) for tag, value in values if value)
