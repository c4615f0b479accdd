"""A camera above the glass as a source of page pictures: a frame a few times a second, as a JPEG.

A camera that gives no frames any more is told once in the log; each later picture begins with opening it again, and so it is back
by itself (L2).
"""

from __future__ import annotations

import asyncio
import logging

import cv2
import numpy as np

from drivers.counters import DeviceCounters
from egate.model.errors import DeviceError
from egate.ports import Camera, Clock

INTERVAL_S = 0.3
"""Reading a page takes about half a second; more pictures than that only wait."""
_QUALITY = 92
_DOING = "taking a picture of a page"
_LOG = logging.getLogger("egate.drivers.page")


class CameraPages:
    """Fulfils `egate.ports.PageReader` for a camera, whose blocking calls run in a thread."""

    def __init__(self, camera: Camera, clock: Clock) -> None:
        self.counters = DeviceCounters()
        self._camera, self._clock = camera, clock
        self._started = False
        self._open = False
        self._lost = False
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Open the camera; raises DeviceError. Started twice is started."""
        if not self._started:
            async with self._turn:
                await asyncio.to_thread(self._camera.open)
            self._started = self._open = True
            self._lost = False

    async def close(self) -> None:
        """Close the camera; never raises."""
        self._started = self._open = False
        async with self._turn:
            await asyncio.to_thread(self._camera.close)

    @property
    def online(self) -> bool:
        """Whether the camera gave pictures lately."""
        return self._open

    async def read_page(self) -> bytes:
        """The next picture; raises DeviceError when the camera gives none. Ask again: it is opened again then."""
        await self._clock.sleep(INTERVAL_S)
        asked_at = self._clock.monotonic()
        async with self._turn:  # a call that was cancelled is left to its thread, and the next one waits for it
            picture = await asyncio.shield(asyncio.to_thread(self._picture))
        self.counters.answered(self._clock.monotonic() - asked_at)
        return picture

    def _picture(self) -> bytes:
        """A frame as a JPEG, from a camera that is opened again if it was lost."""
        if not self._started:
            raise DeviceError(_DOING, "the camera is not started")
        try:
            if not self._open:
                self._camera.close()
                self._camera.open()
            frame = np.asarray(self._camera.frame())
        except DeviceError as error:
            self._open = False
            self.counters.unanswered += 1
            if not self._lost:
                _LOG.warning("the camera above the glass is lost (%s)", error.problem)
            self._lost = True
            raise
        if self._lost:
            _LOG.info("the camera above the glass is back")
        self._open, self._lost = self._started, False
        taken, encoded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        if not taken:
            raise DeviceError(_DOING, "the frame cannot be encoded")
        return encoded.tobytes()
