"""A camera that is unplugged while nobody is in the lane, and how it comes back (L2), on a clock moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from egate.app.board import Board
from egate.app.camera_config import CameraConfig
from egate.app.camera_presence import LOOK_EVERY_S
from egate.app.config import LaneConfig, parse_config
from egate.app.intake import LOOKS, Intake, IntakeEnds
from egate.app.parts import Parts
from egate.app.recording import SingleThread
from egate.model.errors import DeviceError
from tests.unit.app.test_config import GOOD
from tests.unit.ipc.hand_clock import HandClock


@dataclass
class Bench:
    """What the intake touches: parts with a face client, and the board."""

    config: LaneConfig
    clock: HandClock = field(default_factory=HandClock)
    said: list[str] = field(default_factory=list)
    online: bool = True
    broken: bool = False
    calls: list[str] = field(default_factory=list)

    @property
    def face(self) -> Bench:
        return self

    async def look(self) -> None:
        self.calls.append("look")
        if self.broken:
            raise DeviceError("look", "it gives no pictures")

    async def start(self) -> None:
        self.calls.append("start")
        self.online, self.broken = True, False

    async def close(self) -> None:
        self.calls.append("close")
        self.online = False

    def lose(self, name: str, error: DeviceError) -> None:
        if self.said[-1:] != [f"{name} lost"]:
            self.said.append(f"{name} lost")

    def regain(self, name: str) -> None:
        self.said.append(f"{name} back")


def play(bench: Bench, story: Callable[[Intake, Callable[[int], Coroutine[Any, Any, None]]], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        tasks: list[asyncio.Task[None]] = []
        ends = IntakeEnds(lambda _: None, lambda work: tasks.append(asyncio.ensure_future(work)))
        intake = Intake(cast(Parts, bench), cast(Board, bench), cast(SingleThread, None), ends)
        tasks.append(asyncio.ensure_future(intake.watch_cameras()))

        async def turns(count: int) -> None:
            for _ in range(count):
                bench.clock.advance(LOOK_EVERY_S)
                for _ in range(6):
                    await asyncio.sleep(0)  # noqa: TID251 - lets the watch take its turn

        await turns(1)
        await story(intake, turns)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    path = tmp_path / "camera"
    path.write_bytes(b"")
    return path


@pytest.fixture
def bench(camera: Path, tmp_path: Path) -> Bench:
    config = parse_config(GOOD, tmp_path, "lane.toml")
    return Bench(replace(config, cameras=CameraConfig((f"v4l2:{camera}@15",))))


def test_an_unplugged_camera_is_lost_within_two_looks_and_back_within_three(bench: Bench, camera: Path) -> None:
    """L2: a quarter of a second each; the worker goes on running, however long it takes."""

    async def story(intake: Intake, turns: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        camera.unlink()
        await turns(2)
        assert bench.said == ["camera lost"]
        await turns(200)
        assert (bench.said, bench.calls) == (["camera lost"], []), "one line, and nobody looks for what is not there"
        camera.write_bytes(b"")
        await turns(3)
        assert (bench.said, bench.calls) == (["camera lost", "camera back"], ["look"])

    play(bench, story)


def test_a_camera_that_stays_broken_gets_another_worker(bench: Bench) -> None:
    async def story(intake: Intake, turns: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        bench.broken = True
        intake.camera_lost(DeviceError("capture", "it gives no pictures"))
        intake.camera_lost(DeviceError("capture", "it gives no pictures"))
        await turns(LOOKS + 2)
        assert bench.calls == [*["look"] * LOOKS, "close", "start"], "proved by one task alone"
        assert bench.said == ["camera lost", "camera back"]

    play(bench, story)


def test_a_worker_that_is_gone_is_started_at_once(bench: Bench) -> None:
    async def story(intake: Intake, turns: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        bench.online = False
        intake.camera_lost(DeviceError("capture", "it ended unexpectedly"))
        await turns(1)
        assert bench.calls == ["close", "start"]

    play(bench, story)
