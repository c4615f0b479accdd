"""DG5 (displayed portrait), DG6 (reserved) and DG7 (displayed signature or usual mark): images for an officer's eyes.

Source: ICAO Doc 9303-10 §4.7.5 to §4.7.7. Rule: an image here is shown, never compared; one of an unknown format is kept and
marked, because the group is not wrong for it. Decoding happens where decoding is confined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData
from egate.model.face import ImageFormat
from egate.mrtd.files.groups.elements import MAX_IMAGE_BYTES
from egate.mrtd.files.groups.images import find_format
from egate.mrtd.files.tlv import encode_tlv, parse_one, parse_tlvs

MAX_IMAGES = 9
"""The standard counts them with one digit."""

_COUNT, _PORTRAIT, _RESERVED, _SIGNATURE = 0x02, 0x5F40, 0x5F42, 0x5F43
_IMAGE_TAGS = (_PORTRAIT, 0x5F41, _RESERVED, _SIGNATURE)
_GROUPS = {
    ElementaryFile.DG5: (0x65, _PORTRAIT),
    ElementaryFile.DG6: (0x66, _RESERVED),
    ElementaryFile.DG7: (0x67, _SIGNATURE),
}


@dataclass(frozen=True, slots=True)
class DisplayedImage:
    """An encoded image and its format by its first bytes; None for a format that travel documents do not use."""

    image: bytes = field(repr=False)
    format: ImageFormat | None


def parse_dg5(data: bytes) -> tuple[DisplayedImage, ...]:
    """DG5, displayed portraits; raises MalformedData."""
    return _parse(data, ElementaryFile.DG5)


def parse_dg6(data: bytes) -> tuple[DisplayedImage, ...]:
    """DG6, reserved, read as images where it holds such; raises MalformedData."""
    return _parse(data, ElementaryFile.DG6)


def parse_dg7(data: bytes) -> tuple[DisplayedImage, ...]:
    """DG7, displayed signatures or usual marks; raises MalformedData."""
    return _parse(data, ElementaryFile.DG7)


def _parse(data: bytes, file: ElementaryFile) -> tuple[DisplayedImage, ...]:
    doing = f"parsing {file.name}"
    tag, _ = _GROUPS[file]
    images = [item.value for item in parse_tlvs(parse_one(data, tag, doing), doing) if item.tag in _IMAGE_TAGS]
    if len(images) > MAX_IMAGES or any(len(image) > MAX_IMAGE_BYTES for image in images):
        raise MalformedData(doing, "too many or too large images")
    return tuple(DisplayedImage(image, find_format(image)) for image in images)


def encode_displayed_images(file: ElementaryFile, images: Sequence[bytes]) -> bytes:
    """DG5, DG6 or DG7 with these encoded images; raises MalformedData for another file or more images than it may count."""
    doing = f"encoding {file.name}"
    if file not in _GROUPS or len(images) > MAX_IMAGES:
        raise MalformedData(doing, "no group of displayed images, or too many of them")
    tag, image_tag = _GROUPS[file]
    objects = b"".join(encode_tlv(image_tag, image) for image in images)
    return encode_tlv(tag, encode_tlv(_COUNT, bytes((len(images),))) + objects)
