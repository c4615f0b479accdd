"""What answers on a serial port. It is asked for its name and nothing else: no order is sent, and nothing can unlock.

The questions, in this order, each at the speeds that such devices have: a PN532 for its firmware version; an OSDP unit, by a
poll in the clear, at its first addresses (a unit that insists on its secure channel refuses the poll, and so tells what it is);
Modbus boards and framed gate boards, by reads (egate.app.devices.recognise_gate).
An MRZ reader cannot be asked: it speaks when a document is laid on it, so a port that is silent is listened to as long as the
technician allows, with every make's framing at once. What a document says is not kept, only which make its bytes fit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from drivers.gate.osdp_packet import CommandCode, NakReason, Packet, ReplyCode, packet_splitter
from drivers.link import LinkSettings, SerialLink
from drivers.reader.mrz_profiles import MRZ_PROFILES
from drivers.reader.mrz_protocol import line_collector
from drivers.reader.pn532_protocol import (
    CHIP,
    HOST,
    WAKE_UP,
    Command,
    FrameKind,
    encode_frame,
    frame_splitter,
    parse_firmware,
    parse_frame,
)
from egate.app.devices.recognise_gate import FoundBoards, ask_framed, ask_modbus
from egate.model.errors import DeviceError, MalformedData
from egate.ports import Clock

PN532_BAUDS = (115_200, 921_600)
"""After power-up, and what our driver raises it to; a PN532 keeps that until it is reset."""
OSDP_BAUDS = (115_200, 9600, 38_400, 19_200)
OSDP_ADDRESSES = range(8)
PN532_WITHIN_S = 0.15
OSDP_WITHIN_S = 0.06
GAP_S = 0.2
"""Silence that ends a document of a make without an end mark."""
LINE_LENGTHS = frozenset({30, 36, 44})
_PN532 = 0x32


class Kind(Enum):
    """What a port turned out to be."""

    PN532 = "PN532 chip reader"
    OSDP = "OSDP unit"
    MODBUS = "Modbus boards"
    FRAMED = "framed gate board"
    MRZ = "MRZ reader"
    TALKING = "a device that speaks unasked, in no way that is known here"
    SILENT = "silent"
    CLOSED = "cannot be opened"


@dataclass(frozen=True, slots=True)
class Recognised:
    """The answer: at which speed, at which address, of which make of MRZ reader or gate board, which boards, and in words."""

    kind: Kind
    words: str
    baud: int = 0
    address: int = 0
    profile: str = ""
    boards: str = ""


async def recognise(port: str, clock: Clock, *, emulated: bool = False, listen_s: float = 0.0) -> Recognised:
    """Ask what is on a port; never raises for what it finds. The port is closed again."""
    try:
        link = SerialLink(LinkSettings(port, PN532_BAUDS[0], emulated), clock)
        await link.open()
    except DeviceError as error:
        return Recognised(Kind.CLOSED, error.problem)
    try:
        return await _ask_all(link, clock, listen_s)
    except DeviceError as error:
        return Recognised(Kind.CLOSED, f"lost while it was asked ({error.problem})")
    finally:
        await link.close()


async def _ask_all(link: SerialLink, clock: Clock, listen_s: float) -> Recognised:
    heard = 0
    for ask in (_ask_pn532, _ask_osdp, _ask_boards):
        found = await ask(link, clock)
        if isinstance(found, Recognised):
            return found
        heard += found
    if listen_s > 0:
        found = await _listen(link, clock, listen_s)
        if isinstance(found, Recognised):
            return found
        heard += found
    if heard:
        return Recognised(Kind.TALKING, f"{heard} bytes came that fit nothing known here; is the speed right?")
    return Recognised(Kind.SILENT, "nothing answers. An MRZ reader is silent until a document is laid on it")


async def _ask_pn532(link: SerialLink, clock: Clock) -> Recognised | int:
    """GetFirmwareVersion; the number of bytes heard when it is not answered."""
    question = WAKE_UP + encode_frame(bytes((HOST, Command.GET_FIRMWARE_VERSION)))
    heard = 0
    for baud in PN532_BAUDS:
        await link.set_baud(baud)
        splitter = frame_splitter()
        link.discard_input()
        link.write(question)
        until = clock.monotonic() + PN532_WITHIN_S
        while (rest_s := until - clock.monotonic()) > 0 and (data := await link.read(rest_s)):
            heard += len(data)
            for raw in splitter.receive(data):
                version = _firmware(raw)
                if version:
                    return Recognised(Kind.PN532, f"PN532, firmware {version}, answers at {baud} baud", baud)
    return heard


def _firmware(raw: bytes) -> str:
    """The version in a whole frame, empty when it is no answer to our question."""
    frame = parse_frame(raw)
    if frame.kind is not FrameKind.DATA or frame.payload[:2] != bytes((CHIP, Command.GET_FIRMWARE_VERSION + 1)):
        return ""
    try:
        firmware = parse_firmware(frame.payload[2:])
    except (DeviceError, MalformedData):
        return ""
    return f"{firmware.version}.{firmware.revision}" if firmware.chip == _PN532 else ""


async def _ask_osdp(link: SerialLink, clock: Clock) -> Recognised | int:
    """A poll at each address; the number of bytes heard when none is answered."""
    heard = 0
    for baud in OSDP_BAUDS:
        await link.set_baud(baud)
        for address in OSDP_ADDRESSES:
            splitter = packet_splitter()
            link.discard_input()
            link.write(b"\xff" + Packet(address, 0, CommandCode.POLL).to_bytes())
            until = clock.monotonic() + OSDP_WITHIN_S
            while (rest_s := until - clock.monotonic()) > 0 and (data := await link.read(rest_s)):
                heard += len(data)
                for raw in splitter.receive(data):
                    words = _osdp_words(raw, address)
                    if words:
                        return Recognised(Kind.OSDP, f"OSDP unit at address {address}, {baud} baud; {words}", baud, address)
    return heard


def _osdp_words(raw: bytes, address: int) -> str:
    """What a reply says about the unit, empty when it is none from `address` (our own echo is none)."""
    try:
        reply = Packet.from_bytes(raw)
    except MalformedData:
        return ""
    if not reply.is_reply or reply.address != address:
        return ""
    wants_key = reply.code == ReplyCode.NAK and reply.data[:1] in (
        bytes((NakReason.SECURITY_REQUIRED,)),
        bytes((NakReason.NO_SECURITY,)),
    )
    return "it insists on its secure channel" if wants_key else "it talks in the clear; set it to secure channel only"


async def _ask_boards(link: SerialLink, clock: Clock) -> Recognised | int:
    """Modbus boards and framed boards; the number of bytes heard when none answers."""
    heard = 0
    for ask in (ask_modbus, ask_framed):
        found = await ask(link, clock)
        if isinstance(found, FoundBoards):
            kind = Kind.FRAMED if found.profile else Kind.MODBUS
            return Recognised(kind, found.words, found.baud, found.address, found.profile, found.boards)
        heard += found
    return heard


async def _listen(link: SerialLink, clock: Clock, listen_s: float) -> Recognised | int:
    """Wait for a document, with each speed for its share of the time; the number of bytes heard when none came."""
    heard = 0
    bauds = sorted({profile.baud for profile in MRZ_PROFILES.values() if not profile.trigger})
    for baud in bauds:
        makes = [(name, line_collector(profile)) for name, profile in MRZ_PROFILES.items() if not profile.trigger]
        makes = [(name, make) for name, make in makes if MRZ_PROFILES[name].baud == baud]
        await link.set_baud(baud)
        link.discard_input()
        until = clock.monotonic() + listen_s / len(bauds)
        while (rest_s := until - clock.monotonic()) > 0:
            data = await link.read(min(GAP_S, rest_s))
            heard += len(data)
            found = _fitting((name, make.receive(data) if data else make.silence()) for name, make in makes)
            if found:
                return Recognised(Kind.MRZ, f"MRZ reader, profile {found}, at {baud} baud", baud, profile=found)
    return heard


def _fitting(makes: Iterable[tuple[str, list[tuple[str, ...]]]]) -> str:
    """The first make whose framing gave lines of a document, empty for none; every make hears the bytes."""
    fitting = [name for name, documents in makes if any(_is_zone(lines) for lines in documents)]
    return fitting[0] if fitting else ""


def _is_zone(lines: tuple[str, ...]) -> bool:
    return 2 <= len(lines) <= 3 and len(set(map(len, lines))) == 1 and len(lines[0]) in LINE_LENGTHS
