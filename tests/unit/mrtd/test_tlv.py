"""BER-TLV with limits."""

from __future__ import annotations

import pytest

from egate.model.errors import MalformedData
from egate.mrtd.files.tlv import MAX_SIBLINGS, Tlv, child, encode_tlv, parse_one, parse_tlvs, read_header
from tests.unit.mrtd.parsing import parses_or_refuses

DOING = "testing"


@pytest.mark.parametrize(
    ("tag", "size", "header"),
    [
        (0x61, 0, "6100"),
        (0x61, 127, "617f"),
        (0x61, 128, "618180"),
        (0x5F1F, 255, "5f1f81ff"),
        (0x7F61, 256, "7f61820100"),
        (0x75, 65_536, "7583010000"),
    ],
)
def test_round_trip(tag: int, size: int, header: str) -> None:
    encoded = encode_tlv(tag, bytes(size))
    assert encoded.hex().startswith(header)
    assert parse_tlvs(encoded, DOING) == (Tlv(tag, bytes(size)),)
    assert parse_one(encoded, tag, DOING) == bytes(size)
    assert read_header(encoded, DOING) == (tag, len(header) // 2, size)


def test_value_beyond_the_limit_is_not_encoded() -> None:
    with pytest.raises(MalformedData):
        encode_tlv(0x75, bytes(1 << 24))


def test_lengths_longer_than_needed_are_read() -> None:
    """BER allows them, and chips write `82 00 05`."""
    assert parse_one(bytes.fromhex("61820003616263"), 0x61, DOING) == b"abc"


def test_several_and_their_child() -> None:
    data = encode_tlv(0x80, b"one") + encode_tlv(0x81, b"two")
    assert [item.tag for item in parse_tlvs(data, DOING)] == [0x80, 0x81]
    assert child(data, 0x81, DOING) == b"two"
    with pytest.raises(MalformedData):
        child(data, 0x82, DOING)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "61",
        "6101",
        "6181",
        "618201",
        "6180",
        "6184000000016100",
        "5f",
        "5fffff01",
        "1f81818101",
        "610261",
        "6100ff",
        "6f00",
    ],
)
def test_malformed(data: str) -> None:
    with pytest.raises(MalformedData):
        parse_one(bytes.fromhex(data), 0x61, DOING)


def test_values_are_never_cut_short() -> None:
    for data in (b"\x80\x02a", b"\x80\x01a\x81\x02b", b"\x80\x81\x80" + bytes(127)):
        with pytest.raises(MalformedData):
            parse_tlvs(data, DOING)


def test_too_many_siblings() -> None:
    assert len(parse_tlvs(b"\x80\x00" * MAX_SIBLINGS, DOING)) == MAX_SIBLINGS
    with pytest.raises(MalformedData):
        parse_tlvs(b"\x80\x00" * (MAX_SIBLINGS + 1), DOING)


def test_no_value_in_the_repr() -> None:
    assert "secret" not in repr(Tlv(0x80, b"secret"))


def test_every_cut() -> None:
    parses_or_refuses(lambda data: parse_tlvs(data, DOING), encode_tlv(0x7F61, encode_tlv(0x5F2E, bytes(300))))
