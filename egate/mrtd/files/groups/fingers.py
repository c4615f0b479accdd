"""DG3 (fingers) and DG4 (irises): read after terminal authentication by agencies that have the right to.

Sources: ICAO Doc 9303-10 §4.7.3, §4.7.4, ISO/IEC 19794-4:2005 §7 (finger image record). Rule: images are carried, never decoded
here; records of another format keep their envelope and are counted as unread, so nothing is silently lost. Iris records are
carried whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from egate.model.errors import MalformedData
from egate.mrtd.files.groups.biometrics import (
    BiometricHeader,
    BiometricTemplate,
    encode_biometric_group,
    parse_biometric_group,
)

MAX_DG3_BYTES = 1_048_576
"""Two fingers of WSQ or JPEG 2000 take about 30 kB; ten uncompressed ones stay below 1 MiB."""
MAX_FINGERS = 24
"""Views in one record: ten fingers, the slaps, palms and more."""

_DG3, _DG4 = 0x63, 0x76
_MAGIC = b"FIR\x00"
_VERSION = b"010\x00"
_RECORD_HEADER_BYTES, _FINGER_HEADER_BYTES = 32, 14
_HEADER = BiometricHeader(kind=0x08, format_owner=0x0101, format_type=0x0007)
_SUBTYPES = {1: 0x05, 2: 0x09, 3: 0x0D, 4: 0x11, 5: 0x15, 6: 0x06, 7: 0x0A, 8: 0x0E, 9: 0x12, 10: 0x16}
"""Finger position → CBEFF subtype: bits for the hand and the finger (ISO/IEC 19785-3)."""


class FingerPosition(IntEnum):
    """Which finger, by ISO/IEC 19794-4 table 5; other codes (slaps, palms) stay numbers."""

    UNKNOWN = 0
    RIGHT_THUMB = 1
    RIGHT_INDEX = 2
    RIGHT_MIDDLE = 3
    RIGHT_RING = 4
    RIGHT_LITTLE = 5
    LEFT_THUMB = 6
    LEFT_INDEX = 7
    LEFT_MIDDLE = 8
    LEFT_RING = 9
    LEFT_LITTLE = 10


class FingerCompression(IntEnum):
    """How finger images are encoded (ISO/IEC 19794-4 table 3)."""

    UNCOMPRESSED = 0
    PACKED = 1
    WSQ = 2
    JPEG = 3
    JPEG2000 = 4
    PNG = 5


@dataclass(frozen=True, slots=True)
class FingerImage:
    """One view of a finger: position code, impression code, quality (0…100, 254 undefined), size in pixels, encoded image."""

    position: int
    impression: int
    quality: int
    width: int
    height: int
    image: bytes = field(repr=False)
    views: int = 1
    view: int = 1


@dataclass(frozen=True, slots=True)
class FingerRecord:
    """A finger image record. `scale_units` 1: resolutions are in pixels per inch, 2: per centimetre; `depth` in bits."""

    compression: int
    fingers: tuple[FingerImage, ...]
    scale_units: int = 1
    capture_resolution: tuple[int, int] = (500, 500)
    image_resolution: tuple[int, int] = (500, 500)
    depth: int = 8
    device: int = 0
    acquisition_level: int = 31


@dataclass(frozen=True, slots=True)
class FingerGroup:
    """DG3: the records that could be read, and how many templates have another format."""

    records: tuple[FingerRecord, ...]
    unread: int = 0


def parse_dg3(data: bytes) -> FingerGroup:
    """DG3, the whole file; raises MalformedData."""
    doing = "parsing DG3"
    if len(data) > MAX_DG3_BYTES:
        raise MalformedData(doing, "the file is larger than its limit")
    blocks = [template.block for template in parse_biometric_group(data, _DG3, doing)]
    records = tuple(parse_finger_record(block) for block in blocks if block.startswith(_MAGIC))
    return FingerGroup(records, len(blocks) - len(records))


def parse_dg4(data: bytes) -> tuple[BiometricTemplate, ...]:
    """DG4, the whole file: iris templates with their headers; raises MalformedData."""
    if len(data) > MAX_DG3_BYTES:
        raise MalformedData("parsing DG4", "the file is larger than its limit")
    return parse_biometric_group(data, _DG4, "parsing DG4")


def parse_finger_record(record: bytes) -> FingerRecord:
    """One ISO/IEC 19794-4:2005 record; raises MalformedData."""
    doing = "parsing a finger record"
    if not record.startswith(_MAGIC) or len(record) < _RECORD_HEADER_BYTES:
        raise MalformedData(doing, "no finger record")
    if _number(record, 8, 6) > len(record):
        raise MalformedData(doing, "the record is cut off")
    count = record[18]
    if not 1 <= count <= MAX_FINGERS:
        raise MalformedData(doing, "no finger, or too many")
    position, fingers = _RECORD_HEADER_BYTES, []
    for _ in range(count):
        finger, position = _finger(record, position, doing)
        fingers.append(finger)
    horizontal, vertical, image_horizontal, image_vertical = (_number(record, at, 2) for at in (20, 22, 24, 26))
    return FingerRecord(
        record[29],
        tuple(fingers),
        record[19],
        (horizontal, vertical),
        (image_horizontal, image_vertical),
        record[28],
        _number(record, 14, 2),
        _number(record, 16, 2),
    )


def _finger(record: bytes, start: int, doing: str) -> tuple[FingerImage, int]:
    length = _number(record, start, 4)
    if len(record) < start + _FINGER_HEADER_BYTES or not _FINGER_HEADER_BYTES < length <= len(record) - start:
        raise MalformedData(doing, "a finger's length does not fit the record")
    position, views, view, quality, impression = record[start + 4 : start + 9]
    width, height = _number(record, start + 9, 2), _number(record, start + 11, 2)
    image = record[start + _FINGER_HEADER_BYTES : start + length]
    return FingerImage(position, impression, quality, width, height, image, views, view), start + length


def _number(data: bytes, start: int, size: int) -> int:
    return int.from_bytes(data[start : start + size], "big")


def encode_dg3(records: Sequence[FingerRecord]) -> bytes:
    """DG3 with one template for each record; raises MalformedData for too many or too large ones."""
    templates = [BiometricTemplate(_header_of(record), encode_finger_record(record)) for record in records]
    encoded = encode_biometric_group(_DG3, templates)
    if len(encoded) > MAX_DG3_BYTES:
        raise MalformedData("encoding DG3", "the images are too large")
    return encoded


def _header_of(record: FingerRecord) -> BiometricHeader:
    """The header names the finger where the record holds one."""
    subtype = _SUBTYPES.get(record.fingers[0].position, 0) if len(record.fingers) == 1 else 0
    return BiometricHeader(_HEADER.kind, subtype, _HEADER.format_owner, _HEADER.format_type)


def encode_finger_record(record: FingerRecord) -> bytes:
    """One ISO/IEC 19794-4:2005 record; raises MalformedData for no finger or too many."""
    if not 1 <= len(record.fingers) <= MAX_FINGERS:
        raise MalformedData("encoding a finger record", "no finger, or too many")
    fingers = b"".join(_encode_finger(finger) for finger in record.fingers)
    resolutions = (*record.capture_resolution, *record.image_resolution)
    return b"".join(
        (
            _MAGIC,
            _VERSION,
            (_RECORD_HEADER_BYTES + len(fingers)).to_bytes(6, "big"),
            record.device.to_bytes(2, "big"),
            record.acquisition_level.to_bytes(2, "big"),
            bytes((len(record.fingers), record.scale_units)),
            *(figure.to_bytes(2, "big") for figure in resolutions),
            bytes((record.depth, record.compression, 0, 0)),
            fingers,
        )
    )


def _encode_finger(finger: FingerImage) -> bytes:
    length = (_FINGER_HEADER_BYTES + len(finger.image)).to_bytes(4, "big")
    codes = bytes((finger.position, finger.views, finger.view, finger.quality, finger.impression))
    return length + codes + finger.width.to_bytes(2, "big") + finger.height.to_bytes(2, "big") + b"\x00" + finger.image
