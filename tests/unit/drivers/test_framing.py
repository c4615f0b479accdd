"""Check values and the frame splitter."""

from __future__ import annotations

import pytest

from drivers.counters import LATENCY_EDGES_MS, DeviceCounters
from drivers.framing import FrameSplitter, crc16_ccitt, zero_sum
from egate.model.errors import MalformedData


def test_crc_of_the_usual_check_string() -> None:
    """CRC-16/SPI-FUJITSU (AUG-CCITT) of "123456789" is E5CC (catalogue of parametrised CRC algorithms)."""
    assert crc16_ccitt(b"123456789") == 0xE5CC


def test_crc_from_another_start() -> None:
    """CRC-16/IBM-3740 (CCITT-FALSE) of "123456789" is 29B1."""
    assert crc16_ccitt(b"123456789", 0xFFFF) == 0x29B1


def test_zero_sum_makes_the_sum_vanish() -> None:
    assert zero_sum(b"\xd4\x02") == 0x2A  # GetFirmwareVersion's DCS
    assert zero_sum(b"") == 0


def measure(buffer: bytes) -> int | None:
    """A toy frame: AB CD, a length of the whole, anything."""
    if len(buffer) < 3:
        return None
    if buffer[2] == 0:
        raise MalformedData("read a toy frame", "no length")
    return buffer[2]


def splitter() -> FrameSplitter:
    return FrameSplitter(b"\xab\xcd", measure, lambda frame: frame[-1] != 0xEE, 16)


FRAME = b"\xab\xcd\x05\x01\x02"


@pytest.mark.parametrize(
    ("stream", "frames", "broken"),
    [
        (FRAME, [FRAME], 0),
        (b"\x00\xab" + FRAME + FRAME, [FRAME, FRAME], 0),
        (b"\xab\xcd\x00" + FRAME, [FRAME], 1),
        (b"\xab\xcd\x05\x01\xee" + FRAME, [FRAME], 1),
        (b"\xab\xcd\xff" + FRAME, [FRAME], 1),
        (b"\xab\xcd\x01" + FRAME, [FRAME], 1),
        (b"noise", [], 0),
        (FRAME[:-1], [], 0),
    ],
)
def test_whole_and_byte_by_byte_give_the_same(stream: bytes, frames: list[bytes], broken: int) -> None:
    whole, single = splitter(), splitter()
    assert whole.receive(stream) == frames
    assert [frame for byte in stream for frame in single.receive(bytes((byte,)))] == frames
    assert whole.broken_frames == single.broken_frames == broken
    assert whole.stray_bytes == single.stray_bytes


def test_reset_forgets_half_a_frame() -> None:
    frames = splitter()
    assert frames.receive(FRAME[:4]) == []
    frames.reset()
    assert frames.receive(FRAME[4:]) == []
    assert frames.receive(FRAME) == [FRAME]


def test_a_frame_without_end_is_given_up_at_the_limit() -> None:
    endless = FrameSplitter(b"\x02", lambda buffer: None, lambda frame: True, 8)
    assert endless.receive(b"\x02" + bytes(64)) == []
    assert endless.broken_frames == 1


def test_latency_histogram_counts_every_exchange_once() -> None:
    counters = DeviceCounters()
    for milliseconds in (0.5, 1, 4, 90, 10_000):
        counters.answered(milliseconds / 1000)
    assert counters.exchanges == sum(counters.latency_bins) == 5
    assert counters.latency_bins[0] == 2
    assert counters.latency_bins[-1] == 1
    assert len(counters.latency_bins) == len(LATENCY_EDGES_MS) + 1


def test_a_flood_is_not_copied_for_each_of_its_bytes() -> None:
    """What is looked at for one frame is never longer than a frame may be, however much waits behind it."""
    looked_at: list[int] = []

    def measure(data: bytes) -> int | None:
        looked_at.append(len(data))
        raise MalformedData("test", "no frame")

    splitter = FrameSplitter(b"\x02", measure, lambda _: True, 32)
    assert splitter.receive(b"\x02" * 4096) == []
    assert len(looked_at) == 4096
    assert max(looked_at) <= 33
