"""EF.ATR/INFO and EF.DIR: hints of the chip about itself."""

from __future__ import annotations

import pytest

from egate.model.errors import MalformedData
from egate.mrtd.files.atr_info import MAX_ATR_INFO_BYTES, MAX_BUFFER_BYTES, AtrInfo, encode_atr_info, parse_atr_info
from egate.mrtd.files.directory import (
    EMRTD_APPLICATION,
    MAX_APPLICATIONS,
    MAX_DIR_BYTES,
    Application,
    encode_dir,
    parse_dir,
)
from egate.mrtd.files.tlv import MAX_SIBLINGS, Tlv, encode_tlv, parse_padded_tlvs
from tests.unit.mrtd.parsing import parses_or_refuses


@pytest.mark.parametrize(
    ("data", "info"),
    [
        ("47039601E07F66080202052E02020400", AtrInfo(True, 1326, 1024, True)),
        ("4703960140", AtrInfo(True)),
        ("4703960100", AtrInfo(False)),
        ("470196", AtrInfo(False)),
        ("", AtrInfo(False)),
        # A category byte and the older template of four sizes, as identity cards of several states write it.
        ("00E0100202010402020104020201000202010043010147039601C0", AtrInfo(True, 260, 256, True)),
        ("E00B0202010402020100020100", AtrInfo(False)),
        ("8043010147039601C0", AtrInfo(True, 0, 0, True)),
    ],
)
def test_what_chips_state(data: str, info: AtrInfo) -> None:
    assert parse_atr_info(bytes.fromhex(data)) == info


def test_only_stated_sizes_carry_extended_length() -> None:
    """Doc 9303-10 §3.6.4.2: a claim in the capabilities alone is not enough."""
    assert not AtrInfo(True).carries_extended
    assert not AtrInfo(True, 261, 258).carries_extended
    assert AtrInfo(True, 261, 259).carries_extended
    assert AtrInfo(True, 1326, 256).carries_extended


@pytest.mark.parametrize("info", [AtrInfo(True, 1454, 1024, True), AtrInfo(True, 65_546, 65_538), AtrInfo(False, 0, 0, True)])
def test_transport_round_trip(info: AtrInfo) -> None:
    data = encode_atr_info(info)
    assert parse_atr_info(data) == info
    assert parse_atr_info(data + bytes(9)) == info, "a file larger than its contents"
    parses_or_refuses(parse_atr_info, data)


def test_sizes_are_capped() -> None:
    data = bytes.fromhex("7F660C0204FFFFFFFF0204FFFFFFFF")
    assert parse_atr_info(data) == AtrInfo(True, MAX_BUFFER_BYTES, MAX_BUFFER_BYTES)


@pytest.mark.parametrize("data", ["7F6604020204FF", "7F660402020400", "7F6606020001020100", "7F6607020500000000010201", "47FF"])
def test_malformed_transport(data: str) -> None:
    with pytest.raises(MalformedData):
        parse_atr_info(bytes.fromhex(data))


def test_too_large() -> None:
    with pytest.raises(MalformedData):
        parse_atr_info(bytes(MAX_ATR_INFO_BYTES + 1))
    with pytest.raises(MalformedData):
        parse_dir(bytes(MAX_DIR_BYTES + 1))
    with pytest.raises(MalformedData):
        parse_dir(encode_dir([Application(EMRTD_APPLICATION)] * (MAX_APPLICATIONS + 1)))


def test_directory() -> None:
    """Doc 9303-10 §3.11.2: one template for each application."""
    assert parse_dir(bytes.fromhex("61094F07A0000002471001")) == (Application(EMRTD_APPLICATION),)
    applications = (Application(EMRTD_APPLICATION, "eMRTD"), Application(bytes.fromhex("E80704007F00070302")))
    data = encode_dir(applications)
    assert parse_dir(data) == applications
    assert parse_dir(data + b"\xff\xff\x00") == applications
    parses_or_refuses(parse_dir, data)


@pytest.mark.parametrize("template", ["", "5001", "4F00", "4F11" + "00" * 17, "500141"])
def test_malformed_directory(template: str) -> None:
    with pytest.raises(MalformedData):
        parse_dir(encode_tlv(0x61, bytes.fromhex(template)))


def test_filling_between_objects() -> None:
    assert parse_padded_tlvs(b"\x00\xff\x80\x01a\x00\x81\x00\xff", "testing") == (Tlv(0x80, b"a"), Tlv(0x81, b""))
    with pytest.raises(MalformedData):
        parse_padded_tlvs(b"\x80\x00" * (MAX_SIBLINGS + 1), "testing")
