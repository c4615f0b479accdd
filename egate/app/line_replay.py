"""A recorded line played to the driver of a lane's device: what the driver made of it then, it makes of it again (L10).

The driver is the lane's own, with its configuration; only its line is the recording. The unpredictable bytes that an OSDP session
began with are taken from the recording, so that the unit in it proves itself as it did. What a document held is not shown, as
`egate devices monitor` does not show it. A driver that is asked otherwise than in the recording (nobody gives the orders of then)
writes otherwise, and how many bytes it did is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path

from drivers.framing import FrameSplitter
from drivers.gate.osdp_packet import CommandCode, Packet, packet_splitter
from drivers.link import Link
from drivers.recording import Chunk, Happening, ReplayLink
from egate.app.config import ConfigError, LaneConfig
from egate.app.devices.watching import Tell, watch_gate, watch_mrz
from egate.app.line_record import read_line_recording
from egate.app.wiring import make_gate_device, make_mrz_device
from egate.model.errors import DeviceError, MalformedData
from egate.ports import Clock, Device
from egate.storage.keys import load_sealing_private

DEVICES = ("gate", "mrz")
"""Devices that speak by themselves; a chip reader only answers what a passage asks of it."""
LOOK_EVERY_S = 0.05
STANDS_STILL_S = 3.0
"""A recording in which nothing happens for so long is one that the driver waits for in vain."""


@dataclass(frozen=True, slots=True)
class Played:
    """How a replay ended. `strange_bytes` is what the driver wrote otherwise than then."""

    whole: bool
    chunks: int
    strange_bytes: int


def recorded_entropy(chunks: Iterable[Chunk]) -> Callable[[int], bytes]:
    """The unpredictable bytes of the OSDP sessions in a recording, in their order; zeros where there are no more."""
    splitter: FrameSplitter = packet_splitter()
    challenges = []
    for chunk in chunks:
        if chunk.kind is not Happening.TO_DEVICE:
            continue
        for raw in splitter.receive(chunk.data):
            try:
                packet = Packet.from_bytes(raw)
            except MalformedData:
                continue
            if packet.code == CommandCode.CHALLENGE and not packet.is_reply:
                challenges.append(packet.data)
    rest = iter(challenges)
    return lambda size: next(rest, b"").ljust(size, b"\0")[:size]


def replay_line(path: Path, device: str, lane: LaneConfig, key_file: Path, clock: Clock, tell: Tell) -> Played:
    """Play a recording to the driver of `device`; raises ConfigError, DeviceError, MalformedData and TrustError."""
    if device not in DEVICES:
        raise ConfigError(f"--line is one of {', '.join(DEVICES)}: a chip reader only answers what a passage asks of it")
    chunks = read_line_recording(path, load_sealing_private(key_file))
    if not any(chunk.kind is Happening.OPENED for chunk in chunks):
        raise DeviceError(f"play {path.name}", "the line was never open in it")
    return asyncio.run(_play(chunks, device, lane, clock, tell))


async def _play(chunks: tuple[Chunk, ...], device: str, lane: LaneConfig, clock: Clock, tell: Tell) -> Played:
    """Start the driver on the recording and tell what it says until nothing more happens."""
    replays: list[ReplayLink] = []

    def line(inner: Link) -> Link:
        replays.append(ReplayLink(chunks, inner.settings))
        return replays[-1]

    driver, watch = _driver(device, lane, clock, line, recorded_entropy(chunks))
    watching: asyncio.Task[None] | None = None
    try:
        try:
            await driver.start()
        except DeviceError as error:
            tell(f"not started: {error}")
            return Played(replays[0].over, len(chunks), replays[0].strange_bytes)
        watching = asyncio.get_running_loop().create_task(watch(tell))
        await _until_over(replays[0], watching, clock)
    finally:
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await driver.close()
    return Played(replays[0].over, len(chunks), replays[0].strange_bytes)


async def _until_over(replay: ReplayLink, watching: asyncio.Task[None], clock: Clock) -> None:
    """Wait until everything was played, or nothing happens any more."""
    moved_at, seen = clock.monotonic(), -1
    while not watching.done() and clock.monotonic() - moved_at < STANDS_STILL_S:
        await clock.sleep(LOOK_EVERY_S)
        if replay.over and seen == replay.counters.bytes_in:
            return
        if seen != replay.counters.bytes_in:
            moved_at, seen = clock.monotonic(), replay.counters.bytes_in


def _driver(
    device: str, lane: LaneConfig, clock: Clock, line: Callable[[Link], Link], entropy: Callable[[int], bytes]
) -> tuple[Device, Callable[[Tell], Coroutine[object, object, None]]]:
    """The lane's driver on another line, and what watches it."""
    if device == "gate":
        gate = make_gate_device(lane.gate, clock, line, entropy)
        return gate, lambda tell: watch_gate(gate, tell)
    reader = make_mrz_device(lane.mrz, clock, line)
    return reader, lambda tell: watch_mrz(reader, tell)
