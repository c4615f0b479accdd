"""DG2: ISO 19794-5 and 39794-5 records, whole, cut and with a tail."""

from __future__ import annotations

import pytest

from egate.model.errors import MalformedData
from egate.model.face import ImageFormat
from egate.mrtd.files.face_record import (
    MAX_DG2_BYTES,
    encode_dg2,
    image_format,
    parse_dg2,
    parse_extensible_record,
    parse_face_record,
)
from egate.mrtd.files.tlv import encode_tlv, parse_one
from tests.shared_data import shared_path
from tests.unit.mrtd.chip_reading import portrait
from tests.unit.mrtd.parsing import parses_or_refuses

JPEG = b"\xff\xd8\xff\xe0" + bytes(200)
CODESTREAM = b"\xff\x4f\xff\x51" + bytes(200)


@pytest.mark.parametrize(
    ("image", "kind"),
    [(JPEG, ImageFormat.JPEG), (CODESTREAM, ImageFormat.JPEG2000), (portrait(15_000), ImageFormat.JPEG2000)],
)
def test_round_trip(image: bytes, kind: ImageFormat) -> None:
    data = encode_dg2(image, 413, 531, kind)
    face = parse_dg2(data)
    assert (face.image, face.format, face.width, face.height) == (image, kind, 413, 531)
    parses_or_refuses(parse_dg2, data)


@pytest.mark.parametrize(
    ("parts", "kind", "width", "height"),
    [
        (("dg2", "persosim_erika_dg2_jp2.bin"), ImageFormat.JPEG2000, 337, 449),
        (("dg2", "emrtd_sim_dg2_jpeg.bin"), ImageFormat.JPEG, 480, 600),
        (("dg2", "ICAO_39794_5_AP_DG2_MandFields.dat"), ImageFormat.JPEG2000, 0, 0),
        (("sod_sets", "nl_loes2006", "ef0102.bin"), ImageFormat.JPEG2000, 449, 598),
    ],
)
def test_real_files(parts: tuple[str, ...], kind: ImageFormat, width: int, height: int) -> None:
    data = shared_path("mrtd", *parts).read_bytes()
    face = parse_dg2(data)
    assert (face.format, face.width, face.height) == (kind, width, height)
    assert len(face.image) > 0.9 * len(data)
    parses_or_refuses(parse_dg2, data)


def test_real_record_with_an_invalid_image() -> None:
    data = shared_path("mrtd", "dg2", "ISO19794_Test2_Data_InvalidImage.bin").read_bytes()
    with pytest.raises(MalformedData, match="neither JPEG"):
        parse_face_record(data)


def _record() -> bytes:
    group = parse_one(parse_one(encode_dg2(JPEG, 413, 531, ImageFormat.JPEG), 0x75, "t"), 0x7F61, "t")
    return parse_one(group[group.index(b"\x5f\x2e") :], 0x5F2E, "t")


def _changed(position: int, value: bytes) -> bytes:
    record = _record()
    return record[:position] + value + record[position + len(value) :]


def test_format_is_what_the_image_says() -> None:
    """Issued documents declare JPEG 2000 and carry JPEG: the declared type at byte 35 is not believed."""
    record = _changed(35, b"\x01")
    assert parse_face_record(record).format is ImageFormat.JPEG


def test_feature_points_lie_before_the_image() -> None:
    record = _record()
    points = bytes(16)
    block = (int.from_bytes(record[14:18], "big") + 16).to_bytes(4, "big")
    length = (len(record) + 16).to_bytes(4, "big")
    with_points = record[:8] + length + record[12:14] + block + b"\x00\x02" + record[20:34] + points + record[34:]
    face = parse_face_record(with_points)
    assert (face.image, face.width) == (JPEG, 413)


def test_more_feature_points_than_there_are() -> None:
    """The count is bounded even where the record is long enough for it."""
    record, points = _record(), bytes(8 * 513)
    block = (int.from_bytes(record[14:18], "big") + len(points)).to_bytes(4, "big")
    length = (len(record) + len(points)).to_bytes(4, "big")
    with pytest.raises(MalformedData):
        parse_face_record(record[:8] + length + record[12:14] + block + b"\x02\x01" + record[20:34] + points + record[34:])


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"FAC\x00",
        b"IIR\x00" + _record()[4:],
        _changed(8, b"\xff\xff\xff\xff"),
        _changed(12, b"\x00\x00"),
        _changed(14, b"\x7f\xff\xff\xff"),
        _changed(14, b"\x00\x00\x00\x10"),
        _record()[:20],
        b"FAC\x00010\x00\x00\x00\x00\x0e\x00\x01",
    ],
)
def test_records_that_lie_about_lengths(record: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_face_record(record)


def test_record_in_a_constructed_object() -> None:
    item = encode_tlv(0x7F60, encode_tlv(0xA1, b"\x81\x01\x02") + encode_tlv(0x7F2E, _record()))
    data = encode_tlv(0x75, encode_tlv(0x7F61, encode_tlv(0x02, b"\x01") + item))
    assert parse_dg2(data).image == JPEG


def test_no_data_block() -> None:
    item = encode_tlv(0x7F60, encode_tlv(0xA1, b"\x81\x01\x02"))
    with pytest.raises(MalformedData):
        parse_dg2(encode_tlv(0x75, encode_tlv(0x7F61, item)))


def test_extensible_record_without_an_image() -> None:
    with pytest.raises(MalformedData):
        parse_extensible_record(encode_tlv(0xA1, encode_tlv(0x65, encode_tlv(0xA0, b"\x80\x01\x03"))))


def test_too_large() -> None:
    with pytest.raises(MalformedData):
        parse_dg2(bytes(MAX_DG2_BYTES + 1))
    with pytest.raises(MalformedData):
        encode_dg2(JPEG + bytes(MAX_DG2_BYTES), 1, 1, ImageFormat.JPEG)


def test_encoding_another_format() -> None:
    with pytest.raises(MalformedData):
        encode_dg2(JPEG, 1, 1, ImageFormat.JPEG2000)
    with pytest.raises(MalformedData):
        image_format(b"GIF89a")


def test_no_image_in_the_repr() -> None:
    assert "image" not in repr(parse_face_record(_record()))
