"""OSDP packets and the secure channel against frames captured from another implementation.

Origin of the frames: a session between two implementations that are not ours (FACTS-gate §1.3): base key 00..0F, address 101.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from drivers.framing import crc16_ccitt
from drivers.gate.osdp_packet import CommandCode, Packet, ReplyCode, SecurityType, packet_length, packet_splitter
from drivers.gate.osdp_secure import SecureChannel
from egate.model.errors import MalformedData, TrustError

BASE_KEY = bytes(range(16))
CHALLENGE = bytes.fromhex("536513000d03110076d104fcb4c02c43ca0674")
CLIENT = bytes.fromhex("53e52b000d03120176beba0100afbeadded764c8cce93255c453b2ab66e61b37550b9d5d77488b49d69b58")
SERVER = bytes.fromhex("53651b000e03130077dd7167c842a742786246a486f031c15d64b9")
INITIAL_MAC = bytes.fromhex("53e51b000e0314017858921c58ed2f53b3d9eacc88d70bed9c985b")
IDENTITY = bytes.fromhex("53651e000f021761c2ab18093e1a23ad008e3a71257d249d79df4324ba3f")
GOLDEN = (CHALLENGE, CLIENT, SERVER, INITIAL_MAC, IDENTITY)


def golden_channel() -> SecureChannel:
    client = Packet.from_bytes(CLIENT)
    return SecureChannel(BASE_KEY, Packet.from_bytes(CHALLENGE).data, client.data[8:16])


@pytest.mark.parametrize("raw", GOLDEN)
def test_a_golden_packet_survives_reading_and_writing(raw: bytes) -> None:
    packet = Packet.from_bytes(raw)
    assert packet.address == 101
    assert packet.to_bytes() == raw


def test_the_handshake_reads_as_it_should() -> None:
    packets = [Packet.from_bytes(raw) for raw in GOLDEN]
    assert [packet.code for packet in packets] == [
        CommandCode.CHALLENGE,
        ReplyCode.CLIENT_CRYPTOGRAM,
        CommandCode.SERVER_CRYPTOGRAM,
        ReplyCode.INITIAL_MAC,
        CommandCode.IDENTITY,
    ]
    assert [packet.is_reply for packet in packets] == [False, True, False, True, False]
    assert [packet.sequence for packet in packets] == [1, 1, 2, 2, 3]
    assert packets[-1].security == SecurityType.COMMAND_ENCRYPTED


def test_our_keys_give_the_golden_cryptograms() -> None:
    channel = golden_channel()
    assert channel.client_cryptogram_is(Packet.from_bytes(CLIENT).data[16:])
    assert channel.server_cryptogram == Packet.from_bytes(SERVER).data
    assert channel.initial_mac == Packet.from_bytes(INITIAL_MAC).data


def test_we_seal_the_golden_command_byte_for_byte() -> None:
    assert golden_channel().seal_command(Packet(101, 3, CommandCode.IDENTITY, b"\x00")) == IDENTITY


def test_the_golden_command_opens() -> None:
    opened = golden_channel().open_command(Packet.from_bytes(IDENTITY))
    assert (opened.code, opened.data, opened.security) == (CommandCode.IDENTITY, b"\x00", None)


@pytest.mark.parametrize("position", range(len(IDENTITY) - 2))
def test_no_changed_byte_of_a_protected_command_opens(position: int) -> None:
    changed = bytearray(IDENTITY)
    changed[position] ^= 0x10
    try:
        packet = _reread(bytes(changed))
    except MalformedData:
        return
    with pytest.raises(TrustError):
        golden_channel().open_command(packet)


def _reread(changed: bytes) -> Packet:
    """The changed packet with a CRC that holds again."""
    return Packet.from_bytes(changed[:-2] + crc16_ccitt(changed[:-2]).to_bytes(2, "little"))


def test_a_session_of_both_ends_chains_its_macs() -> None:
    panel, unit = golden_channel(), golden_channel()
    for number, data in enumerate((b"", b"\x00\x05\x1e\x00", b"x" * 15, b"y" * 16, b"z" * 17)):
        raw = panel.seal_command(Packet(1, number % 4, CommandCode.OUTPUT, data))
        assert unit.open_command(Packet.from_bytes(raw)).data == data
        answer = unit.seal_reply(Packet(1, number % 4, ReplyCode.ACK, data[::-1], is_reply=True))
        assert panel.open_reply(Packet.from_bytes(answer)).data == data[::-1]


def test_a_recorded_command_cannot_be_replayed() -> None:
    panel, unit = golden_channel(), golden_channel()
    raw = panel.seal_command(Packet(1, 1, CommandCode.OUTPUT, b"\x00\x05\x1e\x00"))
    unit.open_command(Packet.from_bytes(raw))
    panel.open_reply(Packet.from_bytes(unit.seal_reply(Packet(1, 1, ReplyCode.ACK, is_reply=True))))
    with pytest.raises(TrustError, match="MAC"):
        unit.open_command(Packet.from_bytes(raw))


def test_a_reply_is_no_command() -> None:
    panel, unit = golden_channel(), golden_channel()
    unit.open_command(Packet.from_bytes(panel.seal_command(Packet(1, 1, CommandCode.POLL))))
    reply = Packet.from_bytes(unit.seal_reply(Packet(1, 1, ReplyCode.ACK, is_reply=True)))
    with pytest.raises(TrustError, match="not protected"):
        panel.open_reply(replace(reply, is_reply=False))


def test_an_unprotected_packet_does_not_open() -> None:
    with pytest.raises(TrustError, match="not protected"):
        golden_channel().open_reply(Packet(1, 1, ReplyCode.ACK, is_reply=True))


@pytest.mark.parametrize(
    ("buffer", "problem"),
    [
        (bytes.fromhex("5365070004"), "length"),
        (bytes.fromhex("536500ff04"), "length"),
        (bytes.fromhex("5365080000"), "checksum"),
    ],
)
def test_impossible_headers_are_refused(buffer: bytes, problem: str) -> None:
    with pytest.raises(MalformedData, match=problem):
        packet_length(buffer)


def test_a_header_that_is_still_arriving_has_no_length() -> None:
    assert packet_length(b"\x53\x65\x13") is None


@pytest.mark.parametrize(
    "body",
    [
        bytes.fromhex("53650900" + "0c" + "09" + "60"),  # security block longer than the packet
        bytes.fromhex("53650a00" + "0c" + "0215" + "60"),  # protected, but no room for a MAC
        bytes.fromhex("53650900" + "0c" + "02" + "11"),  # security block and nothing after it
    ],
)
def test_a_packet_with_a_wrong_inside_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedData):
        Packet.from_bytes(body + crc16_ccitt(body).to_bytes(2, "little"))


def test_a_wrong_crc_is_refused() -> None:
    with pytest.raises(MalformedData):
        Packet.from_bytes(CHALLENGE[:-1] + b"\x00")


def test_the_splitter_drops_the_mark_byte_and_noise() -> None:
    frames = packet_splitter()
    assert frames.receive(b"\xff" + CHALLENGE + b"\x00\xff" + CLIENT) == [CHALLENGE, CLIENT]
    assert frames.stray_bytes == 3
