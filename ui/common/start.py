"""What every screen program does before its first window: arguments, a word about what is missing, signals. No Qt at import.

A machine without a display or without one of Qt's libraries gets one line that says what to do, never a traceback.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import logging
import os
import re
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from ui.common.i18n import FALLBACK, LANGUAGES

UNAVAILABLE = 69
"""Exit code when the machine lacks something (EX_UNAVAILABLE of sysexits.h)."""

SIGNAL_POLL_MS = 100
"""How often Python gets a turn to notice SIGTERM and SIGINT while Qt sleeps."""

PACKAGES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libX11-xcb.so.1": "libx11-xcb1",
}
"""Debian 12's package for each library that Qt loads."""

CONNECTION_ATTEMPTS = 8
CONNECTION_PAUSE_S = 0.2
"""How often a display is asked to let us in, and seconds in between."""

UNSEEN_PLATFORMS = ("offscreen", "minimal")
"""Qt platforms that draw for nobody."""

_OFFSCREEN = ("offscreen", "minimal", "vnc", "linuxfb", "eglfs", "vkkhrdisplay")
"""Qt platforms that need no display server."""

_NO_DISPLAY = (
    "no display: start this in a graphical session (DISPLAY or WAYLAND_DISPLAY is set there), "
    "or draw without one: QT_QPA_PLATFORM=offscreen with --save-screens DIR"
)


def common_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that every screen has."""
    parser.add_argument("--fullscreen", action="store_true", help="cover the whole display")
    parser.add_argument("--size", metavar="WxH", type=parse_size, help="size of the window in pixels")
    parser.add_argument("--save-screens", metavar="DIR", type=Path, help="save a picture at every change of the screen")
    codes = [language.code for language in LANGUAGES]
    parser.add_argument("--language", default=FALLBACK, choices=codes, help=f"language at the start (default: {FALLBACK})")


def parse_size(text: str) -> tuple[int, int]:
    """`540x960` as a pair of pixels; raises ArgumentTypeError with what would be right."""
    found = re.fullmatch(r"(\d{3,4})x(\d{3,4})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write for example 540x960")
    return int(found[1]), int(found[2])


def require_screen(program: str) -> None:
    """Return when Qt can show a window; otherwise say in one line what is missing and end the program."""
    problem = find_problem()
    if problem is not None:
        sys.stderr.write(f"{program}: {problem}\n")
        raise SystemExit(UNAVAILABLE)


def find_problem() -> str | None:
    """What keeps Qt from showing a window on this machine, with the way out; None when nothing does."""
    return _library_problem() or _display_problem()


def quit_on_signals(quit_program: Callable[[], None]) -> None:
    """End at once and cleanly on SIGTERM and SIGINT; the caller keeps Python awake with a timer of `SIGNAL_POLL_MS`."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: quit_program())


def log_to_stderr() -> None:
    """One line a message; the supervisor keeps them."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)


def missing_library(text: str) -> str:
    """The sentence for a loader's complaint such as `libGL.so.1: cannot open shared object file`."""
    found = re.search(r"(lib[\w.+-]+\.so(?:\.\d+)*)", text)
    if found is None:
        return "PyQt6 cannot be loaded; install it with: pip install PyQt6"
    package = PACKAGES.get(found[1])
    way = f"apt-get install {package}" if package else f"look for its package with: apt-file search {found[1]}"
    return f"the system library {found[1]} is missing; {way}"


def _library_problem() -> str | None:
    try:
        import PyQt6.QtNetwork  # noqa: PLC0415 - the question is whether it can be loaded
        import PyQt6.QtWidgets  # noqa: F401, PLC0415 - as above
    except ImportError as error:
        return missing_library(str(error))
    return None


def _display_problem() -> str | None:
    platform = os.environ.get("QT_QPA_PLATFORM", "").split(":")[0]
    if platform in _OFFSCREEN:
        return None
    if os.environ.get("WAYLAND_DISPLAY") and platform != "xcb":
        os.environ.setdefault("QT_QPA_PLATFORM", "wayland;xcb" if os.environ.get("DISPLAY") else "wayland")
        return None
    if not os.environ.get("DISPLAY"):
        return _NO_DISPLAY
    return _plugin_problem() or _connection_problem()


def _plugin_problem() -> str | None:
    """Whether Qt's X11 plugin finds its libraries. Qt itself names the wrong one, so the loader is asked directly."""
    specification = importlib.util.find_spec("PyQt6")
    if specification is None or specification.origin is None:
        return None
    plugin = Path(specification.origin).parent / "Qt6" / "plugins" / "platforms" / "libqxcb.so"
    if not plugin.exists():
        return None
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        return missing_library(str(error))
    return None


def _connection_problem() -> str | None:
    """Whether the X server lets us in; Qt would abort without a word.

    A server without other clients resets when its last one leaves, and refuses newcomers meanwhile. So the question is asked
    again for a moment, and the connection that was let in is kept until the program ends.
    """
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return None
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    for _ in range(CONNECTION_ATTEMPTS):
        connection = xcb.xcb_connect(None, None)
        if not xcb.xcb_connection_has_error(connection):
            return None
        xcb.xcb_disconnect(connection)
        select.select((), (), (), CONNECTION_PAUSE_S)
    return f"the display {os.environ['DISPLAY']} does not answer; check DISPLAY, or: {_NO_DISPLAY.split(', or ')[1]}"
