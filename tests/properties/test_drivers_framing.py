"""Every protocol of the drivers: any cut of any stream gives the same frames, noise never raises, good frames are found again.

L8. The frames that are expected come from the encoders; what the encoders write is proven by golden frames and foreign peers.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.counters import DeviceCounters
from drivers.framing import FrameSplitter
from drivers.gate.osdp_packet import Packet, packet_splitter
from drivers.gate.osdp_protocol import ControlPanel
from drivers.reader.mrz_protocol import MrzFrames, encode_lines
from drivers.reader.pn532_protocol import ACK_FRAME, LARGEST_PAYLOAD, encode_frame, frame_splitter
from drivers.sim.osdp_peripheral import Peripheral, PeripheralSettings
from egate.model.errors import DeviceError, MalformedData
from tests.unit.drivers.test_osdp_protocol import Contacts, counting_entropy
from tests.unit.drivers.wires import KEY

Receive = Callable[[bytes], list[object]]

packets = st.builds(
    Packet,
    address=st.integers(0, 126),
    sequence=st.integers(0, 3),
    code=st.integers(0, 255),
    data=st.binary(max_size=80),
    is_reply=st.booleans(),
)
payloads = st.binary(min_size=1, max_size=LARGEST_PAYLOAD)
lines = st.lists(st.text("ABCXYZ019<", min_size=1, max_size=44), min_size=1, max_size=3).map(tuple)
streams = st.one_of(
    st.lists(packets.map(Packet.to_bytes), max_size=4).map(b"".join),
    st.lists(payloads.map(encode_frame), max_size=4).map(b"".join),
    st.lists(lines.map(encode_lines), max_size=4).map(b"".join),
    st.binary(max_size=200),
)


def _receivers() -> list[tuple[str, Callable[[], FrameSplitter | MrzFrames]]]:
    return [("osdp", packet_splitter), ("pn532", frame_splitter), ("mrz", MrzFrames)]


def _cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[begin:end] for begin, end in itertools.pairwise(edges)]


@pytest.mark.parametrize(("name", "make"), _receivers())
@settings(max_examples=150, deadline=None)
@given(stream=st.lists(streams, max_size=3).map(b"".join), cuts=st.lists(st.integers(0, 5000), max_size=12))
def test_any_cut_gives_the_same(name: str, make: Callable[[], FrameSplitter | MrzFrames], stream: bytes, cuts: list[int]) -> None:
    whole, pieces, single = make(), make(), make()
    expected: list[object] = list(whole.receive(stream))
    assert [found for chunk in _cut(stream, cuts) for found in pieces.receive(chunk)] == expected
    assert [found for byte in stream for found in single.receive(bytes((byte,)))] == expected
    assert whole.broken_frames == pieces.broken_frames == single.broken_frames


@settings(max_examples=150, deadline=None)
@given(packet=packets)
def test_packets_survive_the_wire(packet: Packet) -> None:
    (raw,) = packet_splitter().receive(packet.to_bytes())
    assert Packet.from_bytes(raw) == packet


@settings(max_examples=100, deadline=None)
@given(noise=st.binary(max_size=300), packet=packets)
def test_a_good_packet_is_found_after_any_noise(noise: bytes, packet: Packet) -> None:
    """As the driver does it: noise, an idle gap, then the packet."""
    splitter = packet_splitter()
    splitter.receive(noise)
    splitter.reset()
    assert splitter.receive(b"\xff" + packet.to_bytes()) == [packet.to_bytes()]


@settings(max_examples=100, deadline=None)
@given(noise=st.binary(max_size=50).filter(lambda data: b"\x00\xff" not in data), payload=payloads)
def test_a_good_frame_is_found_behind_noise(noise: bytes, payload: bytes) -> None:
    splitter = frame_splitter()
    found = splitter.receive(noise + encode_frame(payload) + ACK_FRAME)
    assert len(found) == 2


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=60))
def test_reading_any_bytes_gives_a_packet_or_malformed(raw: bytes) -> None:
    with contextlib.suppress(MalformedData):
        assert isinstance(Packet.from_bytes(raw), Packet)


@settings(max_examples=60, deadline=None)
@given(answers=st.lists(st.one_of(st.none(), st.binary(max_size=60), packets.map(Packet.to_bytes)), max_size=25))
def test_no_answer_breaks_the_control_panel(answers: list[bytes | None]) -> None:
    """A handshake against anything ends in a session or a DeviceError; without our key never in a session."""
    panel = ControlPanel(1, KEY, counting_entropy(), DeviceCounters())
    dialogue = panel.handshake()
    next(dialogue)
    try:
        for answer in [*answers, *[None] * 10]:
            dialogue.send(answer)
    except (DeviceError, StopIteration):
        pass
    assert not panel.secure


@settings(max_examples=100, deadline=None)
@given(stream=st.lists(st.one_of(st.binary(max_size=40), packets.map(Packet.to_bytes)), max_size=10).map(b"".join))
def test_no_stream_moves_an_output_without_the_key(stream: bytes) -> None:
    """The simulated unit, like a real one, carries out nothing that is not authenticated."""
    unit = Contacts()
    Peripheral(PeripheralSettings(KEY), unit, counting_entropy()).receive(stream)
    assert unit.done == []
