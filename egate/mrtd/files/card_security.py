"""EF.CardSecurity: SecurityInfos that the issuer signed, the chip's static keys among them.

Sources: ICAO Doc 9303-11 §9.2.11, BSI TR-03110-3 §A.1.2.2, RFC 5652 §5 (SignedData). Rule: this finds what was signed, it does
not say who signed it; `egate.pki` judges the signature from the same bytes later, and until then nothing here is worth belief.
"""

from __future__ import annotations

from egate.model.errors import MalformedData
from egate.mrtd.files.der import OCTETS, OID, SEQUENCE, SET, decode_oid
from egate.mrtd.files.security_infos import SecurityInfos, parse_card_access
from egate.mrtd.files.tlv import Tlv, parse_one, parse_tlvs

SIGNED_DATA_OID = "1.2.840.113549.1.7.2"
SECURITY_OBJECT_OID = "0.4.0.127.0.7.3.2.1"
"""The type of the signed content (TR-03110-3 §A.1.2.2)."""

_DOING = "parsing EF.CardSecurity"
_EXPLICIT = 0xA0
_VERSION = 0x02


def parse_card_security(data: bytes) -> SecurityInfos:
    """The SecurityInfos of the file, their signature not verified; raises MalformedData."""
    return parse_card_access(signed_content(data))


def signed_content(data: bytes) -> bytes:
    """The content that the SignedData of the file is about; raises MalformedData."""
    kind, content = _tagged(parse_one(data, SEQUENCE, _DOING), OID, _EXPLICIT)
    if decode_oid(kind) != SIGNED_DATA_OID:
        raise MalformedData(_DOING, "no SignedData")
    _, _, encapsulated = _tagged(parse_one(content, SEQUENCE, _DOING), _VERSION, SET, SEQUENCE)
    kind, content = _tagged(encapsulated, OID, _EXPLICIT)
    if decode_oid(kind) != SECURITY_OBJECT_OID:
        raise MalformedData(_DOING, "signed content of another type")
    return parse_one(content, OCTETS, _DOING)


def _tagged(data: bytes, *tags: int) -> tuple[bytes, ...]:
    """The values of the first data objects, which must have these tags."""
    parts: tuple[Tlv, ...] = parse_tlvs(data, _DOING)
    if [item.tag for item in parts[: len(tags)]] != list(tags):
        raise MalformedData(_DOING, "a part is missing")
    return tuple(item.value for item in parts[: len(tags)])
