"""The stand of cameras: a source of frames of known shades behind a path, which can be taken away and spoiled.

Cameras block, so their checks are plain functions in a thread of their own. A `Source` stands for what the camera sees: a
directory of images, or a film in the place of a live camera's device. A film cannot show what only the kernel's driver does
(settings, the loss of a cable); that needs a camera.
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from drivers.conformance.bench import LOG_NAME, Failed, Listener
from drivers.plugins import DriverKind
from drivers.sim.page_source import SHADES, fill_folder, shade_of_frame, write_stream
from egate.ports import Camera

LARGE_BYTES = 64 * 1024 * 1024


class Source(Protocol):
    """What the camera sees, behind `path`."""

    path: Path

    def fill(self) -> None:
        """The shades in their order."""
        ...

    def cut(self) -> None:
        """Nothing is there."""
        ...

    def spoil(self) -> None:
        """What is there is no picture."""
        ...

    def bloat(self) -> None:
        """What is there is larger than a picture can be."""
        ...


class ImageFolder:
    """Images in a directory."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "images"

    def fill(self) -> None:
        """One file for each shade."""
        self.cut()
        fill_folder(self.path)

    def cut(self) -> None:
        """The directory goes."""
        shutil.rmtree(self.path, ignore_errors=True)

    def spoil(self) -> None:
        """Files of text."""
        for path in self.path.iterdir():
            path.write_bytes(b"no image")

    def bloat(self) -> None:
        """Files of holes."""
        for path in self.path.iterdir():
            os.truncate(path, LARGE_BYTES)


class Film:
    """A film in the place of a camera's device."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "camera"

    def fill(self) -> None:
        """Enough of it for a check."""
        self.cut()
        write_stream(self.path)

    def cut(self) -> None:
        """The device is gone, and what is open of it ends at once."""
        if self.path.exists():
            os.truncate(self.path, 0)
            self.path.unlink()

    def spoil(self) -> None:
        """A device that gives no film."""
        os.truncate(self.path, 0)
        self.path.write_bytes(b"no film")

    def bloat(self) -> None:
        """A device that gives nothing but zeros."""
        os.truncate(self.path, 0)
        os.truncate(self.path, LARGE_BYTES)


@dataclass(frozen=True, slots=True)
class CameraBench:
    """A camera driver, what it is made of, and settings that it must refuse (words and a camera of them)."""

    name: str
    source: Callable[[Path], Source]
    make: Callable[[Path], Camera]
    unfit: tuple[tuple[str, Callable[[Path], Camera]], ...] = ()
    ends: bool = False
    """Whether the frames come to an end by themselves, as those of a film do."""
    kind: DriverKind = DriverKind.CAMERA


@dataclass(slots=True)
class CameraStand:
    """Where one check runs; `camera` is made, not opened."""

    bench: CameraBench
    folder: Path
    source: Source
    camera: Camera
    records: list[logging.LogRecord] = field(default_factory=list)

    def another(self, folder: Path | None = None) -> Camera:
        """A further camera: of the same source, or of another in `folder`."""
        if folder is None:
            return self.bench.make(self.source.path)
        folder.mkdir()
        source = self.bench.source(folder)
        source.fill()
        return self.bench.make(source.path)

    def shade(self, camera: Camera | None = None) -> int:
        """The shade of the next frame; raises DeviceError, or Failed for a frame that was never there."""
        shade = shade_of_frame((camera or self.camera).frame())
        if shade is None:
            raise Failed("it gives a frame that its source does not have")
        return shade

    def see(self, count: int) -> list[int]:
        """So many frames."""
        return [self.shade() for _ in range(count)]


def in_order(shades: list[int]) -> bool:
    """Whether each shade is followed by the next one of the source."""
    places = [SHADES.index(shade) for shade in shades]
    return all((first + 1) % len(SHADES) == second for first, second in itertools.pairwise(places))


@contextmanager
def camera_stand(bench: CameraBench, folder: Path) -> Iterator[CameraStand]:
    """A new source and camera; both are gone afterwards."""
    records: list[logging.LogRecord] = []
    listener, log = Listener(records), logging.getLogger(LOG_NAME)
    level, goes_on = log.level, log.propagate
    log.addHandler(listener)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    source = bench.source(folder)
    source.fill()
    camera = bench.make(source.path)
    try:
        yield CameraStand(bench, folder, source, camera, records)
    finally:
        camera.close()
        source.cut()
        log.removeHandler(listener)
        log.setLevel(level)
        log.propagate = goes_on
