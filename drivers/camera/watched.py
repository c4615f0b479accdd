"""A camera with a thread of its own: its loss is seen in time, and it comes back by itself.

A library that waits for a picture waits for seconds when a cable hangs, so whoever waits here waits for the thread's newest
picture instead, and for no longer than `Patience.silent_s`. The thread opens the camera again and again until it is back. Rules
(L2):

1. One line in the log when the camera is lost, one when it is back, however often it was tried in between.
2. A wobbling cable costs no passage: `frame` waits for the return for a moment before it raises.
3. A picture is given once and is the newest; one from before a loss is never given.
4. The camera is opened, read and closed by its thread alone. One that hangs is left to it; it is not opened a second time.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from egate.model.errors import DeviceError
from egate.ports import Camera

Frame = NDArray[np.uint8]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds: for a picture, for the first after opening, for a return, between tries, for the end."""

    silent_s: float = 0.4
    """A loss is seen within 500 ms (L2)."""
    first_s: float = 4.0
    """USB cameras take up to two seconds from opening to the first picture."""
    return_s: float = 1.5
    """How long a capture waits for a camera that is lost."""
    retry_s: float = 0.25
    """A camera that is back is opened within a second (L2)."""
    end_s: float = 1.0


PATIENCE = Patience()


class WatchedCamera:
    """Fulfils `egate.ports.Camera` over another camera, which only its thread touches."""

    def __init__(self, source: Camera, name: str, patience: Patience = PATIENCE) -> None:
        self.source = source
        self._name, self._patience = name, patience
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._frame: Frame | None = None
        self._problem = ""
        self._streaming = self._silent = False
        self._running = False

    @property
    def name(self) -> str:
        """The words that name the camera."""
        return self._name

    @property
    def problem(self) -> str:
        """Why the camera gives no pictures at this time; empty when it does."""
        with self._changed:
            return self._problem

    def open(self) -> None:
        """Start the thread and wait for the first picture; raises DeviceError with what is missing."""
        self.start()
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._problem, self._patience.first_s)
            problem = self._problem or ("" if self._frame is not None else "it gives no first picture")
        if problem:
            self.close()
            raise DeviceError(f"open camera {self._name}", problem)

    def start(self) -> None:
        """Start the thread, which goes on trying until `close`; while an earlier one still hangs, the camera is lost."""
        self._stop = threading.Event()
        with self._changed:
            self._frame, self._problem, self._streaming, self._running = None, "", False, True
            self._silent = False
        if self._thread is not None and self._thread.is_alive():
            self._lose(self._stop, "it still hangs in its last call; pull its cable and plug it in again")
            return
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name=f"camera {self._name}", daemon=True)
        self._thread.start()

    @property
    def silent(self) -> bool:
        """Whether the camera is lost because no picture came in time, and not for a reason that it gave at once."""
        with self._changed:
            return self._silent

    @property
    def streaming(self) -> bool:
        """Whether pictures come since it was opened last."""
        with self._changed:
            return self._streaming

    def take(self, *, patient: bool = True) -> Frame | None:
        """The next picture; None while the camera is lost, which is found out here when it falls silent.

        Not `patient` is somebody who has waited for another camera all the while, and does not begin to wait once more.
        """
        with self._changed:
            limit_s = self._patience.silent_s if self._streaming else self._patience.first_s
            self._changed.wait_for(lambda: self._frame is not None or self._problem, limit_s if patient else 0)
            frame, self._frame = self._frame, None
            self._silent = silent = frame is None and not self._problem and (patient or self._streaming)
        if silent:
            self._lose(self._stop, f"it gives no pictures for {self._patience.silent_s * 1000:.0f} ms")
        return frame

    def frame(self) -> Frame:
        """The next picture, H×W×3 BGR; waits a moment for a lost camera, then raises DeviceError."""
        if not self._running:
            raise DeviceError(f"take a frame from camera {self._name}", "the camera is not open")
        frame = self.take()
        if frame is not None:
            return frame
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None, self._patience.return_s)
            frame, self._frame = self._frame, None
            problem = self._problem
        if frame is None:
            raise DeviceError(f"take a frame from camera {self._name}", problem)
        return frame

    def close(self) -> None:
        """Let the thread close the camera; never raises, and waits no longer than the patience says."""
        self._running = False
        self._stop.set()
        if self._thread is not None:
            self._thread.join(self._patience.end_s)
        with self._changed:
            self._frame = None

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.source.open()
                while not stop.is_set():
                    self._gained(stop, cast(Frame, self.source.frame()))
            except DeviceError as error:
                self._lose(stop, error.problem)
            finally:
                self.source.close()
            stop.wait(self._patience.retry_s)

    def _gained(self, stop: threading.Event, frame: Frame) -> None:
        if stop.is_set():
            return
        with self._changed:
            back, self._problem = bool(self._problem), ""
            if back:
                log.warning("camera %s is back", self._name)
            self._frame, self._streaming = frame, True
            self._changed.notify_all()

    def _lose(self, stop: threading.Event, problem: str) -> None:
        if stop.is_set():
            return
        with self._changed:
            first, self._problem = not self._problem, problem
            if first:
                log.warning("camera %s lost: %s", self._name, problem)
            self._frame, self._streaming = None, False
            self._changed.notify_all()
