"""Cameras that are unplugged between passages, seen by their names (L2, L4)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from egate.app.camera_config import CameraConfig
from egate.app.camera_presence import LOOK_EVERY_S, CameraPresence, live_paths
from egate.model.errors import DeviceError
from tests.unit.ipc.hand_clock import HandClock

ONE, TWO = "/dev/v4l/by-path/a", "/dev/v4l/by-id/b@x"


class Bus:
    """What is plugged in."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)

    def exists(self, path: Path) -> bool:
        return str(path) in self.names


def test_a_loss_is_seen_in_time() -> None:
    """L2: 500 ms for the loss; one look more than that for the return still leaves a second."""
    assert 2 * LOOK_EVERY_S <= 0.5


def test_names_are_taken_from_the_words() -> None:
    assert live_paths((f"v4l2:{ONE}@15", f"v4l2:{TWO}@12.5", "files:/x@3", f"v4l2:{TWO}", "none")) == (
        Path(ONE),
        Path(TWO),
        Path(TWO),
    )


def test_the_lane_is_told_once_when_its_camera_goes_and_once_when_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    """L2."""
    bus, clock, told = Bus(ONE), HandClock(), list[str]()
    presence = CameraPresence(CameraConfig((f"v4l2:{ONE}@15",)), bus.exists)

    def changed(problem: DeviceError | None) -> None:
        told.append("back" if problem is None else problem.problem)

    async def turns(count: int) -> None:
        for _ in range(count):
            clock.advance(LOOK_EVERY_S)
            await asyncio.sleep(0)  # noqa: TID251 - lets the watch take its turn
            await asyncio.sleep(0)  # noqa: TID251 - as above

    async def story() -> None:
        watching = asyncio.create_task(presence.watch(clock, changed))
        await turns(4)
        assert told == []
        bus.names.clear()
        await turns(5)
        assert told == [f"{ONE}: unplugged; check the cable"]
        bus.names.add(ONE)
        await turns(5)
        assert told == [f"{ONE}: unplugged; check the cable", "back"]
        watching.cancel()

    asyncio.run(story())
    assert caplog.records == [], "the lane says it, in one line"


def test_one_of_several_is_reported_and_closes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    bus = Bus(ONE, TWO)
    presence = CameraPresence(CameraConfig((f"v4l2:{ONE}@15", f"v4l2:{TWO}@15")), bus.exists)

    def looks() -> list[tuple[bool, bool]]:
        return [(presence.look(), presence.problem is None) for _ in range(2)]

    assert looks() == [(False, True)] * 2
    bus.names.remove(TWO)
    assert looks() == [(False, True)] * 2
    bus.names.clear()
    assert looks() == [(True, False), (False, False)]
    bus.names.add(TWO)
    assert looks() == [(True, True), (False, True)]
    assert [record.getMessage() for record in caplog.records] == [
        f"camera {TWO} lost: it is unplugged",
        f"camera {ONE} lost: it is unplugged",
        f"camera {TWO} is back",
    ]
    caplog.clear()


@pytest.mark.parametrize("sources", [("none",), ("files:/x@3",), ("files:/x@3", f"v4l2:{ONE}@15")])
def test_without_live_cameras_or_with_other_sources_nothing_is_lost(
    sources: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    presence = CameraPresence(CameraConfig(sources), Bus().exists)
    assert not presence.look()
    assert presence.problem is None
    caplog.clear()
