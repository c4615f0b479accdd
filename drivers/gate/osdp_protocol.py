"""The control panel's side of OSDP v2 as dialogues: they yield packets to send and receive what came back. No I/O.

Rules:

1. Nothing but the handshake is ever said in the clear; a peripheral without secure channel, with another key, or with the
   published default key is an error, never a fallback (L5).
2. Outputs know two orders: on for a time in units of 100 ms, and off. There is no word for a latched or toggled output
   (I3, I4), so a repeated order does no more than the first one.
3. An unanswered question is repeated once, byte for byte with the same sequence number; then the session is given up and
   made anew at once. What does not belong to the question is dropped (L7): an answer with another sequence number, one
   whose MAC does not continue the chain, a cryptogram for an earlier challenge. Each challenge has a random of its own.

A dialogue yields bytes to send, or `WAIT` to hear more without sending; it receives one whole frame, or None when the
time for an answer was over.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

from drivers.counters import DeviceCounters
from drivers.gate.osdp_packet import (
    BROADCAST_ADDRESS,
    PROTECTED_TYPES,
    CommandCode,
    NakReason,
    Packet,
    ReplyCode,
    SecurityType,
)
from drivers.gate.osdp_secure import KEY_SIZE, RANDOM_SIZE, BlockKey, SecureChannel, checked_base_key
from egate.model.errors import DeviceError, MalformedData, TrustError

REPEATS = 1  # of an unanswered question, with the same sequence number
BUSY_LIMIT = 10  # BUSY answers to one question before the session is given up
STRAY_LIMIT = 8  # foreign or late packets heard while waiting for one answer
STRANGERS = 2  # answers that do not fit our key before it is the key: one alone may be late
LAST_SEQUENCE = 3  # 0 only opens a session, then 1, 2, 3, 1 …
UNIT_S = 0.1  # timed outputs count in units of 100 ms
ROUNDING = 1e-6  # 2.3 s are 23 units, though 2.3 / 0.1 is a little less
LONGEST_LEASE_S = 10.0  # requirement I3
OWN_KEY = b"\x01"  # security block data: the configured key; 00 would be the default key
CLIENT_HEAD = 8  # bytes of the client's identity before its random in a CCRYPT reply
WAIT = b""
_OPENING = "open the secure channel"

ValueT = TypeVar("ValueT")
Dialogue = Generator[bytes, "bytes | None", ValueT]


class SessionLost(DeviceError):
    """The peripheral does not answer, or broke the chain: a new handshake may bring it back."""


class UnitRefused(DeviceError):
    """The peripheral answers, but must not be trusted (L5) or is another one than configured (L13)."""


class OutputControl(IntEnum):
    """The only two output control codes that this panel can say (IEC 60839-11-5 §6.10)."""

    OFF = 0x01
    ON_FOR_A_TIME = 0x05


class CapabilityCode(IntEnum):
    """Function codes of a capability report that a gate depends on."""

    CONTACTS = 1
    OUTPUTS = 2
    LAMPS = 4
    BUZZERS = 5
    SECURITY = 9


@dataclass(frozen=True, slots=True)
class UnitIdentity:
    """Who the peripheral says it is."""

    vendor: str
    model: int
    version: int
    serial: int
    firmware: str


@dataclass(frozen=True, slots=True)
class LocalStatus:
    """The peripheral's own contacts."""

    tamper: bool
    power_fault: bool


def encode_timed_output(output: int, lease_s: float, spent_s: float = 0.0) -> bytes:
    """Data of an order to switch an output on for a time, in whole 100 ms and never longer than `lease_s`.

    `spent_s` of the lease went by before the order was sent; less than half a unit does not count. Raises DeviceError for a
    lease beyond the limits, and for one that is over.
    """
    doing = "order a timed output"
    units = int(lease_s / UNIT_S + ROUNDING)
    if not 1 <= units <= round(LONGEST_LEASE_S / UNIT_S):
        raise DeviceError(doing, f"the time must be {UNIT_S} to {LONGEST_LEASE_S} s")
    rest = units - int(spent_s / UNIT_S + 0.5)
    if rest < 1:
        raise DeviceError(doing, "the gate unit did not acknowledge while the lease ran")
    return bytes((output, OutputControl.ON_FOR_A_TIME)) + rest.to_bytes(2, "little")


def encode_output_off(output: int) -> bytes:
    """Data of an order to switch an output off and end its time."""
    return bytes((output, OutputControl.OFF, 0, 0))


def parse_identity(data: bytes) -> UnitIdentity:
    """Read a PDID report; raises MalformedData."""
    if len(data) != 12:
        raise MalformedData("read the gate unit's identity", "it is not 12 bytes long")
    return UnitIdentity(
        vendor=data[:3].hex(),
        model=data[3],
        version=data[4],
        serial=int.from_bytes(data[5:9], "little"),
        firmware=".".join(str(part) for part in data[9:12]),
    )


def parse_capabilities(data: bytes) -> dict[int, int]:
    """Read a PDCAP report as number of items (for security: compliance bits) by function code; raises MalformedData."""
    if len(data) % 3:
        raise MalformedData("read the gate unit's capabilities", "it is not made of groups of three bytes")
    groups = [data[index : index + 3] for index in range(0, len(data), 3)]
    return {code: compliance if code == CapabilityCode.SECURITY else count for code, compliance, count in groups}


def parse_contacts(data: bytes) -> tuple[bool, ...]:
    """Read an input or output status report: one byte for each contact, not zero means active."""
    return tuple(byte != 0 for byte in data)


def parse_local_status(data: bytes) -> LocalStatus:
    """Read an LSTATR report; raises MalformedData."""
    if len(data) != 2:
        raise MalformedData("read the gate unit's local status", "it is not 2 bytes long")
    return LocalStatus(tamper=data[0] != 0, power_fault=data[1] != 0)


class ControlPanel:
    """One session at a time with one peripheral. `entropy` gives that many unpredictable bytes."""

    def __init__(self, address: int, key: bytes | BlockKey, entropy: Callable[[int], bytes], counters: DeviceCounters) -> None:
        doing = f"configure OSDP address {address}"
        if not 0 <= address < BROADCAST_ADDRESS:
            raise DeviceError(doing, "the address must be 0 to 126")
        self._address = address
        self._key = checked_base_key(key, doing)
        self._entropy = entropy
        self._counters = counters
        self._sequence = 0
        self._channel: SecureChannel | None = None
        self._strangers = 0

    @property
    def secure(self) -> bool:
        """Whether a secure session stands."""
        return self._channel is not None

    def end_session(self) -> None:
        """Forget the session's keys; the next question needs a handshake."""
        self._channel = None

    def handshake(self, repeats: int = REPEATS) -> Dialogue[None]:
        """Open a secure session; raises SessionLost for silence and UnitRefused for a unit that must not be trusted.

        `repeats` of a challenge without an answer: none for a unit that is away and shares its line.
        """
        self._channel = None
        self._sequence = 0
        channel = yield from self._challenge(repeats)
        yield from self._prove(channel)
        self._channel, self._strangers = channel, 0
        self._counters.sessions += 1

    def ask(self, code: CommandCode, data: bytes = b"") -> Dialogue[Packet]:
        """One question inside the session; raises SessionLost, or DeviceError when the unit refuses."""
        channel = self._channel
        if channel is None:
            raise SessionLost("ask the gate unit", "there is no secure session")
        raw = channel.seal_command(Packet(self._address, self._sequence, code, data))
        try:
            answer = yield from self._exchange(lambda: raw, lambda reply: self._opened(reply, channel))
        except SessionLost:
            self._channel = None
            raise
        if answer.code == ReplyCode.NAK:
            return self._refusal(answer)
        return answer

    def _challenge(self, repeats: int) -> Dialogue[SecureChannel]:
        """CHLNG: the peripheral proves that it knows our key. A cryptogram for an earlier challenge is late, not wrong."""
        panel_random = b""

        def question() -> bytes:
            nonlocal panel_random
            panel_random = self._entropy(RANDOM_SIZE)
            return self._in_the_clear(CommandCode.CHALLENGE, panel_random, SecurityType.CHALLENGE)

        def fitting(reply: Packet) -> SecureChannel | None:
            proven = self._judge_client(reply, panel_random)
            self._strangers += proven is None
            return proven

        try:
            return (yield from self._exchange(question, fitting, repeats))
        except SessionLost:
            if self._strangers >= STRANGERS:
                raise UnitRefused(_OPENING, "the gate unit holds another key than the configured one") from None
            raise

    def _prove(self, channel: SecureChannel) -> Dialogue[None]:
        """SCRYPT: we prove that we know the key, and both start the same MAC chain."""
        raw = self._in_the_clear(CommandCode.SERVER_CRYPTOGRAM, channel.server_cryptogram, SecurityType.SERVER_CRYPTOGRAM)
        strangers = 0

        def fitting(reply: Packet) -> Packet | None:
            nonlocal strangers
            fits = self._judge_initial_mac(reply, channel)
            strangers += not fits
            return reply if fits else None

        try:
            yield from self._exchange(lambda: raw, fitting)
        except SessionLost:
            if strangers >= STRANGERS:
                raise UnitRefused(_OPENING, "the gate unit starts another MAC chain") from None
            raise

    def _in_the_clear(self, code: CommandCode, data: bytes, security: SecurityType) -> bytes:
        """One question of the handshake."""
        return Packet(self._address, self._sequence, code, data, security=security, security_data=OWN_KEY).to_bytes()

    def _exchange(
        self, question: Callable[[], bytes], fitting: Callable[[Packet], ValueT | None], repeats: int = REPEATS
    ) -> Dialogue[ValueT]:
        """Send, repeat when nothing comes, and return what the one reply says that belongs to the question.

        `fitting` gives that, or None for one that belongs to something earlier.
        """
        attempts, busy, stray = 0, 0, 0
        raw = outgoing = question()
        while attempts <= repeats and busy <= BUSY_LIMIT and stray <= STRAY_LIMIT:
            frame = yield outgoing
            if frame is None:
                attempts += 1
                if attempts <= repeats:
                    self._counters.repeats += 1
                    raw = outgoing = question()
                continue
            reply = self._own_reply(frame)
            if reply is not None and reply.code == ReplyCode.BUSY:
                busy, outgoing = busy + 1, raw
                continue
            fits = fitting(reply) if reply is not None and reply.sequence == self._sequence else None
            if fits is not None:
                self._sequence = self._sequence % LAST_SEQUENCE + 1
                return fits
            stray, outgoing = stray + 1, WAIT
        self._counters.unanswered += 1
        raise SessionLost("ask the gate unit", "it does not answer")

    def _own_reply(self, frame: bytes) -> Packet | None:
        """The frame as a reply of our peripheral, or None for anything else (an echo, another address, an unsound block)."""
        try:
            packet = Packet.from_bytes(frame)
        except MalformedData:
            return None
        return packet if packet.is_reply and packet.address == self._address else None

    @staticmethod
    def _opened(reply: Packet, channel: SecureChannel) -> Packet | None:
        """The reply out of its protection, None for one of another chain; one without any ends the session (L5)."""
        try:
            return channel.open_reply(reply)
        except TrustError as error:
            if reply.security in PROTECTED_TYPES:
                return None
            reason = _nak_words(reply) if reply.code == ReplyCode.NAK and reply.security is None else error.problem
            raise SessionLost("ask the gate unit", f"it left the secure session ({reason})") from None

    def _refusal(self, answer: Packet) -> Packet:
        """Raise what a NAK inside the session means."""
        self._counters.refused += 1
        if answer.data[:1] == bytes((NakReason.WRONG_SEQUENCE,)):
            self._channel = None
            raise SessionLost("ask the gate unit", "it lost the sequence")
        raise DeviceError("ask the gate unit", f"it refuses the question ({_nak_words(answer)})")

    def _judge_client(self, reply: Packet, panel_random: bytes) -> SecureChannel | None:
        """The channel that a CCRYPT proves, None when it does not fit this challenge; raises DeviceError for the untrusted."""
        _refuse_nak(reply)
        if reply.code != ReplyCode.CLIENT_CRYPTOGRAM or reply.security != SecurityType.CLIENT_CRYPTOGRAM:
            raise UnitRefused(_OPENING, "the gate unit talks in the clear; it must be set to secure channel only")
        if reply.security_data != OWN_KEY:
            raise UnitRefused(_OPENING, "the gate unit uses the published default key; load an own key into it")
        if len(reply.data) != CLIENT_HEAD + RANDOM_SIZE + KEY_SIZE:
            raise UnitRefused(_OPENING, "the gate unit's cryptogram has the wrong length")
        peripheral_random = reply.data[CLIENT_HEAD : CLIENT_HEAD + RANDOM_SIZE]
        channel = SecureChannel(self._key, panel_random, peripheral_random)
        return channel if channel.client_cryptogram_is(reply.data[CLIENT_HEAD + RANDOM_SIZE :]) else None

    @staticmethod
    def _judge_initial_mac(reply: Packet, channel: SecureChannel) -> bool:
        """Whether the peripheral accepted us and starts the same MAC chain; raises DeviceError when it does not accept us."""
        _refuse_nak(reply)
        if reply.code != ReplyCode.INITIAL_MAC or reply.security_data != b"\x01":
            raise UnitRefused(_OPENING, "the gate unit does not accept our key")
        return channel.initial_mac_is(reply.data)


def _refuse_nak(reply: Packet) -> None:
    """A NAK during the handshake: the unit has no secure channel, or not with us."""
    if reply.code == ReplyCode.NAK:
        raise UnitRefused(_OPENING, f"the gate unit offers none or refuses it ({_nak_words(reply)})")


def _nak_words(packet: Packet) -> str:
    """A NAK's reason in words."""
    reason = packet.data[0] if packet.data else 0
    try:
        return f"NAK {reason}: {NakReason(reason).name.lower().replace('_', ' ')}"
    except ValueError:
        return f"NAK {reason}"
