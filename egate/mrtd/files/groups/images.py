"""What an encoded image is, by its first bytes. Rule: headers of records are not believed, and no pixel is decoded here."""

from __future__ import annotations

from egate.model.errors import MalformedData
from egate.model.face import ImageFormat

_MAGIC = (
    (b"\xff\xd8\xff", ImageFormat.JPEG),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", ImageFormat.JPEG2000),
    (b"\xff\x4f\xff\x51", ImageFormat.JPEG2000),
)


def find_format(data: bytes, start: int = 0) -> ImageFormat | None:
    """The format of the image that begins at `start`, or None when none does."""
    for magic, found in _MAGIC:
        if data.startswith(magic, start):
            return found
    return None


def image_format(image: bytes, doing: str = "parsing DG2") -> ImageFormat:
    """The format of an encoded image by its first bytes; raises MalformedData when it is neither JPEG nor JPEG 2000."""
    found = find_format(image)
    if found is None:
        raise MalformedData(doing, "the image is neither JPEG nor JPEG 2000")
    return found
