"""DG8 to DG10 (data, structure and substance features) and DG13 (optional details): contents that each issuer defines.

Source: ICAO Doc 9303-10 §4.7.8 to §4.7.10, §4.7.13. Rule: the envelope is checked and counted, the contents are kept and never
interpreted, because no standard says what they mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData
from egate.mrtd.files.tlv import encode_tlv, parse_one, parse_tlvs

MAX_TEMPLATES = 15
"""The templates are numbered A1 to AF; the standard counts to nine."""

_COUNT, _FIRST_TEMPLATE = 0x02, 0xA1
_FEATURES = {ElementaryFile.DG8: 0x68, ElementaryFile.DG9: 0x69, ElementaryFile.DG10: 0x6A}
_DG13 = 0x6D


@dataclass(frozen=True, slots=True)
class FeatureTemplates:
    """DG8, DG9 or DG10: how many templates the file states, and the contents of those that are there."""

    stated: int
    templates: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OptionalDetails:
    """DG13: its contents, and the tags of its data objects where it is made of such (personal data stay in the contents)."""

    content: bytes = field(repr=False)
    tags: tuple[int, ...]


def parse_dg8(data: bytes) -> FeatureTemplates:
    """DG8, data features; raises MalformedData."""
    return _parse_features(data, ElementaryFile.DG8)


def parse_dg9(data: bytes) -> FeatureTemplates:
    """DG9, structure features; raises MalformedData."""
    return _parse_features(data, ElementaryFile.DG9)


def parse_dg10(data: bytes) -> FeatureTemplates:
    """DG10, substance features; raises MalformedData."""
    return _parse_features(data, ElementaryFile.DG10)


def _parse_features(data: bytes, file: ElementaryFile) -> FeatureTemplates:
    doing = f"parsing {file.name}"
    items = parse_tlvs(parse_one(data, _FEATURES[file], doing), doing)
    counts = [item.value for item in items if item.tag == _COUNT]
    if len(counts) != 1 or len(counts[0]) != 1:
        raise MalformedData(doing, "no number of templates")
    templates = tuple(item.value for item in items if item.tag != _COUNT)
    if len(templates) > MAX_TEMPLATES:
        raise MalformedData(doing, "too many templates")
    return FeatureTemplates(counts[0][0], templates)


def encode_features(file: ElementaryFile, templates: Sequence[bytes]) -> bytes:
    """DG8, DG9 or DG10 around these templates; raises MalformedData for another file or too many of them."""
    if file not in _FEATURES or len(templates) > MAX_TEMPLATES:
        raise MalformedData(f"encoding {file.name}", "no group of features, or too many templates")
    objects = b"".join(encode_tlv(_FIRST_TEMPLATE + index, template) for index, template in enumerate(templates))
    return encode_tlv(_FEATURES[file], encode_tlv(_COUNT, bytes((len(templates),))) + objects)


def parse_dg13(data: bytes) -> OptionalDetails:
    """DG13, the whole file; raises MalformedData."""
    content = parse_one(data, _DG13, "parsing DG13")
    try:
        tags = tuple(item.tag for item in parse_tlvs(content, "parsing DG13"))
    except MalformedData:
        tags = ()  # the issuer's own format
    return OptionalDetails(content, tags)


def encode_dg13(content: bytes) -> bytes:
    """DG13 around an issuer's contents."""
    return encode_tlv(_DG13, content)
