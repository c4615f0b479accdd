"""Message socket, preview and screens: each against the budget that the project's facts name for it."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from egate.app.clock import perf_counter_s
from egate.ipc.codec import decode_line, encode_line
from egate.ipc.frames import FrameReader, FrameWriter
from egate.ipc.messages import Message, TravellerStep, TravellerView
from tests.bench.row import BenchRow

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QWidget

FRAME_BUDGET_MS = 33.0
"""30 frames a second."""

SCREEN_BUDGET_MS = 50.0
"""State to pixels, p95 limit of the project's facts (FACTS-ui §6)."""

_ROUNDS = 60


def rows() -> list[BenchRow]:
    """Codec, preview, and both screens (drawn offscreen)."""
    return [*_codec_rows(), *_frame_rows(), *_screen_rows()]


def _median_ms(action: Callable[[], object], rounds: int = _ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        begin = perf_counter_s()
        action()
        times.append((perf_counter_s() - begin) * 1000)
    return statistics.median(times)


def _codec_rows() -> list[BenchRow]:
    import json

    from ui.tools.samples import REFERRED

    line = encode_line(REFERRED)
    plain = json.loads(line)
    encode = _median_ms(lambda: encode_line(REFERRED), 300)
    decode = _median_ms(lambda: decode_line(line), 300)
    return [
        BenchRow("lane view to line", encode, "ms", "json.dumps of the same values", _median_ms(lambda: json.dumps(plain), 300)),
        BenchRow(
            "line to lane view, checked", decode, "ms", "json.loads of the same line", _median_ms(lambda: json.loads(line), 300)
        ),
    ]


def _frame_rows() -> list[BenchRow]:
    import numpy as np

    picture = np.zeros((720, 1280, 3), np.uint8)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "frames"
        writer, reader = FrameWriter(path, 720), FrameReader(path)
        written = _median_ms(lambda: writer.write(picture))
        read = _median_ms(reader.read)
        reader.close()
        writer.close()
    return [
        BenchRow("preview frame written", written, "ms", "30 frames a second", FRAME_BUDGET_MS),
        BenchRow("preview frame read", read, "ms", "30 frames a second", FRAME_BUDGET_MS),
    ]


def _screen_rows() -> list[BenchRow]:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PyQt6.QtWidgets import QApplication

    from ui.common.theme import dress

    application = QApplication.instance() or QApplication(["bench"])
    assert isinstance(application, QApplication)
    dress(application)
    against = "state to pixels, p95 limit"
    return [
        BenchRow("kiosk: view to pixels, 1080×1920", _kiosk_ms(), "ms", against, SCREEN_BUDGET_MS),
        BenchRow("console: view to pixels, 1920×1080", _console_ms(), "ms", against, SCREEN_BUDGET_MS),
    ]


def _kiosk_ms() -> float:
    from ui.common.clock import FrameClock
    from ui.kiosk import presenter
    from ui.kiosk.screens import KioskWindow

    state = presenter.welcomed(presenter.KioskState(), 3)
    window = KioskWindow(presenter.present(state), FrameClock())
    window.resize(1080, 1920)
    window.show()
    views: list[Message] = [TravellerView(1, 1, step) for step in TravellerStep]
    index = iter(range(10_000))

    def change() -> None:
        view = views[next(index) % len(views)]
        assert isinstance(view, TravellerView)
        window.show_screen(presenter.present(presenter.viewed(state, view)))
        _paint(window)

    return _median_ms(change)


def _console_ms() -> float:
    from ui.common.i18n import catalogue
    from ui.guard import state as reactions
    from ui.guard.presenter import present
    from ui.guard.screens import ConsoleWindow
    from ui.tools import pictures

    texts = catalogue("guard", "en")
    state = pictures.console_state()
    window = ConsoleWindow(present(state, texts, pictures.NOW_S))
    window.resize(1920, 1080)
    window.show()
    index = iter(range(10_000))

    def change() -> None:
        shown = reactions.selected(state, next(index) % len(state.lanes))
        window.show_screen(present(shown, texts, pictures.NOW_S))
        _paint(window)

    return _median_ms(change)


def _paint(window: QWidget) -> None:
    """Let pending layouts and paints happen now."""
    from PyQt6.QtWidgets import QApplication

    window.repaint()
    QApplication.processEvents()
