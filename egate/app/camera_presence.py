"""Whether a lane's live cameras are plugged in, seen without opening them: by their stable names, four times a second (L2, L4).

Between passages no camera runs, so nothing else would notice a pulled cable before the next traveller stands inside. Rule: a lane
is told when its last camera goes and when one is back; of several, each is one line in the log when it goes, one when it is back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from egate.app.camera_config import CameraConfig, path_and_rate
from egate.model.errors import DeviceError
from egate.ports import Clock

LOOK_EVERY_S = 0.25
"""A loss is seen within 500 ms, a return within a second (L2)."""

log = logging.getLogger(__name__)

Changed = Callable[[DeviceError | None], None]
"""Told the reason when no camera is left, and None when one is there again."""


def live_paths(sources: Sequence[str]) -> tuple[Path, ...]:
    """The device names among the words of [camera]; folders of images are no devices."""
    live = (words.removeprefix("v4l2:") for words in sources if words.startswith("v4l2:"))
    return tuple(Path(path_and_rate(rest)[0]) for rest in live)


class CameraPresence:
    """Which cameras are there now. A lane that has other sources beside its cameras never loses its last one."""

    def __init__(self, config: CameraConfig, exists: Callable[[Path], bool] = Path.exists) -> None:
        self._paths = live_paths(config.sources)
        self._others = len(config.sources) > len(self._paths)
        self._exists = exists
        self._missing: frozenset[Path] = frozenset()

    @property
    def watches(self) -> bool:
        """Whether there is a camera that can be unplugged."""
        return bool(self._paths)

    def look(self) -> bool:
        """Look once; whether the lane went from some camera to none, or back."""
        before, self._missing = self._missing, frozenset(path for path in self._paths if not self._exists(path))
        if len(self._paths) > 1:
            for path in sorted(self._missing - before):
                log.warning("camera %s lost: it is unplugged", path)
            for path in sorted(before - self._missing):
                log.warning("camera %s is back", path)
        return self._none_of(before) != self._none_of(self._missing)

    @property
    def problem(self) -> DeviceError | None:
        """Why no camera is there; None while there is one, or when the lane has no live camera at all."""
        if not self._none_of(self._missing):
            return None
        names = ", ".join(map(str, self._paths))
        return DeviceError("look for the camera", f"{names}: unplugged; check the cable")

    async def watch(self, clock: Clock, changed: Changed) -> None:
        """Look until cancelled, and tell each change."""
        while True:
            if self.look():
                changed(self.problem)
            await clock.sleep(LOOK_EVERY_S)

    def _none_of(self, missing: frozenset[Path]) -> bool:
        return bool(self._paths) and not self._others and len(missing) == len(self._paths)
