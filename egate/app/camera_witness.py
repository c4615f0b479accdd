"""What the kernel says of a worker's cameras: at its start, and again at each capture (injection of video).

Rule: this only reads; `egate.faces.pad.injection` judges. Cameras that are no devices (files, a video) have no facts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drivers.camera.v4l2_node import V4l2Node
from egate.faces.pad.injection import CameraFacts, SourceTrust, judge_source
from egate.model.errors import EgateError

_LIVE = "v4l2:"

Look = Callable[[str], CameraFacts | None]
"""The facts of the device node at a path; None when it does not answer."""

Pair = tuple[CameraFacts | None, CameraFacts | None]


def facts_at(path: str) -> CameraFacts | None:
    """What the device says of itself now."""
    try:
        found = V4l2Node(path).capability()
    except EgateError:
        return None
    return CameraFacts(found.driver, found.card, found.bus)


class CameraWitness:
    """The cameras of one worker as they were when it started. `sources` are the words of the configuration."""

    def __init__(self, sources: Sequence[str], look: Look = facts_at) -> None:
        self._paths = [words.removeprefix(_LIVE).rpartition("@")[0] or words.removeprefix(_LIVE) for words in sources
                       if words.startswith(_LIVE)]  # fmt: skip
        self._look = look
        self._started = [look(path) for path in self._paths]

    def now(self) -> Pair:
        """The facts of the start and of now, of the first camera with which something is wrong, else of the first."""
        pairs: list[Pair] = [(begun, self._look(path)) for path, begun in zip(self._paths, self._started, strict=True)]
        wrong = [pair for pair in pairs if judge_source(*pair) is not SourceTrust.PLAUSIBLE]
        return (*wrong, *pairs, (None, None))[0]
