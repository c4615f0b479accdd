"""DG2: the face image of the holder, from the biometric templates of the chip.

Sources: ICAO Doc 9303-10 §4.7.2 (DG2, CBEFF), ISO/IEC 19794-5:2005 §5 (face record), ISO/IEC 39794-5:2019 with its ICAO
application profile. Rule: the image format is what the first bytes of the image say, because issued documents declare JPEG 2000
while carrying JPEG and carry bare JPEG 2000 codestreams; an image that is neither is malformed. Pixels are never decoded here.
"""

from __future__ import annotations

from egate.model.errors import MalformedData
from egate.model.face import FaceReference, ImageFormat
from egate.mrtd.files.tlv import child, encode_tlv, parse_one, parse_tlvs

MAX_DG2_BYTES = 131_072
"""Doc 9303 recommends 15–20 kB for the image; the largest seen in the field are below 64 kB."""
MAX_FEATURE_POINTS = 512
"""ISO/IEC 19794-5 names fewer than 100 feature points; more is a lie about a length."""

_DOING = "parsing DG2"
_TEMPLATE, _GROUP, _ITEM, _HEADER_TAG = 0x75, 0x7F61, 0x7F60, 0xA1
_RECORD_HEADER_BYTES, _FACE_HEADER_BYTES, _POINT_BYTES, _IMAGE_HEADER_BYTES = 14, 20, 8, 12
_MAGIC = (
    (b"\xff\xd8\xff", ImageFormat.JPEG),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", ImageFormat.JPEG2000),
    (b"\xff\x4f\xff\x51", ImageFormat.JPEG2000),
)
_CBEFF_HEADER = bytes.fromhex("8101028201008702010188020008")
"""Facial features, no subtype, format owner ISO/IEC JTC 1/SC 37 (0101), format type 0008 (Doc 9303-10 table of DG2)."""


def parse_dg2(data: bytes) -> FaceReference:
    """The first face image of DG2, the whole file with its tag; raises MalformedData."""
    if len(data) > MAX_DG2_BYTES:
        raise MalformedData(_DOING, "the file is larger than its limit")
    group = parse_one(parse_one(data, _TEMPLATE, _DOING), _GROUP, _DOING)
    item = child(group, _ITEM, _DOING)
    for element in parse_tlvs(item, _DOING):
        if element.tag == 0x5F2E:
            return parse_face_record(element.value)
        if element.tag == 0x7F2E:
            return _parse_constructed(element.value)
    raise MalformedData(_DOING, "no biometric data block")


def _parse_constructed(block: bytes) -> FaceReference:
    """A block with the constructed tag: ISO/IEC 39794-5 begins with a data object, an older record with its name."""
    return parse_face_record(block) if block.startswith(b"FAC\x00") else parse_extensible_record(block)


def image_format(image: bytes) -> ImageFormat:
    """The format of an encoded image by its first bytes; raises MalformedData when it is neither JPEG nor JPEG 2000."""
    for magic, found in _MAGIC:
        if image.startswith(magic):
            return found
    raise MalformedData(_DOING, "the image is neither JPEG nor JPEG 2000")


def parse_face_record(record: bytes) -> FaceReference:
    """The first image of an ISO/IEC 19794-5:2005 record; raises MalformedData."""
    if not record.startswith(b"FAC\x00") or len(record) < _RECORD_HEADER_BYTES:
        raise MalformedData(_DOING, "no face record")
    if _number(record, 8, 4) > len(record) or _number(record, 12, 2) == 0:
        raise MalformedData(_DOING, "the record is cut off or holds no face")
    block_bytes = _number(record, 14, 4)
    points = _number(record, 18, 2)
    if points > MAX_FEATURE_POINTS or block_bytes > len(record) - _RECORD_HEADER_BYTES:
        raise MalformedData(_DOING, "a length exceeds the record")
    header = _RECORD_HEADER_BYTES + _FACE_HEADER_BYTES + points * _POINT_BYTES
    image = record[header + _IMAGE_HEADER_BYTES : _RECORD_HEADER_BYTES + block_bytes]
    return FaceReference(image, image_format(image), _number(record, header + 2, 2), _number(record, header + 4, 2))


def _number(data: bytes, start: int, size: int) -> int:
    if start + size > len(data):
        raise MalformedData(_DOING, "the record ends early")
    return int.from_bytes(data[start : start + size], "big")


def parse_extensible_record(block: bytes) -> FaceReference:
    """The first image of an ISO/IEC 39794-5 record in the ICAO profile (width and height 0: not stated); raises MalformedData.

    The path is FaceImageDataBlock → representationBlocks → first RepresentationBlock → imageRepresentation → base →
    imageRepresentation2DBlock → representationData2D.
    """
    data = parse_one(block, 0xA1, _DOING) if block.startswith(b"\xa1") else block
    for tag in (0x65, 0xA1, 0x30, 0xA1, 0xA0, 0xA0, 0x80):
        data = child(data, tag, _DOING)
    return FaceReference(data, image_format(data))


def encode_dg2(image: bytes, width: int, height: int, image_kind: ImageFormat) -> bytes:
    """DG2 with one ISO/IEC 19794-5 face record around an encoded image of `width` × `height` pixels.

    Raises MalformedData when the image is not what `image_kind` says or the file would exceed its limit.
    """
    if image_format(image) is not image_kind:
        raise MalformedData("encoding DG2", "the image is not of the format stated")
    image_header = b"\x01" + (b"\x00" if image_kind is ImageFormat.JPEG else b"\x01")
    image_header += width.to_bytes(2, "big") + height.to_bytes(2, "big") + bytes.fromhex("010200000000")
    block = _FACE_HEADER_BYTES + _IMAGE_HEADER_BYTES + len(image)
    face = block.to_bytes(4, "big") + bytes(_FACE_HEADER_BYTES - 4) + image_header + image
    record = b"FAC\x00010\x00" + (_RECORD_HEADER_BYTES + block).to_bytes(4, "big") + b"\x00\x01" + face
    item = encode_tlv(_HEADER_TAG, _CBEFF_HEADER) + encode_tlv(0x5F2E, record)
    encoded = encode_tlv(_TEMPLATE, encode_tlv(_GROUP, encode_tlv(0x02, b"\x01") + encode_tlv(_ITEM, item)))
    if len(encoded) > MAX_DG2_BYTES:
        raise MalformedData("encoding DG2", "the image is too large")
    return encoded
