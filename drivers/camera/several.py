"""Several cameras at different heights as one: the frames of the one that sees the traveller's face best.

All of them run; each round takes a picture of each, asks where faces are (a callable that whoever builds this gives: drivers
know no faces), chooses, and gives the chosen one's picture. The choice is pure: the largest, most centred, whole face wins, and
a change needs a clear advantage for some rounds in a row, so that the kiosk's picture does not jump. A camera that fails is
left out and reported by its own watch; the lane goes on with the others, and only when none is left the set fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from drivers.camera.watched import Frame, WatchedCamera
from egate.model.errors import DeviceError

MOST_CAMERAS = 6
GOOD_WIDTH = 0.22
"""Of the frame's width: a face this wide is large enough; wider is no better."""
FAR_OFF = 0.55
"""Distance from the middle of the frame, in parts of its sides, at which a face counts nothing any more."""
CUT_COUNTS = 0.25
"""What a face that leaves the frame counts, beside a whole one."""
EDGE = 0.01
CLEARLY_BETTER = 1.25
AND_BY = 0.05
ROUNDS = 3
"""Rounds in a row before the picture changes; a tenth to a quarter of a second."""


class FaceBox(NamedTuple):
    """Where a face is in a frame, in pixels."""

    left: float
    top: float
    width: float
    height: float


Locate = Callable[[Frame], Sequence[FaceBox]]
"""Finds the faces of a frame, in any order."""


class Guide(Protocol):
    """Something that follows the traveller with one camera: its exposure, its tilt."""

    def begin(self) -> None:
        """A passage begins."""
        ...

    def see(self, frame: Frame, face: FaceBox | None) -> None:
        """A frame of this camera came, with the largest face in it; never raises for a camera that is lost."""
        ...

    def end(self) -> None:
        """The passage is over: back to where it began; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Station:
    """One camera with what follows the traveller with it."""

    camera: WatchedCamera
    guides: tuple[Guide, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen camera, whether it was ever chosen for a face, and which other one was better for how many rounds."""

    camera: int
    by_face: bool = False
    rival: int = -1
    rounds: int = 0


def largest(faces: Sequence[FaceBox]) -> FaceBox | None:
    """The face with the largest box."""
    return max(faces, key=lambda face: face.width * face.height, default=None)


def placement(face: FaceBox | None, width: int, height: int) -> float:
    """How well a face is placed in a frame, 0…1: large, in the middle, whole."""
    if face is None:
        return 0.0
    across = (face.left + face.width / 2) / width - 0.5
    down = (face.top + face.height / 2) / height - 0.5
    size = min(1.0, face.width / width / GOOD_WIDTH)
    whole = (
        face.left >= -EDGE * width
        and face.top >= -EDGE * height
        and face.left + face.width <= (1 + EDGE) * width
        and face.top + face.height <= (1 + EDGE) * height
    )
    return size * max(0.0, 1.0 - math.hypot(across, down) / FAR_OFF) * (1.0 if whole else CUT_COUNTS)


def choose(state: Choice, placements: Sequence[float | None]) -> Choice:
    """The choice after one round; None stands for a camera that gives no pictures."""
    present = [index for index, value in enumerate(placements) if value is not None]
    if not present:
        return state
    best = max(present, key=lambda index: (placements[index] or 0.0, -abs(index - state.camera)))
    value, own = placements[best] or 0.0, placements[state.camera]
    if own is None:
        return Choice(best, by_face=value > 0)
    if not state.by_face and value > 0:
        return Choice(best, by_face=True)
    if best == state.camera or value <= own * CLEARLY_BETTER + AND_BY:
        return replace(state, rival=-1, rounds=0)
    rounds = state.rounds + 1 if state.rival == best else 1
    return Choice(best, by_face=True) if rounds >= ROUNDS else replace(state, rival=best, rounds=rounds)


class SeveralCameras:
    """Fulfils `egate.ports.Camera`. `stations` are in the order of height; `first` is shown while nobody is seen."""

    def __init__(self, stations: Sequence[Station], locate: Locate, first: int = 0) -> None:
        if not 1 <= len(stations) <= MOST_CAMERAS:
            raise DeviceError("configure the cameras", f"a lane has 1 to {MOST_CAMERAS} cameras")
        if not 0 <= first < len(stations):
            raise DeviceError("configure the cameras", "the first camera is none of them")
        self._stations, self._locate, self._first = tuple(stations), locate, first
        self._choice = Choice(first)

    @property
    def chosen(self) -> str:
        """The name of the camera whose pictures are given."""
        return self._stations[self._choice.camera].camera.name

    def open(self) -> None:
        """Start all cameras and wait for pictures of one; raises DeviceError when none gives any."""
        self._choice = Choice(self._first)
        for station in self._stations:
            station.camera.start()
            for guide in station.guides:
                guide.begin()
        if all(frame is None for frame in self._round()):
            reasons = ((one.camera.name, one.camera.problem or "it gives no first picture") for one in self._stations)
            problems = "; ".join(f"{name}: {reason}" for name, reason in reasons)
            self.close()
            raise DeviceError("open the cameras" if len(self._stations) > 1 else "open the camera", problems)

    def frame(self) -> Frame:
        """The next picture of the best placed camera; raises DeviceError when none gives pictures any more."""
        frames = self._round()
        if all(frame is None for frame in frames):
            frames = self._round()  # the last one that gave pictures was lost just now; one that still starts is waited for
        if all(frame is None for frame in frames):
            # The chosen one may be back within its patience.
            return self._stations[self._choice.camera].camera.frame()
        faces = [None if frame is None else largest(self._locate(frame)) for frame in frames]
        placements = [
            None if frame is None else placement(face, frame.shape[1], frame.shape[0])
            for frame, face in zip(frames, faces, strict=True)
        ]
        self._choice = choose(self._choice, placements)
        frame, face = frames[self._choice.camera], faces[self._choice.camera]
        assert frame is not None, "a camera without a picture is never chosen beside one that has one"
        for guide in self._stations[self._choice.camera].guides:
            guide.see(frame, face)
        return frame

    def _round(self) -> list[Frame | None]:
        """A picture of each camera, in no more time than one camera may be silent (L2).

        One that is still starting is not waited for while others give pictures; and once one is found silent, the others have
        been waited for just as long.
        """
        cameras = [station.camera for station in self._stations]
        some = any(camera.streaming for camera in cameras)
        frames: list[Frame | None] = []
        silent = False
        for camera in cameras:
            patient = not silent and not camera.problem and (camera.streaming or not some)
            frames.append(camera.take(patient=patient))
            silent = silent or (patient and camera.silent)
        return frames

    def close(self) -> None:
        """Stop all cameras and bring what moved back; never raises."""
        for station in self._stations:
            for guide in station.guides:
                guide.end()
            station.camera.close()
