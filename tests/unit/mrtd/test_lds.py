"""The files of the logical data structure."""

from __future__ import annotations

import pytest

from egate.model.document import DocumentFormat, ElementaryFile
from egate.model.errors import MalformedData
from egate.mrtd.files.lds import (
    FILE_TAGS,
    encode_com,
    encode_dg1,
    encode_dg15,
    parse_com,
    parse_dg1,
    parse_dg15,
)
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.files.tlv import encode_tlv
from tests.shared_data import shared_path
from tests.unit.mrtd.chip_reading import LINES
from tests.unit.mrtd.parsing import parses_or_refuses

CARD = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")


def test_com_round_trip() -> None:
    files = (ElementaryFile.DG1, ElementaryFile.DG2, ElementaryFile.DG14)
    com = parse_com(encode_com([ElementaryFile.SOD, *files]))
    assert (com.files, com.lds_version, com.unicode_version, com.unknown) == (files, "0107", "040000", 0)


@pytest.mark.parametrize(("folder", "name"), [("nl_loes2006", "ef011E.bin"), ("hjp_tr03105_5", "EF_COM.bin")])
def test_real_com(folder: str, name: str) -> None:
    data = shared_path("mrtd", "sod_sets", folder, name).read_bytes()
    com = parse_com(data)
    assert encode_com(com.files) == data
    parses_or_refuses(parse_com, data)


def test_com_with_unknown_tags() -> None:
    data = encode_tlv(0x60, encode_tlv(0x5C, bytes((0x61, 0x20, 0x21))))
    com = parse_com(data)
    assert (com.files, com.unknown, com.lds_version) == ((ElementaryFile.DG1,), 2, "")


@pytest.mark.parametrize(
    "content", [b"", encode_tlv(0x5F01, b"0107"), encode_tlv(0x5C, b"\x61") + encode_tlv(0x5F01, b"\xff107")]
)
def test_malformed_com(content: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_com(encode_tlv(0x60, content))


@pytest.mark.parametrize("lines", [LINES, CARD], ids=["passport", "card"])
def test_dg1_round_trip(lines: tuple[str, ...]) -> None:
    assert parse_dg1(encode_dg1(lines)) == parse_mrz(lines)
    parses_or_refuses(parse_dg1, encode_dg1(lines))


@pytest.mark.parametrize(("folder", "name"), [("nl_loes2006", "ef0101.bin"), ("hjp_tr03105_5", "Datagroup1.bin")])
def test_real_dg1(folder: str, name: str) -> None:
    data = shared_path("mrtd", "sod_sets", folder, name).read_bytes()
    mrz = parse_dg1(data)
    assert (mrz.format, mrz.failed_check_digits) == (DocumentFormat.TD3, ())
    parses_or_refuses(parse_dg1, data)


@pytest.mark.parametrize("text", [b"", b"<" * 87, b"<" * 89, b"\xff" * 88, b"a" * 88])
def test_malformed_dg1(text: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_dg1(encode_tlv(0x61, encode_tlv(0x5F1F, text)))


@pytest.mark.parametrize(("folder", "name"), [("nl_loes2006", "ef010F.bin"), ("hjp_tr03105_5", "Datagroup15.bin")])
def test_real_dg15(folder: str, name: str) -> None:
    data = shared_path("mrtd", "sod_sets", folder, name).read_bytes()
    assert encode_dg15(parse_dg15(data)) == data
    parses_or_refuses(parse_dg15, data)


def test_malformed_dg15() -> None:
    with pytest.raises(MalformedData):
        parse_dg15(encode_dg15(b"\x02\x01\x01"))


def test_every_file_has_its_own_tag() -> None:
    assert len(set(FILE_TAGS.values())) == len(FILE_TAGS)
    assert {file for file in ElementaryFile if file.in_application} == set(FILE_TAGS)
