"""What an officer may see of a chip beyond the machine readable zone and the portrait, from the files that were read.

Rule: these groups are optional, so none of them can end an inspection: one that is malformed is named and the rest is shown.
Values only; words, order and languages belong to the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData
from egate.mrtd.files.groups.displayed_images import DisplayedImage, parse_dg5, parse_dg7
from egate.mrtd.files.groups.document_details import IssuingDetails, parse_dg12
from egate.mrtd.files.groups.elements import PersonName
from egate.mrtd.files.groups.opaque import OptionalDetails, parse_dg13
from egate.mrtd.files.groups.personal_details import PersonalDetails, parse_dg11
from egate.mrtd.files.groups.persons_to_notify import PersonToNotify, parse_dg16

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DocumentDetails:
    """The optional groups of one chip; None or empty where a group is absent, and `malformed` names those that are broken."""

    personal: PersonalDetails | None = field(repr=False, default=None)
    issuing: IssuingDetails | None = field(repr=False, default=None)
    portraits: tuple[DisplayedImage, ...] = field(repr=False, default=())
    signatures: tuple[DisplayedImage, ...] = field(repr=False, default=())
    optional: OptionalDetails | None = field(repr=False, default=None)
    persons_to_notify: tuple[PersonToNotify, ...] = field(repr=False, default=())
    malformed: tuple[ElementaryFile, ...] = ()


def document_details(files: Mapping[ElementaryFile, bytes]) -> DocumentDetails:
    """The details in the files of a chip; never raises for what a file holds."""
    broken: list[ElementaryFile] = []

    def read(file: ElementaryFile, parse: Callable[[bytes], T], absent: T) -> T:
        if file not in files:
            return absent
        try:
            return parse(files[file])
        except MalformedData:
            broken.append(file)
            return absent

    return DocumentDetails(
        personal=read(ElementaryFile.DG11, parse_dg11, None),
        issuing=read(ElementaryFile.DG12, parse_dg12, None),
        portraits=read(ElementaryFile.DG5, parse_dg5, ()),
        signatures=read(ElementaryFile.DG7, parse_dg7, ()),
        optional=read(ElementaryFile.DG13, parse_dg13, None),
        persons_to_notify=read(ElementaryFile.DG16, parse_dg16, ()),
        malformed=tuple(broken),
    )


def summary(details: DocumentDetails) -> tuple[tuple[str, str], ...]:
    """The texts of `details` as pairs of a stable key and a value, in the order of the groups; what is empty is left out."""
    pairs = (*_personal(details.personal), *_issuing(details.issuing), *_persons(details.persons_to_notify))
    return tuple((key, value) for key, value in pairs if value)


def _personal(details: PersonalDetails | None) -> tuple[tuple[str, str], ...]:
    if details is None:
        return ()
    return (
        ("name", _full(details.name)),
        *(("other_name", _full(name)) for name in details.other_names),
        ("personal_number", details.personal_number),
        ("date_of_birth", details.date_of_birth),
        ("place_of_birth", ", ".join(details.place_of_birth)),
        ("address", ", ".join(details.address)),
        ("telephone", details.telephone),
        ("profession", details.profession),
        ("title", details.title),
        ("summary", details.summary),
        ("other_documents", ", ".join(details.other_documents)),
        ("custody", details.custody),
    )


def _issuing(details: IssuingDetails | None) -> tuple[tuple[str, str], ...]:
    if details is None:
        return ()
    return (
        ("issuing_authority", details.issuing_authority),
        ("date_of_issue", details.date_of_issue),
        *(("other_person", _full(name)) for name in details.other_persons),
        ("endorsements", details.endorsements),
        ("tax_or_exit_requirements", details.tax_or_exit_requirements),
        ("personalised_at", details.personalised_at),
        ("personalisation_system", details.personalisation_system),
    )


def _persons(persons: tuple[PersonToNotify, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(
        pair
        for person in persons
        for pair in (
            ("person_to_notify", _full(person.name)),
            ("person_to_notify_telephone", person.telephone),
            ("person_to_notify_address", ", ".join(person.address)),
            ("person_to_notify_recorded", person.recorded),
        )
    )


def _full(name: PersonName | None) -> str:
    if name is None:
        return ""
    return f"{name.surname}, {name.given_names}" if name.given_names else name.surname
