"""DG5 to DG13 and DG16: the standard's examples, what issued documents do otherwise, limits, and nothing personal in a repr."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData
from egate.model.face import ImageFormat
from egate.mrtd.files.groups.displayed_images import (
    MAX_IMAGES,
    DisplayedImage,
    encode_displayed_images,
    parse_dg5,
    parse_dg6,
    parse_dg7,
)
from egate.mrtd.files.groups.document_details import IssuingDetails, encode_dg12, parse_dg12
from egate.mrtd.files.groups.elements import (
    MAX_ELEMENTS,
    MAX_IMAGE_BYTES,
    MAX_PARTS,
    MAX_REPEATED,
    MAX_TEXT_BYTES,
    PersonName,
    encode_date,
    parse_date,
)
from egate.mrtd.files.groups.officer import DocumentDetails, document_details, summary
from egate.mrtd.files.groups.opaque import (
    MAX_TEMPLATES,
    FeatureTemplates,
    OptionalDetails,
    encode_dg13,
    encode_features,
    parse_dg8,
    parse_dg9,
    parse_dg10,
    parse_dg13,
)
from egate.mrtd.files.groups.personal_details import PersonalDetails, encode_dg11, parse_dg11
from egate.mrtd.files.groups.persons_to_notify import MAX_PERSONS, PersonToNotify, encode_dg16, parse_dg16
from egate.mrtd.files.tlv import encode_tlv
from tests.unit.mrtd.parsing import parses_or_refuses

JPEG = b"\xff\xd8\xff\xe1" + bytes(40)

# Doc 9303-10 §4.7.11 and §4.7.16, the worked examples of the text.
STANDARD_DG11 = bytes.fromhex(
    "6B605C0A5F0E5F115F425F125F135F0E0D534D4954483C3C4A4F484E3C4A5F110A414E59544F574E3C4D4E5F4217313233204D41504C452052443C414E59"
    "544F574E3C4D4E5F120B31363132353535313231325F130C54524156454C3C4147454E54"
)
STANDARD_DG16 = bytes.fromhex(
    "7081A2020102A14C5F500832303032303130315F5110534D4954483C3C434841524C45533C525F520B31393532353535313231325F531D313233204D4150"
    "4C452052443C414E59544F574E3C4D4E3C3535313030A24F5F500832303032303331355F510D42524F574E3C3C4D4152593C4A5F520B3134313535353531"
    "3231325F5323343920524544574F4F44204C4E3C4F4345414E20425245455A453C43413C3934303030"
)

PERSONAL = PersonalDetails(
    name=PersonName("ÉRIKSSON", "ANNA MARÍA"),
    other_names=(PersonName("SMITH", "ANNA"), PersonName("蔡文姬")),
    personal_number="7408122345",
    date_of_birth="19740812",
    place_of_birth=("STAD", "UTO"),
    address=("1 ROAD", "STAD"),
    telephone="1612",
    profession="NURSE",
    title="DR",
    summary="A SHORT TEXT",
    proof_of_citizenship=JPEG,
    other_documents=("D23145890", "D23145891"),
    custody="NONE",
)
ISSUING = IssuingDetails(
    issuing_authority="JAKARTA - AMBASSADE",
    date_of_issue="20170905",
    other_persons=(PersonName("SMITH", "BRENDA P"),),
    endorsements="OBSERVED",
    tax_or_exit_requirements="EXEMPT",
    front_image=JPEG,
    rear_image=JPEG,
    personalised_at="20161115013612",
    personalisation_system="M-4962",
)


def _dg11(*objects: tuple[int, bytes]) -> bytes:
    return encode_tlv(0x6B, b"".join(encode_tlv(tag, value) for tag, value in objects))


def test_the_standards_personal_details() -> None:
    details = parse_dg11(STANDARD_DG11)
    assert details == PersonalDetails(
        name=PersonName("SMITH", "JOHN J"),
        place_of_birth=("ANYTOWN", "MN"),
        address=("123 MAPLE RD", "ANYTOWN", "MN"),
        telephone="16125551212",
        profession="TRAVEL AGENT",
    )
    parses_or_refuses(parse_dg11, STANDARD_DG11)


def test_the_standards_persons_to_notify() -> None:
    smith, brown = parse_dg16(STANDARD_DG16)
    assert smith.name == PersonName("SMITH", "CHARLES R")
    assert smith.address == ("123 MAPLE RD", "ANYTOWN", "MN", "55100")
    assert (brown.recorded, brown.telephone) == ("20020315", "14155551212")
    assert encode_dg16((smith, brown)) == STANDARD_DG16
    parses_or_refuses(parse_dg16, STANDARD_DG16)


def test_what_is_encoded_is_read_again() -> None:
    assert parse_dg11(encode_dg11(PERSONAL)) == PERSONAL
    assert parse_dg12(encode_dg12(ISSUING)) == ISSUING
    assert parse_dg11(encode_dg11(PersonalDetails())) == PersonalDetails()
    parses_or_refuses(parse_dg11, encode_dg11(PERSONAL))
    parses_or_refuses(parse_dg12, encode_dg12(ISSUING))


def test_packed_dates() -> None:
    """Issued documents write dates as packed digits (JMRTD #88): four bytes, and seven for a time."""
    data = encode_dg12(ISSUING, packed_dates=True)
    assert encode_tlv(0x5F26, bytes.fromhex("20170905")) in data
    assert parse_dg12(data) == ISSUING
    assert parse_dg11(encode_dg11(PERSONAL, packed_dates=True)) == PERSONAL


@pytest.mark.parametrize(
    ("value", "date"),
    [
        (b"19740812", "19740812"),
        (bytes.fromhex("19740812"), "19740812"),
        (b"1974<<<<", "19740000"),
        (b"197408XX", "19740800"),
        (b"1974    ", "19740000"),
        (b"1974", "19740000"),
        (bytes.fromhex("19740000"), "19740000"),
    ],
)
def test_dates_as_issued(value: bytes, date: str) -> None:
    assert parse_date(value) == date


@pytest.mark.parametrize("value", [b"", b"740812", b"19741312", b"19740832", b"ABCDEFGH", b"\xff\xff\xff\xff", b"1974081\xb2"])
def test_what_is_no_date(value: bytes) -> None:
    with pytest.raises(ValueError, match="no date"):
        parse_date(value)
    if value:
        details = parse_dg11(_dg11((0x5F2B, value), (0x5F13, b"NURSE")))
        assert (details.date_of_birth, details.profession, details.unread) == ("", "NURSE", (0x5F2B,))


@pytest.mark.parametrize(
    ("value", "time"),
    [
        (b"20161115013612", "20161115013612"),
        (bytes.fromhex("20161115013612"), "20161115013612"),
        (b"20161115", "20161115"),
        (bytes.fromhex("20161115"), "20161115"),
        (b"20161115256000", ""),
        (b"2016111501361", ""),
    ],
)
def test_times_as_issued(value: bytes, time: str) -> None:
    details = parse_dg12(encode_tlv(0x6C, encode_tlv(0x5F55, value)))
    assert details.personalised_at == time
    assert details.unread == (() if time else (0x5F55,))


def test_empty_values_are_no_error() -> None:
    """JMRTD #87: issued documents hold objects without a value."""
    data = _dg11(*((tag, b"") for tag in (0x5F0E, 0x5F10, 0x5F2B, 0x5F11, 0x5F16)), (0xA0, b"\x02\x01\x00"))
    assert parse_dg11(data) == PersonalDetails()
    assert parse_dg16(encode_tlv(0x70, b"\x02\x01\x01\xa1\x00")) == (PersonToNotify(),)


def test_latin_text_and_characters_that_do_not_print() -> None:
    details = parse_dg11(
        _dg11((0x5F0E, "MÜLLER<<JÖRG".encode("latin-1")), (0x5F14, b"DR\x00\x00"), (0x5F13, "A\u202eB".encode()))
    )
    assert details.name == PersonName("MÜLLER", "JÖRG")
    assert (details.title, details.profession) == ("DR", "A B")


def test_names_outside_the_repeated_element_and_an_unknown_tag() -> None:
    details = parse_dg11(_dg11((0x5F0F, b"SMITH<<ANN"), (0x5F0F, b"<<"), (0x5F77, b"x")))
    assert details.other_names == (PersonName("SMITH", "ANN"),)
    assert details.unread == (0x5F77,)


def test_the_number_stated_does_not_count() -> None:
    """Issue gmrtd #323: a count from the chip reserves nothing; what is there is read, within limits."""
    names = encode_tlv(0x02, b"\x63") + encode_tlv(0x5F0F, b"A<<B")
    assert parse_dg11(_dg11((0xA0, names))).other_names == (PersonName("A", "B"),)
    assert len(parse_dg16(STANDARD_DG16.replace(b"\x02\x01\x02", b"\x02\x01\x0f", 1))) == 2


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        (parse_dg11, _dg11(*[(0x5F19, b"X")] * (MAX_ELEMENTS + 1))),
        (parse_dg11, _dg11((0xA0, encode_tlv(0x5F0F, b"X") * (MAX_REPEATED + 2)))),
        (parse_dg12, encode_tlv(0x6C, encode_tlv(0x5F19, b"X") + b"\x5f")),
        (parse_dg16, encode_tlv(0x70, encode_tlv(0xA1, b"") * (MAX_PERSONS + 1))),
        (parse_dg7, encode_tlv(0x67, encode_tlv(0x5F43, JPEG) * (MAX_IMAGES + 1))),
        (parse_dg7, encode_tlv(0x67, encode_tlv(0x5F43, bytes(MAX_IMAGE_BYTES + 1)))),
        (parse_dg8, encode_tlv(0x68, encode_tlv(0xA1, b"x"))),
        (parse_dg8, encode_tlv(0x68, b"\x02\x01\x01" + encode_tlv(0xA1, b"x") * (MAX_TEMPLATES + 1))),
        (parse_dg13, encode_tlv(0x6B, b"")),
    ],
)
def test_beyond_the_limits(parse: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse(data)


def test_one_value_beyond_its_limit_costs_only_itself() -> None:
    long = b"X" * (MAX_TEXT_BYTES + 1)
    data = _dg11(
        (0x5F0E, long), (0x5F15, long), (0x5F11, b"A<" * (MAX_PARTS + 1)), (0x5F16, bytes(MAX_IMAGE_BYTES + 1)), (0x5F14, b"DR")
    )
    details = parse_dg11(data)
    assert details.title == "DR"
    assert set(details.unread) == {0x5F0E, 0x5F15, 0x5F11, 0x5F16}


def test_encoding_beyond_the_limits() -> None:
    with pytest.raises(MalformedData):
        encode_dg11(PersonalDetails(other_names=(PersonName("A"),) * (MAX_REPEATED + 1)))
    with pytest.raises(MalformedData):
        encode_date("1974-8-12")
    with pytest.raises(MalformedData):
        encode_dg16((PersonToNotify(),) * (MAX_PERSONS + 1))
    with pytest.raises(MalformedData):
        encode_displayed_images(ElementaryFile.DG2, [JPEG])
    with pytest.raises(MalformedData):
        encode_features(ElementaryFile.DG8, [b""] * (MAX_TEMPLATES + 1))


def test_displayed_images() -> None:
    """A signature with an Exif header is a JPEG too (gmrtd #94); an unknown format is marked, not fatal."""
    data = encode_displayed_images(ElementaryFile.DG7, [JPEG, b"GIF89a"])
    assert parse_dg7(data) == (DisplayedImage(JPEG, ImageFormat.JPEG), DisplayedImage(b"GIF89a", None))
    parses_or_refuses(parse_dg7, data)
    for file, parse in ((ElementaryFile.DG5, parse_dg5), (ElementaryFile.DG6, parse_dg6)):
        assert parse(encode_displayed_images(file, [JPEG])) == (DisplayedImage(JPEG, ImageFormat.JPEG),)


@pytest.mark.parametrize(
    ("file", "parse"), [(ElementaryFile.DG8, parse_dg8), (ElementaryFile.DG9, parse_dg9), (ElementaryFile.DG10, parse_dg10)]
)
def test_features_are_carried(file: ElementaryFile, parse: Callable[[bytes], object]) -> None:
    data = encode_features(file, [b"one", b"two"])
    assert parse(data) == FeatureTemplates(2, (b"one", b"two"))
    parses_or_refuses(parse, data)


def test_optional_details_are_carried() -> None:
    assert parse_dg13(encode_dg13(b"\x80\x01a")) == OptionalDetails(b"\x80\x01a", (0x80,))
    assert parse_dg13(encode_dg13(b"own form")) == OptionalDetails(b"own form", ())


FILES = {
    ElementaryFile.DG5: encode_displayed_images(ElementaryFile.DG5, [JPEG]),
    ElementaryFile.DG7: encode_displayed_images(ElementaryFile.DG7, [JPEG]),
    ElementaryFile.DG11: encode_dg11(PERSONAL),
    ElementaryFile.DG12: encode_dg12(ISSUING),
    ElementaryFile.DG13: encode_dg13(b"own form"),
    ElementaryFile.DG16: STANDARD_DG16,
}


def test_what_an_officer_may_see() -> None:
    details = document_details(FILES)
    assert (details.personal, details.issuing, details.malformed) == (PERSONAL, ISSUING, ())
    assert (len(details.portraits), len(details.signatures), len(details.persons_to_notify)) == (1, 1, 2)
    pairs = summary(details)
    assert pairs[0] == ("name", "ÉRIKSSON, ANNA MARÍA")
    assert ("other_name", "蔡文姬") in pairs
    assert ("issuing_authority", "JAKARTA - AMBASSADE") in pairs
    assert ("person_to_notify", "SMITH, CHARLES R") in pairs
    assert all(value for _, value in pairs)


@pytest.mark.parametrize("file", list(FILES))
def test_a_malformed_group_is_named_and_the_rest_is_shown(file: ElementaryFile) -> None:
    details = document_details(FILES | {file: b"\x00\x05\xff"})
    assert details.malformed == (file,)
    others = {ElementaryFile.DG11: details.personal, ElementaryFile.DG12: details.issuing} | {}
    assert all(value is not None for key, value in others.items() if key is not file)


def test_a_chip_without_optional_groups() -> None:
    assert document_details({}) == DocumentDetails()
    assert summary(DocumentDetails()) == ()


def test_nothing_personal_in_a_repr() -> None:
    shown = repr(document_details(FILES)) + repr(PERSONAL) + repr(ISSUING) + repr(parse_dg16(STANDARD_DG16))
    for word in ("RIKSSON", "7408", "STAD", "JAKARTA", "SMITH", "1612", "OBSERVED", "ffd8", "\\xff\\xd8", "own form"):
        assert word not in shown
