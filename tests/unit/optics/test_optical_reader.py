"""The optical reader with its real child process: pages from a folder and from a camera, and pictures that hurt the child."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.page.camera import CameraPages
from drivers.page.folder import FolderPages
from egate.app.clock import SystemClock
from egate.app.optical_reader import OpticalMrzReader, PageWorker
from egate.model.errors import DeviceError
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.files.mrz_encoding import MrzFields, encode_td3
from tests.unit.optics.pages import as_file, draw_page

LINES = encode_td3(MrzFields("UTO", "L898902C3", "ERIKSSON", "ANNA MARIA", "UTO", "740812", "F", "330415"))
OTHER = encode_td3(MrzFields("UTO", "X12345678", "MUSTER", "KAI", "UTO", "900101", "M", "330415"))
BLANK = np.full((500, 800), 235, dtype=np.uint8)


async def _next(reader: OpticalMrzReader) -> str:
    """The document number that is read next, empty for a page without a zone."""
    async with asyncio.timeout(60):
        lines = await reader.read_lines()
    return parse_mrz(lines).document_number if lines else ""


def test_pages_from_a_folder(tmp_path: Path) -> None:
    """Each file is one document; it is gone once it was read, and what lay there before was never read."""

    async def story() -> None:
        (tmp_path / "yesterday.png").write_bytes(as_file(draw_page(OTHER)))
        reader = OpticalMrzReader(FolderPages(tmp_path, SystemClock()), PageWorker(), SystemClock(), continuous=False)
        await reader.start()
        try:
            assert reader.online
            assert list(tmp_path.iterdir()) == []
            (tmp_path / "page.png").write_bytes(as_file(draw_page(LINES)))
            assert await _next(reader) == "L898902C3"
            assert list(tmp_path.iterdir()) == []
            (tmp_path / "broken.jpg").write_bytes(b"no picture at all")
            assert await _next(reader) == ""
            (tmp_path / "blank.png").write_bytes(as_file(BLANK))
            assert await _next(reader) == ""
        finally:
            await reader.close()

    asyncio.run(story())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no folder"):
        asyncio.run(FolderPages(tmp_path / "missing", SystemClock()).start())


class HeldPages:
    """A camera above the glass that shows these pages, a frame each."""

    def __init__(self, frames: Iterable[NDArray[np.uint8]]) -> None:
        self._frames = iter(frames)

    def open(self) -> None:
        """Nothing to open."""

    def frame(self) -> object:
        """The next frame in colour."""
        try:
            gray = next(self._frames)
        except StopIteration:
            raise DeviceError("showing frames", "there are no more") from None
        return np.repeat(gray[:, :, None], 3, axis=2)

    def close(self) -> None:
        """Nothing to close."""


def test_a_camera_gives_each_document_once() -> None:
    """The same page in many frames is one document; it counts again only after it was taken away."""
    page, other = draw_page(LINES), draw_page(OTHER)
    wrong = draw_page((LINES[0], LINES[1][:9] + "1" + LINES[1][10:]))

    async def story() -> list[str]:
        frames = [BLANK, wrong, page, page, other, BLANK, BLANK, BLANK, other]
        reader = OpticalMrzReader(
            CameraPages(HeldPages(frames), SystemClock(speed=50)), PageWorker(), SystemClock(), continuous=True
        )
        await reader.start()
        try:
            return [await _next(reader) for _ in range(3)]
        finally:
            await reader.close()

    assert asyncio.run(story()) == ["L898902C3", "X12345678", "X12345678"]


def test_a_child_that_dies_or_hangs_costs_one_picture() -> None:
    picture = as_file(draw_page(LINES))

    async def story() -> None:
        worker = PageWorker()
        try:
            await worker.start()
            child = worker._child
            assert child is not None
            os.kill(child.pid, signal.SIGKILL)
            await child.wait()
            assert (await worker.read(picture)).lines
            child = worker._child
            assert child is not None
            os.kill(child.pid, signal.SIGSTOP)
            worker._limit_s = 0.5
            assert (await worker.read(picture)).lines == ()
            worker._limit_s = 30.0
            assert (await worker.read(picture)).lines
        finally:
            await worker.close()

    asyncio.run(story())
