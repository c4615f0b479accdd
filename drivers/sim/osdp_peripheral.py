"""The peripheral's side of OSDP v2: bytes in, replies out. No I/O, no clock.

It plays a unit that is set to secure channel only, and for the tests also the units that a controller must refuse: one that
talks in the clear, one that still has the default key. A question that comes a second time, byte for byte, gets the same
answer and is not carried out again (IEC 60839-11-5 §5.7). Who feeds it calls `idle` when the line was silent between two bytes
for longer than a packet may pause, so that a packet whose length was hurt does not swallow the ones after it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from drivers.gate.osdp_lamps import parse_buzzer, parse_lamps
from drivers.gate.osdp_packet import (
    SECURITY_BIT,
    SEQUENCE_BITS,
    CommandCode,
    NakReason,
    Packet,
    ReplyCode,
    SecurityType,
    packet_splitter,
)
from drivers.gate.osdp_secure import DEFAULT_KEY, RANDOM_SIZE, SecureChannel
from egate.model.errors import MalformedData, TrustError
from egate.model.lane import Lamp

ORDER_SIZE = 4
CANNOT_DO = 9  # NAK: the data cannot be carried out
DEFAULT_KEY_MARK, OWN_KEY_MARK = b"\x00", b"\x01"
PUBLIC_CODES = frozenset({CommandCode.IDENTITY, CommandCode.CAPABILITIES})
LAST_SEQUENCE = 3


class PeripheralMode(Enum):
    """How the unit was set up."""

    SECURE = "secure"
    PLAIN = "plain"
    INSTALL = "install"


class Unit(Protocol):
    """What hangs behind the peripheral."""

    def inputs(self) -> tuple[bool, ...]:
        """The contacts now."""
        ...

    def outputs(self) -> tuple[bool, ...]:
        """The outputs now."""
        ...

    def tampered(self) -> bool:
        """The cabinet's contact."""
        ...

    def timed_on(self, output: int, seconds: float) -> None:
        """Switch an output on for a time."""
        ...

    def off(self, output: int) -> None:
        """Switch an output off."""
        ...

    def power_failed(self) -> bool:
        """Whether the unit runs without its mains."""
        ...

    def shine(self, lamp: Lamp, seconds: float, *, blinking: bool) -> None:
        """Light the lamps for a time; 0 puts them out."""
        ...

    def sound(self, seconds: float) -> None:
        """Sound the buzzer for a time; 0 is silence."""
        ...


@dataclass(frozen=True, slots=True)
class PeripheralSettings:
    """Address, key and name plate of a simulated unit."""

    key: bytes = field(repr=False)
    address: int = 1
    mode: PeripheralMode = PeripheralMode.SECURE
    vendor: bytes = b"\x0e\x6a\x7e"
    model: int = 2
    serial: int = 1
    lamps: int = 1
    buzzers: int = 1


class Peripheral:
    """One peripheral on one line."""

    def __init__(self, settings: PeripheralSettings, unit: Unit, entropy: Callable[[int], bytes]) -> None:
        self.orders: list[tuple[int, int, int]] = []
        self.latched_orders = 0
        self.settings = settings
        self._key = DEFAULT_KEY if settings.mode is PeripheralMode.INSTALL else settings.key
        self._unit = unit
        self._entropy = entropy
        self._splitter = packet_splitter()
        self._reported = (self._local_status(), unit.inputs())
        self.reset()

    def reset(self) -> None:
        """Power up: no session, no memory of the last question."""
        self._channel: SecureChannel | None = None
        self._opening: SecureChannel | None = None
        self._sequence = 0
        self._last_question = b""
        self._last_reply = b""
        self._splitter.reset()

    @property
    def secure(self) -> bool:
        """Whether a secure session stands."""
        return self._channel is not None

    def idle(self) -> None:
        """The line was silent: a packet that had begun has no end (IEC 60839-11-5 §5.6)."""
        self._splitter.reset()

    def receive(self, data: bytes) -> list[bytes]:
        """Bytes from the line; returns the replies to send."""
        replies = [self._reply_to(frame) for frame in self._splitter.receive(data)]
        return [reply for reply in replies if reply]

    def _reply_to(self, frame: bytes) -> bytes:
        """The reply to one frame; empty when it is not for us."""
        try:
            packet = Packet.from_bytes(frame)
        except MalformedData:
            return self._refuse_block(frame)
        if packet.is_reply or packet.address != self.settings.address:
            return b""
        if frame == self._last_question and packet.sequence != 0:
            return self._last_reply
        if packet.sequence == 0:
            self._channel = self._opening = None
        elif packet.sequence != self._sequence % LAST_SEQUENCE + 1:
            return self._clear(packet, ReplyCode.NAK, bytes((NakReason.WRONG_SEQUENCE,)))
        self._sequence = packet.sequence
        self._last_question, self._last_reply = frame, self._answer(packet)
        return self._last_reply

    def _refuse_block(self, frame: bytes) -> bytes:
        """A sound packet for us whose security block has no MAC (PyPI's osdp 1.6 begins so): NAK, and the sequence goes on."""
        if frame[1] != self.settings.address or not frame[4] & SECURITY_BIT:
            return b""
        self._sequence = frame[4] & SEQUENCE_BITS
        question = Packet(self.settings.address, self._sequence, CommandCode.POLL)
        return self._clear(question, ReplyCode.NAK, bytes((NakReason.SECURITY_REQUIRED,)))

    def _answer(self, packet: Packet) -> bytes:
        """The reply to a packet that is ours and in sequence."""
        if packet.code == CommandCode.CHALLENGE:
            return self._challenge(packet)
        if packet.code == CommandCode.SERVER_CRYPTOGRAM:
            return self._server_cryptogram(packet)
        channel = self._channel
        if channel is None:
            if packet.code in PUBLIC_CODES or self.settings.mode is PeripheralMode.PLAIN:
                return self._clear(packet, *self._carry_out(packet))
            return self._clear(packet, ReplyCode.NAK, bytes((NakReason.SECURITY_REQUIRED,)))
        try:
            opened = channel.open_command(packet)
        except TrustError:
            self._channel = None
            return self._clear(packet, ReplyCode.NAK, bytes((NakReason.SECURITY_REQUIRED,)))
        code, data = self._carry_out(opened)
        return channel.seal_reply(self._packet(packet, code, data))

    def _challenge(self, packet: Packet) -> bytes:
        """CHLNG: prove that we know the key."""
        if self.settings.mode is PeripheralMode.PLAIN or len(packet.data) != RANDOM_SIZE:
            return self._clear(packet, ReplyCode.NAK, bytes((NakReason.NO_SECURITY,)))
        own_random = self._entropy(RANDOM_SIZE)
        self._opening = SecureChannel(self._key, packet.data, own_random)
        name_plate = self.settings.vendor + bytes((self.settings.model, 1)) + self.settings.serial.to_bytes(3, "little")
        return self._handshake(packet, ReplyCode.CLIENT_CRYPTOGRAM, name_plate + own_random + self._opening.client_cryptogram)

    def _server_cryptogram(self, packet: Packet) -> bytes:
        """SCRYPT: the panel proves that it knows the key."""
        opening, self._opening = self._opening, None
        if opening is None or not opening.server_cryptogram_is(packet.data):
            return self._clear(packet, ReplyCode.NAK, bytes((NakReason.SECURITY_REQUIRED,)))
        self._channel = opening
        return self._handshake(packet, ReplyCode.INITIAL_MAC, opening.initial_mac)

    def _carry_out(self, packet: Packet) -> tuple[int, bytes]:
        """What the unit does and says for one command."""
        unit = self._unit
        answers: dict[int, Callable[[], tuple[int, bytes]]] = {
            CommandCode.POLL: self._news,
            CommandCode.IDENTITY: lambda: (ReplyCode.IDENTITY, self._identity()),
            CommandCode.CAPABILITIES: lambda: (ReplyCode.CAPABILITIES, self._capabilities()),
            CommandCode.LOCAL_STATUS: lambda: (ReplyCode.LOCAL_STATUS, self._local_status()),
            CommandCode.INPUT_STATUS: lambda: (ReplyCode.INPUT_STATUS, bytes(unit.inputs())),
            CommandCode.OUTPUT_STATUS: lambda: (ReplyCode.OUTPUT_STATUS, bytes(unit.outputs())),
            CommandCode.OUTPUT: lambda: self._order(packet.data),
        }
        if self.settings.lamps:
            answers[CommandCode.LAMP] = lambda: self._shine(packet.data)
        if self.settings.buzzers:
            answers[CommandCode.BUZZER] = lambda: self._sound(packet.data)
        return answers.get(packet.code, lambda: (ReplyCode.NAK, bytes((NakReason.UNKNOWN_COMMAND,))))()

    def _order(self, data: bytes) -> tuple[int, bytes]:
        """OUT: only off and timed on; anything that would latch is refused and counted."""
        if not data or len(data) % ORDER_SIZE:
            return ReplyCode.NAK, bytes((NakReason.BAD_LENGTH,))
        for index in range(0, len(data), ORDER_SIZE):
            output, control = data[index], data[index + 1]
            units = int.from_bytes(data[index + 2 : index + 4], "little")
            self.orders.append((output, control, units))
            if output >= len(self._unit.outputs()) or control not in (1, 5):
                self.latched_orders += control in (2, 4)
                return ReplyCode.NAK, bytes((CANNOT_DO,))
            if control == 5:
                self._unit.timed_on(output, units / 10)
            else:
                self._unit.off(output)
        return ReplyCode.ACK, b""

    def _shine(self, data: bytes) -> tuple[int, bytes]:
        """LED: only for a time; a lamp that would stay lit is refused."""
        try:
            orders = parse_lamps(data)
        except MalformedData:
            return ReplyCode.NAK, bytes((CANNOT_DO,))
        if any(order.reader or order.number >= self.settings.lamps for order in orders):
            return ReplyCode.NAK, bytes((CANNOT_DO,))
        for order in orders:
            self._unit.shine(order.lamp, order.seconds, blinking=order.blinking)
        return ReplyCode.ACK, b""

    def _sound(self, data: bytes) -> tuple[int, bytes]:
        """BUZ: only for a time."""
        try:
            order = parse_buzzer(data)
        except MalformedData:
            return ReplyCode.NAK, bytes((CANNOT_DO,))
        self._unit.sound(order.seconds)
        return ReplyCode.ACK, b""

    def _local_status(self) -> bytes:
        """LSTATR: the cabinet's contact and the power."""
        return bytes((self._unit.tampered(), self._unit.power_failed()))

    def _news(self) -> tuple[int, bytes]:
        """POLL: what changed since it was last told."""
        status, inputs = self._local_status(), self._unit.inputs()
        told_status, told_inputs = self._reported
        if status != told_status:
            self._reported = (status, told_inputs)
            return ReplyCode.LOCAL_STATUS, status
        if inputs != told_inputs:
            self._reported = (status, inputs)
            return ReplyCode.INPUT_STATUS, bytes(inputs)
        return ReplyCode.ACK, b""

    def _identity(self) -> bytes:
        plate = self.settings
        return plate.vendor + bytes((plate.model, 1)) + plate.serial.to_bytes(4, "little") + bytes((1, 0, 0))

    def _capabilities(self) -> bytes:
        """Contacts, outputs, lamps, buzzer, CRC, AES-128 secure channel, receive buffer."""
        contacts, outputs = len(self._unit.inputs()), len(self._unit.outputs())
        security = 0 if self.settings.mode is PeripheralMode.PLAIN else 1
        signals = bytes((4, 4, self.settings.lamps, 5, 1, self.settings.buzzers))
        return bytes((1, 1, contacts, 2, 2, outputs)) + signals + bytes((8, 1, 0, 9, security, security, 10, 0, 4))

    def _handshake(self, question: Packet, code: int, data: bytes) -> bytes:
        kind = SecurityType.CLIENT_CRYPTOGRAM if code == ReplyCode.CLIENT_CRYPTOGRAM else SecurityType.INITIAL_MAC
        mark = DEFAULT_KEY_MARK if self.settings.mode is PeripheralMode.INSTALL else OWN_KEY_MARK
        if kind is SecurityType.INITIAL_MAC:
            mark = OWN_KEY_MARK
        return Packet(
            self.settings.address, question.sequence, code, data, is_reply=True, security=kind, security_data=mark
        ).to_bytes()

    def _packet(self, question: Packet, code: int, data: bytes) -> Packet:
        return Packet(self.settings.address, question.sequence, code, data, is_reply=True)

    def _clear(self, question: Packet, code: int, data: bytes) -> bytes:
        return self._packet(question, code, data).to_bytes()
