"""Commands and responses of ISO 7816-4, short and extended."""

from __future__ import annotations

import pytest

from egate.model.errors import MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from tests.unit.mrtd.parsing import parses_or_refuses


@pytest.mark.parametrize(
    ("command", "encoded"),
    [
        (CommandApdu(0x00, 0xA4, 0x00, 0x0C), "00a4000c"),
        (CommandApdu(0x00, 0xB0, 0x9E, 0x00, le=4), "00b09e0004"),
        (CommandApdu(0x00, 0xB0, 0x9E, 0x00, le=256), "00b09e0000"),
        (CommandApdu(0x00, 0xA4, 0x02, 0x0C, b"\x01\x1e"), "00a4020c02011e"),
        (CommandApdu(0x00, 0x88, 0x00, 0x00, bytes(8), 256), "0088000008000000000000000000"),
        (CommandApdu(0x00, 0xB0, 0x00, 0x00, le=257), "00b00000000101"),
        (CommandApdu(0x00, 0xB0, 0x00, 0x00, le=65_536), "00b00000000000"),
        (CommandApdu(0x00, 0x86, 0x00, 0x00, bytes(256)), "0086000000 0100".replace(" ", "") + "00" * 256),
        (CommandApdu(0x00, 0x86, 0x00, 0x00, bytes(256), 65_536), "00860000000100" + "00" * 256 + "0000"),
        (CommandApdu(0x00, 0x86, 0x00, 0x00, b"\x7c\x00", 4096), "00860000000002" + "7c00" + "1000"),
    ],
)
def test_the_four_cases(command: CommandApdu, encoded: str) -> None:
    assert command.to_bytes().hex() == encoded
    assert CommandApdu.from_bytes(bytes.fromhex(encoded)) == command


@pytest.mark.parametrize(
    "encoded", ["", "00a400", "00a4000c05011e", "00a4000c01011e1e", "00b0000000ff", "0086000000000500", "008600000000"]
)
def test_malformed_commands(encoded: str) -> None:
    with pytest.raises(MalformedData):
        CommandApdu.from_bytes(bytes.fromhex(encoded))


def test_response() -> None:
    response = ResponseApdu.from_bytes(bytes.fromhex("60149000"))
    assert (response.data, response.sw, response.ok) == (b"\x60\x14", 0x9000, True)
    assert response.to_bytes().hex() == "60149000"
    assert not ResponseApdu(b"", 0x6A82).ok


def test_length_hints() -> None:
    assert (ResponseApdu(b"", 0x6C10).exact_length, ResponseApdu(b"", 0x6C00).exact_length) == (16, 256)
    assert (ResponseApdu(b"", 0x6120).more_bytes, ResponseApdu(b"", 0x6100).more_bytes) == (32, 256)
    assert ResponseApdu(b"", 0x9000).exact_length is None
    assert ResponseApdu(b"", 0x9000).more_bytes is None


@pytest.mark.parametrize("size", [0, 1, 65_539])
def test_malformed_responses(size: int) -> None:
    with pytest.raises(MalformedData):
        ResponseApdu.from_bytes(bytes(size))


def test_every_cut() -> None:
    parses_or_refuses(CommandApdu.from_bytes, CommandApdu(0x00, 0x86, 0x00, 0x00, bytes(20), 256).to_bytes())
    parses_or_refuses(CommandApdu.from_bytes, CommandApdu(0x00, 0x86, 0x00, 0x00, bytes(300), 300).to_bytes())
    parses_or_refuses(ResponseApdu.from_bytes, bytes(20))


def test_no_data_in_the_repr() -> None:
    assert "secret" not in repr(CommandApdu(0, 0, 0, 0, b"secret")) + repr(ResponseApdu(b"secret", 0x9000))


@pytest.mark.parametrize("le", [None, 1, 256, 257, 65_536])
@pytest.mark.parametrize("size", [0, 1, 255, 256, 1000])
def test_the_size_is_that_of_the_encoding(size: int, le: int | None) -> None:
    command = CommandApdu(0x00, 0xB0, 0x00, 0x00, bytes(size), le)
    assert command.size_bytes == len(command.to_bytes())
