"""A watched camera and several as one: loss and return (L2), who is chosen and when the picture changes (P12)."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.camera import several
from drivers.camera.several import Choice, FaceBox, SeveralCameras, Station, choose, largest, placement
from drivers.camera.watched import PATIENCE, Patience, WatchedCamera
from egate.model.errors import DeviceError
from egate.ports import Camera

QUICK = Patience(silent_s=5.0, first_s=5.0, return_s=5.0, retry_s=0.001, end_s=5.0)
SHORT = Patience(silent_s=0.25, first_s=5.0, return_s=0.05, retry_s=0.001, end_s=0.2)


class PlayedCamera:
    """A camera whose pictures a test puts; an error that is put is raised, and nothing put is a cable that hangs."""

    def __init__(self, *pictures: int | DeviceError) -> None:
        self.pictures: queue.Queue[int | DeviceError] = queue.Queue()
        self.opened = self.closed = 0
        self.refuses = 0
        for picture in pictures:
            self.pictures.put(picture)

    def open(self) -> None:
        self.opened += 1
        if self.refuses:
            self.refuses -= 1
            raise DeviceError("open camera", "there is no such device")

    def frame(self) -> NDArray[np.uint8]:
        picture = self.pictures.get()
        if isinstance(picture, DeviceError):
            raise picture
        return np.full((40, 40, 3), picture, np.uint8)

    def close(self) -> None:
        self.closed += 1

    def unhang(self) -> None:
        self.pictures.put(DeviceError("take a frame", "it gives no frames"))


GONE = DeviceError("take a frame", "it gives no frames")


@contextmanager
def watched(source: PlayedCamera, patience: Patience = QUICK) -> Iterator[WatchedCamera]:
    camera = WatchedCamera(source, "cam", patience)
    try:
        yield camera
    finally:
        source.unhang()
        camera.close()


def shown(frame: NDArray[np.uint8] | None) -> int | None:
    return None if frame is None else int(frame[0, 0, 0])


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    said = [record.getMessage() for record in caplog.records if record.name == "drivers.camera.watched"]
    caplog.clear()
    return said


def test_limits_keep_the_requirement() -> None:
    """L2: loss within 500 ms; a camera that is back is tried within a second, and a capture waits for it that long."""
    assert PATIENCE.silent_s <= 0.5
    assert PATIENCE.retry_s < 1.0 <= PATIENCE.return_s


def test_a_lost_camera_comes_back_with_one_line_each(caplog: pytest.LogCaptureFixture) -> None:
    """L2: whatever was tried in between, and the capture goes on."""
    source = PlayedCamera(1)
    with watched(source) as camera:
        as_port: Camera = camera
        as_port.open()
        assert shown(camera.frame()) == 1
        source.refuses = 3
        source.pictures.put(GONE)
        source.pictures.put(2)
        assert shown(camera.frame()) == 2
        assert lines(caplog) == ["camera cam lost: it gives no frames", "camera cam is back"]
        assert source.opened == 5
        assert source.closed == 4


def test_a_cable_that_hangs_is_a_loss_too(caplog: pytest.LogCaptureFixture) -> None:
    """L2: the library still waits for a picture, but nobody waits for the library."""
    source = PlayedCamera(1)
    with watched(source, SHORT) as camera:
        camera.open()
        assert shown(camera.frame()) == 1
        with pytest.raises(DeviceError, match="it gives no pictures for 250 ms"):
            camera.frame()
        with pytest.raises(DeviceError, match="it gives no pictures for 250 ms"):
            camera.frame()
        assert lines(caplog) == ["camera cam lost: it gives no pictures for 250 ms"]
        camera.close()
        camera.start()
        assert camera.problem == "it still hangs in its last call; pull its cable and plug it in again"
        assert camera.take() is None
        assert len(lines(caplog)) == 1


def test_a_missing_camera_does_not_open(caplog: pytest.LogCaptureFixture) -> None:
    source = PlayedCamera()
    source.refuses = 1_000_000
    with watched(source) as camera:
        with pytest.raises(DeviceError, match="there is no such device"):
            camera.open()
        with pytest.raises(DeviceError, match="not open"):
            camera.frame()
        assert len(lines(caplog)) == 1


def test_a_picture_is_given_once_and_is_the_newest() -> None:
    source, read = PlayedCamera(1, 2, 3), threading.Event()
    original = source.frame

    def frame() -> NDArray[np.uint8]:
        if source.pictures.empty():
            read.set()
        return original()

    source.frame = frame  # type: ignore[method-assign]  # notes when everything was read
    with watched(source) as camera:
        camera.start()
        assert read.wait(5)
        assert shown(camera.take()) == 3
        source.pictures.put(4)
        assert shown(camera.take()) == 4


def test_many_openings_leave_no_thread() -> None:
    class PacedCamera(PlayedCamera):
        def frame(self) -> NDArray[np.uint8]:
            threading.Event().wait(0.0005)
            return np.full((40, 40, 3), 7, np.uint8)

    before = threading.active_count()
    source = PacedCamera()
    camera = WatchedCamera(source, "cam", QUICK)
    for _ in range(50):
        camera.open()
        assert shown(camera.frame()) == 7
        camera.close()
    assert threading.active_count() == before
    assert source.opened == source.closed == 50


# Who sees the face best.

WIDE = 100


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (FaceBox(40, 40, 20, 20), FaceBox(45, 45, 10, 10)),
        (FaceBox(40, 40, 20, 20), FaceBox(40, 70, 20, 20)),
        (FaceBox(40, 40, 20, 20), FaceBox(0, 40, 20, 20)),
        (FaceBox(40, 70, 20, 20), FaceBox(40, 90, 20, 20)),
        (FaceBox(45, 45, 10, 10), None),
    ],
)
def test_large_centred_and_whole_is_better(better: FaceBox, worse: FaceBox | None) -> None:
    assert placement(better, WIDE, WIDE) > placement(worse, WIDE, WIDE)


def test_placements_lie_between_nothing_and_one() -> None:
    assert placement(FaceBox(20, 20, 60, 60), WIDE, WIDE) == 1.0
    assert placement(FaceBox(-400, 0, 10, 10), WIDE, WIDE) == 0.0
    assert largest([FaceBox(0, 0, 5, 5), FaceBox(0, 0, 9, 9)]) == FaceBox(0, 0, 9, 9)
    assert largest([]) is None


def rounds(state: Choice, *placements: Sequence[float | None]) -> list[int]:
    chosen = []
    for one in placements:
        state = choose(state, one)
        chosen.append(state.camera)
    return chosen


def test_the_first_face_decides_at_once_and_nobody_changes_nothing() -> None:
    assert rounds(Choice(1), (0.0, 0.0), (0.0, 0.0), (0.4, 0.0)) == [1, 1, 0]
    assert rounds(Choice(1), (0.2, 0.5)) == [1]


def test_a_change_needs_a_clear_advantage_for_some_rounds() -> None:
    start = Choice(0, by_face=True)
    assert rounds(start, *[(0.5, 0.6)] * 9) == [0] * 9, "hardly better"
    assert rounds(start, *[(0.3, 0.9)] * several.ROUNDS) == [0] * (several.ROUNDS - 1) + [1]
    wavering = [(0.3, 0.9), (0.3, 0.9), (0.9, 0.3)] * 5
    assert set(rounds(start, *wavering)) == {0}, "the rounds have to follow each other"
    assert rounds(start, (0.1, 0.9, 0.3), (0.1, 0.3, 0.9), (0.1, 0.9, 0.3)) == [0, 0, 0], "two rivals by turns"


def test_a_lost_camera_is_left_at_once_and_not_returned_to_without_reason() -> None:
    start = Choice(0, by_face=True)
    assert rounds(start, (None, 0.2), (0.22, 0.2), (0.22, 0.2)) == [1, 1, 1]
    assert rounds(start, (None, None)) == [0]


# The set as a camera.


def boxes(frame: NDArray[np.uint8]) -> list[FaceBox]:
    """A synthetic detector: the grey level says where the face is, from 10 at the top to 30 at the foot; 0 is nobody."""
    level = int(frame[0, 0, 0])
    return [FaceBox(15, level, 10, 10)] if level else []


@contextmanager
def set_of(*sources: PlayedCamera, patience: Patience = QUICK) -> Iterator[SeveralCameras]:
    cameras = [WatchedCamera(source, f"cam{index}", patience) for index, source in enumerate(sources)]
    several_cameras = SeveralCameras([Station(camera) for camera in cameras], boxes)
    try:
        yield several_cameras
    finally:
        for source in sources:
            source.unhang()
        several_cameras.close()


def fed(cameras: SeveralCameras, sources: Sequence[PlayedCamera], *pictures: int | None) -> int | None:
    """One round: each camera gets a picture, or none; what the set shows."""
    for source, picture in zip(sources, pictures, strict=True):
        if picture is not None:
            source.pictures.put(picture)
    return shown(cameras.frame())


def test_the_set_shows_the_camera_in_which_the_face_is_centred() -> None:
    """P12: the low camera has the seated traveller's face in its middle, the high one at its foot."""
    low, high = PlayedCamera(0), PlayedCamera(0)
    with set_of(low, high) as cameras:
        as_port: Camera = cameras
        as_port.open()
        assert fed(cameras, (low, high), 0, 0) == 0
        assert cameras.chosen == "cam0"
        assert fed(cameras, (low, high), 15, 30) == 15
        for _ in range(several.ROUNDS - 1):
            assert fed(cameras, (low, high), 2, 15) == 2
        assert fed(cameras, (low, high), 2, 15) == 15
        assert cameras.chosen == "cam1"


def test_one_failing_camera_degrades_the_set_and_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    low, high = PlayedCamera(15), PlayedCamera(15)
    high.refuses = 1_000_000
    with set_of(low, high) as cameras:
        cameras.open()
        for _ in range(5):
            assert fed(cameras, (low, high), 15, None) == 15
        assert lines(caplog) == ["camera cam1 lost: there is no such device"]


def test_the_chosen_camera_may_fail_in_the_middle_of_a_passage(caplog: pytest.LogCaptureFixture) -> None:
    low, high = PlayedCamera(15), PlayedCamera(30)
    with set_of(low, high) as cameras:
        cameras.open()
        assert fed(cameras, (low, high), 15, 30) == 15
        low.refuses = 1_000_000
        low.pictures.put(GONE)
        assert fed(cameras, (low, high), None, 29) == 29
        assert cameras.chosen == "cam1"
        assert lines(caplog) == ["camera cam0 lost: it gives no frames"]


def test_a_set_without_any_camera_fails_with_every_reason(caplog: pytest.LogCaptureFixture) -> None:
    sources = PlayedCamera(), PlayedCamera()
    for source in sources:
        source.refuses = 1_000_000
    with set_of(*sources) as cameras, pytest.raises(DeviceError, match=r"cam0: there is no such device; cam1: there is no"):
        cameras.open()
    caplog.clear()


def test_a_camera_that_is_still_starting_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    """P12: the time-out belongs to the traveller, not to a slow camera."""
    low, high = PlayedCamera(15), PlayedCamera()
    with set_of(low, high) as cameras:
        cameras.open()
        for _ in range(5):
            assert fed(cameras, (low, high), 15, None) == 15
        assert lines(caplog) == [], "it is not lost either"
        high.pictures.put(15)
        low.refuses = 1_000_000
        low.pictures.put(GONE)
        assert fed(cameras, (low, high), None, None) == 15
        assert cameras.chosen == "cam1"
    caplog.clear()


def drain(cameras: SeveralCameras) -> None:
    """What is left of the pictures, then nothing."""
    for _ in range(4):
        cameras.frame()


def test_when_all_fall_silent_the_set_fails(caplog: pytest.LogCaptureFixture) -> None:
    low, high = PlayedCamera(15), PlayedCamera(15)
    with set_of(low, high, patience=SHORT) as cameras:
        cameras.open()
        assert fed(cameras, (low, high), 15, 15) == 15
        with pytest.raises(DeviceError, match="it gives no pictures"):
            drain(cameras)
        assert sorted(lines(caplog)) == [f"camera cam{index} lost: it gives no pictures for 250 ms" for index in range(2)]


def test_impossible_sets_are_refused() -> None:
    """I14."""
    station = Station(WatchedCamera(PlayedCamera(), "cam"))
    for stations, first in (([], 0), ([station] * 7, 0), ([station], 1)):
        with pytest.raises(DeviceError):
            SeveralCameras(stations, boxes, first)
