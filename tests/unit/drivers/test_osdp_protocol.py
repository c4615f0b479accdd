"""The control panel's dialogues, packet by packet, against the simulated peripheral; no wire, no clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from drivers.counters import DeviceCounters
from drivers.gate.osdp_packet import CommandCode, Packet, ReplyCode
from drivers.gate.osdp_protocol import (
    BUSY_LIMIT,
    LONGEST_LEASE_S,
    WAIT,
    ControlPanel,
    Dialogue,
    OutputControl,
    SessionLost,
    UnitRefused,
    ValueT,
    encode_output_off,
    encode_timed_output,
    parse_capabilities,
    parse_contacts,
    parse_identity,
    parse_local_status,
)
from drivers.gate.osdp_secure import DEFAULT_KEY
from drivers.sim.osdp_peripheral import Peripheral, PeripheralMode, PeripheralSettings
from egate.model.errors import DeviceError, MalformedData
from egate.model.lane import Lamp
from tests.unit.drivers.wires import KEY

Fault = Callable[[int, "bytes | None"], "bytes | None"]


class Contacts:
    """A unit without doors: remembers what it was told."""

    def __init__(self) -> None:
        self.state = [True, True, True, True, False, False, False, False]
        self.done: list[tuple[str, int, float]] = []
        self.open = False
        self.on_battery = False
        self.shown: list[tuple[Lamp, bool, float]] = []
        self.sounds: list[float] = []

    def inputs(self) -> tuple[bool, ...]:
        return tuple(self.state)

    def outputs(self) -> tuple[bool, ...]:
        return (False, False)

    def tampered(self) -> bool:
        return self.open

    def timed_on(self, output: int, seconds: float) -> None:
        self.done.append(("on", output, seconds))

    def off(self, output: int) -> None:
        self.done.append(("off", output, 0.0))

    def power_failed(self) -> bool:
        return self.on_battery

    def shine(self, lamp: Lamp, seconds: float, *, blinking: bool) -> None:
        self.shown.append((lamp, blinking, seconds))

    def sound(self, seconds: float) -> None:
        self.sounds.append(seconds)


def counting_entropy() -> Callable[[int], bytes]:
    numbers = itertools.count(1)
    return lambda size: next(numbers).to_bytes(size, "big")


def panel_for(key: bytes = KEY, address: int = 1) -> ControlPanel:
    return ControlPanel(address, key, counting_entropy(), DeviceCounters())


def peripheral_for(unit: Contacts, mode: PeripheralMode = PeripheralMode.SECURE, key: bytes = KEY) -> Peripheral:
    return Peripheral(PeripheralSettings(key, mode=mode), unit, counting_entropy())


def converse(dialogue: Dialogue[ValueT], peripheral: Peripheral, fault: Fault = lambda number, reply: reply) -> ValueT:
    """Carry a dialogue to the peripheral; `fault` changes or loses the numbered replies."""
    try:
        outgoing = next(dialogue)
        for number in itertools.count():
            replies = [] if outgoing == WAIT else peripheral.receive(outgoing)
            outgoing = dialogue.send(fault(number, replies[0] if replies else None))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # StopIteration does not carry the type
    raise AssertionError("unreachable")


def session() -> tuple[ControlPanel, Peripheral, Contacts]:
    unit = Contacts()
    panel, peripheral = panel_for(), peripheral_for(unit)
    converse(panel.handshake(), peripheral)
    return panel, peripheral, unit


def test_a_session_opens_and_asks() -> None:
    panel, peripheral, unit = session()
    assert panel.secure
    assert peripheral.secure
    identity = parse_identity(converse(panel.ask(CommandCode.IDENTITY, b"\x00"), peripheral).data)
    assert (identity.vendor, identity.model, identity.firmware) == ("0e6a7e", 2, "1.0.0")
    assert parse_capabilities(converse(panel.ask(CommandCode.CAPABILITIES, b"\x00"), peripheral).data)[1] == 8
    assert parse_contacts(converse(panel.ask(CommandCode.INPUT_STATUS), peripheral).data) == unit.inputs()
    assert parse_contacts(converse(panel.ask(CommandCode.OUTPUT_STATUS), peripheral).data) == (False, False)
    assert not parse_local_status(converse(panel.ask(CommandCode.LOCAL_STATUS), peripheral).data).tamper
    assert converse(panel.ask(CommandCode.POLL), peripheral).code == ReplyCode.ACK


def test_a_poll_brings_news_once() -> None:
    panel, peripheral, unit = session()
    unit.state[6] = True
    unit.open = True
    codes = [converse(panel.ask(CommandCode.POLL), peripheral).code for _ in range(3)]
    assert codes == [ReplyCode.LOCAL_STATUS, ReplyCode.INPUT_STATUS, ReplyCode.ACK]


def test_a_timed_order_arrives_in_units_of_100_ms() -> None:
    panel, peripheral, unit = session()
    converse(panel.ask(CommandCode.OUTPUT, encode_timed_output(1, 2.3)), peripheral)
    converse(panel.ask(CommandCode.OUTPUT, encode_output_off(1)), peripheral)
    assert unit.done == [("on", 1, 2.3), ("off", 1, 0.0)]


@pytest.mark.parametrize(
    ("lease_s", "spent_s", "units"),
    [(0.1, 0, 1), (3.0, 0.04, 30), (3.0, 0.06, 29), (2.3, 0, 23), (0.19, 0, 1), (10, 0, 100), (3, 2.94, 1)],
)
def test_a_lease_is_never_rounded_up_and_what_was_spent_is_taken_off(lease_s: float, spent_s: float, units: int) -> None:
    data = encode_timed_output(0, lease_s, spent_s)
    assert data == bytes((0, OutputControl.ON_FOR_A_TIME, units, 0))


@pytest.mark.parametrize("lease_s", [0, -1, 0.09, LONGEST_LEASE_S + 0.1, 1e9])
def test_a_lease_beyond_the_limits_is_no_order(lease_s: float) -> None:
    """I3: at most 10 s."""
    with pytest.raises(DeviceError, match="the time must be"):
        encode_timed_output(0, lease_s)


def test_a_lease_that_is_over_is_not_sent() -> None:
    with pytest.raises(DeviceError, match="while the lease ran"):
        encode_timed_output(0, 1.0, 1.2)


def test_there_is_no_word_for_a_latched_output() -> None:
    """I3, I4: codes 2 and 4 latch on, 3 and 6 leave a state behind; the panel cannot say them."""
    assert {control.value for control in OutputControl} == {1, 5}


def test_the_peripheral_counts_latching_orders() -> None:
    """The yardstick that other tests hold the driver to must itself see them."""
    panel, peripheral, unit = session()
    with pytest.raises(DeviceError, match="NAK 9"):
        converse(panel.ask(CommandCode.OUTPUT, bytes((0, 2, 0, 0))), peripheral)
    assert peripheral.latched_orders == 1
    assert unit.done == []


def test_a_lost_reply_is_repeated_and_the_order_carried_out_once() -> None:
    panel, peripheral, unit = session()
    order = panel.ask(CommandCode.OUTPUT, encode_timed_output(0, 3))
    answer = converse(order, peripheral, lambda number, reply: None if number == 0 else reply)
    assert answer.code == ReplyCode.ACK
    assert unit.done == [("on", 0, 3.0)]
    assert converse(panel.ask(CommandCode.POLL), peripheral).code == ReplyCode.ACK, "the chain must hold"


def test_two_lost_replies_end_the_session_and_a_handshake_restores_it() -> None:
    panel, peripheral, _ = session()
    with pytest.raises(SessionLost, match="does not answer"):
        converse(panel.ask(CommandCode.POLL), peripheral, lambda number, reply: None)
    assert not panel.secure
    with pytest.raises(SessionLost, match="no secure session"):
        converse(panel.ask(CommandCode.POLL), peripheral)
    converse(panel.handshake(), peripheral)
    assert converse(panel.ask(CommandCode.POLL), peripheral).code == ReplyCode.ACK


def test_a_peripheral_that_restarted_ends_the_session() -> None:
    panel, peripheral, _ = session()
    peripheral.reset()
    with pytest.raises(SessionLost):
        converse(panel.ask(CommandCode.POLL), peripheral)
    assert not panel.secure


def test_late_and_foreign_packets_are_dropped() -> None:
    """L7: another address, another sequence number, our own echo, garbage."""
    panel, peripheral, _ = session()
    dialogue = panel.ask(CommandCode.POLL)
    question = next(dialogue)
    (reply,) = peripheral.receive(question)
    foreign = Packet(2, 1, ReplyCode.ACK, is_reply=True).to_bytes()
    late = Packet(1, (Packet.from_bytes(question).sequence + 1) % 4, ReplyCode.ACK, is_reply=True).to_bytes()
    for frame in (foreign, late, question, b"garbage"):
        assert dialogue.send(frame) == WAIT
    with pytest.raises(StopIteration):
        dialogue.send(reply)


def test_an_answer_of_an_earlier_session_is_dropped() -> None:
    """L7: its sequence number fits and its MAC does not; the true answer is still taken, and the session holds."""
    panel, peripheral, _ = session()
    old = peripheral.receive(next(panel.ask(CommandCode.POLL)))[0]
    converse(panel.handshake(), peripheral)
    dialogue = panel.ask(CommandCode.POLL)
    question = next(dialogue)
    assert Packet.from_bytes(old).sequence == Packet.from_bytes(question).sequence
    assert dialogue.send(old) == WAIT
    with pytest.raises(StopIteration) as end:
        dialogue.send(peripheral.receive(question)[0])
    assert end.value.value.code == ReplyCode.ACK
    assert panel.secure


def test_a_cryptogram_for_an_earlier_challenge_is_late_and_no_other_key() -> None:
    """L7, L5: each challenge has its own random, and one answer that does not fit proves nothing about the key."""
    panel, peripheral = panel_for(), peripheral_for(Contacts())
    late = peripheral.receive(next(panel.handshake()))[0]
    dialogue = panel.handshake()
    first = next(dialogue)
    assert dialogue.send(late) == WAIT
    second = dialogue.send(None)
    assert second != first
    server_cryptogram = dialogue.send(peripheral.receive(second)[0])
    with pytest.raises(StopIteration):
        dialogue.send(peripheral.receive(server_cryptogram)[0])
    assert panel.secure


def test_a_start_of_an_earlier_chain_is_dropped() -> None:
    """L7: a late RMAC_I does not end the handshake that is under way."""
    panel, peripheral = panel_for(), peripheral_for(Contacts())
    earlier = panel.handshake()
    late = peripheral.receive(earlier.send(peripheral.receive(next(earlier))[0]))[0]
    dialogue = panel.handshake()
    server_cryptogram = dialogue.send(peripheral.receive(next(dialogue))[0])
    assert dialogue.send(late) == WAIT
    with pytest.raises(StopIteration):
        dialogue.send(peripheral.receive(server_cryptogram)[0])
    assert panel.secure


def test_a_unit_with_another_key_is_refused_after_its_second_answer_only() -> None:
    """L5: the first may be late; over single short tries the answers are counted together."""
    panel, peripheral = panel_for(), peripheral_for(Contacts(), key=bytes(16))
    for refusal in (SessionLost, UnitRefused):
        with pytest.raises(refusal):
            converse(panel.handshake(repeats=0), peripheral, lambda number, reply: reply)


def test_endless_foreign_packets_end_the_session() -> None:
    panel, _, _ = session()
    dialogue = panel.ask(CommandCode.POLL)
    next(dialogue)
    with pytest.raises(SessionLost):  # noqa: PT012 - the loop is the flood
        while True:
            dialogue.send(b"garbage")


def test_a_busy_peripheral_is_asked_again() -> None:
    panel, peripheral, _ = session()
    busy = Packet(1, 0, ReplyCode.BUSY, is_reply=True).to_bytes()
    dialogue = panel.ask(CommandCode.POLL)
    question = next(dialogue)
    for _ in range(BUSY_LIMIT):
        assert dialogue.send(busy) == question
    (reply,) = peripheral.receive(question)
    with pytest.raises(StopIteration):
        dialogue.send(reply)


@pytest.mark.parametrize("code", [ReplyCode.ACK, ReplyCode.NAK, ReplyCode.OUTPUT_STATUS])
def test_an_unprotected_reply_inside_a_session_is_not_believed(code: ReplyCode) -> None:
    """L5: whoever is on the cable cannot acknowledge an order."""
    panel, peripheral, _ = session()

    def forged(_: int, reply: bytes | None) -> bytes:
        return Packet(1, Packet.from_bytes(reply or b"").sequence, code, b"\x06", is_reply=True).to_bytes()

    with pytest.raises(SessionLost, match="left the secure session"):
        converse(panel.ask(CommandCode.OUTPUT, encode_timed_output(0, 3)), peripheral, forged)


@pytest.mark.parametrize(
    ("mode", "key", "problem"),
    [
        (PeripheralMode.PLAIN, KEY, "offers none"),
        (PeripheralMode.INSTALL, KEY, "default key"),
        (PeripheralMode.SECURE, bytes(16), "another key"),
    ],
)
def test_an_untrustworthy_peripheral_is_refused(mode: PeripheralMode, key: bytes, problem: str) -> None:
    """L5: plaintext, default key, other key: an error with words, never a fallback."""
    panel, peripheral = panel_for(), peripheral_for(Contacts(), mode, key)
    with pytest.raises(DeviceError, match=problem) as caught:
        converse(panel.handshake(), peripheral)
    assert not isinstance(caught.value, SessionLost)
    assert not panel.secure


def test_a_peripheral_that_just_says_yes_is_refused() -> None:
    panel = panel_for()
    dialogue = panel.handshake()
    next(dialogue)
    with pytest.raises(DeviceError, match="in the clear"):
        dialogue.send(Packet(1, 0, ReplyCode.ACK, is_reply=True).to_bytes())


def test_a_peripheral_that_starts_another_chain_is_refused() -> None:
    panel, peripheral = panel_for(), peripheral_for(Contacts())

    def other_chain(number: int, reply: bytes | None) -> bytes | None:
        if number == 0 or reply is None:
            return reply
        packet = Packet.from_bytes(reply)
        return Packet(1, packet.sequence, packet.code, bytes(16), True, packet.security, packet.security_data).to_bytes()

    with pytest.raises(DeviceError, match="another MAC chain"):
        converse(panel.handshake(), peripheral, other_chain)


@pytest.mark.parametrize(
    ("address", "key", "problem"),
    [(127, KEY, "address"), (-1, KEY, "address"), (1, b"short", "16 bytes"), (1, DEFAULT_KEY, "default")],
)
def test_an_unsafe_configuration_is_refused(address: int, key: bytes, problem: str) -> None:
    """I14, L5."""
    with pytest.raises(DeviceError, match=problem):
        panel_for(key, address)


def test_no_key_shows_in_a_repr() -> None:
    """L6."""
    shown = repr(PeripheralSettings(KEY)) + repr(panel_for()) + repr(Packet(1, 1, 0x68, KEY, mac=KEY))
    assert KEY.hex() not in shown
    assert repr(KEY) not in shown


@pytest.mark.parametrize(
    ("parse", "data"), [(parse_identity, bytes(11)), (parse_capabilities, bytes(4)), (parse_local_status, bytes(1))]
)
def test_reports_of_the_wrong_size_are_malformed(parse: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse(data)


def test_a_peripheral_carries_nothing_out_in_the_clear() -> None:
    unit = Contacts()
    peripheral = peripheral_for(unit)
    order = Packet(1, 0, CommandCode.OUTPUT, encode_timed_output(0, 3)).to_bytes()
    (reply,) = peripheral.receive(order)
    assert Packet.from_bytes(reply).code == ReplyCode.NAK
    assert unit.done == []


def test_sequence_numbers_go_round_without_zero() -> None:
    panel, peripheral, _ = session()
    seen = []
    for _ in range(5):
        dialogue = panel.ask(CommandCode.POLL)
        question = next(dialogue)
        seen.append(Packet.from_bytes(question).sequence)
        with pytest.raises(StopIteration):
            dialogue.send(peripheral.receive(question)[0])
    assert seen == [2, 3, 1, 2, 3]
