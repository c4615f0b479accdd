"""An EF.SOD that lists data groups and is signed by nobody: enough for reading, which verifies nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from egate.model.document import ElementaryFile
from egate.mrtd.files.tlv import encode_tlv

SHA256 = bytes.fromhex("608648016503040201")
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_SECURITY_OBJECT = bytes.fromhex("678108010101")


def lds_security_object(files: Mapping[ElementaryFile, bytes], algorithm: bytes = SHA256) -> bytes:
    """The list of hashes."""
    entries = [
        encode_tlv(0x30, encode_tlv(0x02, bytes((int(file.name[2:]),))) + encode_tlv(0x04, hashlib.sha256(data).digest()))
        for file, data in files.items()
        if file.name.startswith("DG")
    ]
    content = encode_tlv(0x02, b"\x00") + encode_tlv(0x30, encode_tlv(0x06, algorithm)) + encode_tlv(0x30, b"".join(entries))
    return encode_tlv(0x30, content)


def listed_sod(files: Mapping[ElementaryFile, bytes], salt: bytes = b"", algorithm: bytes = SHA256) -> bytes:
    """EF.SOD around it; another salt makes another file with the same list."""
    return sod_around(encode_tlv(0x04, lds_security_object(files, algorithm)), salt)


def sod_around(octets: bytes, salt: bytes = b"") -> bytes:
    """EF.SOD around the octets of a security object."""
    encapsulated = encode_tlv(0x30, encode_tlv(0x06, _SECURITY_OBJECT) + encode_tlv(0xA0, octets))
    signed = encode_tlv(0x30, encode_tlv(0x02, b"\x03") + encode_tlv(0x31, b"") + encapsulated + encode_tlv(0x31, salt))
    return encode_tlv(0x77, encode_tlv(0x30, encode_tlv(0x06, _SIGNED_DATA) + encode_tlv(0xA0, signed)))
