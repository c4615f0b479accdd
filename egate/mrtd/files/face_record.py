"""DG2: the face images of the holder, from the biometric templates of the chip.

Sources: ICAO Doc 9303-10 §4.7.2 (DG2), ISO/IEC 19794-5:2005 §5 (face record); ISO/IEC 39794-5 lies in `groups.face_blocks`.
Rules: the image format is what the first bytes of the image say, because issued documents declare JPEG 2000 while carrying JPEG
and carry bare codestreams. Lengths and counts that are a little off are read and noted, because passports of the United Kingdom
and New Zealand were issued so (gmrtd #102) and others state feature points that are not there (rgex #1); lengths that are far off
are malformed. Pixels are never decoded here.
"""

from __future__ import annotations

from egate.model.errors import MalformedData
from egate.model.face import FaceReference, ImageFormat
from egate.mrtd.files.groups.biometrics import (
    BiometricHeader,
    BiometricTemplate,
    encode_biometric_group,
    parse_biometric_group,
)
from egate.mrtd.files.groups.face_blocks import parse_face_blocks
from egate.mrtd.files.groups.faces import FaceDetails, FaceGroup, FaceImage, RecordDeviation, RecordStandard, word
from egate.mrtd.files.groups.images import find_format, image_format

__all__ = [
    "encode_dg2",
    "encode_faces",
    "image_format",
    "parse_dg2",
    "parse_extensible_record",
    "parse_face_record",
    "parse_face_records",
    "parse_faces",
]

MAX_DG2_BYTES = 131_072
"""Doc 9303 recommends 15–20 kB for the image; the largest seen in the field are below 64 kB."""
MAX_FEATURE_POINTS = 512
"""ISO/IEC 19794-5 names fewer than 100 feature points; more is a lie about a length."""
MAX_FACES = 16
"""Face images in one record; documents carry one."""
MAX_DISCREPANCY_BYTES = 8
"""How far a length may be off in issued passports (gmrtd #102)."""

_DOING = "parsing DG2"
_DG2 = 0x75
_RECORD_HEADER_BYTES, _FACE_HEADER_BYTES, _POINT_BYTES, _IMAGE_HEADER_BYTES = 14, 20, 8, 12
_HEADER = BiometricHeader(kind=0x02, format_owner=0x0101, format_type=0x0008)
"""Facial features, no subtype, format owner ISO/IEC JTC 1/SC 37, format type of the face record."""
_KINDS = ("basic", "full frontal", "token frontal")
_COLOUR_SPACES = ("unspecified", "RGB 24 bit", "YUV 4:2:2", "grey 8 bit", "other")
_SOURCES = (
    "unspecified",
    "photograph from an unknown source",
    "photograph from a digital camera",
    "photograph from a scanner",
    "video frame from an unknown source",
    "video frame from an analogue camera",
    "video frame from a digital camera",
    "unknown",
)


def parse_dg2(data: bytes) -> FaceReference:
    """The first face image of DG2 that can be read, the whole file with its tag; raises MalformedData."""
    return parse_faces(data).faces[0].reference


def parse_faces(data: bytes) -> FaceGroup:
    """Every face image of DG2, the whole file with its tag; raises MalformedData when none can be read."""
    if len(data) > MAX_DG2_BYTES:
        raise MalformedData(_DOING, "the file is larger than its limit")
    faces: list[FaceImage] = []
    problem = MalformedData(_DOING, "no biometric data block")
    unread = 0
    for template in parse_biometric_group(data, _DG2, _DOING):
        try:
            faces += _faces(template.block)
        except MalformedData as error:
            problem, unread = error, unread + 1
    if not faces:
        raise problem
    return FaceGroup(tuple(faces), unread)


def _faces(block: bytes) -> tuple[FaceImage, ...]:
    """Either record may come in either data object: the first bytes decide."""
    return parse_face_records(block) if block.startswith(b"FAC\x00") else parse_face_blocks(block)


def parse_face_record(record: bytes) -> FaceReference:
    """The first image of an ISO/IEC 19794-5:2005 record; raises MalformedData."""
    return parse_face_records(record)[0].reference


def parse_extensible_record(block: bytes) -> FaceReference:
    """The first image of an ISO/IEC 39794-5 record in the ICAO profile (width and height 0: not stated); raises MalformedData."""
    return parse_face_blocks(block)[0].reference


def parse_face_records(record: bytes) -> tuple[FaceImage, ...]:
    """The images of an ISO/IEC 19794-5:2005 record; raises MalformedData."""
    if not record.startswith(b"FAC\x00") or len(record) < _RECORD_HEADER_BYTES:
        raise MalformedData(_DOING, "no face record")
    length, count = _number(record, 8, 4), _number(record, 12, 2)
    if length > len(record) + MAX_DISCREPANCY_BYTES or not 1 <= count <= MAX_FACES:
        raise MalformedData(_DOING, "the record is cut off, or holds no or too many faces")
    noted = () if length == len(record) else (RecordDeviation.RECORD_LENGTH,)
    faces: list[FaceImage] = []
    position = _RECORD_HEADER_BYTES
    for index in range(count):
        end, exact = _face_end(record, position, index == count - 1)
        faces.append(_face(record[position:end], noted if exact else (*noted, RecordDeviation.FACE_LENGTH)))
        position = end
    return tuple(faces)


def _face_end(record: bytes, position: int, last: bool) -> tuple[int, bool]:
    """Where a face ends, and whether its length says so. The last one may be off by a few bytes; then the record's end counts."""
    declared = position + _number(record, position, 4)
    if declared == len(record):
        return declared, True
    if last and abs(declared - len(record)) <= MAX_DISCREPANCY_BYTES:
        return len(record), False
    if declared > len(record) or declared < position + _FACE_HEADER_BYTES + _IMAGE_HEADER_BYTES:
        raise MalformedData(_DOING, "a length exceeds the record")
    return declared, True


def _face(face: bytes, noted: tuple[RecordDeviation, ...]) -> FaceImage:
    """One face: header, feature points, image header, image."""
    stated = _number(face, 4, 2)
    points = stated if stated <= MAX_FEATURE_POINTS and _image_at(face, stated) else _points_before_image(face)
    if points != stated:
        noted = (*noted, RecordDeviation.FEATURE_POINTS)
    start = _FACE_HEADER_BYTES + points * _POINT_BYTES
    kind, declared = _number(face, start, 1), _number(face, start + 1, 1)
    image = face[start + _IMAGE_HEADER_BYTES :]
    found = image_format(image)
    if declared != (0 if found is ImageFormat.JPEG else 1):
        noted = (*noted, RecordDeviation.DECLARED_FORMAT)
    details = FaceDetails(
        RecordStandard.FIXED,
        word(_KINDS, kind),
        word(_COLOUR_SPACES, _number(face, start + 6, 1)),
        word(_SOURCES, _number(face, start + 7, 1)),
        _number(face, start + 8, 2),
        _number(face, start + 10, 2) or None,
        points,
        noted,
    )
    return FaceImage(image, found, _number(face, start + 2, 2), _number(face, start + 4, 2), details)


def _image_at(face: bytes, points: int) -> ImageFormat | None:
    return find_format(face, _FACE_HEADER_BYTES + points * _POINT_BYTES + _IMAGE_HEADER_BYTES)


def _points_before_image(face: bytes) -> int:
    """How many feature points lie before the image, found by where an image begins; raises MalformedData when none does."""
    most = min(MAX_FEATURE_POINTS, len(face) // _POINT_BYTES)
    for points in range(most + 1):
        if _image_at(face, points):
            return points
    raise MalformedData(_DOING, "the image is neither JPEG nor JPEG 2000")


def _number(data: bytes, start: int, size: int) -> int:
    if start + size > len(data):
        raise MalformedData(_DOING, "the record ends early")
    return int.from_bytes(data[start : start + size], "big")


def encode_dg2(image: bytes, width: int, height: int, image_kind: ImageFormat) -> bytes:
    """DG2 with one ISO/IEC 19794-5 face record around an encoded image of `width` × `height` pixels.

    Raises MalformedData when the image is not what `image_kind` says or the file would exceed its limit.
    """
    if image_format(image) is not image_kind:
        raise MalformedData("encoding DG2", "the image is not of the format stated")
    return encode_faces([FaceReference(image, image_kind, width, height)])


def encode_faces(references: list[FaceReference]) -> bytes:
    """DG2 with one template for each image; raises MalformedData when the file would exceed its limit."""
    templates = [BiometricTemplate(_HEADER, _encode_record(reference)) for reference in references]
    encoded = encode_biometric_group(_DG2, templates)
    if len(encoded) > MAX_DG2_BYTES:
        raise MalformedData("encoding DG2", "the image is too large")
    return encoded


def _encode_record(reference: FaceReference) -> bytes:
    """A record with one full frontal colour image, nothing known of the person or the camera."""
    kind = b"\x01\x00" if reference.format is ImageFormat.JPEG else b"\x01\x01"
    image_header = kind + reference.width.to_bytes(2, "big") + reference.height.to_bytes(2, "big") + bytes.fromhex("010200000000")
    block = _FACE_HEADER_BYTES + _IMAGE_HEADER_BYTES + len(reference.image)
    face = block.to_bytes(4, "big") + bytes(_FACE_HEADER_BYTES - 4) + image_header + reference.image
    return b"FAC\x00010\x00" + (_RECORD_HEADER_BYTES + block).to_bytes(4, "big") + b"\x00\x01" + face
