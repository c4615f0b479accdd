"""The programs as they are started: what is missing is one line, signals end them, a killed one redraws."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from PyQt6.QtGui import QPixmap
from PyQt6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from egate.ipc.frames import FrameWriter
from egate.ipc.messages import TravellerStep, TravellerView, Welcome
from ui.common import crash, start
from ui.common.screenshots import ScreenshotBook
from ui.guard.app import main as guard_main
from ui.guard.app import read_key
from ui.kiosk.controller import FRAME_STALE_S, KioskController

SERVER = """
import asyncio, sys
from pathlib import Path
from egate.app.clock import SystemClock
from egate.ipc.messages import TravellerStep, TravellerView, Welcome, LaneView
from egate.ipc.server import MessageServer
from ui.tools.samples import REFERRED

async def main() -> None:
    clock = SystemClock()
    server = MessageServer(Path(sys.argv[1]), clock, welcome=Welcome("lane-3", 3, ""))
    await server.start()
    server.publish(TravellerView(1, 1, TravellerStep.GO))
    server.publish(REFERRED)
    await clock.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "officer.pem"
    path.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    return subprocess.run(
        [sys.executable, "-m", *arguments], env={**kept, **environment}, capture_output=True, text=True, check=False, timeout=60
    )


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for another process; the test's own limit ends it otherwise."""
    while not condition():
        select.select([], [], [], 0.02)


def test_a_missing_display_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    ended = run("ui.kiosk", "--socket", str(tmp_path / "s"))
    assert ended.returncode == start.UNAVAILABLE
    assert ended.stderr.count("\n") == 1
    assert "QT_QPA_PLATFORM=offscreen" in ended.stderr


def test_a_display_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    ended = run("ui.kiosk", "--socket", str(tmp_path / "s"), DISPLAY=":97")
    assert ended.returncode == start.UNAVAILABLE
    assert ended.stderr.count("\n") == 1
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("size", ["big", "12x", "540×960", "99999x1"])
def test_a_size_that_is_none_is_one_line(size: str, tmp_path: Path) -> None:
    ended = run("ui.kiosk", "--socket", str(tmp_path / "s"), "--size", size)
    assert ended.returncode == 2
    assert "540x960" in ended.stderr


def test_a_missing_library_names_its_package() -> None:
    text = "libxcb-icccm.so.4: cannot open shared object file: No such file or directory"
    assert start.missing_library(text).endswith("apt-get install libxcb-icccm4")
    assert "apt-file search libodd.so.7" in start.missing_library("libodd.so.7: cannot open")
    assert "pip install PyQt6" in start.missing_library("No module named 'PyQt6'")


def test_a_key_that_cannot_be_used_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")
    for path in (broken, tmp_path / "absent.pem"):
        assert guard_main(["--socket", "s", "--officer", "7731", "--key", str(path)]) == start.UNAVAILABLE
        assert capsys.readouterr().err.count("\n") == 1


def test_more_lanes_than_an_officer_can_watch_are_refused(key_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sockets = [part for index in range(11) for part in ("--socket", str(index))]
    assert guard_main([*sockets, "--officer", "7731", "--key", str(key_file)]) == start.UNAVAILABLE
    assert "at most 10" in capsys.readouterr().err


def test_the_officers_key_is_read(key_file: Path) -> None:
    assert read_key(key_file).public_key() is not None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_both_screens_draw_the_snapshot_and_end_on_a_signal(tmp_path: Path, key_file: Path, number: signal.Signals) -> None:
    """A lane that runs, two screens that come late; after a kill a new kiosk draws the same again."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    path, pictures = tmp_path / "s", tmp_path / "pictures"
    kiosk = [sys.executable, "-m", "ui.kiosk", "--socket", str(path), "--save-screens", str(pictures), "--size", "540x960"]
    guard = [sys.executable, "-m", "ui.guard", "--socket", str(path), "--officer", "7731", "--key", str(key_file)]
    guard += ["--save-screens", str(pictures)]
    with subprocess.Popen([sys.executable, "-c", SERVER, str(path)], env=environment) as lane:
        screens = [subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) for command in (kiosk, guard)]
        wait_for(lambda: bool(list(pictures.glob("*-kiosk-go.png"))) and bool(list(pictures.glob("*-guard-gate3-*.png"))))
        screens[0].kill()
        screens[0].wait()
        screens[0] = subprocess.Popen(kiosk, env=environment, stderr=subprocess.DEVNULL)
        wait_for(lambda: len(list(pictures.glob("*-kiosk-go.png"))) == 2)
        lane.kill()
        lane.wait()
        wait_for(lambda: bool(list(pictures.glob("*-kiosk-closed.png"))) and bool(list(pictures.glob("*-guard-lost.png"))))
        for screen in screens:
            screen.send_signal(number)
        assert [screen.wait(timeout=30) for screen in screens] == [0, 0]
    assert not list(pictures.glob("*.part"))


def test_pictures_are_numbered_and_an_overtaken_moment_is_not_lost(tmp_path: Path, qtbot: QtBot, dressed: QApplication) -> None:
    window = QLabel("moment")
    qtbot.addWidget(window)
    (tmp_path / "007-kiosk-go.png").touch()
    book = ScreenshotBook(tmp_path, window, "kiosk")
    book.note("walk_in")
    book.save_pending()
    book.note("Go/../x")
    qtbot.waitUntil((tmp_path / "009-kiosk-gox.png").exists)
    book.save_pending()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["007-kiosk-go.png", "008-kiosk-walk_in.png", "009-kiosk-gox.png"]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777], ids=oct)
def test_pictures_and_their_folder_are_private(tmp_path: Path, qtbot: QtBot, dressed: QApplication, mask: int) -> None:
    window = QLabel("moment")
    qtbot.addWidget(window)
    folder = tmp_path / "pictures"
    before = os.umask(mask)
    try:
        book = ScreenshotBook(folder, window, "kiosk")
        book.note("go")
        book.save_pending()
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {"001-kiosk-go.png": 0o600}
    assert not QPixmap(str(folder / "001-kiosk-go.png")).isNull()


def test_a_folder_that_was_there_is_left_as_it_is(
    tmp_path: Path, qtbot: QtBot, dressed: QApplication, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be the operator's own, or a shared one; the pictures in it are private all the same, and the log says it."""
    window = QLabel("moment")
    qtbot.addWidget(window)
    tmp_path.chmod(0o755)
    (tmp_path / "001-kiosk-go.part").write_text("left over")
    book = ScreenshotBook(tmp_path, window, "kiosk")
    book.note("go")
    book.save_pending()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600]
    assert "others may enter" in caplog.text


def test_a_picture_that_cannot_be_saved_does_not_end_the_screen(
    tmp_path: Path, qtbot: QtBot, dressed: QApplication, caplog: pytest.LogCaptureFixture
) -> None:
    window = QLabel("moment")
    qtbot.addWidget(window)
    book = ScreenshotBook(tmp_path / "pictures", window, "kiosk")
    (tmp_path / "pictures").rmdir()
    book.note("go")
    book.save_pending()
    assert "could not be saved" in caplog.text


def test_a_crash_ends_the_screen_and_logs_no_value() -> None:
    program = "from ui.common import crash; crash.install(); raise ValueError('ERIKSSON')"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == crash.CRASH_CODE
    assert "ValueError" in ended.stderr
    assert "ERIKSSON" not in ended.stderr


def test_the_preview_shows_the_newest_frame_and_drops_it_in_time(tmp_path: Path, qtbot: QtBot, dressed: QApplication) -> None:
    now = [0.0]
    kiosk = KioskController(tmp_path / "s", "en", now_s=lambda: now[0])
    qtbot.addWidget(kiosk.window)
    writer = FrameWriter(tmp_path / "frames", 120)
    kiosk._receive(Welcome("lane-3", 3, str(tmp_path / "frames")))
    kiosk._receive(TravellerView(1, 1, TravellerStep.LOOK_AT_CAMERA))
    seen = []
    for picture, moment in ((None, 0.0), (50, 0.1), (None, 0.1 + FRAME_STALE_S - 0.01), (None, 0.1 + FRAME_STALE_S)):
        now[0] = moment
        if picture is not None:
            writer.write(np.full((120, 160, 3), picture, np.uint8))
        kiosk.clock.ticked.emit(moment)
        seen.append(kiosk.window.preview.empty)
    assert seen == [True, False, False, True]
    writer.close()
    kiosk.stop()


def test_no_screen_module_starts_work_at_import() -> None:
    """Parsing arguments and finding what is missing needs no Qt."""
    program = "import sys, ui.kiosk.app, ui.guard.app; sys.exit('PyQt6' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
