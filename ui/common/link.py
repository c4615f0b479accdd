"""A screen's connection to its lane controller: lines over a local socket, without threads and without asyncio.

The link connects by itself, again and again. It says `alive` from the first message until the connection ends or nothing was
heard for two seconds; a controller that hangs is as gone as one that died. A line that is none ends the connection: a screen
shows what it can trust or nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, QTimer, pyqtSignal
from PyQt6.QtNetwork import QLocalSocket

from egate.ipc.codec import MAX_LINE_BYTES, decode_line, encode_line
from egate.ipc.messages import Hello, Message, Role
from egate.model.errors import MalformedData
from ui.common.clock import stopwatch
from ui.common.pulse import Pulse

RETRY_MS = 300
"""Pause between two attempts to connect."""

CHECK_MS = 200
"""How often the pulse is looked at: a stale lane shows at most this much after the limit."""

_log = logging.getLogger(__name__)


class LaneLink(QObject):
    """Emits `received(message)` and `alive_changed(bool)`; `send` gives a wish to the controller."""

    received = pyqtSignal(object)
    alive_changed = pyqtSignal(bool)

    def __init__(
        self, path: Path, role: Role, name: str, *, now_s: Callable[[], float] | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.path = path
        self._hello = Hello(role, name)
        self._now_s = now_s or stopwatch()
        self._pulse = Pulse()
        self._alive = False
        self._buffer = bytearray()
        self._socket = QLocalSocket(self)
        self._socket.connected.connect(self._greet)
        self._socket.readyRead.connect(self._read)
        self._socket.disconnected.connect(self._lose)
        self._socket.errorOccurred.connect(self._lose)
        self._retry = _timer(self, RETRY_MS, self._connect)
        self._check = _timer(self, CHECK_MS, self.check)

    def start(self) -> None:
        """Connect, and keep connecting."""
        self._retry.start()
        self._check.start()
        self._connect()

    def stop(self) -> None:
        """Drop the connection for good."""
        self._retry.stop()
        self._check.stop()
        self._socket.abort()

    @property
    def alive(self) -> bool:
        """Whether the controller was heard lately."""
        return self._alive

    def send(self, message: Message) -> bool:
        """Send a wish; False when the lane is not there to hear it."""
        if not self._alive:
            return False
        line = encode_line(message)
        written = self._socket.write(line) == len(line)
        self._socket.flush()  # what is said last, before a console ends, is said too
        return written

    def check(self) -> None:
        """Look at the pulse; called by a timer, and by tests at a time of their choice."""
        self._tell_alive(self._pulse.alive(self._now_s()))

    def _connect(self) -> None:
        if self._socket.state() is QLocalSocket.LocalSocketState.UnconnectedState:
            self._socket.connectToServer(str(self.path))

    def _greet(self) -> None:
        self._buffer.clear()
        self._socket.write(encode_line(self._hello))

    def _read(self) -> None:
        self._buffer += bytes(self._socket.readAll().data())
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[: end + 1])
            del self._buffer[: end + 1]
            if not self._take(line):
                return
        if len(self._buffer) > MAX_LINE_BYTES:
            self._give_up("the line is too long")

    def _take(self, line: bytes) -> bool:
        try:
            message = decode_line(line)
        except MalformedData as error:
            self._give_up(error.problem)
            return False
        self._pulse = self._pulse.heard(self._now_s())
        self._tell_alive(alive=True)
        self.received.emit(message)
        return True

    def _give_up(self, problem: str) -> None:
        _log.error("the lane controller cannot be understood: %s", problem)
        self._buffer.clear()
        self._socket.abort()
        self._lose()

    def _lose(self) -> None:
        self._pulse = self._pulse.lost()
        self._buffer.clear()
        self._tell_alive(alive=False)

    def _tell_alive(self, alive: bool) -> None:
        if alive != self._alive:
            self._alive = alive
            self.alive_changed.emit(alive)


def _timer(parent: QObject, interval_ms: int, action: Callable[[], None]) -> QTimer:
    timer = QTimer(parent)
    timer.setInterval(interval_ms)
    timer.timeout.connect(action)
    return timer
