"""Data groups beyond the portrait, with contents that are invented or drawn: for readers that show them to an officer.

Rule: nothing here comes from a person; the images are drawn patterns.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType

from PIL import Image, ImageDraw

from drivers.sim.passport.defects import Defect
from drivers.sim.passport.issuer import PersonData
from egate.app.simulate.recipe import Recipe
from egate.model.document import ElementaryFile
from egate.mrtd.files.groups.displayed_images import encode_displayed_images
from egate.mrtd.files.groups.document_details import IssuingDetails, encode_dg12
from egate.mrtd.files.groups.elements import PersonName
from egate.mrtd.files.groups.fingers import FingerCompression, FingerImage, FingerPosition, FingerRecord, encode_dg3
from egate.mrtd.files.groups.opaque import encode_dg13
from egate.mrtd.files.groups.personal_details import PersonalDetails, encode_dg11
from egate.mrtd.files.groups.persons_to_notify import PersonToNotify, encode_dg16

_FINGER_PX = (160, 200)
_SIGNATURE_PX = (300, 80)


def further_files(recipe: Recipe, person: PersonData, today: date) -> Mapping[ElementaryFile, bytes]:
    """The whole data groups that the recipe asks for."""
    makers: Mapping[str, Callable[[], bytes]] = {
        "DG3": _fingers,
        "DG5": lambda: encode_displayed_images(ElementaryFile.DG5, [_drawn(_FINGER_PX, 9)]),
        "DG7": lambda: encode_displayed_images(ElementaryFile.DG7, [_drawn(_SIGNATURE_PX, 3)]),
        "DG11": lambda: _personal_details(person),
        "DG12": lambda: _issuing_details(recipe.day("document.issued", today)),
        "DG13": lambda: encode_dg13(b"\x04\x0csimulated ID"),
        "DG16": _persons_to_notify,
    }
    words = recipe.words("files.further")
    if recipe.text("defect") == Defect.SIGNER_KEY_PERIOD_OVER.value:
        words = (*words, "DG12")  # whether the key was still in use shows against the date of issue
    return MappingProxyType({ElementaryFile[word]: makers[word]() for word in words})


def _personal_details(person: PersonData) -> bytes:
    return encode_dg11(
        PersonalDetails(
            name=PersonName(person.surname, person.given_names),
            date_of_birth=person.date_of_birth.strftime("%Y%m%d"),
            place_of_birth=("ZENITH", "UTOPIA"),
            address=("1 EXAMPLE LANE", "ZENITH"),
            profession="TESTER OF READERS",
        )
    )


def _issuing_details(issued: date) -> bytes:
    return encode_dg12(IssuingDetails(issuing_authority="STATE OF UTOPIA", date_of_issue=issued.strftime("%Y%m%d")))


def _persons_to_notify() -> bytes:
    person = PersonToNotify(name=PersonName("SPECIMEN", "NOBODY"), telephone="000", address=("2 EXAMPLE LANE", "ZENITH"))
    return encode_dg16([person])


def _fingers() -> bytes:
    """Two fingers, drawn lines instead of ridges."""
    fingers = tuple(
        FingerImage(position, 0, 80, *_FINGER_PX, _drawn(_FINGER_PX, position))
        for position in (FingerPosition.RIGHT_INDEX, FingerPosition.LEFT_INDEX)
    )
    return encode_dg3([FingerRecord(FingerCompression.JPEG, (finger,)) for finger in fingers])


def _drawn(size: tuple[int, int], bends: int) -> bytes:
    """A picture of lines, as JPEG."""
    picture = Image.new("L", size, 255)
    draw = ImageDraw.Draw(picture)
    for step in range(0, size[1], 10):
        draw.arc((-20 * bends, step, size[0] + 20, step + 60), 180, 360, fill=40, width=3)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=70)
    return buffer.getvalue()
