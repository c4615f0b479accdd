"""Biometric templates: the envelope of DG2, DG3 and DG4.

Sources: ICAO Doc 9303-10 §4.7.2 to §4.7.4 (templates 7F61 and 7F60), ISO/IEC 19785-3 and ISO/IEC 7816-11 (CBEFF header A1).
Rule: the templates that are there count, not the number that the file states; an element without a header is kept, one
without data is passed over, because an instance that was never enrolled is stored so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from egate.model.errors import MalformedData
from egate.mrtd.files.tlv import encode_tlv, parse_one, parse_tlvs

MAX_TEMPLATES = 16
"""Instances in a group; the standard counts to nine."""

_GROUP, _COUNT, _TEMPLATE, _HEADER = 0x7F61, 0x02, 0x7F60, 0xA1
_SIMPLE_BLOCK, _CONSTRUCTED_BLOCK = 0x5F2E, 0x7F2E
_KIND, _SUBTYPE, _CREATED, _OWNER, _TYPE = 0x81, 0x82, 0x83, 0x87, 0x88


@dataclass(frozen=True, slots=True)
class BiometricHeader:
    """A CBEFF header. Numbers are 0 where the header does not state them.

    `format_owner` 0101 with `format_type` 0008 is ISO/IEC 19794-5, 0007 and 0009 19794-4, 002A 39794-5. `created` is hexadecimal.
    """

    kind: int = 0
    subtype: int = 0
    format_owner: int = 0
    format_type: int = 0
    created: str = ""


@dataclass(frozen=True, slots=True)
class BiometricTemplate:
    """One instance: its header and its data block."""

    header: BiometricHeader
    block: bytes = field(repr=False)


def parse_biometric_group(data: bytes, tag: int, doing: str) -> tuple[BiometricTemplate, ...]:
    """The instances of DG2, DG3 or DG4, the whole file with this tag; raises MalformedData."""
    groups = [item.value for item in parse_tlvs(parse_one(data, tag, doing), doing) if item.tag == _GROUP]
    if not groups:
        raise MalformedData(doing, "no group of biometric templates")
    items = [item.value for item in parse_tlvs(groups[0], doing) if item.tag == _TEMPLATE]
    if len(items) > MAX_TEMPLATES:
        raise MalformedData(doing, "too many biometric templates")
    found = (_template(item, doing) for item in items)
    return tuple(template for template in found if template is not None)


def _template(data: bytes, doing: str) -> BiometricTemplate | None:
    header, block = BiometricHeader(), None
    for item in parse_tlvs(data, doing):
        if item.tag == _HEADER:
            header = _header(item.value, doing)
        elif item.tag in (_SIMPLE_BLOCK, _CONSTRUCTED_BLOCK) and block is None:
            block = item.value
    return None if block is None else BiometricTemplate(header, block)


def _header(data: bytes, doing: str) -> BiometricHeader:
    values = {item.tag: item.value for item in parse_tlvs(data, doing)}
    kind, subtype, owner, form = (int.from_bytes(values.get(tag, b"")[:4], "big") for tag in (_KIND, _SUBTYPE, _OWNER, _TYPE))
    return BiometricHeader(kind, subtype, owner, form, values.get(_CREATED, b"")[:8].hex())


def encode_biometric_group(tag: int, templates: Sequence[BiometricTemplate]) -> bytes:
    """DG2, DG3 or DG4 with these instances, each in a primitive data block; raises MalformedData for too many."""
    if len(templates) > MAX_TEMPLATES:
        raise MalformedData("encoding biometric templates", "too many")
    objects = b"".join(encode_tlv(_TEMPLATE, _encode_template(template)) for template in templates)
    return encode_tlv(tag, encode_tlv(_GROUP, encode_tlv(_COUNT, bytes((len(templates),))) + objects))


def _encode_template(template: BiometricTemplate) -> bytes:
    header = template.header
    objects = encode_tlv(_KIND, _number(header.kind, 1)) + encode_tlv(_SUBTYPE, _number(header.subtype, 1))
    if header.created:
        objects += encode_tlv(_CREATED, bytes.fromhex(header.created))
    objects += encode_tlv(_OWNER, _number(header.format_owner, 2)) + encode_tlv(_TYPE, _number(header.format_type, 2))
    return encode_tlv(_HEADER, objects) + encode_tlv(_SIMPLE_BLOCK, template.block)


def _number(value: int, least_bytes: int) -> bytes:
    return value.to_bytes(max(least_bytes, (value.bit_length() + 7) // 8), "big")
