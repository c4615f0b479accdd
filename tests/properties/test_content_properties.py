"""Properties of the data groups: what is encoded is read again, and bytes from outside give a value or MalformedData."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData
from egate.model.face import FaceReference, ImageFormat
from egate.mrtd.files.atr_info import AtrInfo, encode_atr_info, parse_atr_info
from egate.mrtd.files.directory import Application, encode_dir, parse_dir
from egate.mrtd.files.face_record import encode_faces, parse_face_records, parse_faces
from egate.mrtd.files.groups.displayed_images import encode_displayed_images, parse_dg5, parse_dg6, parse_dg7
from egate.mrtd.files.groups.document_details import IssuingDetails, encode_dg12, parse_dg12
from egate.mrtd.files.groups.elements import PersonName
from egate.mrtd.files.groups.face_blocks import parse_face_blocks
from egate.mrtd.files.groups.fingers import (
    FingerImage,
    FingerRecord,
    encode_dg3,
    parse_dg3,
    parse_dg4,
    parse_finger_record,
)
from egate.mrtd.files.groups.officer import document_details, summary
from egate.mrtd.files.groups.opaque import encode_dg13, encode_features, parse_dg8, parse_dg9, parse_dg10, parse_dg13
from egate.mrtd.files.groups.personal_details import PersonalDetails, encode_dg11, parse_dg11
from egate.mrtd.files.groups.persons_to_notify import PersonToNotify, encode_dg16, parse_dg16
from egate.mrtd.files.tlv import encode_tlv, parse_padded_tlvs, parse_tlvs

SEEDED = settings(max_examples=80, derandomize=True, deadline=None)
LETTERS = "ABCXYZÄÉÑø蔡0129-'./"
WORDS = st.text(LETTERS, min_size=1, max_size=12)
TEXTS = st.lists(WORDS, max_size=3).map(" ".join)
PARTS = st.lists(WORDS, max_size=4).map(tuple)
NAMES = st.builds(PersonName, st.lists(WORDS, min_size=1, max_size=3).map(" ".join), TEXTS)
DATES = st.dates().map(lambda day: f"{day.year:04}{day.month:02}{day.day:02}") | st.just("")
TIMES = DATES | st.datetimes().map(lambda at: f"{at.year:04}{at.month:02}{at.day:02}{at.hour:02}{at.minute:02}{at.second:02}")
IMAGES = st.binary(max_size=20).map(lambda rest: b"\xff\xd8\xff" + rest)
PERSONAL = st.builds(
    PersonalDetails,
    name=st.none() | NAMES,
    other_names=st.lists(NAMES, max_size=4).map(tuple),
    personal_number=TEXTS,
    date_of_birth=DATES,
    place_of_birth=PARTS,
    address=PARTS,
    telephone=TEXTS,
    profession=TEXTS,
    title=TEXTS,
    summary=TEXTS,
    proof_of_citizenship=IMAGES,
    other_documents=PARTS,
    custody=TEXTS,
    unread=st.just(()),
)
ISSUING = st.builds(
    IssuingDetails,
    issuing_authority=TEXTS,
    date_of_issue=DATES,
    other_persons=st.lists(NAMES, max_size=4).map(tuple),
    endorsements=TEXTS,
    tax_or_exit_requirements=TEXTS,
    front_image=IMAGES,
    rear_image=IMAGES,
    personalised_at=TIMES,
    personalisation_system=TEXTS,
    unread=st.just(()),
)
PERSONS = st.lists(st.builds(PersonToNotify, DATES, st.none() | NAMES, TEXTS, PARTS, st.just(())), max_size=5).map(tuple)
BYTE, WORD = st.integers(0, 255), st.integers(0, 65_535)
FINGERS = st.builds(FingerImage, BYTE, BYTE, BYTE, WORD, WORD, st.binary(min_size=1, max_size=40), BYTE, BYTE)
RECORDS = st.builds(
    FingerRecord,
    BYTE,
    st.lists(FINGERS, min_size=1, max_size=4).map(tuple),
    BYTE,
    st.tuples(WORD, WORD),
    st.tuples(WORD, WORD),
    BYTE,
    WORD,
    WORD,
)


@SEEDED
@given(PERSONAL, st.booleans())
def test_personal_details(details: PersonalDetails, packed: bool) -> None:
    assert parse_dg11(encode_dg11(details, packed_dates=packed)) == details


@SEEDED
@given(ISSUING, st.booleans())
def test_issuing_details(details: IssuingDetails, packed: bool) -> None:
    assert parse_dg12(encode_dg12(details, packed_dates=packed)) == details


@SEEDED
@given(PERSONS)
def test_persons_to_notify(persons: tuple[PersonToNotify, ...]) -> None:
    assert parse_dg16(encode_dg16(persons)) == persons


@SEEDED
@given(st.lists(RECORDS, max_size=3).map(tuple))
def test_fingers(records: tuple[FingerRecord, ...]) -> None:
    group = parse_dg3(encode_dg3(records))
    assert (group.records, group.unread) == (records, 0)


@SEEDED
@given(st.lists(st.tuples(IMAGES, WORD, WORD), min_size=1, max_size=4))
def test_faces(faces: list[tuple[bytes, int, int]]) -> None:
    references = [FaceReference(image, ImageFormat.JPEG, width, height) for image, width, height in faces]
    assert [face.reference for face in parse_faces(encode_faces(references)).faces] == references


@SEEDED
@given(st.booleans(), st.integers(1, 65_546), st.integers(1, 65_546), st.booleans())
def test_transport(extended: bool, command: int, response: int, chaining: bool) -> None:
    info = AtrInfo(extended or command > 261, command, response, chaining)
    assert parse_atr_info(encode_atr_info(info)) == info


@SEEDED
@given(st.lists(st.builds(Application, st.binary(min_size=1, max_size=16), TEXTS), max_size=5).map(tuple))
def test_directories(applications: tuple[Application, ...]) -> None:
    assert parse_dir(encode_dir(applications)) == applications


@SEEDED
@given(st.lists(st.tuples(st.sampled_from([0x02, 0x5F1F, 0x7F61, 0xA0]), st.binary(max_size=300)), max_size=6), st.data())
def test_objects_whole_cut_and_with_a_tail(objects: list[tuple[int, bytes]], data: st.DataObject) -> None:
    """A cut is never mistaken for the whole: it is malformed or a shorter list of whole objects."""
    encoded = [encode_tlv(tag, value) for tag, value in objects]
    whole = b"".join(encoded)
    assert [(item.tag, item.value) for item in parse_tlvs(whole, "test")] == objects
    assert parse_padded_tlvs(whole + bytes(3), "test") == parse_tlvs(whole, "test")
    cut = data.draw(st.integers(0, len(whole)))
    ends = {sum(map(len, encoded[:count])) for count in range(len(encoded) + 1)}
    if cut in ends:
        assert len(parse_tlvs(whole[:cut], "test")) <= len(objects)
    else:
        with pytest.raises(MalformedData):
            parse_tlvs(whole[:cut], "test")


SAMPLES: list[tuple[Callable[[bytes], object], bytes]] = [
    (parse_atr_info, encode_atr_info(AtrInfo(True, 1454, 1024, True))),
    (parse_dir, encode_dir([Application(bytes.fromhex("A0000002471001"), "eMRTD")])),
    (parse_dg3, encode_dg3([FingerRecord(2, (FingerImage(1, 0, 90, 3, 4, b"ab"), FingerImage(2, 0, 90, 3, 4, b"cd")))])),
    (parse_dg4, encode_tlv(0x76, encode_tlv(0x7F61, encode_tlv(0x7F60, encode_tlv(0x5F2E, b"iris"))))),
    (parse_dg5, encode_displayed_images(ElementaryFile.DG5, [b"\xff\xd8\xff"])),
    (parse_dg6, encode_displayed_images(ElementaryFile.DG6, [b"\xff\xd8\xff"])),
    (parse_dg7, encode_displayed_images(ElementaryFile.DG7, [b"\xff\xd8\xff", b"x"])),
    (parse_dg8, encode_features(ElementaryFile.DG8, [b"one"])),
    (parse_dg9, encode_features(ElementaryFile.DG9, [b"one"])),
    (parse_dg10, encode_features(ElementaryFile.DG10, [b"one"])),
    (parse_dg11, encode_dg11(PersonalDetails(PersonName("A", "B"), (PersonName("C"),), "1", "19740812", ("D", "E")))),
    (parse_dg12, encode_dg12(IssuingDetails("A", "20200101", (PersonName("C"),), personalised_at="20200101010101"))),
    (parse_dg13, encode_dg13(b"\x80\x01a")),
    (parse_dg16, encode_dg16([PersonToNotify("20200101", PersonName("A", "B"), "1", ("C", "D"))])),
    (parse_faces, encode_faces([FaceReference(b"\xff\xd8\xff\xe0", ImageFormat.JPEG, 4, 5)] * 2)),
    (
        parse_face_records,
        b"FAC\x00010\x00" + bytes.fromhex("00000036000100000028") + bytes(16) + b"\x01" + bytes(11) + b"\xff\xd8\xff" + bytes(5),
    ),
    (parse_finger_record, encode_dg3([FingerRecord(2, (FingerImage(1, 0, 90, 3, 4, b"ab"),))])[-48:]),
    (parse_face_blocks, encode_tlv(0xA1, encode_tlv(0x65, encode_tlv(0xA1, encode_tlv(0x30, encode_tlv(0xA1, b"")))))),
]


@pytest.mark.parametrize(("parse", "sample"), SAMPLES, ids=lambda value: getattr(value, "__name__", ""))
@SEEDED
@given(data=st.data())
def test_a_value_or_malformed(parse: Callable[[bytes], object], sample: bytes, data: st.DataObject) -> None:
    """Damaged samples and noise; also what an officer would see of them never raises."""
    damaged = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    for given_bytes in (
        bytes(damaged[: data.draw(st.integers(0, len(damaged)))]),
        bytes(damaged),
        data.draw(st.binary(max_size=60)),
    ):
        with suppress(MalformedData):
            parse(given_bytes)
        files = {ElementaryFile[f"DG{number}"]: given_bytes for number in (5, 7, 11, 12, 13, 16)}
        summary(document_details(files))
