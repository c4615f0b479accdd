"""Face records of ISO/IEC 39794-5:2019 in the ICAO application profile: extensible, in ASN.1.

Source: the profile's modules ID-ICAO-ISO-IEC-39794-1 and -5, edition 1. Rule: only the path to the image must be there; whatever
else is missing or unknown (the format is extensible) costs only that detail.
"""

from __future__ import annotations

from egate.model.errors import MalformedData
from egate.model.face import ImageFormat
from egate.mrtd.files.groups.faces import FaceDetails, FaceImage, RecordDeviation, RecordStandard, word
from egate.mrtd.files.groups.images import image_format
from egate.mrtd.files.tlv import child, parse_one, parse_tlvs

MAX_REPRESENTATIONS = 16
"""Face images in one record; the profile has exactly one."""

_DOING = "parsing DG2"
_BLOCK, _RECORD, _REPRESENTATIONS, _REPRESENTATION = 0xA1, 0x65, 0xA1, 0x30
_KINDS = ("MRTD",)
_COLOUR_SPACES = ("unknown", "other", "RGB 24 bit", "RGB 48 bit", "YUV 4:2:2", "grey 8 bit", "grey 16 bit")
_SOURCES = (
    "unknown",
    "photograph from an unknown source",
    "photograph from a digital camera",
    "photograph from a scanner",
    "video frame from an unknown source",
    "video frame from an analogue camera",
    "video frame from a digital camera",
)
_FORMATS = {2: ImageFormat.JPEG, 3: ImageFormat.JPEG2000, 4: ImageFormat.JPEG2000}


def parse_face_blocks(block: bytes) -> tuple[FaceImage, ...]:
    """The face images of one record; raises MalformedData when it holds none or the path to one is broken."""
    data = parse_one(block, _BLOCK, _DOING) if block.startswith(b"\xa1") else block
    representations = child(child(data, _RECORD, _DOING), _REPRESENTATIONS, _DOING)
    items = [item.value for item in parse_tlvs(representations, _DOING) if item.tag == _REPRESENTATION]
    if not 1 <= len(items) <= MAX_REPRESENTATIONS:
        raise MalformedData(_DOING, "no face image, or too many")
    return tuple(_face(item) for item in items)


def _face(representation: bytes) -> FaceImage:
    """The path imageRepresentation → base → imageRepresentation2DBlock: the image, what is said of it, and the camera."""
    two_dimensional = _descend(representation, 0xA1, 0xA0, 0xA0)
    image = child(two_dimensional, 0x80, _DOING)
    found = image_format(image)
    information = _optional(two_dimensional, 0xA1)
    size = _optional(information, 0xA7)
    declared = _FORMATS.get(_whole(information, 0xA0, 0x80) or 0)
    details = FaceDetails(
        RecordStandard.EXTENSIBLE,
        _word(_KINDS, _whole(information, 0xA1, 0xA1, 0x80)),
        _word(_COLOUR_SPACES, _whole(information, 0xA9, 0xA1, 0x80)),
        _word(_SOURCES, _whole(_optional(two_dimensional, 0xA2), 0xA1, 0xA1, 0x80)),
        quality=_whole(representation, 0xA3, 0x30, 0xA1, 0x80),
        feature_points=_count(representation, 0xA9),
        deviations=() if declared in (None, found) else (RecordDeviation.DECLARED_FORMAT,),
    )
    return FaceImage(image, found, _whole(size, 0x80) or 0, _whole(size, 0x81) or 0, details)


def _descend(data: bytes, *tags: int) -> bytes:
    for tag in tags:
        data = child(data, tag, _DOING)
    return data


def _optional(data: bytes, *tags: int) -> bytes:
    """The value below these tags, or nothing."""
    try:
        return _descend(data, *tags)
    except MalformedData:
        return b""


def _whole(data: bytes, *tags: int) -> int | None:
    """The whole number below these tags; None where it is missing or no number of at most four bytes."""
    value = _optional(data, *tags)
    return int.from_bytes(value, "big") if 1 <= len(value) <= 4 else None


def _count(data: bytes, tag: int) -> int:
    try:
        return sum(item.tag == 0x30 for item in parse_tlvs(_optional(data, tag), _DOING))
    except MalformedData:
        return 0


def _word(words: tuple[str, ...], code: int | None) -> str:
    return "unspecified" if code is None else word(words, code)
