"""DG2 with several faces and with the errors of issued records, DG3 and DG4, and both face record standards."""

from __future__ import annotations

import pytest

from egate.model.errors import MalformedData
from egate.model.face import FaceReference, ImageFormat
from egate.mrtd.files.face_record import (
    MAX_DG2_BYTES,
    MAX_FACES,
    encode_faces,
    parse_dg2,
    parse_face_records,
    parse_faces,
)
from egate.mrtd.files.groups.biometrics import (
    MAX_TEMPLATES,
    BiometricHeader,
    BiometricTemplate,
    encode_biometric_group,
    parse_biometric_group,
)
from egate.mrtd.files.groups.face_blocks import MAX_REPRESENTATIONS, parse_face_blocks
from egate.mrtd.files.groups.faces import RecordDeviation, RecordStandard
from egate.mrtd.files.groups.fingers import (
    MAX_DG3_BYTES,
    MAX_FINGERS,
    FingerCompression,
    FingerImage,
    FingerPosition,
    FingerRecord,
    encode_dg3,
    encode_finger_record,
    parse_dg3,
    parse_dg4,
    parse_finger_record,
)
from egate.mrtd.files.tlv import encode_tlv
from tests.shared_data import shared_path
from tests.unit.mrtd.parsing import parses_or_refuses

JPEG = b"\xff\xd8\xff\xe0" + bytes(60)
STREAM = b"\xff\x4f\xff\x51" + bytes(60)
DOING = "testing"


def _face(image: bytes, points: int = 0, stated_points: int | None = None, *, off: int = 0, kind: int = 0) -> bytes:
    """One face of an ISO/IEC 19794-5 record, its length off by `off` bytes."""
    image_header = bytes((2, kind)) + (413).to_bytes(2, "big") + (531).to_bytes(2, "big") + bytes.fromhex("010312340050")
    body = (points if stated_points is None else stated_points).to_bytes(2, "big") + bytes(14) + bytes(8 * points)
    body += image_header + image
    return (len(body) + 4 + off).to_bytes(4, "big") + body


def _record(*faces: bytes, off: int = 0) -> bytes:
    body = b"".join(faces)
    return b"FAC\x00010\x00" + (14 + len(body) + off).to_bytes(4, "big") + len(faces).to_bytes(2, "big") + body


def _dg2(*blocks: bytes) -> bytes:
    return encode_biometric_group(0x75, [BiometricTemplate(BiometricHeader(2, 0, 0x0101, 8), block) for block in blocks])


def test_details_of_a_face() -> None:
    (face,) = parse_face_records(_record(_face(JPEG, points=3)))
    details = face.details
    assert (face.image, face.width, face.height) == (JPEG, 413, 531)
    assert (details.standard, details.image_kind) == (RecordStandard.FIXED, "token frontal")
    assert (details.colour_space, details.source) == ("RGB 24 bit", "photograph from a scanner")
    assert (details.device_type, details.quality, details.feature_points) == (0x1234, 0x50, 3)
    assert details.deviations == ()


def test_several_faces_in_one_record_and_in_several_templates() -> None:
    data = _dg2(_record(_face(JPEG, 2), _face(STREAM, kind=1)), _record(_face(JPEG)))
    group = parse_faces(data)
    assert [face.image for face in group.faces] == [JPEG, STREAM, JPEG]
    assert group.unread == 0
    assert parse_dg2(data) == FaceReference(JPEG, ImageFormat.JPEG, 413, 531)
    parses_or_refuses(parse_faces, data)


def test_faces_are_encoded_and_read_again() -> None:
    references = [FaceReference(JPEG, ImageFormat.JPEG, 413, 531), FaceReference(STREAM, ImageFormat.JPEG2000, 10, 20)]
    assert [face.reference for face in parse_faces(encode_faces(references)).faces] == references


def test_a_template_that_cannot_be_read_is_counted() -> None:
    group = parse_faces(_dg2(_record(_face(b"GIF89a" + bytes(60))), _record(_face(JPEG))))
    assert [face.image for face in group.faces] == [JPEG]
    assert group.unread == 1


@pytest.mark.parametrize("off", [-8, -1, 1, 8])
def test_lengths_that_are_a_little_off(off: int) -> None:
    """Passports of the United Kingdom and New Zealand (gmrtd #102): off by one to eight bytes; no byte of the image is lost."""
    (face,) = parse_face_records(_record(_face(JPEG, off=off), off=off))
    assert face.image == JPEG
    assert face.details.deviations == (RecordDeviation.RECORD_LENGTH, RecordDeviation.FACE_LENGTH)


@pytest.mark.parametrize(
    "record",
    [
        _record(_face(JPEG, off=9)),
        _record(_face(JPEG), off=9),
        _record(_face(JPEG, off=1), _face(JPEG)),
        _record(_face(JPEG, off=-90), _face(JPEG)),
        b"FAC\x00010\x00\x00\x00\x00\x10" + (MAX_FACES + 1).to_bytes(2, "big") + _face(JPEG) * (MAX_FACES + 1),
    ],
)
def test_lengths_and_counts_that_are_far_off(record: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_face_records(record)


@pytest.mark.parametrize("stated", [0, 1, 64, 65_535])
def test_feature_points_that_are_not_there(stated: int) -> None:
    """A Polish passport stated points that it does not carry (rgex #1): the image is where it begins."""
    (face,) = parse_face_records(_record(_face(JPEG, points=2, stated_points=stated)))
    assert (face.image, face.details.feature_points) == (JPEG, 2)
    assert face.details.deviations == (RecordDeviation.FEATURE_POINTS,)


def test_a_declared_format_that_is_wrong_is_noted() -> None:
    (face,) = parse_face_records(_record(_face(JPEG, kind=1)))
    assert face.format is ImageFormat.JPEG
    assert face.details.deviations == (RecordDeviation.DECLARED_FORMAT,)


def test_padding_after_the_image_stays_with_the_image() -> None:
    """AndyQ 2.3.1: zeros after the image; decoders pass over them."""
    (face,) = parse_face_records(_record(_face(STREAM + bytes(32), kind=1)))
    assert face.image == STREAM + bytes(32)


def _blocks(*images: bytes, information: bytes = b"", more: bytes = b"") -> bytes:
    representations = b"".join(
        encode_tlv(
            0x30,
            encode_tlv(0x80, b"\x00")
            + encode_tlv(0xA1, encode_tlv(0xA0, encode_tlv(0xA0, encode_tlv(0x80, image) + encode_tlv(0xA1, information))))
            + more,
        )
        for image in images
    )
    return encode_tlv(0xA1, encode_tlv(0x65, encode_tlv(0xA0, b"\x80\x01\x03") + encode_tlv(0xA1, representations)))


def test_details_of_an_extensible_record() -> None:
    size = encode_tlv(0xA7, b"\x80\x02\x02\x13\x81\x02\x01\x9d")
    colour = encode_tlv(0xA9, encode_tlv(0xA1, b"\x80\x01\x05"))
    form = encode_tlv(0xA0, b"\x80\x01\x03")
    quality = encode_tlv(0xA3, encode_tlv(0x30, encode_tlv(0xA0, b"") + encode_tlv(0xA1, b"\x80\x01\x63")))
    landmarks = encode_tlv(0xA9, encode_tlv(0x30, b"") * 2)
    (face,) = parse_face_blocks(_blocks(JPEG, information=form + size + colour, more=quality + landmarks))
    assert (face.width, face.height) == (531, 413)
    details = face.details
    assert (details.colour_space, details.quality, details.feature_points) == ("grey 8 bit", 99, 2)
    assert details.deviations == (RecordDeviation.DECLARED_FORMAT,)
    assert details.standard is RecordStandard.EXTENSIBLE


def test_several_images_and_broken_details_in_an_extensible_record() -> None:
    faces = parse_face_blocks(_blocks(JPEG, STREAM, information=b"\xa7\x05\x80", more=encode_tlv(0xA9, b"\x30\x09")))
    assert [(face.image, face.width, face.details.feature_points) for face in faces] == [(JPEG, 0, 0), (STREAM, 0, 0)]
    for bad in (_blocks(), _blocks(*[JPEG] * (MAX_REPRESENTATIONS + 1)), _blocks(b"GIF89a")):
        with pytest.raises(MalformedData):
            parse_face_blocks(bad)


@pytest.mark.parametrize("kept", [(0x5F2E, "simple"), (0x7F2E, "constructed")])
def test_either_record_in_either_data_object(kept: tuple[int, str]) -> None:
    for block in (_record(_face(JPEG)), _blocks(JPEG)):
        item = encode_tlv(0x7F60, encode_tlv(kept[0], block))
        assert parse_dg2(encode_tlv(0x75, encode_tlv(0x7F61, encode_tlv(0x02, b"\x01") + item))).image == JPEG


def test_real_files_state_their_details() -> None:
    data = shared_path("mrtd", "dg2", "emrtd_sim_dg2_jpeg.bin").read_bytes()
    (face,) = parse_faces(data).faces
    details = face.details
    assert (details.image_kind, details.source, details.quality) == ("full frontal", "photograph from a digital camera", 85)
    assert details.deviations == ()


def test_envelopes() -> None:
    header = BiometricHeader(2, 1, 0x0101, 8, "20260102030405")
    data = encode_biometric_group(0x75, [BiometricTemplate(header, b"block")])
    assert parse_biometric_group(data, 0x75, DOING) == (BiometricTemplate(header, b"block"),)
    empty = encode_tlv(0x63, encode_tlv(0x7F61, b"\x02\x01\x00") + encode_tlv(0x53, bytes(8)))
    assert parse_biometric_group(empty, 0x63, DOING) == (), "no finger was enrolled"
    without = encode_tlv(0x63, encode_tlv(0x7F61, encode_tlv(0x7F60, encode_tlv(0xA1, b""))))
    assert parse_biometric_group(without, 0x63, DOING) == ()
    many = encode_tlv(0x63, encode_tlv(0x7F61, encode_tlv(0x7F60, b"") * (MAX_TEMPLATES + 1)))
    for bad in (many, encode_tlv(0x63, b""), encode_tlv(0x63, encode_tlv(0x7F61, encode_tlv(0x7F60, b"\xa1\x05")))):
        with pytest.raises(MalformedData):
            parse_biometric_group(bad, 0x63, DOING)
    with pytest.raises(MalformedData):
        encode_biometric_group(0x63, [BiometricTemplate(header, b"")] * (MAX_TEMPLATES + 1))


FINGER = FingerImage(FingerPosition.RIGHT_INDEX, 0, 90, 300, 400, b"\xff\xa0" + bytes(80))
FINGERS = FingerRecord(FingerCompression.WSQ, (FINGER,))


def test_fingers() -> None:
    thumb = FingerImage(FingerPosition.LEFT_THUMB, 0, 254, 320, 420, b"\xff\xa0" + bytes(90))
    record = FingerRecord(FingerCompression.WSQ, (FINGER, thumb), 2, (197, 197), (196, 196), 8, 7, 30)
    assert parse_finger_record(encode_finger_record(record)) == record
    data = encode_dg3([FINGERS, record])
    group = parse_dg3(data)
    assert (group.records, group.unread) == ((FINGERS, record), 0)
    assert b"\x82\x01\x09" in data, "the header names the right index finger"
    parses_or_refuses(parse_dg3, data)
    assert "xff" not in repr(group)


def test_fingers_of_another_format_are_counted() -> None:
    templates = [BiometricTemplate(BiometricHeader(8), block) for block in (encode_finger_record(FINGERS), b"\x64\x00")]
    group = parse_dg3(encode_biometric_group(0x63, templates))
    assert (group.records, group.unread) == ((FINGERS,), 1)


def _changed(at: int, value: bytes) -> bytes:
    record = encode_finger_record(FINGERS)
    return record[:at] + value + record[at + len(value) :]


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"FIR\x00",
        b"FAC" + encode_finger_record(FINGERS)[3:],
        _changed(8, b"\x00\x00\x00\x00\xff\xff"),
        _changed(18, b"\x00"),
        _changed(18, b"\x02"),
        _changed(18, bytes((MAX_FINGERS + 1,))),
        _changed(32, b"\x7f\xff\xff\xff"),
        _changed(32, b"\x00\x00\x00\x0e"),
        _changed(8, bytes(6))[:40],
    ],
)
def test_finger_records_that_lie(record: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_finger_record(record)


def test_irises_are_carried() -> None:
    templates = (BiometricTemplate(BiometricHeader(0x10, 1, 0x0101, 9), b"IIR\x00010\x00"),)
    assert parse_dg4(encode_biometric_group(0x76, templates)) == templates


def test_files_beyond_their_limits() -> None:
    for parse in (parse_dg3, parse_dg4):
        with pytest.raises(MalformedData):
            parse(bytes(MAX_DG3_BYTES + 1))
    large = FingerImage(1, 0, 90, 1, 1, bytes(MAX_DG3_BYTES))
    for bad in (FingerRecord(0, ()), FingerRecord(0, (large,))):
        with pytest.raises(MalformedData):
            encode_dg3([bad])
    with pytest.raises(MalformedData):
        encode_faces([FaceReference(JPEG + bytes(MAX_DG2_BYTES), ImageFormat.JPEG, 1, 1)])
