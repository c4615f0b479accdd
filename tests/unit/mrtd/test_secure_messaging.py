"""Secure messaging: what is protected is read, everything else ends the session."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.sim.passport.chip_messaging import CardMessaging
from egate.model.document import MrzInformation
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.ciphers import CipherSuite, decrypt, encrypt, mac, pad, unpad
from egate.mrtd.files.tlv import Tlv, encode_tlv, parse_tlvs
from egate.mrtd.keys import SessionKeys, basic_access_keys, session_keys
from egate.mrtd.secure_messaging import SecureMessaging, largest_read

COMMANDS = [
    CommandApdu(0x00, 0xA4, 0x00, 0x0C),
    CommandApdu(0x00, 0xA4, 0x02, 0x0C, b"\x01\x1e"),
    CommandApdu(0x00, 0xB0, 0x9E, 0x00, le=256),
    CommandApdu(0x00, 0xB1, 0x00, 0x00, bytes.fromhex("54028000"), 200),
    CommandApdu(0x00, 0xB0, 0x00, 0x00, le=4096),
    CommandApdu(0x10, 0x86, 0x00, 0x00, bytes(300), 65_536),
]


@pytest.fixture(params=list(CipherSuite), ids=lambda suite: suite.word)
def keys(request: pytest.FixtureRequest) -> SessionKeys:
    return session_keys(request.param, b"a shared secret")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_chip_opens_what_the_reader_wraps(keys: SessionKeys, command: CommandApdu) -> None:
    reader, chip = SecureMessaging(keys, 7), CardMessaging(keys, 7)
    assert chip.open(reader.wrap(command)) == command
    answer = ResponseApdu(b"some data", 0x6282)
    assert reader.unwrap(chip.seal(answer, odd_instruction=bool(command.ins & 1))) == answer
    assert chip.open(reader.wrap(command)) == command


def test_the_counter_wraps_round(keys: SessionKeys) -> None:
    last = (1 << 8 * keys.suite.block_bytes) - 1
    reader, chip = SecureMessaging(keys, last), CardMessaging(keys, last)
    assert chip.open(reader.wrap(COMMANDS[1])) == COMMANDS[1]
    assert reader.unwrap(chip.seal(ResponseApdu(b"", 0x9000))).ok


def _without_code(response: ResponseApdu) -> ResponseApdu:
    return _rebuilt(response, lambda items: items[:-1])


def _rebuilt(response: ResponseApdu, change: Callable[[list[Tlv]], list[Tlv]]) -> ResponseApdu:
    items = change(list(parse_tlvs(response.data, "testing")))
    return ResponseApdu(b"".join(encode_tlv(item.tag, item.value) for item in items), response.sw)


def _other_status(response: ResponseApdu) -> ResponseApdu:
    return _rebuilt(response, lambda items: [Tlv(0x99, b"\x6a\x82") if item.tag == 0x99 else item for item in items])


def _flipped(response: ResponseApdu) -> ResponseApdu:
    data = bytearray(response.data)
    data[5] ^= 0x01
    return ResponseApdu(bytes(data), response.sw)


ATTACKS: dict[str, Callable[[ResponseApdu], ResponseApdu]] = {
    "naked success": lambda response: ResponseApdu(b"", 0x9000),
    "naked data": lambda response: ResponseApdu(b"\x60\x14\x5f\x01", 0x9000),
    "naked refusal": lambda response: ResponseApdu(b"", 0x6988),
    "no code": _without_code,
    "changed status": _other_status,
    "changed ciphertext": _flipped,
    "short code": lambda response: _rebuilt(response, lambda items: [*items[:-1], Tlv(0x8E, items[-1].value[:4])]),
    "empty code": lambda response: _rebuilt(response, lambda items: [*items[:-1], Tlv(0x8E, b"")]),
    "no status": lambda response: _rebuilt(response, lambda items: [items[0], items[-1]]),
    "another order": lambda response: _rebuilt(response, lambda items: [items[1], items[0], items[2]]),
    "an object twice": lambda response: _rebuilt(response, lambda items: [items[0], *items]),
    "garbage": lambda response: ResponseApdu(b"\xff" * 40, 0x9000),
    "cut": lambda response: ResponseApdu(response.data[:-1], response.sw),
    "tail": lambda response: ResponseApdu(response.data + b"\x00", response.sw),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_response_that_does_not_hold_ends_the_session(
    keys: SessionKeys, attack: Callable[[ResponseApdu], ResponseApdu]
) -> None:
    """A downgrade to plain answers must be impossible (gmrtd issue 320): one bad response, and nothing more is believed."""
    reader, chip = SecureMessaging(keys), CardMessaging(keys)
    chip.open(reader.wrap(COMMANDS[2]))
    good = chip.seal(ResponseApdu(b"some data", 0x9000))
    with pytest.raises(ChipError):
        reader.unwrap(attack(good))
    assert not reader.alive
    with pytest.raises(ChipError):
        reader.unwrap(good)
    with pytest.raises(ChipError):
        reader.wrap(COMMANDS[0])


def test_a_replayed_response_does_not_hold(keys: SessionKeys) -> None:
    reader, chip = SecureMessaging(keys), CardMessaging(keys)
    chip.open(reader.wrap(COMMANDS[2]))
    first = chip.seal(ResponseApdu(b"some data", 0x9000))
    assert reader.unwrap(first).data == b"some data"
    chip.open(reader.wrap(COMMANDS[2]))
    with pytest.raises(ChipError):
        reader.unwrap(first)


def _authentic(keys: SessionKeys, objects: bytes) -> ResponseApdu:
    """A response with the right code whatever its objects are: what only a chip that holds the keys can send."""
    size = keys.suite.block_bytes
    code = mac(keys.suite, keys.mac, (2).to_bytes(size, "big") + pad(objects, size))
    return ResponseApdu(objects + encode_tlv(0x8E, code), 0x9000)


@pytest.mark.parametrize(
    "objects",
    [
        encode_tlv(0x87, b"\x02" + bytes(16)) + encode_tlv(0x99, b"\x90\x00"),
        encode_tlv(0x87, b"\x01" + bytes(7)) + encode_tlv(0x99, b"\x90\x00"),
        encode_tlv(0x87, b"\x01") + encode_tlv(0x99, b"\x90\x00"),
        encode_tlv(0x87, b"") + encode_tlv(0x99, b"\x90\x00"),
        encode_tlv(0x85, b"") + encode_tlv(0x99, b"\x90\x00"),
        encode_tlv(0x99, b"\x90"),
    ],
)
def test_authentic_but_malformed_objects_end_the_session(keys: SessionKeys, objects: bytes) -> None:
    reader = SecureMessaging(keys)
    reader.wrap(COMMANDS[2])
    with pytest.raises(ChipError):
        reader.unwrap(_authentic(keys, objects))
    assert not reader.alive


def test_no_key_in_the_repr(keys: SessionKeys) -> None:
    reader = SecureMessaging(keys)
    shown = repr(reader) + repr(keys)
    assert keys.encryption.hex() not in shown
    assert "alive" in shown
    reader.end()
    assert "ended" in repr(reader)


@pytest.mark.parametrize("suite", list(CipherSuite))
@pytest.mark.parametrize(
    "response_bytes", [30, 100, 127, 144, 145, 146, 147, 148, 160, 256, 258, 272, 274, 275, 300, 4096, 65_536]
)
def test_largest_read_fits_and_is_largest(suite: CipherSuite, response_bytes: int) -> None:
    """The protected response to the largest read fits; one more block would not, save for the last bytes of a longer length."""
    plain = largest_read(suite, response_bytes)
    chip = CardMessaging(session_keys(suite, b"secret"))
    if response_bytes > 40:
        assert len(chip.seal(ResponseApdu(bytes(plain), 0x9000)).to_bytes()) <= response_bytes
    assert len(chip.seal(ResponseApdu(bytes(plain + suite.block_bytes + 2), 0x9000)).to_bytes()) > response_bytes


def test_short_document_numbers_are_filled() -> None:
    """The key is derived from the field as printed, fillers included (Doc 9303-11 §9.7.2)."""
    filled = MrzInformation("L898902C<", "690806", "940623")
    assert basic_access_keys(MrzInformation("L898902C", "690806", "940623")) == basic_access_keys(filled)


def test_blocks_of_a_short_response() -> None:
    """The block sizes that the figures for a full read count on."""
    assert largest_read(CipherSuite.AES128, 256) == 223
    assert largest_read(CipherSuite.DES3, 256) == 231


@pytest.mark.parametrize("suite", list(CipherSuite))
def test_ciphers(suite: CipherSuite) -> None:
    key, block = bytes(range(suite.key_bytes)), suite.block_bytes
    for size in (0, 1, block - 1, block, 5 * block):
        padded = pad(bytes(size), block)
        assert len(padded) % block == 0
        assert unpad(decrypt(suite, key, bytes(block), encrypt(suite, key, bytes(block), padded))) == bytes(size)
    assert len(mac(suite, key, bytes(block))) == 8
    with pytest.raises(MalformedData):
        decrypt(suite, key, bytes(block), bytes(block + 1))


@pytest.mark.parametrize("data", [b"", b"\x00\x00", b"abc", b"abc\x81\x00"])
def test_wrong_padding(data: bytes) -> None:
    with pytest.raises(MalformedData):
        unpad(data)
