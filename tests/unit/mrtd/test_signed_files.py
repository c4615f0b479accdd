"""The list in EF.SOD is followed where it can be, and nothing is followed where it cannot."""

from __future__ import annotations

import pytest

from egate.model.document import ElementaryFile
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.signed_files import signed_files
from tests.unit.mrtd.listed_sod import lds_security_object, listed_sod, sod_around

DG1, DG2 = ElementaryFile.DG1, ElementaryFile.DG2
FILES = {DG1: b"one", DG2: b"two"}


def test_the_list_and_its_hashes() -> None:
    listed = signed_files(listed_sod(FILES))
    assert listed is not None
    assert (listed.files, listed.algorithm) == (frozenset(FILES), "sha256")
    assert not listed.contradicts(DG1, b"one")
    assert listed.contradicts(DG1, b"other")
    assert not listed.contradicts(ElementaryFile.DG11, b"not listed")
    assert "two" not in repr(listed)


def test_an_unknown_hash_contradicts_nothing() -> None:
    listed = signed_files(listed_sod(FILES, algorithm=b"\x2a\x03"))
    assert listed is not None
    assert listed.algorithm == ""
    assert not listed.contradicts(DG1, b"other")


def test_octets_in_parts_and_of_indefinite_length() -> None:
    """As passports of the United States write them."""
    content = lds_security_object(FILES)
    parts = encode_tlv(0x04, content[:20]) + encode_tlv(0x04, content[20:])
    for octets in (encode_tlv(0x24, parts), b"\x24\x80" + parts + b"\x00\x00"):
        listed = signed_files(sod_around(octets))
        assert listed is not None
        assert listed.files == frozenset(FILES)


def test_every_cut_gives_no_list_and_no_error() -> None:
    whole = listed_sod(FILES)
    assert all(signed_files(whole[:length]) is None for length in range(len(whole) - 2))


@pytest.mark.parametrize(
    "sod",
    [
        b"",
        encode_tlv(0x77, b""),
        encode_tlv(0x61, b"abc"),
        bytes.fromhex("7784ffffffff"),
        sod_around(encode_tlv(0x05, b"")),
        sod_around(encode_tlv(0x04, encode_tlv(0x30, encode_tlv(0x30, b"")))),
        listed_sod({ElementaryFile.DG1: b""}).replace(b"\x02\x01\x01", b"\x02\x01\x11"),
    ],
)
def test_what_cannot_be_followed(sod: bytes) -> None:
    assert signed_files(sod) is None


def test_too_many_entries() -> None:
    entry = encode_tlv(0x30, encode_tlv(0x02, b"\x01") + encode_tlv(0x04, bytes(32)))
    content = encode_tlv(0x02, b"\x00") + encode_tlv(0x30, encode_tlv(0x06, b"\x2a")) + encode_tlv(0x30, entry * 17)
    assert signed_files(sod_around(encode_tlv(0x04, encode_tlv(0x30, content)))) is None
