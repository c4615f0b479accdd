"""A screen that fails ends at once and says why in the log; its supervisor starts it again and it redraws from the snapshot.

An exception in a Qt slot would abort the process without a word, so it is caught here. Only the place and the type are
logged: the text of a foreign exception may hold what a document said.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import traceback
from types import TracebackType

CRASH_CODE = 70
"""Exit code of a screen that failed (EX_SOFTWARE of sysexits.h)."""

_log = logging.getLogger(__name__)


def install() -> None:
    """End the process when an exception reaches nobody, and print a native stack when Qt itself fails."""
    faulthandler.enable()
    sys.excepthook = end_after


def end_after(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log where it happened, never the values, and end."""
    del error
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(trace)]
    _log.critical("the screen failed: %s at %s", kind.__name__, " < ".join(reversed(places)) or "unknown place")
    logging.shutdown()
    os._exit(CRASH_CODE)
