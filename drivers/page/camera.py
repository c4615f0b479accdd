"""A camera above the glass as a source of page pictures: a frame a few times a second, as a JPEG."""

from __future__ import annotations

import asyncio

import cv2
import numpy as np

from egate.model.errors import DeviceError
from egate.ports import Camera, Clock

INTERVAL_S = 0.3
"""Reading a page takes about half a second; more pictures than that only wait."""
_QUALITY = 92
_DOING = "taking a picture of a page"


class CameraPages:
    """Fulfils `egate.ports.PageReader` for a camera, whose blocking calls run in a thread."""

    def __init__(self, camera: Camera, clock: Clock) -> None:
        self._camera, self._clock = camera, clock
        self._open = False

    async def start(self) -> None:
        """Open the camera; raises DeviceError."""
        await asyncio.to_thread(self._camera.open)
        self._open = True

    async def close(self) -> None:
        """Close the camera."""
        self._open = False
        await asyncio.to_thread(self._camera.close)

    @property
    def online(self) -> bool:
        """Whether the camera gave pictures lately."""
        return self._open

    async def read_page(self) -> bytes:
        """The next picture."""
        await self._clock.sleep(INTERVAL_S)
        try:
            frame = np.asarray(await asyncio.to_thread(self._camera.frame))
        except DeviceError:
            self._open = False
            raise
        taken, encoded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        if not taken:
            raise DeviceError(_DOING, "the frame cannot be encoded")
        return encoded.tobytes()
