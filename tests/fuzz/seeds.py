"""Inputs for the fuzz targets that no file of the simulated passport gives: records within files, keys, requests, pictures.

Rule: each is read whole by its target, without the shared data too; a fuzzer that begins at a refusal finds nothing behind it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from PIL import Image

from drivers.sim.passport.chip_kinds import AgreementWay, ChipKind, PaceWay
from egate.inspection.export import encode_record
from egate.inspection.logging_profile import LoggingProfile
from egate.model.errors import MalformedData
from egate.mrtd.files.groups.biometrics import parse_biometric_group
from egate.mrtd.files.tlv import encode_tlv
from egate.pki.cvc import encode_authenticated_request, encode_request
from egate.pki.cvc_keys import public_key_of, signer
from tests.unit.drivers.boarding_passes import PUBLISHED
from tests.unit.inspection.inspection_bench import read_document

MAPPING_CHIP = ChipKind(ways=(PaceWay(mapping="cam"),), agreements=(AgreementWay(),))
"""A chip that has EF.CardSecurity and signs with a key of its own in chip authentication mapping."""

_DG2 = 0x75
_TERMINAL_OID = "0.4.0.127.0.7.2.2.2.2.3"
_SIMPLE_RECORD = b"FAC\x00"


def face_blocks(files: Iterable[bytes], *, simple: bool) -> tuple[bytes, ...]:
    """The records in these DG2s, without the data objects around them: of ISO/IEC 19794-5 where `simple`, else of 39794-5."""
    found: list[bytes] = []
    for data in files:
        try:
            found += [template.block for template in parse_biometric_group(data, _DG2, "seeding")]
        except MalformedData:  # published files that are wrong on purpose
            continue
    return tuple(block for block in found if block.startswith(_SIMPLE_RECORD) is simple)


def extensible_record() -> bytes:
    """A record of ISO/IEC 39794-5 with each detail that we read: form, size, colours, quality, landmarks."""
    said = encode_tlv(0xA0, b"\x80\x01\x03") + encode_tlv(0xA7, b"\x80\x02\x02\x13\x81\x02\x01\x9d")
    said += encode_tlv(0xA1, encode_tlv(0xA1, b"\x80\x01\x01")) + encode_tlv(0xA9, encode_tlv(0xA1, b"\x80\x01\x05"))
    camera = encode_tlv(0xA2, encode_tlv(0xA1, encode_tlv(0xA1, b"\x80\x01\x02")))
    image = encode_tlv(0x80, b"\xff\xd8\xff" + bytes(40)) + encode_tlv(0xA1, said) + camera
    quality = encode_tlv(0xA3, encode_tlv(0x30, encode_tlv(0xA0, b"") + encode_tlv(0xA1, b"\x80\x01\x63")))
    face = encode_tlv(0x80, b"\x00") + encode_tlv(0xA1, encode_tlv(0xA0, encode_tlv(0xA0, image))) + quality
    face += encode_tlv(0xA9, encode_tlv(0x30, b"") * 2)
    return encode_tlv(0xA1, encode_tlv(0x65, encode_tlv(0xA0, b"\x80\x01\x03") + encode_tlv(0xA1, encode_tlv(0x30, face))))


def public_keys() -> tuple[bytes, ...]:
    """SubjectPublicKeyInfo on two curves."""
    curves = (ec.BrainpoolP256R1(), ec.SECP256R1())
    keys = [ec.derive_private_key(4711, curve).public_key() for curve in curves]
    return tuple(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in keys)


def certificate_requests() -> tuple[bytes, ...]:
    """A terminal's first request, and a later one that its earlier key signs."""
    key = ec.derive_private_key(4711, ec.BrainpoolP256R1())
    sign = signer(key, _TERMINAL_OID)
    first = encode_request("UTIS00001", public_key_of(key, _TERMINAL_OID), sign, "UTDV00001")
    return first, encode_authenticated_request(first, "UTIS00000", sign)


def page_pictures() -> tuple[bytes, ...]:
    """A small page in each form that a page reader may send."""
    page = Image.new("L", (120, 104), 230)
    found = []
    for form in ("JPEG", "PNG", "BMP", "TIFF"):
        buffer = io.BytesIO()
        page.save(buffer, form)
        found.append(buffer.getvalue())
    return tuple(found)


def inspection_records() -> tuple[bytes, ...]:
    """The record of one document that keeps nothing of it, and one that keeps what is printed."""
    case = read_document("")
    kept = (LoggingProfile.BASIC, LoggingProfile.STANDARD_OPTICAL)
    return tuple(encode_record(case.record(logging), indent=None) for logging in kept)


def boarding_passes() -> tuple[bytes, ...]:
    """The published examples, the one with every item in both legs first."""
    return tuple(text.encode() for text in (PUBLISHED["two legs, every item"], *PUBLISHED.values()))
