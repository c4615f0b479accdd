"""What a face record says of an image, as values that an inspection record can report.

Words are those of ISO/IEC 19794-5:2005 §5 and ISO/IEC 39794-5:2019. Rule: nothing here describes the person (sex, eyes, hair are
in the records too and are not kept); the image itself never shows in a `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from egate.model.face import FaceReference, ImageFormat


class RecordStandard(Enum):
    """Which standard a face record follows."""

    FIXED = "ISO/IEC 19794-5"
    EXTENSIBLE = "ISO/IEC 39794-5"


class RecordDeviation(Enum):
    """What issued records say wrongly of themselves and what was read nevertheless."""

    RECORD_LENGTH = "record_length"
    FACE_LENGTH = "face_length"
    FEATURE_POINTS = "feature_points"
    DECLARED_FORMAT = "declared_format"


@dataclass(frozen=True, slots=True)
class FaceDetails:
    """The header of one face image.

    `quality` is the record's figure in its standard's own scale, None where it is not stated; `device_type` is the vendor's
    number; `feature_points` counts what the record carries. Words the standard does not know read `code N`.
    """

    standard: RecordStandard
    image_kind: str = "unspecified"
    colour_space: str = "unspecified"
    source: str = "unspecified"
    device_type: int = 0
    quality: int | None = None
    feature_points: int = 0
    deviations: tuple[RecordDeviation, ...] = ()


@dataclass(frozen=True, slots=True)
class FaceImage:
    """One face image with its header; width and height in pixels, 0 where the record does not state them."""

    image: bytes = field(repr=False)
    format: ImageFormat
    width: int
    height: int
    details: FaceDetails

    @property
    def reference(self) -> FaceReference:
        """The image as a reference to compare with."""
        return FaceReference(self.image, self.format, self.width, self.height)


@dataclass(frozen=True, slots=True)
class FaceGroup:
    """DG2: the face images that could be read, in the order of the file, and how many could not."""

    faces: tuple[FaceImage, ...]
    unread: int = 0


def word(words: tuple[str, ...], code: int) -> str:
    """The standard's word for a code."""
    return words[code] if code < len(words) else f"code {code}"
