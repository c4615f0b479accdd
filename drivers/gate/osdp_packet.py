"""OSDP v2 packets: bytes ↔ values, both directions. No I/O, no cryptography.

A packet is `53 address length(2) control [security block] code data [MAC(4)] CRC(2)`, little-endian, IEC 60839-11-5 §5.
Only the CRC-16 form is spoken; a peripheral that answers with the one-byte checksum is not one that we configure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from drivers.framing import FrameSplitter, crc16_ccitt
from egate.model.errors import MalformedData

START = 0x53
REPLY_BIT = 0x80  # in the address byte
BROADCAST_ADDRESS = 0x7F
SEQUENCE_BITS = 0x03
CRC_BIT = 0x04  # in the control byte
SECURITY_BIT = 0x08
HEADER_SIZE = 5
CRC_SIZE = 2
MAC_SIZE = 4
SMALLEST_PACKET_BYTES = HEADER_SIZE + 1 + CRC_SIZE
LARGEST_PACKET_BYTES = 1440  # IEC 60839-11-5 §5.6: no message is longer
PROTECTED_TYPES = frozenset({0x15, 0x16, 0x17, 0x18})  # security blocks that carry a MAC
ENCRYPTED_TYPES = frozenset({0x17, 0x18})


class CommandCode(IntEnum):
    """What a control panel asks (IEC 60839-11-5 §6, the ones that a gate needs)."""

    POLL = 0x60
    IDENTITY = 0x61
    CAPABILITIES = 0x62
    LOCAL_STATUS = 0x64
    INPUT_STATUS = 0x65
    OUTPUT_STATUS = 0x66
    OUTPUT = 0x68
    LAMP = 0x69
    BUZZER = 0x6A
    CHALLENGE = 0x76
    SERVER_CRYPTOGRAM = 0x77


class ReplyCode(IntEnum):
    """What a peripheral answers (IEC 60839-11-5 §7)."""

    ACK = 0x40
    NAK = 0x41
    IDENTITY = 0x45
    CAPABILITIES = 0x46
    LOCAL_STATUS = 0x48
    INPUT_STATUS = 0x49
    OUTPUT_STATUS = 0x4A
    CLIENT_CRYPTOGRAM = 0x76
    INITIAL_MAC = 0x78
    BUSY = 0x79


class NakReason(IntEnum):
    """Why a peripheral refuses (IEC 60839-11-5 §7.3)."""

    BAD_CHECK = 1
    BAD_LENGTH = 2
    UNKNOWN_COMMAND = 3
    WRONG_SEQUENCE = 4
    NO_SECURITY = 5
    SECURITY_REQUIRED = 6


class SecurityType(IntEnum):
    """Kinds of security block; even ones belong to replies."""

    CHALLENGE = 0x11
    CLIENT_CRYPTOGRAM = 0x12
    SERVER_CRYPTOGRAM = 0x13
    INITIAL_MAC = 0x14
    COMMAND_MAC = 0x15
    REPLY_MAC = 0x16
    COMMAND_ENCRYPTED = 0x17
    REPLY_ENCRYPTED = 0x18


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet without its check value; `security` is the type of its security block, `data` as it stands on the wire."""

    address: int
    sequence: int
    code: int
    data: bytes = field(default=b"", repr=False)
    is_reply: bool = False
    security: int | None = None
    security_data: bytes = b""
    mac: bytes = field(default=b"", repr=False)

    def head_and_data(self) -> bytes:
        """The bytes that a MAC covers: everything before it, with the whole length already written."""
        block = b"" if self.security is None else bytes((2 + len(self.security_data), self.security)) + self.security_data
        mac_size = MAC_SIZE if self.security in PROTECTED_TYPES else 0
        length = HEADER_SIZE + len(block) + 1 + len(self.data) + mac_size + CRC_SIZE
        control = (self.sequence & SEQUENCE_BITS) | CRC_BIT | (SECURITY_BIT if block else 0)
        address = self.address | (REPLY_BIT if self.is_reply else 0)
        return (
            bytes((START, address)) + length.to_bytes(2, "little") + bytes((control,)) + block + bytes((self.code,)) + self.data
        )

    def to_bytes(self) -> bytes:
        """The packet as it goes onto the wire."""
        body = self.head_and_data() + self.mac
        return body + crc16_ccitt(body).to_bytes(2, "little")

    @classmethod
    def from_bytes(cls, raw: bytes) -> Packet:
        """Read one whole packet; raises MalformedData."""
        doing = "read an OSDP packet"
        if raw[:1] != bytes((START,)) or packet_length(raw) != len(raw) or not crc_holds(raw):
            raise MalformedData(doing, "start, length or CRC is wrong")
        control, body = raw[4], raw[HEADER_SIZE:-CRC_SIZE]
        if control & ~(SEQUENCE_BITS | CRC_BIT | SECURITY_BIT):
            # A MAC is computed over the packet as we would write it, so every bit must have a meaning.
            raise MalformedData(doing, "reserved control bits are set")
        security, security_data = None, b""
        if control & SECURITY_BIT:
            if len(body) < 2 or not 2 <= body[0] < len(body):
                raise MalformedData(doing, "the security block is longer than the packet")
            security, security_data, body = body[1], body[2 : body[0]], body[body[0] :]
        mac = b""
        if security in PROTECTED_TYPES:
            if len(body) < 1 + MAC_SIZE:
                raise MalformedData(doing, "the MAC is missing")
            body, mac = body[:-MAC_SIZE], body[-MAC_SIZE:]
        return cls(
            address=raw[1] & ~REPLY_BIT,
            sequence=control & SEQUENCE_BITS,
            code=body[0],
            data=body[1:],
            is_reply=bool(raw[1] & REPLY_BIT),
            security=security,
            security_data=security_data,
            mac=mac,
        )


def packet_length(buffer: bytes) -> int | None:
    """Whole length of the packet at the front, None while the header is incomplete; raises MalformedData."""
    if len(buffer) < HEADER_SIZE:
        return None
    length = int.from_bytes(buffer[2:4], "little")
    if not SMALLEST_PACKET_BYTES <= length <= LARGEST_PACKET_BYTES:
        raise MalformedData("read an OSDP packet", "the length is impossible")
    if not buffer[4] & CRC_BIT:
        raise MalformedData("read an OSDP packet", "it has a checksum instead of a CRC")
    return length


def crc_holds(raw: bytes) -> bool:
    """Whether the last two bytes are the CRC of the others."""
    return crc16_ccitt(raw[:-CRC_SIZE]) == int.from_bytes(raw[-CRC_SIZE:], "little")


def packet_splitter() -> FrameSplitter:
    """Cuts OSDP packets out of a byte stream; the mark byte FFh before a packet falls away as a stray byte."""
    return FrameSplitter(bytes((START,)), packet_length, crc_holds, LARGEST_PACKET_BYTES)
