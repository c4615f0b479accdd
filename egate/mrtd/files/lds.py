"""The logical data structure: which files there are, EF.COM, DG1 and DG15; the other groups are in `groups`.

Source: ICAO Doc 9303-10 §4.6, §4.7. Rule: EF.COM only hints which files there are (§4.6.1); the list that counts is signed and
lies in EF.SOD.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from egate.model.document import ElementaryFile, Mrz
from egate.model.errors import MalformedData
from egate.mrtd.files.groups.document_details import parse_dg12
from egate.mrtd.files.groups.personal_details import parse_dg11
from egate.mrtd.files.mrz import parse_stored_mrz
from egate.mrtd.files.tlv import encode_tlv, parse_one, parse_tlvs

__all__ = [
    "FILE_TAGS",
    "Com",
    "encode_com",
    "encode_dg1",
    "encode_dg15",
    "parse_com",
    "parse_dg1",
    "parse_dg11",
    "parse_dg12",
    "parse_dg15",
]

_COM, _DG1, _DG15, _MRZ = 0x60, 0x61, 0x6F, 0x5F1F
_LDS_VERSION, _UNICODE_VERSION, _TAG_LIST = 0x5F01, 0x5F36, 0x5C

FILE_TAGS: dict[ElementaryFile, int] = {
    ElementaryFile.COM: _COM,
    ElementaryFile.DG1: _DG1,
    ElementaryFile.DG2: 0x75,
    ElementaryFile.DG3: 0x63,
    ElementaryFile.DG4: 0x76,
    ElementaryFile.DG5: 0x65,
    ElementaryFile.DG6: 0x66,
    ElementaryFile.DG7: 0x67,
    ElementaryFile.DG8: 0x68,
    ElementaryFile.DG9: 0x69,
    ElementaryFile.DG10: 0x6A,
    ElementaryFile.DG11: 0x6B,
    ElementaryFile.DG12: 0x6C,
    ElementaryFile.DG13: 0x6D,
    ElementaryFile.DG14: 0x6E,
    ElementaryFile.DG15: _DG15,
    ElementaryFile.DG16: 0x70,
    ElementaryFile.SOD: 0x77,
}
"""The tag that each file of the application begins with (Doc 9303-10 table 38)."""

_FILE_BY_TAG = {tag: file for file, tag in FILE_TAGS.items()}


@dataclass(frozen=True, slots=True)
class Com:
    """EF.COM: LDS and Unicode version as printed digits, the files it lists, and how many listed tags we do not know."""

    lds_version: str
    unicode_version: str
    files: tuple[ElementaryFile, ...]
    unknown: int = 0


def parse_com(data: bytes) -> Com:
    """EF.COM, the whole file; raises MalformedData."""
    doing = "parsing EF.COM"
    parts = {item.tag: item.value for item in parse_tlvs(parse_one(data, _COM, doing), doing)}
    if _TAG_LIST not in parts:
        raise MalformedData(doing, "no list of data groups")
    tags = parts[_TAG_LIST]
    files = tuple(_FILE_BY_TAG[tag] for tag in tags if tag in _FILE_BY_TAG)
    versions = (_ascii(parts.get(tag, b""), doing) for tag in (_LDS_VERSION, _UNICODE_VERSION))
    return Com(next(versions), next(versions), files, len(tags) - len(files))


def _ascii(data: bytes, doing: str) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise MalformedData(doing, "text outside ASCII") from None


def encode_com(files: Iterable[ElementaryFile]) -> bytes:
    """EF.COM of LDS 1.7 listing data groups; files that are no data groups are left out."""
    tags = bytes(FILE_TAGS[file] for file in files if file.name.startswith("DG"))
    versions = encode_tlv(_LDS_VERSION, b"0107") + encode_tlv(_UNICODE_VERSION, b"040000")
    return encode_tlv(_COM, versions + encode_tlv(_TAG_LIST, tags))


def parse_dg1(data: bytes) -> Mrz:
    """DG1, the machine readable zone in the chip; raises MalformedData."""
    doing = "parsing DG1"
    text = _ascii(parse_one(parse_one(data, _DG1, doing), _MRZ, doing), doing)
    return parse_stored_mrz(text)


def encode_dg1(lines: Sequence[str]) -> bytes:
    """DG1 from the lines of a machine readable zone."""
    return encode_tlv(_DG1, encode_tlv(_MRZ, "".join(lines).encode("ascii")))


def parse_dg15(data: bytes) -> bytes:
    """The SubjectPublicKeyInfo of active authentication in DG15; raises MalformedData."""
    doing = "parsing DG15"
    content = parse_one(data, _DG15, doing)
    parse_one(content, 0x30, doing)
    return content


def encode_dg15(public_key: bytes) -> bytes:
    """DG15 around a SubjectPublicKeyInfo."""
    return encode_tlv(_DG15, public_key)
