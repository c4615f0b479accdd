"""Time on the screens: one frame clock for every animation, and the wall clock for the expiry of a wish.

The frame clock ticks 30 times a second only while somebody could see it. Animations are functions of its phase in seconds, so
a test or a picture for the docs sets the phase and gets the same pixels every time.
"""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QDateTime, QElapsedTimer, QObject, QTimer, pyqtSignal

FRAME_MS = 33
"""30 pictures a second: smooth for pictograms, cheap without a graphics card."""

UNSEEN_FRAME_MS = 200
"""Five pictures a second where there is no display: enough for saved pictures, and the machine is free for the gate."""

_NS_PER_MS = 1_000_000


class FrameClock(QObject):
    """Emits `ticked(phase_s)` while running. `hold(phase_s)` stops it at a phase for pictures and tests."""

    ticked = pyqtSignal(float)

    def __init__(self, parent: QObject | None = None, *, interval_ms: int = FRAME_MS) -> None:
        super().__init__(parent)
        self._elapsed = QElapsedTimer()
        self._elapsed.start()
        self._held: float | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(interval_ms)
        self._timer.timeout.connect(self._tick)

    def run(self) -> None:
        """Start ticking (a window became visible)."""
        if self._held is None:
            self._timer.start()

    def rest(self) -> None:
        """Stop ticking (the window was hidden)."""
        self._timer.stop()

    def hold(self, phase_s: float) -> None:
        """Stop at a phase and announce it once."""
        self._held = phase_s
        self._timer.stop()
        self.ticked.emit(phase_s)

    @property
    def running(self) -> bool:
        """Whether the clock ticks."""
        return self._timer.isActive()

    @property
    def phase_s(self) -> float:
        """Seconds since the clock was made, or the phase at which it is held."""
        return self._elapsed.elapsed() / 1000 if self._held is None else self._held

    def _tick(self) -> None:
        self.ticked.emit(self.phase_s)


def stopwatch() -> Callable[[], float]:
    """A function that gives the seconds since now, on Qt's monotonic clock."""
    elapsed = QElapsedTimer()
    elapsed.start()
    return lambda: elapsed.nsecsElapsed() / 1e9


def wall_ns() -> int:
    """Nanoseconds since 1970-01-01 UTC, to the millisecond: enough for a wish that lives seconds."""
    return QDateTime.currentMSecsSinceEpoch() * _NS_PER_MS
